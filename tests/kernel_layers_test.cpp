// Kernels built from layers with Halide's run-time checks on, for each target that this processor runs: each kernel on its
// own layer and on shapes drawn from its row.
#include "runtime/cpu_features.h"
#include "schedules/target.h"
#include "tests/catch.h"
#include "tests/kernel_case.h"
#include "tests/reference.h"
#include "tests/runnable_targets.h"
#include "tools/build.h"

namespace halconv {

namespace {

constexpr int kCasesPerRow = 8;

struct Shape {
    const char *name;
    halconv_op op;
    int32_t rank;
    int64_t in, channels_in, channels_out, groups, kernel, stride, dilation, pad_before, pad_after, output_padding;
    halconv_layout in_layout, out_layout;
    halconv_activation activation;
    int32_t residual;
};

constexpr halconv_op kConv = HALCONV_CONV, kTranspose = HALCONV_CONV_TRANSPOSE;
constexpr halconv_layout kNhwc = HALCONV_NHWC, kNchw = HALCONV_NCHW;

// Layers in the manner of known networks; the best schedule of each is built.
constexpr Shape kShapes[] = {
    {"stem", kConv, 2, 17, 3, 20, 1, 3, 2, 1, 1, 0, 0, kNhwc, kNhwc, HALCONV_RELU, 0},
    {"pointwise", kConv, 2, 7, 17, 33, 1, 1, 1, 1, 0, 0, 0, kNhwc, kNhwc, HALCONV_LINEAR, 1},
    {"dilated_planes", kConv, 2, 15, 10, 18, 2, 3, 1, 2, 2, 2, 0, kNchw, kNchw, HALCONV_LEAKY_RELU, 0},
    {"depthwise", kConv, 2, 14, 35, 35, 35, 3, 1, 1, 1, 1, 0, kNhwc, kNhwc, HALCONV_CLAMP, 0},
    {"depthwise_large", kConv, 2, 11, 32, 32, 32, 5, 2, 1, 2, 2, 0, kNhwc, kNhwc, HALCONV_LINEAR, 1},
    {"multiplier", kConv, 2, 9, 10, 20, 10, 3, 1, 1, 1, 1, 0, kNhwc, kNhwc, HALCONV_LINEAR, 0},
    {"cardinality", kConv, 2, 9, 40, 40, 10, 3, 2, 1, 1, 1, 0, kNhwc, kNhwc, HALCONV_RELU, 1},
    {"planes", kConv, 2, 19, 3, 5, 1, 3, 1, 1, 1, 1, 0, kNchw, kNchw, HALCONV_RELU, 0},
    {"planes_cropped", kConv, 2, 37, 4, 2, 2, 3, 2, 2, -1, 4, 0, kNchw, kNchw, HALCONV_LINEAR, 1},
    {"planes_depthwise", kConv, 2, 18, 6, 6, 6, 3, 1, 1, 1, 1, 0, kNchw, kNchw, HALCONV_LEAKY_RELU, 0},
    {"signal", kConv, 1, 40, 5, 16, 1, 5, 1, 1, 2, 2, 0, kNchw, kNhwc, HALCONV_SILU, 0},
    {"last", kConv, 2, 18, 24, 3, 1, 7, 1, 1, 3, 3, 0, kNhwc, kNhwc, HALCONV_TANH, 0},
    {"whole_input", kConv, 2, 4, 65, 1, 1, 4, 1, 1, 0, 0, 0, kNhwc, kNhwc, HALCONV_SIGMOID, 0},
    {"last_signal", kConv, 1, 530, 32, 1, 1, 7, 1, 1, 3, 3, 0, kNhwc, kNhwc, HALCONV_TANH, 0},
    {"last_of_one", kConv, 2, 13, 48, 1, 1, 3, 1, 1, 1, 1, 0, kNhwc, kNhwc, HALCONV_LINEAR, 1},
    {"head", kConv, 2, 10, 70, 4, 1, 1, 1, 1, 0, 0, 0, kNhwc, kNhwc, HALCONV_LINEAR, 1},
    {"volume", kConv, 3, 6, 4, 9, 1, 3, 1, 1, 1, 1, 0, kNhwc, kNchw, HALCONV_GELU, 0},
    {"border", kConv, 2, 7, 33, 18, 1, 3, 1, 1, 1, 1, 0, kNhwc, kNhwc, HALCONV_RELU, 1},
    {"border_of_wide", kConv, 2, 31, 64, 34, 2, 5, 2, 1, 2, 2, 0, kNhwc, kNhwc, HALCONV_LINEAR, 0},
    {"border_dilated", kConv, 2, 20, 34, 16, 1, 3, 1, 4, 4, 3, 0, kNhwc, kNchw, HALCONV_LINEAR, 1},
    {"border_uneven", kConv, 2, 12, 32, 20, 1, 4, 3, 1, 2, 5, 0, kNchw, kNhwc, HALCONV_LINEAR, 0},
    {"border_volume", kConv, 3, 4, 32, 9, 1, 3, 1, 1, 1, 1, 0, kNhwc, kNhwc, HALCONV_LINEAR, 0},
    {"generator", kTranspose, 2, 8, 9, 34, 1, 4, 2, 1, 1, 1, 0, kNhwc, kNhwc, HALCONV_RELU, 0},
    {"generator_last", kTranspose, 2, 16, 8, 3, 1, 4, 2, 1, 1, 1, 0, kNhwc, kNhwc, HALCONV_TANH, 0},
    {"few_channels", kTranspose, 2, 13, 40, 3, 1, 5, 2, 1, 2, 1, 1, kNhwc, kNhwc, HALCONV_LEAKY_RELU, 1},
    {"few_wide_steps", kTranspose, 2, 9, 33, 1, 1, 9, 4, 1, 4, 3, 3, kNhwc, kNhwc, HALCONV_TANH, 0},
    {"few_volume", kTranspose, 3, 5, 18, 2, 1, 3, 2, 1, 1, 0, 0, kNhwc, kNhwc, HALCONV_LINEAR, 0},
    {"uneven", kTranspose, 2, 11, 6, 10, 2, 3, 2, 1, 0, 1, 1, kNchw, kNchw, HALCONV_LINEAR, 1},
    {"sparse", kTranspose, 2, 9, 5, 17, 1, 2, 3, 1, 0, 0, 0, kNhwc, kNchw, HALCONV_LINEAR, 0},
    {"depthwise_up", kTranspose, 2, 9, 21, 21, 21, 4, 2, 1, 1, 1, 0, kNhwc, kNhwc, HALCONV_LINEAR, 0},
    {"depthwise_up_uneven", kTranspose, 2, 9, 20, 20, 20, 3, 2, 1, 1, 1, 1, kNhwc, kNhwc, HALCONV_LEAKY_RELU, 0},
    {"depthwise_up_wide", kTranspose, 2, 4, 16, 16, 16, 16, 9, 1, 4, 3, 0, kNhwc, kNhwc, HALCONV_RELU, 0},
    {"grouped_up", kTranspose, 2, 7, 24, 16, 8, 4, 2, 1, 1, 1, 0, kNhwc, kNhwc, HALCONV_LINEAR, 0},
    {"planes_up", kTranspose, 2, 17, 3, 3, 1, 4, 2, 1, 1, 1, 0, kNchw, kNchw, HALCONV_CLAMP, 0},
    {"planes_up_uneven", kTranspose, 2, 18, 6, 1, 1, 9, 2, 1, 4, 4, 1, kNchw, kNhwc, HALCONV_LINEAR, 1},
    {"planes_up_cropped", kTranspose, 2, 21, 2, 2, 2, 6, 3, 1, 9, 6, 0, kNchw, kNchw, HALCONV_LINEAR, 0},
    {"vocoder", kTranspose, 1, 20, 12, 6, 1, 8, 4, 1, 2, 2, 0, kNchw, kNchw, HALCONV_SIGMOID, 0},
    {"volume_up", kTranspose, 3, 5, 4, 8, 1, 2, 2, 1, 0, 0, 0, kNhwc, kNhwc, HALCONV_LINEAR, 0},
    {"border_generator", kTranspose, 2, 4, 36, 34, 1, 4, 2, 1, 1, 1, 0, kNhwc, kNhwc, HALCONV_RELU, 1},
    {"border_wide_up", kTranspose, 2, 25, 64, 18, 2, 4, 2, 1, 1, 1, 0, kNhwc, kNhwc, HALCONV_LINEAR, 0},
    {"border_odd_up", kTranspose, 2, 9, 40, 18, 1, 3, 2, 1, 1, 1, 1, kNchw, kNhwc, HALCONV_LINEAR, 1},
    {"border_boxes", kTranspose, 2, 8, 33, 20, 1, 3, 2, 1, 0, 0, 0, kNhwc, kNchw, HALCONV_LINEAR, 0},
    {"border_gapped_up", kTranspose, 2, 6, 32, 16, 1, 3, 2, 2, 2, 1, 0, kNhwc, kNhwc, HALCONV_LINEAR, 0},
    {"one_pixel", kTranspose, 2, 1, 33, 37, 1, 4, 1, 1, 0, 0, 0, kNhwc, kNhwc, HALCONV_LINEAR, 0},
    {"one_pixel_cropped", kTranspose, 2, 1, 5, 9, 1, 5, 2, 2, 3, 1, 1, kNhwc, kNhwc, HALCONV_LINEAR, 0},
    {"long_signal", kConv, 1, 61, 17, 20, 1, 1, 1, 1, 0, 0, 0, kNhwc, kNhwc, HALCONV_LINEAR, 0},
    {"long_signal_sum", kConv, 1, 83, 6, 20, 1, 3, 1, 2, 2, 2, 0, kNhwc, kNhwc, HALCONV_LINEAR, 1},
    {"few_blocks_volume", kConv, 3, 4, 48, 36, 1, 3, 1, 1, 1, 1, 0, kNhwc, kNhwc, HALCONV_LINEAR, 0},
    {"few_blocks_up", kTranspose, 2, 5, 100, 36, 1, 4, 2, 1, 1, 1, 0, kNhwc, kNhwc, HALCONV_LINEAR, 1},
};

// So small that all candidate schedules of a form are few.
constexpr Shape kTinyShapes[] = {
    {"tiny_direct", kConv, 2, 3, 2, 7, 1, 2, 1, 1, 0, 0, 0, kNhwc, kNhwc, HALCONV_LINEAR, 0},
    {"tiny_border", kConv, 2, 3, 32, 7, 1, 3, 1, 1, 1, 1, 0, kNhwc, kNhwc, HALCONV_LINEAR, 0},
    {"tiny_shared_taps", kConv, 2, 4, 16, 1, 1, 3, 1, 1, 1, 1, 0, kNhwc, kNhwc, HALCONV_LINEAR, 1},
    {"tiny_inner_product", kConv, 2, 4, 19, 2, 1, 3, 2, 1, 1, 1, 0, kNhwc, kNhwc, HALCONV_LINEAR, 1},
    {"tiny_depthwise", kConv, 2, 3, 7, 7, 7, 3, 1, 1, 1, 1, 0, kNhwc, kNhwc, HALCONV_LINEAR, 0},
    {"tiny_depthwise_large", kConv, 2, 4, 9, 9, 9, 5, 1, 1, 2, 2, 0, kNhwc, kNhwc, HALCONV_RELU, 0},
    {"tiny_planes", kConv, 2, 9, 2, 3, 1, 2, 1, 1, 1, 0, 0, kNchw, kNchw, HALCONV_LINEAR, 0},
    {"tiny_planes_up", kTranspose, 2, 9, 2, 3, 1, 4, 2, 1, 1, 1, 0, kNchw, kNchw, HALCONV_LINEAR, 0},
    {"tiny_phase", kTranspose, 2, 2, 3, 7, 1, 3, 2, 1, 1, 1, 1, kNhwc, kNchw, HALCONV_LINEAR, 0},
    {"tiny_border_phase", kTranspose, 2, 3, 32, 7, 1, 4, 2, 1, 1, 1, 0, kNhwc, kNhwc, HALCONV_LINEAR, 0},
    {"tiny_row_fused", kTranspose, 2, 2, 3, 9, 1, 4, 2, 1, 1, 1, 0, kNchw, kNhwc, HALCONV_LINEAR, 0},
    {"tiny_inner_product_up", kTranspose, 2, 3, 18, 2, 1, 5, 2, 1, 2, 1, 1, kNhwc, kNhwc, HALCONV_LINEAR, 1},
    {"tiny_depthwise_up", kTranspose, 2, 2, 7, 7, 7, 4, 2, 1, 1, 1, 0, kNhwc, kNhwc, HALCONV_LINEAR, 0},
};

Layer layer_of(const Shape &shape) {
    Layer layer;
    layer.name = shape.name, layer.source = "kernel_layers_test";
    halconv_problem &p = layer.problem;
    p.op = shape.op, p.in_layout = shape.in_layout, p.out_layout = shape.out_layout, p.rank = shape.rank;
    p.batch = 1, p.in_channels = shape.channels_in, p.out_channels = shape.channels_out, p.groups = shape.groups;
    for (int d = 0; d < shape.rank; d++) {
        p.in[d] = shape.in + d, p.kernel[d] = shape.kernel, p.stride[d] = shape.stride, p.dilation[d] = shape.dilation;
        p.pad_before[d] = shape.pad_before, p.pad_after[d] = shape.pad_after;
        p.output_padding[d] = shape.output_padding;
    }
    p.activation = shape.activation, p.residual = shape.residual;
    p.alpha = shape.activation == HALCONV_CLAMP ? -7 : 0.25f, p.beta = 9;
    return layer;
}

// Of the layer itself: with and without bias, weights as PyTorch has them and as TensorFlow has them.
std::vector<KernelCase> cases_of_layer(const Layer &layer) {
    KernelCase c, other;
    c.problem = other.problem = layer.problem;
    c.bias = true, c.seed = 1, other.seed = 2, other.residual_in_place = true;
    c.weights_layout = layer.problem.op == HALCONV_CONV ? HALCONV_WEIGHTS_OIHW : HALCONV_WEIGHTS_IOHW;
    other.weights_layout = layer.problem.op == HALCONV_CONV ? HALCONV_WEIGHTS_HWIO : HALCONV_WEIGHTS_HWOI;
    return {c, other};
}

// Runs the layer's kernels among `rows` on it, with one and with two threads; returns how many took it.
int check_layer(const halconv_kernel_set &rows, const Layer &layer) {
    int accepted = 0;
    halconv_options two_threads{};
    two_threads.threads = 2;
    for (int32_t i = 0; i < rows.count; i++) {
        const halconv_kernel &row = rows.kernels[i];
        if ((row.cpu_features & ~cpu_features()) != 0) {
            continue;
        }
        halconv_kernel_set set = set_of_row(row);
        for (const KernelCase &c : cases_of_layer(layer)) {
            INFO(layer.name << ": " << row.name);
            CaseResult result = run_case(&set, nullptr, c), shared = run_case(&set, &two_threads, c);
            CHECK(result.failure == "");
            CHECK(shared.failure == "");
            accepted += result.accepted && shared.accepted;
        }
    }
    return accepted;
}

template <size_t count> void check_shapes(const Shape (&shapes)[count], halconv_op op, bool all_candidates) {
    std::vector<Layer> layers;
    for (const Shape &shape : shapes) {
        if (shape.op == op) {
            layers.push_back(layer_of(shape));
        }
    }
    BuildOptions options;
    options.asserts = true, options.all_candidates = all_candidates;
    if (all_candidates) {
        options.targets = runnable_targets();
    } else {
        for (const TargetRow &target : target_rows()) {
            if (runs_here(target)) {
                options.targets.push_back(target.name);
            }
        }
    }
    REQUIRE(!options.targets.empty());
    LoadedKernels kernels(layers, options);
    const halconv_kernel_set &set = *kernels.set();
    size_t kernels_per_layer = all_candidates ? 2 * options.targets.size() : options.targets.size();
    for (const Layer &layer : layers) {
        INFO(layer.name);
        CHECK(check_layer(set, layer) >= int(kernels_per_layer * cases_of_layer(layer).size()));
    }
    for (int32_t i = 0; i < set.count; i++) {
        const halconv_kernel &row = set.kernels[i];
        INFO(row.name);
        RowReport report = check_row(row, cases_of_row(row, kCasesPerRow, uint32_t(i) * 1000));
        for (const std::string &failure : report.failures) {
            FAIL_CHECK(failure);
        }
        CHECK(report.accepted > 0);
    }
}

}  // namespace

TEST_CASE("conv kernels of layers equal the plain loops", "[kernels]") { check_shapes(kShapes, HALCONV_CONV, false); }

TEST_CASE("conv_transpose kernels of layers equal the plain loops", "[kernels]") {
    check_shapes(kShapes, HALCONV_CONV_TRANSPOSE, false);
}

TEST_CASE("every candidate schedule of tiny conv layers equals the plain loops", "[kernels]") {
    check_shapes(kTinyShapes, HALCONV_CONV, true);
}

TEST_CASE("every candidate schedule of tiny conv_transpose layers equals the plain loops", "[kernels]") {
    check_shapes(kTinyShapes, HALCONV_CONV_TRANSPOSE, true);
}

}  // namespace halconv
