// What share of the FMA peak a winograd schedule should reach, counted in the multiply-adds of the plain sum (more than
// 100 % where the transforms save that many). Cycles like those of model.cpp:
//
//     products     register tiles x (K * (step_cycles + step_overhead) + start and stores), or the time to read the
//                  transformed weights, once a block of tile rows, whichever is longer
//     transforms   2 cycles for a point of a vector of input channels (once for all phases that share V), 2 for one of
//                  output channels and 2 for an output
//     output       of phases, where those of a block leave L2 before all are stored: lines come back for each phase
//     V and M      the share that leaves L2 is written and read again at kScratchBytesPerCycle, at kFarBytesPerCycle beyond a
//                  share of L3
#include "schedules/model_forms.h"

#include <algorithm>

#include "runtime/core/problem.h"
#include "runtime/core/winograd.h"

namespace halconv {

namespace {

constexpr double kWeightBytesPerCycleL2 = 48, kWeightBytesPerCycleMemory = 20, kScratchBytesPerCycle = 64,
                 kFarBytesPerCycle = 24;
constexpr double kL3PerL2 = 4;  // a core's share of L3
// Phases share V where each strip of tiles may read the weights of all of them: 128 to 64 channels, k3 s2, 1.6 MB: 8 % faster,
// 256 to 128, 6.4 MB: 6 %; 512 to 128, k4 s2, 17 MB: 5 % slower, 512 to 256, k3 s2, 26 MB: 22 %.
constexpr double kSharingWeightsPerL2 = 8;
constexpr double kTransformCycles = 2;
constexpr int kMostTiles = 28;         // of a register tile
constexpr size_t kMostCandidates = 6;  // of a form
constexpr int64_t kMostBlockChannels = 128;
// A schedule with fewer tasks than this many for a parallel loop is taken only if it is this much faster.
constexpr double kFewTasks = 4, kFewTasksShare = 0.98;

struct WinogradWork {
    WinogradTiles tiles;
    int points;        // of a tile
    double products;   // of these, the mean over the phases of those whose weights are not all zero
    double reduction;  // K: input channels and summed taps
    double repeats;    // groups, phases, z positions and batch
    double outer;      // z positions and batch, the rest of a parallel loop over rows
    double phases;     // whose weights follow each other in a block of rows
    int64_t group_in, group_out;
    double useful;        // multiply-adds of the plain sum
    double weight_bytes;  // of one group and phase
};

WinogradWork work_of(const halconv_key &key, const Schedule &s) {
    WinogradWork w{};
    bool transposed = key.op == HALCONV_CONV_TRANSPOSE;
    w.tiles = winograd_tiles(key, s);
    w.points = 1, w.products = 1, w.reduction = key.group_in, w.phases = 1, w.outer = key.batch;
    w.useful = double(key.batch) * key.groups * key.group_in * key.group_out;
    w.group_in = key.group_in, w.group_out = key.group_out;
    for (int d = 0; d < 3; d++) {
        Axis<int64_t> axis = key_axis(key, d);
        const WinogradMatrices *matrices = d == 0 ? nullptr : winograd_of_axis(s.form, transposed, axis);
        int64_t taps = transposed ? phase_axis(axis).max_taps() : axis.kernel;
        w.points *= matrices ? matrices->points() : 1;
        w.products *= matrices ? matrices->points() - double(taps) + mean_taps(axis, transposed) : 1;
        w.reduction *= matrices ? 1.0 : double(taps);
        w.phases *= transposed ? double(std::min<int64_t>(axis.stride, key.out[d])) : 1;
        w.useful *= double(axis.kernel) * (transposed ? key.in[d] : key.out[d]);
    }
    w.outer *= double(transposed ? positions_of_phase(key.out[0], key.stride[0], 0) : key.out[0]);
    w.repeats = w.outer * w.phases * key.groups;
    w.weight_bytes = w.products * w.reduction * double(key.group_out) * kFloatBytes;
    return w;
}

double cycles(const WinogradWork &w, const Schedule &s, const TargetRow &target) {
    double scale = double(target.vector_lanes) / s.lanes;
    double strips = double(w.tiles.blocks(s)), block_tiles = double(w.tiles.block(s));
    double register_tiles = double(divide_up(int64_t(block_tiles), s.tile_x));
    double pixels = s.tile_x, registers = pixels * s.vectors;
    double step = step_cycles({s.tile_x, s.vectors, s.operand_lanes, target.core.load_share}, target.core) +
                  target.core.step_overhead;
    double start = 1.5 * registers + 10 + kNearBurst * std::max(0.0, registers - kHiddenStores);
    double panels = double(divide_up(w.group_out, s.panel()));
    double products =
        panels * register_tiles * (w.products * w.reduction * step + w.points * start) * std::max(1.0, scale);
    double half_l2 = double(target.l2_bytes) / 2;
    double sharing = s.share ? w.phases : 1;
    bool phases_follow = s.share || s.parallel == ParallelAxis::kRows;
    bool in_l2 = w.weight_bytes * (phases_follow ? w.phases : 1) <= half_l2;
    double weights = w.weight_bytes / (in_l2 ? kWeightBytesPerCycleL2 : kWeightBytesPerCycleMemory);
    products = std::max(products, weights) + 0.1 * std::min(products, weights);

    double in_vectors = double(divide_up(w.group_in, s.lanes)) * w.reduction / double(w.group_in) / sharing;
    double out_vectors = double(divide_up(w.group_out, s.lanes));
    double outputs = w.tiles.outputs_x * w.tiles.outputs_y;
    double transforms =
        kTransformCycles * block_tiles * (w.points * (in_vectors + out_vectors) + outputs * out_vectors);

    double input = w.points * block_tiles * w.reduction * kFloatBytes;
    double sums = w.points * block_tiles * s.channels * kFloatBytes;
    double blocks = double(divide_up(w.group_out, s.channels));
    double kept = input + sums + (in_l2 ? w.weight_bytes : 0);
    double spilled = std::clamp(kept / half_l2 - 0.8, 0.0, 1.0) * (input * (1 / sharing + blocks) + 2 * sums * blocks);
    bool in_l3 = kept <= kL3PerL2 * double(target.l2_bytes);
    double total = strips * (products + transforms + spilled / (in_l3 ? kScratchBytesPerCycle : kFarBytesPerCycle));
    double stored = block_tiles * outputs * w.group_out * kFloatBytes;
    if (w.phases > 1 && stored * w.phases > half_l2) {
        total += strips * 2 * stored / kFarBytesPerCycle;
    }
    double tasks = s.parallel == ParallelAxis::kRows ? strips * w.outer : blocks;
    return total / (tasks < kFewTasks ? kFewTasksShare : 1);
}

// The blocks for a register tile: rows of tiles, channels and the parallel axis with the fewest cycles.
Candidate best_blocks(const WinogradWork &w, Schedule s, const TargetRow &target) {
    Candidate best{s, 0};
    int64_t panels = divide_up(w.group_out, s.panel());
    s.rows = 1;
    int64_t units = w.tiles.blocks(s);
    for (ParallelAxis parallel : {ParallelAxis::kRows, ParallelAxis::kChannels}) {
        for (int64_t rows = 1; rows <= units; rows = rows < units ? std::min(2 * rows, units) : rows + 1) {
            for (int64_t group = 1; group <= panels; group++) {
                s.rows = int(divide_up(units, divide_up(units, rows)));
                s.channels = int(group) * s.panel(), s.parallel = parallel;
                bool whole = panels % group == 0 && (group == 1 || s.channels <= kMostBlockChannels);
                if (!whole || w.tiles.block(s) < s.tile_x) {
                    continue;
                }
                double percent = 100 * w.useful / target.vector_lanes / target.core.multiply_adds /
                                 (w.repeats * cycles(w, s, target));
                if (percent > best.predicted_percent) {
                    best = {s, percent};
                }
            }
        }
    }
    return best;
}

// The best schedule of each register tile, for a form with or without a V that phases share.
void add_tiles(const halconv_key &key, const Schedule &of_form, const TargetRow &target,
               std::vector<Candidate> &found) {
    WinogradWork w = work_of(key, of_form);
    for (int lanes = 4; lanes <= target.vector_lanes; lanes *= 2) {
        if (lanes < target.vector_lanes && w.group_out > lanes) {
            continue;  // wider vectors do more
        }
        for (int vectors = 1; vectors <= 4; vectors++) {
            for (int tiles = 1; tiles <= kMostTiles; tiles++) {
                Schedule s = of_form;
                s.tile_x = tiles, s.vectors = vectors, s.lanes = lanes;
                s.stage = key.in_layout == HALCONV_NCHW;
                s.operand_lanes = target.core.operand_lanes;
                bool fits =
                    tile_registers(tiles, vectors, s.operand_lanes) + target.core.spare_registers <= target.registers;
                if (!fits || tiles > w.tiles.x * w.tiles.y || (vectors > 1 && (vectors - 1) * lanes >= w.group_out)) {
                    continue;
                }
                found.push_back(best_blocks(w, s, target));
            }
        }
    }
}

void add_form(const halconv_key &key, halconv_form form, const TargetRow &target, std::vector<Candidate> &found) {
    std::vector<Candidate> of_form;
    Schedule s;
    s.form = form;
    add_tiles(key, s, target, of_form);
    WinogradWork w = work_of(key, s);
    if (phases_can_share(key) && w.phases * w.weight_bytes <= kSharingWeightsPerL2 * double(target.l2_bytes)) {
        s.share = true;
        add_tiles(key, s, target, of_form);
    }
    auto better = [](const Candidate &a, const Candidate &b) { return a.predicted_percent > b.predicted_percent; };
    std::stable_sort(of_form.begin(), of_form.end(), better);
    of_form.resize(std::min(of_form.size(), kMostCandidates));
    found.insert(found.end(), of_form.begin(), of_form.end());
}

}  // namespace

void add_winograd(const halconv_key &key, const TargetRow &target, halconv_numerics numerics,
                  std::vector<Candidate> &found) {
    bool transposed = key.op == HALCONV_CONV_TRANSPOSE;
    for (halconv_form form : {HALCONV_FORM_WINOGRAD2, HALCONV_FORM_WINOGRAD3, HALCONV_FORM_WINOGRAD4}) {
        auto transforms = [&](int d) { return winograd_of_axis(form, transposed, key_axis(key, d)) != nullptr; };
        if (pins_whole_problem(key) && !is_depthwise(key) && numerics_allow(form, numerics) &&
            (transforms(1) || transforms(2))) {
            add_form(key, form, target, found);
        }
    }
}

}  // namespace halconv
