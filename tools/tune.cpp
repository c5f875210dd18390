#include "tools/tune.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "schedules/tuning/versions.h"
#include "tools/bench_figures.h"
#include "tools/interrupt.h"
#include "tools/kernel_plan.h"
#include "tools/library.h"
#include "tools/machine.h"
#include "tools/progress.h"
#include "tools/tune_report.h"

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
        return parse_target(text);
    } catch (const std::invalid_argument &error) {
        throw InputError(fmt::format("--target: {}", error.what()));
    }
}

Target runnable_target(const std::string &text) {
    Target target = target_of(text);
    if ((target.row->cpu_features & ~target_of("host").row->cpu_features) != 0) {
        throw InputError(fmt::format("--target: this processor cannot run {}", target.name));
    }
    return target;
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
    const TuningCandidate candidate = parse_candidate(parse_json(read_file(path), path), path);
    runnable_target(candidate.target);
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
    return {{o.layer, target.row->name, o.schedule}, c.cpu,    c.threads,          o.result.time_us,   o.result.spread,
            o.result.time_us / o.result.ratio,       c.halide, c.schedule_version, c.algorithm_version};
}

// The file's records of other problems stay, but for stale ones. A problem whose default schedule was not beaten loses its
// record, which did not beat it either.
void update_winners(const std::vector<LayerOutcome> &outcomes, const Target &target, const TrialConditions &conditions,
                    const std::string &path) {
    TuningRecords before;
    if (fs::exists(path)) {
        before.read(path);
    }
    std::vector<TuningRecord> records;
    auto is_tuned = [&](const TuningRecord &record) {
        for (const LayerOutcome &o : outcomes) {
            if (problem_text(o.layer) == problem_text(record.candidate.layer) &&
                parse_target(record.candidate.target).row == target.row) {
                return true;
            }
        }
        return false;
    };
    for (const TuningRecord &record : before.all()) {
        if (!is_tuned(record)) {
            records.push_back(record);
        }
    }
    int written = 0;
    for (const LayerOutcome &o : outcomes) {
        if (o.recorded) {
            records.push_back(record_of(o, target, conditions));
            written++;
        }
    }
    write_records(records, path);
    fmt::print(stderr, "halconv: {}: {} records, {} of them from this run, {} stale ones dropped\n", path,
               records.size(), written, before.stale());
}

OrderedJson outcome_json(const LayerOutcome &o, const Machine &machine) {
    auto percent = [&](double time_us) { return useful_flop(o.layer.problem) / time_us * 1e-3 * 100 / machine.peak(); };
    const double default_us = o.result.time_us / o.result.ratio;
    OrderedJson object{{"name", o.layer.name},
                       {"form", form_name(o.schedule.form)},
                       {"schedule", schedule_text(o.schedule)},
                       {"time_us", o.result.time_us},
                       {"default_time_us", default_us},
                       {"speedup", 1 / o.result.ratio},
                       {"spread", o.result.spread},
                       {"percent_of_peak", percent(o.result.time_us)},
                       {"default_percent_of_peak", percent(default_us)},
                       {"trials", o.trials},
                       {"failed", o.failed},
                       {"recorded", o.recorded}};
    for (size_t i = 0; i < o.others.size(); i++) {
        object[kAutoschedulers[i]] = result_json(o.others[i]);
    }
    return object;
}

