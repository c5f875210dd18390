// Few output channels: a block brings the inputs under all windows of its outputs, and the weights of all taps, for a chunk of
// input channels to shared memory. A thread sums all channels of thread_x x thread_y positions, of a transposed convolution in
// all phases of x and y, in registers (promote_registers.h): what is brought once serves all taps, phases and channels.
//   k4 s2, 3 channels, 4 positions: 192 multiply-adds a channel in for 12 loads of weights and 6 of inputs, of 128 bits.
//   The sums go through shared memory, so that neighbouring threads store neighbours of the output.
#include "halconv/halconv.h"
#include "schedules/gpu/apply.h"
#include "schedules/gpu/legal.h"
#include "schedules/gpu/phases.h"
#include "schedules/gpu/shared_memory.h"

namespace halconv {

using namespace Halide;

namespace {

constexpr TailStrategy kGuard = TailStrategy::GuardWithIf;
constexpr size_t kPhasesTogether = 2;  // axes all of whose phases a thread computes

struct WindowStages {
    Func output, sum, padded, factor;
    RDom taps;
    std::vector<Var> tap;  // of factor
    Var c, g, x, y, z, n;
    std::vector<Var> phases;  // x, y, z
};

// The threads' dimensions.
std::vector<int> threads_of(const Schedule &schedule) {
    BlockThreads threads = block_threads(schedule);
    return {threads.x, threads.y};
}

// Returns the loop over tiles of a block.
Var schedule_output(const WindowStages &s, const halconv_key &key, const Schedule &schedule) {
    Func output = s.output;
    Var xo("xo"), yo("yo"), tile("tile"), places("places");
    output.bound(s.c, 0, key.group_out);
    output.split(s.x, xo, s.x, schedule.tile_x, kGuard).split(s.y, yo, s.y, schedule.tile_y, kGuard);
    std::vector<Var> row = {s.x}, column = {s.y};
    std::vector<VarOrRVar> outer = {xo, yo, s.g, s.n, s.z};
    if (!s.phases.empty()) {
        output.bound(s.phases[0], 0, key.stride[2]).bound(s.phases[1], 0, key.stride[1]);
        row.insert(row.begin(), s.phases[0]), column.insert(column.begin(), s.phases[1]);
        outer.push_back(s.phases[2]);
    }
    std::vector<Var> order = row;
    order.insert(order.end(), column.begin(), column.end());
    order.insert(key.out_layout == HALCONV_NHWC ? order.begin() : order.end(), s.c);
    output.reorder(concat({{order.begin(), order.end()}, outer}));
    output.fuse(xo, yo, tile).fuse(s.g, s.n, places).fuse(places, s.z, places);
    std::vector<VarOrRVar> blocks = {tile, places};
    if (!s.phases.empty()) {
        blocks.push_back(s.phases[2]);
    }
    spread({output, order, 1, threads_of(schedule), blocks});
    output.gpu_blocks(tile, places);
    return tile;
}

struct ThreadLoops {
    Var xi{"xi"}, yi{"yi"}, thread_x{"thread_x"}, thread_y{"thread_y"};
    std::vector<VarOrRVar> inner, blocks;  // of a thread, and around the threads

