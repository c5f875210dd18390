#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <new>

#include "runtime/core/context.h"
#include "runtime/core/enum_value.h"
#include "runtime/cpu_features.h"
#include "runtime/plan.h"

namespace halconv {

namespace {

constexpr int32_t kMaxThreads = 1024;

halconv_status check_set(const halconv_kernel_set &set) {
    bool readable = set.version == HALCONV_TABLE_VERSION && set.count >= 0 && (set.count == 0 || set.kernels);
    return readable ? HALCONV_OK : HALCONV_INVALID_SET;
}

halconv_status check_options(const halconv_options &options) {
    int32_t numerics = enum_value(options.numerics);
    bool legal = options.threads >= 0 && options.threads <= kMaxThreads && numerics >= HALCONV_DEFAULT &&
                 numerics <= HALCONV_FAST;
    return legal ? HALCONV_OK : HALCONV_INVALID_OPTIONS;
}

// v -> min(max(v < 0 ? slope * v : v, low), high). relu keeps slope 1, because 0 * -inf would be NaN and 0 * v be -0.
void set_activation(const halconv_problem &problem, KernelScalars &scalars) {
    scalars.activation = problem.activation;
    scalars.slope = 1;
    scalars.low = -HUGE_VALF;
    scalars.high = HUGE_VALF;
    if (problem.activation == HALCONV_RELU) {
        scalars.low = 0;
    } else if (problem.activation == HALCONV_CLAMP) {
        scalars.low = problem.alpha;
        scalars.high = problem.beta;
    } else if (problem.activation == HALCONV_LEAKY_RELU) {
        scalars.slope = problem.alpha;
    }
}

KernelScalars kernel_scalars(const halconv_problem &problem, const Problem3 &p) {
    KernelScalars scalars{};
    for (int a = 0; a < 3; ++a) {
        PhaseAxis<int64_t> phases = phase_axis(p.axis[2 - a]);
        const int64_t values[kAxisScalars] = {phases.axis.kernel,     phases.axis.stride, phases.axis.dilation,
                                              phases.axis.pad_before, phases.gcd,         phases.inverse};
        std::transform(values, values + kAxisScalars, scalars.axis[a],
                       [](int64_t value) { return static_cast<int32_t>(value); });
    }
    set_activation(problem, scalars);
    scalars.has_residual = problem.residual != 0;
    return scalars;
}

// Binds the plan to its best candidate, whose verdict says that all of this is possible.
void bind_kernel(halconv_plan &plan) {
    plan.row = &plan.set->kernels[plan.candidate[0].row];
    auto form = static_cast<halconv_form>(plan.row->form);
    packed_shape(*plan.row, plan.shape, plan.packed);
    plan.scalars = kernel_scalars(plan.problem, plan.shape);
    plan.input = input_tensor(form, plan.problem.in_layout, plan.shape);
    plan.weights = packed_weights_tensor(plan.packed);
    plan.bias = packed_bias_tensor(plan.packed);
    OutputBoxes boxes = output_boxes(*plan.row, plan.shape);
    plan.boxes = boxes.count;
    for (int i = 0; i < boxes.count; ++i) {
        int64_t first = first_element(plan.problem.out_layout, plan.shape, boxes.box[i]);
        plan.box[i] = {output_tensor(form, plan.problem, plan.shape, boxes.box[i]),
                       first * static_cast<int64_t>(sizeof(float))};
    }
}

// Asks the kernel for the scratch memory of one box: bytes[0] of the calling thread, bytes[1] of each worker. Hosts are
// not null, which Halide would take for a question about bounds, and are not read.
int ask_scratch(const halconv_plan &plan, const BoxCall &box, int64_t bytes[2]) {
    alignas(kAlignment) static const float unread[kAlignment / sizeof(float)] = {};
    Tensor input = plan.input.at(unread), weights = plan.weights.at(unread), bias = plan.bias.at(unread),
           output = box.output.at(unread), result{};
    input.buffer.dim = input.dim;
    weights.buffer.dim = weights.dim;
    bias.buffer.dim = bias.dim;
    output.buffer.dim = output.dim;
    result.buffer.type = {kSigned, 64, 1};
    add_dimension(result, 0, 2, 1);
    result.buffer.dim = result.dim;
    result.buffer.host = reinterpret_cast<uint8_t *>(bytes);

    halconv_rt_context context{Arena(nullptr, 0), nullptr};
    void *user_context = &context;
    void *argv[kArguments];
    argv[kUserContext] = &user_context;
    argv[kInput] = &input.buffer;
    argv[kWeights] = &weights.buffer;
    argv[kBias] = &bias.buffer;
    argv[kResidual] = argv[kOutput] = &output.buffer;
    set_scalars(plan.scalars, argv);
    argv[kScratchBytes] = &result.buffer;
    return plan.row->scratch(argv);
}

uint64_t with_slack(int64_t bytes) { return bytes == 0 ? 0 : align_up(static_cast<uint64_t>(bytes) + kArenaSlack); }

halconv_status size_workspace(halconv_plan &plan) {
    constexpr int64_t kMaxBytes = INT64_MAX / (2 * (kMaxThreads + 1));
    int64_t most[2] = {0, 0};
    for (int i = 0; i < plan.boxes; ++i) {
        int64_t bytes[2] = {0, 0};
        if (ask_scratch(plan, plan.box[i], bytes) != 0 || bytes[0] < 0 || bytes[1] < 0) {
            return HALCONV_KERNEL_FAILED;
        }
        most[0] = std::max(most[0], bytes[0]);
        most[1] = std::max(most[1], bytes[1]);
    }
    if (most[0] > kMaxBytes || most[1] > kMaxBytes) {
        return HALCONV_TOO_LARGE;
    }
    plan.arena_bytes = with_slack(most[0]);
    plan.slice_bytes = with_slack(most[1]);
    return HALCONV_OK;
}

// The status where no kernel is accepted.
halconv_status refusal(const halconv_plan &plan) {
    for (int32_t i = 0; i < plan.candidates; ++i) {
        if (plan.candidate[i].verdict == Verdict::kTooLarge) {
            return HALCONV_TOO_LARGE;
        }
    }
    return HALCONV_NO_KERNEL;
}

halconv_status fill_plan(halconv_plan &plan, const halconv_options &options) {
    Query query{&plan.problem, plan.shape, plan.key, options.kernel, options.numerics, cpu_features()};
    plan.accepted = select_kernels(*plan.set, query, plan.candidate);
    if (plan.accepted == 0) {
        return refusal(plan);
    }
    bind_kernel(plan);
    if (halconv_status status = size_workspace(plan)) {
        return status;
    }
    plan.threads = std::max(options.threads, 1);
    plan.parallel_for = options.parallel_for;
    plan.caller_pool = options.pool;
    if (plan.threads > 1 && !plan.parallel_for) {
        plan.pool = Pool::create(plan.threads);
        return plan.pool ? HALCONV_OK : HALCONV_OUT_OF_MEMORY;
    }
    return HALCONV_OK;
}

// A plan with room for `candidates` of them behind it, all zero; null if memory is short.
halconv_plan *allocate_plan(int32_t candidates) {
    static_assert(sizeof(halconv_plan) % alignof(Candidate) == 0);
    void *memory = std::malloc(sizeof(halconv_plan) + static_cast<size_t>(candidates) * sizeof(Candidate));
    if (!memory) {
        return nullptr;
    }
    auto *plan = new (memory) halconv_plan{};
    plan->candidates = candidates;
    plan->candidate = reinterpret_cast<Candidate *>(plan + 1);
    return plan;
}

}  // namespace

void set_scalars(const KernelScalars &scalars, void **argv) {
    auto point = [&](int place, const void *value) { argv[place] = const_cast<void *>(value); };
    for (int i = 0; i < 3 * kAxisScalars; ++i) {
        point(kFirstAxisScalar + i, &scalars.axis[i / kAxisScalars][i % kAxisScalars]);
    }
    point(kActivation, &scalars.activation);
    point(kHasResidual, &scalars.has_residual);
    point(kSlope, &scalars.slope);
    point(kLow, &scalars.low);
    point(kHigh, &scalars.high);
}

}  // namespace halconv

using namespace halconv;

halconv_status halconv_plan_create(const halconv_kernel_set *set, const halconv_problem *problem,
                                   const halconv_options *options, halconv_plan **plan) {
    if (!plan) {
        return HALCONV_NULL_ARGUMENT;
    }
    *plan = nullptr;
    if (!set || !problem) {
        return HALCONV_NULL_ARGUMENT;
    }
    halconv_options chosen = options ? *options : halconv_options{};
    int64_t out[3];
    for (halconv_status status : {check_set(*set), check_options(chosen), check_problem(*problem, out)}) {
        if (status) {
            return status;
        }
    }
    halconv_plan *made = allocate_plan(set->count);
    if (!made) {
        return HALCONV_OUT_OF_MEMORY;
    }
    made->set = set;
    made->problem = *problem;
    std::copy_n(out, 3, made->out);
    made->shape = normalise(*problem, out);
    made->key = problem_key(made->shape, *problem);
    if (halconv_status status = fill_plan(*made, chosen)) {
        halconv_plan_destroy(made);
        return status;
    }
    *plan = made;
    return HALCONV_OK;
}

void halconv_plan_destroy(halconv_plan *plan) {
    if (plan) {
        Pool::destroy(plan->pool);
        std::free(plan);
    }
}
