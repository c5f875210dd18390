// A problem as the library works on it: checked, with three spatial axes, and as a key of the kernel table.
#pragma once

#include <cstdint>

#include "halconv/halconv.h"
#include "runtime/core/conv_shape.h"
#include "runtime/core/kernel_table.h"

namespace halconv {

// A problem with three spatial axes, z y x; the axes that a lower rank lacks are units (size, kernel, stride and
// dilation 1, padding 0).
struct Problem3 {
    int64_t batch, groups, group_in, group_out;  // group_in = in_channels / groups, group_out likewise
    int64_t in[3], out[3];
    Axis<int64_t> axis[3];
};

// Checks every field of `problem` and computes the output's sizes: HALCONV_OK, HALCONV_INVALID_PROBLEM or
// HALCONV_TOO_LARGE. On HALCONV_OK, out[0, rank) are the sizes in the order of problem.in and the rest is 1; else out
// is not written. A checked problem has tensors and dense weights below 2^31 elements, and on every axis
// coordinates_fit and, for conv_transpose, phases_fit.
halconv_status check_problem(const halconv_problem &problem, int64_t out[3]);

// `problem` and `out` as check_problem accepted and wrote them. The stride of a conv_transpose's axis with one input
// position is the one that suits kernels best (one_position_axis).
Problem3 normalise(const halconv_problem &problem, const int64_t out[3]);

// The key with every field pinned. residual is 0 or 1.
halconv_key problem_key(const Problem3 &problem3, const halconv_problem &problem);

// Whether a kernel compiled for `key` computes the problem of the fully pinned key `pinned`.
bool key_accepts(const halconv_key &key, const halconv_key &pinned);

// Axis d (z, y, x) of a key; its pins must not be free where they are used.
inline Axis<int64_t> key_axis(const halconv_key &key, int d) {
    return {key.kernel[d], key.stride[d], key.dilation[d], key.pad_before[d]};
}

// Whether the sizes and the relation of every axis are pinned; and batch and channels too.
bool pins_axes(const halconv_key &key);
bool pins_whole_problem(const halconv_key &key);

// How many fields of `key` are not free.
int count_pins(const halconv_key &key);

}  // namespace halconv
