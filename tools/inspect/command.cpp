#include "tools/inspect/command.h"

#include <fnmatch.h>

#include <algorithm>
#include <map>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "runtime/core/kernel_name.h"
#include "tools/cache.h"
#include "tools/inspect/llvm_program.h"
#include "tools/inspect/report.h"
#include "tools/kernel_plan.h"
#include "tools/layer.h"
#include "tools/progress.h"

namespace halconv {

namespace {

struct Subject {
    std::string name;  // the layer's, or the kernel's again
    KernelJob job;
};

// As bench --kernel: the name contains the text, or matches it where it has * or ?.
bool matches(const std::string &name, const std::vector<std::string> &patterns) {
    return patterns.empty() || std::any_of(patterns.begin(), patterns.end(), [&](const std::string &pattern) {
               bool glob = pattern.find_first_of("*?") != std::string::npos;
               return glob ? fnmatch(pattern.c_str(), name.c_str(), 0) == 0 : name.find(pattern) != std::string::npos;
           });
}

// The kernel of that name: of the built-in set, else the candidate of the name's key that has the name.
KernelJob find_kernel(const std::string &name, const KernelName &parsed) {
    auto named = [&](const KernelJob &job) { return job.name == name; };
    const std::vector<KernelJob> builtin = builtin_kernels({parsed.target});
    if (auto found = std::find_if(builtin.begin(), builtin.end(), named); found != builtin.end()) {
        return *found;
    }
    try {
        const Target target = parse_target(parsed.target);
        for (const Candidate &candidate : candidates(parsed.key, *target.row, HALCONV_FAST)) {
            if (KernelJob job = make_job(parsed.key, candidate.schedule, target, false); named(job)) {
                return job;
            }
        }
    } catch (const std::invalid_argument &error) {
        throw InputError(fmt::format("inspect: {}: {}", name, error.what()));
    }
    throw InputError(fmt::format("inspect: no schedule gives the kernel {}", name));
}

// The kernels to look at; clears `complete` where a layer has none.
std::vector<Subject> choose_kernels(const InspectOptions &options, bool &complete) {
    std::vector<Subject> subjects;
    for (const std::string &target : options.targets) {
        known_processor(target);
    }
    for (const std::string &input : options.inputs) {
        if (std::optional<KernelName> parsed = parse_kernel_name(input)) {
            subjects.push_back({input, find_kernel(input, *parsed)});
            continue;
        }
        auto remark = [](const std::string &text) { fmt::print(stderr, "halconv: {}\n", text); };
        for (const Layer &layer : load_layers({input}, remark)) {
            BuildOptions build;
            build.targets = options.targets;
            build.all_candidates = !options.patterns.empty();
            const size_t before = subjects.size();
            for (const KernelJob &job : plan_kernels({layer}, build)) {
                if (matches(job.name, options.patterns)) {
                    subjects.push_back({layer.name, job});
                }
            }
            if (subjects.size() == before) {
                fmt::print(stderr, "halconv: {}: {}: no candidate kernel matches '{}'\n", layer.source, layer.name,
                           fmt::join(options.patterns, "' or '"));
                complete = false;
            }
        }
    }
    return subjects;
}

// The object of each subject; kernels that several layers share are compiled once.
std::vector<std::filesystem::path> compile_subjects(const std::vector<Subject> &subjects) {
    std::vector<KernelJob> jobs;
    std::map<std::string, size_t> index;
    for (const Subject &subject : subjects) {
        if (index.emplace(subject.job.name, jobs.size()).second) {
            jobs.push_back(subject.job);
        }
    }
    ProgressBar bar("building");
    const std::vector<std::filesystem::path> objects =
        compile_all(jobs, 0, [&](int done, int total, const std::string &name) { bar.update(done, total, name); });
    std::vector<std::filesystem::path> chosen;
    for (const Subject &subject : subjects) {
        chosen.push_back(objects[index[subject.job.name]]);
    }
    return chosen;
}

struct CompiledLoop {
    InspectedLoop inspected;
    int lanes;  // of its target's vectors
    halconv_form form;
};

std::vector<CompiledLoop> loops_of(const std::vector<Subject> &subjects, const InspectOptions &options,
                                   bool &complete) {
    const std::vector<MachineCode> codes = disassemble(compile_subjects(subjects));
    std::vector<CompiledLoop> found;
    for (size_t i = 0; i < subjects.size(); i++) {
        std::vector<InnerLoop> loops = inner_loops(codes[i]);
        if (loops.empty()) {
            fmt::print(stderr, "halconv: {}: no loop with arithmetic in it\n", subjects[i].job.name);
            complete = false;
        }
        loops.resize(options.all_loops ? loops.size() : std::min<size_t>(loops.size(), 1));
        for (InnerLoop &loop : loops) {
            found.push_back({{subjects[i].name, subjects[i].job.name, std::move(loop), {}},
                             subjects[i].job.compile.target.row->vector_lanes,
                             subjects[i].job.compile.schedule.form});
        }
    }
    return found;
}

void check_cores(const std::vector<std::string> &cpus) {
    for (const std::string &cpu : cpus) {
        if (!find_core(cpu)) {
            std::string known;
            for (const CoreModel &core : core_models()) {
                known += fmt::format("{}{}", known.empty() ? "" : ", ", core.name);
            }
            throw InputError(fmt::format("--cpu: no model of '{}' that can be believed; there are: {}", cpu, known));
        }
    }
}

// Fills the loops' predictions; the names of the cores that suit one of them.
std::vector<std::string> predict(std::vector<CompiledLoop> &loops, const std::vector<std::string> &cpus) {
    std::vector<std::string> used;
    for (const CoreModel &core : core_models()) {
        bool wanted = cpus.empty() || std::find(cpus.begin(), cpus.end(), core.name) != cpus.end();
        std::vector<AnalysedLoop> suited;
        std::vector<CompiledLoop *> owners;
        for (CompiledLoop &loop : loops) {
            const InnerLoop &inner = loop.inspected.loop;
            if (wanted && serves(core, *inner.set, loop.lanes)) {
                suited.push_back({&inner, restarts(inner, loop.form)});
                owners.push_back(&loop);
            }
        }
        const std::vector<LoopPrediction> predictions = predict_loops(suited, core);
        for (size_t i = 0; i < predictions.size(); i++) {
            owners[i]->inspected.predictions[core.name] = predictions[i];
        }
        if (!suited.empty()) {
            used.emplace_back(core.name);
        }
    }
    for (const std::string &cpu : cpus) {
        if (std::find(used.begin(), used.end(), cpu) == used.end()) {
            throw InputError(fmt::format("--cpu: the model of '{}' does not serve these kernels' target", cpu));
        }
    }
    return used;
}

}  // namespace

int inspect_kernels(const InspectOptions &options) {
    check_cores(options.cpus);
    for (const char *program : {kDisassembler, kAnalyser}) {
        require_llvm_program(program);
    }
    bool complete = true;
    const std::vector<Subject> subjects = choose_kernels(options, complete);
    if (subjects.empty()) {
        throw WorkError("inspect: no kernel to look at");
    }
    std::vector<CompiledLoop> compiled = loops_of(subjects, options, complete);
    const std::vector<std::string> cores = predict(compiled, options.cpus);
    std::vector<InspectedLoop> loops;
    for (CompiledLoop &loop : compiled) {
        loops.push_back(std::move(loop.inspected));
    }
    for (size_t i = 0; options.json && i < loops.size(); i++) {
        fmt::print("{}\n", loop_json(loops[i], options.all_loops));
    }
    if (!options.json && !loops.empty()) {
        bool listed = loops.size() <= 2;
        fmt::print("{}", listed ? loop_listing(loops, cores) : loop_table(loops, cores));
    }
    return complete ? 0 : 1;
}

void add_inspect_command(CLI::App &program, int &status) {
    auto options = std::make_shared<InspectOptions>();
    CLI::App *command = program.add_subcommand("inspect", "Show the inner loops of kernels and predict their speed");
    command
        ->add_option("LAYERS|KERNEL", options->inputs,
                     "Layer lists, LIST.jsonl#name, layer objects (.json), ONNX models; kernels by their full name")
        ->required();
    command->add_option("--target", options->targets, "Targets of the layers' kernels")->capture_default_str();
    command->add_option("--kernel", options->patterns,
                        "Every candidate kernel of the layers whose name contains one of these texts, or matches it "
                        "where it has * or ?");
    command->add_option("--cpu", options->cpus, "Cores to predict for (default: all with a model that is right)");
    command->add_flag("--all-loops", options->all_loops, "Every innermost loop with arithmetic, not only the hottest");
    command->add_flag("--json", options->json, "JSON Lines: an object for each loop");
    command->footer(
        "Needs llvm-objdump-19 and llvm-mca-19; nothing is run or timed. Of each kernel the innermost loop with most\n"
        "accumulators is shown, among equals the one in the deepest nest; one or two loops with their instructions.\n"
        "  instructions  of one turn, both sides of a branch\n"
        "  FMA           fused multiply-adds, and multiplications that are not fused\n"
        "  loads         vector registers read from memory, operands of other instructions too\n"
        "  spills        vector registers read from and written to the stack frame\n"
        "  % of peak     for each core: cycles that the multiplications need, over the cycles that LLVM's "
        "machine-code\n"
        "                analyser predicts with data in L1; of all arithmetic where a loop has more additions");
    command->callback([options, &status] { status = inspect_kernels(*options); });
}

}  // namespace halconv
