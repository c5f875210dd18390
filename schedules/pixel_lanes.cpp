// Pixel lanes: lanes are neighbouring pixels of a row, the sums of a register tile are (channel, x phase, vector of
// pixels), and weights are broadcast. For few output channels, and for nchw, whose rows need no transposition on either
// side. The input is staged in rows of x with zeros around; each load of it serves all channels and, for conv_transpose,
// all x phases, which read the same inputs.
#include "halconv/halconv.h"
#include "schedules/apply.h"

namespace halconv {

using namespace Halide;

namespace {

struct PixelStages {
    Func output, sum, padded;
    RDom taps, inside, outside;
    Var c, g, x, y, z, n, qx, qy, qz;
};

// Rows of the kernel are unrolled for few input channels, whose loop alone would be short.
constexpr int kFewChannels = 4, kUnrolledTaps = 32, kUnrolledPhases = 4;

void schedule_sum(const PixelStages &s, const halconv_key &key, const Schedule &schedule, const LoopLevel &tile) {
    Func sum = s.sum;
    Stage update = sum.update();
    RVar i = s.taps[0], tx = s.taps[1], ty = s.taps[2], tz = s.taps[3];
    sum.compute_at(tile).bound_extent(s.c, schedule.channels).bound_extent(s.x, schedule.tile_x);
    sum.bound_extent(s.y, schedule.tile_y).reorder_storage(s.x, s.c);
    std::vector<VarOrRVar> order = {s.x, s.c, s.y, tx, i, ty, tz};
    bool rows_unrolled = key.group_in <= kFewChannels && key.kernel[1] * key.kernel[2] <= kUnrolledTaps;
    if (rows_unrolled) {
        order = {s.x, s.c, s.y, tx, ty, i, tz};
        update.unroll(ty);
    }
    if (whole_phases(key)) {
        sum.bound_extent(s.qx, tile_phases(key)).unroll(s.qx);
        order.insert(order.begin() + 2, s.qx);
        update.unroll(s.qx);
    }
    sum.vectorize(s.x, schedule.lanes).unroll(s.x).unroll(s.c).unroll(s.y);
    update.reorder(order).vectorize(s.x, schedule.lanes).unroll(s.x).unroll(s.c).unroll(s.y).unroll(tx);
}

// The input in rows of x, zeros around.
void schedule_padded(const PixelStages &s, const Schedule &schedule, const LoopLevel &level) {
    Func padded = s.padded;
    padded.compute_at(level).reorder_storage(s.x, s.c, s.g, s.y);
    schedule_row_copy(padded, s.inside, s.outside, schedule.lanes, {s.y, s.c, s.g});
}

// Loops from the innermost: the tile's pixels, phases and channels; tiles of a row; phases of y; rows of a strip; blocks of
// channels; groups; strips.
void schedule_pixels(const PixelStages &s, const halconv_key &key, const Schedule &schedule) {
    Func output = s.output;
    Var co("co"), ci("ci"), xo("xo"), xi("xi"), xv("xv"), strip("strip"), yo("yo"), yi("yi"), job("job"), qo("qo");
    bool whole = whole_phases(key);
    TailStrategy tail = key.residual == 0 ? TailStrategy::ShiftInwards : TailStrategy::GuardWithIf;
    output.split(s.c, co, ci, schedule.channels, TailStrategy::GuardWithIf);
    output.split(s.x, xo, xi, schedule.tile_x, tail).split(xi, xi, xv, schedule.lanes);
    output.split(s.y, yo, yi, schedule.tile_y, tail);
    output.split(yo, strip, yo, schedule.rows / schedule.tile_y, TailStrategy::GuardWithIf);
    std::vector<VarOrRVar> order = {xv, xi, ci, yi, xo, yo, co, s.g, strip, s.z, s.n};
    if (whole) {
        // All phases of a vector of pixels are one vector of neighbours in memory.
        output.split(s.qx, qo, s.qx, tile_phases(key));
        order = {s.qx, xv, xi, ci, yi, qo, xo, s.qy, yo, co, s.qz, s.g, strip, s.z, s.n};
    }
    output.reorder(order).fuse(strip, s.z, job).fuse(job, s.n, job).parallel(job);
    output.vectorize(xv).unroll(xi).unroll(ci).unroll(yi);
    if (whole) {
        output.vectorize(s.qx).unroll(qo);
        if (key.stride[1] <= kUnrolledPhases) {
            output.unroll(s.qy);
        }
    }
    schedule_sum(s, key, schedule, LoopLevel(output, whole ? qo : xo));
    if (schedule.stage) {
        schedule_padded(s, schedule, LoopLevel(output, s.g));
    }
}

}  // namespace

void schedule_row_copy(Func padded, const RDom &inside, const RDom &outside, int lanes, const std::vector<Var> &outer) {
    constexpr int kInside = 2, kOutside = 3;  // updates of padded
    for (int update : {kInside, kOutside}) {
        RDom columns = update == kInside ? inside : outside;
        RVar row("row"), vector("vector"), lane("lane");
        std::vector<VarOrRVar> order = {lane, vector};
        order.insert(order.end(), outer.begin(), outer.end());
        padded.update(update)
            .fuse(columns.x, columns.y, row)
            .split(row, vector, lane, lanes, TailStrategy::GuardWithIf);
        padded.update(update).vectorize(lane).reorder(order);
    }
}

void schedule_pixel_lanes(ConvDirect &op, const halconv_key &key, const Schedule &schedule) {
    Var none;
    schedule_pixels({op.output, op.sum, op.padded, op.taps, op.inside, op.outside, op.c, op.g, op.x, op.y, op.z, op.n,
                     none, none, none},
                    key, schedule);
}

void schedule_pixel_lanes(ConvTransposePhase &op, const halconv_key &key, const Schedule &schedule) {
    schedule_pixels({op.output, op.sum, op.padded, op.taps, op.inside, op.outside, op.c, op.g, op.x, op.y, op.z, op.n,
                     op.qx, op.qy, op.qz},
                    key, schedule);
}

}  // namespace halconv
