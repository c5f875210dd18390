// The analytic model: which forms and tiles are legal for a problem, and what share of the FMA peak each should reach.
//
// Cycles of a register tile of `pixels` x `vectors` for one reduction step, with a multiply-adds and b loads a cycle (Core in
// target.h; 2 and 2 for Intel since Haswell, Zen with half-width units likewise in proportion):
//     max(pixels * vectors / a, (pixels / operand_lanes + vectors) / (kLoadShare * b), weight bytes / rate, latency)
// or, in order, the sum of the first two, and the core's overheads of a step and its loads; with Core::l2_bytes_per_cycle
// where the weights of a channel block and phase stay in three quarters of L2, else 8.
// A tile starts and stores in about 1.5 cycles a register, and more for each register beyond 16. Lanes and pixels beyond
// the tensor's edge are work lost. The rates are estimates that rank the workload's layers; none was measured by itself.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "halconv/halconv.h"
#include "runtime/core/problem.h"
#include "schedules/gpu/model.h"
#include "schedules/model_forms.h"
#include "schedules/tuning/legal.h"

namespace halconv {

namespace {

constexpr double kWeightBytesPerCycleL3 = 8;
constexpr double kFarBurst = 6;  // as kNearBurst, to memory
// Tiles with a load for each multiply-add reach 61 % of the peak on Intel, 98 % on Zen 4; this lies between, where
// row-fused tiles of one vector still win over tiles with more empty lanes.
constexpr double kLoadShare = 0.95;
constexpr double kLatency = 4;  // cycles until a sum can be added to again
constexpr int kMostTilePixels = 28;
constexpr int kMostTileRows = 4;
constexpr int kMostVectors = 4, kMostVectorsOfFewPixels = 8;
constexpr size_t kMostCandidates = 24;
constexpr int kManyJobs = 8;
// An estimate from one layer: jobs of 0.4 MFLOP cost a sixth of the time, of 2 MFLOP a fiftieth.
constexpr double kLeastJobFlop = 1e6;
// Of input read again: it is broadcast and fetched ahead, while weights are what a tile waits for. An estimate from one
// layer, unet/up1: 117 MB of weights by rows, 205 MB of input by channels, 6 % faster.
constexpr double kInputShare = 0.5;

int64_t round_up(int64_t a, int64_t b) { return (a + b - 1) / b * b; }

Axis<int64_t> assumed_axis(const halconv_key &key, int d) {
    return {assume(key.kernel[d], 3), assume(key.stride[d], key.op == HALCONV_CONV ? 1 : 2), assume(key.dilation[d], 1),
            assume(key.pad_before[d], 1)};
}

bool is_pinned_axis(const halconv_key &key, int d) {
    return key.kernel[d] != HALCONV_FREE && key.stride[d] != HALCONV_FREE && key.dilation[d] != HALCONV_FREE;
}

// A problem as the model sees it: GEMMs of pixels x reduction x channels, one for each group and phase.
struct Work {
    double repeats;        // batch and groups
    PhaseBox boxes[3][2];  // of axis z, y, x: phases and the positions of each
    int box_count[3];
    double outputs;            // of one channel and image
    int64_t groups, channels;  // lanes needed of a group
    double reduction;          // multiply-adds of an output, the phases' mean
    double inside[3];          // share of the products of axis z, y, x that meet no zero border
    double input_bytes, weight_bytes, output_bytes;
    int64_t staged_row_bytes;
    bool planes_out;  // nchw

