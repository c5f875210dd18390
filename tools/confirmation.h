// Whether a schedule that won a search is faster indeed. What a search finds is the best of many timings, and where the
// system puts a process's code and data is part of each: a winner is timed again in several processes, in each of them in
// turns with the default schedule.
#pragma once

#include <optional>
#include <vector>

#include "tools/trial_store.h"

namespace halconv {

constexpr int kConfirmingProcesses = 4;

struct Confirmation {
    Schedule schedule;
    std::vector<CandidateResult> processes;  // at least one

    // Medians over the processes of the time and of the ratio to the default's time; ratio_low and ratio_high are the
    // least and the largest ratio; spread: (slowest - fastest) / median of the times. A failure, where a process has one.
    CandidateResult result() const;
    bool refuted() const;  // a process failed, or found it no faster than the default
    // Every process found it faster, and by more than they differ: 1 - ratio > ratio_high - ratio_low.
    bool confirmed() const;
};

// The contenders for a layer's record, each timed by one process after the other.
class Confirmations {
  public:
    explicit Confirmations(const std::vector<Schedule> &contenders);

    std::vector<Schedule> open() const;  // those that one more process should time: no refuted ones
    void add(const Schedule &schedule, const CandidateResult &process);
    const Confirmation *find(const Schedule &schedule) const;  // null where no process timed it
    // The fastest that is confirmed; where none is, the fastest of all; null where no process timed any.
    const Confirmation *best() const;

  private:
    std::vector<Confirmation> contenders_;
};

// The fastest schedule that earlier runs confirmed, by the last timings of each, of so many seconds. `trials`: oldest first.
std::optional<Confirmation> confirmed_before(const std::vector<Trial> &trials, double seconds);

}  // namespace halconv
