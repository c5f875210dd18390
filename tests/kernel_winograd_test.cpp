// winograd2, winograd3 and winograd4 on layers around the edges of their tiles: exact on integers, and their error against double.
#include <algorithm>
#include <cmath>
#include <random>

#include <fmt/format.h>

#include "runtime/core/problem.h"
#include "runtime/core/winograd.h"
#include "schedules/schedule.h"
#include "tests/catch.h"
#include "tests/kernel_case.h"
#include "tests/reference.h"
#include "tests/runnable_targets.h"
#include "tools/build.h"

namespace halconv {

namespace {

constexpr halconv_op kConv = HALCONV_CONV, kTranspose = HALCONV_CONV_TRANSPOSE;
constexpr halconv_layout kNhwc = HALCONV_NHWC, kNchw = HALCONV_NCHW;
constexpr halconv_activation kLinear = HALCONV_LINEAR;

struct Shape {
    const char *name;
    halconv_op op;
    int32_t rank;
    int64_t in[3], kernel[3], stride[3], pad_before[3], pad_after[3];
    int64_t batch, channels_in, channels_out, groups;
    halconv_layout in_layout, out_layout;
    halconv_activation activation;
    int32_t residual;
};

constexpr Shape kShapes[] = {
    {"same", kConv, 2, {8, 12}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, 16, 32, 1, kNhwc, kNhwc, HALCONV_RELU, 0},
    {"ragged", kConv, 2, {7, 13}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 2, 5, 21, 1, kNhwc, kNhwc, kLinear, 1},
    {"valid", kConv, 2, {11, 6}, {3, 3}, {1, 1}, {0, 0}, {0, 0}, 1, 17, 19, 1, kNhwc, kNchw, HALCONV_CLAMP, 1},
    {"planes", kConv, 2, {9, 10}, {3, 3}, {1, 1}, {2, 1}, {0, 2}, 2, 6, 18, 2, kNchw, kNchw, kLinear, 1},
    {"cropped", kConv, 2, {12, 9}, {3, 3}, {1, 1}, {-1, 3}, {2, -2}, 1, 7, 35, 1, kNchw, kNhwc, kLinear, 0},
    {"one_pixel", kConv, 2, {3, 3}, {3, 3}, {1, 1}, {0, 0}, {0, 0}, 1, 9, 5, 1, kNhwc, kNhwc, kLinear, 0},
    {"kernel_larger", kConv, 2, {2, 1}, {3, 3}, {1, 1}, {2, 2}, {2, 2}, 1, 4, 33, 1, kNhwc, kNhwc, kLinear, 0},
    {"groups", kConv, 2, {6, 5}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, 15, 51, 3, kNhwc, kNhwc, kLinear, 1},
    {"wide", kConv, 2, {3, 61}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, 3, 16, 1, kNhwc, kNhwc, kLinear, 0},
    {"row", kConv, 2, {6, 9}, {1, 3}, {1, 1}, {0, 1}, {0, 1}, 1, 6, 17, 1, kNhwc, kNhwc, kLinear, 0},
    {"column", kConv, 2, {9, 6}, {3, 5}, {1, 2}, {1, 2}, {1, 2}, 1, 3, 17, 1, kNhwc, kNhwc, kLinear, 0},
    {"pairs", kConv, 2, {6, 7}, {2, 2}, {1, 1}, {0, 1}, {1, 0}, 1, 6, 17, 1, kNhwc, kNhwc, kLinear, 0},
    {"signal", kConv, 1, {75}, {3}, {1}, {1}, {1}, 2, 5, 20, 1, kNhwc, kNhwc, HALCONV_LEAKY_RELU, 1},
    {"signal_planes", kConv, 1, {50}, {3}, {1}, {1}, {1}, 1, 5, 20, 1, kNchw, kNchw, kLinear, 1},
    {"volume", kConv, 3, {5, 6, 7}, {3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, 1, 3, 9, 1, kNhwc, kNhwc, kLinear, 0},
    {"volume_s2",
     kConv,
     3,
     {7, 5, 6},
     {3, 3, 3},
     {2, 1, 1},
     {1, 1, 1},
     {1, 1, 1},
     1,
     3,
     9,
     1,
     kNchw,
     kNchw,
     kLinear,
     1},
    {"up", kTranspose, 2, {8, 8}, {4, 4}, {2, 2}, {1, 1}, {1, 1}, 1, 9, 34, 1, kNhwc, kNhwc, HALCONV_RELU, 0},
    {"up_ragged", kTranspose, 2, {7, 5}, {4, 4}, {2, 2}, {0, 1}, {1, 0}, 2, 6, 18, 1, kNhwc, kNhwc, kLinear, 1},
    {"up_planes", kTranspose, 2, {5, 9}, {4, 4}, {2, 2}, {1, 1}, {1, 1}, 1, 6, 18, 2, kNchw, kNchw, kLinear, 1},
    {"up_to_planes", kTranspose, 2, {4, 6}, {4, 4}, {2, 2}, {1, 0}, {1, 0}, 1, 6, 5, 1, kNhwc, kNchw, kLinear, 0},
    {"up_three", kTranspose, 2, {4, 6}, {6, 9}, {2, 3}, {2, 3}, {2, 3}, 1, 6, 17, 1, kNhwc, kNhwc, kLinear, 0},
    {"up_uneven", kTranspose, 2, {6, 5}, {3, 3}, {2, 2}, {1, 1}, {0, 0}, 1, 6, 17, 1, kNhwc, kNhwc, kLinear, 0},
    {"up_uneven_valid", kTranspose, 2, {5, 7}, {3, 3}, {2, 2}, {0, 0}, {0, 0}, 1, 6, 17, 1, kNhwc, kNhwc, kLinear, 1},
    {"up_uneven_planes", kTranspose, 2, {5, 7}, {3, 3}, {2, 2}, {1, 0}, {0, 1}, 1, 6, 17, 1, kNchw, kNchw, kLinear, 0},
    {"up_five", kTranspose, 2, {6, 5}, {5, 5}, {2, 3}, {2, 1}, {2, 1}, 1, 6, 17, 1, kNhwc, kNhwc, kLinear, 0},
    {"up_one_pixel", kTranspose, 2, {2, 1}, {4, 4}, {2, 2}, {1, 1}, {1, 1}, 1, 8, 16, 1, kNhwc, kNhwc, kLinear, 0},
    {"up_s1", kTranspose, 2, {6, 5}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, 6, 17, 1, kNhwc, kNhwc, kLinear, 0},
    {"vocoder", kTranspose, 1, {37}, {16}, {8}, {4}, {4}, 1, 6, 20, 1, kNhwc, kNhwc, kLinear, 0},
    {"vocoder_planes", kTranspose, 1, {90}, {4}, {2}, {1}, {1}, 1, 6, 20, 1, kNchw, kNchw, kLinear, 1},
    {"volume_up",
     kTranspose,
     3,
     {3, 4, 5},
     {4, 4, 4},
     {2, 2, 2},
     {1, 1, 1},
     {1, 1, 1},
     1,
     3,
     7,
     1,
     kNhwc,
     kNhwc,
     kLinear,
     0},
};

// Layers whose every candidate is built.
constexpr Shape kTinyShapes[] = {
    {"tiny", kConv, 2, {5, 7}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, 3, 21, 1, kNhwc, kNhwc, kLinear, 1},
    {"tiny_up3", kTranspose, 2, {3, 5}, {3, 3}, {2, 2}, {1, 0}, {0, 0}, 1, 3, 21, 1, kNhwc, kNhwc, kLinear, 0},
    {"tiny_up", kTranspose, 2, {3, 5}, {4, 4}, {2, 2}, {1, 1}, {1, 1}, 1, 3, 21, 1, kNhwc, kNhwc, kLinear, 1},
};

Layer layer_of(const Shape &shape) {
    Layer layer;
    layer.name = shape.name, layer.source = "kernel_winograd_test", layer.numerics = HALCONV_FAST;
    halconv_problem &p = layer.problem;
    p.op = shape.op, p.in_layout = shape.in_layout, p.out_layout = shape.out_layout, p.rank = shape.rank;
    p.batch = shape.batch, p.in_channels = shape.channels_in, p.out_channels = shape.channels_out;
    p.groups = shape.groups;
    for (int d = 0; d < shape.rank; d++) {
        p.in[d] = shape.in[d], p.kernel[d] = shape.kernel[d], p.stride[d] = shape.stride[d], p.dilation[d] = 1;
        p.pad_before[d] = shape.pad_before[d], p.pad_after[d] = shape.pad_after[d];
    }
    p.activation = shape.activation, p.residual = shape.residual;
    p.alpha = shape.activation == HALCONV_CLAMP ? -700 : 0.25f, p.beta = 900;
    return layer;
}

// Weights are multiples of the squared denominators of G (4, 36 or 576), so that the transformed weights are integers;
// with so small inputs every sum is an integer below 2^24 and any order of summation gives the same bits.
KernelCase exact_case(const halconv_problem &problem, uint32_t seed) {
    KernelCase c;
    c.problem = problem, c.bias = true, c.seed = seed;
    c.input_most = 1, c.weight_most = 1, c.weight_unit = 576;
    c.residual_in_place = seed % 2 == 0;
    return c;
}

// Runs the layer's kernels among `rows` on it, between guard pages; returns how many took it.
size_t check_layer(const halconv_kernel_set &rows, const Layer &layer) {
    size_t accepted = 0;
    halconv_options options{};
    options.numerics = HALCONV_FAST;
    for (int32_t i = 0; i < rows.count; i++) {
        halconv_kernel_set set = set_of_row(rows.kernels[i]);
        for (uint32_t seed : {1, 2}) {
            INFO(layer.name << ": " << rows.kernels[i].name);
            CaseResult result = run_case(&set, &options, exact_case(layer.problem, seed));
            CHECK(result.failure == "");
            accepted += result.accepted;
        }
    }
    return accepted;
}

std::string form_pattern(halconv_form form) { return fmt::format("_{}_", form_name(form)); }

// Whether a form transforms an axis of the layer.
bool transforms(const Layer &layer, halconv_form form) {
    int64_t out[3];
    REQUIRE(check_problem(layer.problem, out) == HALCONV_OK);
    const Problem3 p = normalise(layer.problem, out);
    const bool transposed = layer.problem.op == HALCONV_CONV_TRANSPOSE;
    return winograd_of_axis(form, transposed, p.axis[1]) || winograd_of_axis(form, transposed, p.axis[2]);
}

// Builds the best (or every) candidate of each form, with Halide's run-time checks, and runs it on its layer.
template <size_t count> void check_shapes(const Shape (&shapes)[count], bool all_candidates) {
    std::vector<Layer> layers;
    for (const Shape &shape : shapes) {
        layers.push_back(layer_of(shape));
    }
    for (const halconv_form form : {HALCONV_FORM_WINOGRAD2, HALCONV_FORM_WINOGRAD3, HALCONV_FORM_WINOGRAD4}) {
        std::vector<Layer> taken;
        std::copy_if(layers.begin(), layers.end(), std::back_inserter(taken),
                     [&](const Layer &layer) { return transforms(layer, form); });
        REQUIRE(taken.size() > layers.size() / 3);
        BuildOptions options;
        options.asserts = true, options.all_candidates = all_candidates, options.kernel = form_pattern(form);
        options.targets = runnable_targets();
        REQUIRE(!options.targets.empty());
        LoadedKernels kernels(taken, options);
        for (const Layer &layer : taken) {
            INFO(layer.name << options.kernel);
            CHECK(check_layer(*kernels.set(), layer) >= 2 * options.targets.size());
        }
    }
}

// Uniform in [-1, 1).
std::vector<float> random_floats(std::mt19937 &engine, int64_t count) {
    std::vector<float> values(static_cast<size_t>(count));
    for (float &value : values) {
        value = float(int32_t(engine())) * 0x1p-31f;
    }
    return values;
}

// Root mean square of the error against the sums in double.
double rms_error(const Layer &layer, const Operands &operands, const std::vector<double> &exact, halconv_form form) {
    BuildOptions build;
    build.targets = {"host"}, build.kernel = form_pattern(form);
    LoadedKernels kernels({layer}, build);
    halconv_options options{};
    options.numerics = layer.numerics;
    KernelCase c;
    c.problem = layer.problem;
    c.weights_layout = layer.problem.op == HALCONV_CONV ? HALCONV_WEIGHTS_OIHW : HALCONV_WEIGHTS_IOHW;
    std::vector<float> y = run_layer(kernels.set(), &options, c, operands);
    double squares = 0;
    for (size_t i = 0; i < exact.size(); i++) {
        squares += (double(y[i]) - exact[i]) * (double(y[i]) - exact[i]);
    }
    return std::sqrt(squares / double(exact.size()));
}

constexpr Shape kErrorShapes[] = {
    {"conv16", kConv, 2, {20, 20}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, 16, 16, 1, kNhwc, kNhwc, HALCONV_LINEAR, 0},
    {"conv64", kConv, 2, {14, 14}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, 64, 32, 1, kNhwc, kNhwc, HALCONV_LINEAR, 0},
    {"conv256", kConv, 2, {7, 7}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, 256, 32, 1, kNhwc, kNhwc, HALCONV_LINEAR, 0},
    {"up32", kTranspose, 2, {10, 10}, {4, 4}, {2, 2}, {1, 1}, {1, 1}, 1, 32, 16, 1, kNhwc, kNhwc, HALCONV_LINEAR, 0},
    {"up256", kTranspose, 2, {6, 6}, {4, 4}, {2, 2}, {1, 1}, {1, 1}, 1, 256, 32, 1, kNhwc, kNhwc, HALCONV_LINEAR, 0},
    {"up3_64", kTranspose, 2, {9, 9}, {3, 3}, {2, 2}, {1, 1}, {0, 0}, 1, 64, 32, 1, kNhwc, kNhwc, HALCONV_LINEAR, 0},
    {"vocoder", kTranspose, 1, {60}, {16}, {8}, {4}, {4}, 1, 128, 32, 1, kNhwc, kNhwc, HALCONV_LINEAR, 0},
};

}  // namespace

TEST_CASE("winograd kernels of layers equal the plain loops", "[kernels]") { check_shapes(kShapes, false); }

TEST_CASE("every winograd candidate of tiny layers equals the plain loops", "[kernels]") {
    check_shapes(kTinyShapes, true);
}

TEST_CASE("winograd errs as its numerics policy promises", "[kernels]") {
    for (const Shape &shape : kErrorShapes) {
        Layer layer = layer_of(shape);
        const halconv_problem &p = layer.problem;
        std::mt19937 engine(1);
        Operands operands;
        operands.input = random_floats(engine, input_elements(p));
        operands.weights = random_floats(engine, weight_elements(p));
        std::vector<double> exact;
        reference_run(p, operands.input.data(), operands.weights.data(), nullptr, nullptr, exact);
        double plain =
            rms_error(layer, operands, exact, p.op == HALCONV_CONV ? HALCONV_FORM_DIRECT : HALCONV_FORM_PHASE);
        auto ratio = [&](halconv_form form) { return rms_error(layer, operands, exact, form) / plain; };
        auto ratio_if = [&](halconv_form form) { return transforms(layer, form) ? ratio(form) : 0; };
        double ratio2 = ratio_if(HALCONV_FORM_WINOGRAD2), ratio3 = ratio_if(HALCONV_FORM_WINOGRAD3),
               ratio4 = ratio(HALCONV_FORM_WINOGRAD4);
        CHECK((ratio2 > 0 || ratio3 > 0));
        INFO(layer.name << ": " << plain << ", winograd2 " << ratio2 << " of it, winograd3 " << ratio3 << ", winograd4 "
                        << ratio4);
        CHECK((ratio2 <= 1.25 && ratio3 <= 1.25 && ratio4 <= 6));
    }
}

}  // namespace halconv
