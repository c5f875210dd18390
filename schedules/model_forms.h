// Candidates of single forms, for candidates() in model.cpp: each function appends the legal schedules of its form.
#pragma once

#include <algorithm>
#include <numeric>

#include "schedules/schedule.h"

namespace halconv {

constexpr int64_t kFloatBytes = 4;
// A small L1. Lines a multiple of kL1WayBytes apart share one set of it.
constexpr int64_t kLineBytes = 64, kL1Sets = 64, kL1Ways = 8, kL1WayBytes = kL1Sets * kLineBytes;

// How many lines `bytes` apart L1 keeps.
inline int64_t lines_in_l1(int64_t bytes) {
    return kL1Ways * std::min(kL1Sets, kL1WayBytes / std::gcd(kL1WayBytes, bytes));
}

// A free size is assumed to be common.
inline int64_t assume(int32_t pin, int64_t common) { return pin == HALCONV_FREE ? common : pin; }

inline int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Whether no tap of axis d, whose sizes are pinned, falls outside the input; whether that is known of all axes.
bool stays_inside(const halconv_key &key, int d);
bool stays_inside(const halconv_key &key);

// Whether the channels are in groups, at most `most` in and out of each.
inline bool has_narrow_groups(const halconv_key &key, int most) {
    return key.groups != 1 && key.group_in >= 1 && key.group_in <= most && key.group_out >= 1 && key.group_out <= most;
}
// One channel in and out per group, and more than one group.
inline bool is_depthwise(const halconv_key &key) { return has_narrow_groups(key, 1); }

// Whether the last tile of rows, shifted inwards, would share rows with a tile of another parallel strip.
bool strips_overlap(int64_t positions, int tile_y, int rows);

// Whether vectors of so many channels can be loaded from the caller's input: they lie side by side and end with the pixel.
bool reads_operands(const halconv_key &key, int operand_lanes);

// Cycles of the multiply-adds and loads of a register tile for one input channel, if `load_share` of the core's loads can be
// had: the longer, or in order their sum. On an in-order core what is broadcast, a scalar, pairs with a multiply-add.
struct TileStep {
    int pixels, vectors, operand_lanes;
    double load_share;
};
double step_cycles(const TileStep &step, const Core &core);

// A tile's stores beyond so many do not hide behind the next tile's sums: cycles of each, to L2. Fitted to a first layer and to
// an up-sampling one of several sizes (Zen 4).
constexpr double kNearBurst = 2;
constexpr int kHiddenStores = 16;

// Registers of sums, weights and operands.
int tile_registers(int pixels, int vectors, int operand_lanes);

void add_depthwise(const halconv_key &key, const TargetRow &target, std::vector<Candidate> &found);
// Of a key whose sizes and channels are all pinned; none for another.
void add_inner_products(const halconv_key &key, const TargetRow &target, std::vector<Candidate> &found);
// Likewise; x is innermost in memory on both sides.
void add_pixel_lanes(const halconv_key &key, const TargetRow &target, std::vector<Candidate> &found);
// Those that `numerics` allows, of a key whose sizes and channels are all pinned.
void add_winograd(const halconv_key &key, const TargetRow &target, halconv_numerics numerics,
                  std::vector<Candidate> &found);

}  // namespace halconv
