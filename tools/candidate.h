// One candidate of a search: compiled, checked and timed in a process of its own. This is `halconv tune --candidate`.
#pragma once

#include <string>

#include "tools/tuning_record.h"

namespace halconv {

struct CandidateResult {
    std::string failure;  // empty: compiled, exact and timed. Else why not, in a line
    // The step that failed: "compile", "device", "check", "time"; empty where none did.
    std::string failed_step;
    double time_us = 0, default_time_us = 0;          // medians
    double ratio = 0, ratio_low = 0, ratio_high = 0;  // time over the default's, both timed in turns: median, quartiles
    double spread = 0;                                // (90th - 10th percentile) / median of the times
    int samples = 0;
    double compile_seconds = 0;
    std::string against;  // in the store of trials: the default schedule, which changes with the analytic model
    bool ok() const { return failure.empty(); }
};

OrderedJson result_json(const CandidateResult &result);
CandidateResult parse_result(const OrderedJson &object, const std::string &place);  // throws InputError

struct MeasureOptions {
    double seconds = 0.05;  // that the candidate and the default schedule run together
    int core = -1;          // to run on; -1: the last that this process may use; not of a graphics processor
};

// Compiles the candidate and the problem's default schedule (both cached), compares their outputs on integers with each
// other at every element and with plain sums at sampled ones, and times them in turns. All of it is in a forked process
// with limits on time and memory. No two processes time at once, and none times while another compiles: they take turns by
// a lock beside the cache. Throws InputError for a schedule that is not legal.
CandidateResult measure_candidate(const TuningCandidate &candidate, const MeasureOptions &options);

// The same for the kernel that one of Halide's autoschedulers ("Adams2019", "Mullapudi2016") makes of the layer's direct,
// phase or depthwise algorithm.
CandidateResult measure_autoscheduler(const Layer &layer, const Target &target, const std::string &name,
                                      const MeasureOptions &options);

}  // namespace halconv
