#include "generators/conv.h"

namespace halconv {

using Halide::Expr;
using Halide::RDom;

template <class Derived> void ByWindow<Derived>::define_sum(const Lane &at) {
    Axis<Expr> ax = phase_axis_of(pins_x, axis_x).axis, ay = phase_axis_of(pins_y, axis_y).axis,
               az = phase_axis_of(pins_z, axis_z).axis;
    define_padded();
    taps = RDom(0, at.channels, 0, ax.kernel, 0, ay.kernel, 0, az.kernel, "taps");
    Expr in_x = within(pins_x, 2, high_coordinate(ax, Expr(x), Expr(taps[1])));
    Expr in_y = within(pins_y, 3, high_coordinate(ay, Expr(y), Expr(taps[2])));
    Expr in_z = within(pins_z, 4, high_coordinate(az, Expr(z), Expr(taps[3])));
    sum(c, g, x, y, z, n) = bias(at.lane, at.block);
    sum(c, g, x, y, z, n) +=
        read_through(factor, weights(at.lane, taps[0], taps[1], taps[2], taps[3], 0, 0, 0, at.block), {c, g}) *
        read_through(operand, padded(taps[0], at.group, in_x, in_y, in_z, n), {g, x, y, z, n});
    output(c, g, x, y, z, n) = epilogue(sum(c, g, x, y, z, n), residual(c, g, x, y, z, n));
}

void ConvDirect::generate() { define_sum(channel_lane()); }

void ConvDepthwise::generate() { define_sum(depthwise_lane()); }

template class ByWindow<ConvDirect>;
template class ByWindow<ConvDepthwise>;

}  // namespace halconv
