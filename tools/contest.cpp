#include "tools/contest.h"

#include <algorithm>
#include <cmath>
#include <ctime>

#include <fmt/format.h>

#include "runtime/core/winograd.h"
#include "tools/device_layer.h"

namespace halconv {

namespace {

constexpr int kTurns = 2;          // of each schedule, in a place
constexpr double kHopeless = 1.5;  // times the default's time: a candidate that is not worth more

PlanHandle plan_of(const halconv_kernel_set &set, const Layer &layer, const halconv_device *device) {
    halconv_options options{};
    options.numerics = layer.numerics;
    options.device = device;
    halconv_plan *plan = nullptr;
    halconv_status status = halconv_plan_create(&set, &layer.problem, &options, &plan);
    if (status != HALCONV_OK) {
        throw WorkError(halconv_status_text(status));
    }
    return PlanHandle(plan);
}

// Time of this thread's own: a slice that the system gives to another process between two runs does not count (seen: 4 ms
// in every other sample of 2 ms).
double thread_seconds() {
    timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return double(now.tv_sec) + double(now.tv_nsec) * 1e-9;
}

class OnThread : public Contestant {
  public:
    OnThread(const Layer &layer, const LayerOperands &operands, const halconv_kernel_set &set)
        : layer_(layer, operands, plan_of(set, layer, nullptr)) {}
    double seconds(int64_t runs) const override {
        const double start = thread_seconds();
        for (int64_t run = 0; run < runs; run++) {
            layer_.run();
        }
        return (thread_seconds() - start) / double(runs);
    }
    std::vector<float> output() const override {
        return {layer_.output().data(), layer_.output().data() + layer_.output().size()};
    }
    double sample_seconds() const override { return 50e-6; }

  private:
    BoundLayer layer_;
};

class OnDevice : public Contestant {
  public:
    OnDevice(const Layer &layer, const LayerOperands &operands, const halconv_kernel_set &set,
             const ComputeDevice &device)
        : device_(device), handle_(device.handle()),
          layer_(layer.problem, host_operands(layer.problem, operands), plan_of(set, layer, &handle_), device) {}
    double seconds(int64_t runs) const override { return run_seconds(layer_, device_, runs); }
    std::vector<float> output() const override { return layer_.output(); }
    double sample_seconds() const override { return kDeviceSampleSeconds; }

  private:
    const ComputeDevice &device_;
    halconv_device handle_;
    DeviceLayer layer_;
};

bool is_transcendental(const halconv_problem &problem) { return problem.activation >= HALCONV_TANH; }

void compare(const Layer &layer, const LayerOperands &operands, const std::vector<float> &y,
             const std::vector<float> &expected) {
    constexpr double kUnits = 16 * 0x1p-24;
    const double tolerance = is_transcendental(layer.problem) ? kUnits : 0;
    for (size_t i = 0; i < y.size(); i++) {
        const double value = double(expected[i]);
        if (!(std::abs(double(y[i]) - value) <= tolerance * std::max(1.0, std::abs(value)))) {
            throw WorkError(
                fmt::format("wrong result: element {} is {}, the default schedule's {}", i, y[i], expected[i]));
        }
    }
    const ErrorFigures error = operands.compare(layer, y.data());
    const bool rounds = is_transcendental(layer.problem) || layer.problem.activation == HALCONV_LEAKY_RELU;
    if (rounds ? !error.within_bound : error.max_error != 0) {
        throw WorkError(fmt::format("wrong result: {} from the plain sum of integers", error.max_error));
    }
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
std::vector<double> turn_of(const Contestant &layer, int64_t runs, double seconds) {
    std::vector<double> samples;
    layer.seconds(1);
    for (double spent = 0; samples.empty() || spent < seconds; spent += samples.back() * double(runs)) {
        samples.push_back(layer.seconds(runs));
    }
    return samples;
}

// Turns of the default schedule and of the candidate alternate, so that a change of the clock meets both. False where the
// candidate is so slow that it is not worth more.
bool time_in_turns(const Contestant &candidate, const Contestant &reference, double seconds, Samples &samples) {
    const double once = std::min(candidate.seconds(1), candidate.seconds(1));
    const double reference_once = std::min(reference.seconds(1), reference.seconds(1));
    auto runs_of = [&](double run) {
        return std::max<int64_t>(1, int64_t(candidate.sample_seconds() / std::max(run, 1e-9)));
    };
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

}  // namespace

Contest::Contest(const Layer &layer, const halconv_kernel_set &candidate, const halconv_kernel_set &reference,
                 const ComputeDevice *device)
    : layer_(layer), sets_{candidate, reference}, device_(device),
      operands_(integer_operands(layer.problem, uses_winograd() ? kWinogradUnit : 1)) {
    move(0);
}

void Contest::check() {
    tried_->seconds(1);
    reference_->seconds(1);
    compare(layer_, operands_, tried_->output(), reference_->output());
}

void Contest::time(double seconds, CandidateResult &result) {
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

bool Contest::uses_winograd() const {
    return is_winograd(halconv_form(sets_[0].kernels->form)) || is_winograd(halconv_form(sets_[1].kernels->form));
}

void Contest::move(int place) {
    tried_.reset(), reference_.reset();
    std::unique_ptr<Contestant> *parts[] = {&tried_, &reference_};
    for (int i : {place % 2, 1 - place % 2}) {
        if (device_) {
            *parts[i] = std::make_unique<OnDevice>(layer_, operands_, sets_[i], *device_);
        } else {
            *parts[i] = std::make_unique<OnThread>(layer_, operands_, sets_[i]);
        }
    }
}

}  // namespace halconv
