// Problems drawn from a kernel's own row: its tile, panel, least extents and pins.
#pragma once

#include <string>
#include <vector>

#include "halconv/halconv.h"
#include "runtime/core/kernel_table.h"

namespace halconv {

// A problem, and how the test calls the library for it.
struct KernelCase {
    halconv_problem problem{};
    bool bias = false;
    bool residual_in_place = false;  // the residual is the output's own buffer
    halconv_weights_layout weights_layout = HALCONV_WEIGHTS_OIHW;
    bool flip = false;
    uint32_t seed = 0;                    // of the operands' values
    int input_most = 4, weight_most = 3;  // their largest magnitudes
    float weight_unit = 1;                // weights are multiples of it
};

// `count` cases that agree with every pin of `row` and with its form. Case i sets one axis to an extent around the tile
// (one pixel, tile - 1, tile, tile + 1, two tiles + 1, the least extent) and one channel count around the panel; the
// rest is drawn at random from values of the same kinds. The same row and seed give the same cases.
std::vector<KernelCase> cases_of_row(const halconv_kernel &row, int count, uint32_t seed);

// Whether a kernel that agrees with the problem's pins may still refuse it: some box that it would be called for is
// smaller than its least extent.
bool may_refuse(const halconv_kernel &row, const halconv_problem &problem);

// Products of weights with inputs or outputs: twice this is the useful work.
int64_t multiplications(const halconv_problem &problem);

// One line for messages.
std::string case_text(const KernelCase &c);

}  // namespace halconv
