// Depthwise: each thread computes thread_c channels of thread_x x thread_y positions from its own loads; neighbours share inputs in
// L1. Memory is the limit, so that what counts is that loads are wide (4 channels, nhwc) and that a thread meets each input
// once: its taps are unrolled, and the compiler keeps what several of them read.
// Transposed: where one kernel call fills all phases, a thread computes all x phases of its positions, which read the same
// inputs; the other phases are blocks of their own.
#include "halconv/halconv.h"
#include "runtime/core/problem.h"
#include "schedules/gpu/apply.h"
#include "schedules/gpu/legal.h"
#include "schedules/gpu/phases.h"

namespace halconv {

using namespace Halide;

namespace {

constexpr TailStrategy kGuard = TailStrategy::GuardWithIf;
constexpr int kUnrolledTaps = 9;  // of a row, and of a window

struct DepthwiseStages {
    Func output, sum;
    RDom taps;
    Var lane, other, x, y, z, n;  // other: has extent 1
    std::vector<Var> phases;      // x, y, z
};

void schedule_sum(const DepthwiseStages &s, const halconv_key &key, const Schedule &schedule, const LoopLevel &thread) {
    const GpuSchedule &gpu = *schedule.gpu;
    Func sum = s.sum;
    sum.compute_at(thread);
    sum.bound_extent(s.lane, gpu.thread_c).bound_extent(s.x, gpu.thread_x).bound_extent(s.y, gpu.thread_y);
    Stage update = sum.update();
    std::vector<VarOrRVar> inner = {s.lane, s.x, s.y};
    std::vector<int64_t> taps = {key.kernel[2], key.kernel[1]};
    if (!s.phases.empty()) {
        bound_phases(sum, key, s.phases, phases_in_thread(key) ? 1 : 0);
        inner.insert(inner.begin() + 1, s.phases[0]);
        taps = {phase_axis(key_axis(key, 2)).max_taps(), phase_axis(key_axis(key, 1)).max_taps()};
    }
    std::vector<VarOrRVar> order = inner;
    order.insert(order.end(), {s.taps[1], s.taps[2], s.taps[3], s.taps[0]});
    update.reorder(order);
    Stage first = sum;
    for (Stage stage : {first, update}) {
        stage.vectorize(s.lane);
        for (size_t i = 1; i < inner.size(); i++) {
            stage.unroll(inner[i]);
        }
        stage.never_partition_all();
    }
    if (taps[0] <= kUnrolledTaps) {
        update.unroll(s.taps[1]);
        if (taps[0] * taps[1] <= kUnrolledTaps) {
            update.unroll(s.taps[2]);
        }
    }
}

void schedule_depthwise(const DepthwiseStages &s, const halconv_key &key, const Schedule &schedule) {
    const GpuSchedule &gpu = *schedule.gpu;
    Func output = s.output;
    Var lanes("lanes"), co("co"), xo("xo"), xi("xi"), yo("yo"), yi("yi"), tile("tile"), places("places");
    BlockThreads threads = block_threads(schedule);
    output.split(s.lane, s.lane, lanes, gpu.thread_c, TailStrategy::RoundUp)
        .split(s.lane, co, s.lane, threads.c, kGuard);
    output.split(s.x, s.x, xi, gpu.thread_x, kGuard).split(s.x, xo, s.x, threads.x, kGuard);
    output.split(s.y, s.y, yi, gpu.thread_y, kGuard).split(s.y, yo, s.y, threads.y, kGuard);
    std::vector<VarOrRVar> order = {lanes, xi, yi, s.other};
    std::vector<Var> phases = s.phases;  // of blocks
    if (phases_in_thread(key)) {
        order.insert(order.begin() + 1, phases[0]);
        output.bound(phases[0], 0, key.stride[2]).unroll(phases[0]);
        phases.erase(phases.begin());
    }
    bool nhwc = key.out_layout == HALCONV_NHWC;
    const std::vector<Var> thread = nhwc ? std::vector<Var>{s.lane, s.x, s.y} : std::vector<Var>{s.x, s.y, s.lane};
    order.insert(order.end(), thread.begin(), thread.end());
    order.insert(order.end(), {xo, yo, co, s.n, s.z});
    order.insert(order.end(), phases.begin(), phases.end());
    output.reorder(order).fuse(xo, yo, tile).fuse(s.n, s.z, places);
    schedule_phases(output, key, phases, co, places);
    output.gpu_blocks(tile, co, places).gpu_threads(thread[0], thread[1], thread[2]);
    output.vectorize(lanes).unroll(xi).unroll(yi).never_partition_all();
    schedule_sum(s, key, schedule, LoopLevel(output, thread[0]));
}

template <class Op> DepthwiseStages stages_of(Op &op) {
    return {op.output, op.sum, op.taps, op.g, op.c, op.x, op.y, op.z, op.n, {}};
}

}  // namespace

void apply_gpu_schedule(ConvDepthwise &op, const halconv_key &key, const Schedule &schedule) {
    schedule_depthwise(stages_of(op), key, schedule);
}

void apply_gpu_schedule(ConvTransposeDepthwise &op, const halconv_key &key, const Schedule &schedule) {
    DepthwiseStages stages = stages_of(op);
    stages.phases = {op.qx, op.qy, op.qz};
    schedule_depthwise(stages, key, schedule);
}

}  // namespace halconv
