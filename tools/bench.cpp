#include "tools/bench.h"

#include <algorithm>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "schedules/target.h"
#include "tools/bound_layer.h"
#include "tools/build.h"
#include "tools/device_layer.h"
#include "tools/device_machine.h"
#include "tools/kernel_plan.h"
#include "tools/progress.h"
#include "tools/tuning_record.h"

namespace halconv {

namespace {

BenchDevice bench_device(const ComputeDevice &device) {
    return {measure_device(device), device.handle(),
            [&device](const Layer &layer, PlanHandle plan, double min_time, ErrorFigures &error) {
                const LayerOperands o = random_operands(layer.problem);
                const DeviceLayer bound(layer.problem, host_operands(layer.problem, o), std::move(plan), device);
                bound.run();
                error = o.compare(layer, bound.output().data());
                return time_device_layer(bound, device, min_time);
            }};
}

// The kernels of the layers' default schedules, where a record replaced one.
std::unique_ptr<LoadedKernels> default_kernels(const std::vector<Layer> &layers, const halconv_kernel_set &set,
                                               BuildOptions build) {
    const bool recorded = std::any_of(set.kernels, set.kernels + set.count, [](const halconv_kernel &kernel) {
        return std::string(kernel.origin) == "record";
    });
    if (!recorded || build.all_candidates) {
        return nullptr;
    }
    build.records.reset();
    return std::make_unique<LoadedKernels>(layers, build);
}

}  // namespace

int run_bench(const BenchOptions &options) {
    const Target target = runnable_target(options.target);
    const std::vector<Layer> layers = choose_layers(
        load_layers(options.layers, [](const std::string &remark) { fmt::print(stderr, "halconv: {}\n", remark); }),
        options);

    const std::unique_ptr<ComputeDevice> device = target.row->gpu ? open_compute_device(*target.row->gpu) : nullptr;
    ProgressBar bar("building");
    BuildOptions build;
    build.targets = {options.target};
    build.all_candidates = !options.kernel.empty();
    build.records =
        records_to_use(options.records, [](const std::string &text) { fmt::print(stderr, "halconv: {}\n", text); });
    build.progress = [&](int done, int total, const std::string &kernel) { bar.update(done, total, kernel); };
    const LoadedKernels kernels(layers, build);
    const std::unique_ptr<LoadedKernels> defaults = default_kernels(layers, *kernels.set(), build);
    bar.clear();

    BenchDevice timed;
    if (device) {
        timed = bench_device(*device);
    }
    return bench_kernels(layers, {kernels.set(), defaults ? defaults->set() : nullptr},
                         {target.name, target.row->cpu_features, device ? &timed : nullptr}, options);
}

void add_bench_command(CLI::App &program, int &status) {
    auto options = std::make_shared<BenchOptions>();
    CLI::App *command = program.add_subcommand("bench", "Time the kernels of layers on this machine");
    command->add_option("LAYERS", options->layers, "Layer lists, LIST.jsonl#name, layer objects (.json), ONNX models")
        ->required();
    command
        ->add_option("--target", options->target,
                     "Target to build for; this processor must run it, or this machine's graphics processor")
        ->capture_default_str();
    command->add_option("--records", options->records, "Tuning records to use before those that come with halconv");
    add_timing_options(*command, *options);
    command->add_flag("--json", options->json, "JSON Lines: the machine, then a line for each kernel");
    command->footer(
        "Timed is halconv_plan_run alone, with packed weights, random numbers and warm caches: after a warm-up, the\n"
        "median of the runs; pin the process with taskset for steady figures. Columns:\n"
        "  GFLOP/s     useful multiply-adds counted twice: conv n*co*(ci/groups)*prod(out)*prod(kernel),\n"
        "              conv_transpose n*ci*(co/groups)*prod(in)*prod(kernel)\n"
        "  % peak      of the multiply-add peak measured in this run, times the threads\n"
        "  % roofline  of min(peak, flop / bytes * bandwidth); bytes: input, weights and output once; bandwidth:\n"
        "              reading, measured in this run, of the smallest of L2, L3 and memory that holds the bytes\n"
        "  max error   max |y - exact| / rms(exact) over up to 352 outputs, corners and edges among them, against\n"
        "              double precision; status 1 where it is beyond the bound of a sum in f32\n"
        "  vs default  of a tuning record's kernel: its speed over that of the default schedule's, timed after it\n"
        "  spread      (90th - 10th percentile) / median of the times\n"
        "On a graphics processor (cuda-.., opencl) a run's time is that of the device's queue, by its events (CUDA) or "
        "the\n"
        "host's clock around many runs (OpenCL); its peak and bandwidth are those of all its processors.\n"
        "Without --json the table is Markdown.");
    command->callback([options, &status] { status = run_bench(*options); });
}

}  // namespace halconv
