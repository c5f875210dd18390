// Builds kernels for tests that run on another processor: with Halide's run-time checks, as a shared object.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "tools/cache.h"
#include "tools/library.h"

using namespace halconv;

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
        library.objects = compile_all(library.jobs, options.jobs, {});
        library.name = "loaded", library.function = "loaded_kernels";
        write_shared(library, output);
    } catch (const std::exception &e) {
        fmt::print(stderr, "halconv_build_kernels: {}\n", e.what());
        return 1;
    }
    return 0;
}
