// The loop over layers and generations of `halconv tune`.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <exception>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "tools/interrupt.h"
#include "tools/kernel_plan.h"
#include "tools/library.h"
#include "tools/progress.h"
#include "tools/tune.h"

namespace halconv {

namespace {

// Seconds that a candidate is timed for: first; where it cannot be told from the fastest; at the end.
constexpr double kFirst = 0.05, kAgain = 0.2, kLast = 0.6;
constexpr size_t kContenders = 3;  // that are timed again
constexpr int kMostRounds = 8;     // of timing again
constexpr int kPatience = 5;       // generations without a gain until a layer is done
// Of the time, kept for timing the winners again: so many seconds a layer, but no more than this share of it; that timing
// is not cut off.
constexpr double kLastOfLayer = 5, kLastShare = 0.4;
constexpr size_t kNearRecords = 2;

// How far apart two problems are: sum of |log2| of the ratios of their sizes; infinite where they are of another kind.
double distance(const halconv_key &a, const halconv_key &b) {
    if (a.op != b.op || a.in_layout != b.in_layout || a.out_layout != b.out_layout) {
        return HUGE_VAL;
    }
    double sum = 0;
    auto add = [&](int32_t x, int32_t y) { sum += std::abs(std::log2(double(x) / double(y))); };
    add(a.groups, b.groups), add(a.group_in, b.group_in), add(a.group_out, b.group_out);
    for (int d = 0; d < 3; d++) {
        add(a.out[d], b.out[d]), add(a.kernel[d], b.kernel[d]), add(a.stride[d], b.stride[d]);
        add(a.dilation[d], b.dilation[d]);
    }
    return sum;
}

std::vector<Schedule> near_schedules(const Layer &layer, const Target &target, const TuningRecords &records) {
    std::vector<std::pair<double, Schedule>> near;
    for (const TuningRecord &record : records.all()) {
        if (parse_target(record.candidate.target).row == target.row) {
            near.emplace_back(distance(layer_key(layer), layer_key(record.candidate.layer)), record.candidate.schedule);
        }
    }
    std::stable_sort(near.begin(), near.end(), [](const auto &a, const auto &b) { return a.first < b.first; });
    std::vector<Schedule> schedules;
    for (size_t i = 0; i < std::min(near.size(), kNearRecords) && near[i].first < HUGE_VAL; i++) {
        schedules.push_back(near[i].second);
    }
    return schedules;
}

class Tuner {
  public:
    Tuner(const std::vector<Layer> &layers, const TuneOptions &options, TrialStore &store)
        : options_(options), store_(store), target_(parse_target(options.target)), layers_(layers),
          start_(Clock::now()), bar_("tuning"), winners_bar_("timing winners") {
        TuningRecords records;
        if (!options.winners.empty() && std::filesystem::exists(options.winners)) {
            records.read(options.winners);
        }
        records.read_folder(committed_folder());
        for (const Layer &layer : layers) {
            searches_.emplace_back(layer, *target_.row, near_schedules(layer, target_, records), options.seed);
            earlier_.push_back(earlier_winner(searches_.size() - 1));
        }
        trials_.resize(layers.size(), 0), failed_.resize(layers.size(), 0);
        for (size_t layer = 0; layer < layers.size(); layer++) {
            if (!starts_as_before(layer)) {
                adopt(layer);
            }
        }
    }

    std::vector<LayerOutcome> run() {
        const int count = 2 * jobs();
        for (int layer; (layer = next_layer()) >= 0 && !out_of_time();) {
            const Clock::time_point begin = Clock::now();
            const int64_t commands = commands_;
            LayerSearch &search = searches_[size_t(layer)];
            const std::vector<Schedule> proposed = search.propose(count, all_samples());
            const bool exhausted = proposed.empty();
            measure(layer, proposed, kFirst);
            decide(layer, kAgain);
            search.end_generation();
            done_[size_t(layer)] = exhausted || search.idle() >= kPatience;
            if (commands_ == commands) {  // all from the file
                start_ += Clock::now() - begin;
            }
        }
        searching_ = false;
        bar_.clear();
        for (size_t layer = 0; layer < searches_.size(); layer++) {
            winners_bar_.update(int(layer), int(searches_.size()), layers_[layer].name);
            adopt(layer);
            decide(int(layer), kLast);
            time_earlier(int(layer));
        }
        winners_bar_.clear();
        return outcomes();
    }

  private:
    using Clock = std::chrono::steady_clock;

    int jobs() const {
        return options_.jobs > 0 ? options_.jobs : std::max(1, int(std::thread::hardware_concurrency()));
    }
    double elapsed() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
    // The winners are timed to the end.
    bool out_of_time() const {
        const double share =
            1 - std::min(kLastShare, kLastOfLayer * double(searches_.size()) / (options_.minutes * 60));
        return interrupted() || (searching_ && elapsed() >= share * options_.minutes * 60);
    }

