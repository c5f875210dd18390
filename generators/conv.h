// Convolution: output(o) = sum over taps t and input channels i of weights(t, i) * input(o * stride + t * dilation - pad).
// Out-of-range input is zero. Shapes, order of indices and packed weights: runtime/core/kernel_table.h.
#pragma once

#include "generators/operation.h"

namespace halconv {

// Lanes of a weights block are output channels of one group.
class ConvDirect : public Operation<ConvDirect, 6> {
  public:
    void generate();
};

// One channel in and out per group: lanes of a weights block are groups.
class ConvDepthwise : public Operation<ConvDepthwise, 6> {
  public:
    void generate();
};

}  // namespace halconv
