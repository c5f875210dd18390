// Dense forms as an implicit matrix product: a block of threads computes channels x pixels. For each tap and chunk of input
// channels it brings a panel of weights (lane, channel in) and one of inputs (pixel, channel in) to shared memory; a thread
// multiplies thread_c x (thread_x x thread_y) of them for each channel in, sums in registers (promote_registers.h).
//   thread's loads of 8 x 8 sums a channel in: 4 x 128 bits for 64 multiply-adds.
//   8 channels of a thread are two groups of 4, panel / 2 apart: a warp's 128-bit reads of the weights then lie side by
//   side and meet every bank of shared memory once.
//   The input panel holds what the taps meet, not the box around it: stride and dilation leave no holes.
// Phases of a transposed convolution are blocks of their own, which take their own taps only.
#include <algorithm>

#include "halconv/halconv.h"
#include "schedules/gpu/apply.h"
#include "schedules/gpu/legal.h"
#include "schedules/gpu/phases.h"
#include "schedules/gpu/split_sum.h"

namespace halconv {

using namespace Halide;

namespace {

constexpr TailStrategy kGuard = TailStrategy::GuardWithIf;
constexpr int kBankGroup = 4;       // channels of a thread that lie side by side
constexpr int kUnrolledSteps = 32;  // products of a sum, of a row's taps

struct DenseStages {
    Func output, sum, operand, factor;
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

// Returns the loop of the update around which the panels are brought.
RVar schedule_sum(const DenseStages &s, const halconv_key &key, const Schedule &schedule, const ThreadSplit &t,
                  const Var &tile) {
    Func sum = s.sum;
    sum.compute_at(s.output, tile).store_in(MemoryType::Register);
    sum.bound_extent(s.c, schedule.panel()).bound_extent(s.x, schedule.tile_x).bound_extent(s.y, schedule.tile_y);
    std::vector<VarOrRVar> places(s.phases.begin(), s.phases.end());
    places.insert(places.end(), s.part.begin(), s.part.end());
    for (const VarOrRVar &one : places) {
        sum.bound_extent(one.var, 1);  // a block's
    }
    places.insert(places.end(), {s.z, s.g, s.n});
    std::vector<VarOrRVar> inner = {t.lane, t.group, t.xi, t.yi}, threads = {t.thread_c, t.thread_x, t.thread_y};
    auto finish = [&](Stage stage) {
        stage.vectorize(t.lane).unroll(t.group).unroll(t.xi).unroll(t.yi);
        stage.gpu_threads(t.thread_c, t.thread_x, t.thread_y).never_partition_all();
    };
    auto concat = [](std::vector<VarOrRVar> order, const std::vector<std::vector<VarOrRVar>> &more) {
        for (const auto &part : more) {
            order.insert(order.end(), part.begin(), part.end());
        }
        return order;
    };

    Stage first = sum;
    t.split(first, s.c, s.x, s.y, schedule);
    first.reorder(concat(inner, {threads, places}));
    finish(first);

    Stage update = sum.update();
    t.split(update, s.c, s.x, s.y, schedule);
    const RVar i = s.taps[0], tx = s.taps[1], ty = s.taps[2], tz = s.taps[3], chunk("chunk"), step("step");
    if (schedule.gpu->row_taps) {
        update.reorder(concat(inner, {{i, tx}, threads, {ty, tz}, places})).unroll(i);
        bool unroll = key.op == HALCONV_CONV_TRANSPOSE || key.kernel[2] * schedule.gpu->chunk <= kUnrolledSteps;
        if (unroll) {
            update.unroll(tx);
        }
        finish(update);
        return ty;
    }
    update.split(i, chunk, step, schedule.gpu->chunk);
    update.reorder(concat(inner, {{step}, threads, {chunk, tx, ty, tz}, places}));
    if (schedule.gpu->chunk * thread_sums(key, schedule) <= kUnrolledProducts) {
        update.unroll(step);
    }
    finish(update);
    return chunk;
}

int largest_divisor(int64_t number, int most) {
    int divisor = int(std::min<int64_t>(number, most));
    while (number % divisor != 0) {
        divisor--;
    }
    return divisor;
}

// A copy to shared memory by the threads of the block, `vector` elements of `order`'s first at a time.
struct Panel {
    Func stage;
    std::vector<Var> order;  // as the threads take them, the fastest first: all dimensions
    int vector;
    int64_t elements;  // of whole vectors; as many threads take part as divide them
};

void schedule_panel(const Panel &p, const Schedule &schedule, const LoopLevel &at) {
    Func stage = p.stage;
    Var lanes("lanes"), all("all"), a("panel_a"), b("panel_b"), d("panel_d");
    BlockThreads threads = block_threads(schedule);
    stage.compute_at(at).store_in(MemoryType::GPUShared);
    stage.split(p.order[0], all, lanes, p.vector);
    for (size_t i = 1; i < p.order.size(); i++) {
        stage.fuse(all, p.order[i], all);
    }
    int64_t rest = p.elements / p.vector;
    auto take = [&](const Var &thread, int most) {
        int factor = largest_divisor(rest, most);
        rest /= factor;
        stage.split(all, all, thread, factor, TailStrategy::RoundUp);
    };
    take(a, threads.c), take(b, threads.x), take(d, threads.y);
    stage.reorder(lanes, all, a, b, d).gpu_threads(a, b, d).unroll(all).vectorize(lanes).never_partition_all();
}

void schedule_blocks(const DenseStages &s, const halconv_key &key, const Schedule &schedule) {
    ThreadSplit t(*schedule.gpu);
    Var tile("tile");
    schedule_output(s, key, schedule, t, tile);
    LoopLevel panels(s.sum, schedule_sum(s, key, schedule, t, tile));
    const GpuSchedule &gpu = *schedule.gpu;

    Func operand = s.operand, factor = s.factor;
    operand.bound_extent(s.x, schedule.tile_x).bound_extent(s.y, schedule.tile_y);
    factor.bound_extent(s.c, schedule.panel());
    // Taps that a phase lacks make Halide doubt how many there are.
    const int taps[4] = {gpu.chunk, gpu.row_taps ? int(row_taps(key)) : 1, 1, 1};
    for (size_t d = 0; d < 4; d++) {
        operand.bound_extent(s.tap[d], taps[d]);
        factor.bound_extent(s.tap[d], taps[d]);
    }
    const Var i = s.tap[0], tx = s.tap[1], ty = s.tap[2], tz = s.tap[3];
    std::vector<Var> inputs =
        key.in_layout == HALCONV_NHWC ? std::vector<Var>{i, tx, s.x, s.y} : std::vector<Var>{s.x, tx, s.y, i};
    std::vector<Var> weights = {s.c, i, tx, ty, tz, s.g};
    inputs.insert(inputs.end(), {ty, tz, s.g, s.z, s.n});
    for (const Var &phase : s.phases) {
        operand.bound_extent(phase, 1), factor.bound_extent(phase, 1);  // the block's
        inputs.push_back(phase), weights.push_back(phase);
    }
    operand.reorder_storage(s.x, s.y, i, tx);
    factor.reorder_storage(s.c, i, tx);
    int vector = schedule.panel() % kBankGroup == 0 ? kBankGroup : 1;
    schedule_panel({operand, inputs, input_vector(key, schedule), input_panel_elements(key, schedule)}, schedule,
                   panels);
    schedule_panel({factor, weights, vector, weights_panel_elements(key, schedule)}, schedule, panels);
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
    return {op.output, op.sum, op.operand, op.factor, taps, op.tap, op.c, op.g, op.x, op.y, op.z, op.n, {}, {}, vector};
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
