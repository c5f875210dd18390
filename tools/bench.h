// `halconv bench`: builds the kernels of layers and times halconv_plan_run.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tools/bench_figures.h"
#include "tools/layer.h"
#include "tools/machine.h"
#include "tools/plan_handle.h"

namespace CLI {
class App;
}

namespace halconv {

struct BenchLine;  // tools/bench_report.h

struct BenchOptions {
    std::vector<std::string> layers;  // LAYERS arguments
    std::string target = "host";
    int threads = 1;
    std::string numerics;  // "strict", "default", "fast"; empty: as each layer says
    std::string filter;    // regular expression on layer names; empty: all
    std::string kernel;    // not empty: every candidate kernel that matches this pattern, one line each
    std::string records;   // file of tuning records to use before those that come with halconv
    bool json = false;
    double min_time = 0.25;  // seconds that each kernel runs
    // Where it is not empty: receives each line with a right result, as it is printed.
    std::function<void(const Layer &, const BenchLine &)> timed;
};

// A graphics processor to time on.
struct BenchDevice {
    Machine machine;
    halconv_device handle;
    // Runs the plan once, for its error, then times it.
    std::function<Timing(const Layer &, PlanHandle, double min_time, ErrorFigures &)> measure;
};

// What the figures are relative to: the target's name, and the mask of HALCONV_CPU_* that its peak is measured with.
struct BenchTarget {
    std::string name;
    int32_t cpu_features;
    const BenchDevice *device = nullptr;  // null: the processor
};

// The layers that options.filter keeps, with options.numerics. Throws InputError where none remains.
std::vector<Layer> choose_layers(const std::vector<Layer> &layers, const BenchOptions &options);

// `defaults`, where it is not null, has the kernels of default schedules, to time beside those of records in `set`.
struct BenchKernels {
    const halconv_kernel_set *set, *defaults;
};

// Times what `kernels` has for the layers, and prints as run_bench does.
int bench_kernels(const std::vector<Layer> &layers, const BenchKernels &kernels, const BenchTarget &target,
                  const BenchOptions &options);

// --threads, --numerics, --filter, --kernel and --min-time.
void add_timing_options(CLI::App &command, BenchOptions &options);

// Prints the machine and a line for each kernel on stdout, and progress and remarks on stderr. The exit status: 0, or 1
// where a layer had no kernel, a result was wrong, or the user interrupted. Throws InputError and WorkError.
int run_bench(const BenchOptions &options);

// Adds the subcommand to the program; `status` receives run_bench's result when the user chose it.
void add_bench_command(CLI::App &program, int &status);

}  // namespace halconv
