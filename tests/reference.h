// Plain loops that say what a convolution is. Written from the definition, on purpose without
// runtime/core/conv_shape.h: conv gathers, conv_transpose scatters, both through the one relation high = low * stride +
// tap * dilation - pad_before.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "halconv/halconv.h"

namespace halconv {

// Spatial sizes of the output, z y x, found by counting; axes beyond the rank are 1. A size may come out as 0 (or, for
// conv_transpose, negative): then the problem has no output.
std::array<int64_t, 3> reference_output_size(const halconv_problem &problem);

// Elements of each tensor of a problem that has an output.
int64_t input_elements(const halconv_problem &problem);
int64_t weight_elements(const halconv_problem &problem);
int64_t output_elements(const halconv_problem &problem);

// Position of an element in the dense input or output tensor. The spatial index is z y x with 0 for axes beyond the
// rank.
int64_t input_index(const halconv_problem &problem, int64_t n, int64_t c, const std::array<int64_t, 3> &at);
int64_t output_index(const halconv_problem &problem, int64_t n, int64_t c, const std::array<int64_t, 3> &at);

// y = activation(op(x, w) + bias + residual) in double, in the layout of the problem's output. Integer-valued operands
// below 2^53 in sum give the exact value. w is OIHW for conv (I = in_channels / groups) and IOHW for conv_transpose
// (O = out_channels / groups). bias and residual may be null; residual is read only if problem.residual is set.
void reference_run(const halconv_problem &problem, const float *x, const float *w, const float *bias,
                   const float *residual, std::vector<double> &y);

// The same value at one output element, for layers too big to run: gathered for both operations, by search over all
// pairs of tap and input coordinate of each axis. z and y are 0 on axes beyond the rank.
double reference_at(const halconv_problem &problem, const float *x, const float *w, const float *bias,
                    const float *residual, int64_t n, int64_t c, int64_t oz, int64_t oy, int64_t ox);

// The activation of the problem on a sum.
double reference_activation(const halconv_problem &problem, double v);

// w (OIHW for conv, IOHW for conv_transpose) rewritten in another order of axes, every spatial axis reversed if `flip`.
std::vector<float> reorder_weights(const halconv_problem &problem, const std::vector<float> &w,
                                   halconv_weights_layout layout, bool flip);

}  // namespace halconv
