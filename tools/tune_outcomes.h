// What a search found, in figures: for the program's output and its page.
#pragma once

#include <string>
#include <vector>

#include "tools/machine.h"
#include "tools/tune.h"

namespace halconv {

// Of one of Halide's autoschedulers over the layers that it was tried on.
struct OtherTotals {
    int timed = 0, failed = 0;
    double geomean = 1;  // its time over ours, of those that were timed
};

struct OutcomeTotals {
    int layers = 0, confirmed = 0, trials = 0, failed = 0;
    int refuted = 0;                  // layers where the search alone held a schedule for faster
    double speedup = 1;               // over the default, of all layers; 1 where nothing is confirmed
    std::vector<OtherTotals> others;  // kAutoschedulers; empty if they were not asked for
    // Winners of earlier runs, and those that are confirmed again; the mean speed-up of all of them, then and now.
    int earlier = 0, held = 0;
    double earlier_speedup = 1, again_speedup = 1;
};
OutcomeTotals totals_of(const std::vector<LayerOutcome> &outcomes);

// What the confirmation says of the layer: "4 processes: 1.020 .. 1.031", "not confirmed (2 processes: ..)", or empty.
std::string confirmation_text(const LayerOutcome &outcome);

// Percent of the machine's peak that useful multiply-adds reach in this time.
double percent_of_peak(const Layer &layer, double time_us, const Machine &machine);

// On stdout: a table and its totals, or JSON Lines.
void print_outcomes(const std::vector<LayerOutcome> &outcomes, const Machine &machine, bool json);

}  // namespace halconv
