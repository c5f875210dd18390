// GPU kernels on OpenCL, with Halide's run-time checks, against the plain loops: exact, on shapes around the edges of tiles.
#include "schedules/gpu/model.h"
#include "tests/catch.h"
#include "tests/gpu/device_case.h"
#include "tests/kernel_case.h"
#include "tools/build.h"
#include "tools/kernel_plan.h"
#include "tools/layer_object.h"

namespace halconv {

namespace {

// A layer, and the schedule that it is run with.
struct Subject {
    const char *layer;
    int tile_y, tile_x, panel, thread_y, thread_x, thread_c, chunk;
    bool row_taps, windows = false;
    int parts = 1;
    bool all_taps = false;
};

Schedule schedule_of(const Subject &subject, const halconv_key &key) {
    Schedule s;
    s.form = key.op == HALCONV_CONV ? HALCONV_FORM_DIRECT : HALCONV_FORM_PHASE;
    s.tile_y = subject.tile_y, s.tile_x = subject.tile_x, s.vectors = subject.panel;
    GpuSchedule gpu;
    gpu.thread_y = subject.thread_y, gpu.thread_x = subject.thread_x, gpu.thread_c = subject.thread_c;
    gpu.chunk = subject.chunk, gpu.parts = subject.parts;
    gpu.taps = subject.all_taps   ? GpuSchedule::Taps::kAll
               : subject.row_taps ? GpuSchedule::Taps::kRow
                                  : GpuSchedule::Taps::kOne;
    gpu.operands = subject.windows ? GpuSchedule::Operands::kWindows : GpuSchedule::Operands::kPanels;
    s.gpu = gpu;
    return s;
}

Layer layer_of(const std::string &text) {
    return parse_layer(text, [](const std::string &) { return "tests/gpu/kernels_test"; });
}

KernelCase case_of(const Layer &layer, uint32_t seed) {
    KernelCase c;
    c.problem = layer.problem, c.bias = true, c.seed = seed;
    c.residual_in_place = seed % 2 == 0;
    c.weights_layout = layer.problem.op == HALCONV_CONV ? HALCONV_WEIGHTS_OIHW : HALCONV_WEIGHTS_IOHW;
    return c;
}

void check_jobs(const std::vector<Layer> &layers, const std::vector<KernelJob> &jobs, const ComputeDevice &device) {
    const LoadedKernels kernels(jobs, BuildOptions());
    REQUIRE(kernels.set()->count == int32_t(jobs.size()));
    for (size_t i = 0; i < jobs.size(); i++) {
        const halconv_kernel_set set = set_of_row(kernels.set()->kernels[i]);
        INFO(layers[i].name << ": " << jobs[i].name);
        const CaseResult result = run_case_on_device(&set, case_of(layers[i], uint32_t(i)), device);
        CHECK(result.accepted);
        CHECK(result.failure == "");
    }
}

void check_subjects(const std::vector<Subject> &subjects) {
    const std::unique_ptr<ComputeDevice> device = opencl_device_or_skip();
    if (!device) {
        return;
    }
    const Target target = parse_gpu_target("opencl");
    std::vector<Layer> layers;
    std::vector<KernelJob> jobs;
    for (const Subject &subject : subjects) {
        layers.push_back(layer_of(subject.layer));
        const halconv_key key = layer_key(layers.back());
        jobs.push_back(make_job(key, schedule_of(subject, key), target, true));
    }
    check_jobs(layers, jobs, *device);
}

void check_defaults(const std::vector<const char *> &texts) {
    const std::unique_ptr<ComputeDevice> device = opencl_device_or_skip();
    if (!device) {
        return;
    }
    const Target target = parse_gpu_target("opencl");
    std::vector<Layer> layers;
    std::vector<KernelJob> jobs;
    for (const char *text : texts) {
        layers.push_back(layer_of(text));
        const halconv_key key = layer_key(layers.back());
        jobs.push_back(make_job(key, default_gpu_schedule(key, *target.row), target, true));
    }
    check_jobs(layers, jobs, *device);
}

}  // namespace

// Extents of the output and channels one below, at and one above those of a block's and of a thread's tile; channels in that fill
// panels and that do not; a row with all its taps. Panels are short: a kernel's compilation takes nearly all of its test's time.
TEST_CASE("tiles on OpenCL equal the plain loops", "[gpu]") {
    check_subjects({
        {R"({"name": "whole", "op": "conv", "ci": 8, "co": 64, "in": [8, 8], "kernel": [3, 3], "pad": "SAME"})", 8, 8,
         64, 1, 8, 8, 4, false},
        {R"({"name": "over", "op": "conv", "ci": 8, "co": 65, "in": [9, 9], "kernel": [3, 3], "pad": "SAME"})", 8, 8,
         64, 2, 4, 8, 4, false},
        {R"({"name": "ragged", "op": "conv", "ci": 8, "co": 37, "in": [9, 17], "kernel": [3, 3], "pad": "SAME", "epilogue": {"residual": true}})",
         4, 8, 32, 1, 4, 4, 4, false},
        {R"({"name": "narrow", "op": "conv", "n": 2, "ci": 8, "co": 20, "in": [7, 7], "kernel": [3, 3], "stride": [2, 2], "pad": [[1, 1], [1, 1]]})",
         8, 4, 16, 2, 2, 4, 4, false},
        {R"({"name": "one_thread_stores", "op": "conv", "ci": 4, "co": 12, "in": [3, 3], "kernel": [1, 1]})", 4, 8, 32,
         1, 4, 8, 4, false},
        {R"({"name": "scalars", "op": "conv", "ci": 5, "co": 7, "in": [5, 6], "kernel": [3, 3], "layout": "nchw"})", 4,
         4, 3, 1, 2, 1, 5, true},
        {R"({"name": "up_under", "op": "conv_transpose", "ci": 4, "co": 31, "in": [3, 7], "kernel": [4, 4], "stride": [2, 2], "pad": [[1, 1], [1, 1]]})",
         4, 8, 32, 1, 8, 4, 4, true},
    });
}

// Also taps and phases that differ, holes between the inputs, and channels that fill no vector of weights.
TEST_CASE("windows on OpenCL equal the plain loops", "[gpu]") {
    check_subjects({
        {R"({"name": "over", "op": "conv_transpose", "n": 2, "ci": 8, "co": 1, "in": [9, 9], "kernel": [5, 5], "stride": [2, 2], "pad": [[2, 2], [2, 2]], "output_padding": [1, 1], "epilogue": {"residual": true}})",
         8, 8, 1, 1, 4, 1, 4, false, true},
        {R"({"name": "under", "op": "conv_transpose", "ci": 4, "co": 2, "groups": 1, "in": [7, 7], "kernel": [3, 5], "stride": [3, 2], "dilation": [2, 3], "pad": [[0, 2], [3, 2]]})",
         4, 8, 2, 1, 2, 2, 2, false, true},
        {R"({"name": "planes", "op": "conv_transpose", "ci": 4, "co": 3, "in": [5, 9], "kernel": [4, 4], "stride": [2, 2], "pad": [[1, 1], [1, 1]], "layout": "nchw", "epilogue": "tanh"})",
         4, 8, 3, 1, 2, 3, 4, false, true},
        {R"({"name": "volume", "op": "conv_transpose", "n": 2, "ci": 8, "co": 1, "in": [2, 3, 5], "kernel": [3, 4, 4], "stride": [2, 2, 2], "pad": [[1, 1], [1, 1], [1, 1]]})",
         4, 8, 1, 1, 2, 1, 4, false, true},
        {R"({"name": "conv", "op": "conv", "ci": 8, "co": 3, "in": [9, 17], "kernel": [5, 5], "pad": "SAME", "epilogue": {"residual": true}})",
         8, 16, 3, 1, 4, 3, 4, false, true},
        {R"({"name": "conv_groups", "op": "conv", "n": 2, "ci": 10, "co": 4, "groups": 2, "in": [8, 15], "kernel": [3, 2], "stride": [2, 2], "dilation": [1, 3], "pad": [[1, 1], [2, 2]], "layout": "nchw"})",
         8, 16, 2, 2, 4, 2, 1, false, true},
    });
}

// Of all taps: strides and dilations, with holes and without; kernels whose taps are unrolled and not; both layouts; parts.
TEST_CASE("panels of all taps on OpenCL equal the plain loops", "[gpu]") {
    check_subjects({
        {R"({"name": "over", "op": "conv", "n": 2, "ci": 8, "co": 65, "in": [9, 9], "kernel": [3, 3], "pad": "SAME", "epilogue": {"activation": "relu", "residual": true}})",
         8, 8, 64, 2, 4, 8, 4, false, false, 1, true},
        {R"({"name": "stem", "op": "conv", "ci": 3, "co": 33, "in": [19, 33], "kernel": [7, 7], "stride": [2, 2], "pad": [[3, 3], [3, 3]]})",
         8, 16, 32, 1, 8, 8, 3, false, false, 1, true},
        {R"({"name": "dilated_planes", "op": "conv", "ci": 10, "co": 18, "groups": 2, "in": [15, 15], "kernel": [3, 3], "dilation": [2, 3], "pad": [[2, 2], [3, 3]], "layout": "nchw"})",
         4, 8, 16, 1, 4, 4, 5, false, false, 1, true},
        {R"({"name": "strided_volume", "op": "conv", "ci": 8, "co": 20, "in": [3, 11, 13], "kernel": [3, 2, 3], "stride": [1, 3, 2], "pad": [[1, 1], [1, 1], [2, -1]], "out_layout": "nchw"})",
         4, 4, 32, 1, 4, 4, 4, false, false, 1, true},
        {R"({"name": "parts", "op": "conv", "ci": 16, "co": 24, "in": [7, 7], "kernel": [2, 2], "pad": "SAME"})", 4, 8,
         16, 1, 4, 4, 4, false, false, 2, true},
    });
}

// A part of one panel and of several; partial sums of vectors and of single floats; either layout; phases of their own and
// together; groups, batch and epilogue.
TEST_CASE("reductions in parts on OpenCL equal the plain loops", "[gpu]") {
    check_subjects({
        {R"({"name": "over", "op": "conv", "n": 2, "ci": 24, "co": 36, "in": [5, 9], "kernel": [3, 3], "pad": "SAME", "epilogue": {"activation": "relu", "residual": true}})",
         4, 8, 32, 1, 4, 4, 4, false, false, 3},
        {R"({"name": "odd_channels", "op": "conv", "ci": 10, "co": 21, "in": [4, 4], "kernel": [3, 3], "stride": [2, 2], "pad": [[1, 1], [1, 1]]})",
         4, 4, 16, 1, 4, 4, 5, false, false, 2},
        {R"({"name": "planes", "op": "conv", "ci": 32, "co": 24, "groups": 2, "in": [7, 7], "kernel": [1, 1], "layout": "nchw", "epilogue": {"residual": true}})",
         8, 8, 16, 1, 8, 4, 4, false, false, 2},
        {R"({"name": "one_pixel", "op": "conv", "ci": 256, "co": 40, "in": [4, 4], "kernel": [4, 4]})", 4, 4, 16, 1, 4,
         4, 8, false, false, 32},
        {R"({"name": "up", "op": "conv_transpose", "n": 2, "ci": 16, "co": 36, "in": [2, 3], "kernel": [4, 4], "stride": [2, 2], "pad": [[1, 1], [1, 1]], "epilogue": {"residual": true}})",
         4, 4, 32, 1, 4, 4, 4, false, false, 2},
        {R"({"name": "up_planes", "op": "conv_transpose", "ci": 24, "co": 18, "groups": 2, "in": [3, 3], "kernel": [3, 5], "stride": [3, 2], "pad": [[0, 0], [1, 2]], "layout": "nchw", "epilogue": "relu"})",
         4, 4, 16, 1, 4, 4, 6, false, false, 2},
        {R"({"name": "first", "op": "conv_transpose", "ci": 30, "co": 32, "in": [1, 1], "kernel": [4, 4]})", 4, 4, 32,
         1, 4, 4, 6, false, false, 5},
    });
}

TEST_CASE("default schedules of conv on OpenCL equal the plain loops", "[gpu]") {
    check_defaults({
        R"({"name": "stem", "op": "conv", "ci": 3, "co": 20, "in": [17, 17], "kernel": [5, 5], "stride": [2, 2], "pad": [[2, 2], [2, 2]], "epilogue": "relu"})",
        R"({"name": "pointwise", "op": "conv", "ci": 17, "co": 33, "in": [7, 7], "kernel": [1, 1], "epilogue": {"residual": true}})",
        R"({"name": "from_planes", "op": "conv", "ci": 12, "co": 9, "in": [6, 11], "kernel": [3, 3], "stride": [1, 3], "pad": [[1, 1], [2, 0]], "layout": "nchw", "out_layout": "nhwc"})",
        R"({"name": "to_planes", "op": "conv", "ci": 8, "co": 12, "n": 2, "in": [6, 11], "kernel": [3, 1], "pad": [[2, -1], [0, 0]], "out_layout": "nchw", "epilogue": {"residual": true}})",
        R"({"name": "signal", "op": "conv", "ci": 5, "co": 16, "in": [80], "kernel": [5], "pad": [[2, 2]], "layout": "nchw", "out_layout": "nhwc", "epilogue": "silu"})",
        R"({"name": "volume", "op": "conv", "ci": 4, "co": 9, "in": [3, 4, 5], "kernel": [3, 3, 3], "pad": [[1, 1], [1, 1], [1, 1]], "out_layout": "nchw"})",
        R"({"name": "last_of_one", "op": "conv", "ci": 48, "co": 1, "in": [13, 18], "kernel": [3, 3], "pad": "SAME"})",
        R"({"name": "kernel_larger", "op": "conv", "ci": 4, "co": 6, "in": [2, 1], "kernel": [3, 3], "pad": [[2, 2], [2, 2]]})",
    });
}

TEST_CASE("default schedules of conv_transpose on OpenCL equal the plain loops", "[gpu]") {
    check_defaults({
        R"({"name": "up", "op": "conv_transpose", "ci": 8, "co": 40, "in": [4, 5], "kernel": [4, 4], "stride": [2, 2], "pad": [[1, 1], [1, 1]], "epilogue": "relu"})",
        R"({"name": "uneven", "op": "conv_transpose", "n": 2, "ci": 8, "co": 10, "groups": 2, "in": [6, 5], "kernel": [3, 3], "stride": [2, 2], "pad": [[0, 1], [1, 0]], "output_padding": [1, 1], "layout": "nchw"})",
        R"({"name": "uneven_panels", "op": "conv_transpose", "ci": 36, "co": 12, "in": [5, 6], "kernel": [3, 3], "stride": [2, 2], "pad": [[1, 1], [1, 1]], "output_padding": [1, 0]})",
        R"({"name": "sparse", "op": "conv_transpose", "ci": 5, "co": 17, "in": [9, 4], "kernel": [2, 2], "stride": [3, 3], "out_layout": "nchw"})",
        R"({"name": "no_taps_in_volume", "op": "conv_transpose", "n": 2, "ci": 8, "co": 72, "groups": 2, "in": [2, 5, 6], "kernel": [1, 1, 1], "stride": [2, 2, 3], "output_padding": [1, 1, 2]})",
        R"({"name": "gapped", "op": "conv_transpose", "ci": 8, "co": 16, "in": [6, 6], "kernel": [3, 3], "stride": [2, 2], "dilation": [2, 2], "pad": [[2, 1], [2, 1]], "epilogue": {"residual": true}})",
        R"({"name": "vocoder", "op": "conv_transpose", "ci": 12, "co": 6, "in": [20], "kernel": [8], "stride": [4], "pad": [[2, 2]], "layout": "nchw"})",
        R"({"name": "volume_uneven", "op": "conv_transpose", "n": 2, "ci": 3, "co": 4, "groups": 1, "in": [3, 6, 10], "kernel": [3, 5, 4], "stride": [2, 4, 3], "pad": [[1, 1], [1, 2], [1, 1]], "epilogue": {"residual": true}})",
        R"({"name": "cropped", "op": "conv_transpose", "ci": 4, "co": 5, "in": [7, 6], "kernel": [6, 6], "stride": [3, 3], "pad": [[9, 6], [-1, 2]]})",
    });
}

TEST_CASE("default depthwise schedules on OpenCL equal the plain loops", "[gpu]") {
    check_defaults({
        R"({"name": "vectors", "op": "conv", "ci": 72, "co": 72, "groups": 72, "in": [7, 13], "kernel": [3, 3], "pad": "SAME", "epilogue": {"residual": true}})",
        R"({"name": "last_vector", "op": "conv", "ci": 132, "co": 132, "groups": 132, "in": [5, 6], "kernel": [5, 5], "stride": [2, 2], "pad": [[2, 2], [2, 2]]})",
        R"({"name": "channels", "op": "conv", "n": 2, "ci": 37, "co": 37, "groups": 37, "in": [6, 9], "kernel": [3, 3], "dilation": [2, 1], "pad": "SAME", "epilogue": "relu"})",
        R"({"name": "pairs", "op": "conv", "ci": 12, "co": 18, "groups": 6, "in": [7, 9], "kernel": [3, 3], "stride": [1, 2], "pad": "SAME", "epilogue": {"residual": true}})",
        R"({"name": "planes", "op": "conv", "ci": 6, "co": 6, "groups": 6, "in": [18, 18], "kernel": [3, 3], "pad": [[1, 1], [1, 1]], "layout": "nchw"})",
        R"({"name": "long_row", "op": "conv", "ci": 2, "co": 2, "groups": 2, "in": [530], "kernel": [3], "pad": [[1, 1]], "layout": "nchw"})",
        R"({"name": "volume", "op": "conv", "ci": 8, "co": 8, "groups": 8, "in": [3, 4, 5], "kernel": [3, 3, 3], "pad": [[1, 1], [1, 1], [1, 1]]})",
        R"({"name": "up", "op": "conv_transpose", "ci": 20, "co": 20, "groups": 20, "in": [5, 7], "kernel": [4, 4], "stride": [2, 2], "pad": [[1, 1], [1, 1]]})",
        R"({"name": "up_boxes", "op": "conv_transpose", "ci": 20, "co": 20, "groups": 20, "in": [5, 5], "kernel": [3, 3], "stride": [2, 2], "epilogue": {"residual": true}})",
        R"({"name": "up_planes", "op": "conv_transpose", "n": 2, "ci": 5, "co": 5, "groups": 5, "in": [6, 17], "kernel": [4, 4], "stride": [2, 2], "pad": [[1, 1], [1, 1]], "layout": "nchw"})",
        R"({"name": "up_volume", "op": "conv_transpose", "n": 2, "ci": 6, "co": 6, "groups": 3, "in": [2, 1, 9], "kernel": [2, 5, 3], "stride": [3, 2, 4], "dilation": [1, 3, 2], "pad": [[0, -2], [0, 8], [-2, 5]], "output_padding": [2, 2, 3], "epilogue": {"residual": true}})",
        R"({"name": "up_wide", "op": "conv_transpose", "ci": 16, "co": 16, "groups": 16, "in": [3, 4], "kernel": [16, 16], "stride": [9, 9], "pad": [[4, 3], [4, 3]]})",
    });
}

}  // namespace halconv
