#include "generators/conv_transpose.h"

namespace halconv {

using Halide::Expr;
using Halide::RDom;

bool same_taps_in_every_phase(const AxisPins &pins) {
    if (pins.stride == 1) {
        return true;
    }
    if (pins.kernel == HALCONV_FREE || pins.stride == HALCONV_FREE || pins.dilation == HALCONV_FREE) {
        return false;
    }
    return phases_alike({pins.kernel, pins.stride, pins.dilation, 0});
}

namespace {

// One axis of a gather by phase: where the output (coordinate, q) reads for tap m.
struct PhaseOf {
    Expr r, taps, base;  // phase, its number of taps, and the input position of m = 0 for coordinate 0
    PhaseOf(const PhaseAxis<Expr> &axis, const Expr &q)
        : r(axis.phase(q)), taps(axis.taps(r)), base(axis.base(q) + axis.input_offset(r)) {}
};

}  // namespace

template <class Derived> void ByPhase<Derived>::define_sum(const Lane &at) {
    PhaseAxis<Expr> ax = phase_axis_of(pins_x, axis_x), ay = phase_axis_of(pins_y, axis_y),
                    az = phase_axis_of(pins_z, axis_z);
    define_padded();
    PhaseOf px(ax, qx), py(ay, qy), pz(az, qz);
    taps = RDom(0, at.channels, 0, ax.max_taps(), 0, ay.max_taps(), 0, az.max_taps(), "taps");
    if (!same_taps_in_every_phase(pins_x)) {
        taps.where(taps[1] < px.taps);
    }
    if (!same_taps_in_every_phase(pins_y)) {
        taps.where(taps[2] < py.taps);
    }
    if (!same_taps_in_every_phase(pins_z)) {
        taps.where(taps[3] < pz.taps);
    }
    Expr in_x = within(pins_x, 2, x + px.base - taps[1] * ax.input_step());
    Expr in_y = within(pins_y, 3, y + py.base - taps[2] * ay.input_step());
    Expr in_z = within(pins_z, 4, z + pz.base - taps[3] * az.input_step());
    sum(c, g, qx, x, qy, y, qz, z, n) = bias(at.lane, at.block);
    sum(c, g, qx, x, qy, y, qz, z, n) +=
        read_through(factor, weights(at.lane, taps[0], taps[1], taps[2], taps[3], px.r, py.r, pz.r, at.block),
                     {c, g, qx, qy, qz}) *
        read_through(operand, padded(taps[0], at.group, in_x, in_y, in_z, n), {g, qx, x, qy, y, qz, z, n});
    output(c, g, qx, x, qy, y, qz, z, n) =
        epilogue(sum(c, g, qx, x, qy, y, qz, z, n), residual(c, g, qx, x, qy, y, qz, z, n));
}

void ConvTransposePhase::generate() { define_sum(channel_lane()); }

void ConvTransposeDepthwise::generate() { define_sum(depthwise_lane()); }

void ConvTransposeRowFused::generate() {
    PhaseAxis<Expr> ax = phase_axis_of(pins_x, axis_x), ay = phase_axis_of(pins_y, axis_y),
                    az = phase_axis_of(pins_z, axis_z);
    Expr channels = fused_channels(ax.axis, Expr(int(panel)));
    define_padded();
    PhaseOf py(ay, qy), pz(az, qz);
    taps = RDom(0, input.dim(0).extent(), 0, ax.max_taps(), 0, ay.max_taps(), 0, az.max_taps(), "taps");
    if (!same_taps_in_every_phase(pins_y)) {
        taps.where(taps[2] < py.taps);
    }
    if (!same_taps_in_every_phase(pins_z)) {
        taps.where(taps[3] < pz.taps);
    }
    Expr in_x = within(pins_x, 2, b - taps[1]);
    Expr in_y = within(pins_y, 3, y + py.base - taps[2] * ay.input_step());
    Expr in_z = within(pins_z, 4, z + pz.base - taps[3] * az.input_step());
    sum(lane, b, qy, y, qz, z, n) = bias(lane, 0);
    sum(lane, b, qy, y, qz, z, n) +=
        weights(lane, taps[0], taps[1], taps[2], taps[3], 0, py.r, pz.r, 0) *
        read_through(operand, padded(taps[0], 0, in_x, in_y, in_z, n), {b, qy, y, qz, z, n});
    row(lane, b, qy, y, qz, z, n) = sum(lane, b, qy, y, qz, z, n);
    Expr uncropped = uncropped_place(ax.axis, Expr(f), channels);
    output(f, qy, y, qz, z, n) =
        epilogue(row(uncropped % panel, uncropped / panel, qy, y, qz, z, n), residual(f, qy, y, qz, z, n));
}

template class ByPhase<ConvTransposePhase>;
template class ByPhase<ConvTransposeDepthwise>;

}  // namespace halconv
