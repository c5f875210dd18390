#include "generators/inner_product.h"

#include "generators/conv_transpose.h"
#include "runtime/core/inner_product.h"

namespace halconv {

using Halide::Expr;
using Halide::RDom;

template <class Derived> void InnerProduct<Derived>::define_rows() {
    if (pins_x.border == Border::kNone) {
        padded(k, y, z, n) = input(k, 0, 0, y, z, n);
        return;
    }
    // With a known number of channels a vector of k may be known to lie within one pixel, all inside or all outside.
    int channels = channels_in == HALCONV_FREE ? 1 : channels_in;
    Halide::Var i{"i"}, px{"px"};
    Halide::Func pixels{"pixels"};
    pixels(i, px, y, z, n) = input(px * channels + i, 0, 0, y, z, n);
    Halide::Region bounds = {{}, {0, input.dim(0).extent() / channels}, {}, {}, {}};
    for (int d : {3, 4}) {
        bounds[size_t(d - 1)] = {0, input.dim(d).extent()};
    }
    Halide::Func exterior = Halide::BoundaryConditions::constant_exterior(pixels, 0.0f, bounds);
    padded(k, y, z, n) = exterior(k % channels, k / channels, y, z, n);
}

template <class Derived>
typename InnerProduct<Derived>::WindowAxis InnerProduct<Derived>::window_axis(const AxisPins &pins,
                                                                              const PhaseAxis<Expr> &axis,
                                                                              const Expr &coordinate, const Expr &q) {
    if (!Derived::kTransposed) {
        return {false, axis, coordinate, 0, axis.axis.kernel, axis.axis.kernel, {}};
    }
    Expr r = axis.phase(q), distance = axis.base(q) + axis.input_offset(r);
    bool known = true;
    for (int pin : {int(pins.kernel), int(pins.stride), int(pins.dilation), int(pins.pad_before)}) {
        known = known && pin != HALCONV_FREE;
    }
    if (known) {  // the least interval, which Halide would not find
        Reach reach = last_inputs(phase_axis({pins.kernel, pins.stride, pins.dilation, pins.pad_before}));
        distance = Halide::clamp(distance, int(reach.first), int(reach.last));
    }
    return {true, axis, coordinate, r, axis.taps(r), axis.max_taps(), coordinate + distance};
}

template <class Derived> void InnerProduct<Derived>::define() {
    constexpr bool transposed = Derived::kTransposed;
    PhaseAxis<Expr> ax = phase_axis_of(pins_x, axis_x), ay = phase_axis_of(pins_y, axis_y),
                    az = phase_axis_of(pins_z, axis_z);
    Expr in = pinned(channels_in, input.dim(2).stride()), out = pinned(channels_out, weights.dim(1).extent());
    Expr channel = f % out, phases = transposed ? ax.axis.stride : Expr(1);
    WindowAxis wx = window_axis(pins_x, ax, f / (out * phases), (f / out) % phases),
               wy = window_axis(pins_y, ay, y, qy), wz = window_axis(pins_z, az, z, qz);
    define_rows();

    RunVectors<Expr> run = run_of_phase(ax, transposed, in, Expr(int(panel)), wx.r);
    RunVectors<Expr> longest = run;
    longest.length = wx.most_taps * in;
    Expr others = Halide::Internal::simplify(longest.count() - longest.common);
    has_other_taps = !Halide::Internal::is_const_zero(others);
    taps = RDom(0, run.common, 0, wy.most_taps, 0, wz.most_taps, "taps");
    other_taps = RDom(run.common, others, 0, wy.most_taps, 0, wz.most_taps, "other_taps");
    other_taps.where(other_taps[0] < run.count());
    for (RDom *dom : {&taps, &other_taps}) {
        if (transposed && !same_taps_in_every_phase(pins_y)) {
            dom->where((*dom)[1] < wy.taps);
        }
        if (transposed && !same_taps_in_every_phase(pins_z)) {
            dom->where((*dom)[2] < wz.taps);
        }
    }

    // Inputs ascend with the taps of conv and descend with those of a phase.
    Expr end = (wx.input(transposed ? Expr(0) : wx.taps - 1) + 1) * in;
    auto products = [&](const RDom &dom, const Expr &reach) {
        return weights(l, channel, dom[0], dom[1], dom[2], wx.r, wy.r, wz.r, 0) *
               padded(end - reach + l, wy.input(dom[1]), wz.input(dom[2]), n);
    };
    sum(l, f, qy, y, qz, z, n) = bias(l, channel);
    sum(l, f, qy, y, qz, z, n) += products(taps, run.common_reach(taps[0]));
    if (has_other_taps) {
        sum(l, f, qy, y, qz, z, n) += products(other_taps, run.other_reach(other_taps[0]));
    }
    lanes = RDom(0, int(panel), "lanes");
    total(f, qy, y, qz, z, n) = 0.0f;
    total(f, qy, y, qz, z, n) += sum(lanes, f, qy, y, qz, z, n);
    row(f, qy, y, qz, z, n) = total(f, qy, y, qz, z, n);
    output(f, qy, y, qz, z, n) = epilogue(row(f, qy, y, qz, z, n), residual(f, qy, y, qz, z, n));
}

template class InnerProduct<ConvInnerProduct>;
template class InnerProduct<ConvTransposeInnerProduct>;

}  // namespace halconv
