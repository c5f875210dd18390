#include "tools/kernel_plan.h"

#include <set>

#include "runtime/core/kernel_name.h"
#include "runtime/core/problem.h"
#include "tools/cpu_name.h"
#include "tools/tuning_record.h"

namespace halconv {

KernelJob make_job(const halconv_key &key, const Schedule &schedule, const Target &target, bool asserts) {
    std::string name = kernel_name({key, target.name, form_text(schedule), tile_text(schedule)});
    return {{key, schedule, target, kernel_symbol(name), asserts}, name, schedule.reference ? "reference" : "default"};
}

namespace {

Target parsed_target(Target (*parse)(const std::string &), const std::string &text) {
    try {
        return parse(text);
    } catch (const std::invalid_argument &e) {
        throw InputError(e.what());
    }
}

}  // namespace

Target known_target(const std::string &text) { return parsed_target(parse_any_target, text); }

Target known_processor(const std::string &text) { return parsed_target(parse_target, text); }

Target runnable_target(const std::string &text) {
    try {
        Target target = known_target(text);
        if (!target.native || !runs_here(*target.row)) {
            throw InputError("this processor cannot run " + target.name);
        }
        return target;
    } catch (const InputError &error) {
        throw InputError(std::string("--target: ") + error.what());
    }
}

namespace {

// The best schedules of the layer by the model.
std::vector<KernelJob> model_jobs(const Layer &layer, const Target &target, halconv_numerics numerics, bool asserts) {
    halconv_key key = layer_key(layer);
    std::vector<KernelJob> jobs;
    for (const Candidate &candidate : candidates(key, *target.row, numerics)) {
        jobs.push_back(make_job(key, candidate.schedule, target, asserts));
    }
    return jobs;
}

// What to build of a layer, best first: the schedule of its record, then those of the model. A record of the default
// numerics serves fast ones too where the model's best is the same for both.
std::vector<KernelJob> layer_jobs(const Layer &layer, const Target &target, const std::string &cpu,
                                  const BuildOptions &options) {
    halconv_key key = layer_key(layer);
    std::vector<KernelJob> jobs = model_jobs(layer, target, layer.numerics, options.asserts);
    if (!options.records) {
        return jobs;
    }
    const TuningRecord *record = options.records->find(key, *target.row, layer.numerics, cpu);
    if (!record && layer.numerics == HALCONV_FAST && !jobs.empty()) {
        const TuningRecord *of_default = options.records->find(key, *target.row, HALCONV_DEFAULT, cpu);
        bool same = of_default && model_jobs(layer, target, HALCONV_DEFAULT, false).front().name == jobs.front().name;
        record = same ? of_default : nullptr;
    }
    if (record) {
        jobs.insert(jobs.begin(), make_job(key, record->candidate.schedule, target, options.asserts));
        jobs.front().origin = "record";
    }
    return jobs;
}

}  // namespace

halconv_key layer_key(const Layer &layer) {
    int64_t out[3];
    halconv_status status = check_problem(layer.problem, out);
    if (status != HALCONV_OK) {
        throw InputError(layer.source + ": " + halconv_status_text(status));
    }
    return problem_key(normalise(layer.problem, out), layer.problem);
}

std::vector<Target> one_platform(const std::vector<std::string> &texts) {
    std::vector<Target> targets;
    for (const std::string &text : texts) {
        targets.push_back(known_target(text));
        if (targets.back().triple != targets.front().triple) {
            throw InputError("targets " + texts.front() + " (" + targets.front().triple + ") and " + text + " (" +
                             targets.back().triple + ") cannot share a library; build one for each");
        }
    }
    return targets;
}

std::vector<KernelJob> plan_kernels(const std::vector<Layer> &layers, const BuildOptions &options) {
    std::vector<KernelJob> jobs;
    std::set<std::string> known;
    const std::vector<Target> targets = one_platform(options.targets);
    for (size_t i = 0; i < targets.size(); i++) {
        const Target &target = targets[i];
        const std::string cpu = options.targets[i] == "host" ? cpu_name() : "";
        for (const Layer &layer : layers) {
            for (const KernelJob &job : layer_jobs(layer, target, cpu, options)) {
                bool wanted = job.name.find(options.kernel) != std::string::npos;
                if (wanted && known.insert(job.name).second) {
                    jobs.push_back(job);
                }
                if (wanted && !options.all_candidates) {
                    break;
                }
            }
        }
    }
    return jobs;
}

std::vector<CandidateSummary> layer_candidates(const Layer &layer, const std::string &target_text) {
    Target target = known_processor(target_text);
    halconv_key key = layer_key(layer);
    std::vector<CandidateSummary> summaries;
    for (const Candidate &c : candidates(key, *target.row, layer.numerics)) {
        KernelJob job = make_job(key, c.schedule, target, false);
        summaries.push_back({job.name, form_text(c.schedule), schedule_text(c.schedule), c.predicted_percent});
    }
    return summaries;
}

}  // namespace halconv
