#include "generators/conv.h"

namespace halconv {

using Halide::Expr;
using Halide::RDom;

void ConvDirect::generate() {
    PhaseAxis<Expr> ax = phase_axis_of(pins_x, axis_x), ay = phase_axis_of(pins_y, axis_y),
                    az = phase_axis_of(pins_z, axis_z);
    define_padded();
    taps = RDom(0, input.dim(0).extent(), 0, ax.axis.kernel, 0, ay.axis.kernel, 0, az.axis.kernel, "taps");
    Expr blocks = (output.dim(0).extent() + panel - 1) / panel, lane = c % panel, block = g * blocks + c / panel;
    sum(c, g, x, y, z, n) = bias(lane, block);
    sum(c, g, x, y, z, n) +=
        weights(lane, taps[0], taps[1], taps[2], taps[3], 0, 0, 0, block) *
        padded(taps[0], g, high_coordinate(ax.axis, Expr(x), Expr(taps[1])),
               high_coordinate(ay.axis, Expr(y), Expr(taps[2])), high_coordinate(az.axis, Expr(z), Expr(taps[3])), n);
    output(c, g, x, y, z, n) = epilogue(sum(c, g, x, y, z, n), residual(c, g, x, y, z, n));
}

void ConvDepthwise::generate() {
    PhaseAxis<Expr> ax = phase_axis_of(pins_x, axis_x), ay = phase_axis_of(pins_y, axis_y),
                    az = phase_axis_of(pins_z, axis_z);
    define_padded();
    taps = RDom(0, 1, 0, ax.axis.kernel, 0, ay.axis.kernel, 0, az.axis.kernel, "taps");
    Expr lane = g % panel, block = g / panel;
    sum(c, g, x, y, z, n) = bias(lane, block);
    sum(c, g, x, y, z, n) +=
        weights(lane, taps[0], taps[1], taps[2], taps[3], 0, 0, 0, block) *
        padded(taps[0], g, high_coordinate(ax.axis, Expr(x), Expr(taps[1])),
               high_coordinate(ay.axis, Expr(y), Expr(taps[2])), high_coordinate(az.axis, Expr(z), Expr(taps[3])), n);
    output(c, g, x, y, z, n) = epilogue(sum(c, g, x, y, z, n), residual(c, g, x, y, z, n));
}

}  // namespace halconv
