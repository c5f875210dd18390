#include <algorithm>

#include "runtime/core/context.h"
#include "runtime/core/enum_value.h"
#include "runtime/plan.h"

using namespace halconv;

namespace {

bool aligned(const void *pointer, uintptr_t to) { return reinterpret_cast<uintptr_t>(pointer) % to == 0; }

bool workspace_needed(const halconv_plan &plan) { return plan.arena_bytes != 0 || plan.slice_bytes != 0; }

struct RunArguments {
    const void *input, *packed, *residual;
    void *output, *workspace;
};

halconv_status check_arguments(const halconv_plan &plan, const RunArguments &run) {
    bool residual = plan.problem.residual != 0, workspace = workspace_needed(plan);
    if (!run.input || !run.packed || !run.output || (residual && !run.residual) || (workspace && !run.workspace)) {
        return HALCONV_NULL_ARGUMENT;
    }
    bool fits = aligned(run.input, alignof(float)) && aligned(run.output, alignof(float)) &&
                (!residual || aligned(run.residual, alignof(float))) && aligned(run.packed, kAlignment) &&
                (!workspace || aligned(run.workspace, kAlignment));
    return fits ? HALCONV_OK : HALCONV_MISALIGNED;
}

}  // namespace

halconv_status halconv_plan_pack(const halconv_plan *plan, const void *weights, halconv_weights_layout layout,
                                 int32_t flip, const float *bias, void *packed) {
    if (!plan || !weights || !packed) {
        return HALCONV_NULL_ARGUMENT;
    }
    int32_t order = enum_value(layout);
    if (order < HALCONV_WEIGHTS_OIHW || order > HALCONV_WEIGHTS_HWOI) {
        return HALCONV_INVALID_OPTIONS;
    }
    if (!aligned(weights, alignof(float)) || !aligned(bias, alignof(float)) || !aligned(packed, kAlignment)) {
        return HALCONV_MISALIGNED;
    }
    pack(*plan->row, plan->shape, plan->packed, {static_cast<const float *>(weights), layout, flip != 0, bias}, packed);
    return HALCONV_OK;
}

halconv_status halconv_plan_run(const halconv_plan *plan, const void *input, const void *packed, const void *residual,
                                void *output, void *workspace) {
    if (!plan) {
        return HALCONV_NULL_ARGUMENT;
    }
    if (halconv_status status = check_arguments(*plan, {input, packed, residual, output, workspace})) {
        return status;
    }
    // Kernels get copies, because Halide marks an output's buffer as written and many threads may run the plan.
    Tensor in = plan->input.at(input), weights = plan->weights.at(packed),
           bias = plan->bias.at(static_cast<const uint8_t *>(packed) + plan->packed.bias_offset);
    in.buffer.dim = in.dim;
    weights.buffer.dim = weights.dim;
    bias.buffer.dim = bias.dim;

    auto *arena = static_cast<uint8_t *>(workspace);
    Workers workers{plan->threads,
                    plan->pool,
                    plan->parallel_for,
                    plan->caller_pool,
                    arena ? arena + plan->arena_bytes : nullptr,
                    plan->slice_bytes};
    for (int i = 0; i < plan->boxes; ++i) {
        const BoxCall &box = plan->box[i];
        Tensor out = box.output.at(static_cast<uint8_t *>(output) + box.first_byte), added;
        out.buffer.dim = out.dim;
        halconv_rt_context context{Arena(arena, plan->arena_bytes), &workers};
        void *user_context = &context;
        void *argv[kArguments];
        argv[kUserContext] = &user_context;
        argv[kInput] = &in.buffer;
        argv[kWeights] = &weights.buffer;
        argv[kBias] = &bias.buffer;
        argv[kResidual] = argv[kOutput] = &out.buffer;
        if (plan->problem.residual) {
            added = box.output.at(static_cast<const uint8_t *>(residual) + box.first_byte);
            added.buffer.dim = added.dim;
            argv[kResidual] = &added.buffer;
        }
        set_scalars(plan->scalars, argv);
        if (plan->row->run(argv) != 0) {
            return HALCONV_KERNEL_FAILED;
        }
    }
    return HALCONV_OK;
}

halconv_status halconv_plan_output_size(const halconv_plan *plan, int64_t *out) {
    if (!plan || !out) {
        return HALCONV_NULL_ARGUMENT;
    }
    std::copy_n(plan->out, plan->problem.rank, out);
    return HALCONV_OK;
}

size_t halconv_plan_weights_bytes(const halconv_plan *plan) {
    return plan ? static_cast<size_t>(plan->packed.bytes) : 0;
}

size_t halconv_plan_workspace_bytes(const halconv_plan *plan) {
    return plan ? plan->arena_bytes + static_cast<uint64_t>(plan->threads) * plan->slice_bytes : 0;
}
