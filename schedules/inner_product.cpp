// Schedules of the inner-product forms: the lanes of a vector are elements of a window's run; a register tile is some
// positions x all x phases and channels, each with its own vector of partial sums. A step loads the inputs of the
// positions, which the phases share, and the weights of the phases and channels. The lanes are added once a tile.
#include <numeric>

#include "halconv/halconv.h"
#include "runtime/core/problem.h"
#include "schedules/apply.h"

namespace halconv {

using namespace Halide;

namespace {

constexpr int kUnrolledCopies = 8;

// Weights of a position: x phases x channels.
int weights_of_position(const halconv_key &key) {
    return key.op == HALCONV_CONV ? key.group_out : int(fused_lanes<int64_t>(key_axis(key, 2), key.group_out));
}

// Unrolls an update over the tile's outputs, so that whichever are fewer, its inputs or its weights, stay in registers for
// a step while the others pass through one.
void unroll_outputs(Stage update, const Var &f, const halconv_key &key, const Schedule &schedule,
                    const std::vector<VarOrRVar> &inside, const std::vector<VarOrRVar> &outside) {
    Var position("position"), weight("weight");
    int weights = weights_of_position(key);
    update.split(f, position, weight, weights);
    std::vector<VarOrRVar> order = inside;
    if (schedule.tile_x < weights) {
        order.insert(order.end(), {position, weight});
    } else {
        order.insert(order.end(), {weight, position});
    }
    order.insert(order.end(), outside.begin(), outside.end());
    update.reorder(order).unroll(position).unroll(weight);
}

template <class Op> void schedule_sums(Op &op, const halconv_key &key, const Schedule &schedule, const Var &tile) {
    int outputs = schedule.tile_x * weights_of_position(key);
    int together = std::gcd(outputs, schedule.lanes);  // outputs whose lanes are added at once
    Func sum = op.sum, total = op.total;
    op.row.vectorize(op.f, together).unroll(op.f);
    total.compute_at(op.row, tile).vectorize(op.f, together).unroll(op.f);
    Stage reduce = total.update();
    Var chunk("chunk"), one("one");
    reduce.reorder({op.lanes.x, op.f}).atomic().vectorize(op.lanes.x);
    reduce.split(op.f, chunk, one, together).vectorize(one).unroll(chunk);
    sum.compute_at(op.row, tile).bound_extent(op.l, schedule.panel()).bound_extent(op.f, outputs);
    sum.vectorize(op.l, schedule.lanes).unroll(op.l).unroll(op.f);
    Stage common = sum.update(0);
    common.vectorize(op.l, schedule.lanes).unroll(op.l);
    if (schedule.share) {
        RVar tap("tap"), part("part");
        common.split(op.taps[0], tap, part, key.group_in / schedule.panel());
        unroll_outputs(common, op.f, key, schedule, {op.l}, {tap, part, op.taps[1], op.taps[2]});
        common.unroll(tap);
    } else {
        unroll_outputs(common, op.f, key, schedule, {op.l}, {op.taps[0], op.taps[1], op.taps[2]});
    }
    if (op.has_other_taps) {
        RVar v = op.other_taps[0];
        Stage others = sum.update(1);
        others.vectorize(op.l, schedule.lanes).unroll(op.l);
        unroll_outputs(others, op.f, key, schedule, {op.l}, {v, op.other_taps[1], op.other_taps[2]});
        others.unroll(v);
    }
}

template <class Op> void schedule_inner_product(Op &op, const halconv_key &key, const Schedule &schedule) {
    Func output = op.output, row = op.row, padded = op.padded;
    int weights = weights_of_position(key), outputs = schedule.tile_x * weights;
    Var block("block"), tile("tile"), strip("strip"), yi("yi"), job("job");
    output.split(op.y, strip, yi, schedule.rows, TailStrategy::GuardWithIf);
    if (schedule.columns == 0) {
        output.reorder({op.f, op.qy, yi, strip, op.qz, op.z, op.n}).fuse(strip, op.qz, job);
    } else {
        output.split(op.f, block, op.f, schedule.columns * weights, TailStrategy::GuardWithIf);
        output.reorder({op.f, op.qy, yi, block, strip, op.qz, op.z, op.n})
            .fuse(block, strip, job)
            .fuse(job, op.qz, job);
    }
    output.fuse(job, op.z, job).fuse(job, op.n, job).parallel(job);
    output.vectorize(op.f, schedule.lanes, TailStrategy::GuardWithIf);
    row.compute_at(output, op.qy).store_in(MemoryType::Heap);
    row.split(op.f, tile, op.f, outputs, TailStrategy::RoundUp);
    schedule_sums(op, key, schedule, tile);
    if (schedule.stage) {
        Var pixel("pixel");
        padded.store_at(output, job).compute_at(output, yi);
        padded.fold_storage(op.y, int(inputs_spanned(key_axis(key, 1), key.op == HALCONV_CONV_TRANSPOSE)));
        padded.split(op.k, pixel, op.k, key.group_in, TailStrategy::RoundUp);
        int width = std::gcd(key.group_in, schedule.lanes);
        padded.vectorize(op.k, width);
        if (key.group_in / width <= kUnrolledCopies) {
            padded.unroll(op.k);
        }
    }
}

}  // namespace

void apply_schedule(ConvInnerProduct &op, const halconv_key &key, const Schedule &schedule) {
    schedule_inner_product(op, key, schedule);
}

void apply_schedule(ConvTransposeInnerProduct &op, const halconv_key &key, const Schedule &schedule) {
    schedule_inner_product(op, key, schedule);
}

}  // namespace halconv
