#include "tools/tune_static.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "schedules/tuning/space.h"
#include "schedules/tuning/versions.h"
#include "tools/cache.h"
#include "tools/inspect/llvm_program.h"
#include "tools/inspect/static_cost.h"
#include "tools/interrupt.h"
#include "tools/kernel_plan.h"
#include "tools/progress.h"
#include "tools/winners.h"

namespace halconv {

namespace {

// The analytic model knows what such a cost does not: memory, the starts and ends of tiles, the output's edges. So the cost
// decides between what the model holds for about equal, and only by a clear margin. Of choices for x86-avx2 by the model of
// the core that then timed them, those that the analytic model put more than 5 % behind its best lost up to 14 %.
constexpr double kEqual = 0.95, kBelieved = 1.05;

// The candidates of the default's form, about as good, that a record may have; the default first.
std::vector<KernelJob> jobs_to_rank(const Layer &layer, const Target &target) {
    const halconv_key key = layer_key(layer);
    const SearchSpace space(key, *target.row, layer.numerics);
    const std::vector<Candidate> model = candidates(key, *target.row, layer.numerics);
    std::vector<KernelJob> jobs = {make_job(key, model[0].schedule, target, false)};
    for (size_t i = 1; i < model.size(); i++) {
        const Candidate &c = model[i];
        if (c.schedule.form == model[0].schedule.form && c.predicted_percent >= kEqual * model[0].predicted_percent &&
            space.fault(c.schedule).empty()) {
            jobs.push_back(make_job(key, c.schedule, target, false));
        }
    }
    return jobs;
}

StaticChoice choose(const Layer &layer, const std::vector<KernelJob> &jobs,
                    const std::vector<std::optional<StaticCost>> &costs) {
    StaticChoice choice{layer, jobs[0].compile.schedule, costs[0]->cycles(), costs[0]->cycles(), 0, false};
    for (size_t i = 0; i < jobs.size(); i++) {
        choice.ranked += costs[i].has_value();
        if (costs[i] && costs[i]->cycles() < choice.cycles) {
            choice.schedule = jobs[i].compile.schedule, choice.cycles = costs[i]->cycles();
        }
    }
    choice.recorded = choice.speedup() > kBelieved;
    return choice;
}

void print_choice(const StaticChoice &c, size_t width, bool json) {
    if (json) {
        fmt::print("{}\n", OrderedJson{{"name", c.layer.name},
                                       {"form", form_name(c.schedule.form)},
                                       {"schedule", schedule_text(c.schedule)},
                                       {"measured", false},
                                       {"cycles", std::llround(c.cycles)},
                                       {"default_cycles", std::llround(c.default_cycles)},
                                       {"predicted_speedup", c.speedup()},
                                       {"ranked", c.ranked},
                                       {"recorded", c.recorded}}
                               .dump());
    } else {
        fmt::print("| {:<{}} | {:>14.0f} | {:>12.0f} | {:>18.3f} | {:>6} | {} {}{} |\n", c.layer.name, width,
                   c.default_cycles, c.cycles, c.speedup(), c.ranked, form_name(c.schedule.form),
                   schedule_text(c.schedule), c.recorded ? "" : " (not recorded)");
    }
}

void print_choices(const std::vector<StaticChoice> &choices, const CoreModel &core, bool json) {
    size_t width = 5;
    int recorded = 0;
    for (const StaticChoice &c : choices) {
        width = std::max(width, c.layer.name.size());
        recorded += c.recorded;
    }
    if (!json) {
        fmt::print("| {:<{}} | default cycles | least cycles | predicted speed-up | ranked | schedule |\n"
                   "| :{:-<{}} | -------------: | -----------: | -----------------: | -----: | :------- |\n",
                   "layer", width, "", width - 1);
    }
    for (const StaticChoice &c : choices) {
        print_choice(c, width, json);
    }
    if (json) {
        const OrderedJson totals{
            {"layers", choices.size()}, {"recorded", recorded}, {"measured", false}, {"cpu", core.name}};
        fmt::print("{}\n", OrderedJson{{"ranked", totals}}.dump());
    } else {
        fmt::print("\n{} of {} layers have a schedule that should be faster on {}; nothing was timed\n", recorded,
                   choices.size(), core.name);
    }
}

TuningRecord record_of(const StaticChoice &c, const Target &target, const CoreModel &core) {
    TuningRecord record;
    record.candidate = {c.layer, target.row->name, c.schedule};
    record.cpu = core.name, record.measured = false;
    record.cycles = c.cycles, record.default_cycles = c.default_cycles;
    record.halide = halide_version();
    record.schedule_version = kScheduleVersion, record.algorithm_version = kAlgorithmVersion;
    return record;
}

}  // namespace

const CoreModel &static_core(const std::string &name, const Layer &layer, const Target &target) {
    const MachineCode code = disassemble(compile_all({jobs_to_rank(layer, target)[0]}, 0, nullptr))[0];
    std::string known;
    for (const CoreModel &core : core_models()) {
        if (serves(core, *code.set, target.row->vector_lanes)) {
            if (name.empty() || name == core.name) {
                return core;
            }
            known += (known.empty() ? "" : ", ") + std::string(core.name);
        }
    }
    throw InputError(known.empty()
                         ? fmt::format("--cost static: there is no core model for {} that can be believed", target.name)
                         : fmt::format("--cpu: no model of '{}' for {} that can be believed; there are: {}", name,
                                       target.name, known));
}

std::vector<StaticChoice> rank_schedules(const std::vector<Layer> &layers, const Target &target,
                                         const CoreModel &core) {
    InterruptGuard guard;
    ProgressBar bar("ranking");
    std::vector<StaticChoice> choices;
    for (size_t l = 0; l < layers.size() && !interrupted(); l++) {
        bar.update(int(l), int(layers.size()), layers[l].name);
        const std::vector<KernelJob> jobs = jobs_to_rank(layers[l], target);
        std::vector<CompileJob> compiled;
        for (const KernelJob &job : jobs) {
            compiled.push_back(job.compile);
        }
        const std::vector<std::optional<StaticCost>> costs =
            static_costs(compiled, compile_all(jobs, 0, nullptr), core);
        if (costs[0]) {
            choices.push_back(choose(layers[l], jobs, costs));
        } else {
            bar.clear();
            fmt::print(stderr, "halconv: {}: its default kernel has no loop that multiplies\n", layers[l].name);
        }
    }
    return choices;
}

int run_static_tune(const std::vector<Layer> &layers, const Target &target, const TuneOptions &options) {
    for (const char *program : {kDisassembler, kAnalyser}) {
        require_llvm_program(program);
    }
    const CoreModel &core = static_core(options.cpu, layers[0], target);
    const std::vector<StaticChoice> choices = rank_schedules(layers, target, core);
    print_choices(choices, core, options.json);
    if (!options.winners.empty()) {
        std::vector<Verdict> verdicts;
        for (const StaticChoice &c : choices) {
            verdicts.push_back({c.layer, c.recorded ? std::optional(record_of(c, target, core)) : std::nullopt});
        }
        update_winners(verdicts, {target.row, core.name, false}, options.winners);
    }
    return choices.size() == layers.size() ? 0 : 1;
}

}  // namespace halconv
