// The analytic model of depthwise schedules, in slots of one vector multiply-add each. A register tile takes
//     multiply-adds + loads / 5 + stores / 2 + 0.8 * (vectors that registers do not hold) + overhead
// and where the input rows that it reads exceed half of L1, 0.15 for each new line. A tile of several rows holds its window's
// weights and inputs in registers, as far as they fit; a tile of one row those of one kernel row at a time. The
// constants are estimates for a Zen 4 core.
#include <algorithm>
#include <numeric>
#include <set>

#include "halconv/halconv.h"
#include "runtime/core/conv_shape.h"
#include "schedules/model_forms.h"

namespace halconv {

namespace {

constexpr int kMostTileX = 16, kMostTileY = 4, kMostTaps = 16, kMostStrips = 4;
// Pixels of a tile whose phase is known at run time only: each then has its own mask.
constexpr int kMostMaskedPixels = 4;
// A chain of multiply-adds into one sum waits for its latency; fewer sums than this leave slots empty.
constexpr int kChains = 6;
constexpr double kLoad = 0.2, kStore = 0.5, kSpill = 0.8, kRowOverhead = 3, kTileOverhead = 2, kNewLine = 0.15,
                 kCrowdedLine = 1;                // 14 pixels of 512 channels: 58 against 79 GFLOP/s
constexpr double kPlanes = 0.25;                  // what gathers leave where channels are not neighbours in memory
constexpr double kPermutation = 0.8;              // of an input vector, to the lanes of its group's outputs
constexpr double kRaggedX = 1.1, kRaggedY = 1.2;  // the last tiles shift inwards, to coordinates not known beforehand

// A problem with common sizes for what is free, z y x.
struct Problem {
    Axis<int64_t> axis[3];
    int64_t in[3], size[3], least[3], taps[3];  // size, least: positions of the phase with the most and the fewest
    int64_t channels, group_in;
    double useful;  // multiply-adds of all outputs of a channel
    bool conv;
    int phases;  // x phases of a register tile

