// gpu_resources PTXAS NVDISASM: what the assembler makes of the kernels for CUDA, one of each kind and more tiles of the dense
// ones, as JSON Lines, with the goal that they should reach. Status 1 where a kernel has a stack or spills registers.
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "runtime/core/problem.h"
#include "schedules/gpu/legal.h"
#include "schedules/gpu/model.h"
#include "tests/gpu/sass.h"
#include "tools/kernel_plan.h"
#include "tools/layer_object.h"
#include "tools/process.h"
#include "tools/scratch_folder.h"

namespace halconv {

namespace {

struct Tile {
    int y, x, c, thread_y, thread_x, thread_c, chunk;
    GpuSchedule::Operands operands = GpuSchedule::Operands::kPanels;
    GpuSchedule::Taps taps = GpuSchedule::Taps::kOne;
    int parts = 1;
};

struct Subject {
    const char *layer;
    std::optional<Tile> tile;  // else the default schedule
};

constexpr const char *kDense =
    R"({"name": "dense", "op": "conv", "ci": 64, "co": 128, "in": [56, 56], "kernel": [3, 3], "pad": "SAME"})";
constexpr const char *kUp =
    R"({"name": "up", "op": "conv_transpose", "ci": 256, "co": 128, "in": [32, 32], "kernel": [4, 4], "stride": [2, 2], "pad": [[1, 1], [1, 1]]})";
constexpr const char *kUpFew =
    R"({"name": "up_few", "op": "conv_transpose", "n": 16, "ci": 64, "co": 3, "in": [32, 32], "kernel": [4, 4], "stride": [2, 2], "pad": [[1, 1], [1, 1]]})";
constexpr const char *kLast =
    R"({"name": "last", "op": "conv", "n": 16, "ci": 64, "co": 3, "in": [128, 128], "kernel": [3, 3], "pad": "SAME"})";

constexpr auto kPanels = GpuSchedule::Operands::kPanels, kWindows = GpuSchedule::Operands::kWindows;
constexpr auto kAll = GpuSchedule::Taps::kAll;

const Subject kSubjects[] = {
    {kDense, Tile{8, 16, 128, 1, 8, 8, 32}},
    {kDense, Tile{8, 16, 128, 1, 8, 8, 16}},
    {kDense, Tile{8, 16, 128, 2, 4, 8, 32}},
    {kDense, Tile{8, 8, 64, 1, 8, 8, 32}},
    {kDense, Tile{8, 8, 64, 1, 8, 4, 32}},
    {kDense, Tile{8, 8, 32, 1, 8, 4, 32}},
    {kDense, Tile{8, 8, 64, 1, 4, 4, 32}},
    {kDense, Tile{4, 8, 32, 1, 4, 4, 32}},
    {kDense, Tile{8, 16, 128, 2, 8, 8, 16}},
    {kDense, Tile{8, 16, 128, 1, 8, 8, 8, kPanels, kAll}},
    {kDense, Tile{8, 16, 64, 1, 8, 8, 8, kPanels, kAll}},
    {kUp, Tile{8, 16, 128, 1, 8, 8, 32}},
    {kUp, Tile{8, 8, 64, 1, 8, 8, 32}},
    {R"({"name": "default", "op": "conv", "n": 16, "ci": 64, "co": 64, "in": [56, 56], "kernel": [3, 3], "pad": "SAME", "epilogue": {"activation": "relu", "residual": true}})",
     {}},
    {R"({"name": "small_grid", "op": "conv", "ci": 512, "co": 512, "in": [7, 7], "kernel": [3, 3], "pad": "SAME"})",
     {}},
    {R"({"name": "pointwise", "op": "conv", "n": 16, "ci": 256, "co": 512, "in": [28, 28], "kernel": [1, 1]})", {}},
    {R"({"name": "strided", "op": "conv", "n": 16, "ci": 128, "co": 128, "in": [56, 56], "kernel": [3, 3], "stride": [2, 2], "pad": [[1, 1], [1, 1]]})",
     {}},
    {R"({"name": "stem", "op": "conv", "n": 16, "ci": 3, "co": 64, "in": [224, 224], "kernel": [7, 7], "stride": [2, 2], "pad": [[3, 3], [3, 3]]})",
     {}},
    {R"({"name": "planes", "op": "conv", "n": 16, "ci": 64, "co": 64, "in": [56, 56], "kernel": [3, 3], "pad": "SAME", "layout": "nchw"})",
     {}},
    {R"({"name": "grouped", "op": "conv", "n": 16, "ci": 256, "co": 256, "groups": 8, "in": [28, 28], "kernel": [3, 3], "pad": "SAME"})",
     {}},
    {R"({"name": "signal", "op": "conv", "ci": 64, "co": 64, "in": [16384], "kernel": [7], "pad": [[3, 3]], "layout": "nchw"})",
     {}},
    {R"({"name": "volume", "op": "conv", "ci": 32, "co": 32, "in": [32, 32, 32], "kernel": [3, 3, 3], "pad": [[1, 1], [1, 1], [1, 1]]})",
     {}},
    {R"({"name": "up_uneven", "op": "conv_transpose", "n": 16, "ci": 64, "co": 64, "in": [28, 28], "kernel": [3, 3], "stride": [2, 2], "pad": [[1, 1], [1, 1]], "output_padding": [1, 1]})",
     {}},
    {R"({"name": "up_odd", "op": "conv_transpose", "n": 16, "ci": 21, "co": 21, "in": [32, 32], "kernel": [4, 4], "stride": [2, 2]})",
     {}},
    {kUpFew, Tile{16, 16, 3, 1, 4, 3, 8, kWindows}},
    {kUpFew, {}},
    {kLast, {}},
    {R"({"name": "last_of_one", "op": "conv", "n": 16, "ci": 64, "co": 1, "in": [128, 128], "kernel": [3, 3], "pad": "SAME"})",
     {}},
    {R"({"name": "depthwise", "op": "conv", "n": 16, "ci": 144, "co": 144, "groups": 144, "in": [56, 56], "kernel": [3, 3], "pad": "SAME"})",
     {}},
    {R"({"name": "depthwise_planes", "op": "conv", "n": 16, "ci": 144, "co": 144, "groups": 144, "in": [56, 56], "kernel": [3, 3], "pad": "SAME", "layout": "nchw"})",
     {}},
    {R"({"name": "depthwise_up", "op": "conv_transpose", "n": 16, "ci": 64, "co": 64, "groups": 64, "in": [32, 32], "kernel": [4, 4], "stride": [2, 2], "pad": [[1, 1], [1, 1]]})",
     {}},
};

KernelJob job_of(const Subject &subject, const Target &target) {
    const Layer layer = parse_layer(subject.layer, [](const std::string &) { return "tests/gpu/resources"; });
    const halconv_key key = layer_key(layer);
    if (!subject.tile) {
        return make_job(key, default_gpu_schedule(key, *target.row), target, false);
    }
    const Tile &tile = *subject.tile;
    Schedule s;
    s.form = key.op == HALCONV_CONV ? HALCONV_FORM_DIRECT : HALCONV_FORM_PHASE;
    s.tile_y = tile.y, s.tile_x = tile.x, s.vectors = tile.c;
    GpuSchedule gpu;
    gpu.thread_y = tile.thread_y, gpu.thread_x = tile.thread_x, gpu.thread_c = tile.thread_c, gpu.chunk = tile.chunk;
    gpu.operands = tile.operands, gpu.taps = tile.taps, gpu.parts = tile.parts;
    s.gpu = gpu;
    return make_job(key, s, target, false);
}

// Percent of multiply-adds that the kinds should have, staging included: few output channels; less than 8 x 8 sums of a thread;
// these and more. None for depthwise, which memory limits.
int goal_percent(const KernelJob &job) {
    const Schedule &s = job.compile.schedule;
    constexpr int64_t kLargeTile = 64;
    switch (s.gpu->operands) {
    case GpuSchedule::Operands::kPanels:
        return thread_sums(job.compile.key, s) >= kLargeTile ? 88 : 80;
    case GpuSchedule::Operands::kWindows:
        return 60;
    case GpuSchedule::Operands::kThread:
        break;
    }
    return 0;
}

// Percent of multiply-adds in what a thread executes of the staging loop. Where the hot loop is inside of that, it runs as often
// as makes up the products of a chunk of channels; what lies between the two counts once.
double ffma_percent(const KernelJob &job, const Sass &sass) {
    const halconv_key &key = job.compile.key;
    const Schedule &s = job.compile.schedule;
    int64_t ffma = sass.ffma, instructions = sass.staging_instructions;
    if (s.gpu->operands != GpuSchedule::Operands::kThread && sass.instructions != sass.staging_instructions) {
        bool all = s.gpu->operands == GpuSchedule::Operands::kWindows || s.gpu->taps == kAll;
        int64_t taps = all ? window_taps(key).count() : panel_taps(key, s).count();
        ffma = thread_sums(key, s) * taps * s.gpu->chunk;
        instructions += (ffma / sass.ffma - 1) * sass.instructions;
    }
    return double(ffma * 1000 / instructions) / 10.0;
}

nlohmann::ordered_json line_of(const KernelJob &job, const Sass &sass) {
    const Schedule &s = job.compile.schedule;
    const double percent = ffma_percent(job, sass);
    const int goal = goal_percent(job);
    return {{"kernel", job.name},
            {"threads", block_threads(s).count()},
            {"registers", sass.registers},
            {"stack_bytes", sass.stack_bytes},
            {"spill_bytes", sass.spill_bytes},
            {"shared_bytes", shared_bytes(job.compile.key, s)},
            {"in_loop", sass.loops},
            {"instructions", sass.instructions},
            {"ffma", sass.ffma},
            {"lds_128", sass.loads_shared_128},
            {"lds", sass.loads_shared},
            {"staging_instructions", sass.staging_instructions},
            {"ldg_128", sass.loads_global_128},
            {"ldg", sass.loads_global},
            {"barriers", sass.barriers},
            {"ffma_percent", percent},
            {"goal_percent", goal},
            {"below_goal", percent < goal}};
}

int report(const CudaPrograms &programs) {
    std::vector<KernelJob> jobs;
    // One chip for the tiles: shares of panels of one tap lay within 1.3 points of each other on sm_80 and sm_90.
    const Target older = parse_gpu_target("cuda-sm80"), newer = parse_gpu_target("cuda-sm90");
    for (const Subject &subject : kSubjects) {
        if (!subject.tile) {
            jobs.push_back(job_of(subject, older));
        }
    }
    for (const Subject &subject : kSubjects) {
        jobs.push_back(job_of(subject, newer));
    }
    ScratchFolder folder(std::filesystem::temp_directory_path());
    auto ptx_of = [&](size_t i) { return folder.path() / (std::to_string(i) + ".ptx"); };
    auto compile = [&](int i) { compile_device_code(jobs[size_t(i)].compile, ptx_of(size_t(i))); };
    fork_each(int(jobs.size()), int(sysconf(_SC_NPROCESSORS_ONLN)), compile, [](int) {});
    bool clean = true;
    for (size_t i = 0; i < jobs.size(); i++) {
        const Sass sass = assemble(ptx_of(i), jobs[i].compile.target.row->gpu->chip, programs);
        std::printf("%s\n", line_of(jobs[i], sass).dump().c_str());
        if (sass.stack_bytes != 0 || sass.spill_bytes != 0) {
            std::fprintf(stderr, "%s: %d bytes of stack, %d of spills\n", jobs[i].name.c_str(), sass.stack_bytes,
                         sass.spill_bytes);
            clean = false;
        }
    }
    return clean ? 0 : 1;
}

}  // namespace

}  // namespace halconv

int main(int argc, char **argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: gpu_resources PTXAS NVDISASM\n");
        return 2;
    }
    try {
        return halconv::report({argv[1], argv[2]});
    } catch (const std::exception &error) {
        std::fprintf(stderr, "gpu_resources: %s\n", error.what());
        return 1;
    }
}
