// A layer with tensors, bound to a kernel's plan: what bench and tune run.
#pragma once

#include <cstdint>

#include "halconv/halconv.h"
#include "tools/bench_figures.h"
#include "tools/layer.h"
#include "tools/plan_handle.h"

namespace halconv {

// Floats at a multiple of 64 bytes.
class Floats {
  public:
    explicit Floats(int64_t count) : count_(count), memory_(aligned_bytes(size_t(count) * sizeof(float))) {}
    float *data() const { return reinterpret_cast<float *>(memory_.get()); }
    int64_t size() const { return count_; }

  private:
    int64_t count_;
    AlignedBytes memory_;
};

// What the caller of a layer has; weights OIHW for conv, IOHW for conv_transpose.
struct LayerOperands {
    explicit LayerOperands(const halconv_problem &problem);
    // Of an output of the layer, at sampled points.
    ErrorFigures compare(const Layer &layer, const float *output) const;
    Floats input, weights, bias, residual;
};

// Uniform random numbers, scaled so that the sums of an inner output have variance 1.
LayerOperands random_operands(const halconv_problem &problem);

// Small integers, of inputs only as many not zero as give an output about 64 products; weights are multiples of
// `weight_unit`. With the squared denominator of a winograd form's G for the unit (576 serves all) every partial sum of
// every form is an integer below 2^24: any order of summation gives the same bits.
LayerOperands integer_operands(const halconv_problem &problem, float weight_unit);

class BoundLayer {
  public:
    // Packs the weights; `operands` must outlive this. The output holds NaN, so that what a kernel leaves unwritten shows.
    BoundLayer(const Layer &layer, const LayerOperands &operands, PlanHandle plan);

    void run() const;            // throws WorkError
    ErrorFigures error() const;  // of the output, at sampled points
    const Floats &output() const { return output_; }

  private:
    const Layer &layer_;
    const LayerOperands &operands_;
    PlanHandle plan_;
    Floats output_;
    AlignedBytes packed_, workspace_;
};

}  // namespace halconv
