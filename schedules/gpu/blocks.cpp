// Dense forms as an implicit matrix product: a block of threads computes channels x pixels. For each tap and chunk of input
// channels it brings a panel of weights (lane, channel in) and one of inputs (pixel, channel in) to shared memory; a thread
// multiplies thread_c x (thread_x x thread_y) of them for each channel in, sums in registers (promote_registers.h).
//   thread's loads of 8 x 8 sums a channel in: 4 x 128 bits for 64 multiply-adds.
//   8 channels of a thread are two groups of 4, panel / 2 apart: a warp's 128-bit reads of the weights then lie side by
//   side and meet every bank of shared memory once.
//   The input panel holds what the taps meet, not the box around it: stride and dilation leave no holes.
// Phases of a transposed convolution are blocks of their own, which take their own taps only.
#include "halconv/halconv.h"
#include "schedules/gpu/apply.h"
#include "schedules/gpu/legal.h"
#include "schedules/gpu/phases.h"
#include "schedules/gpu/shared_memory.h"
#include "schedules/gpu/split_sum.h"

namespace halconv {

using namespace Halide;

namespace {

constexpr TailStrategy kGuard = TailStrategy::GuardWithIf;
constexpr int kBankGroup = 4;       // channels of a thread that lie side by side
constexpr int kUnrolledSteps = 32;  // products of a sum, of a row's taps

struct DenseStages {
    Func output, sum, padded, operand, factor;
    std::vector<RVar> taps;  // channel in, x, y, z
    std::vector<Var> tap;    // of operand and factor
    Var c, g, x, y, z, n;
    std::vector<Var> phases;  // x, y, z
    std::vector<Var> part;    // of the reduction, where it is split
    int vector;               // floats of a store
};

// A block's outputs over its threads: c = group * panel / groups + thread * side_by_side + lane, and pixels of a thread side
// by side. The same for sum and output.
struct ThreadSplit {
    Var group{"group"}, lane{"lane"}, xi{"xi"}, yi{"yi"};  // of a thread
    Var thread_c{"thread_c"}, thread_x{"thread_x"}, thread_y{"thread_y"};
    int side_by_side, groups;

