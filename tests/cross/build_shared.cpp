// LoadedKernels for a test that runs on another processor than the compiler: its kernels are built by a program of the
// compiling machine, which an emulated process can start.
#include <fstream>

#include "schedules/target.h"
#include "tools/build.h"
#include "tools/process.h"
#include "tools/scratch_folder.h"

namespace halconv {

namespace {

// The best row of this processor that the built-in set has.
std::string host_row() {
    std::string name;
    for (const TargetRow &row : target_rows()) {
        name = row.builtin && runs_here(row) ? row.name : name;
    }
    return name;
}

}  // namespace

void build_shared(const std::vector<Layer> &layers, const BuildOptions &options, const std::filesystem::path &shared) {
    ScratchFolder folder(std::filesystem::temp_directory_path());
    std::filesystem::path list = folder.path() / "layers.jsonl";
    std::string text;
    for (const Layer &layer : layers) {
        text += layer_json(layer) + "\n";
    }
    write_text(list, text);
    std::vector<std::string> command = {
        "env",      "CC=" HALCONV_CROSS_CC, HALCONV_CROSS_BUILD_KERNELS, list.string(), "-o", shared.string(),
        "--kernel", options.kernel};
    for (const std::string &target : options.targets) {
        command.insert(command.end(), {"--target", target == "host" ? host_row() : target});
    }
    if (options.asserts) {
        command.push_back("--asserts");
    }
    if (options.all_candidates) {
        command.push_back("--all-candidates");
    }
    run_program(command);
}

}  // namespace halconv
