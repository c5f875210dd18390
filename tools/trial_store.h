// Every finished trial of a search in one SQLite file: a row is there as soon as record() returns, whatever kills the
// process then (write-ahead log), and several tuners may use one file.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/candidate.h"

namespace halconv {

// What a trial's figures hold for: trials of another conditions' are stale.
struct TrialConditions {
    std::string cpu;
    int threads;
    std::string halide;
    int schedule_version, algorithm_version;
};

struct Trial {
    TuningCandidate candidate;
    double seconds;  // that it was timed for
    CandidateResult result;
};

class TrialStore {
  public:
    // Opens the file, or makes it. Throws InputError where that is not possible or it is something else.
    TrialStore(const std::filesystem::path &file, TrialConditions conditions);
    ~TrialStore();
    TrialStore(const TrialStore &) = delete;
    TrialStore &operator=(const TrialStore &) = delete;

    void record(const Trial &trial);  // throws WorkError
    // The latest result of this candidate, timed for as long, under these conditions.
    std::optional<CandidateResult> find(const TuningCandidate &candidate, double seconds) const;
    // All trials of the candidate's problem and target under these conditions, oldest first.
    std::vector<Trial> trials(const TuningCandidate &of_problem) const;
    int64_t count() const;  // rows
    int64_t stale() const;  // rows of other conditions

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// A problem's text in the store: the layer's object without its name.
std::string problem_text(const Layer &layer);

}  // namespace halconv
