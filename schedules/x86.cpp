// Schedules for x86 SIMD: a register tile of pixels x vectors of channels, updated by one broadcast and `vectors`
// multiply-adds a pixel and tap; pixels inside a block of rows that shares one staged (zero-padded) copy of the input;
// the weights of one channel block and phase stay in L2 while the pixels of the block go by.
#include <numeric>

#include "halconv/halconv.h"
#include "schedules/apply.h"

namespace halconv {

using namespace Halide;

namespace {

// The stages of a form with a pixel tile. `lane` is the axis that fills the vectors, `other` the remaining channel axis.
struct TiledStages {
    Func output, sum, padded;
    RDom taps;
    Var lane, other, c, x, y, z, n;
    std::vector<VarOrRVar> phases;
};

// Reductions up to this length are unrolled whole.
constexpr int kUnrolledReduction = 4;
constexpr int kUnrolledTaps = 32;

bool is_pinned(int32_t pin) { return pin != HALCONV_FREE; }

// The staged input: channels innermost for nhwc; for nchw rows of x, whose copy is contiguous and which the broadcast
// loads of the sum read just as well.
void schedule_padded(const TiledStages &s, const halconv_key &key, const Schedule &schedule, const LoopLevel &level) {
    Func padded = s.padded;
    Var c = s.c;
    padded.compute_at(level);
    if (key.in_layout == HALCONV_NCHW) {
        padded.reorder_storage(s.x, c, s.y).reorder(s.x, s.y, c).vectorize(s.x, schedule.lanes, TailStrategy::RoundUp);
        return;
    }
    Var channel = schedule.form == HALCONV_FORM_DEPTHWISE ? s.lane : c;
    int extent = channel.name() == c.name() ? key.group_in : key.groups;
    // Pixels a multiple of 1 KiB apart would crowd few sets of L1.
    if (is_pinned(extent) && extent % 256 == 0) {
        padded.bound_storage(channel, extent + 16);
    }
    if (is_pinned(extent) && extent < schedule.lanes) {
        padded.bound(channel, 0, extent).unroll(channel);
    } else {
        padded.vectorize(channel, schedule.lanes, TailStrategy::GuardWithIf);
    }
}

void schedule_sum(const TiledStages &s, const halconv_key &key, const Schedule &schedule, const LoopLevel &tile) {
    Func sum = s.sum;
    sum.compute_at(tile).bound_extent(s.lane, schedule.panel()).bound_extent(s.x, schedule.tile_x);
    sum.bound_extent(s.y, schedule.tile_y);
    sum.vectorize(s.lane, schedule.lanes).unroll(s.lane).unroll(s.x).unroll(s.y);
    RVar i = s.taps[0], tx = s.taps[1], ty = s.taps[2], tz = s.taps[3];
    Stage update = sum.update();
    update.reorder({s.lane, s.x, s.y, i, tx, ty, tz});
    update.vectorize(s.lane, schedule.lanes).unroll(s.lane).unroll(s.x).unroll(s.y);
    bool depthwise = schedule.form == HALCONV_FORM_DEPTHWISE;
    if (depthwise) {
        bool known = is_pinned(key.kernel[1]) && is_pinned(key.kernel[2]);
        if (known && key.kernel[1] * key.kernel[2] <= kUnrolledTaps) {
            update.unroll(tx).unroll(ty);
        }
    } else if (is_pinned(key.group_in) && key.group_in <= kUnrolledReduction) {
        update.unroll(i);
    }
}

// The tile's store. nhwc: vectors of channels. nchw: vectors of pixels, read back transposed from the sum's memory.
void schedule_store(Func output, const halconv_key &key, const Schedule &schedule, const Var &inner, const Var &xi,
                    const Var &yi) {
    Var vectors("vectors"), lanes("lanes"), pixels("pixels");
    if (key.out_layout == HALCONV_NCHW) {
        int width = std::gcd(schedule.tile_x, schedule.lanes);
        output.split(xi, xi, pixels, width).reorder(pixels, xi, inner, yi).vectorize(pixels).unroll(xi);
        return;
    }
    output.split(inner, vectors, lanes, schedule.lanes).reorder(lanes, vectors, xi, yi);
    output.vectorize(lanes).unroll(vectors).unroll(xi).unroll(yi);
}

void schedule_tiles(const TiledStages &s, const halconv_key &key, const Schedule &schedule) {
    Func output = s.output;
    Var block("block"), inner("inner"), xo("xo"), xi("xi"), strip("strip"), yo("yo"), yi("yi"), job("job");
    output.split(s.lane, block, inner, schedule.panel(), TailStrategy::GuardWithIf);
    // Tiles at the end shift inwards and store some pixels twice. That must not happen to a residual that is the output
    // itself, nor from two parallel strips: with pinned sizes the model chooses strips that end in whole tiles.
    TailStrategy x_tail = key.residual == 0 ? TailStrategy::ShiftInwards : TailStrategy::GuardWithIf;
    TailStrategy y_tail = is_pinned(key.out[1]) ? x_tail : TailStrategy::GuardWithIf;
    output.split(s.x, xo, xi, schedule.tile_x, x_tail).split(s.y, yo, yi, schedule.tile_y, y_tail);
    if (schedule.columns > 0) {
        output.split(xo, strip, xo, schedule.columns / schedule.tile_x, TailStrategy::GuardWithIf);
    } else {
        output.split(yo, strip, yo, schedule.rows / schedule.tile_y, TailStrategy::GuardWithIf);
    }
    std::vector<VarOrRVar> order = {inner, xi, yi};
    bool depthwise = schedule.form == HALCONV_FORM_DEPTHWISE;
    if (depthwise) {
        order.insert(order.end(), {block, xo, yo});
    } else {
        order.insert(order.end(), {xo, yo});
    }
    if (schedule.parallel == ParallelAxis::kRows) {
        if (!depthwise) {
            order.push_back(block);
        }
        order.insert(order.end(), s.phases.begin(), s.phases.end());
        order.insert(order.end(), {s.other, strip, s.z, s.n});
        output.reorder(order).fuse(strip, s.z, job).fuse(job, s.n, job).parallel(job);
    } else {
        order.push_back(strip);
        order.insert(order.end(), s.phases.begin(), s.phases.end());
        order.insert(order.end(), {s.z, block, s.other, s.n});
        output.reorder(order).fuse(block, s.other, job);
        if (schedule.parallel == ParallelAxis::kChannelsAndPhases) {
            output.fuse(s.z, job, job);
            for (auto phase = s.phases.rbegin(); phase != s.phases.rend(); ++phase) {
                output.fuse(*phase, job, job);
            }
        }
        output.parallel(job);
    }
    schedule_store(output, key, schedule, inner, xi, yi);
    LoopLevel tile(output, depthwise ? block : xo);
    schedule_sum(s, key, schedule, tile);
    if (schedule.stage) {
        bool by_job = schedule.parallel == ParallelAxis::kRows;
        schedule_padded(s, key, schedule, LoopLevel(output, by_job ? job : s.n));
        if (!by_job) {
            Func(s.padded).parallel(s.y);
        }
    }
}

template <class Op> TiledStages stages_of(Op &op, const Var &lane, const Var &other) {
    return {op.output, op.sum, op.padded, op.taps, lane, other, op.c, op.x, op.y, op.z, op.n, {}};
}

}  // namespace

void apply_schedule(ConvDirect &op, const halconv_key &key, const Schedule &schedule) {
    schedule_tiles(stages_of(op, op.c, op.g), key, schedule);
}

void apply_schedule(ConvDepthwise &op, const halconv_key &key, const Schedule &schedule) {
    schedule_tiles(stages_of(op, op.g, op.c), key, schedule);
}

void apply_schedule(ConvTransposePhase &op, const halconv_key &key, const Schedule &schedule) {
    TiledStages stages = stages_of(op, op.c, op.g);
    stages.phases = {op.qx, op.qy, op.qz};
    schedule_tiles(stages, key, schedule);
}

void apply_schedule(ConvTransposeDepthwise &op, const halconv_key &key, const Schedule &schedule) {
    TiledStages stages = stages_of(op, op.g, op.c);
    stages.phases = {op.qx, op.qy, op.qz};
    schedule_tiles(stages, key, schedule);
}

// A row of the output is computed uncropped, tile by tile of (b, lanes), and then copied without its margins.
void apply_schedule(ConvTransposeRowFused &op, const halconv_key &key, const Schedule &schedule) {
    Func output = op.output, row = op.row, sum = op.sum, padded = op.padded;
    Var bo("bo"), bi("bi"), lo("lo"), li("li"), vectors("vectors"), lanes("lanes"), job("job");
    int panel = weights_panel(key, schedule);
    output.reorder(op.f, op.y, op.qy, op.qz, op.z, op.n).vectorize(op.f, schedule.lanes, TailStrategy::GuardWithIf);
    output.fuse(op.qy, op.qz, job).reorder(op.f, op.y, job, op.z, op.n).parallel(job);
    row.compute_at(output, op.y).bound(op.lane, 0, panel).store_in(MemoryType::Heap);
    row.split(op.b, bo, bi, schedule.tile_x, TailStrategy::ShiftInwards);
    row.split(op.lane, lo, li, schedule.panel(), TailStrategy::ShiftInwards).split(li, vectors, lanes, schedule.lanes);
    row.reorder(lanes, vectors, bi, bo, lo).vectorize(lanes).unroll(vectors).unroll(bi);
    sum.compute_at(row, bo).bound_extent(op.lane, schedule.panel()).bound_extent(op.b, schedule.tile_x);
    sum.vectorize(op.lane, schedule.lanes).unroll(op.lane).unroll(op.b);
    sum.update().reorder({op.lane, op.b, op.taps[0], op.taps[1], op.taps[2], op.taps[3]});
    sum.update().vectorize(op.lane, schedule.lanes).unroll(op.lane).unroll(op.b);
    if (schedule.stage) {
        TiledStages stages{output, sum, padded, op.taps, op.lane, op.g, op.c, op.x, op.y, op.z, op.n, {}};
        schedule_padded(stages, key, schedule, LoopLevel(output, op.n));
    }
}

}  // namespace halconv
