#include <algorithm>

#include "runtime/core/context.h"
#include "runtime/core/enum_value.h"
#include "runtime/plan.h"

using namespace halconv;

namespace {

bool aligned(const void *pointer, uintptr_t to) { return reinterpret_cast<uintptr_t>(pointer) % to == 0; }

halconv_status check_arguments(const halconv_plan &plan, const RunArguments &run) {
    const uintptr_t tensor = plan.device.backend ? kDeviceAlignment : alignof(float);
    bool residual = plan.problem.residual != 0, workspace = halconv_plan_workspace_bytes(&plan) != 0;
    if (!run.input || !run.packed || !run.output || (residual && !run.residual) || (workspace && !run.workspace)) {
        return HALCONV_NULL_ARGUMENT;
    }
    bool fits = aligned(run.input, tensor) && aligned(run.output, tensor) &&
                (!residual || aligned(run.residual, tensor)) && aligned(run.packed, kAlignment) &&
                (!workspace || aligned(run.workspace, kAlignment));
    return fits ? HALCONV_OK : HALCONV_MISALIGNED;
}

Tensor at(const Tensor &tensor, const void *address, const DeviceCall *call) {
    return call ? tensor.on_device(address) : tensor.at(address);
}

const void *offset(const void *address, int64_t bytes) { return static_cast<const uint8_t *>(address) + bytes; }

}  // namespace

// Kernels get copies, because Halide marks an output's buffer as written and many threads may run the plan.
halconv_status halconv::run_boxes(const halconv_plan &plan, const RunArguments &run, DeviceCall *call) {
    Tensor in = at(plan.input, run.input, call), weights = at(plan.weights, run.packed, call),
           bias = at(plan.bias, offset(run.packed, plan.packed.bias_offset), call);
    in.buffer.dim = in.dim;
    weights.buffer.dim = weights.dim;
    bias.buffer.dim = bias.dim;

    auto *arena = call ? nullptr : static_cast<uint8_t *>(run.workspace);
    Workers workers{
        plan.threads,    plan.pool, plan.parallel_for, plan.caller_pool, arena ? arena + plan.arena_bytes : nullptr,
        plan.slice_bytes};
    for (int i = 0; i < plan.boxes; ++i) {
        const BoxCall &box = plan.box[i];
        Tensor out = at(box.output, offset(run.output, box.first_byte), call), added;
        out.buffer.dim = out.dim;
        halconv_rt_context context{Arena(arena, plan.arena_bytes), &workers, call};
        void *user_context = &context;
        void *argv[kArguments];
        argv[kUserContext] = &user_context;
        argv[kInput] = &in.buffer;
        argv[kWeights] = &weights.buffer;
        argv[kBias] = &bias.buffer;
        argv[kResidual] = argv[kOutput] = &out.buffer;
        if (plan.problem.residual) {
            added = at(box.output, offset(run.residual, box.first_byte), call);
            added.buffer.dim = added.dim;
            argv[kResidual] = &added.buffer;
        }
        set_scalars(plan.scalars, argv);
        if (call) {
            call->scratch_used = 0;
        }
        int result = plan.row->run(argv);
        if (call && call->status) {
            return call->status;
        }
        if (result != 0) {
            return HALCONV_KERNEL_FAILED;
        }
    }
    return HALCONV_OK;
}

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
    RunArguments run{input, packed, residual, output, workspace};
    if (halconv_status status = check_arguments(*plan, run)) {
        return status;
    }
    if (!plan->device.backend) {
        return run_boxes(*plan, run, nullptr);
    }
    DeviceCall call{nullptr, &plan->device, reinterpret_cast<uintptr_t>(workspace), 0, HALCONV_OK};
    return run_boxes(*plan, run, &call);
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
    if (!plan) {
        return 0;
    }
    return plan->device.backend ? plan->device.scratch_bytes
                                : plan->arena_bytes + static_cast<uint64_t>(plan->threads) * plan->slice_bytes;
}
