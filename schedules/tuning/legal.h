// Which schedules are legal for a problem: the conditions under which the apply functions of schedules/ make right kernels,
// and kernels whose code stays small enough to compile. The analytic model proposes some of them (schedules/model.cpp).
#pragma once

#include <string>

#include "halconv/halconv.h"
#include "schedules/schedule.h"

namespace halconv {

// Positions of the output, of the phase with the most and with the fewest of them, on z, y and x.
struct Positions {
    int64_t most[3], least[3];
};
Positions output_positions(const halconv_key &key);

// Whether the form computes problems such as the key's.
bool form_is_legal(const halconv_key &key, halconv_form form, halconv_numerics numerics);

// Why a schedule of a legal form is not legal for the key, which pins everything: one phrase; empty where it is.
std::string schedule_fault(const halconv_key &key, const TargetRow &target, const Schedule &schedule);

// Whether axis d of a schedule may leave out its border, the choices on the other axes aside.
bool may_skip(const halconv_key &key, const Schedule &schedule, int d);
// Whether the code of the tiles at and off the borders that a schedule leaves out stays small. Leaving out costs one test a
// tap on z, and on y with tiles of one row; else a tile's pixels are known when the kernel is compiled, for each tap, phase
// and position of the tile relative to the border.
bool border_code_fits(const halconv_key &key, const Schedule &schedule);
// Whether the kernel must read a copy of its input: for the zeros of a border that it does not skip, or for tiles that end
// beyond the output.
bool must_stage(const halconv_key &key, const Schedule &schedule);

// What Schedule::rows and Schedule::columns divide: rows of the output (winograd: rows of tiles), and positions on x.
int64_t row_units(const halconv_key &key, const Schedule &schedule);
// The rows or columns of a strip where there are `strips` of them over `units`, in whole tiles; strips whose last tile would
// reach into another strip's are made longer.
int strip_length(const halconv_key &key, const Schedule &schedule, int64_t strips, int d);

// The most weights' panels that a block of channels may hold; winograd.
int64_t most_panels(const halconv_key &key, const Schedule &schedule);

}  // namespace halconv
