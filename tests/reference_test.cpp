// The plain loops against results worked by hand and against themselves.
#include <cmath>
#include <numeric>

#include "tests/catch.h"
#include "tests/reference.h"

namespace halconv {

namespace {

// One batch, one channel, rank 1: y for x and w as given.
std::vector<double> run_1d(halconv_op op, const std::vector<float> &x, const std::vector<float> &w, int64_t stride,
                           int64_t dilation, int64_t before, int64_t after, int64_t output_padding = 0) {
    halconv_problem p{};
    p.op = op, p.rank = 1;
    p.batch = p.in_channels = p.out_channels = p.groups = 1;
    p.in[0] = int64_t(x.size()), p.kernel[0] = int64_t(w.size()), p.stride[0] = stride, p.dilation[0] = dilation;
    p.pad_before[0] = before, p.pad_after[0] = after, p.output_padding[0] = output_padding;
    std::vector<double> y;
    reference_run(p, x.data(), w.data(), nullptr, nullptr, y);
    return y;
}

halconv_problem square(halconv_op op, int64_t channels_in, int64_t channels_out, int64_t in, int64_t kernel,
                       int64_t stride, int64_t pad) {
    halconv_problem p{};
    p.op = op, p.rank = 2, p.in_layout = p.out_layout = HALCONV_NCHW;
    p.batch = p.groups = 1, p.in_channels = channels_in, p.out_channels = channels_out;
    for (int d = 0; d < 2; d++) {
        p.in[d] = in, p.kernel[d] = kernel, p.stride[d] = stride, p.dilation[d] = 1;
        p.pad_before[d] = p.pad_after[d] = pad;
    }
    return p;
}

std::vector<float> counting(int64_t count, float first) {
    std::vector<float> values(static_cast<size_t>(count));
    std::iota(values.begin(), values.end(), first);
    return values;
}

// Small integers that look random but are a formula.
std::vector<float> mixed(int64_t count, int64_t salt) {
    std::vector<float> values(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; i++) {
        values[size_t(i)] = float((i * 7 + i * i * 3 + salt * 5) % 11 - 5);
    }
    return values;
}

using Values = std::vector<double>;

}  // namespace

TEST_CASE("conv of rank 1 by hand", "[reference]") {
    // Cross-correlation: the kernel is not flipped.
    CHECK(run_1d(HALCONV_CONV, {1, 2, 3, 4}, {1, 10}, 1, 1, 0, 0) == Values{21, 32, 43});
    CHECK(run_1d(HALCONV_CONV, {1, 2, 3, 4}, {1, 10}, 2, 1, 0, 0) == Values{21, 43});
    CHECK(run_1d(HALCONV_CONV, {1, 2, 3, 4}, {1, 10}, 1, 2, 0, 0) == Values{31, 42});
    CHECK(run_1d(HALCONV_CONV, {1, 2, 3, 4}, {1, 10}, 1, 1, 1, 0) == Values{10, 21, 32, 43});
    CHECK(run_1d(HALCONV_CONV, {1, 2, 3, 4}, {1, 10}, 1, 1, 0, 1) == Values{21, 32, 43, 4});
    CHECK(run_1d(HALCONV_CONV, {1, 2, 3, 4}, {1, 10}, 1, 1, -1, 0) == Values{32, 43});
    CHECK(run_1d(HALCONV_CONV, {5}, {1, 10, 100}, 1, 1, 1, 1) == Values{50});
    CHECK(run_1d(HALCONV_CONV, {1, 2}, {1, 10, 100}, 1, 1, 0, 0).empty());
}

TEST_CASE("conv_transpose of rank 1 by hand", "[reference]") {
    CHECK(run_1d(HALCONV_CONV_TRANSPOSE, {1, 2, 3}, {1, 10}, 1, 1, 0, 0) == Values{1, 12, 23, 30});
    CHECK(run_1d(HALCONV_CONV_TRANSPOSE, {1, 2, 3}, {1, 10}, 2, 1, 0, 0) == Values{1, 10, 2, 20, 3, 30});
    CHECK(run_1d(HALCONV_CONV_TRANSPOSE, {1, 2}, {1, 10, 100}, 2, 1, 0, 0) == Values{1, 10, 102, 20, 200});
    CHECK(run_1d(HALCONV_CONV_TRANSPOSE, {1, 2}, {1, 10, 100}, 2, 1, 1, 0) == Values{10, 102, 20, 200});
    CHECK(run_1d(HALCONV_CONV_TRANSPOSE, {1, 2}, {1, 10, 100}, 2, 1, 1, 1, 1) == Values{10, 102, 20, 200});
    CHECK(run_1d(HALCONV_CONV_TRANSPOSE, {1, 2}, {1, 10, 100}, 2, 1, 1, 0, 1) == Values{10, 102, 20, 200, 0});
    CHECK(run_1d(HALCONV_CONV_TRANSPOSE, {1, 2}, {1, 10}, 1, 3, 0, 0) == Values{1, 2, 0, 10, 20});
    CHECK(run_1d(HALCONV_CONV_TRANSPOSE, {1, 2}, {1}, 3, 1, -1, 0) == Values{0, 1, 0, 0, 2});
}

// onnx.ai operator documentation, Conv "with padding" and "with strides": 5x5 counting input, 3x3 kernel of ones.
TEST_CASE("conv as in the ONNX operator examples", "[reference]") {
    Values y;
    std::vector<float> ones(9, 1);
    reference_run(square(HALCONV_CONV, 1, 1, 5, 3, 1, 1), counting(25, 0).data(), ones.data(), nullptr, nullptr, y);
    CHECK(y == Values{12,  21, 27, 33,  24,  33,  54,  63, 72,  51,  63,  99, 108,
                      117, 81, 93, 144, 153, 162, 111, 72, 111, 117, 123, 84});
    halconv_problem strided = square(HALCONV_CONV, 1, 1, 7, 3, 2, 1);
    strided.in[1] = 5;
    reference_run(strided, counting(35, 0).data(), ones.data(), nullptr, nullptr, y);
    CHECK(y == Values{12, 27, 24, 63, 108, 81, 123, 198, 141, 112, 177, 124});
}

// onnx.ai operator documentation, ConvTranspose: 3x3 counting input, two output channels, 3x3 kernels of ones; and
// the example with dilation 2.
TEST_CASE("conv_transpose as in the ONNX operator examples", "[reference]") {
    Values y, plane{0, 1, 3, 3, 2, 3, 8, 15, 12, 7, 9, 21, 36, 27, 15, 9, 20, 33, 24, 13, 6, 13, 21, 15, 8};
    std::vector<float> ones(18, 1);
    reference_run(square(HALCONV_CONV_TRANSPOSE, 1, 2, 3, 3, 1, 0), counting(9, 0).data(), ones.data(), nullptr,
                  nullptr, y);
    Values both = plane;
    both.insert(both.end(), plane.begin(), plane.end());
    CHECK(y == both);

    halconv_problem dilated = square(HALCONV_CONV_TRANSPOSE, 1, 1, 3, 2, 1, 0);
    dilated.dilation[0] = dilated.dilation[1] = 2;
    std::vector<float> x{3, 8, 1, 9, 5, 7, 3, 2, 6}, w{7, 2, 1, 9};
    reference_run(dilated, x.data(), w.data(), nullptr, nullptr, y);
    CHECK(y == Values{21, 56, 13, 16, 2, 63, 35, 67, 10, 14, 24, 22, 76, 76, 21, 9, 5, 88, 45, 63, 3, 2, 33, 18, 54});
}

TEST_CASE("layouts, groups, bias, residual and activation by hand", "[reference]") {
    halconv_problem p = square(HALCONV_CONV, 2, 2, 2, 1, 1, 0);
    p.groups = 2, p.residual = 1, p.in_layout = HALCONV_NHWC;
    // Pixels (1, 10), (2, 20), (3, 30), (4, 40) in nhwc; weights 2 and -3; output planes in nchw.
    std::vector<float> x{1, 10, 2, 20, 3, 30, 4, 40}, w{2, -3}, bias{100, 50}, residual{0, 0, 0, 1, 0, 1, 0, 0};
    Values y;
    reference_run(p, x.data(), w.data(), bias.data(), residual.data(), y);
    CHECK(y == Values{102, 104, 106, 109, 20, -9, -40, -70});
    p.activation = HALCONV_LEAKY_RELU, p.alpha = 0.5f;
    reference_run(p, x.data(), w.data(), bias.data(), residual.data(), y);
    CHECK(y == Values{102, 104, 106, 109, 20, -4.5, -20, -35});
    p.activation = HALCONV_CLAMP, p.alpha = -10, p.beta = 105;
    reference_run(p, x.data(), w.data(), bias.data(), residual.data(), y);
    CHECK(y == Values{102, 104, 105, 105, 20, -9, -10, -10});
    p.activation = HALCONV_RELU, p.residual = 0, p.out_layout = HALCONV_NHWC;
    reference_run(p, x.data(), w.data(), nullptr, residual.data(), y);
    CHECK(y == Values{2, 0, 4, 0, 6, 0, 8, 0});
}

TEST_CASE("transcendental activations at known points", "[reference]") {
    halconv_problem p{};
    auto at = [&](halconv_activation activation, double v) {
        p.activation = activation;
        return reference_activation(p, v);
    };
    CHECK(std::abs(at(HALCONV_TANH, 1) - 0.7615941559557649) < 1e-14);
    CHECK(std::abs(at(HALCONV_SIGMOID, 1) - 0.7310585786300049) < 1e-14);
    CHECK(at(HALCONV_SIGMOID, -1000) == 0);
    CHECK(std::abs(at(HALCONV_SILU, -1) + 0.2689414213699951) < 1e-14);
    CHECK(std::abs(at(HALCONV_GELU, 1) - 0.8413447460685429) < 1e-14);
    CHECK(std::abs(at(HALCONV_GELU, -1) + 0.1586552539314571) < 1e-14);
}

// Gather and scatter are written apart, so that <conv(x), y> = <x, conv_transpose(y)> tests each with the other; and
// the value at one point, searched for, equals the one of the whole run.
TEST_CASE("conv and conv_transpose are adjoint, and each point agrees with the run", "[reference]") {
    for (int64_t variant = 0; variant < 48; variant++) {
        halconv_problem p{};
        p.op = HALCONV_CONV, p.rank = int32_t(variant % 3 + 1), p.batch = 2, p.groups = variant % 2 + 1;
        p.in_layout = halconv_layout(variant / 2 % 2), p.out_layout = halconv_layout(variant / 3 % 2);
        p.in_channels = p.groups * 3, p.out_channels = p.groups * 2;
        halconv_problem t = p;
        t.op = HALCONV_CONV_TRANSPOSE;
        std::swap(t.in_channels, t.out_channels);
        std::swap(t.in_layout, t.out_layout);
        for (int d = 0; d < p.rank; d++) {
            int64_t salt = variant + 3 * d;
            p.in[d] = 5 + salt % 4, p.kernel[d] = 1 + salt % 3, p.stride[d] = 1 + salt / 2 % 3;
            p.dilation[d] = 1 + salt / 3 % 2, p.pad_before[d] = salt % 4 - 1, p.pad_after[d] = salt / 4 % 3 - 1;
            t.kernel[d] = p.kernel[d], t.stride[d] = p.stride[d], t.dilation[d] = p.dilation[d];
            t.pad_before[d] = p.pad_before[d], t.pad_after[d] = p.pad_after[d];
        }
        std::array<int64_t, 3> low = reference_output_size(p);
        for (int d = 0; d < p.rank; d++) {
            t.in[d] = low[size_t(3 - p.rank + d)];
            REQUIRE(t.in[d] >= 1);
        }
        std::array<int64_t, 3> high = reference_output_size(t);
        for (int d = 0; d < p.rank; d++) {
            t.output_padding[d] = p.in[d] - high[size_t(3 - p.rank + d)];
            REQUIRE(t.output_padding[d] >= 0);
        }
        std::vector<float> x = mixed(input_elements(p), variant), y = mixed(input_elements(t), variant + 1);
        std::vector<float> w = mixed(weight_elements(p), variant + 2);
        Values conv_x, transpose_y;
        reference_run(p, x.data(), w.data(), nullptr, nullptr, conv_x);
        reference_run(t, y.data(), w.data(), nullptr, nullptr, transpose_y);
        INFO("variant " << variant);
        CHECK(std::inner_product(conv_x.begin(), conv_x.end(), y.begin(), 0.0) ==
              std::inner_product(transpose_y.begin(), transpose_y.end(), x.begin(), 0.0));
        for (const halconv_problem &q : {p, t}) {
            const Values &whole = q.op == HALCONV_CONV ? conv_x : transpose_y;
            const std::vector<float> &source = q.op == HALCONV_CONV ? x : y;
            std::array<int64_t, 3> out = reference_output_size(q);
            for (int64_t n = 0; n < q.batch; n++) {
                for (int64_t c = 0; c < q.out_channels; c++) {
                    std::array<int64_t, 3> at{out[0] / 2, out[1] - 1, out[2] / 3};
                    CHECK(reference_at(q, source.data(), w.data(), nullptr, nullptr, n, c, at[0], at[1], at[2]) ==
                          whole[size_t(output_index(q, n, c, at))]);
                }
            }
        }
    }
}

TEST_CASE("weights are reordered as the layouts' letters say", "[reference]") {
    halconv_problem p = square(HALCONV_CONV, 2, 1, 2, 2, 1, 0);
    p.kernel[0] = 1;
    std::vector<float> oihw{1, 2, 3, 4};  // o 0: i 0 taps (1, 2), i 1 taps (3, 4)
    CHECK(reorder_weights(p, oihw, HALCONV_WEIGHTS_OIHW, false) == std::vector<float>{1, 2, 3, 4});
    CHECK(reorder_weights(p, oihw, HALCONV_WEIGHTS_OIHW, true) == std::vector<float>{2, 1, 4, 3});
    CHECK(reorder_weights(p, oihw, HALCONV_WEIGHTS_HWIO, false) == std::vector<float>{1, 3, 2, 4});
    p.op = HALCONV_CONV_TRANSPOSE, p.out_channels = 3;
    std::vector<float> iohw{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    CHECK(reorder_weights(p, iohw, HALCONV_WEIGHTS_HWOI, false) ==
          std::vector<float>{1, 7, 3, 9, 5, 11, 2, 8, 4, 10, 6, 12});
    CHECK(reorder_weights(p, iohw, HALCONV_WEIGHTS_OIHW, false) ==
          std::vector<float>{1, 2, 7, 8, 3, 4, 9, 10, 5, 6, 11, 12});
}

}  // namespace halconv