    int64_t most(int d) const { return boxes[d][0].extent; }
    int64_t least(int d) const { return boxes[d][box_count[d] - 1].extent; }
    double phases(int d) const { return double(boxes[d][0].phases + (box_count[d] > 1 ? boxes[d][1].phases : 0)); }
    double tiles(int d, int64_t tile) const {
        double count = 0;
        for (int i = 0; i < box_count[d]; i++) {
            count += double(boxes[d][i].phases * divide_up(boxes[d][i].extent, tile));
        }
        return count;
    }
};

Work work_of(const halconv_key &key) {
    Work w{};
    bool transpose = key.op == HALCONV_CONV_TRANSPOSE;
    double group_in = double(assume(key.group_in, 64));
    int64_t in[3];
    w.groups = assume(key.groups, 1);
    w.repeats = double(assume(key.batch, 1) * w.groups);
    w.reduction = group_in;
    w.outputs = 1;
    double taps = 1;
    for (int d = 0; d < 3; d++) {
        Axis<int64_t> axis = assumed_axis(key, d);
        int64_t out = assume(key.out[d], 56);
        in[d] = assume(key.in[d], 56);
        taps *= double(axis.kernel);
        w.outputs *= double(out);
        w.box_count[d] = split_phases(transpose ? axis.stride : 1, out, w.boxes[d]);
        w.reduction *= mean_taps(axis, transpose);
        w.inside[d] = share_inside(axis, transpose ? in[d] : out, transpose ? out : in[d], transpose);
    }
    w.channels = assume(key.group_out, 64);
    w.planes_out = key.out_layout == HALCONV_NCHW;
    double channels_in = group_in * double(w.groups);
    w.input_bytes = channels_in * double(in[0] * in[1] * in[2]) * kFloatBytes;
    w.output_bytes = w.repeats * w.outputs * double(w.channels) * kFloatBytes;
    w.weight_bytes = double(w.groups) * group_in * double(w.channels) * taps * kFloatBytes;
    w.staged_row_bytes = int64_t(channels_in) * (in[2] + assumed_axis(key, 2).kernel) * kFloatBytes;
    return w;
}

struct TileShape {
    int x, y, vectors;
    int pixels() const { return x * y; }
};

// Cycles of a tile: its multiply-adds, a register count permitting, its start and its stores.
double tile_cycles(const Work &w, const TileShape &tile, const Schedule &schedule, double reduction,
                   const TargetRow &target) {
    const Core &core = target.core;
    double products = step_cycles({tile.pixels(), tile.vectors, schedule.operand_lanes, kLoadShare}, core);
    double step_bytes = double(tile.vectors) * schedule.lanes * kFloatBytes;
    bool in_l2 = step_bytes * reduction <= double(target.l2_bytes) * 3 / 4;
    double weights = step_bytes / (in_l2 ? core.l2_bytes_per_cycle : kWeightBytesPerCycleL3);
    double step = std::max({products, weights, kLatency}) + core.step_overhead;
    int sums = tile.pixels() * tile.vectors;
    double burst =
        (w.output_bytes > double(target.l2_bytes) ? kFarBurst : kNearBurst) * std::max(0, sums - kHiddenStores);
    // nchw: a tile is transposed in pieces of as many pixels as divide both it and a vector.
    double stores = w.planes_out ? double(sums) * schedule.lanes / std::gcd(tile.x, schedule.lanes) : sums;
    return step * reduction + 1.5 * stores + burst + 10;
}

// Percent of the FMA peak: multiply-adds that the result needs over those that the tiles' time allows.
double predicted(const Work &w, const Schedule &schedule, const TargetRow &target) {
    TileShape tile{schedule.tile_x, schedule.tile_y, schedule.vectors};
    int lanes = schedule.lanes;
    double useful = w.repeats * w.outputs * double(w.channels) * w.reduction / lanes / target.core.multiply_adds;
    double computed = w.reduction;
    for (int d = 0; d < 3; d++) {
        computed *= schedule.skip[d] ? w.inside[d] : 1;
    }
    double tiles = w.repeats * w.tiles(0, 1) * w.tiles(1, tile.y) * w.tiles(2, tile.x) *
                   double(divide_up(w.channels, int64_t(tile.vectors) * lanes));
    double share = double(lanes) / target.vector_lanes;
    return 100 * share * useful / (tiles * tile_cycles(w, tile, schedule, computed, target));
}

bool fits_registers(const TileShape &tile, int operand_lanes, const TargetRow &target) {
    // Tiles of several rows spill with fewer than two registers to spare (seen with 2x3x2 on AVX2: half the speed).
    int spare = tile.y > 1 && operand_lanes == 1 ? 2 : 0;
    return tile_registers(tile.pixels(), tile.vectors, operand_lanes) + spare + target.core.spare_registers <=
           target.registers;
}

// Whether so many parallel jobs keep two threads busy to the end.
bool jobs_balance(int64_t jobs) { return jobs >= kManyJobs || jobs % 2 == 0; }

// Rows, or columns of a single row, of a strip: their staged input fills a third of L2, and there are at least 4 strips,
// for as many threads, where there are 4 tiles.
int strip_length(int64_t positions, int64_t least, int tile, int64_t staged_bytes, int64_t l2_bytes) {
    int64_t fitting = std::max<int64_t>(tile, l2_bytes / 3 / std::max<int64_t>(1, staged_bytes));
    int64_t strips = std::max<int64_t>(divide_up(positions, fitting), std::min<int64_t>(4, divide_up(positions, tile)));
    strips += jobs_balance(strips) ? 0 : 1;
    int strip = int(round_up(divide_up(positions, strips), tile));
    while (strips_overlap(positions, tile, strip) || strips_overlap(least, tile, strip)) {
        strip += tile;
    }
    return strip;
}

// The strips, and the parallel axis: whichever reads less memory again. Strips read the weights once a strip, blocks of
// channels the input once a block and phase, at kInputShare; what fits half of L2 costs nothing.
void choose_blocks(const Work &w, const TargetRow &target, bool pinned, Schedule &schedule) {
    schedule.rows = schedule.tile_y;
    schedule.parallel = ParallelAxis::kRows;
    if (!pinned) {
        return;
    }
    int64_t strips;
    if (w.most(1) == 1) {
        schedule.columns =
            strip_length(w.most(2), w.least(2), schedule.tile_x, w.staged_row_bytes / w.most(2), target.l2_bytes);
        strips = divide_up(w.most(2), schedule.columns);
    } else {
        schedule.rows = strip_length(w.most(1), w.least(1), schedule.tile_y, w.staged_row_bytes, target.l2_bytes);
        strips = divide_up(w.most(1), schedule.rows);
    }
    double half_l2 = double(target.l2_bytes) / 2;
    double channel_blocks = double(divide_up(w.channels, schedule.panel()));
    double by_rows = w.weight_bytes > half_l2 ? w.weight_bytes * double(strips) : 0;
    double by_channels = w.input_bytes > half_l2
                             ? kInputShare * w.input_bytes * channel_blocks * w.phases(0) * w.phases(1) * w.phases(2)
                             : 0;
    if (by_channels < by_rows) {
        bool balanced = jobs_balance(int64_t(channel_blocks) * w.groups);
        double phase_flop = 2.0 * double(w.most(2) * w.most(1) * schedule.panel()) * w.reduction;
        schedule.parallel =
            balanced || phase_flop < kLeastJobFlop ? ParallelAxis::kChannels : ParallelAxis::kChannelsAndPhases;
        schedule.rows = int(round_up(w.most(1), schedule.tile_y));
        schedule.columns = 0;
    }
}

// Leaves out the borders that may be, as long as the code stays small, where the tests for them cost less than zeros.
void choose_skips(const halconv_key &key, const TargetRow &target, Schedule &s) {
    for (int d : {0, 2, 1}) {
        s.skip[d] = pins_axes(key) && target.core.skips_borders && may_skip(key, s, d);
        s.skip[d] = s.skip[d] && border_code_fits(key, s);
    }
}

// Whether the pixels of a tile, of the caller's input, and weights evict each other from L1, always where all pixels share
// one set (resnet50/14_1x1, 3 pixels of AVX2: 113 staged, 100 not); a staged copy pads pixels apart.
bool pixels_alias(const halconv_key &key, const Schedule &s) {
    if (key.in_layout != HALCONV_NHWC || key.group_in == HALCONV_FREE || key.groups == HALCONV_FREE) {
        return false;
    }
    int64_t pixels_apart = inputs_apart(key_axis(key, 2), key.op == HALCONV_CONV_TRANSPOSE);
    int64_t lines = lines_in_l1(pixels_apart * key.group_in * key.groups * kFloatBytes);
    return lines <= kL1Ways || s.tile_x * s.tile_y + s.vectors > lines;
}

// Whether to copy the input: where the kernel cannot do without, or to move pixels apart.
bool stages(const halconv_key &key, const Schedule &s) {
    return !pins_axes(key) || pixels_alias(key, s) || must_stage(key, s);
}

bool prefetches_output(const Work &w, const TargetRow &target, bool pinned) {
    return target.core.write_prefetch && pinned && w.output_bytes > double(target.l2_bytes);
}

void add_tiled(const halconv_key &key, const TargetRow &target, halconv_form form, std::vector<Candidate> &found) {
    Work w = work_of(key);
    bool pinned = pins_axes(key);
    for (int lanes = 4; lanes <= target.vector_lanes; lanes *= 2) {
        bool wider_does_more = lanes < target.vector_lanes && w.channels > lanes;
        if (wider_does_more) {
            continue;
        }
        for (int y = 1; y <= std::min<int64_t>(kMostTileRows, w.most(1)); y++) {
            for (int x = 1; x <= std::min<int64_t>(kMostTilePixels, w.most(2)); x++) {
                int most_vectors = x * y <= 2 ? kMostVectorsOfFewPixels : kMostVectors;
                for (int vectors = 1; vectors <= most_vectors; vectors++) {
                    TileShape tile{x, y, vectors};
                    int operands = target.core.operand_lanes;
                    if (!fits_registers(tile, operands, target)) {
                        continue;
                    }
                    if (vectors > 1 && (vectors - 1) * lanes >= w.channels) {
                        continue;
                    }
                    Schedule s;
                    s.form = form;
                    s.tile_x = x, s.tile_y = y, s.vectors = vectors, s.lanes = lanes, s.operand_lanes = operands;
                    s.prefetch_output = prefetches_output(w, target, pinned);
                    choose_blocks(w, target, pinned, s);
                    choose_skips(key, target, s);
                    s.stage = stages(key, s);
                    found.push_back({s, predicted(w, s, target)});
                }
            }
        }
    }
}

bool row_fused_is_legal(const halconv_key &key) {
    if (key.op != HALCONV_CONV_TRANSPOSE || key.groups != 1 || key.out_layout != HALCONV_NHWC) {
        return false;
    }
    if (!is_pinned_axis(key, 2) || key.group_out == HALCONV_FREE || key.pad_before[2] == HALCONV_FREE) {
        return false;
    }
    return key.stride[2] > 1 && phases_alike(key_axis(key, 2));
}

// Rows go by innermost, so that the weights of a y phase must stay in L2.
void add_row_fused(const halconv_key &key, const TargetRow &target, std::vector<Candidate> &found) {
    if (!row_fused_is_legal(key)) {
        return;
    }
    Work w = work_of(key);
    if (w.weight_bytes / (w.phases(0) * w.phases(1)) > double(target.l2_bytes) / 2) {
        return;
    }
    w.boxes[2][0] = {0, 1,
                     key.out[2] != HALCONV_FREE ? row_bases(key)
                                                : w.most(2) + 1};  // the row is computed uncropped, all phases at once
    w.box_count[2] = 1;
    w.channels = fused_lanes<int64_t>(assumed_axis(key, 2), key.group_out);
    w.outputs *= double(key.group_out) / double(w.channels);
    for (int x = 1; x <= kMostTilePixels; x++) {
        for (int vectors = 1; vectors <= kMostVectors; vectors++) {
            TileShape tile{x, 1, vectors};
            Schedule s;
            s.form = HALCONV_FORM_ROW_FUSED;
            s.tile_x = x, s.vectors = vectors, s.lanes = target.vector_lanes;
            s.operand_lanes = target.core.operand_lanes;
            s.prefetch_output = prefetches_output(w, target, pins_axes(key));
            s.stage = !stays_inside(key) || !reads_operands(key, s.operand_lanes);
            choose_skips(key, target, s);
            if (!fits_registers(tile, s.operand_lanes, target) || !row_tile_fits(key, x, s.stage) ||
                s.panel() > w.channels) {
                continue;
            }
            found.push_back({s, predicted(w, s, target)});
        }
    }
}

}  // namespace

bool stays_inside(const halconv_key &key, int d) {
    Axis<int64_t> axis = key_axis(key, d);
    return key.op == HALCONV_CONV ? conv_stays_inside(axis, key.in[d], key.out[d])
                                  : transpose_stays_inside(axis, key.in[d], key.out[d]);
}

bool stays_inside(const halconv_key &key) {
    return pins_axes(key) && stays_inside(key, 0) && stays_inside(key, 1) && stays_inside(key, 2);
}

bool strips_overlap(int64_t positions, int tile_y, int rows) {
    int64_t tiles = divide_up(positions, tile_y), tiles_of_strip = rows / tile_y;
    return positions % tile_y != 0 && tiles > tiles_of_strip && (tiles - 1) % tiles_of_strip == 0;
}

std::vector<Candidate> candidates(const halconv_key &key, const TargetRow &target, halconv_numerics numerics) {
    if (target.gpu) {
        return gpu_candidates(key, target);
    }
    std::vector<Candidate> found;
    add_depthwise(key, target, found);
    add_pixel_lanes(key, target, found);
    if (!is_depthwise(key)) {
        add_tiled(key, target, key.op == HALCONV_CONV ? HALCONV_FORM_DIRECT : HALCONV_FORM_PHASE, found);
        add_row_fused(key, target, found);
        add_inner_products(key, target, found);
    }
    auto better = [](const Candidate &a, const Candidate &b) { return a.predicted_percent > b.predicted_percent; };
    std::stable_sort(found.begin(), found.end(), better);
    if (found.size() > kMostCandidates) {
        found.resize(kMostCandidates);
    }
    add_winograd(key, target, numerics, found);
    std::stable_sort(found.begin(), found.end(), better);
    return found;
}

}  // namespace halconv
