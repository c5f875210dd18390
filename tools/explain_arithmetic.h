// What `halconv explain` says about a problem, as numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "halconv/halconv.h"
#include "runtime/core/conv_shape.h"

namespace halconv {

// The outputs of one phase r of an axis: b is the quotient of (output + pad_before) / stride, r the rest.
struct PhaseTaps {
    int64_t phase, outputs;             // how many outputs of the axis are in it
    std::vector<int64_t> taps, inputs;  // tap taps[m] reads input b + inputs[m]
};

constexpr int64_t kMostPhases = 64;

struct AxisExplanation {
    Axis<int64_t> axis;
    int64_t in, out, pad_after, output_padding;
    int64_t low, high;  // sizes of the sparser and the denser grid
    // conv_transpose only:
    std::vector<PhaseTaps> phases;   // in the order of the first outputs, at most kMostPhases
    int64_t fewest_taps, most_taps;  // of any phase that occurs
    int64_t gathered_products;       // taps of its phase, added up over the outputs
    bool uneven() const { return fewest_taps != most_taps; }
};

// How many multiplications an algorithm makes, counted exactly.
struct MethodCount {
    std::string method, why;
    int64_t multiplications;
};

struct Explanation {
    std::vector<AxisExplanation> axes;
    std::vector<MethodCount> methods;  // the first is what the definition needs: a product for each pair that meets
};

// The problem must be legal and `out` its sizes.
Explanation explain_problem(const halconv_problem &problem, const int64_t *out);

constexpr int64_t kNoTap = -1;

// The matrix C of the axis for one channel, row by row: low x high entries, C[low][high] the tap that joins them or
// kNoTap.
// conv is y = C x, conv_transpose y = C^T x.
std::vector<int64_t> axis_matrix(const AxisExplanation &axis);

// Entries of C that are a tap.
int64_t matrix_entries(const AxisExplanation &axis);

// The same axis with the largest input for which neither side of the matrix exceeds `most`; in = 0 where there is none.
AxisExplanation shrunk_axis(const AxisExplanation &axis, halconv_op op, int64_t most);

}  // namespace halconv