    explicit ThreadSplit(const GpuSchedule &gpu) {
        side_by_side = gpu.thread_c % kBankGroup == 0 ? kBankGroup : gpu.thread_c;
        groups = gpu.thread_c / side_by_side;
    }
    template <class FuncOrStage>
    void split(FuncOrStage stage, const Var &c, const Var &x, const Var &y, const Schedule &s) const {
        stage.split(c, group, c, s.panel() / groups).split(c, thread_c, lane, side_by_side);
        stage.split(x, thread_x, xi, s.gpu->thread_x).split(y, thread_y, yi, s.gpu->thread_y);
    }
};

void schedule_output(const DenseStages &s, const halconv_key &key, const Schedule &schedule, const ThreadSplit &t,
                     const Var &tile) {
    Func output = s.output;
    Var co("co"), xo("xo"), yo("yo"), places("places");
    Var lanes("lanes"), whole("whole");
    // A vector is stored whole or not: the guard counts vectors.
    output.split(s.c, whole, lanes, s.vector, TailStrategy::RoundUp);
    output.split(whole, co, whole, schedule.panel() / s.vector, kGuard);
    output.split(s.x, xo, s.x, schedule.tile_x, kGuard).split(s.y, yo, s.y, schedule.tile_y, kGuard);
    output.split(whole, t.group, whole, schedule.panel() / t.groups / s.vector);
    output.split(whole, t.thread_c, t.lane, t.side_by_side / s.vector);
    output.split(s.x, t.thread_x, t.xi, schedule.gpu->thread_x).split(s.y, t.thread_y, t.yi, schedule.gpu->thread_y);
    std::vector<VarOrRVar> order = {lanes, t.lane, t.group, t.xi, t.yi, t.thread_c, t.thread_x, t.thread_y, xo, yo, co};
    order.insert(order.end(), {s.g, s.n, s.z});
    order.insert(order.end(), s.phases.begin(), s.phases.end());
    order.insert(order.end(), s.part.begin(), s.part.end());
    output.reorder(order).fuse(xo, yo, tile).fuse(s.g, s.n, places).fuse(places, s.z, places);
    schedule_phases(output, key, s.phases, co, places);
    for (const Var &part : s.part) {
        output.fuse(places, part, places);
    }
    output.gpu_blocks(tile, co, places);
    output.gpu_threads(t.thread_c, t.thread_x, t.thread_y).vectorize(lanes);
    output.unroll(t.lane).unroll(t.group).unroll(t.xi).unroll(t.yi).never_partition_all();
}

// The loops of a sum's update inside of those over threads and around them; what is multiplied is brought at `brought`.
struct Reduction {
    std::vector<VarOrRVar> inside, around;
    RVar brought;
};

Reduction split_reduction(Stage update, const DenseStages &s, const halconv_key &key, const Schedule &schedule) {
    const GpuSchedule &gpu = *schedule.gpu;
    const RVar i = s.taps[0], tx = s.taps[1], ty = s.taps[2], tz = s.taps[3], chunk("chunk"), step("step");
    if (gpu.taps == GpuSchedule::Taps::kRow) {
        update.unroll(i);
        if (key.op == HALCONV_CONV_TRANSPOSE || key.kernel[2] * gpu.chunk <= kUnrolledSteps) {
            update.unroll(tx);
        }
        return {{i, tx}, {ty, tz}, ty};
    }
    update.split(i, chunk, step, gpu.chunk);
    const int64_t sums = thread_sums(key, schedule);
    if (gpu.taps == GpuSchedule::Taps::kAll) {
        WindowTaps taps = window_taps(key);
        unroll_taps(update, {{tx, taps.x}, {ty, taps.y}, {tz, taps.z}}, sums);
        return {{tx, ty, tz, step}, {chunk}, chunk};
    }
    if (gpu.chunk * sums <= kUnrolledProducts) {
        update.unroll(step);
    }
    return {{step}, {chunk, tx, ty, tz}, chunk};
}

// Returns the loop of the update around which what is multiplied is brought.
RVar schedule_sum(const DenseStages &s, const halconv_key &key, const Schedule &schedule, const ThreadSplit &t,
                  const Var &tile) {
    Func sum = s.sum;
    sum.compute_at(s.output, tile).store_in(MemoryType::Register);
    sum.bound_extent(s.c, schedule.panel()).bound_extent(s.x, schedule.tile_x).bound_extent(s.y, schedule.tile_y);
    std::vector<VarOrRVar> places(s.phases.begin(), s.phases.end());
    places.insert(places.end(), s.part.begin(), s.part.end());
    bound_phases(sum, key, s.phases, 0);
    for (const Var &part : s.part) {
        sum.bound_extent(part, 1);  // the block's
    }
    places.insert(places.end(), {s.z, s.g, s.n});
    const std::vector<VarOrRVar> inner = {t.lane, t.group, t.xi, t.yi};
    const std::vector<VarOrRVar> threads = {t.thread_c, t.thread_x, t.thread_y};
    // Of a vector whose lanes are stored one by one, each under a condition of its own, LLVM made an array with a variable index:
    // 16 bytes of stack with 9 and 17 channels. Lanes one by one also took panels of all taps from 87.2 to 93.0 % multiply-adds;
    // those of one tap that are stored as vectors they changed by -1 to 1.3.
    const bool lanes_apart = s.vector == 1 || schedule.gpu->taps == GpuSchedule::Taps::kAll;
    auto finish = [&](Stage stage) {
        lanes_apart ? stage.unroll(t.lane) : stage.vectorize(t.lane);
        stage.unroll(t.group).unroll(t.xi).unroll(t.yi);
        stage.gpu_threads(t.thread_c, t.thread_x, t.thread_y).never_partition_all();
    };

    Stage first = sum;
    t.split(first, s.c, s.x, s.y, schedule);
    first.reorder(concat({inner, threads, places}));
    finish(first);

    Stage update = sum.update();
    t.split(update, s.c, s.x, s.y, schedule);
    const Reduction reduction = split_reduction(update, s, key, schedule);
    update.reorder(concat({inner, reduction.inside, threads, reduction.around, places}));
    finish(update);
    return reduction.brought;
}

// The weights of a block's channels, for a chunk of channels in and one tap, those of a row or all.
void bring_weights(const DenseStages &s, const halconv_key &key, const Schedule &schedule,
                   const std::vector<int> &threads, const LoopLevel &at) {
    Func factor = s.factor;
    factor.bound_extent(s.c, schedule.panel()).bound_extent(s.tap[0], schedule.gpu->chunk);
    // Taps that a phase lacks make Halide doubt how many there are.
    const WindowTaps taps = panel_taps(key, schedule);
    factor.bound_extent(s.tap[1], taps.x).bound_extent(s.tap[2], taps.y).bound_extent(s.tap[3], taps.z);
    std::vector<Var> order = {s.c, s.tap[0], s.tap[1], s.tap[2], s.tap[3], s.g};
    bound_phases(factor, key, s.phases, 0);
    order.insert(order.end(), s.phases.begin(), s.phases.end());
    factor.compute_at(at).store_in(MemoryType::GPUShared).reorder_storage(s.c, s.tap[0], s.tap[1]);
    int vector = schedule.panel() % kBankGroup == 0 ? kBankGroup : 1;
    spread_evenly({factor, order, vector, threads}, weights_panel_elements(key, schedule));
}

// The inputs that one tap of a block's outputs meets, or those of a row, for a chunk of channels.
void bring_operands(const DenseStages &s, const halconv_key &key, const Schedule &schedule,
                    const std::vector<int> &threads, const LoopLevel &at) {
    Func operand = s.operand;
    const Var i = s.tap[0], tx = s.tap[1], ty = s.tap[2], tz = s.tap[3];
    operand.bound_extent(s.x, schedule.tile_x).bound_extent(s.y, schedule.tile_y);
    operand.bound_extent(i, schedule.gpu->chunk).bound_extent(tx, panel_taps(key, schedule).x);
    operand.bound_extent(ty, 1).bound_extent(tz, 1);
    std::vector<Var> order = {i, tx, s.x, s.y};
    if (key.in_layout != HALCONV_NHWC) {
        order = {s.x, tx, s.y, i};
    }
    order.insert(order.end(), {ty, tz, s.g, s.z, s.n});
    bound_phases(operand, key, s.phases, 0);
    order.insert(order.end(), s.phases.begin(), s.phases.end());
    operand.compute_at(at).store_in(MemoryType::GPUShared).reorder_storage(s.x, s.y, i, tx);
    spread_evenly({operand, order, input_vector(key, schedule), threads}, input_panel_elements(key, schedule));
}

void schedule_blocks(const DenseStages &s, const halconv_key &key, const Schedule &schedule) {
    ThreadSplit t(*schedule.gpu);
    Var tile("tile");
    schedule_output(s, key, schedule, t, tile);
    LoopLevel at(s.sum, schedule_sum(s, key, schedule, t, tile));
    const BlockThreads block = block_threads(schedule);
    const std::vector<int> threads = {block.c, block.x, block.y};
    if (schedule.gpu->taps == GpuSchedule::Taps::kAll) {
        auto extent = [&](int d) { return tile_window_extent(key, schedule, d); };
        bring_windows({s.padded, s.c, s.g, s.x, s.y, s.z, s.n, {extent(0), extent(1), extent(2)}}, key, schedule,
                      threads, at);
    } else {
        bring_operands(s, key, schedule, threads, at);
    }
    bring_weights(s, key, schedule, threads, at);
}

// The reduction in parts where the schedule says so, each part as if it were the operation.
void schedule_dense(DenseStages s, const halconv_key &key, const Schedule &schedule) {
    if (schedule.gpu->parts > 1) {
        PartialSums partial = split_sum(s.output, s.sum, s.taps[0], key, schedule);
        s.output = partial.stored, s.sum = partial.sum, s.taps[0] = partial.channels, s.part = {partial.part};
        s.vector = partial_vector(key, schedule);
    }
    schedule_blocks(s, key, schedule);
}

template <class Op> DenseStages stages_of(Op &op, const halconv_key &key, const Schedule &schedule) {
    const std::vector<RVar> taps = {op.taps[0], op.taps[1], op.taps[2], op.taps[3]};
    const int vector = output_vector(key, schedule);
    return {op.output, op.sum, op.padded, op.operand, op.factor, taps, op.tap, op.c,
            op.g,      op.x,   op.y,      op.z,       op.n,      {},   {},     vector};
}

}  // namespace

void apply_gpu_schedule(ConvDirect &op, const halconv_key &key, const Schedule &schedule) {
    if (schedule.gpu->operands == GpuSchedule::Operands::kWindows) {
        schedule_gpu_windows(op, key, schedule);
        return;
    }
    schedule_dense(stages_of(op, key, schedule), key, schedule);
}

void apply_gpu_schedule(ConvTransposePhase &op, const halconv_key &key, const Schedule &schedule) {
    if (schedule.gpu->operands == GpuSchedule::Operands::kWindows) {
        schedule_gpu_windows(op, key, schedule);
        return;
    }
    DenseStages stages = stages_of(op, key, schedule);
    stages.phases = {op.qx, op.qy, op.qz};
    schedule_dense(stages, key, schedule);
}

}  // namespace halconv
