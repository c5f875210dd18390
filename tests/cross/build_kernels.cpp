// Builds kernels for tests that run on another processor: with Halide's run-time checks, as a shared object.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <set>

#include "runtime/core/kernel_name.h"
#include "tools/cache.h"
#include "tools/library.h"

using namespace halconv;

namespace {

// Of jobs that differ in the target's name alone the first. Beside the schedule these are all that a kernel's code depends on.
std::vector<KernelJob> distinct_code(const std::vector<KernelJob> &jobs) {
    std::vector<KernelJob> kept;
    std::set<std::string> known;
    for (const KernelJob &job : jobs) {
        const TargetRow &row = *job.compile.target.row;
        const Schedule &s = job.compile.schedule;
        const std::string code = fmt::format(
            "{} {} {} {} {}", kernel_name({job.compile.key, "any", form_text(s), tile_text(s)}), schedule_text(s),
            halide_target_text(job.compile), row.vector_lanes, row.core.pairwise_addition);
        if (known.insert(code).second) {
            kept.push_back(job);
        }
    }
    return kept;
}

}  // namespace

int main(int argc, char **argv) {
    CLI::App app{"Compiles kernels of layers, with Halide's run-time checks, to a shared object"};
    std::string layers, output;
    BuildOptions options;
    app.add_option("LAYERS", layers, "a layer list")->required();
    app.add_option("--target", options.targets, "targets of one platform")->required();
    app.add_option("--kernel", options.kernel, "only kernels whose name contains this text");
    app.add_flag("--all-candidates", options.all_candidates, "every candidate schedule of each layer");
    app.add_flag("--asserts", options.asserts, "keep Halide's run-time checks");
    app.add_option("-o", output, "the shared object")->required();
    CLI11_PARSE(app, argc, argv);
    try {
        KernelLibrary library;
        library.jobs = plan_kernels(load_layers({layers}, [](const std::string &) {}), options);
        if (options.all_candidates) {
            library.jobs = distinct_code(library.jobs);
        }
        library.objects = compile_all(library.jobs, options.jobs, {});
        library.name = "loaded", library.function = "loaded_kernels";
        write_shared(library, output);
    } catch (const std::exception &e) {
        fmt::print(stderr, "halconv_build_kernels: {}\n", e.what());
        return 1;
    }
    return 0;
}
