// Schedules of the dense forms: a register tile of pixels x vectors of channels, updated by one element of the input, a
// broadcast (x86) or a lane (ARM), and `vectors` multiply-adds a pixel and tap; pixels inside a block of rows that shares one
// staged (zero-padded) copy of the input; the weights of one channel block and phase stay in L2 while the pixels of the block
// go by.
#include <numeric>
#include <optional>

#include "halconv/halconv.h"
#include "schedules/apply.h"
#include "schedules/products.h"

namespace halconv {

using namespace Halide;

namespace {

// The stages of a form with a pixel tile, whose vectors are channels c of a group g.
struct TiledStages {
    Func output, sum, operand, padded;
    RDom taps;
    Var i, c, g, x, y, z, n;
    std::vector<VarOrRVar> phases;        // of x, y and z; without that of x where tiles hold all of them:
    std::optional<Var> interleaved = {};  // the x phases of a tile
    RDom inside = {}, outside = {};       // of padded where it is copied by rows
};

// Of the staged input by one turn of its loop, on ARM.
constexpr int kCopiedVectors = 4;

bool is_pinned(int32_t pin) { return pin != HALCONV_FREE; }

// The staged input: channels innermost for nhwc; for nchw rows of x, whose copy is contiguous and which the broadcast
// loads of the sum read just as well.
void schedule_padded(const TiledStages &s, const halconv_key &key, const Schedule &schedule, const LoopLevel &level) {
    Func padded = s.padded;
    Var c = s.c;
    padded.compute_at(level);
    int lanes = schedule.operand_lanes;
    if (stages_rows(key, schedule)) {
        padded.bound(c, 0, key.group_in);
        schedule_row_copy(padded, s.inside, s.outside, schedule.lanes, {s.y, s.z});
        return;
    }
    if (key.in_layout == HALCONV_NCHW && lanes == 1) {
        // Beyond the input lie zeros to copy, or nothing that may be read where the border is skipped.
        TailStrategy tail = schedule.skip[2] ? TailStrategy::GuardWithIf : TailStrategy::RoundUp;
        padded.reorder_storage(s.x, c, s.y).reorder(s.x, s.y, c).vectorize(s.x, schedule.lanes, tail);
        return;
    }
    // Pixels a multiple of 1 KiB apart would crowd few sets of L1.
    if (is_pinned(key.group_in) && key.group_in % 256 == 0) {
        padded.bound_storage(c, key.group_in + 16);
    } else if (is_pinned(key.group_in) && is_pinned(key.groups) && key.group_in * key.groups % 256 == 0) {
        padded.bound_storage(s.g, key.groups + 1);
    }
    if (is_pinned(key.group_in) && key.group_in < schedule.lanes) {
        padded.bound(c, 0, (key.group_in + lanes - 1) / lanes * lanes).unroll(c);
    } else if (is_pinned(key.group_in) && lanes > 1 && key.group_in % schedule.lanes == 0) {
        // Pairs of registers are copied by one instruction.
        Var vectors("vectors");
        int copied = schedule.lanes * std::gcd(key.group_in / schedule.lanes, kCopiedVectors);
        padded.split(c, c, vectors, copied).vectorize(vectors, schedule.lanes).unroll(vectors);
    } else {
        padded.vectorize(c, schedule.lanes, TailStrategy::GuardWithIf);
    }
}

void schedule_sum(const TiledStages &s, const halconv_key &key, const Schedule &schedule, const LoopLevel &tile) {
    Func sum = s.sum;
    sum.compute_at(tile).bound_extent(s.c, schedule.panel()).bound_extent(s.x, schedule.tile_x);
    sum.bound_extent(s.y, schedule.tile_y);
    sum.vectorize(s.c, schedule.lanes).unroll(s.c).unroll(s.x).unroll(s.y);
    RVar i = s.taps[0], tx = s.taps[1], ty = s.taps[2], tz = s.taps[3];
    std::vector<VarOrRVar> outer = {tx, ty, tz};
    if (s.interleaved) {
        sum.bound(*s.interleaved, 0, key.stride[2]);
        outer.push_back(*s.interleaved);
    }
    order_products({sum, s.operand, s.i, s.c, {s.x, s.y}, {schedule.tile_x, schedule.tile_y}, i, outer}, key, schedule);
    Stage update = sum.update();
    // With the tap known, the pixels of a tile at the border that skip it are known too.
    if (schedule.skip[2]) {
        update.unroll(tx);
    }
    if (schedule.skip[1]) {
        schedule.tile_y > 1 ? update.unroll(ty) : update.never_partition(ty);
    }
    if (schedule.skip[0]) {
        update.never_partition(tz);
    }
}

// Loops where the border is skipped. Only those over tiles of x, and of y where a tile has several rows, get code of their
// own at the border (Halide partitions them); elsewhere one test outside of the reduction over channels does.
void schedule_borders(const TiledStages &s, const halconv_key &key, const Schedule &schedule, const Var &yo,
                      const std::vector<VarOrRVar> &outer) {
    Func output = s.output;
    bool rows_apart = schedule.skip[1] && schedule.tile_y > 1;
    if (!schedule.skip[0] && !schedule.skip[1] && !schedule.skip[2]) {
        return;
    }
    for (const VarOrRVar &loop : outer) {
        output.never_partition(loop);
    }
    if (!rows_apart) {
        output.never_partition(yo);
    }
    if (schedule.parallel == ParallelAxis::kChannelsAndPhases) {
        return;  // the phases are jobs
    }
    for (size_t i = 0; i < s.phases.size(); i++) {
        size_t axis = i + (s.interleaved ? 1 : 0);  // x, y, z
        bool known = (axis == 0 && schedule.skip[2]) || (axis == 1 && rows_apart);
        if (known) {
            output.bound(s.phases[i].var, 0, key.stride[2 - axis]).unroll(s.phases[i]);
        } else {
            output.never_partition(s.phases[i]);
        }
    }
}

// The tile's store. nhwc: vectors of channels. nchw: vectors of pixels, read back transposed from the sum's memory.
void schedule_store(const TiledStages &s, const halconv_key &key, const Schedule &schedule, const Var &inner,
                    const Var &xi, const Var &yi) {
    Func output = s.output;
    Var vectors("vectors"), lanes("lanes"), pixels("pixels");
    if (key.out_layout == HALCONV_NCHW) {
        int width = std::gcd(schedule.tile_x, schedule.lanes);
        output.split(xi, xi, pixels, width).reorder(pixels, xi, inner, yi).vectorize(pixels).unroll(xi);
        if (s.interleaved) {
            output.bound(*s.interleaved, 0, key.stride[2]).reorder(*s.interleaved, pixels).vectorize(*s.interleaved);
        }
        return;
    }
    output.split(inner, vectors, lanes, schedule.lanes).reorder(lanes, vectors, xi, yi);
    output.vectorize(lanes).unroll(vectors).unroll(xi).unroll(yi);
}

void schedule_tiles(const TiledStages &s, const halconv_key &key, const Schedule &schedule) {
    Func output = s.output;
    Var block("block"), inner("inner"), xo("xo"), xi("xi"), strip("strip"), yo("yo"), yi("yi"), job("job");
    output.split(s.c, block, inner, schedule.panel(), TailStrategy::GuardWithIf);
    // Tiles at the end shift inwards and store some pixels twice. That must not happen to a residual that is the output
    // itself, nor from two parallel strips: with pinned sizes the model chooses strips that end in whole tiles.
    auto tail = [&](int d, bool may_shift) {
        bool shift = may_shift && key.residual == 0 && !overhangs(key, schedule, d);
        return shift ? TailStrategy::ShiftInwards : TailStrategy::GuardWithIf;
    };
    TailStrategy x_tail = tail(2, true), y_tail = tail(1, is_pinned(key.out[1]));
    output.split(s.x, xo, xi, schedule.tile_x, x_tail).split(s.y, yo, yi, schedule.tile_y, y_tail);
    if (schedule.columns > 0) {
        output.split(xo, strip, xo, schedule.columns / schedule.tile_x, TailStrategy::GuardWithIf);
    } else {
        output.split(yo, strip, yo, schedule.rows / schedule.tile_y, TailStrategy::GuardWithIf);
    }
    std::vector<VarOrRVar> order = {inner, xi, yi, xo, yo}, outer;
    if (s.interleaved) {
        order.insert(order.begin(), *s.interleaved);
    }
    if (schedule.parallel == ParallelAxis::kRows) {
        order.push_back(block);
        order.insert(order.end(), s.phases.begin(), s.phases.end());
        order.insert(order.end(), {s.g, strip, s.z, s.n});
        output.reorder(order).fuse(strip, s.z, job).fuse(job, s.n, job).parallel(job);
        outer = {job};
    } else {
        order.push_back(strip);
        order.insert(order.end(), s.phases.begin(), s.phases.end());
        order.insert(order.end(), {s.z, block, s.g, s.n});
        output.reorder(order).fuse(block, s.g, job);
        if (schedule.parallel == ParallelAxis::kChannelsAndPhases) {
            output.fuse(s.z, job, job);
            for (auto phase = s.phases.rbegin(); phase != s.phases.rend(); ++phase) {
                output.fuse(*phase, job, job);
            }
        }
        output.parallel(job);
        outer = {strip, s.n};
        if (schedule.parallel == ParallelAxis::kChannels) {
            outer.push_back(s.z);
        }
    }
    schedule_borders(s, key, schedule, yo, outer);
    // Else Halide does not see that a tile's operands begin where its sums do.
    if (schedule.operand_lanes > 1 && x_tail == TailStrategy::ShiftInwards) {
        output.never_partition(xo);
    }
    if (schedule.operand_lanes > 1 && schedule.tile_y > 1 && y_tail == TailStrategy::ShiftInwards) {
        output.never_partition(yo);
    }
    schedule_store(s, key, schedule, inner, xi, yi);
    schedule_sum(s, key, schedule, LoopLevel(output, xo));
    if (schedule.stage) {
        bool by_job = schedule.parallel == ParallelAxis::kRows;
        schedule_padded(s, key, schedule, LoopLevel(output, by_job ? job : s.n));
        if (!by_job) {
            Func padded = s.padded;
            padded.parallel(s.y);
            for (int i = 0; i < padded.num_update_definitions(); i++) {
                padded.update(i).parallel(s.y);
            }
        }
    }
}

template <class Op> TiledStages stages_of(Op &op) {
    return {op.output, op.sum, op.operand, op.padded, op.taps, op.tap[0], op.c,      op.g,
            op.x,      op.y,   op.z,       op.n,      {},      {},        op.inside, op.outside};
}

}  // namespace

void apply_schedule(ConvDirect &op, const halconv_key &key, const Schedule &schedule) {
    if (schedule.form == HALCONV_FORM_PIXEL_LANES) {
        schedule_pixel_lanes(op, key, schedule);
        return;
    }
    schedule_tiles(stages_of(op), key, schedule);
}

void apply_schedule(ConvTransposePhase &op, const halconv_key &key, const Schedule &schedule) {
    if (schedule.form == HALCONV_FORM_PIXEL_LANES) {
        schedule_pixel_lanes(op, key, schedule);
        return;
    }
    TiledStages stages = stages_of(op);
    stages.phases = {op.qx, op.qy, op.qz};
    if (interleaves_phases(key) && !schedule.reference) {
        stages.phases.erase(stages.phases.begin());
        stages.interleaved = op.qx;
    }
    schedule_tiles(stages, key, schedule);
}

// A row of the output, block by block of lanes, in tiles of (b, lane). A vector that neither the crop nor the last lane
// cuts is stored whole; the test of it costs less than code of its own for the tiles at the ends of a row.
void apply_schedule(ConvTransposeRowFused &op, const halconv_key &key, const Schedule &schedule) {
    Func output = op.output, sum = op.sum;
    RVar lane = op.places[0], vectors("vectors"), lanes("lanes");
    Var job("job");
    Stage store = output.update();
    store.split(lane, vectors, lanes, schedule.lanes).fuse(op.qy, op.qz, job);
    store.reorder({lanes, vectors, op.places[1], op.places[2], op.places[3], op.y, job, op.z, op.n});
    // Each element is stored once.
    store.allow_race_conditions().vectorize(lanes).unroll(vectors).unroll(op.places[1]).parallel(job);
    store.never_partition(op.places[2], op.places[3], op.y, job, op.z, op.n);
    sum.compute_at(output, op.places[2]).bound_extent(op.lane, schedule.panel()).bound_extent(op.b, schedule.tile_x);
    sum.vectorize(op.lane, schedule.lanes).unroll(op.lane).unroll(op.b);
    order_products({sum,
                    op.operand,
                    op.tap[0],
                    op.lane,
                    {op.b},
                    {schedule.tile_x},
                    op.taps[0],
                    {op.taps[1], op.taps[2], op.taps[3]}},
                   key, schedule);
    sum.update().never_partition(op.taps[2], op.taps[3]);
    if (schedule.stage) {
        schedule_padded(stages_of(op), key, schedule, LoopLevel(output, op.n));
    }
}

}  // namespace halconv
