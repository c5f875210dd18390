// `halconv tune`: searches schedules that are faster than the analytic model's.
#pragma once

#include <string>
#include <vector>

#include "schedules/target.h"
#include "tools/candidate.h"
#include "tools/layer_search.h"
#include "tools/limited_process.h"
#include "tools/trial_store.h"

namespace CLI {
class App;
}

namespace halconv {

struct TuneOptions {
    std::vector<std::string> layers;  // LAYERS arguments
    std::string target = "host";
    double minutes = 10;
    std::string records = "halconv-tune.sqlite";  // every trial
    std::string winners;                          // file of tuning records to bring up to date; empty: none
    std::string report;                           // HTML file; empty: none
    bool resume = false;                          // take trials from `records` in place of timing them again
    uint64_t seed = 1;
    int jobs = 0;          // candidates compiled at a time; 0: one a core
    int core = -1;         // that times; -1: the last
    bool compare = false;  // time Halide's autoschedulers beside what was found
    bool json = false;
    bool timed = true;  // else schedules are ranked by their machine code: tools/tune_static.h
    std::string cpu;    // whose model ranks them; empty: the first that serves the target
    // The command that measures: called with CANDIDATE.json --seconds S [--core N], it prints one line (result_json).
    std::vector<std::string> measure;
    ProcessLimits limits{900, 0};  // of one such command, which itself limits what it runs and may wait for its turn
};

constexpr const char *kAutoschedulers[] = {"Adams2019", "Mullapudi2016"};

// The schedule that an earlier run, of the same file of trials, confirmed to be faster than the default.
struct EarlierWinner {
    Schedule schedule;
    CandidateResult then, now;  // over the processes that timed it
    bool held;                  // confirmed again
};

// What a search found for one layer.
struct LayerOutcome {
    Layer layer;
    // The fastest that is confirmed; where none is, the fastest of those that the search held for faster than the default;
    // where there are none, the fastest.
    Schedule schedule;
    CandidateResult result;  // over the processes that timed it to confirm it, else the search's last timing
    int processes;           // that timed it to confirm it; 0 if it was no contender
    int trials, failed;
    // Of Halide's autoschedulers, if they were asked for: kAutoschedulers.
    std::vector<CandidateResult> others;
    bool confirmed;  // faster than the default schedule: tools/confirmation.h
    bool decided;    // it was confirmed or not, or the default is the fastest; else ctrl-C ended the search before
    std::optional<EarlierWinner> earlier;  // of a resumed search
};

// Runs the search for as long as options.minutes says, or until no layer gains any more, or ctrl-C, the time to confirm
// what it found included; what is taken from `store` costs none of that time. Every trial is stored when it ends. Throws InputError and WorkError.
std::vector<LayerOutcome> search_schedules(const std::vector<Layer> &layers, const TuneOptions &options,
                                           TrialStore &store);

// Calls options.measure for one candidate. What fails, hangs or prints nonsense is a result with a failure.
CandidateResult measure_by_command(const TuningCandidate &candidate, double seconds, const TuneOptions &options);

// All of `halconv tune LAYERS`; the exit status.
int run_tune(const TuneOptions &options);

void add_tune_command(CLI::App &program, int &status);

}  // namespace halconv
