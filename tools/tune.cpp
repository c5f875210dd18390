#include "tools/tune.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "schedules/tuning/versions.h"
#include "tools/device_machine.h"
#include "tools/interrupt.h"
#include "tools/kernel_plan.h"
#include "tools/library.h"
#include "tools/machine.h"
#include "tools/progress.h"
#include "tools/tune_outcomes.h"
#include "tools/tune_report.h"
#include "tools/tune_static.h"
#include "tools/winners.h"

namespace halconv {

namespace {

namespace fs = std::filesystem;

// Layers of different problems.
std::vector<Layer> distinct_layers(const std::vector<std::string> &arguments) {
    std::vector<Layer> layers;
    std::set<std::string> known;
    for (Layer &layer :
         load_layers(arguments, [](const std::string &remark) { fmt::print(stderr, "halconv: {}\n", remark); })) {
        if (known.insert(problem_text(layer)).second) {
            layers.push_back(std::move(layer));
        }
    }
    if (layers.empty()) {
        throw InputError("tune: the input has no layer that can be built");
    }
    return layers;
}

Target target_of(const std::string &text) {
    try {
        return parse_any_target(text);
    } catch (const std::invalid_argument &error) {
        throw InputError(fmt::format("--target: {}", error.what()));
    }
}

// What only processors have.
void check_processor_options(const Target &target, const TuneOptions &options) {
    const char *option = options.compare ? "--compare-autoschedulers" : !options.timed ? "--cost static" : "--core";
    if (target.row->gpu && (options.compare || !options.timed || options.core >= 0)) {
        throw InputError(fmt::format("{}: {} is a graphics processor", option, target.name));
    }
}

std::string read_file(const std::string &path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    if (!file || fs::is_directory(path)) {
        throw InputError(path + ": cannot be read");
    }
    return text.str();
}

// The seam: one candidate in, one line out.
int measure_file(const std::string &path, const MeasureOptions &options, bool json) {
    end_with_parent();
    const TuningCandidate candidate = parse_candidate(parse_json(read_file(path), path), path);
    if (runnable_target(candidate.target).row->gpu && options.core >= 0) {
        throw InputError(fmt::format("--core: {} is a graphics processor", candidate.target));
    }
    CandidateResult result;
    try {
        result = measure_candidate(candidate, options);
    } catch (const InputError &error) {
        throw InputError(path + ": " + error.what());
    }
    if (json) {
        fmt::print("{}\n", result_json(result).dump());
    } else if (result.ok()) {
        fmt::print("{:.1f} us, {:.3f} of the default schedule's time ({:.3f} .. {:.3f}), {} samples\n", result.time_us,
                   result.ratio, result.ratio_low, result.ratio_high, result.samples);
    } else {
        fmt::print(stderr, "halconv: {}: {}\n", result.failed_step, result.failure);
    }
    return result.ok() ? 0 : 1;
}

int print_space(const TuneOptions &options) {
    const Target target = target_of(options.target);
    for (const Layer &layer : distinct_layers(options.layers)) {
        fmt::print("{} on {}\n{}\n", layer.name, target.name,
                   SearchSpace(layer_key(layer), *target.row, layer.numerics).text());
    }
    return 0;
}

TuningRecord record_of(const LayerOutcome &o, const Target &target, const TrialConditions &c) {
    TuningRecord record;
    record.candidate = {o.layer, target.row->name, o.schedule};
    record.cpu = c.cpu, record.threads = c.threads;
    record.time_us = o.result.time_us, record.spread = o.result.spread;
    record.default_time_us = o.result.time_us / o.result.ratio;
    record.halide = c.halide, record.schedule_version = c.schedule_version;
    record.algorithm_version = c.algorithm_version;
    return record;
}

std::vector<Verdict> verdicts_of(const std::vector<LayerOutcome> &outcomes, const Target &target,
                                 const TrialConditions &conditions) {
    std::vector<Verdict> verdicts;
    for (const LayerOutcome &o : outcomes) {
        if (o.decided) {
            verdicts.push_back({o.layer, o.confirmed ? std::optional(record_of(o, target, conditions)) : std::nullopt});
        }
    }
    return verdicts;
}

void compare_autoschedulers(std::vector<LayerOutcome> &outcomes, const Target &target, const TuneOptions &options) {
    InterruptGuard guard;
    ProgressBar bar("autoschedulers");
    for (size_t i = 0; i < outcomes.size() && !interrupted(); i++) {
        for (const char *name : kAutoschedulers) {
            bar.update(int(i), int(outcomes.size()), outcomes[i].layer.name + " by " + name);
            outcomes[i].others.push_back(measure_autoscheduler(outcomes[i].layer, target, name, {0.2, options.core}));
        }
    }
}

void write_page(const std::vector<LayerOutcome> &outcomes, const TrialStore &store, const Machine &machine,
                const TuneOptions &options) {
    const Target target = parse_any_target(options.target);
    std::vector<std::vector<Trial>> trials;
    for (const LayerOutcome &o : outcomes) {
        trials.push_back(store.trials({o.layer, target.name, {}}));
    }
    const fs::path part = options.report + ".part";
    write_text(part, tune_page({outcomes, trials, machine, target.name}));
    fs::rename(part, options.report);
}

// What would fail after the long work fails before it.
void check_writable(const std::string &path) {
    if (!path.empty()) {
        const fs::path folder = fs::absolute(path).parent_path();
        if (!fs::is_directory(folder)) {
            throw InputError(folder.string() + ": no such folder");
        }
        ScratchFolder probe(folder);
    }
}

Machine machine_of(const Target &target) {
    return target.row->gpu ? measure_device(*open_compute_device(*target.row->gpu))
                           : measure_machine(target.row->cpu_features, 1);
}

}  // namespace

int run_tune(const TuneOptions &options) {
    const Target target = options.timed ? runnable_target(options.target) : target_of(options.target);
    check_processor_options(target, options);
    const std::vector<Layer> layers = distinct_layers(options.layers);
    for (const std::string &path : {options.records, options.winners, options.report}) {
        check_writable(path);
    }
    if (!options.timed) {
        return run_static_tune(layers, target, options);
    }
    const Machine machine = machine_of(target);
    const TrialConditions conditions{machine.cpu, 1, halide_version(), kScheduleVersion, kAlgorithmVersion};
    TrialStore store(options.records, conditions);
    if (store.count() > 0) {
        fmt::print(stderr, "halconv: {}: {} trials, {} of them stale{}\n", options.records, store.count(),
                   store.stale(), options.resume ? "" : "; --resume takes the others in place of timing again");
    }
    std::vector<LayerOutcome> outcomes = search_schedules(layers, options, store);
    if (options.compare) {
        compare_autoschedulers(outcomes, target, options);
    }
    print_outcomes(outcomes, machine, options.json);
    if (!options.winners.empty()) {
        update_winners(verdicts_of(outcomes, target, conditions), {target.row, conditions.cpu, true}, options.winners);
    }
    if (!options.report.empty()) {
        write_page(outcomes, store, machine, options);
    }
    if (interrupted()) {
        fmt::print(stderr, "halconv: interrupted; --resume goes on from here\n");
    }
    return outcomes.empty() ? 1 : 0;
}

namespace {

struct TuneCommand {
    TuneOptions tune;
    MeasureOptions measure;
    std::string candidate, cost = "time";
    bool space = false;
    std::vector<CLI::Option *> of_search, of_static;  // that the other cost has no use for
};

void add_search_options(CLI::App &command, TuneCommand &c) {
    c.of_search = {
        command.add_option("--minutes", c.tune.minutes, "Time of the search, for all layers together")
            ->capture_default_str()
            ->check(CLI::Range(0.01, 100000.0)),
        command.add_option("--records", c.tune.records, "SQLite file that receives every trial")->capture_default_str(),
        command.add_flag("--resume", c.tune.resume, "Take trials that the file has in place of timing them again"),
        command.add_option("--report", c.tune.report, "HTML page to write"),
        command.add_option("--seed", c.tune.seed, "Of the search's random numbers")->capture_default_str(),
        command.add_option("--jobs", c.tune.jobs, "Candidates compiled at a time (default: one a core)")
            ->check(CLI::Range(1, 1024)),
        command.add_flag("--compare-autoschedulers", c.tune.compare,
                         "Then time Halide's Adams2019 and Mullapudi2016 on the same algorithms"),
        command.add_option("--candidate", c.candidate,
                           "Compile, check and time the one candidate of this file, and end"),
        command.add_option("--seconds", c.measure.seconds, "With --candidate: time it for so long")
            ->capture_default_str()
            ->check(CLI::Range(0.001, 60.0)),
        command.add_option("--core", c.measure.core, "Core that times (default: the last that this process may use)")
            ->check(CLI::Range(0, 4095))};
    command
        .add_option("--cost", c.cost,
                    "time; or static: rank the model's schedules by LLVM's analysis of their inner loops, for targets "
                    "that this processor cannot run")
        ->capture_default_str()
        ->check(CLI::IsMember({"time", "static"}));
    c.of_static = {command.add_option("--cpu", c.tune.cpu,
                                      "With --cost static: the core whose model ranks (default: the target's first)")};
}

void check_cost(const TuneCommand &c) {
    for (const CLI::Option *option : c.tune.timed ? c.of_static : c.of_search) {
        if (option->count() > 0) {
            throw InputError(fmt::format("tune: --cost {} has no use for {}", c.cost, option->get_name()));
        }
    }
}

}  // namespace

void add_tune_command(CLI::App &program, int &status) {
    auto c = std::make_shared<TuneCommand>();
    CLI::App *command = program.add_subcommand("tune", "Search schedules that are faster than the defaults");
    command->add_option("LAYERS", c->tune.layers, "Layer lists, LIST.jsonl#name, layer objects (.json), ONNX models");
    command
        ->add_option("--target", c->tune.target,
                     "Target to tune for; unless the cost is static this processor must run it, or this machine's "
                     "graphics processor")
        ->capture_default_str();
    add_search_options(*command, *c);
    command->add_option("--winners", c->tune.winners, "File of tuning records (JSON Lines) to bring up to date");
    command->add_flag("--json", c->tune.json, "JSON Lines: a line for each layer, then the totals");
    command->add_flag("--print-space", c->space, "Print the search space of LAYERS and end");
    command->footer("Each candidate runs in a process of its own with limits on time and memory; it must give the "
                    "default schedule's\n"
                    "output on integers, bit for bit, before it is timed. It is timed on one core in turns with the "
                    "default schedule,\n"
                    "while nothing of any tuner compiles; kernels of a graphics processor there, by the time of its "
                    "queue.\n"
                    "Nothing else should run on the machine. Ctrl-C ends with what was found.\n"
                    "A record is written for a layer whose schedule several processes of their own found faster than "
                    "the default.\n"
                    "`halconv build` and `bench` take the committed records and those of their --records FILE.");
    command->callback([c, &status] {
        c->tune.timed = c->cost == "time";
        check_cost(*c);
        if (!c->candidate.empty() && !c->tune.layers.empty()) {
            throw InputError("tune: --candidate takes no LAYERS");
        }
        if (!c->candidate.empty()) {
            status = measure_file(c->candidate, c->measure, c->tune.json);
            return;
        }
        if (c->tune.layers.empty()) {
            throw InputError("tune: LAYERS is required");
        }
        c->tune.core = c->measure.core;
        const std::string program_path = fs::read_symlink("/proc/self/exe").string();
        c->tune.measure = {program_path, "tune", "--json", "--candidate"};
        status = c->space ? print_space(c->tune) : run_tune(c->tune);
    });
}

}  // namespace halconv
