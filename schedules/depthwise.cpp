// Depthwise. Lanes are channels; a register tile of pixels loads an input vector once for all taps of a row (or of
// the window), so that multiply-adds are the limit and everything else that an output costs shows: no mask, no select and
// no activation that is not needed. Borders are peeled: with pinned sizes the first and last tiles of a row know their
// coordinates, and products with padding vanish at compile time.
//   conv, tile of several rows: the window is unrolled; each input of the tile is loaded once.
//   conv, tile of one row: a loop over the kernel's rows, without those that fall outside (large kernels).
//   conv_transpose: all x phases of a tile read the same inputs and are stored side by side.
#include "halconv/halconv.h"
#include "schedules/apply.h"

namespace halconv {

using namespace Halide;

namespace {

struct DepthwiseStages {
    Func output, sum;
    RDom taps;
    Var lane, other, x, y, z, n, qx, qy, qz;
};

constexpr int kUnrolledTaps = 32, kUnrolledPhases = 4;

bool is_pinned(int32_t pin) { return pin != HALCONV_FREE; }

bool unrolls_taps(const halconv_key &key, const Schedule &schedule, int axis) {
    if (!is_pinned(key.kernel[axis]) || key.kernel[axis] > kUnrolledTaps) {
        return false;
    }
    return key.op == HALCONV_CONV_TRANSPOSE || axis == 2 || schedule.tile_y > 1;
}

void schedule_sum(const DepthwiseStages &s, const halconv_key &key, const Schedule &schedule, const LoopLevel &tile) {
    Func sum = s.sum;
    Stage update = sum.update();
    RVar tx = s.taps[1], ty = s.taps[2];
    sum.compute_at(tile).bound_extent(s.lane, schedule.panel()).bound_extent(s.x, schedule.tile_x);
    sum.bound_extent(s.y, schedule.tile_y);
    std::vector<VarOrRVar> order = {s.lane, s.x, s.y, tx, ty, s.taps[3], s.taps[0]};
    if (whole_phases(key)) {
        sum.bound_extent(s.qx, tile_phases(key)).unroll(s.qx);
        order.insert(order.begin() + 1, s.qx);
        update.unroll(s.qx);
    }
    sum.vectorize(s.lane, schedule.lanes).unroll(s.lane).unroll(s.x).unroll(s.y);
    update.reorder(order).vectorize(s.lane, schedule.lanes).unroll(s.lane).unroll(s.x).unroll(s.y);
    if (unrolls_taps(key, schedule, 2)) {
        update.unroll(tx);
    }
    if (unrolls_taps(key, schedule, 1)) {
        update.unroll(ty);
    }
}

// Loops from the innermost: pixels of a tile, blocks of channels (or these outermost: ParallelAxis::kChannels), tiles of
// a row, rows of a strip. Phases of y, where they are whole, lie between the tiles of a row and the rows.
void schedule_depthwise(const DepthwiseStages &s, const halconv_key &key, const Schedule &schedule) {
    Func output = s.output;
    Var block("block"), inner("inner"), xo("xo"), xi("xi"), strip("strip"), yo("yo"), yi("yi"), job("job"), qo("qo");
    bool shifted = shifts_lanes(key, schedule);
    bool whole = whole_phases(key), channels = schedule.parallel == ParallelAxis::kChannels;
    output.split(s.lane, block, inner, schedule.panel(),
                 shifted ? TailStrategy::ShiftInwards : TailStrategy::GuardWithIf);
    // Tiles at the end shift inwards and store some pixels twice: not to a residual that is the output itself.
    TailStrategy x_tail = key.residual == 0 ? TailStrategy::ShiftInwards : TailStrategy::GuardWithIf;
    TailStrategy y_tail = is_pinned(key.out[1]) ? x_tail : TailStrategy::GuardWithIf;
    output.split(s.x, xo, xi, schedule.tile_x, x_tail).split(s.y, yo, yi, schedule.tile_y, y_tail);
    output.split(yo, strip, yo, schedule.rows / schedule.tile_y, TailStrategy::GuardWithIf);
    std::vector<VarOrRVar> order = {inner, xi, yi}, phases;
    if (whole) {
        output.split(s.qx, qo, s.qx, tile_phases(key));
        order.insert(order.begin() + 1, s.qx);
        order.push_back(qo);
    } else if (key.op == HALCONV_CONV_TRANSPOSE) {
        phases.push_back(s.qx);
    }
    auto append = [&](const std::vector<VarOrRVar> &vars) { order.insert(order.end(), vars.begin(), vars.end()); };
    append(channels ? std::vector<VarOrRVar>{xo} : std::vector<VarOrRVar>{block, xo});
    if (key.op == HALCONV_CONV_TRANSPOSE) {
        (whole ? order : phases).push_back(s.qy);
        phases.push_back(s.qz);
    }
    order.push_back(yo);
    append(phases);
    order.push_back(s.other);
    append(channels ? std::vector<VarOrRVar>{block, strip, s.z, s.n} : std::vector<VarOrRVar>{strip, s.z, s.n});
    output.reorder(order).fuse(strip, s.z, job).fuse(job, s.n, job);
    if (channels) {
        output.fuse(block, job, job);
    }
    output.parallel(job).vectorize(inner, schedule.lanes).unroll(inner).unroll(xi).unroll(yi);
    if (whole) {
        output.unroll(s.qx).unroll(qo);
        if (key.stride[1] <= kUnrolledPhases) {
            output.unroll(s.qy);
        }
    }
    schedule_sum(s, key, schedule, LoopLevel(output, whole ? qo : channels ? xo : block));
}

template <class Op> DepthwiseStages stages_of(Op &op, const Var &qx, const Var &qy, const Var &qz) {
    return {op.output, op.sum, op.taps, op.g, op.c, op.x, op.y, op.z, op.n, qx, qy, qz};
}

}  // namespace

void apply_schedule(ConvDepthwise &op, const halconv_key &key, const Schedule &schedule) {
    Var none;
    schedule_depthwise(stages_of(op, none, none, none), key, schedule);
}

void apply_schedule(ConvTransposeDepthwise &op, const halconv_key &key, const Schedule &schedule) {
    schedule_depthwise(stages_of(op, op.qx, op.qy, op.qz), key, schedule);
}

}  // namespace halconv
