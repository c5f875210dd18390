#include "tools/candidate.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>

#include <fmt/format.h>

#include "runtime/core/winograd.h"
#include "schedules/autoschedule.h"
#include "schedules/tuning/space.h"
#include "tools/bound_layer.h"
#include "tools/build.h"
#include "tools/cache.h"
#include "tools/limited_process.h"

namespace halconv {

namespace {

constexpr double kCompileSeconds = 120, kCheckSeconds = 60, kTimeSeconds = 60;
constexpr int64_t kMemoryBytes = int64_t(6) << 30;  // beside the tensors: the compiler, LLVM and Halide's libraries
constexpr double kSampleSeconds = 50e-6;            // 100 times and more what reading the clock costs
constexpr int kTurns = 2;                           // of each schedule, in a place
constexpr double kHopeless = 1.5;                   // times the default's time: a candidate that is not worth more

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

PlanHandle plan_of(const halconv_kernel_set &set, const Layer &layer) {
    halconv_options options{};
    options.numerics = layer.numerics;
    halconv_plan *plan = nullptr;
    halconv_status status = halconv_plan_create(&set, &layer.problem, &options, &plan);
    if (status != HALCONV_OK) {
        throw WorkError(halconv_status_text(status));
    }
    return PlanHandle(plan);
}

halconv_kernel_set single_row(const halconv_kernel_set &set, int row) {
    halconv_kernel_set single = set;
    single.kernels += row, single.count = 1;
    return single;
}

bool is_transcendental(const halconv_problem &problem) { return problem.activation >= HALCONV_TANH; }

// Throws WorkError where the outputs differ: exactly, or for a transcendental activation by some units in the last place.
void compare(const Layer &layer, const BoundLayer &candidate, const BoundLayer &reference) {
    constexpr double kUnits = 16 * 0x1p-24;
    const double tolerance = is_transcendental(layer.problem) ? kUnits : 0;
    const Floats &y = candidate.output(), &expected = reference.output();
    for (int64_t i = 0; i < y.size(); i++) {
        const double value = double(expected.data()[i]);
        if (!(std::abs(double(y.data()[i]) - value) <= tolerance * std::max(1.0, std::abs(value)))) {
            throw WorkError(fmt::format("wrong result: element {} is {}, the default schedule's {}", i, y.data()[i],
                                        expected.data()[i]));
        }
    }
    const ErrorFigures error = candidate.error();
    const bool rounds = is_transcendental(layer.problem) || layer.problem.activation == HALCONV_LEAKY_RELU;
    if (rounds ? !error.within_bound : error.max_error != 0) {
        throw WorkError(fmt::format("wrong result: {} from the plain sum of integers", error.max_error));
    }
}

// Time of this thread's own: a slice that the system gives to another process between two runs does not count (seen: 4 ms
// in every other sample of 2 ms).
double thread_seconds() {
    timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return double(now.tv_sec) + double(now.tv_nsec) * 1e-9;
}

double seconds_of(const BoundLayer &layer, int64_t runs) {
    const double start = thread_seconds();
    for (int64_t run = 0; run < runs; run++) {
        layer.run();
    }
    return (thread_seconds() - start) / double(runs);
}

double percentile(std::vector<double> values, double fraction) {
    std::sort(values.begin(), values.end());
    return values[size_t(std::lround(fraction * double(values.size() - 1)))];
}

struct Samples {
    std::vector<double> times, reference_times, ratios;
};

// Seconds per run, in each sample of a turn of so many seconds. The first run finds the other schedule's data in the
// caches and does not count: with single runs in turns fsrcnn/first took 16 % more than where it runs again and again.
std::vector<double> turn_of(const BoundLayer &layer, int64_t runs, double seconds) {
    std::vector<double> samples;
    layer.run();
    for (double spent = 0; samples.empty() || spent < seconds; spent += samples.back() * double(runs)) {
        samples.push_back(seconds_of(layer, runs));
    }
    return samples;
}

// Turns of the default schedule and of the candidate alternate, so that a change of the clock meets both. False where the
// candidate is so slow that it is not worth more.
bool time_in_turns(const BoundLayer &candidate, const BoundLayer &reference, double seconds, Samples &samples) {
    const double once = std::min(seconds_of(candidate, 1), seconds_of(candidate, 1));
    const double reference_once = std::min(seconds_of(reference, 1), seconds_of(reference, 1));
    auto runs_of = [](double run) { return std::max<int64_t>(1, int64_t(kSampleSeconds / std::max(run, 1e-9))); };
    const bool hopeless = once > kHopeless * reference_once;
    for (int turn = 0; turn < kTurns; turn++) {
        const double share = hopeless ? 0 : seconds / (2 * kTurns);
        const std::vector<double> reference_times = turn_of(reference, runs_of(reference_once), share);
        const std::vector<double> times = turn_of(candidate, runs_of(once), share);
        samples.ratios.push_back(percentile(times, 0.5) / percentile(reference_times, 0.5));
        samples.reference_times.insert(samples.reference_times.end(), reference_times.begin(), reference_times.end());
        samples.times.insert(samples.times.end(), times.begin(), times.end());
    }
    return !hopeless;
}

// A plan of each row on the same operands, and what they make of them.
class Contest {
  public:
    Contest(const Layer &layer, const halconv_kernel_set &candidate, const halconv_kernel_set &reference)
        : layer_(layer), sets_{candidate, reference},
          operands_(integer_operands(layer.problem, uses_winograd() ? kWinogradUnit : 1)) {
        move(0);
    }