// What the other schedulers made of the layer: time, and its share of what ours takes; or why there is none.
std::string others_text(const LayerOutcome &o) {
    std::string text;
    for (size_t i = 0; i < o.others.size(); i++) {
        const CandidateResult &r = o.others[i];
        text += r.ok() ? fmt::format("; {} {:.1f} us, {:.2f}x ours", kAutoschedulers[i], r.time_us,
                                     r.ratio / o.result.ratio)
                       : fmt::format("; {}: {}: {}", kAutoschedulers[i], r.failed_step, r.failure);
    }
    return text;
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

void print_outcomes(const std::vector<LayerOutcome> &outcomes, const Machine &machine, bool json) {
    double log_sum = 0;
    int trials = 0, failed = 0, recorded = 0;
    size_t width = 5;
    for (const LayerOutcome &o : outcomes) {
        width = std::max(width, o.layer.name.size());
    }
    if (!json) {
        fmt::print("| {:<{}} | default us | tuned us | speed-up | spread | trials | failed | schedule |\n"
                   "| :{:-<{}} | ---------: | -------: | -------: | -----: | -----: | -----: | :------- |\n",
                   "layer", width, "", width - 1);
    }
    for (const LayerOutcome &o : outcomes) {
        log_sum -= o.recorded ? std::log(o.result.ratio) : 0;
        trials += o.trials, failed += o.failed, recorded += o.recorded;
        if (json) {
            fmt::print("{}\n", outcome_json(o, machine).dump());
            continue;
        }
        fmt::print("| {:<{}} | {:>10.1f} | {:>8.1f} | {:>8.3f} | {:>6.3f} | {:>6} | {:>6} | {} {}{} |\n", o.layer.name,
                   width, o.result.time_us / o.result.ratio, o.result.time_us, 1 / o.result.ratio, o.result.spread,
                   o.trials, o.failed, form_name(o.schedule.form), schedule_text(o.schedule),
                   (o.recorded ? "" : " (not recorded)") + others_text(o));
    }
    const double geomean = std::exp(log_sum / double(std::max<size_t>(1, outcomes.size())));
    if (json) {
        fmt::print("{}\n", OrderedJson{{"tuned",
                                        {{"layers", outcomes.size()},
                                         {"recorded", recorded},
                                         {"geomean_speedup", geomean},
                                         {"trials", trials},
                                         {"failed", failed}}}}
                               .dump());
    } else {
        fmt::print("\n{} of {} layers have a faster schedule; geomean speed-up over all {:.3f}; {} trials, {} failed\n",
                   recorded, outcomes.size(), geomean, trials, failed);
    }
}

void write_page(const std::vector<LayerOutcome> &outcomes, const TrialStore &store, const Machine &machine,
                const TuneOptions &options) {
    const Target target = parse_target(options.target);
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

}  // namespace

int run_tune(const TuneOptions &options) {
    const Target target = runnable_target(options.target);
    const std::vector<Layer> layers = distinct_layers(options.layers);
    for (const std::string &path : {options.records, options.winners, options.report}) {
        check_writable(path);
    }
    const Machine machine = measure_machine(target.row->cpu_features, 1);
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
        update_winners(outcomes, target, conditions, options.winners);
    }
    if (!options.report.empty()) {
        write_page(outcomes, store, machine, options);
    }
    if (interrupted()) {
        fmt::print(stderr, "halconv: interrupted; --resume goes on from here\n");
    }
    return outcomes.empty() ? 1 : 0;
}

void add_tune_command(CLI::App &program, int &status) {
    struct Command {
        TuneOptions tune;
        MeasureOptions measure;
        std::string candidate;
        bool space = false;
    };
    auto c = std::make_shared<Command>();
    CLI::App *command = program.add_subcommand("tune", "Search schedules that are faster than the defaults");
    command->add_option("LAYERS", c->tune.layers, "Layer lists, LIST.jsonl#name, layer objects (.json), ONNX models");
    command->add_option("--target", c->tune.target, "Target to tune for; this processor must run it")
        ->capture_default_str();
    command->add_option("--minutes", c->tune.minutes, "Time for all layers together")
        ->capture_default_str()
        ->check(CLI::Range(0.01, 100000.0));
    command->add_option("--records", c->tune.records, "SQLite file that receives every trial")->capture_default_str();
    command->add_flag("--resume", c->tune.resume, "Take trials that the file has in place of timing them again");
    command->add_option("--winners", c->tune.winners, "File of tuning records (JSON Lines) to bring up to date");
    command->add_option("--report", c->tune.report, "HTML page to write");
    command->add_option("--seed", c->tune.seed, "Of the search's random numbers")->capture_default_str();
    command->add_option("--jobs", c->tune.jobs, "Candidates compiled at a time (default: one a core)")
        ->check(CLI::Range(1, 1024));
    command->add_option("--core", c->measure.core, "Core that times (default: the last that this process may use)")
        ->check(CLI::Range(0, 4095));
    command->add_flag("--compare-autoschedulers", c->tune.compare,
                      "Then time Halide's Adams2019 and Mullapudi2016 on the same algorithms");
    command->add_flag("--json", c->tune.json, "JSON Lines: a line for each layer, then the totals");
    command->add_flag("--print-space", c->space, "Print the search space of LAYERS and end");
    command->add_option("--candidate", c->candidate, "Compile, check and time the one candidate of this file, and end");
    command->add_option("--seconds", c->measure.seconds, "With --candidate: time it for so long")
        ->capture_default_str()
        ->check(CLI::Range(0.001, 60.0));
    command->footer("Each candidate runs in a process of its own with limits on time and memory; it must give the "
                    "default schedule's\n"
                    "output on integers, bit for bit, before it is timed. It is timed on one core in turns with the "
                    "default schedule,\n"
                    "while nothing of any tuner compiles. Nothing else should run on the machine. Ctrl-C ends with "
                    "what was found.\n"
                    "A record is written for a layer whose best schedule beats the default by more than the quartiles "
                    "of the timing.\n"
                    "`halconv build` and `bench` take the committed records and those of their --records FILE.");
    command->callback([c, &status] {
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
