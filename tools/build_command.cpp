#include "tools/build_command.h"

#include <cctype>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "tools/build.h"
#include "tools/fatbin.h"
#include "tools/layer.h"
#include "tools/progress.h"
#include "tools/table.h"
#include "tools/tuning_record.h"

namespace halconv {
namespace {

struct BuildCommand {
    std::vector<std::string> layers;
    std::string folder, name, records;
    BuildOptions options;
};

// A C identifier from the first file's name: "FCN-8s.onnx#up" gives "FCN_8s".
std::string default_name(const std::string &argument) {
    std::string name = std::filesystem::path(argument.substr(0, argument.find('#'))).stem().string();
    for (char &c : name) {
        c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
    }
    return name.empty() || std::isdigit(static_cast<unsigned char>(name[0])) ? "k" + name : name;
}

void remark_on_device_code(const std::vector<std::string> &targets, const std::function<void(std::string)> &say) {
    for (const std::string &target : targets) {
        if (target.rfind("cuda", 0) == 0 && !cuda_toolkit()) {
            say("no ptxas and fatbinary ($CUDA_HOME/bin, PATH): " + target +
                " gets PTX alone, which the driver compiles when a plan is created");
        }
    }
}

int build(BuildCommand &command) {
    const auto say = [](const std::string &remark) { fmt::print(stderr, "halconv: {}\n", remark); };
    std::vector<Layer> layers = load_layers(command.layers, say);
    command.options.records = records_to_use(command.records, say);
    remark_on_device_code(command.options.targets, say);
    std::string name = command.name.empty() ? default_name(command.layers[0]) : command.name;
    auto start = std::chrono::steady_clock::now();
    ProgressBar bar("building");
    int compiled = 0;
    command.options.progress = [&](int done, int total, const std::string &kernel) {
        compiled++;
        bar.update(done, total, kernel);
    };
    build_library(layers, command.options, command.folder, name);
    bar.clear();
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::filesystem::path stem = std::filesystem::path(command.folder) / name;
    fmt::print("{}: {} layers, {} for {}, {} of them compiled now, {:.1f} s\n",
               (stem.parent_path() / fmt::format("lib{}.a", name)).string(), layers.size(),
               report_totals(stem.string() + ".json"), fmt::join(command.options.targets, " "), compiled, seconds);
    return 0;
}

}  // namespace

void add_build_command(CLI::App &program, int &status) {
    auto options = std::make_shared<BuildCommand>();
    CLI::App *command = program.add_subcommand("build", "Compile kernels for layers into a static library");
    command->add_option("LAYERS", options->layers, "Layer lists, LIST.jsonl#name, layer objects (.json), ONNX models")
        ->required();
    command
        ->add_option("--target", options->options.targets,
                     "host, x86-avx2, cuda-sm90, opencl, ..; several give one library for all")
        ->required();
    command->add_option("-o", options->folder, "Folder that receives libNAME.a, NAME.h and NAME.json")->required();
    command->add_option("--name", options->name, "C identifier; default: the first file's name");
    command->add_option("--records", options->records, "Tuning records to use before those that come with halconv");
    command->add_option("--jobs", options->options.jobs, "Compiler processes (default: one a core)")
        ->check(CLI::Range(1, 1024));
    command->footer(
        "An application includes NAME.h, links libNAME.a and the halconv runtime, and passes NAME_kernels() to\n"
        "halconv_plan_create. NAME.json has a line for each kernel. `halconv list` names the targets.");
    command->callback([options, &status] { status = build(*options); });
}

}  // namespace halconv
