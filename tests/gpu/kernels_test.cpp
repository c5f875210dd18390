// GPU kernels on OpenCL, with Halide's run-time checks, against the plain loops: exact, on shapes around the edges of tiles.
#include "schedules/gpu/model.h"
#include "tests/catch.h"
#include "tests/gpu/opencl_device.h"
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
    bool row_taps;
};

Schedule schedule_of(const Subject &subject, const halconv_key &key) {
    Schedule s;
    s.form = key.op == HALCONV_CONV ? HALCONV_FORM_DIRECT : HALCONV_FORM_PHASE;
    s.tile_y = subject.tile_y, s.tile_x = subject.tile_x, s.vectors = subject.panel;
    GpuSchedule gpu;
    gpu.thread_y = subject.thread_y, gpu.thread_x = subject.thread_x, gpu.thread_c = subject.thread_c;
    gpu.chunk = subject.chunk, gpu.row_taps = subject.row_taps;
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

void check_jobs(const std::vector<Layer> &layers, const std::vector<KernelJob> &jobs) {
    const LoadedKernels kernels(jobs, BuildOptions());
    REQUIRE(kernels.set()->count == int32_t(jobs.size()));
    for (size_t i = 0; i < jobs.size(); i++) {
        const halconv_kernel row = on_opencl_device(kernels.set()->kernels[i]);
        const halconv_kernel_set set = set_of_row(row);
        halconv_options options{};
        INFO(layers[i].name << ": " << jobs[i].name);
        const CaseResult result = run_case(&set, &options, case_of(layers[i], uint32_t(i)));
        CHECK(result.accepted);
        CHECK(result.failure == "");
    }
}

void check_subjects(const std::vector<Subject> &subjects) {
    if (!opencl_device_is_there()) {
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
    check_jobs(layers, jobs);
}

void check_defaults(const std::vector<const char *> &texts) {
    if (!opencl_device_is_there()) {
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
    check_jobs(layers, jobs);
}

}  // namespace

TEST_CASE("dense tiles on OpenCL equal the plain loops", "[gpu]") {
    check_subjects({
        {R"({"name": "whole", "op": "conv", "ci": 32, "co": 64, "in": [8, 8], "kernel": [3, 3], "pad": "SAME"})", 8, 8,
         64, 1, 8, 8, 16, false},
        {R"({"name": "ragged", "op": "conv", "ci": 16, "co": 37, "in": [9, 17], "kernel": [3, 3], "pad": "SAME", "epilogue": {"residual": true}})",
         4, 8, 32, 1, 4, 4, 8, false},
        {R"({"name": "narrow", "op": "conv", "n": 2, "ci": 8, "co": 20, "in": [7, 7], "kernel": [3, 3], "stride": [2, 2], "pad": [[1, 1], [1, 1]]})",
         8, 4, 16, 2, 2, 4, 4, false},
        {R"({"name": "up", "op": "conv_transpose", "ci": 16, "co": 36, "in": [5, 9], "kernel": [4, 4], "stride": [2, 2], "pad": [[1, 1], [1, 1]], "epilogue": {"residual": true}})",
         4, 8, 32, 1, 4, 4, 8, false},
    });
}

TEST_CASE("default schedules on OpenCL equal the plain loops", "[gpu]") {
    check_defaults({
        R"({"name": "stem", "op": "conv", "ci": 3, "co": 20, "in": [17, 17], "kernel": [7, 7], "stride": [2, 2], "pad": [[3, 3], [3, 3]], "epilogue": "relu"})",
        R"({"name": "uneven_up", "op": "conv_transpose", "ci": 12, "co": 10, "groups": 2, "in": [6, 5], "kernel": [3, 3], "stride": [2, 2], "pad": [[0, 1], [1, 0]], "output_padding": [1, 1], "layout": "nchw"})",
    });
}

}  // namespace halconv
