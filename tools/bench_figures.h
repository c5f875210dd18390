// The figures of `halconv bench` as functions of a problem and of samples: work, traffic, spread, error.
#pragma once

#include <cstdint>
#include <vector>

#include "halconv/halconv.h"

namespace halconv {

// Multiply-adds counted twice, with N batch, CI and CO channels, G groups, prod over the spatial axes:
//   conv            N * CO * (CI / G) * prod(out) * prod(kernel)
//   conv_transpose  N * CI * (CO / G) * prod(in) * prod(kernel)
// Nominal: products with padding or of cropped results count. The problem must be legal.
double useful_flop(const halconv_problem &problem);

// Bytes that must move at least once: input, weights, output and, where there is one, the residual.
double compulsory_bytes(const halconv_problem &problem);

// Elements of a legal problem's dense tensors; weights without bias.
struct TensorSizes {
    int64_t input, weights, output;
};
TensorSizes tensor_sizes(const halconv_problem &problem);

struct Timing {
    double median, spread;  // spread: (90th percentile - 10th percentile) / median
};

// Percentiles are linear between the order statistics (NumPy's default). `samples` must not be empty.
Timing summarise(std::vector<double> samples);

// Uniform in [-scale, scale), all bits of the mantissa in use; the same numbers for the same seed everywhere.
void fill_random(float *data, int64_t count, float scale, uint64_t seed);

// One layer's operands: weights OIHW for conv, IOHW for conv_transpose; residual may be null.
struct BenchOperands {
    const float *input, *weights, *bias, *residual;
};

struct ErrorFigures {
    double max_error;   // max |y - reference| / rms(reference) over the sampled points; NaN where y is not finite
    bool within_bound;  // every sampled |y - reference| is within the bound below
};

// Compares `output` with double-precision loops at up to 352 points: every corner of the output, then points on its
// faces, then points anywhere. A sum of k products in f32, in any order and fused or not, is within
//     gamma(k) * sum |x * w|,  gamma(k) = k * u / (1 - k * u),  u = 2^-24
// (Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., section 3.1); bias and residual are two more terms.
// The bound is for numerics strict. Winograd's sums take in the whole tile, of which a border may leave few terms:
// default allows kDefaultError and fast kFastError times as much.
constexpr double kDefaultError = 4, kFastError = 16;
ErrorFigures compare_samples(const halconv_problem &problem, const BenchOperands &operands, const float *output,
                             halconv_numerics numerics = HALCONV_STRICT);

}  // namespace halconv
