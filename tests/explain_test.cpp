// The numbers of `halconv explain` against plain counting.
#include "tools/explain_arithmetic.h"

#include <algorithm>
#include <random>

#include "runtime/core/problem.h"
#include "tests/catch.h"

using namespace halconv;

namespace {

struct Counts {
    int64_t useful = 1, low_taps = 1, high_taps = 1, gathered = 1;
};

// Per axis: pairs (low, tap) whose high lies inside; low * taps; high * taps; pairs (high, tap) on the stride's grid.
Counts count_pairs(const halconv_problem &p, const int64_t *out) {
    Counts counts;
    for (int a = 0; a < p.rank; a++) {
        bool transposed = p.op == HALCONV_CONV_TRANSPOSE;
        int64_t low = transposed ? p.in[a] : out[a], high = transposed ? out[a] : p.in[a];
        int64_t useful = 0, gathered = 0;
        for (int64_t h = 0; h < high; h++) {
            for (int64_t t = 0; t < p.kernel[a]; t++) {
                int64_t distance = h + p.pad_before[a] - t * p.dilation[a];
                bool on_grid = distance % p.stride[a] == 0;
                gathered += on_grid;
                useful += on_grid && distance >= 0 && distance / p.stride[a] < low;
            }
        }
        counts.useful *= useful;
        counts.gathered *= gathered;
        counts.low_taps *= low * p.kernel[a];
        counts.high_taps *= high * p.kernel[a];
    }
    return counts;
}

int64_t method(const Explanation &e, const char *name) {
    auto found =
        std::find_if(e.methods.begin(), e.methods.end(), [&](const MethodCount &m) { return m.method == name; });
    return found == e.methods.end() ? -1 : found->multiplications;
}

halconv_problem draw_problem(std::mt19937 &engine) {
    auto draw = [&](int least, int most) { return std::uniform_int_distribution<int>(least, most)(engine); };
    halconv_problem p{};
    p.op = halconv_op(draw(0, 1));
    p.rank = draw(1, 3);
    p.batch = draw(1, 3);
    p.groups = draw(1, 2);
    p.in_channels = p.groups * draw(1, 3);
    p.out_channels = p.groups * draw(1, 3);
    for (int a = 0; a < p.rank; a++) {
        p.in[a] = draw(1, 9);
        p.kernel[a] = draw(1, 6);
        p.stride[a] = draw(1, 5);
        p.dilation[a] = draw(1, 4);
        p.pad_before[a] = draw(-2, 5);
        p.pad_after[a] = draw(-2, 5);
        p.output_padding[a] = p.op == HALCONV_CONV ? 0 : draw(0, int(std::max(p.stride[a], p.dilation[a])) - 1);
    }
    return p;
}

}  // namespace

TEST_CASE("counts of multiplications, by plain counting") {
    std::mt19937 engine(1);
    int legal = 0;
    for (int i = 0; i < 4000; i++) {
        halconv_problem p = draw_problem(engine);
        int64_t out[3];
        if (check_problem(p, out) != HALCONV_OK) {
            continue;
        }
        legal++;
        Explanation e = explain_problem(p, out);
        Counts counts = count_pairs(p, out);
        int64_t pairs = p.batch * p.in_channels * p.out_channels / p.groups;
        REQUIRE(e.methods[0].method == "useful");
        REQUIRE(method(e, "useful") == pairs * counts.useful);
        if (p.op == HALCONV_CONV) {
            REQUIRE(method(e, "direct") == pairs * counts.low_taps);
            REQUIRE(method(e, "im2col_gemm") == pairs * counts.low_taps);
        } else {
            REQUIRE(method(e, "phase") == pairs * counts.gathered);
            REQUIRE(method(e, "gemm_col2im") == pairs * counts.low_taps);
            REQUIRE(method(e, "zero_insertion") == pairs * counts.high_taps);
        }
    }
    CHECK(legal > 2000);
}

TEST_CASE("phases list every output once and the inputs that each tap reads") {
    std::mt19937 engine(2);
    for (int i = 0; i < 4000; i++) {
        halconv_problem p = draw_problem(engine);
        int64_t out[3];
        if (p.op == HALCONV_CONV || check_problem(p, out) != HALCONV_OK) {
            continue;
        }
        Explanation e = explain_problem(p, out);
        for (const AxisExplanation &x : e.axes) {
            int64_t outputs = 0;
            for (const PhaseTaps &phase : x.phases) {
                outputs += phase.outputs;
                REQUIRE(phase.taps.size() == phase.inputs.size());
                REQUIRE(int64_t(phase.taps.size()) >= x.fewest_taps);
                REQUIRE(int64_t(phase.taps.size()) <= x.most_taps);
                for (size_t m = 0; m < phase.taps.size(); m++) {
                    // u = b * stride + phase = input * stride + tap * dilation with input = b + inputs[m]
                    REQUIRE(phase.phase == phase.inputs[m] * x.axis.stride + phase.taps[m] * x.axis.dilation);
                }
            }
            REQUIRE(outputs == x.out);
        }
    }
}

TEST_CASE("the matrix joins low and high through the relation") {
    AxisExplanation x{};
    x.axis = {3, 2, 1, 1};
    x.in = x.low = 3;
    x.out = x.high = 5;
    x.pad_after = 1;
    const int64_t o = kNoTap;
    CHECK(axis_matrix(x) == std::vector<int64_t>{1, 2, o, o, o,  //
                                                 o, 0, 1, 2, o,  //
                                                 o, o, o, 0, 1});
    CHECK(matrix_entries(x) == 7);
    AxisExplanation small = shrunk_axis(x, HALCONV_CONV_TRANSPOSE, 4);
    CHECK(small.in == 2);
    CHECK(small.out == 3);
    CHECK(shrunk_axis(x, HALCONV_CONV_TRANSPOSE, 16).in == 3);
    x.axis.kernel = 40;
    x.pad_after = 0;
    CHECK(shrunk_axis(x, HALCONV_CONV_TRANSPOSE, 16).in == 0);
}

TEST_CASE("a huge stride does not list its phases") {
    halconv_problem p{};
    p.op = HALCONV_CONV_TRANSPOSE;
    p.rank = 1;
    p.batch = p.in_channels = p.out_channels = p.groups = 1;
    p.in[0] = p.kernel[0] = 2;
    p.stride[0] = 1'000'000;
    p.dilation[0] = 1;
    int64_t out[3];
    REQUIRE(check_problem(p, out) == HALCONV_OK);
    Explanation e = explain_problem(p, out);
    CHECK(e.axes[0].phases.size() == size_t(kMostPhases));
    CHECK(e.axes[0].fewest_taps == 0);
    CHECK(e.axes[0].most_taps == 1);
    CHECK(method(e, "phase") == 4);
}
