#include "tools/tune_outcomes.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "tools/bench_figures.h"
#include "tools/confirmation.h"

namespace halconv {

namespace {

class Geomean {
  public:
    void add(double value) { log_sum_ += std::log(value), count_++; }
    double value() const { return std::exp(log_sum_ / std::max(1, count_)); }

  private:
    double log_sum_ = 0;
    int count_ = 0;
};

OrderedJson outcome_json(const LayerOutcome &o, const Machine &machine) {
    const double default_us = o.result.time_us / o.result.ratio;
    OrderedJson object{{"name", o.layer.name},
                       {"form", form_name(o.schedule.form)},
                       {"schedule", schedule_text(o.schedule)},
                       {"time_us", o.result.time_us},
                       {"default_time_us", default_us},
                       {"speedup", 1 / o.result.ratio},
                       {"spread", o.result.spread},
                       {"percent_of_peak", percent_of_peak(o.layer, o.result.time_us, machine)},
                       {"default_percent_of_peak", percent_of_peak(o.layer, default_us, machine)},
                       {"trials", o.trials},
                       {"failed", o.failed},
                       {"confirmed", o.confirmed},
                       {"processes", o.processes}};
    if (o.processes > 0) {
        object["process_speedups"] = {1 / o.result.ratio_high, 1 / o.result.ratio_low};
    }
    if (o.earlier) {
        const EarlierWinner &e = *o.earlier;
        object["earlier"] = {{"schedule", schedule_text(e.schedule)},
                             {"speedup", 1 / e.then.ratio},
                             {"speedup_again", e.now.ok() ? OrderedJson(1 / e.now.ratio) : OrderedJson()},
                             {"held", e.held}};
    }
    for (size_t i = 0; i < o.others.size(); i++) {
        object[kAutoschedulers[i]] = result_json(o.others[i]);
    }
    return object;
}

OrderedJson totals_json(const OutcomeTotals &t) {
    OrderedJson object{{"layers", t.layers},
                       {"confirmed", t.confirmed},
                       {"not_confirmed", t.refuted},
                       {"processes", kConfirmingProcesses},
                       {"geomean_speedup", t.speedup},
                       {"trials", t.trials},
                       {"failed", t.failed}};
    if (t.earlier > 0) {
        object["earlier"] = {{"winners", t.earlier},
                             {"held", t.held},
                             {"geomean_speedup", t.earlier_speedup},
                             {"geomean_speedup_again", t.again_speedup}};
    }
    for (size_t i = 0; i < t.others.size(); i++) {
        const OtherTotals &other = t.others[i];
        object[kAutoschedulers[i]] = {
            {"timed", other.timed}, {"failed", other.failed}, {"geomean_of_our_time", other.geomean}};
    }
    return {{"tuned", object}};
}

std::string totals_text(const OutcomeTotals &t) {
    std::string text =
        fmt::format("{} of {} layers have a schedule that each of {} processes found faster; geomean speed-up over all "
                    "{:.3f}\n{} more seemed faster in the search and are not confirmed; {} trials, {} failed\n",
                    t.confirmed, t.layers, kConfirmingProcesses, t.speedup, t.refuted, t.trials, t.failed);
    if (t.earlier > 0) {
        text += fmt::format("{} of {} winners of earlier runs are confirmed again; their geomean speed-up was {:.3f} "
                            "and is {:.3f}\n",
                            t.held, t.earlier, t.earlier_speedup, t.again_speedup);
    }
    for (size_t i = 0; i < t.others.size(); i++) {
        text += fmt::format("{}: {} layers, geomean {:.2f}x our time; {} failed\n", kAutoschedulers[i],
                            t.others[i].timed, t.others[i].geomean, t.others[i].failed);
    }
    return text;
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

std::string earlier_text(const LayerOutcome &o) {
    if (!o.earlier) {
        return "";
    }
    const CandidateResult &now = o.earlier->now;
    return fmt::format("; an earlier run's winner: {:.3f} then, {} now", 1 / o.earlier->then.ratio,
                       now.ok() ? fmt::format("{:.3f}", 1 / now.ratio) : now.failure);
}

}  // namespace

std::string confirmation_text(const LayerOutcome &o) {
    if (o.processes == 0) {
        return "";
    }
    const std::string text =
        fmt::format("{} processes: {:.3f} .. {:.3f}", o.processes, 1 / o.result.ratio_high, 1 / o.result.ratio_low);
    return o.confirmed ? text : "not confirmed (" + text + ")";
}

double percent_of_peak(const Layer &layer, double time_us, const Machine &machine) {
    return useful_flop(layer.problem) / time_us * 1e-3 * 100 / machine.peak();
}

OutcomeTotals totals_of(const std::vector<LayerOutcome> &outcomes) {
    OutcomeTotals t;
    Geomean speedup, earlier, again, others[std::size(kAutoschedulers)];
    for (const LayerOutcome &o : outcomes) {
        t.layers++, t.confirmed += o.confirmed, t.refuted += o.processes > 0 && !o.confirmed;
        t.trials += o.trials, t.failed += o.failed;
        speedup.add(o.confirmed ? 1 / o.result.ratio : 1);
        if (o.earlier) {
            t.earlier++, t.held += o.earlier->held;
            earlier.add(1 / o.earlier->then.ratio);
            again.add(o.earlier->now.ok() ? 1 / o.earlier->now.ratio : 1);
        }
        t.others.resize(std::max(t.others.size(), o.others.size()));
        for (size_t i = 0; i < o.others.size(); i++) {
            t.others[i].timed += o.others[i].ok(), t.others[i].failed += !o.others[i].ok();
            if (o.others[i].ok()) {
                others[i].add(o.others[i].ratio / o.result.ratio);
            }
        }
    }
    for (size_t i = 0; i < t.others.size(); i++) {
        t.others[i].geomean = others[i].value();
    }
    t.speedup = speedup.value(), t.earlier_speedup = earlier.value(), t.again_speedup = again.value();
    return t;
}

void print_outcomes(const std::vector<LayerOutcome> &outcomes, const Machine &machine, bool json) {
    size_t width = 5;
    for (const LayerOutcome &o : outcomes) {
        width = std::max(width, o.layer.name.size());
    }
    if (!json) {
        fmt::print("| {:<{}} | default us | tuned us | speed-up | confirmed by | trials | failed | schedule |\n"
                   "| :{:-<{}} | ---------: | -------: | -------: | :----------- | -----: | -----: | :------- |\n",
                   "layer", width, "", width - 1);
    }
    for (const LayerOutcome &o : outcomes) {
        if (json) {
            fmt::print("{}\n", outcome_json(o, machine).dump());
            continue;
        }
        fmt::print("| {:<{}} | {:>10.1f} | {:>8.1f} | {:>8.3f} | {} | {:>6} | {:>6} | {} {}{} |\n", o.layer.name, width,
                   o.result.time_us / o.result.ratio, o.result.time_us, 1 / o.result.ratio, confirmation_text(o),
                   o.trials, o.failed, form_name(o.schedule.form), schedule_text(o.schedule),
                   earlier_text(o) + others_text(o));
    }
    const OutcomeTotals totals = totals_of(outcomes);
    fmt::print("{}\n", json ? totals_json(totals).dump() : "\n" + totals_text(totals));
}

}  // namespace halconv
