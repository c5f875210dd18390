#include "tools/explain_arithmetic.h"

#include <algorithm>

namespace halconv {
namespace {

// Fills in what the phases say: their taps (the first kMostPhases listed), the fewest and the most, and the products.
void explain_phases(AxisExplanation &e) {
    PhaseAxis<int64_t> phases = phase_axis(e.axis);
    e.fewest_taps = e.axis.kernel;
    e.most_taps = 0;
    for (int64_t q = 0; q < std::min(e.axis.stride, e.out); q++) {
        PhaseTaps entry{phases.phase(q), positions_of_phase(e.out, e.axis.stride, q), {}, {}};
        int64_t taps = phases.taps(entry.phase);
        e.gathered_products += entry.outputs * taps;
        e.fewest_taps = std::min(e.fewest_taps, taps);
        e.most_taps = std::max(e.most_taps, taps);
        for (int64_t m = 0; m < taps && q < kMostPhases; m++) {
            entry.taps.push_back(phases.tap(entry.phase, m));
            entry.inputs.push_back(phases.input(0, entry.phase, m));
        }
        if (q < kMostPhases) {
            e.phases.push_back(std::move(entry));
        }
    }
}

AxisExplanation explain_axis(const halconv_problem &p, const int64_t *out, int a) {
    AxisExplanation e{};
    e.axis = {p.kernel[a], p.stride[a], p.dilation[a], p.pad_before[a]};
    e.in = p.in[a];
    e.out = out[a];
    e.pad_after = p.pad_after[a];
    e.output_padding = p.output_padding[a];
    bool transposed = p.op == HALCONV_CONV_TRANSPOSE;
    e.low = transposed ? e.in : e.out;
    e.high = transposed ? e.out : e.in;
    if (transposed) {
        explain_phases(e);
    }
    return e;
}

template <class PerAxis> int64_t product(const std::vector<AxisExplanation> &axes, int64_t factor, PerAxis per_axis) {
    for (const AxisExplanation &e : axes) {
        factor *= per_axis(e);
    }
    return factor;
}

}  // namespace

// Tensors and weights have fewer than 2^31 elements each: no count exceeds 2^62, except that of a dilated kernel.
Explanation explain_problem(const halconv_problem &p, const int64_t *out) {
    Explanation e;
    for (int a = 0; a < p.rank; a++) {
        e.axes.push_back(explain_axis(p, out, a));
    }
    int64_t pairs = p.batch * p.in_channels * (p.out_channels / p.groups);
    auto add = [&](const char *method, const char *why, auto per_axis) {
        e.methods.push_back({method, why, product(e.axes, pairs, per_axis)});
    };
    add("useful", "pairs of a weight and an input that reach the output", matrix_entries);
    auto all_taps = [](const AxisExplanation &x) { return x.low * x.axis.kernel; };
    if (p.op == HALCONV_CONV) {
        add("direct", "each output times each tap; at the edges some meet padding", all_taps);
        add("im2col_gemm", "the same products after copying each window into a column", all_taps);
        bool dilated =
            std::any_of(e.axes.begin(), e.axes.end(), [](const AxisExplanation &x) { return x.axis.dilation > 1; });
        int64_t dense = pairs;
        for (const AxisExplanation &x : e.axes) {
            dilated =
                dilated && checked_multiply(dense, x.low, dense) && checked_multiply(dense, kernel_span(x.axis), dense);
        }
        if (dilated) {
            e.methods.push_back({"dilated_kernel", "a dense kernel with zeros between the taps", dense});
        }
        return e;
    }
    add("phase", "each output times the taps of its phase; at the edges some meet no input",
        [](const AxisExplanation &x) { return x.gathered_products; });
    add("gemm_col2im", "each input times each tap, then added up; what is cropped is computed too", all_taps);
    add("zero_insertion", "a convolution over the input with stride - 1 zeros between its elements",
        [](const AxisExplanation &x) { return x.high * x.axis.kernel; });
    return e;
}

std::vector<int64_t> axis_matrix(const AxisExplanation &e) {
    std::vector<int64_t> matrix(size_t(e.low * e.high), kNoTap);
    for (int64_t low = 0; low < e.low; low++) {
        for (int64_t tap = 0; tap < e.axis.kernel; tap++) {
            int64_t high = high_coordinate(e.axis, low, tap);
            if (high >= 0 && high < e.high) {
                matrix[size_t(low * e.high + high)] = tap;
            }
        }
    }
    return matrix;
}

int64_t matrix_entries(const AxisExplanation &e) {
    int64_t entries = 0;
    for (int64_t tap = 0; tap < e.axis.kernel; tap++) {
        entries += meeting_lows(e.axis, tap, e.low, e.high);
    }
    return entries;
}

AxisExplanation shrunk_axis(const AxisExplanation &axis, halconv_op op, int64_t most) {
    bool transposed = op == HALCONV_CONV_TRANSPOSE;
    for (int64_t in = std::min(axis.in, most); in > 0; in--) {
        AxisExplanation e = axis;
        e.in = in;
        e.out = transposed ? conv_transpose_output_size(axis.axis, in, axis.pad_after, axis.output_padding)
                           : conv_output_size(axis.axis, in, axis.pad_after);
        e.low = transposed ? e.in : e.out;
        e.high = transposed ? e.out : e.in;
        if (e.out > 0 && e.out <= most) {
            return e;
        }
    }
    AxisExplanation none = axis;
    none.in = 0;
    return none;
}

}  // namespace halconv
