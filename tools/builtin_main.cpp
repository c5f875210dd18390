// Bootstrap: compiles the built-in kernel set, which `halconv` itself links.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>

#include "tools/build.h"
#include "tools/table.h"

int main(int argc, char **argv) {
    CLI::App app{"Compiles halconv's built-in kernel set"};
    std::string folder;
    halconv::BuildOptions options;
    app.add_option("-o", folder, "folder that receives libhalconv_builtin.a")->required();
    app.add_option("--target", options.targets, "targets of one platform (default: all of this architecture)");
    app.add_option("--jobs", options.jobs, "compiler processes (default: one a core)");
    CLI11_PARSE(app, argc, argv);
    int compiled = 0;
    options.progress = [&](int, int, const std::string &) { compiled++; };
    auto start = std::chrono::steady_clock::now();
    try {
        halconv::build_builtin_library(options, folder);
    } catch (const std::exception &e) {
        fmt::print(stderr, "halconv-builtin: {}\n", e.what());
        return 1;
    }
    std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    fmt::print("built-in set: {}, {} compiled now, {:.1f} s\n",
               halconv::report_totals(std::filesystem::path(folder) / "halconv_builtin.json"), compiled, time.count());
    return 0;
}
