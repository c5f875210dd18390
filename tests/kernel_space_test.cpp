// Schedules drawn from the search space of tiny layers: each compiles, with Halide's run-time checks, and equals the plain
// loops between guard pages, with one thread and with two.
#include "runtime/core/winograd.h"
#include "schedules/tuning/space.h"
#include "tests/catch.h"
#include "tests/kernel_case.h"
#include "tools/kernel_plan.h"
#include "tools/layer_object.h"

namespace halconv {

namespace {

constexpr int kDraws = 3;  // of a layer and target; 10 take six minutes of one core

constexpr const char *kLayers[] = {
    R"({"name": "direct", "op": "conv", "ci": 5, "co": 37, "in": [5, 7], "kernel": [3, 2], "pad": [[1, 0], [1, 1]]})",
    R"({"name": "border", "op": "conv", "ci": 32, "co": 20, "in": [6, 9], "kernel": [3, 3], "pad": "SAME"})",
    R"({"name": "strided", "op": "conv", "ci": 34, "co": 17, "in": [9, 8], "kernel": [3, 3], "stride": [2, 2], "pad": [[1, 1], [1, 1]], "layout": "nchw", "epilogue": {"residual": true}})",
    R"({"name": "row", "op": "conv", "ci": 3, "co": 33, "in": [40], "kernel": [3], "pad": [[2, 2]], "dilation": [2]})",
    R"({"name": "volume", "op": "conv", "ci": 4, "co": 9, "in": [3, 4, 5], "kernel": [3, 3, 3], "pad": [[1, 1], [1, 1], [1, 1]]})",
    R"({"name": "groups", "op": "conv", "ci": 12, "co": 24, "groups": 3, "in": [5, 6], "kernel": [3, 3], "pad": "SAME", "epilogue": "relu"})",
    R"({"name": "depthwise", "op": "conv", "ci": 37, "co": 37, "groups": 37, "in": [6, 9], "kernel": [3, 3], "pad": "SAME"})",
    R"({"name": "inner", "op": "conv", "ci": 32, "co": 1, "in": [5, 9], "kernel": [3, 3], "pad": "SAME"})",
    R"({"name": "phase", "op": "conv_transpose", "ci": 32, "co": 21, "in": [4, 5], "kernel": [4, 4], "stride": [2, 2], "pad": [[1, 1], [1, 1]]})",
    R"({"name": "uneven", "op": "conv_transpose", "ci": 6, "co": 18, "in": [5, 6], "kernel": [3, 3], "stride": [2, 2], "pad": [[1, 1], [1, 1]], "out_layout": "nchw"})",
    R"({"name": "fused", "op": "conv_transpose", "ci": 9, "co": 12, "in": [4, 11], "kernel": [4, 4], "stride": [2, 2], "epilogue": {"residual": true}})",
    R"({"name": "few_up", "op": "conv_transpose", "ci": 32, "co": 3, "in": [5, 6], "kernel": [4, 4], "stride": [2, 2], "pad": [[1, 1], [1, 1]]})",
    R"({"name": "depthwise_up", "op": "conv_transpose", "ci": 19, "co": 19, "groups": 19, "in": [5, 6], "kernel": [4, 4], "stride": [2, 2], "pad": [[1, 1], [1, 1]]})",
    R"({"name": "planes", "op": "conv", "ci": 3, "co": 5, "in": [6, 37], "kernel": [3, 3], "pad": "SAME", "layout": "nchw"})",
    R"({"name": "planes_up", "op": "conv_transpose", "ci": 3, "co": 4, "in": [5, 18], "kernel": [4, 4], "stride": [2, 2], "pad": [[1, 1], [1, 1]], "layout": "nchw", "epilogue": {"residual": true}})",
    R"({"name": "one_pixel", "op": "conv_transpose", "ci": 9, "co": 40, "in": [1, 1], "kernel": [4, 4]})",
};

KernelCase case_of(const Layer &layer, const Schedule &schedule, uint32_t seed) {
    KernelCase c;
    c.problem = layer.problem, c.bias = true, c.seed = seed;
    c.residual_in_place = seed % 2 == 0;
    c.weights_layout = layer.problem.op == HALCONV_CONV ? HALCONV_WEIGHTS_OIHW : HALCONV_WEIGHTS_IOHW;
    if (is_winograd(
            schedule.form)) {  // kernel_winograd_test.cpp: transformed weights are integers, all sums below 2^24
        c.input_most = c.weight_most = 1, c.weight_unit = 576;
    }
    return c;
}

}  // namespace

TEST_CASE("drawn schedules of tiny layers equal the plain loops", "[kernels]") {
    std::vector<Layer> layers;
    for (const char *text : kLayers) {
        layers.push_back(parse_layer(text, [](const std::string &) { return "kernel_space_test"; }));
    }
    for (const TargetRow &row : target_rows()) {
        if (!runs_here(row) || row.cpu_features == 0) {
            continue;  // the baseline's kernels differ from those of AVX2 in the width of vectors alone
        }
        const Target target = parse_target(row.name);
        Random random(11);
        std::vector<KernelJob> jobs;
        std::vector<const Layer *> layer_of_job;
        for (const Layer &layer : layers) {
            const SearchSpace space(layer_key(layer), row, HALCONV_FAST);
            Schedule last = space.draw(random);
            for (int i = 0; i < kDraws; i++) {
                last = i % 2 ? space.mutate(last, random) : space.draw(random);
                KernelJob job = make_job(layer_key(layer), last, target, true);
                const bool known = std::any_of(jobs.begin(), jobs.end(),
                                               [&](const KernelJob &other) { return other.name == job.name; });
                if (!known) {
                    jobs.push_back(job);
                    layer_of_job.push_back(&layer);
                }
            }
        }
        const LoadedKernels kernels(jobs, BuildOptions());
        REQUIRE(kernels.set()->count == int32_t(jobs.size()));
        for (size_t i = 0; i < jobs.size(); i++) {
            const halconv_kernel_set set = set_of_row(kernels.set()->kernels[i]);
            for (int threads : {1, 2}) {
                halconv_options options{};
                options.threads = threads, options.numerics = HALCONV_FAST;
                INFO(layer_of_job[i]->name << ": " << jobs[i].name << ", threads " << threads);
                const CaseResult result =
                    run_case(&set, &options, case_of(*layer_of_job[i], jobs[i].compile.schedule, uint32_t(i)));
                CHECK(result.accepted);
                CHECK(result.failure == "");
            }
        }
    }
}

}  // namespace halconv
