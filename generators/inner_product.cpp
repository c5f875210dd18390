#include "generators/inner_product.h"

#include "generators/conv_transpose.h"

namespace halconv {

using Halide::Expr;
using Halide::RDom;

template <class Derived> void InnerProduct<Derived>::define_rows() {
    Halide::Func source = input;
    if (!interior) {
        Halide::Region bounds(6);
        for (int d : {0, 3, 4}) {
            bounds[size_t(d)] = {input.dim(d).min(), input.dim(d).extent()};
        }
        source = Halide::BoundaryConditions::constant_exterior(source, 0.0f, bounds);
    }
    padded(k, y, z, n) = source(k, 0, 0, y, z, n);
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
    Expr start = (transposed ? wx.input(wx.taps() - 1) : wx.input(0)) * in;
    auto products = [&](const RDom &dom, const Expr &first) {
        return weights(l, channel, dom[0], dom[1], dom[2], wx.r(), wy.r(), wz.r(), 0) *
               padded(start + first + l, wy.input(dom[1]), wz.input(dom[2]), n);
    };
    sum(l, f, qy, y, qz, z, n) = bias(l, channel);
    sum(l, f, qy, y, qz, z, n) += products(taps, run.common_first(taps[0]));
    if (has_other_taps) {
        sum(l, f, qy, y, qz, z, n) += products(other_taps, run.other_first(other_taps[0]));
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
