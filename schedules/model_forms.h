// Candidates of single forms, for candidates() in model.cpp: each function appends the legal schedules of its form.
#pragma once

#include "schedules/schedule.h"

namespace halconv {

// One channel in and out per group, and more than one group.
inline bool is_depthwise(const halconv_key &key) { return key.group_in == 1 && key.group_out == 1 && key.groups != 1; }

// Whether the last tile of rows, shifted inwards, would share rows with a tile of another parallel strip.
bool strips_overlap(int64_t positions, int tile_y, int rows);

void add_depthwise(const halconv_key &key, const TargetRow &target, std::vector<Candidate> &found);

}  // namespace halconv
