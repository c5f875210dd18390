#include "tests/problems.h"

#include <algorithm>
#include <array>
#include <random>
#include <sstream>

#include "tests/reference.h"

namespace halconv {

namespace {

constexpr int64_t kMostMultiplications = 400'000;  // of one case: about a millisecond of the plain loops
constexpr int kAttempts = 24;

// Draws that are the same on every platform.
class Draw {
  public:
    explicit Draw(uint32_t seed) : engine_(seed) {}
    // In [0, count).
    int64_t below(int64_t count) { return int64_t(engine_() % uint32_t(count)); }
    bool one_in(int64_t count) { return below(count) == 0; }
    int64_t of(const std::vector<int64_t> &values) { return values[size_t(below(int64_t(values.size())))]; }
    int64_t pinned_or(int32_t pin, const std::vector<int64_t> &values) {
        int64_t drawn = of(values);  // always drawn, so that a pin does not shift the draws behind it
        return pin == HALCONV_FREE ? drawn : pin;
    }

  private:
    std::mt19937 engine_;
};

// What one case stresses: the axis whose extent, and the channel count, are taken from the row in turn.
struct Focus {
    size_t axis;
    size_t extent, channels;
    bool small;  // everything else as small as possible
};

// One spatial axis of a problem.
struct AxisDraw {
    int64_t in = 1, kernel = 1, stride = 1, dilation = 1, pad_before = 0, pad_after = 0, output_padding = 0;
};

std::vector<int64_t> tile_extents(const halconv_kernel &row, size_t a) {
    int64_t tile = std::max(row.tile[a], 1), least = std::max(row.min_extent[a], 1);
    std::vector<int64_t> extents{tile - 1, tile, tile + 1, 2 * tile + 1, 1, least};
    for (int64_t &extent : extents) {
        extent = std::max<int64_t>(extent, 1);
    }
    return extents;
}

std::vector<int64_t> panel_channels(const halconv_kernel &row) {
    int64_t panel = std::max(row.panel, 1), lanes = row.vector_lanes;
    std::vector<int64_t> channels{1, 3, 17, panel - 1, panel, panel + 1, lanes + 1, 2 * panel + 3};
    for (int64_t &count : channels) {
        count = std::max<int64_t>(count, 1);
    }
    return channels;
}

// Any padding, and for conv any number of rows left over behind the last window, such that the output has `out` pixels.
void fit_conv(AxisDraw &axis, int32_t in_pin, int64_t out, int64_t rest) {
    int64_t reach = (out - 1) * axis.stride + axis.dilation * (axis.kernel - 1) + 1 + rest;
    axis.in = in_pin != HALCONV_FREE ? in_pin : std::max<int64_t>(reach - axis.pad_before - axis.pad_after, 1);
    axis.pad_after = reach - axis.in - axis.pad_before;
}

void fit_transpose(AxisDraw &axis, int32_t in_pin, int64_t out) {
    int64_t first =
        axis.dilation * (axis.kernel - 1) + 1 - axis.pad_before + axis.output_padding;  // reach of one input
    int64_t missing = out + axis.pad_after - first;
    int64_t in = missing > 0 ? (missing + axis.stride - 1) / axis.stride + 1 : 1;
    axis.in = in_pin != HALCONV_FREE ? in_pin : in;
    axis.pad_after = first + (axis.in - 1) * axis.stride - out;
}

AxisDraw draw_axis(Draw &draw, const halconv_kernel &row, size_t a, const Focus &focus) {
    const halconv_key &key = row.key;
    bool transpose = key.op == HALCONV_CONV_TRANSPOSE, fused = row.form == HALCONV_FORM_ROW_FUSED && a == 2;
    bool product = row.form == HALCONV_FORM_INNER_PRODUCT && a == 2;
    AxisDraw axis;
    axis.stride = draw.pinned_or(key.stride[a], {1, 2, 3, 4, 2, 1});
    axis.dilation = draw.pinned_or(key.dilation[a], {1, 1, 1, 2, 3});
    axis.dilation = fused || product ? 1 : axis.dilation;
    axis.kernel = draw.pinned_or(key.kernel[a], {1, 2, 3, 3, 4, 5, 7});
    if (fused && key.kernel[a] == HALCONV_FREE) {
        axis.kernel = axis.stride * (1 + draw.below(3));
    }
    if (product && transpose && key.kernel[a] == HALCONV_FREE) {
        axis.kernel = axis.stride + draw.below(5);  // each phase has a tap
    }
    int64_t span = axis.dilation * (axis.kernel - 1) + 1;
    std::vector<int64_t> pads{0, 0, 1, span / 2, span - 1, span, -1, -2};
    axis.pad_before = draw.pinned_or(key.pad_before[a], pads);
    axis.pad_after = draw.of(pads);
    std::vector<int64_t> extents = tile_extents(row, a);
    int64_t extent = a == focus.axis ? extents[focus.extent % extents.size()] : focus.small ? 1 : draw.of(extents);
    if (!draw.one_in(8)) {
        extent = std::max<int64_t>(extent, row.min_extent[a]);
    }
    int64_t rest = draw.below(axis.stride);
    if (!transpose) {
        fit_conv(axis, key.in[a], key.out[a] == HALCONV_FREE ? extent : key.out[a], rest);
        return axis;
    }
    axis.output_padding = draw.one_in(2) ? 0 : draw.below(std::max(axis.stride, axis.dilation));
    int64_t out = extent == 1 && draw.one_in(2) ? 1 : extent * axis.stride + rest;
    fit_transpose(axis, key.in[a], key.out[a] == HALCONV_FREE ? out : key.out[a]);
    return axis;
}

// Whether axis a of the row may be the unit axis that a problem of lower rank has there.
bool accepts_unit(const halconv_key &key, size_t a) {
    auto is = [](int32_t pin, int32_t value) { return pin == HALCONV_FREE || pin == value; };
    return is(key.kernel[a], 1) && is(key.stride[a], 1) && is(key.dilation[a], 1) && is(key.pad_before[a], 0) &&
           is(key.in[a], 1) && is(key.out[a], 1);
}

void draw_channels(Draw &draw, const halconv_kernel &row, const Focus &focus, halconv_problem &p) {
    const halconv_key &key = row.key;
    std::vector<int64_t> around = panel_channels(row);
    int64_t focused = around[focus.channels % around.size()];
    int64_t groups = draw.pinned_or(key.groups, {1, 1, 2, 3});
    int64_t group_in =
        draw.pinned_or(key.group_in, focus.small ? std::vector<int64_t>{1} : std::vector<int64_t>{1, 2, 3, 8, 17});
    if (row.form == HALCONV_FORM_INNER_PRODUCT) {
        groups = 1;
        group_in = key.group_in == HALCONV_FREE ? row.panel + draw.below(row.panel) : key.group_in;
    }
    int64_t group_out = key.group_out == HALCONV_FREE ? focused : key.group_out;
    if (row.form == HALCONV_FORM_DEPTHWISE) {
        groups = key.groups == HALCONV_FREE ? focused : key.groups;
        group_in = key.group_in == HALCONV_FREE ? 1 : key.group_in;
        group_out = key.group_out == HALCONV_FREE ? 1 : key.group_out;
    }
    if (row.form == HALCONV_FORM_ROW_FUSED) {
        groups = 1;
    }
    p.groups = groups, p.in_channels = groups * group_in, p.out_channels = groups * group_out;
}

halconv_problem draw_problem(Draw &draw, const halconv_kernel &row, const Focus &focus) {
    const halconv_key &key = row.key;
    halconv_problem p{};
    p.op = halconv_op(key.op), p.dtype = halconv_dtype(key.dtype);
    p.in_layout = halconv_layout(key.in_layout), p.out_layout = halconv_layout(key.out_layout);
    std::vector<int64_t> ranks{3};
    if (accepts_unit(key, 0)) {
        ranks.insert(ranks.end(), {2, 2, 2});
    }
    if (accepts_unit(key, 0) && accepts_unit(key, 1)) {
        ranks.push_back(1);
    }
    // The focused axis is part of the problem.
    ranks.erase(std::remove_if(ranks.begin(), ranks.end(), [&](int64_t r) { return 3 - r > int64_t(focus.axis); }),
                ranks.end());
    p.rank = int32_t(draw.of(ranks));
    for (int d = 0; d < p.rank; d++) {
        AxisDraw axis = draw_axis(draw, row, size_t(3 - p.rank + d), focus);
        p.in[d] = axis.in, p.kernel[d] = axis.kernel, p.stride[d] = axis.stride, p.dilation[d] = axis.dilation;
        p.pad_before[d] = axis.pad_before, p.pad_after[d] = axis.pad_after;
        p.output_padding[d] = axis.output_padding;
    }
    p.batch = draw.pinned_or(key.batch, focus.small ? std::vector<int64_t>{1} : std::vector<int64_t>{1, 1, 2});
    draw_channels(draw, row, focus, p);
    int64_t linear = draw.of({HALCONV_LINEAR, HALCONV_RELU, HALCONV_CLAMP, HALCONV_LEAKY_RELU});
    int64_t any = draw.below(HALCONV_GELU + 1);
    p.activation = halconv_activation(key.activation == HALCONV_LINEAR ? draw.pinned_or(key.piecewise, {linear})
                                      : key.activation == HALCONV_FREE ? any
                                                                       : key.activation);
    p.alpha = p.activation == HALCONV_CLAMP ? -7 : 0.25f, p.beta = 9;
    p.residual = int32_t(draw.pinned_or(key.residual, {0, 0, 1}));
    return p;
}

}  // namespace

int64_t multiplications(const halconv_problem &problem) {
    std::array<int64_t, 3> out = reference_output_size(problem);
    int64_t low = problem.batch, taps = 1;
    for (int d = 0; d < problem.rank; d++) {
        low *= problem.op == HALCONV_CONV ? out[size_t(3 - problem.rank + d)] : problem.in[d];
        taps *= problem.kernel[d];
    }
    return low * taps * problem.in_channels * (problem.out_channels / problem.groups);
}

bool may_refuse(const halconv_kernel &row, const halconv_problem &problem) {
    std::array<int64_t, 3> out = reference_output_size(problem);
    for (size_t a = 0; a < 3; a++) {
        int d = int(a) - (3 - problem.rank);
        int64_t stride = d < 0 || problem.op == HALCONV_CONV ? 1 : problem.stride[d];
        // One input position: the library takes the stride that gives each tap a phase of its own.
        if (d >= 0 && problem.op == HALCONV_CONV_TRANSPOSE && problem.in[d] == 1 && problem.kernel[d] > stride) {
            stride = problem.dilation[d] * problem.kernel[d];
            if (row.key.stride[a] != HALCONV_FREE && row.key.stride[a] != stride) {
                return true;
            }
        }
        // The smallest box has the coordinates of one phase.
        if (std::max<int64_t>(out[a] / stride, 1) < row.min_extent[a]) {
            return true;
        }
    }
    return false;
}

std::vector<KernelCase> cases_of_row(const halconv_kernel &row, int count, uint32_t seed) {
    Draw draw(seed);
    std::vector<KernelCase> cases;
    for (int i = 0; i < count; i++) {
        KernelCase best;
        int64_t least = INT64_MAX;
        for (int attempt = 0; attempt < kAttempts && least > kMostMultiplications; attempt++) {
            auto turn = size_t(i);
            halconv_problem p = draw_problem(draw, row, {2 - turn % 3, turn / 3, turn, attempt > kAttempts / 2});
            int64_t cost = std::max(multiplications(p), output_elements(p));
            if (cost < least) {
                least = cost, best.problem = p;
            }
        }
        best.bias = !draw.one_in(3), best.flip = draw.one_in(4);
        best.residual_in_place = draw.one_in(2);
        best.weights_layout = halconv_weights_layout(draw.below(4));
        best.seed = seed + uint32_t(i);
        cases.push_back(best);
    }
    return cases;
}

std::string case_text(const KernelCase &c) {
    const halconv_problem &p = c.problem;
    std::ostringstream text;
    auto list = [&](const char *name, const int64_t *values) {
        text << ' ' << name;
        for (int d = 0; d < p.rank; d++) {
            text << (d == 0 ? ' ' : ',') << values[d];
        }
    };
    text << (p.op == HALCONV_CONV ? "conv" : "conv_transpose") << (p.in_layout == HALCONV_NHWC ? " nhwc" : " nchw")
         << (p.out_layout == HALCONV_NHWC ? " to nhwc" : " to nchw") << " n " << p.batch << " ci " << p.in_channels
         << " co " << p.out_channels << " groups " << p.groups;
    list("in", p.in), list("kernel", p.kernel), list("stride", p.stride), list("dilation", p.dilation);
    list("pad_before", p.pad_before), list("pad_after", p.pad_after), list("output_padding", p.output_padding);
    std::array<int64_t, 3> out = reference_output_size(p);
    list("out", out.data() + 3 - p.rank);
    text << " activation " << p.activation << (c.bias ? " bias" : "") << (p.residual ? " residual" : "")
         << (p.residual && c.residual_in_place ? " in place" : "") << " weights_layout " << c.weights_layout
         << (c.flip ? " flipped" : "") << " seed " << c.seed;
    return text.str();
}

}  // namespace halconv
