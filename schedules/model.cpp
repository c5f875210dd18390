// The analytic model: which forms and tiles are legal for a problem, and what share of the FMA peak each should reach.
//
// Cycles of a register tile of `pixels` x `vectors` for one reduction step, with two multiply-adds and two loads a cycle
// (Intel since Haswell, Zen with half-width units likewise in proportion):
//     max(pixels * vectors / 2, (pixels + vectors) / 2, weight bytes / rate) + 0.5
// with 24 bytes a cycle where the weights of a channel block and phase stay in three quarters of L2, else 8.
// A tile starts and stores in about 1.5 cycles a register. Lanes and pixels beyond the tensor's edge are work lost. The
// rates are estimates that rank the workload's layers well; none was measured by itself.
#include <algorithm>
#include <cmath>

#include "halconv/halconv.h"
#include "runtime/core/conv_shape.h"
#include "schedules/schedule.h"

namespace halconv {

namespace {

constexpr double kWeightBytesPerCycleL2 = 24, kWeightBytesPerCycleL3 = 8;
// Pixels this far apart (or a multiple) share an L1 set: more of them than the ways of a small L1 evict each other.
constexpr int64_t kAliasBytes = 4096;
constexpr int kFloatBytes = 4;
constexpr int kMostTilePixels = 28;
constexpr int kMostTileRows = 4;
constexpr size_t kMostCandidates = 24;
constexpr int kManyJobs = 8;
// An estimate from one layer: jobs of 0.4 MFLOP cost a sixth of the time, of 2 MFLOP a fiftieth.
constexpr double kLeastJobFlop = 1e6;
constexpr double kRowCopyShare = 0.95;  // an estimate: what the copy of a finished row leaves of row-fused's speed

// A free size is assumed to be common.
int64_t assume(int32_t pin, int64_t common) { return pin == HALCONV_FREE ? common : pin; }

int64_t round_up(int64_t a, int64_t b) { return (a + b - 1) / b * b; }

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

Axis<int64_t> assumed_axis(const halconv_key &key, int d) {
    return {assume(key.kernel[d], 3), assume(key.stride[d], key.op == HALCONV_CONV ? 1 : 2), assume(key.dilation[d], 1),
            assume(key.pad_before[d], 1)};
}

bool is_pinned_axis(const halconv_key &key, int d) {
    return key.kernel[d] != HALCONV_FREE && key.stride[d] != HALCONV_FREE && key.dilation[d] != HALCONV_FREE;
}

bool is_depthwise(const halconv_key &key) { return key.group_in == 1 && key.group_out == 1 && key.groups != 1; }

// A problem as the model sees it: `repeats` GEMMs of (x * y pixels) x (reduction) x (channels).
struct Work {
    double repeats;             // batch, groups, phases and z positions
    int64_t x, y;               // positions of one phase
    int64_t least_x, least_y;   // of the phase with the fewest
    int64_t groups, channels;   // lanes needed of a group
    double reduction;           // multiply-adds of an output, the phases' mean
    double phases, row_phases;  // all, and those of y and z alone
    double input_bytes, weight_bytes;
    int64_t staged_row_bytes;
};

Work work_of(const halconv_key &key) {
    Work w{};
    bool transpose = key.op == HALCONV_CONV_TRANSPOSE;
    double group_in = double(assume(key.group_in, 64));
    int64_t size[3], least[3], in[3];
    w.groups = assume(key.groups, 1);
    w.repeats = double(assume(key.batch, 1) * w.groups);
    w.reduction = group_in;
    double taps = 1;
    w.phases = w.row_phases = 1;
    for (int d = 0; d < 3; d++) {
        Axis<int64_t> axis = assumed_axis(key, d);
        int64_t out = assume(key.out[d], 56);
        in[d] = assume(key.in[d], 56);
        taps *= double(axis.kernel);
        size[d] = transpose ? positions_of_phase(out, axis.stride, 0) : out;
        least[d] = transpose ? least_positions_of_phases(out, axis.stride) : out;
        w.phases *= transpose ? double(std::min(out, axis.stride)) : 1;
        w.row_phases = d < 2 ? w.phases : w.row_phases;
        w.reduction *= transpose ? double(axis.kernel) / double(axis.stride) : double(axis.kernel);
    }
    w.repeats *= double(size[0]) * w.phases;
    w.x = size[2], w.y = size[1], w.least_x = least[2], w.least_y = least[1];
    w.channels = assume(key.group_out, 64);
    double channels_in = group_in * double(w.groups);
    w.input_bytes = channels_in * double(in[0] * in[1] * in[2]) * kFloatBytes;
    w.weight_bytes = double(w.groups) * group_in * double(w.channels) * taps * kFloatBytes;
    w.staged_row_bytes = int64_t(channels_in) * (in[2] + assumed_axis(key, 2).kernel) * kFloatBytes;
    return w;
}

struct TileShape {
    int x, y, vectors;
    int pixels() const { return x * y; }
};

// Cycles of a tile: its multiply-adds, a register count permitting, its start and its stores.
double tile_cycles(const TileShape &tile, int lanes, double reduction, int64_t l2_bytes) {
    double fma = tile.pixels() * tile.vectors / 2.0, loads = (tile.pixels() + tile.vectors) / 2.0;
    double step_bytes = double(tile.vectors) * lanes * kFloatBytes;
    bool in_l2 = step_bytes * reduction <= double(l2_bytes) * 3 / 4;
    double weights = step_bytes / (in_l2 ? kWeightBytesPerCycleL2 : kWeightBytesPerCycleL3);
    double step = std::max({fma, loads, weights}) + 0.5;
    return step * reduction + 1.5 * tile.pixels() * tile.vectors + 10;
}

// Percent of the FMA peak: multiply-adds that the result needs over those that the tiles' time allows.
double predicted(const Work &w, const TileShape &tile, int lanes, const TargetRow &target) {
    double useful = w.repeats * double(w.x * w.y * w.channels) * w.reduction / lanes / 2;
    double tiles = w.repeats * double(divide_up(w.x, tile.x) * divide_up(w.y, tile.y)) *
                   double(divide_up(w.channels, int64_t(tile.vectors) * lanes));
    double share = double(lanes) / target.vector_lanes;
    return 100 * share * useful / (tiles * tile_cycles(tile, lanes, w.reduction, target.l2_bytes));
}

bool fits_registers(const TileShape &tile, const TargetRow &target) {
    return tile.pixels() * tile.vectors + tile.vectors + 1 <= target.registers;
}

// Whether the last tile, shifted inwards, would share positions with a tile of another parallel strip.
bool strips_overlap(int64_t positions, int tile, int strip) {
    int64_t tiles = divide_up(positions, tile), tiles_of_strip = strip / tile;
    return positions % tile != 0 && tiles > tiles_of_strip && (tiles - 1) % tiles_of_strip == 0;
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
// channels the input once a block and phase; what fits half of L2 costs nothing.
void choose_blocks(const Work &w, const TargetRow &target, bool pinned, Schedule &schedule) {
    schedule.rows = schedule.tile_y;
    schedule.parallel = ParallelAxis::kRows;
    if (!pinned) {
        return;
    }
    int64_t strips;
    if (w.y == 1) {
        schedule.columns = strip_length(w.x, w.least_x, schedule.tile_x, w.staged_row_bytes / w.x, target.l2_bytes);
        strips = divide_up(w.x, schedule.columns);
    } else {
        schedule.rows = strip_length(w.y, w.least_y, schedule.tile_y, w.staged_row_bytes, target.l2_bytes);
        strips = divide_up(w.y, schedule.rows);
    }
    double half_l2 = double(target.l2_bytes) / 2;
    double channel_blocks = double(divide_up(w.channels, schedule.panel()));
    double by_rows = w.weight_bytes > half_l2 ? w.weight_bytes * double(strips) : 0;
    double by_channels = w.input_bytes > half_l2 ? w.input_bytes * channel_blocks * w.phases : 0;
    if (by_channels < by_rows && schedule.form != HALCONV_FORM_DEPTHWISE) {
        bool balanced = jobs_balance(int64_t(channel_blocks) * w.groups);
        double phase_flop = 2.0 * double(w.x * w.y * schedule.panel()) * w.reduction;
        schedule.parallel =
            balanced || phase_flop < kLeastJobFlop ? ParallelAxis::kChannels : ParallelAxis::kChannelsAndPhases;
        schedule.rows = int(round_up(w.y, schedule.tile_y));
        schedule.columns = 0;
    }
}

bool sizes_pinned(const halconv_key &key) {
    for (int d = 0; d < 3; d++) {
        if (key.in[d] == HALCONV_FREE || key.out[d] == HALCONV_FREE || !is_pinned_axis(key, d)) {
            return false;
        }
    }
    return true;
}

bool stays_inside(const halconv_key &key) {
    if (!sizes_pinned(key)) {
        return false;
    }
    for (int d = 0; d < 3; d++) {
        Axis<int64_t> axis{key.kernel[d], key.stride[d], key.dilation[d], key.pad_before[d]};
        bool inside = key.pad_before[d] != HALCONV_FREE &&
                      (key.op == HALCONV_CONV ? conv_stays_inside(axis, key.in[d], key.out[d])
                                              : transpose_stays_inside(axis, key.in[d], key.out[d]));
        if (!inside) {
            return false;
        }
    }
    return true;
}

// Whether neighbouring pixels of the caller's input lie at a multiple of kAliasBytes; a staged copy pads them apart.
bool pixels_alias(const halconv_key &key) {
    if (key.in_layout != HALCONV_NHWC || key.group_in == HALCONV_FREE || key.groups == HALCONV_FREE) {
        return false;
    }
    return int64_t(key.group_in) * key.groups * kFloatBytes % kAliasBytes == 0;
}

void add_tiled(const halconv_key &key, const TargetRow &target, halconv_form form, std::vector<Candidate> &found) {
    Work w = work_of(key);
    bool depthwise = form == HALCONV_FORM_DEPTHWISE, pinned = sizes_pinned(key);
    if (depthwise) {
        w.channels = assume(key.groups, 64);
        w.repeats /= double(w.channels);
    }
    for (int lanes = 4; lanes <= target.vector_lanes; lanes *= 2) {
        bool wider_does_more = lanes < target.vector_lanes && w.channels > lanes;
        if (wider_does_more) {
            continue;
        }
        for (int y = 1; y <= std::min<int64_t>(kMostTileRows, w.least_y); y++) {
            for (int x = 1; x <= std::min<int64_t>(kMostTilePixels, w.least_x); x++) {
                if (key.out_layout == HALCONV_NCHW && x % 4 != 0 && w.least_x >= 4) {
                    continue;
                }
                for (int vectors = 1; vectors <= (depthwise ? 1 : 4); vectors++) {
                    TileShape tile{x, y, vectors};
                    if (!fits_registers(tile, target) || (depthwise && tile.pixels() > 16)) {
                        continue;
                    }
                    if (vectors > 1 && (vectors - 1) * lanes >= w.channels) {
                        continue;
                    }
                    Schedule s;
                    s.form = form;
                    s.tile_x = x, s.tile_y = y, s.vectors = vectors, s.lanes = lanes;
                    s.stage = !depthwise && (!stays_inside(key) || key.residual != 0 || pixels_alias(key));
                    choose_blocks(w, target, pinned, s);
                    found.push_back({s, predicted(w, tile, lanes, target)});
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
    return key.stride[2] > 1 && phases_alike({key.kernel[2], key.stride[2], key.dilation[2], 0});
}

// Rows go by innermost, so that the weights of a y phase must stay in L2.
void add_row_fused(const halconv_key &key, const TargetRow &target, std::vector<Candidate> &found) {
    if (!row_fused_is_legal(key)) {
        return;
    }
    Work w = work_of(key);
    if (w.weight_bytes / w.row_phases > double(target.l2_bytes) / 2) {
        return;
    }
    w.repeats *= w.row_phases / w.phases;
    w.x += 1;  // the row is computed uncropped
    w.channels = fused_lanes<int64_t>(assumed_axis(key, 2), key.group_out);
    for (int x = 1; x <= kMostTilePixels; x++) {
        for (int vectors = 1; vectors <= 4; vectors++) {
            TileShape tile{x, 1, vectors};
            Schedule s;
            s.form = HALCONV_FORM_ROW_FUSED;
            s.tile_x = x, s.vectors = vectors, s.lanes = target.vector_lanes;
            s.stage = !stays_inside(key);
            int64_t readable = s.stage ? w.x : w.x - 1;
            if (!fits_registers(tile, target) || x > readable || s.panel() > w.channels) {
                continue;
            }
            found.push_back({s, kRowCopyShare * predicted(w, tile, s.lanes, target)});
        }
    }
}

}  // namespace

std::vector<Candidate> candidates(const halconv_key &key, const TargetRow &target) {
    std::vector<Candidate> found;
    if (is_depthwise(key)) {
        add_tiled(key, target, HALCONV_FORM_DEPTHWISE, found);
    } else {
        add_tiled(key, target, key.op == HALCONV_CONV ? HALCONV_FORM_DIRECT : HALCONV_FORM_PHASE, found);
        add_row_fused(key, target, found);
    }
    auto better = [](const Candidate &a, const Candidate &b) { return a.predicted_percent > b.predicted_percent; };
    std::stable_sort(found.begin(), found.end(), better);
    if (found.size() > kMostCandidates) {
        found.resize(kMostCandidates);
    }
    return found;
}

}  // namespace halconv
