// What compiling for a GPU does beside compile.cpp: the strides that follow from a pinned key, the schedule, the passes.
#pragma once

#include <stdexcept>

#include "Halide.h"
#include "schedules/compile.h"
#include "schedules/gpu/align_vectors.h"
#include "schedules/gpu/apply.h"
#include "schedules/gpu/border_loads.h"
#include "schedules/gpu/legal.h"
#include "schedules/gpu/promote_registers.h"

namespace halconv {

// The strides of a dense output or residual, (c, g, x, y, z, n) or by phases (c, g, qx, x, qy, y, qz, z, n); for the form
// depthwise g is the output channel.
template <class Buffer> void fix_dense_strides(Buffer &buffer, const halconv_key &key, const Schedule &schedule) {
    bool nhwc = key.out_layout == HALCONV_NHWC, flat = schedule.form == HALCONV_FORM_DEPTHWISE;
    bool by_phase = key.op == HALCONV_CONV_TRANSPOSE;
    int32_t channels = key.groups * key.group_out, pixels = key.out[0] * key.out[1] * key.out[2];
    int32_t channel = nhwc ? 1 : pixels, place = nhwc ? channels : 1;
    buffer.dim(0).set_stride(channel);
    buffer.dim(1).set_stride(flat ? channel : channel * key.group_out);
    int next = 2;
    for (int d : {2, 1, 0}) {
        buffer.dim(next++).set_stride(place);
        if (by_phase) {
            buffer.dim(next++).set_stride(place * int(axis_phases(key, d)));
        }
        place *= key.out[d];
    }
    buffer.dim(next).set_stride(channels * pixels);
    buffer.dim(next).set_bounds(0, key.batch);
}

// Where the kernel loads or stores vectors of a tensor, the caller's device pointer to it is aligned to 16 bytes, as packed
// weights always are.
template <class Op> void schedule_for_gpu(Op &op, Halide::Pipeline &pipeline, const CompileJob &job) {
    std::string illegal = gpu_illegality(job.key, job.schedule, *job.target.row);
    if (!illegal.empty()) {
        throw std::runtime_error(illegal);
    }
    op.input.set_host_alignment(input_vector(job.key, job.schedule) * int(sizeof(float)));
    const int output_alignment = output_vector(job.key, job.schedule) * int(sizeof(float));
    op.output.set_host_alignment(output_alignment);
    op.residual.set_host_alignment(output_alignment);
    fix_dense_strides(op.output, job.key, job.schedule);
    fix_dense_strides(op.residual, job.key, job.schedule);
    apply_gpu_schedule(op, job.key, job.schedule);
    pipeline.add_custom_lowering_pass(new PromoteRegisters);
    pipeline.add_custom_lowering_pass(new AlignVectors);
    if (job.schedule.gpu->operands != GpuSchedule::Operands::kThread) {
        pipeline.add_custom_lowering_pass(new BorderLoads);
    }
}

}  // namespace halconv