    // Input positions that `positions` neighbouring outputs (all phases of a tile) of axis d read.
    int64_t window(int d, int64_t positions) const {
        if (!conv) {
            return positions - 1 + phase_span(phase_axis(axis[d])) + (d == 2 && phases > 1 ? 1 : 0);
        }
        std::set<int64_t> distinct;
        for (int64_t low = 0; low < positions; low++) {
            for (int64_t tap = 0; tap < taps[d]; tap++) {
                distinct.insert(high_coordinate(axis[d], low, tap));
            }
        }
        return int64_t(distinct.size());
    }
};

Problem problem_of(const halconv_key &key) {
    Problem p{};
    p.conv = key.op == HALCONV_CONV;
    p.phases = whole_phases(key) ? tile_phases(key) : 1;
    p.group_in = assume(key.group_in, 1);
    p.channels = assume(key.groups, 64) * assume(key.group_out, 1);
    p.useful = double(assume(key.batch, 1) * p.group_in);
    for (int d = 0; d < 3; d++) {
        p.axis[d] = {assume(key.kernel[d], 3), assume(key.stride[d], p.conv ? 1 : 2), assume(key.dilation[d], 1),
                     assume(key.pad_before[d], 1)};
        int64_t out = assume(key.out[d], 56);
        p.in[d] = assume(key.in[d], 56);
        p.taps[d] = p.conv ? p.axis[d].kernel : phase_axis(p.axis[d]).max_taps();
        p.size[d] = p.conv ? out : positions_of_phase(out, p.axis[d].stride, 0);
        p.least[d] = p.conv ? out : least_positions_of_phases(out, p.axis[d].stride);
        p.useful *= double(out) * mean_taps(p.axis[d], !p.conv);
    }
    return p;
}

double tile_slots(const Problem &p, const Schedule &s, const TargetRow &target) {
    bool by_rows = p.conv && s.tile_y == 1;
    int64_t sums = int64_t(s.tile_x) * s.tile_y * p.phases;
    int64_t taps = p.taps[2] * (by_rows ? 1 : p.taps[1]), steps = p.taps[0] * p.group_in * (by_rows ? p.taps[1] : 1);
    int64_t rows = p.window(1, s.tile_y);
    double weights = double(taps * p.phases), inputs = double(p.window(2, s.tile_x) * (by_rows ? 1 : rows));
    double uses = double(taps * sums) / inputs;  // of an input; one that is used once need not be kept
    double kept = by_rows ? inputs : inputs * std::clamp((uses - 1) / 2, 0.0, 1.0);
    double spilled = std::max(0.0, double(sums) + weights + kept - target.registers);
    double step = double(taps * std::max<int64_t>(sums, kChains)) + kLoad * (weights + inputs) + kSpill * spilled +
                  (p.group_in > 1 ? kPermutation * inputs : 0) + (by_rows ? kRowOverhead : 0);
    bool beyond_l1 = p.in[2] * p.channels * kFloatBytes * rows > kL1Sets * kL1Ways * kLineBytes / 2;
    double lines = beyond_l1 ? double(rows * s.tile_x * inputs_apart(p.axis[2], !p.conv)) : 0;
    // One pass over a window that L1 cannot hold loads each line once more for each tap.
    bool crowded = by_rows && p.window(2, s.tile_x) >= lines_in_l1(p.channels * kFloatBytes);
    return step * double(steps) + kStore * double(sums) + (crowded ? kCrowdedLine : kNewLine) * lines + kTileOverhead;
}

double predicted(const halconv_key &key, const Problem &p, const Schedule &s, const TargetRow &target) {
    double tiles = double(divide_up(p.size[2], s.tile_x) * divide_up(p.size[1], s.tile_y) * p.size[0]);
    for (int d = 0; d < 3 && !p.conv; d++) {
        tiles *= double(p.axis[d].stride);
    }
    double blocks = double(divide_up(p.channels, s.lanes)), share = double(s.lanes) / target.vector_lanes;
    double ragged =
        (p.size[2] % s.tile_x != 0 ? kRaggedX : 1) * (s.tile_y > 1 && p.size[1] % s.rows != 0 ? kRaggedY : 1);
    double slots = tiles / p.phases * blocks * tile_slots(p, s, target) * ragged;
    for (int32_t layout : {key.in_layout, key.out_layout}) {
        share *= layout == HALCONV_NCHW ? kPlanes : 1;
    }
    return 100 * share * p.useful * double(p.channels) / s.lanes / slots;
}

// Whether L1 keeps the input lines of one block of channels that the rows of a window need: lines one pixel apart share
// its sets the more, the larger the power of two in their distance.
bool rows_stay_in_l1(const Problem &p) {
    return kernel_span(p.axis[1]) * p.in[2] <= lines_in_l1(p.channels * kFloatBytes);
}

// Half of the registers hold sums, the others weights and inputs; with a row of weights at a time there is more room.
int64_t most_sums(const Problem &p, const halconv_key &key, int tile_y, const TargetRow &target) {
    if (!p.conv && !whole_phases(key)) {
        return kMostMaskedPixels;
    }
    int64_t beside_a_row = std::min<int64_t>(kMostTileX, target.registers - p.taps[2] - 2);
    return std::max<int64_t>(target.registers / 2, p.conv && tile_y == 1 ? beside_a_row : 0);
}

void choose_order(const halconv_key &key, const Problem &p, Schedule &s) {
    bool pinned = key.in[2] != HALCONV_FREE && key.out[1] != HALCONV_FREE && key.groups != HALCONV_FREE;
    s.rows = s.tile_y;
    if (!pinned) {
        return;
    }
    bool whole_lines = p.channels % s.lanes == 0 && s.lanes * kFloatBytes % kLineBytes == 0;
    s.parallel = p.conv && whole_lines && rows_stay_in_l1(p) ? ParallelAxis::kChannels : ParallelAxis::kRows;
    int64_t blocks = s.parallel == ParallelAxis::kChannels ? divide_up(p.channels, s.lanes) : 1;
    int64_t strips = std::min(divide_up(kMostStrips, blocks), divide_up(p.size[1], s.tile_y));
    s.rows = int(divide_up(divide_up(p.size[1], strips), s.tile_y)) * s.tile_y;
    while (strips_overlap(p.size[1], s.tile_y, s.rows) || strips_overlap(p.least[1], s.tile_y, s.rows)) {
        s.rows += s.tile_y;
    }
}

// Vectors of inputs are permuted to the lanes of their groups' outputs, the same way for each block of lanes.
bool lanes_hold_groups(const halconv_key &key, int lanes) {
    return is_depthwise(key) || (lanes % key.group_out == 0 && key.group_out < lanes);
}

}  // namespace

void add_depthwise(const halconv_key &key, const TargetRow &target, std::vector<Candidate> &found) {
    constexpr int kMostChannels = 8;
    bool few = key.group_in >= 1 && key.group_in <= kMostChannels && key.group_out >= 1 && key.groups != 1;
    if (!few) {
        return;
    }
    Problem p = problem_of(key);
    for (int lanes = 4; lanes <= target.vector_lanes; lanes *= 2) {
        if ((lanes < target.vector_lanes && p.channels > lanes) || !lanes_hold_groups(key, lanes)) {
            continue;
        }
        for (int y = 1; y <= std::min<int64_t>(kMostTileY, p.least[1]); y++) {
            for (int x = 1; x <= std::min<int64_t>(kMostTileX, p.least[2]); x++) {
                bool large_window = p.conv && y > 1 && p.taps[2] * p.taps[1] > kMostTaps;
                if (x * y * p.phases > most_sums(p, key, y, target) || large_window) {
                    continue;
                }
                Schedule s;
                s.form = HALCONV_FORM_DEPTHWISE;
                s.tile_x = x, s.tile_y = y, s.lanes = lanes;
                s.stage = false;
                s.skip[1] = p.conv && y == 1;  // one test a row of taps
                choose_order(key, p, s);
                found.push_back({s, predicted(key, p, s, target)});
            }
        }
    }
}

}  // namespace halconv
