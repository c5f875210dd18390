// The timing itself, of kernels that exist: no compiler here, so that it also runs on a board.
#include "tools/bench.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <new>
#include <regex>

#include <fmt/format.h>

#include "runtime/core/kernel_table.h"
#include "tools/bench_figures.h"
#include "tools/bench_report.h"
#include "tools/bound_layer.h"
#include "tools/interrupt.h"
#include "tools/machine.h"
#include "tools/plan_handle.h"
#include "tools/progress.h"

namespace halconv {

namespace {

std::string first_line(const std::string &text) { return text.substr(0, text.find('\n')); }

// A kernel to time. The plan is made when its turn comes: it may own threads.
struct Case {
    const Layer *layer;
    const halconv_kernel_set *set;
    std::string kernel;
    const halconv_kernel_set *default_set = nullptr;  // of its default schedule, where the kernel is a record's
};

bool is_recorded(const Case &c) {
    for (int32_t i = 0; i < c.set->count; ++i) {
        if (c.kernel == c.set->kernels[i].name) {
            return std::string(c.set->kernels[i].origin) == "record";
        }
    }
    return false;
}

// What all cases are timed with. Plans are made before the machine is measured.
struct BenchSetting {
    const BenchOptions &options;
    const BenchDevice *device;
    const Machine *machine;
};

halconv_status make_plan(const Layer &layer, const halconv_kernel_set &set, const BenchSetting &setting,
                         PlanHandle &plan) {
    const BenchOptions &options = setting.options;
    halconv_options plan_options{};
    plan_options.threads = options.threads;
    plan_options.numerics = layer.numerics;
    plan_options.kernel = options.kernel.empty() ? nullptr : options.kernel.c_str();
    plan_options.device = setting.device ? &setting.device->handle : nullptr;
    halconv_plan *made = nullptr;
    const halconv_status status = halconv_plan_create(&set, &layer.problem, &plan_options, &made);
    plan.reset(made);
    return status;
}

// The sets to choose kernels from: the whole set, or with a pattern each row as a set of its own.
std::vector<halconv_kernel_set> sets_to_try(const halconv_kernel_set &set, const BenchOptions &options) {
    if (options.kernel.empty()) {
        return {set};
    }
    std::vector<halconv_kernel_set> rows(size_t(set.count), set);
    for (size_t i = 0; i < rows.size(); ++i) {
        rows[i].kernels += i;
        rows[i].count = 1;
    }
    return rows;
}

// One case for each layer and each set that has a kernel for it. Says on stderr which layers have none, and clears
// `complete`.
std::vector<Case> plan_cases(const std::vector<Layer> &layers, const std::vector<halconv_kernel_set> &sets,
                             const BenchSetting &setting, bool &complete) {
    std::vector<Case> cases;
    for (const Layer &layer : layers) {
        halconv_status failure = HALCONV_NO_KERNEL;
        const size_t before = cases.size();
        for (const halconv_kernel_set &set : sets) {
            PlanHandle plan;
            const halconv_status status = make_plan(layer, set, setting, plan);
            if (status == HALCONV_OK) {
                cases.push_back({&layer, &set, first_line(plan_text(plan.get()))});
            } else if (status != HALCONV_NO_KERNEL) {
                failure = status;
            }
        }
        if (cases.size() == before) {
            const bool unmatched = failure == HALCONV_NO_KERNEL && !setting.options.kernel.empty();
            fmt::print(stderr, "halconv: {}: {}: {}\n", layer.source, layer.name,
                       unmatched ? "no candidate kernel matches '" + setting.options.kernel + "'"
                                 : halconv_status_text(failure));
            complete = false;
        }
    }
    return cases;
}

// Seconds per run. After a warm-up of a quarter of min_time the layer runs for min_time and at least 5 samples; a sample
// is as many runs as take 50 us, 1000 times what reading the clock costs.
Timing time_layer(const BoundLayer &layer, double min_time) {
    using Clock = std::chrono::steady_clock;
    auto timed = [&](int64_t runs) {
        const Clock::time_point start = Clock::now();
        for (int64_t run = 0; run < runs; ++run) {
            layer.run();
        }
        return std::chrono::duration<double>(Clock::now() - start).count() / double(runs);
    };
    const Clock::time_point start = Clock::now();
    auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
    double once = timed(1);
    for (int run = 1; (run < 2 || elapsed() < min_time / 4) && !interrupted(); ++run) {
        once = std::min(once, timed(1));
    }
    const int64_t runs = std::max<int64_t>(1, int64_t(50e-6 / std::max(once, 1e-9)));
    std::vector<double> samples = {timed(runs)};
    const double end = elapsed() + min_time;
    while ((samples.size() < 5 || elapsed() < end) && !interrupted()) {
        samples.push_back(timed(runs));
    }
    return summarise(std::move(samples));
}

// Runs the layer once, for its error, then times it.
Timing measure_plan(const Case &c, const halconv_kernel_set &set, const BenchSetting &setting, ErrorFigures &error) {
    PlanHandle plan;
    const halconv_status status = make_plan(*c.layer, set, setting, plan);
    if (status != HALCONV_OK) {
        throw WorkError(halconv_status_text(status));
    }
    if (setting.device) {
        return setting.device->measure(*c.layer, std::move(plan), setting.options.min_time, error);
    }
    const LayerOperands operands = random_operands(c.layer->problem);
    const BoundLayer layer(*c.layer, operands, std::move(plan));
    layer.run();
    error = layer.error();
    return time_layer(layer, setting.options.min_time);
}

BenchLine measure_case(const Case &c, const BenchSetting &setting, bool &correct) {
    ErrorFigures error, default_error{0, true};
    const Timing timing = measure_plan(c, *c.set, setting, error);
    const Timing of_default = c.default_set ? measure_plan(c, *c.default_set, setting, default_error) : Timing{0, 0};
    correct = error.within_bound && default_error.within_bound;
    const halconv_problem &problem = c.layer->problem;
    const double flop = useful_flop(problem), gflops = flop / timing.median * 1e-9;
    const double roofline = roofline_gflops(*setting.machine, flop, compulsory_bytes(problem));
    return {c.layer->name,
            problem.op == HALCONV_CONV ? "conv" : "conv_transpose",
            c.kernel,
            timing.median * 1e6,
            gflops,
            100 * gflops / setting.machine->peak(),
            100 * gflops / roofline,
            error.max_error,
            timing.spread,
            of_default.median * 1e6};
}

TableWidths table_widths(const std::vector<Case> &cases) {
    TableWidths widths{5, 6};
    for (const Case &c : cases) {
        widths.layer = std::max(widths.layer, c.layer->name.size());
        widths.kernel = std::max(widths.kernel, c.kernel.size());
    }
    return widths;
}

void print_line(const std::string &line) {
    fmt::print("{}\n", line);
    std::fflush(stdout);
}

// Times every case and prints its line. False where a result is wrong or the user interrupted.
bool time_cases(const std::vector<Case> &cases, const BenchSetting &setting) {
    InterruptGuard guard;
    ProgressBar bar("timing");
    const TableWidths widths = table_widths(cases);
    const int total = int(cases.size());
    bool good = true;
    for (int done = 0; done < total; ++done) {
        const Case &c = cases[size_t(done)];
        bar.update(done, total, c.layer->name);
        bool correct = true;
        BenchLine line;
        try {
            line = measure_case(c, setting, correct);
        } catch (const std::bad_alloc &) {
            throw WorkError(fmt::format("bench: {}: not enough memory for its tensors", c.layer->name));
        } catch (const WorkError &error) {
            throw WorkError(fmt::format("bench: {}: {}: {}", c.layer->name, c.kernel, error.what()));
        }
        bar.clear();
        if (interrupted()) {
            fmt::print(stderr, "halconv: interrupted after {} of {} kernels\n", done, total);
            return false;
        }
        print_line(setting.options.json ? line_json(line) : table_row(line, widths));
        if (correct && setting.options.timed) {
            setting.options.timed(*c.layer, line);
        }
        if (!correct) {
            fmt::print(stderr, "halconv: {}: {}: wrong result: the error is beyond the bound of an f32 sum\n",
                       line.name, line.kernel);
            good = false;
        }
    }
    return good;
}

}  // namespace

std::vector<Layer> choose_layers(const std::vector<Layer> &layers, const BenchOptions &options) {
    std::regex filter;
    try {
        filter = std::regex(options.filter, std::regex::ECMAScript);
    } catch (const std::regex_error &) {
        throw InputError(fmt::format("--filter: '{}' is not a regular expression", options.filter));
    }
    std::vector<Layer> chosen;
    for (Layer layer : layers) {
        if (std::regex_search(layer.name, filter)) {
            const std::string &numerics = options.numerics;
            layer.numerics = numerics == "strict"    ? HALCONV_STRICT
                             : numerics == "default" ? HALCONV_DEFAULT
                             : numerics == "fast"    ? HALCONV_FAST
                                                     : layer.numerics;
            chosen.push_back(std::move(layer));
        }
    }
    if (chosen.empty()) {
        throw InputError(options.filter.empty()
                             ? std::string("bench: the input has no layer that can be built")
                             : fmt::format("--filter: no layer's name matches '{}'", options.filter));
    }
    return chosen;
}

int bench_kernels(const std::vector<Layer> &layers, const BenchKernels &kernels, const BenchTarget &target,
                  const BenchOptions &options) {
    const std::vector<halconv_kernel_set> sets = sets_to_try(*kernels.set, options);
    bool complete = true;
    BenchSetting setting{options, target.device, nullptr};
    std::vector<Case> cases = plan_cases(layers, sets, setting, complete);
    for (Case &c : cases) {
        c.default_set = is_recorded(c) ? kernels.defaults : nullptr;
    }
    if (cases.empty()) {
        throw WorkError("bench: no kernel to time");
    }
    const std::string table = options.json ? "" : "\n\n" + table_head(table_widths(cases));
    const Machine machine =
        target.device ? target.device->machine : measure_machine(target.cpu_features, options.threads);
    setting.machine = &machine;
    print_line((options.json ? machine_json(machine, target.name) : machine_text(machine, target.name)) + table);
    return time_cases(cases, setting) && complete ? 0 : 1;
}

}  // namespace halconv