    template <class FuncOrStage> void split(FuncOrStage stage, const WindowStages &s, const GpuSchedule &gpu) const {
        stage.split(s.x, thread_x, xi, gpu.thread_x).split(s.y, thread_y, yi, gpu.thread_y);
    }
    template <class FuncOrStage>
    void finish(FuncOrStage stage, const std::vector<VarOrRVar> &loops, const std::vector<VarOrRVar> &around) const {
        stage.reorder(concat({inner, loops, {thread_x, thread_y}, around, blocks}));
        for (const VarOrRVar &v : inner) {
            stage.unroll(v);
        }
        stage.gpu_threads(thread_x, thread_y).never_partition_all();
    }
};

// Returns the loop around which inputs and weights are brought.
RVar schedule_sum(const WindowStages &s, const halconv_key &key, const Schedule &schedule, const Var &tile) {
    const GpuSchedule &gpu = *schedule.gpu;
    ThreadLoops t;
    t.inner = {s.c, t.xi, t.yi}, t.blocks = {s.z, s.g, s.n};
    if (!s.phases.empty()) {
        t.inner = {s.c, s.phases[0], t.xi, s.phases[1], t.yi}, t.blocks.push_back(s.phases[2]);
    }
    Func sum = s.sum, row = sum.in(s.output);
    row.compute_at(s.output, tile).store_in(MemoryType::GPUShared);
    sum.compute_at(s.output, tile).store_in(MemoryType::Register);
    for (Func f : {row, sum}) {
        f.bound_extent(s.c, key.group_out).bound_extent(s.x, schedule.tile_x).bound_extent(s.y, schedule.tile_y);
        bound_phases(f, key, s.phases, kPhasesTogether);
    }
    t.split(row, s, gpu), t.finish(row, {}, {});
    Stage first = sum, update = sum.update();
    t.split(first, s, gpu), t.finish(first, {}, {});
    t.split(update, s, gpu);
    RVar i = s.taps[0], tx = s.taps[1], ty = s.taps[2], tz = s.taps[3], chunk("chunk"), step("step");
    update.split(i, chunk, step, gpu.chunk);
    t.finish(update, {tx, ty, tz, step}, {chunk});
    WindowTaps taps = window_taps(key);
    unroll_taps(update, {{tx, taps.x}, {ty, taps.y}, {tz, taps.z}}, thread_sums(key, schedule));
    return chunk;
}

void schedule_windows(const WindowStages &s, const halconv_key &key, const Schedule &schedule) {
    Var tile = schedule_output(s, key, schedule);
    LoopLevel chunk(s.sum, schedule_sum(s, key, schedule, tile));
    auto extent = [&](int d) { return window_extent(key, schedule, d); };
    bring_windows({s.padded, s.c, s.g, s.x, s.y, s.z, s.n, {extent(0), extent(1), extent(2)}}, key, schedule,
                  threads_of(schedule), chunk);
    Func factor = s.factor;
    WindowTaps taps = window_taps(key);
    const Var i = s.tap[0], tx = s.tap[1], ty = s.tap[2], tz = s.tap[3];
    std::vector<Var> stored = {s.c, tx, ty, tz, i}, weights = {s.c, i, tx, ty, tz};
    factor.bound_extent(s.c, key.group_out).bound_extent(i, schedule.gpu->chunk);
    factor.bound_extent(tx, taps.x).bound_extent(ty, taps.y).bound_extent(tz, taps.z);
    if (!s.phases.empty()) {
        stored = {s.c, s.phases[0], tx, s.phases[1], ty, tz, i};
        weights.insert(weights.end(), s.phases.begin(), s.phases.end());
    }
    bound_phases(factor, key, s.phases, kPhasesTogether);
    weights.push_back(s.g);
    factor.compute_at(chunk).store_in(MemoryType::GPUShared).reorder_storage(stored);
    factor.align_storage(ty, window_alignment(key));
    spread({factor, weights, 1, threads_of(schedule)});
}

template <class Op> WindowStages stages_of(Op &op) {
    return {op.output, op.sum, op.padded, op.factor, op.taps, op.tap, op.c, op.g, op.x, op.y, op.z, op.n, {}};
}

}  // namespace

void schedule_gpu_windows(ConvDirect &op, const halconv_key &key, const Schedule &schedule) {
    schedule_windows(stages_of(op), key, schedule);
}

void schedule_gpu_windows(ConvTransposePhase &op, const halconv_key &key, const Schedule &schedule) {
    WindowStages stages = stages_of(op);
    stages.phases = {op.qx, op.qy, op.qz};
    schedule_windows(stages, key, schedule);
}

}  // namespace halconv
