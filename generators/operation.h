// What every generator of halconv has in common: the pins, the inputs in the order of the kernel ABI
// (runtime/core/kernel_table.h), and the axes' formulas with pinned values as constants.
//
// Order of indices: (c, g, x, y, z, n) with c = channel inside its group, g = group. A pin that is free
// (HALCONV_FREE) is read at run time from the scalar input of the same name.
#pragma once

#include <string>
#include <vector>

#include "Halide.h"
#include "generators/expr_arithmetic.h"
#include "halconv/halconv.h"
#include "runtime/core/conv_shape.h"
#include "runtime/core/kernel_table.h"

namespace halconv {

// Place of each scalar in the inputs axis_x, axis_y, axis_z.
enum AxisScalar { kKernel, kStride, kDilation, kPadBefore, kGcd, kInverse, kAxisScalars };

// What becomes of a tap that falls outside the input.
enum class Border {
    kZeros,  // it reads a zero
    kSkip,   // it is left out of the sum
    kNone,   // there is none: the caller vouches for it
};

// Pins of one spatial axis as generator parameters: kernel_x, stride_x, dilation_x, pad_before_x, ...
struct AxisPins {
    Halide::GeneratorParam<int> kernel, stride, dilation, pad_before;
    Halide::GeneratorParam<Border> border;
    explicit AxisPins(const std::string &axis)
        : kernel("kernel_" + axis, HALCONV_FREE), stride("stride_" + axis, HALCONV_FREE),
          dilation("dilation_" + axis, HALCONV_FREE), pad_before("pad_before_" + axis, HALCONV_FREE),
          border("border_" + axis, Border::kZeros,
                 {{"zeros", Border::kZeros}, {"skip", Border::kSkip}, {"none", Border::kNone}}) {}
};

template <class Derived, int kOutputDimensions> class Operation : public Halide::Generator<Derived> {
  public:
    using Tensor = Halide::Buffer<float, 6>;
    using Result = Halide::Buffer<float, kOutputDimensions>;

    AxisPins pins_x{"x"}, pins_y{"y"}, pins_z{"z"};
    // Lanes of a block of packed weights.
    Halide::GeneratorParam<int> panel{"panel", 1};
    // An activation's number, HALCONV_LINEAR for a piecewise linear one, or HALCONV_FREE for any at all; and which
    // piecewise linear one, or HALCONV_FREE for any of them.
    Halide::GeneratorParam<int> activation_pin{"activation_pin", HALCONV_LINEAR};
    Halide::GeneratorParam<int> piecewise_pin{"piecewise_pin", HALCONV_FREE};
    // 0: no residual; 1: always; HALCONV_FREE: as the scalar has_residual says.
    Halide::GeneratorParam<int> residual_pin{"residual_pin", 0};
    // The input is copied to memory by rows of x, with so many zeros before and after each as outputs read. row_channels:
    // channels that lie side by side in a row; 1: a row is of one channel.
    Halide::GeneratorParam<bool> stage_rows{"stage_rows", false};
    Halide::GeneratorParam<int> row_channels{"row_channels", 1};
    Halide::GeneratorParam<int> margin_before{"margin_before", 0}, margin_after{"margin_after", 0};
    // Of the depthwise and the row-fused generators: output channels of a group.
    Halide::GeneratorParam<int> group_out{"group_out", 1};
    // Of the depthwise generators: whether one block of weights holds all channels; whether
    // lanes may pass the last channel, so that the input is zero beyond the last group.
    Halide::GeneratorParam<bool> one_block{"one_block", false}, bound_groups{"bound_groups", false};
    // Whether input channels beyond the last of a group are read, and are zero.
    Halide::GeneratorParam<bool> bound_channels{"bound_channels", false};

    Halide::GeneratorInput<Tensor> input{"input"};
    Halide::GeneratorInput<Halide::Buffer<float, 9>> weights{"weights"};
    Halide::GeneratorInput<Halide::Buffer<float, 2>> bias{"bias"};
    Halide::GeneratorInput<Result> residual{"residual"};
    Halide::GeneratorInput<int32_t[kAxisScalars]> axis_x{"axis_x"}, axis_y{"axis_y"}, axis_z{"axis_z"};
    Halide::GeneratorInput<int32_t> activation{"activation_kind"}, has_residual{"has_residual"};
    Halide::GeneratorInput<float> slope{"slope"}, low{"low"}, high{"high"};
    Halide::GeneratorOutput<Result> output{"output"};

    // For schedules: the input with zeros around it, and the sum before the epilogue with its reduction (i, tx, ty, tz).
    // operand(tap.., place..) is the input that tap (i, tx, ty, tz) of the output at `place` multiplies, and factor(tap..,
    // place..) the weight, where the operation states it so; its place is (c, g), and the phases.
    Halide::Func padded{"padded"}, sum{"sum"}, operand{"operand"}, factor{"factor"};
    Halide::RDom taps;
    // Of padded where stage_rows is set: (channel of row_channels, column) of its updates 2 and 3.
    Halide::RDom inside, outside;
    const std::vector<Halide::Var> tap{Halide::Var("i"), Halide::Var("tx"), Halide::Var("ty"), Halide::Var("tz")};
    Halide::Var c{"c"}, g{"g"}, x{"x"}, y{"y"}, z{"z"}, n{"n"};

  protected:
    using Expr = Halide::Expr;
    using Scalars = Halide::GeneratorInput<int32_t[kAxisScalars]>;

    static Expr pinned(int pin, const Expr &at_run_time) { return pin == HALCONV_FREE ? at_run_time : Expr(pin); }

    static PhaseAxis<Expr> phase_axis_of(const AxisPins &pins, const Scalars &scalars) {
        Axis<Expr> axis{pinned(pins.kernel, scalars[kKernel]), pinned(pins.stride, scalars[kStride]),
                        pinned(pins.dilation, scalars[kDilation]), pinned(pins.pad_before, scalars[kPadBefore])};
        if (pins.stride == HALCONV_FREE || pins.dilation == HALCONV_FREE) {
            return {axis, scalars[kGcd], scalars[kInverse]};
        }
        PhaseAxis<int64_t> known = phase_axis({1, pins.stride, pins.dilation, 0});
        return {axis, Expr(int(known.gcd)), Expr(int(known.inverse))};
    }

    // The weights of an output, and the group that it reads.
    struct Lane {
        Expr lane, block, group, channels;  // channels: input channels of a group
    };
    // Lanes are output channels of one group.
    Lane channel_lane() {
        Expr blocks = (output.dim(0).extent() + panel - 1) / panel;
        return {c % panel, g * blocks + c / panel, g, input.dim(0).extent()};
    }
    // Lanes are output channels of all groups, index g.
    Lane depthwise_lane() {
        Expr group = group_out == 1 ? Expr(g) : g / group_out;
        return {one_block ? Expr(g) : g % panel, one_block ? Expr(0) : g / panel, group, input.dim(0).extent()};
    }

    // The same value as define_padded, defined piece by piece for a copy to memory: the margins of a row, then either the
    // row of the input or zeros. No vector then reads across a row's end.
    void define_padded_rows() {
        using Halide::RDom;
        Expr width = input.dim(2).extent(), last_y = input.dim(3).extent() - 1, last_z = input.dim(4).extent() - 1;
        RDom before(-int(margin_before), int(margin_before)), after(width, int(margin_after));
        inside = RDom(0, int(row_channels), 0, width, "inside"),
        outside = RDom(0, int(row_channels), 0, width, "outside");
        auto channel = [&](const RDom &columns) { return row_channels == 1 ? Expr(c) : Expr(columns.x); };
        Expr row_exists = 0 <= y && y <= last_y && 0 <= z && z <= last_z;
        inside.where(row_exists);
        outside.where(!row_exists);
        padded(c, g, x, y, z, n) = Halide::undef<float>();
        padded(c, g, before, y, z, n) = 0.0f;
        padded(c, g, after, y, z, n) = 0.0f;
        padded(channel(inside), g, inside.y, y, z, n) =
            input(channel(inside), g, inside.y, unsafe_promise_clamped(y, 0, last_y),
                  unsafe_promise_clamped(z, 0, last_z), n);
        padded(channel(outside), g, outside.y, y, z, n) = 0.0f;
    }

    // padded(c, g, x, y, z, n) = the input, zero outside its extent on axes with Border::kZeros (and, with bound_groups,
    // outside its groups).
    void define_padded() {
        if (stage_rows) {
            define_padded_rows();
            return;
        }
        Halide::Region bounds(6);
        bool bounded = bound_groups || bound_channels;
        for (int d = 0; d < 2; d++) {
            if (d == 0 ? bound_channels : bound_groups) {
                bounds[size_t(d)] = {input.dim(d).min(), input.dim(d).extent()};
            }
        }
        const AxisPins *axes[] = {&pins_x, &pins_y, &pins_z};
        for (int d = 2; d < 5; d++) {
            if (axes[d - 2]->border == Border::kZeros) {
                bounds[size_t(d)] = {input.dim(d).min(), input.dim(d).extent()};
                bounded = true;
            }
        }
        Halide::Func source = input;
        padded(c, g, x, y, z, n) =
            (bounded ? Halide::BoundaryConditions::constant_exterior(source, 0.0f, bounds) : source)(c, g, x, y, z, n);
    }

    // `value`, an element of padded or of the weights in terms of `taps` and of the variables `place`, read through `stage`:
    // operand or factor.
    Expr read_through(Halide::Func stage, const Expr &value, std::vector<Halide::Var> place) {
        Expr of_place = value;
        std::vector<Halide::Var> arguments = tap;
        std::vector<Expr> read;
        for (int d = 0; d < 4; d++) {
            of_place = Halide::Internal::substitute(taps[d].name(), Expr(arguments[size_t(d)]), of_place);
            read.push_back(taps[d]);
        }
        read.insert(read.end(), place.begin(), place.end());
        arguments.insert(arguments.end(), place.begin(), place.end());
        stage(arguments) = of_place;
        return stage(read);
    }

    // Where the sum reads dimension d of padded for `coordinate`; with Border::kSkip only taps inside the input remain.
    Expr within(const AxisPins &pins, int d, const Expr &coordinate) {
        if (pins.border != Border::kSkip) {
            return coordinate;
        }
        Expr last = input.dim(d).min() + input.dim(d).extent() - 1;
        taps.where(coordinate >= input.dim(d).min());
        taps.where(coordinate <= last);
        return clamp(coordinate, input.dim(d).min(), last);
    }

    // The piecewise linear activations: all of them are min(max(v < 0 ? slope * v : v, low), high).
    Expr piecewise(const Expr &v) {
        switch (piecewise_pin) {
        case HALCONV_LINEAR:
            return v;
        case HALCONV_RELU:
            return Halide::max(v, 0.0f);
        case HALCONV_CLAMP:
            return Halide::min(Halide::max(v, low), high);
        case HALCONV_LEAKY_RELU:
            return Halide::select(v < 0, slope * v, v);
        default:
            return Halide::min(Halide::max(Halide::select(v < 0, slope * v, v), low), high);
        }
    }

    // activation(v + residual).
    Expr epilogue(Expr v, const Expr &residual_value) {
        using Halide::select;
        if (residual_pin != 0) {
            v += residual_pin == 1 ? residual_value : select(has_residual != 0, residual_value, 0.0f);
        }
        Expr linear = piecewise(v);
        // gelu's erf by Abramowitz and Stegun 7.1.26, |error| <= 1.5e-7; exp and its reciprocal serve the others.
        Expr sigmoid = 1.0f / (1.0f + exp(-v));
        Expr t = exp(-2.0f * abs(v));
        Expr tanh_small = v * (1.0f - v * v * (1.0f / 3 - v * v * (2.0f / 15 - v * v * (17.0f / 315))));
        Expr tanh_large = select(v < 0, -1.0f, 1.0f) * (1.0f - t) / (1.0f + t);
        Expr tanh = select(abs(v) < 0.25f, tanh_small, tanh_large);
        Expr u = abs(v) * float(0.70710678118654752);
        Expr k = 1.0f / (1.0f + 0.3275911f * u);
        Expr series =
            k * (0.254829592f + k * (-0.284496736f + k * (1.421413741f + k * (-1.453152027f + k * 1.061405429f))));
        Expr erf = select(v < 0, -1.0f, 1.0f) * (1.0f - series * exp(-u * u));
        Expr gelu = 0.5f * v * (1.0f + erf);
        switch (activation_pin) {
        case HALCONV_LINEAR:
            return linear;
        case HALCONV_TANH:
            return tanh;
        case HALCONV_SIGMOID:
            return sigmoid;
        case HALCONV_SILU:
            return v * sigmoid;
        case HALCONV_GELU:
            return gelu;
        default:
            return select(activation == HALCONV_TANH, tanh, activation == HALCONV_SIGMOID, sigmoid,
                          activation == HALCONV_SILU, v * sigmoid, activation == HALCONV_GELU, gelu, linear);
        }
    }
};

}  // namespace halconv