    void check() {
        tried_->run();
        reference_->run();
        compare(layer_, *tried_, *reference_);
    }

    // Where outputs, packed weights and scratch memory lie costs up to 6 % of a layer's time (seen of a kernel against
    // itself), which no repetition in one place shows: both move, and take each other's part.
    void time(double seconds, CandidateResult &result) {
        const int places = seconds < kManyPlacesSeconds ? kFewPlaces : kManyPlaces;
        Samples samples;
        for (int place = 0; place < places; place++) {
            move(place);
            if (!time_in_turns(*tried_, *reference_, seconds / places, samples)) {
                break;
            }
        }
        result.time_us = percentile(samples.times, 0.5) * 1e6;
        result.default_time_us = percentile(samples.reference_times, 0.5) * 1e6;
        result.ratio = percentile(samples.ratios, 0.5);
        result.ratio_low = percentile(samples.ratios, 0.25), result.ratio_high = percentile(samples.ratios, 0.75);
        result.spread = summarise(samples.times).spread;
        result.samples = int(samples.times.size());
    }

  private:
    static constexpr float kWinogradUnit = 576;
    static constexpr int kFewPlaces = 2, kManyPlaces = 4;
    static constexpr double kManyPlacesSeconds = 0.1;

    bool uses_winograd() const {
        return is_winograd(halconv_form(sets_[0].kernels->form)) || is_winograd(halconv_form(sets_[1].kernels->form));
    }

    void move(int place) {
        tried_.reset(), reference_.reset();
        std::unique_ptr<BoundLayer> *parts[] = {&tried_, &reference_};
        for (int i : {place % 2, 1 - place % 2}) {
            *parts[i] = std::make_unique<BoundLayer>(layer_, operands_, plan_of(sets_[i], layer_));
        }
    }

    const Layer &layer_;
    halconv_kernel_set sets_[2];
    LayerOperands operands_;
    std::unique_ptr<BoundLayer> tried_, reference_;
};

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
        TimingLock timing(true);
        step = "check";
        restart_limit(kCheckSeconds);
        pin_to_core(options.core);
        run_before_others();
        const halconv_kernel_set row = single_row(*kernels->set(), 0),
                                 reference_row = single_row(*kernels->set(), same ? 0 : 1);
        Contest contest(layer, row, reference_row);
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
    const ProcessEnd end =
        fork_limited([&] { return result_json(measure_here(layer, job, options)).dump(); }, kMemoryBytes + tensors);
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
    const Target target = parse_target(candidate.target);
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
