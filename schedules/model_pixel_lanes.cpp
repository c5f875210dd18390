// The analytic model of pixel_lanes, in slots of one vector multiply-add each. For one input channel and kernel row, a
// register tile of `sums` = channels x phases x vectors x rows takes
//     max(multiply-adds, 0.6 * broadcast weights + 1.25 * loaded inputs) + 2
// (inputs are not aligned), storing it 1.5 a vector, 3 where phases interleave; the copy of the input 4 a vector. The
// constants are estimates that rank about 40 timed candidates of 15 layers well.
#include <algorithm>

#include "halconv/halconv.h"
#include "runtime/core/conv_shape.h"
#include "runtime/core/problem.h"
#include "schedules/model_forms.h"

namespace halconv {

namespace {

constexpr double kBroadcast = 0.6, kUnalignedLoad = 1.25, kLoop = 2, kStore = 1.5, kInterleavedStore = 3, kCopy = 4,
                 kTile = 10;
constexpr int kMostVectors = 5, kMostTileY = 4, kMostTaps = 32, kStrips = 4;

// Rows of x lie side by side in memory; everything that the staged rows depend on is pinned.
bool pixel_lanes_is_legal(const halconv_key &key) {
    if (!pins_whole_problem(key) || key.kernel[2] > kMostTaps) {
        return false;
    }
    bool rows_in = key.in_layout == HALCONV_NCHW || key.groups * key.group_in == 1;
    bool rows_out = key.out_layout == HALCONV_NCHW || key.groups * key.group_out == 1;
    return rows_in && rows_out && (key.op == HALCONV_CONV || whole_phases(key));
}

// z y x.
struct Problem {
    Axis<int64_t> axis[3];
    int64_t size[3], taps[3], phases;  // positions of a phase; the phases of a tile
    bool conv;
};

Problem problem_of(const halconv_key &key) {
    Problem p{};
    p.conv = key.op == HALCONV_CONV, p.phases = p.conv ? 1 : tile_phases(key);
    for (int d = 0; d < 3; d++) {
        p.axis[d] = key_axis(key, d);
        p.size[d] = p.conv ? key.out[d] : positions_of_phase(key.out[d], key.stride[d], 0);
        p.taps[d] = p.conv ? key.kernel[d] : phase_axis(p.axis[d]).max_taps();
    }
    return p;
}

double predicted(const halconv_key &key, const Problem &p, const Schedule &s, const TargetRow &target) {
    double sums = double(s.channels * p.phases * s.vectors * s.tile_y), taps = double(p.taps[2]);
    double spread = double(p.conv ? p.axis[2].stride : 1);  // strided loads take as many
    double inputs = (taps + (p.phases > 1 ? 1 : 0)) * s.vectors * s.tile_y * spread;
    double broadcasts = double(s.channels * p.phases) * taps;
    double step = std::max(sums * taps, kBroadcast * broadcasts + kUnalignedLoad * inputs) + kLoop;
    double steps = double(key.group_in * p.taps[1] * p.taps[0]);
    double tile = step * steps + sums * (p.phases > 1 ? kInterleavedStore : kStore) + kTile;
    double blocks = double(divide_up(key.group_out, s.channels) * key.groups * key.batch);
    double tiles = double(divide_up(p.size[2], s.tile_x) * divide_up(p.size[1], s.tile_y) * p.size[0]) * blocks;
    double useful = double(key.batch) * key.groups * key.group_in * key.group_out / s.lanes;
    for (int d = 0; d < 3; d++) {
        tiles *= p.conv ? 1.0 : double(p.axis[d].stride);
        useful *= double(key.out[d]) * mean_taps(p.axis[d], !p.conv);
    }
    double overlap = double(s.rows + p.taps[1] - 1) / s.rows;
    double copied = double(key.batch) * key.groups * key.group_in * key.in[0] * key.in[1] *
                    double(divide_up(key.in[2], s.lanes)) * overlap;
    return 100 * useful * s.lanes / target.vector_lanes /
           (tiles / double(p.phases) * tile + (s.stage ? kCopy : 0) * copied);
}

// Rows of a staged block: what L2 holds, and at least some strips for threads.
void choose_rows(const halconv_key &key, const Problem &p, const TargetRow &target, Schedule &s) {
    int64_t row_bytes = int64_t(key.group_in) * key.in[2] * kFloatBytes;
    int64_t reach = p.conv ? kernel_span(p.axis[1]) : p.taps[1] * phase_axis(p.axis[1]).input_step();
    int64_t fitting = std::max<int64_t>(s.tile_y, target.l2_bytes / row_bytes - reach);
    int64_t strips =
        std::max(divide_up(p.size[1], fitting), std::min<int64_t>(kStrips, divide_up(p.size[1], s.tile_y)));
    s.rows = int(divide_up(divide_up(p.size[1], strips), s.tile_y)) * s.tile_y;
    while (strips_overlap(p.size[1], s.tile_y, s.rows)) {
        s.rows += s.tile_y;
    }
}

// Inputs stay in registers while the phases and channels that read them go by.
int64_t most_sums(const Problem &p, int channels, const TargetRow &target) {
    return p.phases == 1 ? target.registers * 3 / 4 : channels == 1 ? target.registers / 2 : target.registers * 3 / 8;
}

}  // namespace

void add_pixel_lanes(const halconv_key &key, const TargetRow &target, std::vector<Candidate> &found) {
    if (!pixel_lanes_is_legal(key)) {
        return;
    }
    Problem p = problem_of(key);
    for (int lanes = 4; lanes <= target.vector_lanes; lanes *= 2) {
        bool wider_does_more = lanes < target.vector_lanes && p.size[2] > lanes;
        for (int vectors = 1; vectors <= kMostVectors && !wider_does_more; vectors++) {
            for (int channels = 1; channels <= key.group_out; channels++) {
                for (int y = 1; y <= std::min<int64_t>(kMostTileY, p.size[1]); y++) {
                    int64_t sums = channels * p.phases * vectors * y;
                    if (sums > most_sums(p, channels, target) || vectors * lanes > p.size[2] ||
                        (y > 1 && key.group_in > 1)) {
                        continue;
                    }
                    Schedule s;
                    s.form = HALCONV_FORM_PIXEL_LANES;
                    s.lanes = lanes, s.vectors = vectors, s.tile_x = vectors * lanes;
                    s.tile_y = y, s.channels = channels;
                    s.stage = key.residual != 0 || !stays_inside(key);
                    choose_rows(key, p, target, s);
                    found.push_back({s, predicted(key, p, s, target)});
                }
            }
        }
    }
}

}  // namespace halconv
