// Cycles of an inner product's register tile of P positions x W weights (W = x phases x channels), with a multiply-adds and
// b loads a cycle (Core in target.h): a step over one vector of the run takes
//     max(P * W / a, (P + W) / (0.75 * b), latency) + 0.5
// (a tile with one load a product was measured at 62 % of the peak; two would allow 96 %). Then the lanes of the P * W sums
// are added, in fewer steps the more of them are added at once, and the copy of the staged input takes some cycles a
// vector, more where it comes from beyond L2. These are estimates; the ranking that they give was measured.
#include "schedules/model_forms.h"

#include <algorithm>
#include <numeric>

#include "halconv/halconv.h"
#include "runtime/core/inner_product.h"
#include "runtime/core/problem.h"

namespace halconv {

namespace {

constexpr int64_t kMostOutputs = 8;  // channels of an inner product: beyond, lanes of channels are filled better
constexpr int64_t kMostPositions = 28;
constexpr int64_t kMostStrips = 4, kLeastStrip = 8;
constexpr int64_t kBlockBytes = 24 * 1024;  // of a staged block of a one-dimensional problem: most of a small L1
constexpr int64_t kMostSharedTaps = 16;
constexpr double kLatency = 4, kLoadsOfTwo = 0.75, kTileCycles = 12;
constexpr double kCopyCycles = 1.5, kFarCopyCycles = 3.5;
// Of each line that a tile reads from beyond L2 without a copy, for each position of the tile: a stream of its own.
// 64 channels to 2, 1x1: 14 positions 56 GFLOP/s, 2 positions 77.
constexpr double kStreamCycles = 0.04;

// Cycles to add the lanes of one of `together` sums at once.
double reduce_cycles(int64_t together) { return together >= 8 ? 1.5 : together == 4 ? 1.8 : together == 2 ? 2.5 : 4.5; }

// Whether the caller's input can be read as it is.
bool reads_directly(const halconv_key &key) { return key.op == HALCONV_CONV && stays_inside(key); }

// A problem as this model sees it.
struct Work {
    bool transposed;
    PhaseAxis<int64_t> x;
    int64_t phases, positions;  // of x
    int64_t y_positions;        // of a phase
    double rows;                // of the output, all axes but x, and batch
    double row_taps;            // (y, z) taps of an output, the mean over phases
    int64_t channels_in, channels_out;
    int64_t in_row, rows_read;  // bytes of a row of the input with its border; input rows that an output row reads
    double row_repeats;         // y and z phases: output rows that share one staged input row
    bool far;                   // the input does not stay in L2
    int64_t weights() const { return phases * channels_out; }
    double copy_cycles(int lanes) const {
        double vectors = double(in_row / kFloatBytes) / lanes / row_repeats;
        return vectors * (far ? kFarCopyCycles : kCopyCycles);
    }
};

Work work_of(const halconv_key &key, const TargetRow &target) {
    Work w{};
    w.transposed = key.op == HALCONV_CONV_TRANSPOSE;
    w.x = phase_axis(key_axis(key, 2));
    w.phases = w.transposed ? key.stride[2] : 1;
    w.positions = w.transposed ? positions_of_phase(key.out[2], key.stride[2], 0) : key.out[2];
    w.y_positions = w.transposed ? positions_of_phase(key.out[1], key.stride[1], 0) : key.out[1];
    w.rows = double(key.batch) * key.out[0] * key.out[1];
    w.row_taps = w.row_repeats = 1;
    for (int d = 0; d < 2; d++) {
        w.row_taps *= mean_taps(key_axis(key, d), w.transposed);
        w.row_repeats *= outputs_per_input(key_axis(key, d), w.transposed);
    }
    w.channels_in = key.group_in, w.channels_out = key.group_out;
    w.in_row = (key.in[2] + key.kernel[2]) * w.channels_in * kFloatBytes;
    w.rows_read = inputs_spanned(key_axis(key, 1), w.transposed);
    w.far = w.in_row * key.in[0] * key.in[1] * key.batch > target.l2_bytes;
    return w;
}

// Percent of the FMA peak.
double predicted(const Work &w, const Schedule &s, const TargetRow &target) {
    double vectors = 0, useful = 0;  // of the runs of all phases
    for (int64_t r = 0; r < w.phases; r++) {
        auto run = run_of_phase<int64_t>(w.x, w.transposed, w.channels_in, s.panel(), r);
        vectors += double(run.count() * s.vectors);
        useful += double(run.length) / target.vector_lanes;
    }
    const Core &core = target.core;
    double p = double(s.tile_x), weights = double(w.weights()), loads = p + weights;
    if (s.share) {  // all taps of a part: each input once
        double taps = double(w.x.axis.kernel);
        loads = (p + 2 * taps - 1) / taps;
    }
    double steps = vectors / double(w.phases) * w.row_taps;
    double fma = p * weights / core.multiply_adds;
    loads /= kLoadsOfTwo * core.loads;
    double step = (core.in_order ? fma + loads : std::max({fma, loads, kLatency / s.vectors})) + 0.5;
    double reduce = reduce_cycles(std::gcd(s.tile_x * w.weights(), int64_t(s.lanes)));
    double tile = step * steps + reduce * p * weights + kTileCycles;
    if (w.far && !s.stage) {
        tile += kStreamCycles * p * p * double(w.channels_in * kFloatBytes) / double(kLineBytes);
    }
    double row = tile * double(divide_up(w.positions, s.tile_x)) + (s.stage ? w.copy_cycles(s.lanes) : 0);
    return 100 * useful * w.row_taps * double(w.channels_out * w.positions) / core.multiply_adds / row;
}

// Blocks of rows, each of which copies the rows of its first window anew: at most four, for threads, and each many times
// as high as that. The window's rows stay in three quarters of L2, if need be by blocks of columns.
void choose_block(const Work &w, const TargetRow &target, Schedule &s) {
    int64_t room = target.l2_bytes * 3 / 4;
    s.rows =
        int(std::min(w.y_positions, std::max(divide_up(w.y_positions, kMostStrips), kLeastStrip * (w.rows_read - 1))));
    if (w.rows_read == 1 && w.y_positions == 1) {
        room = kBlockBytes;
    }
    if (w.in_row * w.rows_read > room) {
        int64_t pixel = w.channels_in * kFloatBytes * w.rows_read * inputs_apart(w.x.axis, w.transposed);
        s.columns = int(std::max<int64_t>(room / pixel / s.tile_x, 1) * s.tile_x);
    }
}

// Registers of a tile: its sums, and of its inputs and weights the fewer, which stay for a step, and one. Where taps share
// inputs, those of all positions stay.
int64_t registers(const Work &w, const Schedule &s) {
    int64_t sums = s.tile_x * w.weights() * s.vectors;
    return sums + (s.share ? s.tile_x : std::min<int64_t>(s.tile_x, w.weights())) + 1;
}

// With one weight a position each product would load an input of its own. Where neighbouring positions are neighbouring
// pixels and vectors lie within pixels, x taps share them.
bool can_share(const Work &w, const Schedule &s) {
    int64_t taps = w.x.axis.kernel;
    return w.weights() == 1 && w.x.axis.stride == 1 && s.vectors == 1 && w.channels_in % s.lanes == 0 && taps > 1 &&
           taps <= kMostSharedTaps;
}

bool is_legal(const halconv_key &key) {
    bool nhwc = key.in_layout == HALCONV_NHWC && key.out_layout == HALCONV_NHWC;
    return nhwc && pins_whole_problem(key) && key.groups == 1 && key.group_out <= kMostOutputs &&
           taps_adjoin(key_axis(key, 2), key.op == HALCONV_CONV_TRANSPOSE);
}

}  // namespace

void add_inner_products(const halconv_key &key, const TargetRow &target, std::vector<Candidate> &found) {
    if (!is_legal(key)) {
        return;
    }
    Work w = work_of(key, target);
    int64_t shortest = shortest_run(w.x, w.transposed, w.channels_in);
    for (int lanes = target.vector_lanes; lanes >= 4; lanes /= 2) {
        for (int vectors = 1; vectors <= 8 && vectors * lanes <= shortest; vectors *= 2) {
            for (int64_t x = 1; x <= std::min(kMostPositions, w.positions); x++) {
                Schedule s;
                s.form = HALCONV_FORM_INNER_PRODUCT;
                s.tile_x = int(x), s.vectors = vectors, s.lanes = lanes;
                s.stage = !reads_directly(key) || w.positions % x != 0;
                s.share = can_share(w, s);
                if (registers(w, s) > target.registers) {
                    continue;
                }
                choose_block(w, target, s);
                found.push_back({s, predicted(w, s, target)});
            }
        }
    }
}

}  // namespace halconv
