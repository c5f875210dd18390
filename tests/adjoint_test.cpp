// What conv and conv_transpose are to each other and to their kernel, through the C API.
#include <numeric>

#include "tests/catch.h"
#include "tests/kernel_case.h"
#include "tests/reference.h"

namespace halconv {

namespace {

constexpr uint32_t kPairs = 60;

// The conv_transpose whose weights, read as IOHW, are those of `conv`, read as OIHW, and which maps conv's output back to
// the size of its input: the rows that conv leaves over behind its last window become output_padding.
halconv_problem adjoint_of(const halconv_problem &conv) {
    halconv_problem t = conv;
    t.op = HALCONV_CONV_TRANSPOSE;
    std::swap(t.in_channels, t.out_channels);
    std::swap(t.in_layout, t.out_layout);
    std::array<int64_t, 3> low = reference_output_size(conv);
    for (int d = 0; d < conv.rank; d++) {
        t.in[d] = low[size_t(3 - conv.rank + d)];
    }
    std::array<int64_t, 3> high = reference_output_size(t);
    for (int d = 0; d < conv.rank; d++) {
        t.output_padding[d] = conv.in[d] - high[size_t(3 - conv.rank + d)];
    }
    return t;
}

KernelCase linear_conv(uint32_t seed) {
    halconv_kernel any{};  // a row without pins: the generator of cases then draws everything
    any.key = {HALCONV_CONV,
               HALCONV_F32,
               int32_t(seed % 2),
               int32_t(seed / 2 % 2),
               HALCONV_FREE,
               HALCONV_FREE,
               HALCONV_FREE,
               HALCONV_FREE,
               {},
               {},
               {},
               {},
               {},
               {},
               HALCONV_LINEAR,
               HALCONV_LINEAR,
               0};
    for (size_t a = 0; a < 3; a++) {
        any.key.in[a] = any.key.out[a] = any.key.kernel[a] = any.key.stride[a] = any.key.dilation[a] =
            any.key.pad_before[a] = HALCONV_FREE;
        any.tile[a] = 3, any.min_extent[a] = 1;
    }
    any.panel = 8, any.vector_lanes = 8;
    KernelCase c = cases_of_row(any, 1, seed).front();
    c.problem.activation = HALCONV_LINEAR, c.problem.residual = 0, c.bias = false;
    return c;
}

std::vector<float> run_builtin(const KernelCase &c, const Operands &operands) {
    return run_layer(halconv_builtin_kernels(), nullptr, c, operands);
}

double dot(const std::vector<float> &a, const std::vector<float> &b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

}  // namespace

TEST_CASE("<conv(x), y> = <x, conv_transpose(y)>", "[adjoint]") {
    for (uint32_t seed = 0; seed < kPairs; seed++) {
        KernelCase conv = linear_conv(seed), transpose = conv;
        transpose.problem = adjoint_of(conv.problem);
        INFO(case_text(conv));
        Operands forward = make_operands(conv), backward = make_operands(transpose);
        backward.weights = forward.weights;
        CHECK(dot(run_builtin(conv, forward), backward.input) == dot(forward.input, run_builtin(transpose, backward)));
    }
}

// One input pixel of conv_transpose paints the kernel; one of conv is seen through the reversed kernel.
TEST_CASE("impulse response", "[adjoint]") {
    KernelCase c;
    halconv_problem &p = c.problem;
    p.rank = 2, p.in_layout = p.out_layout = HALCONV_NCHW;
    p.batch = p.in_channels = p.groups = 1, p.out_channels = 2;
    for (int d = 0; d < 2; d++) {
        p.in[d] = 5, p.kernel[d] = 3, p.stride[d] = p.dilation[d] = 1, p.pad_before[d] = p.pad_after[d] = 1;
    }
    Operands operands;
    operands.input.assign(25, 0.0f);
    operands.input[12] = 1;
    operands.weights.resize(18);
    std::iota(operands.weights.begin(), operands.weights.end(), 1.0f);
    auto expect = [&](bool reversed) {
        std::vector<float> y = run_builtin(c, operands);
        for (size_t o = 0; o < 2; o++) {
            for (size_t i = 0; i < 25; i++) {
                size_t row = i / 5 - 1, column = i % 5 - 1;  // wraps to a large number before the first
                bool inside = row < 3 && column < 3;
                size_t tap = row * 3 + column;
                float value = inside ? operands.weights[o * 9 + (reversed ? 8 - tap : tap)] : 0;
                CHECK(y[o * 25 + i] == value);
            }
        }
    };
    p.op = HALCONV_CONV;
    expect(true);
    p.op = HALCONV_CONV_TRANSPOSE;
    expect(false);
}

TEST_CASE("op(a x + z) = a op(x) + op(z)", "[adjoint]") {
    for (uint32_t seed = 0; seed < kPairs; seed++) {
        KernelCase c = linear_conv(seed);
        if (seed % 2 == 1) {
            c.problem = adjoint_of(c.problem);
        }
        INFO(case_text(c));
        Operands x = make_operands(c), z = x, combined = x;
        std::reverse(z.input.begin(), z.input.end());
        for (size_t i = 0; i < x.input.size(); i++) {
            combined.input[i] = 3 * x.input[i] + z.input[i];
        }
        std::vector<float> of_x = run_builtin(c, x), of_z = run_builtin(c, z), of_both = run_builtin(c, combined);
        size_t wrong = 0;
        for (size_t i = 0; i < of_both.size(); i++) {
            wrong += of_both[i] != 3 * of_x[i] + of_z[i];
        }
        CHECK(wrong == 0);
    }
}

}  // namespace halconv
