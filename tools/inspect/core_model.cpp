#include "tools/inspect/core_model.h"

#include <cstring>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tools/inspect/llvm_program.h"
#include "tools/layer.h"
#include "tools/library.h"

namespace halconv {

// Models of LLVM 19 that are left out, because they are wrong for these loops:
//   znver4 with 512 bits    67 % for the pointwise tile 8x2, which runs at 97.6 % of the peak on such a core: it gives the
//                           multipliers' time to vbroadcastss from memory. With 256 bits it is right: of 24 tiles for
//                           resnet50/56_1x1 those with 96 to 98 % ran at 89 to 96, those with 72 to 74 % at 74 to 81
//   sapphirerapids, icelake-server, alderlake
//                           one multiply-add of 512 bits a cycle where the cores make two, or a sum that waits for the
//                           operand in memory of its multiply-add
//   cortex-a76, cortex-a78  model of Cortex-A57: half the multiply-adds; apple-m1: three of four vector pipes;
//   cortex-a55              two multiply-adds of 128 bits a cycle where the core makes one
const std::vector<CoreModel> &core_models() {
    static const std::vector<CoreModel> models = {
        {"haswell", "x86_64", 8},      {"znver4", "x86_64", 8},       {"skylake-avx512", "x86_64", 16},
        {"neoverse-n1", "aarch64", 4}, {"neoverse-v2", "aarch64", 4},
    };
    return models;
}

const CoreModel *find_core(const std::string &name) {
    for (const CoreModel &core : core_models()) {
        if (name == core.name) {
            return &core;
        }
    }
    return nullptr;
}

bool serves(const CoreModel &core, const InstructionSet &set, int lanes) {
    return std::strcmp(core.triple, set.triple) == 0 && lanes <= core.lanes;
}

bool restarts(const InnerLoop &loop, halconv_form form) { return form == HALCONV_FORM_DEPTHWISE && loop.sums > 0; }

namespace {

void add_region(std::string &text, const InnerLoop &loop, bool (*wanted)(const Operation &)) {
    text += "# LLVM-MCA-BEGIN\n";
    for (size_t i = 0; i < loop.instructions.size(); i++) {
        if (wanted(loop.operations[i])) {
            text += loop.instructions[i].text() + "\n";
        }
    }
    text += "# LLVM-MCA-END\n";
}

bool is_any(const Operation &) { return true; }
bool is_arithmetic(const Operation &op) { return op.arithmetic != FloatWork::kNone; }
bool is_multiply(const Operation &op) { return is_arithmetic(op) && op.arithmetic != FloatWork::kAdd; }
bool is_needed(const Operation &op) { return is_arithmetic(op) || (op.loads + op.stores > 0 && !op.stack_slot); }

constexpr int kTurns = 100, kRegions = 3;  // of a loop

double cycles(const nlohmann::json &region, bool restarts) {
    const nlohmann::json &summary = region.at("SummaryView");
    return restarts ? summary.at("BlockRThroughput").get<double>() : summary.at("TotalCycles").get<double>() / kTurns;
}

}  // namespace

std::vector<LoopPrediction> predict_loops(const std::vector<AnalysedLoop> &loops, const CoreModel &core) {
    if (loops.empty()) {
        return {};
    }
    std::string text;
    for (const AnalysedLoop &analysed : loops) {
        const InnerLoop &loop = *analysed.loop;
        add_region(text, loop, is_any);
        add_region(text, loop, loop.additions > loop.multiply_adds ? is_arithmetic : is_multiply);
        add_region(text, loop, is_needed);
    }
    const ScratchFolder folder(std::filesystem::temp_directory_path());
    const std::filesystem::path file = folder.path() / "loops.s";
    write_text(file, text);
    const std::string output =
        run_llvm_program(kAnalyser, {fmt::format("-mtriple={}", core.triple), fmt::format("-mcpu={}", core.name),
                                     fmt::format("-iterations={}", kTurns), "-json", "-instruction-info=0",
                                     "-resource-pressure=0", file.string()});
    const nlohmann::json regions = nlohmann::json::parse(output).at("CodeRegions");
    if (regions.size() != kRegions * loops.size()) {
        throw WorkError(fmt::format("llvm-mca for {} analysed {} of {} regions", core.name, regions.size(),
                                    kRegions * loops.size()));
    }
    std::vector<LoopPrediction> predictions;
    for (size_t i = 0; i < loops.size(); i++) {
        const size_t first = kRegions * i;
        const bool restarts = loops[i].restarts;
        predictions.push_back(
            {cycles(regions[first], restarts), cycles(regions[first + 1], true), cycles(regions[first + 2], restarts)});
    }
    return predictions;
}

}  // namespace halconv
