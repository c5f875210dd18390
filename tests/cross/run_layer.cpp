// Runs a layer so many times, for counts of instructions: run_layer LAYER_OBJECT TARGET RUNS
#include <cstdio>
#include <cstdlib>

#include "tools/build.h"
#include "tools/layer_object.h"
#include "tools/plan_handle.h"

using namespace halconv;

namespace {

void require(halconv_status status) {
    if (status != HALCONV_OK) {
        throw WorkError(halconv_status_text(status));
    }
}

void run(const Layer &layer, const std::string &target, int runs) {
    BuildOptions build;
    build.targets = {target};
    LoadedKernels kernels({layer}, build);
    halconv_options options{};
    options.numerics = layer.numerics;
    halconv_plan *created = nullptr;
    require(halconv_plan_create(kernels.set(), &layer.problem, &options, &created));
    PlanHandle plan(created);
    const halconv_problem &p = layer.problem;
    int64_t out[3], in_pixels = p.batch, out_pixels = p.batch, taps = 1;
    require(halconv_plan_output_size(created, out));
    for (int a = 0; a < p.rank; a++) {
        in_pixels *= p.in[a], out_pixels *= out[a], taps *= p.kernel[a];
    }
    std::vector<float> input(size_t(in_pixels * p.in_channels), 1.0f);
    std::vector<float> weights(size_t(p.in_channels * p.out_channels / p.groups * taps), 1.0f);
    std::vector<float> output(size_t(out_pixels * p.out_channels)), residual(p.residual ? output.size() : 0);
    AlignedBytes packed = aligned_bytes(halconv_plan_weights_bytes(created)),
                 workspace = aligned_bytes(halconv_plan_workspace_bytes(created));
    require(halconv_plan_pack(created, weights.data(), HALCONV_WEIGHTS_OIHW, 0, nullptr, packed.get()));
    for (int i = 0; i < runs; i++) {
        require(halconv_plan_run(created, input.data(), packed.get(), residual.data(), output.data(), workspace.get()));
    }
    std::printf("%s\n", plan_text(created).c_str());
}

}  // namespace

int main(int argc, char **argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: run_layer LAYER_OBJECT TARGET RUNS\n");
        return 2;
    }
    try {
        run(parse_layer(argv[1], [](const std::string &key) { return "layer, " + key; }), argv[2], std::atoi(argv[3]));
    } catch (const std::exception &e) {
        std::fprintf(stderr, "run_layer: %s\n", e.what());
        return 1;
    }
    return 0;
}
