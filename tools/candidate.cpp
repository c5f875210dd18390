#include "tools/candidate.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>

#include <fmt/format.h>

#include "schedules/autoschedule.h"
#include "schedules/tuning/space.h"
#include "tools/build.h"
#include "tools/cache.h"
#include "tools/compute_device.h"
#include "tools/contest.h"
#include "tools/limited_process.h"

namespace halconv {

namespace {

constexpr double kCompileSeconds = 120, kCheckSeconds = 60, kTimeSeconds = 60;
constexpr int64_t kMemoryBytes = int64_t(6) << 30;  // beside the tensors: the compiler, LLVM and Halide's libraries

// Compilers hold it together, whoever times holds it alone.
class TimingLock {
  public:
    explicit TimingLock(bool alone)
        : file_(open((cache_folder() / "timing.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
        if (file_ < 0 || flock(file_, alone ? LOCK_EX : LOCK_SH) != 0) {
            throw WorkError("timing lock: " + (cache_folder() / "timing.lock").string() + " cannot be locked");
        }
    }
    ~TimingLock() { close(file_); }
    TimingLock(const TimingLock &) = delete;
    TimingLock &operator=(const TimingLock &) = delete;

  private:
    int file_;
};

void pin_to_core(int core) {
    cpu_set_t set;
    if (core < 0 && sched_getaffinity(0, sizeof set, &set) == 0) {
        for (int c = 0; c < CPU_SETSIZE; c++) {
            core = CPU_ISSET(c, &set) ? c : core;
        }
    }
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) {
        throw InputError(fmt::format("--core: this process may not run on core {}", core));
    }
}

// Another process on the core would cost time and caches. Most users may not do this: then it stays as it is.
void run_before_others() {
    const sched_param least{sched_get_priority_min(SCHED_FIFO)};
    sched_setscheduler(0, SCHED_FIFO, &least);
}

halconv_kernel_set single_row(const halconv_kernel_set &set, int row) {
    halconv_kernel_set single = set;
    single.kernels += row, single.count = 1;
    return single;
}

// In the forked process.
CandidateResult measure_here(const Layer &layer, const KernelJob &job, const MeasureOptions &options) {
    const char *step = "compile";
    try {
        CandidateResult result;
        const CompileJob &compile = job.compile;
        const Schedule best = candidates(compile.key, *compile.target.row, layer.numerics).front().schedule;
        std::vector<KernelJob> jobs = {job, make_job(compile.key, best, compile.target, false)};
        const bool same = jobs[0].name == jobs[1].name;
        jobs.resize(same ? 1 : 2);
        const auto start = std::chrono::steady_clock::now();
        std::unique_ptr<LoadedKernels> kernels;
        {
            TimingLock compiling(false);
            restart_limit(kCompileSeconds);
            BuildOptions build;
            build.jobs = 1;
            kernels = std::make_unique<LoadedKernels>(jobs, build);
            restart_limit(0);
        }
        result.compile_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        step = "device";
        const Gpu *gpu = compile.target.row->gpu;
        const std::unique_ptr<ComputeDevice> device = gpu ? open_compute_device(*gpu) : nullptr;
        TimingLock timing(true);
        step = "check";
        restart_limit(kCheckSeconds);
        if (!device) {
            pin_to_core(options.core);
            run_before_others();
        }
        const halconv_kernel_set row = single_row(*kernels->set(), 0),
                                 reference_row = single_row(*kernels->set(), same ? 0 : 1);
        Contest contest(layer, row, reference_row, device.get());
        contest.check();
        step = "time";
        restart_limit(kTimeSeconds + options.seconds);
        contest.time(options.seconds, result);
        return result;
    } catch (const std::exception &e) {
        CandidateResult failed;
        failed.failed_step = step, failed.failure = e.what();
        return failed;
    }
}

CandidateResult measure_job(const Layer &layer, const KernelJob &job, const MeasureOptions &options) {
    std::filesystem::create_directories(cache_folder());
    const TensorSizes sizes = tensor_sizes(layer.problem);
    constexpr int64_t kCopies = 4;  // of each tensor: operands, outputs, packed weights, scratch
    const int64_t tensors = kCopies * int64_t(sizeof(float)) * (sizes.input + sizes.weights + 2 * sizes.output);
    // A graphics processor's driver reserves far more addresses than it uses memory.
    const int64_t limit = job.compile.target.row->gpu ? 0 : kMemoryBytes + tensors;
    const ProcessEnd end = fork_limited([&] { return result_json(measure_here(layer, job, options)).dump(); }, limit);
    if (!end.failure.empty()) {
        CandidateResult failed;
        failed.failed_step = "run", failed.failure = end.failure;
        return failed;
    }
    return parse_result(parse_json(end.out, "measured candidate"), "measured candidate");
}

}  // namespace

OrderedJson result_json(const CandidateResult &r) {
    OrderedJson object{{"ok", r.ok()}};
    if (r.ok()) {
        object.update({{"time_us", r.time_us},
                       {"default_time_us", r.default_time_us},
                       {"ratio", r.ratio},
                       {"ratio_low", r.ratio_low},
                       {"ratio_high", r.ratio_high},
                       {"spread", r.spread},
                       {"samples", r.samples},
                       {"compile_seconds", r.compile_seconds}});
    } else {
        object.update({{"step", r.failed_step}, {"reason", r.failure}});
    }
    if (!r.against.empty()) {
        object["against"] = r.against;
    }
    return object;
}

CandidateResult parse_result(const OrderedJson &object, const std::string &place) {
    try {
        CandidateResult r;
        r.against = object.value("against", "");
        if (!object.at("ok").get<bool>()) {
            r.failed_step = object.at("step").get<std::string>(), r.failure = object.at("reason").get<std::string>();
            return r;
        }
        auto number = [&](const char *key) { return object.at(key).get<double>(); };
        r.time_us = number("time_us"), r.default_time_us = number("default_time_us");
        r.ratio = number("ratio"), r.ratio_low = number("ratio_low"), r.ratio_high = number("ratio_high");
        r.spread = number("spread"), r.samples = object.at("samples").get<int>();
        r.compile_seconds = number("compile_seconds");
        if (!(r.time_us > 0 && r.default_time_us > 0 && r.ratio > 0)) {
            throw InputError(place + ": times must be positive");
        }
        return r;
    } catch (const nlohmann::json::exception &) {
        throw InputError(place + ": not the line of a measured candidate");
    }
}

CandidateResult measure_candidate(const TuningCandidate &candidate, const MeasureOptions &options) {
    const Target target = parse_any_target(candidate.target);
    const SearchSpace space(layer_key(candidate.layer), *target.row, candidate.layer.numerics);
    if (std::string fault = space.fault(candidate.schedule); !fault.empty()) {
        throw InputError("schedule is not legal: " + fault);
    }
    return measure_job(candidate.layer, make_job(layer_key(candidate.layer), candidate.schedule, target, false),
                       options);
}

CandidateResult measure_autoscheduler(const Layer &layer, const Target &target, const std::string &name,
                                      const MeasureOptions &options) {
    const halconv_key key = layer_key(layer);
    KernelJob job = make_job(key, autoschedule_layout(key), target, false);
    job.compile.autoscheduler = name;
    return measure_job(layer, job, options);
}

}  // namespace halconv
