#include "generators/inner_product.h"

#include "generators/conv_transpose.h"

namespace halconv {

using Halide::Expr;
using Halide::RDom;

template <class Derived> void InnerProduct<Derived>::define_rows() {
    if (interior) {
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

// The last input of a window. Where all is pinned its distance from the coordinate is known to lie between two numbers,
// closer than Halide would find.
template <class Derived> Expr InnerProduct<Derived>::last_input(const WindowAxis &window) {
    if (!window.transposed) {
        return window.input(window.taps() - 1);
    }
    for (int pin : {int(pins_x.kernel), int(pins_x.stride), int(pins_x.dilation), int(pins_x.pad_before)}) {
        if (pin == HALCONV_FREE) {
            return window.input(0);
        }
    }
    PhaseAxis<int64_t> axis = phase_axis({pins_x.kernel, pins_x.stride, pins_x.dilation, pins_x.pad_before});
    int64_t least = INT32_MAX, most = INT32_MIN;
    for (int64_t q = 0; q < axis.axis.stride; q++) {
        int64_t last = axis.input(axis.base(q), axis.phase(q), 0);
        least = std::min(least, last), most = std::max(most, last);
    }
    Expr distance = window.axis.base(window.q) + window.axis.input_offset(window.r());
    return window.coordinate + Halide::clamp(distance, int(least), int(most));
}

template <class Derived> void InnerProduct<Derived>::define(bool transposed) {
    PhaseAxis<Expr> ax = phase_axis_of(pins_x, axis_x), ay = phase_axis_of(pins_y, axis_y),
                    az = phase_axis_of(pins_z, axis_z);
    Expr in = pinned(channels_in, input.dim(2).stride()), out = pinned(channels_out, weights.dim(1).extent());
    Expr channel = f % out, phases = transposed ? ax.axis.stride : Expr(1);
    WindowAxis wx{transposed, ax, f / (out * phases), (f / out) % phases}, wy{transposed, ay, y, qy},
        wz{transposed, az, z, qz};
    define_rows();

    RunVectors<Expr> run = run_of_phase(ax, transposed, in, Expr(int(panel)), wx.r());
    RunVectors<Expr> longest = run;
    longest.length = wx.most_taps() * in;
    Expr others = Halide::Internal::simplify(longest.count() - longest.common);
    has_other_taps = !Halide::Internal::is_const_zero(others);
    taps = RDom(0, run.common, 0, wy.most_taps(), 0, wz.most_taps(), "taps");
    other_taps = RDom(run.common, others, 0, wy.most_taps(), 0, wz.most_taps(), "other_taps");
    other_taps.where(other_taps[0] < run.count());
    for (RDom *dom : {&taps, &other_taps}) {
        if (transposed && !same_taps_in_every_phase(pins_y)) {
            dom->where((*dom)[1] < wy.taps());
        }
        if (transposed && !same_taps_in_every_phase(pins_z)) {
            dom->where((*dom)[2] < wz.taps());
        }
    }

    // Inputs ascend with the taps of conv and descend with those of a phase.
    Expr end = (last_input(wx) + 1) * in;
    auto products = [&](const RDom &dom, const Expr &reach) {
        return weights(l, channel, dom[0], dom[1], dom[2], wx.r(), wy.r(), wz.r(), 0) *
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
