// The `halconv` program. Exit status: 0, 1 the work failed, 2 wrong usage or bad input.
#include <exception>
#include <new>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "tools/bench.h"
#include "tools/build_command.h"
#include "tools/explain.h"
#include "tools/inspect/command.h"
#include "tools/layer.h"
#include "tools/list.h"
#include "tools/run.h"
#include "tools/tune.h"

namespace {

constexpr int kWorkFailed = 1, kBadInput = 2;

int report(const std::string &reason, int status) {
    fmt::print(stderr, "halconv: {}\n", reason.substr(0, reason.find('\n')));
    return status;
}

int parse_and_run(int argc, char **argv) {
    CLI::App program{
        "Compiles convolutions and transposed convolutions into kernels, and runs, times and explains them.",
        "halconv"};
    program.footer(
        "LAYERS are layer lists (.jsonl, one JSON object a line), LIST.jsonl#name, single layer objects (.json)\n"
        "or ONNX models (.onnx, also MODEL.onnx#node). Exit status: 0, 1 the work failed, 2 bad input or usage.");
    program.require_subcommand(1);
    program.set_version_flag("--version", HALCONV_VERSION);
    int status = 0;
    halconv::add_build_command(program, status);
    halconv::add_run_command(program, status);
    halconv::add_bench_command(program, status);
    halconv::add_inspect_command(program, status);
    halconv::add_list_command(program, status);
    halconv::add_explain_command(program, status);
    halconv::add_tune_command(program, status);
    auto is_named = [&](const CLI::App *command) { return command->get_name() == argv[1]; };
    if (argc > 1 && argv[1][0] != '-' && program.get_subcommands(is_named).empty()) {
        return report(fmt::format("unknown subcommand '{}' (see halconv --help)", argv[1]), kBadInput);
    }
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError &error) {
        if (error.get_exit_code() == 0) {
            return program.exit(error);  // --help, --version
        }
        return report(fmt::format("{} (see halconv --help)", error.what()), kBadInput);
    }
    return status;
}

}  // namespace

int main(int argc, char **argv) {
    try {
        return parse_and_run(argc, argv);
    } catch (const halconv::InputError &error) {
        return report(error.what(), kBadInput);
    } catch (const std::bad_alloc &) {
        return report("not enough memory", kWorkFailed);
    } catch (const std::exception &error) {
        return report(error.what(), kWorkFailed);
    }
}
