// Transposed convolution: the adjoint of conv. Instead of inserting zeros it gathers per phase: an output o with
// u = o + pad_before lies in phase r = u mod stride and takes only the taps of that phase (PhaseAxis in
// runtime/core/conv_shape.h), at input positions b - m * input_step for b = u div stride. No zero is multiplied but those
// of the border. Shapes, order of indices and packed weights: runtime/core/kernel_table.h.
#pragma once

#include "generators/operation.h"

namespace halconv {

// Whether all phases of an axis have the same number of taps, known when the generator runs.
bool same_taps_in_every_phase(const AxisPins &pins);

// Output and residual are (c, g, qx, x, qy, y, qz, z, n): the spatial coordinate is x * stride + qx.
template <class Derived> class ByPhase : public Operation<Derived, 9> {
  public:
    using Base = Operation<Derived, 9>;
    using Base::axis_x, Base::axis_y, Base::axis_z, Base::pins_x, Base::pins_y, Base::pins_z;
    using Base::bias, Base::output, Base::residual, Base::weights;
    using Base::c, Base::g, Base::n, Base::x, Base::y, Base::z;
    using Base::factor, Base::operand, Base::padded, Base::sum, Base::taps;
    using typename Base::Lane;

    Halide::Var qx{"qx"}, qy{"qy"}, qz{"qz"};

  protected:
    using Base::channel_lane, Base::define_padded, Base::depthwise_lane, Base::epilogue, Base::phase_axis_of,
        Base::read_through, Base::within;

    void define_sum(const Lane &at);
};

// Lanes of a weights block are output channels of one group.
class ConvTransposePhase : public ByPhase<ConvTransposePhase> {
  public:
    void generate();
};

// Few channels in and out per group: lanes of a weights block are output channels of all groups.
class ConvTransposeDepthwise : public ByPhase<ConvTransposeDepthwise> {
  public:
    void generate();
};

// All x phases at once: lanes are (phase of x, channel), so that a row of the output is written without gaps although
// there are few channels (group_out). Needs one group, dilation_x = 1 and kernel_x = T * stride_x; then every x phase reads
// the same T inputs. Output and residual are (f, qy, y, qz, z, n), f = x * channels + channel.
class ConvTransposeRowFused : public Operation<ConvTransposeRowFused, 6> {
  public:
    // Bases b that are computed together; the last of them may lie beyond the row.
    Halide::GeneratorParam<int> bases_together{"bases_together", 1};
    Halide::Var f{"f"}, lane{"lane"}, b{"b"}, qy{"qy"}, qz{"qz"};
    // `sum` is (lane, b, qy, y, qz, z, n), element b * lanes + lane of the uncropped row, u = 0 first, lanes = stride_x *
    // channels. The output's update goes over (lane of a block of weights, b of those together, block,
    // which together) and leaves out what is cropped.
    Halide::RDom places;
    void generate();

  private:
    void define_row(const Axis<Halide::Expr> &axis);
};

}  // namespace halconv