    // The fastest of those that were timed as winners are, by the last timing of each; none where the default was no slower.
    std::optional<EarlierWinner> earlier_winner(size_t layer) const {
        std::vector<Trial> timed;
        for (Trial &trial : stored(layer)) {
            auto same = [&](const Trial &t) { return same_schedule(t.candidate.schedule, trial.candidate.schedule); };
            if (trial.seconds >= kLast) {
                timed.erase(std::remove_if(timed.begin(), timed.end(), same), timed.end());
                timed.push_back(std::move(trial));
            }
        }
        const Trial *best = nullptr;
        for (const Trial &t : timed) {
            best = t.result.ok() && (!best || t.result.ratio < best->result.ratio) ? &t : best;
        }
        return best && best->result.ratio_high < 1
                   ? std::optional(EarlierWinner{best->candidate.schedule, best->result, {}})
                   : std::nullopt;
    }

    std::string default_text(size_t layer) const {
        const Schedule &schedule = searches_[layer].default_schedule();
        return form_text(schedule) + " " + schedule_text(schedule);
    }

    // What a resumed search may take of the file; a ratio to another default schedule's time tells nothing.
    std::vector<Trial> stored(size_t layer) const {
        if (!options_.resume) {
            return {};
        }
        std::vector<Trial> trials = store_.trials({layers_[layer], target_.name, {}});
        const std::string here = default_text(layer);
        trials.erase(
            std::remove_if(trials.begin(), trials.end(), [&](const Trial &t) { return t.result.against != here; }),
            trials.end());
        return trials;
    }

    // The same results give the same proposals, so that a resumed search comes by all that the file has; not so where it
    // starts from other records than the run before.
    bool starts_as_before(size_t layer) const {
        const std::vector<Schedule> &first = searches_[layer].first_generation();
        const std::vector<Trial> trials = stored(layer);
        return std::all_of(first.begin(), first.end(), [&](const Schedule &schedule) {
            return std::any_of(trials.begin(), trials.end(),
                               [&](const Trial &t) { return same_schedule(t.candidate.schedule, schedule); });
        });
    }

    // Learns all that the file has of the layer; winners are timed again.
    void adopt(size_t layer) {
        for (const Trial &t :
             options_.resume ? store_.trials({layers_[layer], target_.name, {}}) : std::vector<Trial>()) {
            const Tried *known = searches_[layer].find(t.candidate.schedule);
            if (const double seconds = std::min(t.seconds, kAgain); !known || known->seconds <= seconds) {
                searches_[layer].learn(t.candidate.schedule, seconds, t.result);
            }
        }
    }

    void time_earlier(int layer) {
        std::optional<EarlierWinner> &earlier = earlier_[size_t(layer)];
        if (!earlier) {
            return;
        }
        const LayerSearch &search = searches_[size_t(layer)];
        auto timed = [&]() -> const Tried * {
            const Tried *known = search.find(earlier->schedule);
            return known && known->seconds >= kLast ? known : nullptr;
        };
        if (!timed()) {
            measure(layer, {earlier->schedule}, kLast);
        }
        if (const Tried *now = timed()) {
            earlier->now = now->result;
        } else {
            earlier.reset();  // interrupted
        }
    }

    // Every layer in turn, those that gained lately more often; -1 where all are done.
    int next_layer() {
        done_.resize(searches_.size(), false);
        int best = -1;
        for (size_t i = 0; i < searches_.size(); i++) {
            auto turns = [&](size_t l) { return searches_[l].generations() * (1 + searches_[l].idle()); };
            if (!done_[i] && (best < 0 || turns(i) < turns(size_t(best)))) {
                best = int(i);
            }
        }
        return best;
    }

    std::vector<CostSample> all_samples() const {
        std::vector<CostSample> samples;
        for (const LayerSearch &search : searches_) {
            std::vector<CostSample> own = search.samples();
            std::move(own.begin(), own.end(), std::back_inserter(samples));
        }
        return samples;
    }

    // Measures the schedules, several commands at a time, stores each result as it comes, and learns from them in the order
    // of `schedules`, whichever ended first.
    void measure(int layer, const std::vector<Schedule> &schedules, double seconds) {
        std::vector<std::optional<CandidateResult>> results(schedules.size());
        std::atomic<size_t> next{0};
        std::exception_ptr failure;
        auto work = [&] {
            try {
                for (size_t i; (i = next++) < schedules.size() && !out_of_time();) {
                    results[i] = one_result(size_t(layer), schedules[i], seconds);
                }
            } catch (...) {
                std::lock_guard<std::mutex> lock(mutex_);
                failure = std::current_exception();
            }
        };
        std::vector<std::thread> workers;
        for (int j = 0; j < jobs(); j++) {
            workers.emplace_back(work);
        }
        for (std::thread &worker : workers) {
            worker.join();
        }
        if (failure) {
            std::rethrow_exception(failure);
        }
        for (size_t i = 0; i < schedules.size(); i++) {
            if (results[i]) {
                trials_[size_t(layer)]++;
                failed_[size_t(layer)] += !results[i]->ok();
                searches_[size_t(layer)].learn(schedules[i], seconds, *results[i]);
            }
        }
        if (searching_) {
            show(layer);
        }
    }

