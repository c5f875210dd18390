// Schedules: how a target computes a form. A Schedule is data; candidates() proposes them for a problem, best first,
// and apply() turns one into Halide directives on a generator's Funcs.
#pragma once

#include <string>
#include <vector>

#include "runtime/core/kernel_table.h"
#include "schedules/target.h"

namespace halconv {

enum class ParallelAxis { kRows, kChannels };

struct Schedule {
    halconv_form form = HALCONV_FORM_DIRECT;
    bool reference = false;      // the algorithm as the generator states it; nothing below applies
    int tile_x = 1, tile_y = 1;  // pixels of a register tile
    int vectors = 1;             // vectors of lanes of a register tile
    int lanes = 1;               // f32 lanes of a vector
    int columns = 0;             // output positions on x that share one staged input block; 0: the whole row
    bool share = false;          // inner products: x taps of neighbouring positions share the inputs they load
    int rows = 1;                // output rows that share one staged input block, a multiple of tile_y
    ParallelAxis parallel = ParallelAxis::kRows;
    bool stage = true;  // copy the input, with its zero border, to scratch memory first

    int panel() const { return vectors * lanes; }
};

// "phase", "direct", ...; "reference" for the reference.
const char *form_name(halconv_form form);
std::string form_text(const Schedule &schedule);
// "1x1x14x2": tile of z, y, x pixels and vectors, as the kernel's name has it.
std::string tile_text(const Schedule &schedule);
// "tile 1x14 vectors 2x16 rows 8 parallel rows staged": every parameter.
std::string schedule_text(const Schedule &schedule);

struct Candidate {
    Schedule schedule;
    double predicted_percent;  // of the target's FMA peak by the model in model.cpp
};

// Every schedule of the target that is legal for `key`, best first by the analytic model; never empty. The key may have
// free fields; the model then assumes common sizes for them.
std::vector<Candidate> candidates(const halconv_key &key, const TargetRow &target);

// The reference: legal for every key and target.
Schedule reference_schedule(const halconv_key &key);

// The least extents of an output box (z, y, x positions) that a kernel with this schedule accepts.
void least_extents(const halconv_key &key, const Schedule &schedule, int32_t extents[3]);

// Lanes of a block of packed weights.
int weights_panel(const halconv_key &key, const Schedule &schedule);

}  // namespace halconv
