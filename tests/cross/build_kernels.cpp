// Builds kernels for tests that run on another processor: with Halide's run-time checks, as a shared object.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <map>
#include <set>

#include "runtime/core/kernel_name.h"
#include "tools/cache.h"
#include "tools/library.h"

using namespace halconv;

namespace {

// All that a kernel's code depends on beside the schedule.
std::string platform_of(const KernelJob &job) {
    const TargetRow &row = *job.compile.target.row;
    return fmt::format("{} {} {}", halide_target_text(job.compile), row.vector_lanes, row.core.pairwise_addition);
}

// The layer and what kind of loops its schedule makes, whatever their extents.
std::string kind_of(const KernelJob &job) {
    const Schedule &s = job.compile.schedule;
    return fmt::format("{} {} lanes {} {} {} {} skip {}{}{} {}", platform_of(job),
                       kernel_name({job.compile.key, "any", form_text(s), ""}), s.lanes, s.operand_lanes, s.stage,
                       s.share, s.skip[0], s.skip[1], s.skip[2], int(s.parallel));
}

// Where targets differ in the model of their core alone (arm-neon, arm-neon-inorder) all jobs of the last, and of the others
// one of each kind that it lacks.
std::vector<KernelJob> without_repetition(const std::vector<KernelJob> &jobs) {
    std::map<std::string, std::string> last;  // target of a platform
    for (const KernelJob &job : jobs) {
        last[platform_of(job)] = job.compile.target.name;
    }
    auto of_last = [&](const KernelJob &job) { return last[platform_of(job)] == job.compile.target.name; };
    std::set<std::string> kinds;
    for (const KernelJob &job : jobs) {
        if (of_last(job)) {
            kinds.insert(kind_of(job));
        }
    }
    std::vector<KernelJob> kept;
    for (const KernelJob &job : jobs) {
        if (of_last(job) || kinds.insert(kind_of(job)).second) {
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
    app.add_flag("--all-candidates", options.all_candidates,
                 "every candidate schedule of each layer, for one core model");
    app.add_flag("--asserts", options.asserts, "keep Halide's run-time checks");
    app.add_option("-o", output, "the shared object")->required();
    CLI11_PARSE(app, argc, argv);
    try {
        KernelLibrary library;
        library.jobs = plan_kernels(load_layers({layers}, [](const std::string &) {}), options);
        if (options.all_candidates) {
            library.jobs = without_repetition(library.jobs);
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