    // Times the fastest again, and what cannot be told from it, until the fastest is one that was timed for `seconds`: of
    // many short timings the best is often one that was disturbed.
    void decide(int layer, double seconds) {
        const LayerSearch &search = searches_[size_t(layer)];
        for (int round = 0; round < kMostRounds && !out_of_time(); round++) {
            const Tried *best = search.fastest();
            std::vector<Schedule> open = search.undecided(seconds, kContenders);
            if (!best || (open.empty() &&
                          (best->seconds >= seconds || same_schedule(best->schedule, search.default_schedule())))) {
                return;
            }
            measure(layer, open.empty() ? std::vector<Schedule>{best->schedule} : open, seconds);
        }
    }

    // Nothing where ctrl-C ended it. Winners are timed in every run: a resumed one shows whether they hold.
    std::optional<CandidateResult> one_result(size_t layer, const Schedule &schedule, double seconds) {
        const TuningCandidate candidate{layers_[layer], target_.name, schedule};
        if (options_.resume && seconds < kLast) {
            std::lock_guard<std::mutex> lock(mutex_);
            std::optional<CandidateResult> known = store_.find(candidate, seconds);
            if (known && known->against == default_text(layer)) {
                return known;
            }
        }
        commands_++;
        CandidateResult result = measure_by_command(candidate, seconds, options_);
        if (interrupted()) {
            return std::nullopt;
        }
        result.against = default_text(layer);
        std::lock_guard<std::mutex> lock(mutex_);
        store_.record({candidate, seconds, result});
        return result;
    }

    void show(int layer) {
        double log_sum = 0;
        int total = 0;
        for (const LayerSearch &search : searches_) {
            const Tried *best = search.fastest();
            log_sum += best ? std::log(best->result.ratio) : 0;
        }
        for (int trials : trials_) {
            total += trials;
        }
        std::string best_text = "nothing timed yet";
        if (const Tried *best = searches_[size_t(layer)].fastest()) {
            best_text = fmt::format("best {:.1f} us, {:.3f}x", best->result.time_us, 1 / best->result.ratio);
        }
        const int left = std::max(0, int(options_.minutes * 60 - elapsed()));
        bar_.update(int(elapsed()), int(options_.minutes * 60),
                    fmt::format("s: {:02}:{:02} left, {} trials, geomean {:.3f}x; {}: {}", left / 60, left % 60, total,
                                std::exp(-log_sum / double(searches_.size())), layers_[size_t(layer)].name, best_text));
    }

    std::vector<LayerOutcome> outcomes() const {
        std::vector<LayerOutcome> found;
        for (size_t i = 0; i < searches_.size(); i++) {
            const Tried *best = searches_[i].fastest(kLast);
            best = best ? best : searches_[i].fastest();
            if (!best) {
                continue;
            }
            // Only what was timed as long as winners are, by a margin larger than its spread, is worth a record.
            const bool is_default = same_schedule(best->schedule, searches_[i].default_schedule());
            bool recorded = best->seconds >= kLast && best->result.ratio_high < 1 && !is_default;
            found.push_back({layers_[i],
                             best->schedule,
                             best->result,
                             trials_[i],
                             failed_[i],
                             {},
                             recorded,
                             is_default || best->seconds >= kLast,
                             earlier_[i]});
        }
        return found;
    }

    const TuneOptions &options_;
    TrialStore &store_;
    Target target_;
    std::vector<Layer> layers_;
    std::vector<LayerSearch> searches_;
    std::vector<std::optional<EarlierWinner>> earlier_;  // of each layer
    std::vector<int> trials_, failed_;
    std::vector<char> done_;
    std::atomic<int64_t> commands_{0};  // that measured
    bool searching_ = true;             // else the winners are timed
    Clock::time_point start_;           // of the search; later by what the store's trials took
    ProgressBar bar_, winners_bar_;
    std::mutex mutex_;
};

}  // namespace

CandidateResult measure_by_command(const TuningCandidate &candidate, double seconds, const TuneOptions &options) {
    ScratchFolder folder(std::filesystem::temp_directory_path());
    const std::filesystem::path file = folder.path() / "candidate.json";
    write_text(file, candidate_json(candidate).dump() + "\n");
    std::vector<std::string> command = options.measure;
    command.insert(command.end(), {file.string(), "--seconds", fmt::format("{}", seconds)});
    if (options.core >= 0) {
        command.insert(command.end(), {"--core", std::to_string(options.core)});
    }
    const ProcessEnd end = run_limited(command, options.limits, interrupted);
    const std::string line = end.out.substr(0, end.out.find('\n'));
    try {
        return parse_result(parse_json(line, "its line"), "its line");
    } catch (const InputError &error) {
        CandidateResult failed;
        failed.failed_step = "run", failed.failure = end.failure.empty() ? error.what() : end.failure;
        return failed;
    }
}

std::vector<LayerOutcome> search_schedules(const std::vector<Layer> &layers, const TuneOptions &options,
                                           TrialStore &store) {
    InterruptGuard guard;
    return Tuner(layers, options, store).run();
}

}  // namespace halconv
