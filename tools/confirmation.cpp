#include "tools/confirmation.h"

#include <algorithm>

#include "tools/layer_search.h"

namespace halconv {

namespace {

// Of sorted values.
double median(const std::vector<double> &values) {
    const size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

const Confirmation *faster(const Confirmation *a, const Confirmation *b) {
    if (!a || !b) {
        return a ? a : b;
    }
    const CandidateResult of_a = a->result(), of_b = b->result();
    return of_b.ok() && (!of_a.ok() || of_b.ratio < of_a.ratio) ? b : a;
}

}  // namespace

CandidateResult Confirmation::result() const {
    std::vector<double> times, ratios;
    CandidateResult result = processes.back();
    result.samples = 0;
    for (const CandidateResult &process : processes) {
        if (!process.ok()) {
            return process;
        }
        times.push_back(process.time_us), ratios.push_back(process.ratio);
        result.samples += process.samples;
    }
    std::sort(times.begin(), times.end()), std::sort(ratios.begin(), ratios.end());
    result.time_us = median(times), result.ratio = median(ratios);
    result.default_time_us = result.time_us / result.ratio;
    result.ratio_low = ratios.front(), result.ratio_high = ratios.back();
    result.spread = (times.back() - times.front()) / result.time_us;
    return result;
}

bool Confirmation::refuted() const {
    const CandidateResult all = result();
    return !all.ok() || all.ratio_high >= 1;
}

bool Confirmation::confirmed() const {
    const CandidateResult all = result();
    return int(processes.size()) >= kConfirmingProcesses && !refuted() &&
           1 - all.ratio > all.ratio_high - all.ratio_low;
}

Confirmations::Confirmations(const std::vector<Schedule> &contenders) {
    for (const Schedule &schedule : contenders) {
        contenders_.push_back({schedule, {}});
    }
}

std::vector<Schedule> Confirmations::open() const {
    std::vector<Schedule> schedules;
    for (const Confirmation &c : contenders_) {
        if (c.processes.empty() || (!c.refuted() && int(c.processes.size()) < kConfirmingProcesses)) {
            schedules.push_back(c.schedule);
        }
    }
    return schedules;
}

void Confirmations::add(const Schedule &schedule, const CandidateResult &process) {
    for (Confirmation &c : contenders_) {
        if (same_schedule(c.schedule, schedule)) {
            c.processes.push_back(process);
        }
    }
}

const Confirmation *Confirmations::find(const Schedule &schedule) const {
    for (const Confirmation &c : contenders_) {
        if (same_schedule(c.schedule, schedule) && !c.processes.empty()) {
            return &c;
        }
    }
    return nullptr;
}

const Confirmation *Confirmations::best() const {
    const Confirmation *confirmed = nullptr, *any = nullptr;
    for (const Confirmation &c : contenders_) {
        if (!c.processes.empty()) {
            any = faster(any, &c);
            confirmed = c.confirmed() ? faster(confirmed, &c) : confirmed;
        }
    }
    return confirmed ? confirmed : any;
}

std::optional<Confirmation> confirmed_before(const std::vector<Trial> &trials, double seconds) {
    std::vector<Confirmation> timed;
    for (const Trial &trial : trials) {
        if (trial.seconds < seconds) {
            continue;
        }
        const Schedule &schedule = trial.candidate.schedule;
        auto found = std::find_if(timed.begin(), timed.end(),
                                  [&](const Confirmation &c) { return same_schedule(c.schedule, schedule); });
        found = found == timed.end() ? timed.insert(found, {schedule, {}}) : found;
        found->processes.push_back(trial.result);
        if (int(found->processes.size()) > kConfirmingProcesses) {
            found->processes.erase(found->processes.begin());
        }
    }
    const Confirmation *best = nullptr;
    for (const Confirmation &c : timed) {
        best = c.confirmed() ? faster(best, &c) : best;
    }
    return best ? std::optional(*best) : std::nullopt;
}

}  // namespace halconv
