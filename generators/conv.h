// Convolution: output(o) = sum over taps t and input channels i of weights(t, i) * input(o * stride + t * dilation - pad).
// Out-of-range input is zero. Shapes, order of indices and packed weights: runtime/core/kernel_table.h.
#pragma once

#include "generators/operation.h"

namespace halconv {

template <class Derived> class ByWindow : public Operation<Derived, 6> {
  public:
    using Base = Operation<Derived, 6>;
    using Base::axis_x, Base::axis_y, Base::axis_z, Base::pins_x, Base::pins_y, Base::pins_z;
    using Base::bias, Base::output, Base::residual, Base::weights;
    using Base::c, Base::g, Base::n, Base::x, Base::y, Base::z;
    using Base::factor, Base::operand, Base::padded, Base::sum, Base::taps;
    using typename Base::Lane;

  protected:
    using Base::channel_lane, Base::define_padded, Base::depthwise_lane, Base::epilogue, Base::phase_axis_of,
        Base::read_through, Base::within;

    void define_sum(const Lane &at);
};

// Lanes of a weights block are output channels of one group.
class ConvDirect : public ByWindow<ConvDirect> {
  public:
    void generate();
};

// Few channels in and out per group: lanes of a weights block are output channels of all groups.
class ConvDepthwise : public ByWindow<ConvDepthwise> {
  public:
    void generate();
};

}  // namespace halconv
