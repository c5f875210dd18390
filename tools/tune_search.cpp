// The loop over layers and generations of `halconv tune`.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <exception>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "tools/confirmation.h"
#include "tools/interrupt.h"
#include "tools/kernel_plan.h"
#include "tools/progress.h"
#include "tools/tune.h"
#include "tools/tune_table.h"

namespace halconv {

namespace {

// Seconds that a candidate is timed for: first; where it cannot be told from the fastest; by each process that confirms.
constexpr double kFirst = 0.05, kAgain = 0.2, kLast = 0.6;
constexpr size_t kContenders = 3;  // that are timed again, and at the end to be confirmed
constexpr int kMostRounds = 8;     // of timing again
constexpr int kPatience = 5;       // generations without a gain until a layer is done
// Of the time, kept to confirm the winners: so many seconds a layer, but no more than this share of it; confirming is not
// cut off.
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
        if (parse_any_target(record.candidate.target).row == target.row) {
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
        : options_(options), store_(store), target_(parse_any_target(options.target)), layers_(layers),
          start_(Clock::now()), bar_("tuning"), winners_bar_("confirming") {
        TuningRecords records;
        if (!options.winners.empty() && std::filesystem::exists(options.winners)) {
            records.read(options.winners);
        }
        records.read_folder(committed_folder());
        for (const Layer &layer : layers) {
            searches_.emplace_back(layer, *target_.row, near_schedules(layer, target_, records), options.seed);
            before_.push_back(confirmed_before(stored(searches_.size() - 1), kLast));
        }
        trials_.resize(layers.size(), 0), failed_.resize(layers.size(), 0), decided_.resize(layers.size(), false);
        turn_.resize(layers.size(), 0), done_.resize(layers.size(), false);
        confirmations_.resize(layers.size(), Confirmations({}));
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
            show(layer);
            const std::vector<Schedule> proposed = search.propose(count, all_samples());
            const bool exhausted = proposed.empty();
            learn(layer, proposed, kFirst);
            decide(layer);
            search.end_generation();
            done_[size_t(layer)] = exhausted || search.idle() >= kPatience;
            if (commands_ == commands) {  // all from the file
                start_ += Clock::now() - begin;
            }
        }
        searching_ = false;
        bar_.clear();
        for (size_t layer = 0; layer < searches_.size(); layer++) {
            winners_bar_.update(int(layer), int(searches_.size()), confirmed_text(), table(int(layer)));
            adopt(layer);
            confirm(int(layer));
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
    // What was found is confirmed to the end.
    bool out_of_time() const {
        const double share =
            1 - std::min(kLastShare, kLastOfLayer * double(searches_.size()) / (options_.minutes * 60));
        return interrupted() || (searching_ && elapsed() >= share * options_.minutes * 60);
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

    // Learns all that the file has of the layer; winners are confirmed again.
    void adopt(size_t layer) {
        for (const Trial &t : stored(layer)) {
            const Tried *known = searches_[layer].find(t.candidate.schedule);
            if (const double seconds = std::min(t.seconds, kAgain); !known || known->seconds <= seconds) {
                searches_[layer].learn(t.candidate.schedule, seconds, t.result);
            }
        }
    }

    // One process after the other times each contender and what an earlier run confirmed; timings in the search are no part
    // of it, as their luck made the contenders.
    void confirm(int layer) {
        std::vector<Schedule> contenders = searches_[size_t(layer)].contenders(kContenders);
        if (const std::optional<Confirmation> &before = before_[size_t(layer)]) {
            auto same = [&](const Schedule &s) { return same_schedule(s, before->schedule); };
            contenders.erase(std::remove_if(contenders.begin(), contenders.end(), same), contenders.end());
            contenders.insert(contenders.begin(), before->schedule);
        }
        Confirmations &c = confirmations_[size_t(layer)] = Confirmations(contenders);
        for (std::vector<Schedule> open; !(open = c.open()).empty() && !interrupted();) {
            const std::vector<std::optional<CandidateResult>> results = measure(layer, open, kLast);
            for (size_t i = 0; i < open.size(); i++) {
                if (results[i]) {
                    c.add(open[i], *results[i]);
                }
            }
        }
        decided_[size_t(layer)] = !interrupted();
    }

    std::string confirmed_text() const {
        int confirmed = 0;
        double log_sum = 0;
        for (const Confirmations &c : confirmations_) {
            if (const Confirmation *best = c.best(); best && best->confirmed()) {
                confirmed++, log_sum -= std::log(best->result().ratio);
            }
        }
        return fmt::format("layers; {} have a schedule that {} processes found faster, geomean over all {:.3f}x",
                           confirmed, kConfirmingProcesses, std::exp(log_sum / double(searches_.size())));
    }

    // Every layer in turn, those that gained lately more often; -1 where all are done.
    int next_layer() {
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

    // Measures the schedules, several commands at a time, and stores each result as it comes; nothing of those that the end
    // of the time left out.
    std::vector<std::optional<CandidateResult>> measure(int layer, const std::vector<Schedule> &schedules,
                                                        double seconds) {
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
        for (const std::optional<CandidateResult> &result : results) {
            trials_[size_t(layer)] += result.has_value();
            failed_[size_t(layer)] += result && !result->ok();
        }
        return results;
    }

    // Measures the schedules and learns from them in their order, whichever ended first.
    void learn(int layer, const std::vector<Schedule> &schedules, double seconds) {
        const std::vector<std::optional<CandidateResult>> results = measure(layer, schedules, seconds);
        for (size_t i = 0; i < schedules.size(); i++) {
            if (results[i]) {
                searches_[size_t(layer)].learn(schedules[i], seconds, *results[i]);
            }
        }
        show(layer);
    }

    // Times the fastest again, and what cannot be told from it, until the fastest is one that was timed for kAgain: of
    // many short timings the best is often one that was disturbed.
    void decide(int layer) {
        const LayerSearch &search = searches_[size_t(layer)];
        for (int round = 0; round < kMostRounds && !out_of_time(); round++) {
            const Tried *best = search.fastest();
            std::vector<Schedule> open = search.undecided(kAgain, kContenders);
            if (!best || (open.empty() &&
                          (best->seconds >= kAgain || same_schedule(best->schedule, search.default_schedule())))) {
                return;
            }
            learn(layer, open.empty() ? std::vector<Schedule>{best->schedule} : open, kAgain);
        }
    }

    // Nothing where ctrl-C ended it. Winners are confirmed in every run: a resumed one shows whether they hold.
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
                                std::exp(-log_sum / double(searches_.size())), layers_[size_t(layer)].name, best_text),
                    table(layer));
    }

    // For a terminal, beside the bar.
    std::vector<std::string> table(int in_work) {
        turn_[size_t(in_work)] = ++turns_;
        std::vector<LayerState> states;
        for (size_t i = 0; i < layers_.size(); i++) {
            LayerState state{layers_[i].name, trials_[i], 0, 1, done_[i] ? "done" : "", turn_[i]};
            const Tried *fastest = searches_[i].fastest();
            const Confirmation *winner = decided_[i] ? confirmations_[i].best() : nullptr;
            if (fastest) {
                const CandidateResult result = winner && winner->confirmed() ? winner->result() : fastest->result;
                state.time_us = result.time_us, state.speed_up = 1 / result.ratio;
            }
            if (decided_[i]) {
                state.what = winner && winner->confirmed() ? "confirmed" : "not confirmed";
            } else if (int(i) == in_work) {
                state.what = searching_ ? "in work" : "being confirmed";
            }
            states.push_back(state);
        }
        return tune_table(states, terminal_size().rows - 1);
    }

    std::vector<LayerOutcome> outcomes() const {
        std::vector<LayerOutcome> found;
        for (size_t i = 0; i < searches_.size(); i++) {
            if (searches_[i].fastest()) {
                found.push_back(outcome(i));
            }
        }
        return found;
    }

    LayerOutcome outcome(size_t layer) const {
        const Confirmations &c = confirmations_[layer];
        const Tried *fastest = searches_[layer].fastest();
        LayerOutcome o{layers_[layer], fastest->schedule,     fastest->result, 0, trials_[layer], failed_[layer], {},
                       false,          bool(decided_[layer]), std::nullopt};
        if (const Confirmation *best = c.best(); best && best->result().ok()) {
            o.schedule = best->schedule, o.result = best->result(), o.processes = int(best->processes.size());
            o.confirmed = best->confirmed();
        }
        const std::optional<Confirmation> &before = before_[layer];
        if (const Confirmation *now = before ? c.find(before->schedule) : nullptr) {
            o.earlier = {before->schedule, before->result(), now->result(), now->confirmed()};
        }
        return o;
    }

    const TuneOptions &options_;
    TrialStore &store_;
    Target target_;
    std::vector<Layer> layers_;
    std::vector<LayerSearch> searches_;
    std::vector<std::optional<Confirmation>> before_;  // of each layer, by earlier runs
    std::vector<Confirmations> confirmations_;         // of each layer, by this run
    std::vector<int> trials_, failed_;
    std::vector<char> done_, decided_;  // the search; what is confirmed
    std::vector<int> turn_;             // when a layer was in work last, of turns_
    int turns_ = 0;
    std::atomic<int64_t> commands_{0};  // that measured
    bool searching_ = true;             // else the winners are confirmed
    Clock::time_point start_;           // of the search; later by what the store's trials took
    ProgressBar bar_, winners_bar_;
    std::mutex mutex_;
};

}  // namespace

std::vector<LayerOutcome> search_schedules(const std::vector<Layer> &layers, const TuneOptions &options,
                                           TrialStore &store) {
    InterruptGuard guard;
    return Tuner(layers, options, store).run();
}

}  // namespace halconv
