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
    sum(lane, b, qy, y, qz, z, n) = bias(lane % panel, lane / panel);
    sum(lane, b, qy, y, qz, z, n) +=
        weights(lane % panel, taps[0], taps[1], taps[2], taps[3], 0, py.r, pz.r, lane / panel) *
        read_through(operand, padded(taps[0], 0, in_x, in_y, in_z, n), {b, qy, y, qz, z, n});
    define_row(ax.axis);
}

void ConvTransposeRowFused::define_row(const Axis<Expr> &axis) {
    const int together = bases_together;
    Expr channels = int(group_out), lanes = fused_lanes(axis, channels), row = output.dim(0).extent();
    auto base = [&](const Expr &place) { return uncropped_place(axis, place, channels) / lanes; };
    Expr first = base(0), bases = base(row - 1) - first + 1;
    places = RDom(0, int(panel), 0, together, 0, (lanes + panel - 1) / panel, 0, (bases + together - 1) / together,
                  "places");
    Expr at = places[2] * panel + places[0], at_base = first + places[3] * together + places[1];
    Expr place = cropped_place(axis, at_base * lanes + at, channels);
    // One condition, as two would not leave a vector whole that meets both. No base beyond the last meets it.
    Expr beyond = max(-place, place - row + 1);
    places.where(likely((can_prove(lanes % panel == 0) ? beyond : max(beyond, at - lanes + 1)) <= 0));
    place = unsafe_promise_clamped(place, 0, row - 1);
    output(f, qy, y, qz, z, n) = Halide::undef<float>();
    output(place, qy, y, qz, z, n) = epilogue(sum(at, at_base, qy, y, qz, z, n), residual(place, qy, y, qz, z, n));
}

template class ByPhase<ConvTransposePhase>;
template class ByPhase<ConvTransposeDepthwise>;

}  // namespace halconv
