// Winograd's minimal filtering F(m, r): m outputs of a correlation with r taps from m + r - 1 products,
//
//     y = A^T ((G g) * (B^T d)),        * element by element,
//
// nested over x and y (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016, section 4). The
// matrices interpolate at 0, 1, -1 (F(2, 3), F(3, 2)), 0, 1 (F(2, 2)), 0, 1, -1, 2, -2 (F(4, 3)), 0, 1, -1, 2 (F(4, 2)) and
// infinity; in this order, of F(4, 3) 0, infinity and the pairs. B^T and A^T hold integers, so that f32 sums of small
// integers stay exact; the fractions are in G.
#pragma once

#include "halconv/halconv.h"
#include "runtime/core/conv_shape.h"
#include "runtime/core/kernel_table.h"

namespace halconv {

constexpr int kMaxWinogradOutputs = 4, kMaxWinogradTaps = 3, kMaxWinogradPoints = 6;

struct WinogradMatrices {
    int outputs, taps;                                       // m, r
    double input[kMaxWinogradPoints][kMaxWinogradPoints];    // B^T
    double weights[kMaxWinogradPoints][kMaxWinogradTaps];    // G
    double output[kMaxWinogradOutputs][kMaxWinogradPoints];  // A^T
    int points() const { return outputs + taps - 1; }
};

// The matrices of F(outputs, taps); null where there are none.
const WinogradMatrices *winograd_matrices(int64_t outputs, int64_t taps);

// The outputs m of a form's F(m, r); 0 of one that is not winograd.
inline int winograd_outputs(int form) {
    return form == HALCONV_FORM_WINOGRAD2   ? 2
           : form == HALCONV_FORM_WINOGRAD3 ? 3
           : form == HALCONV_FORM_WINOGRAD4 ? 4
                                            : 0;
}
inline bool is_winograd(int form) { return winograd_outputs(form) > 0; }

// Whether a numerics policy allows a form: winograd2 and winograd3 err about as much as the plain sum in f32 (at most 1.25
// times its root mean square), winograd4 about 5 times as much; tests/kernel_winograd_test.cpp holds all.
inline bool numerics_allow(int form, int numerics) {
    return form == HALCONV_FORM_WINOGRAD4 ? numerics == HALCONV_FAST : !is_winograd(form) || numerics != HALCONV_STRICT;
}

// The matrices by which a form transforms one of the axes x and y; null where it sums the axis' taps as they are (every
// other form, an axis that is no run of 2 or 3 neighbouring taps, and F(2, 2) where phases have one tap or two).
const WinogradMatrices *winograd_of_axis(int form, bool transposed, const Axis<int64_t> &axis);

// Whether a winograd kernel of conv_transpose may compute all phases from one transformed input: where all of a position
// read the same inputs, and the output is nhwc (planes are stored by phase).
inline bool phases_can_share(const halconv_key &key) {
    return key.op == HALCONV_CONV_TRANSPOSE && key.out_layout == HALCONV_NHWC && key.dilation[0] == 1 &&
           key.dilation[1] == 1 && key.dilation[2] == 1;
}

}  // namespace halconv
