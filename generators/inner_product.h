// Conv and conv_transpose with few output channels: lanes are elements of the reduction, so that a sum is an inner product
// whose lanes are added at the end. The x taps of a window and their channels are one run of the input's row, because
// channels are innermost. Shapes, order of indices and packed weights: runtime/core/kernel_table.h.
#pragma once

#include "generators/operation.h"

namespace halconv {

// Output and residual are (f, qy, y, qz, z, n), f = x coordinate * channels + channel; for conv qy = qz = 0.
template <class Derived> class InnerProduct : public Operation<Derived, 6> {
  public:
    using Base = Operation<Derived, 6>;
    using Base::axis_x, Base::axis_y, Base::axis_z, Base::pins_x, Base::pins_y, Base::pins_z;
    using Base::bias, Base::input, Base::output, Base::panel, Base::residual, Base::weights;
    using Base::n, Base::padded, Base::sum, Base::taps, Base::y, Base::z;

    // Channels in and out, or HALCONV_FREE.
    Halide::GeneratorParam<int> channels_in{"channels_in", HALCONV_FREE}, channels_out{"channels_out", HALCONV_FREE};

    // padded(k, y, z, n) = the input's rows, k = x * channels + channel, zero outside. sum(l, f, qy, y, qz, z, n) are
    // the partial sums of lane l, total the sum of its lanes, and row the total again, for a schedule to store.
    // The vectors of a run that all phases have are reduced over `taps`, the others over `other_taps`; both (w, ty, tz).
    Halide::Var k{"k"}, l{"l"}, f{"f"}, qy{"qy"}, qz{"qz"};
    Halide::Func total{"total"}, row{"row"};
    Halide::RDom lanes, other_taps;
    bool has_other_taps = true;

  protected:
    using Base::epilogue, Base::phase_axis_of, Base::pinned;
    using Expr = Halide::Expr;

    void define();

  private:
    // One axis of a window: the phase of an output, its number of taps, and the input of tap index m.
    struct WindowAxis {
        bool transposed;
        PhaseAxis<Expr> axis;
        Expr coordinate, r, taps, most_taps, last;  // last: the input of m = 0, if transposed
        Expr input(const Expr &m) const {
            return transposed ? last - m * axis.input_step() : high_coordinate(axis.axis, coordinate, m);
        }
    };

    WindowAxis window_axis(const AxisPins &pins, const PhaseAxis<Expr> &axis, const Expr &coordinate, const Expr &q);
    void define_rows();
};

class ConvInnerProduct : public InnerProduct<ConvInnerProduct> {
  public:
    static constexpr bool kTransposed = false;
    void generate() { define(); }
};

class ConvTransposeInnerProduct : public InnerProduct<ConvTransposeInnerProduct> {
  public:
    static constexpr bool kTransposed = true;
    void generate() { define(); }
};

}  // namespace halconv
