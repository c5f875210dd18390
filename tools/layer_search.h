// The search for one layer's schedule: generations of candidates. The first has the analytic model's best and the seeds; the
// next are drawn by mutation and crossing of the fastest, and at random, and ranked by the cost model. It knows nothing of
// processes and clocks: the same results give the same proposals.
#pragma once

#include <string>
#include <vector>

#include "schedules/tuning/space.h"
#include "tools/candidate.h"
#include "tools/cost_model.h"

namespace halconv {

struct Tried {
    Schedule schedule;
    double seconds;  // of the longest timing
    CandidateResult result;
};

class LayerSearch {
  public:
    // `seeds` are schedules of near problems; those that are not legal here are left out.
    LayerSearch(const Layer &layer, const TargetRow &target, const std::vector<Schedule> &seeds, uint64_t seed);

    // Up to `count` schedules that were not tried, best first by what `samples` teach; fewer where none are found.
    std::vector<Schedule> propose(int count, const std::vector<CostSample> &samples);
    // Those among the fastest whose intervals overlap the fastest's and that were timed for less than `seconds`, itself
    // included; at most `most`; none where the fastest stands alone.
    std::vector<Schedule> undecided(double seconds, size_t most) const;
    // Up to `most`, fastest first, that were faster than the default beyond the quartiles of their last timing.
    std::vector<Schedule> contenders(size_t most) const;
    void learn(const Schedule &schedule, double seconds, const CandidateResult &result);
    // Closes a generation: idle() counts those in a row that brought no gain.
    void end_generation();

    const Tried *find(const Schedule &schedule) const;  // null where it was not tried
    const Tried *fastest() const;                       // null where none was timed
    const Schedule &default_schedule() const { return start_.front(); }
    const std::vector<Schedule> &first_generation() const { return start_; }
    int generations() const { return generations_; }
    int idle() const { return idle_; }
    // What the layer's trials teach the cost model.
    std::vector<CostSample> samples() const;

  private:
    std::vector<Schedule> ranked() const;  // schedules that were timed, fastest first
    Schedule variation(const std::vector<Schedule> &parents);

    halconv_key key_;
    const TargetRow &target_;
    std::string problem_;
    SearchSpace space_;
    Random random_;
    std::vector<Schedule> start_;  // of the first generation, the default first
    std::vector<Tried> tried_;
    int generations_ = 0, idle_ = 0;
    double best_at_end_ = 1;  // ratio at the end of the last generation
};

// Whether two schedules are one, every parameter compared.
bool same_schedule(const Schedule &a, const Schedule &b);

}  // namespace halconv
