#include "tools/layer_search.h"

#include <algorithm>
#include <cmath>

#include "tools/kernel_plan.h"
#include "tools/trial_store.h"

namespace halconv {

namespace {

constexpr size_t kParents = 6, kPool = 96;
constexpr size_t kStartOfModel = 3;  // besides the best of each form
constexpr double kGain = 0.995;      // of the best ratio: less is noise

// Independent of the library's distributions and of the order of layers.
Random random_of(const std::string &problem, uint64_t seed) {
    std::vector<uint32_t> values(problem.begin(), problem.end());
    values.push_back(uint32_t(seed)), values.push_back(uint32_t(seed >> 32));
    std::seed_seq sequence(values.begin(), values.end());
    return Random(sequence);
}

}  // namespace

bool same_schedule(const Schedule &a, const Schedule &b) {
    return a.form == b.form && schedule_text(a) == schedule_text(b);
}

LayerSearch::LayerSearch(const Layer &layer, const TargetRow &target, const std::vector<Schedule> &seeds, uint64_t seed)
    : key_(layer_key(layer)), target_(target), problem_(problem_text(layer)), space_(key_, target, layer.numerics),
      random_(random_of(problem_, seed)) {
    auto add = [&](const Schedule &schedule) {
        auto same = [&](const Schedule &s) { return same_schedule(s, schedule); };
        if (start_.empty() || (std::none_of(start_.begin(), start_.end(), same) && space_.fault(schedule).empty())) {
            start_.push_back(schedule);
        }
    };
    const std::vector<Candidate> model = candidates(key_, target, layer.numerics);
    add(model.front().schedule);
    for (const Schedule &schedule : seeds) {
        add(schedule);
    }
    std::vector<halconv_form> forms = {model.front().schedule.form};
    for (const Candidate &c : model) {
        if (std::find(forms.begin(), forms.end(), c.schedule.form) == forms.end()) {
            forms.push_back(c.schedule.form);
            add(c.schedule);
        }
    }
    for (size_t i = 1; i <= kStartOfModel && i < model.size(); i++) {
        add(model[i].schedule);
    }
}

const Tried *LayerSearch::find(const Schedule &schedule) const {
    auto found =
        std::find_if(tried_.begin(), tried_.end(), [&](const Tried &t) { return same_schedule(t.schedule, schedule); });
    return found == tried_.end() ? nullptr : &*found;
}

std::vector<Schedule> LayerSearch::ranked() const {
    std::vector<const Tried *> timed;
    for (const Tried &t : tried_) {
        if (t.result.ok()) {
            timed.push_back(&t);
        }
    }
    std::stable_sort(timed.begin(), timed.end(),
                     [](const Tried *a, const Tried *b) { return a->result.ratio < b->result.ratio; });
    std::vector<Schedule> schedules;
    for (const Tried *t : timed) {
        schedules.push_back(t->schedule);
    }
    return schedules;
}

Schedule LayerSearch::variation(const std::vector<Schedule> &parents) {
    if (parents.empty() || random_() % 4 == 0) {
        return space_.draw(random_);
    }
    auto parent = [&]() -> const Schedule & {  // the faster of two
        size_t a = size_t(random_() % parents.size()), b = size_t(random_() % parents.size());
        return parents[std::min(a, b)];
    };
    return random_() % 3 == 0 ? space_.cross(parent(), parent(), random_) : space_.mutate(parent(), random_);
}

std::vector<Schedule> LayerSearch::propose(int count, const std::vector<CostSample> &samples) {
    std::vector<Schedule> proposed;
    auto is_new = [&](const Schedule &s) {
        return !find(s) && std::none_of(proposed.begin(), proposed.end(),
                                        [&](const Schedule &other) { return same_schedule(s, other); });
    };
    for (const Schedule &schedule : start_) {
        if (int(proposed.size()) < count && is_new(schedule)) {
            proposed.push_back(schedule);
        }
    }
    if (!proposed.empty()) {
        return proposed;
    }
    std::vector<Schedule> parents = ranked();
    parents.resize(std::min(parents.size(), kParents));
    const CostModel model(samples, problem_);
    const std::vector<double> origin = schedule_features(key_, target_, default_schedule());
    std::vector<std::pair<double, Schedule>> pool;
    for (size_t i = 0; i < kPool; i++) {
        Schedule schedule = variation(parents);
        std::vector<double> features = schedule_features(key_, target_, schedule);
        for (size_t f = 0; f < features.size(); f++) {
            features[f] -= origin[f];
        }
        pool.emplace_back(model.log_ratio(features), schedule);
    }
    const Schedule explorer = pool[size_t(random_() % pool.size())].second;
    std::stable_sort(pool.begin(), pool.end(), [](const auto &a, const auto &b) { return a.first < b.first; });
    for (const auto &[expected, schedule] : pool) {
        if (int(proposed.size()) < count - 1 && is_new(schedule)) {
            proposed.push_back(schedule);
        }
    }
    if (is_new(explorer)) {
        proposed.push_back(explorer);
    }
    return proposed;
}

const Tried *LayerSearch::fastest() const {
    const Tried *best = nullptr;
    for (const Tried &t : tried_) {
        if (t.result.ok() && (!best || t.result.ratio < best->result.ratio)) {
            best = &t;
        }
    }
    return best;
}

std::vector<Schedule> LayerSearch::undecided(double seconds, size_t most) const {
    const Tried *best = fastest();
    std::vector<Schedule> open;
    size_t overlapping = 0;
    for (const Schedule &schedule : ranked()) {
        const Tried *found = find(schedule);
        if (overlapping == most || found->result.ratio_low > best->result.ratio_high) {
            break;
        }
        overlapping++;
        if (found->seconds < seconds) {
            open.push_back(schedule);
        }
    }
    return overlapping > 1 ? open : std::vector<Schedule>();
}

std::vector<Schedule> LayerSearch::contenders(size_t most) const {
    std::vector<Schedule> faster;
    for (const Schedule &schedule : ranked()) {
        if (faster.size() < most && find(schedule)->result.ratio_high < 1 &&
            !same_schedule(schedule, default_schedule())) {
            faster.push_back(schedule);
        }
    }
    return faster;
}

void LayerSearch::learn(const Schedule &schedule, double seconds, const CandidateResult &result) {
    for (Tried &t : tried_) {
        if (same_schedule(t.schedule, schedule)) {
            t = {schedule, seconds, result};
            return;
        }
    }
    tried_.push_back({schedule, seconds, result});
}

void LayerSearch::end_generation() {
    const Tried *best = fastest();
    const double ratio = best ? best->result.ratio : 1;
    idle_ = ratio < best_at_end_ * kGain ? 0 : idle_ + 1;
    best_at_end_ = std::min(best_at_end_, ratio);
    generations_++;
}

std::vector<CostSample> LayerSearch::samples() const {
    const std::vector<double> origin = schedule_features(key_, target_, default_schedule());
    std::vector<CostSample> samples;
    for (const Tried &t : tried_) {
        if (!t.result.ok()) {
            continue;
        }
        CostSample sample{problem_, schedule_features(key_, target_, t.schedule), std::log(t.result.ratio)};
        for (size_t f = 0; f < origin.size(); f++) {
            sample.features[f] -= origin[f];
        }
        samples.push_back(std::move(sample));
    }
    return samples;
}

}  // namespace halconv
