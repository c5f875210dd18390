// The HTML page of a search: one file, plots as inline SVG, nothing loaded from elsewhere.
#pragma once

#include <string>
#include <vector>

#include "tools/machine.h"
#include "tools/tune.h"

namespace halconv {

struct TunePage {
    const std::vector<LayerOutcome> &outcomes;
    const std::vector<std::vector<Trial>> &trials;  // of each outcome, in the order of time
    const Machine &machine;
    std::string target;
};

// Percent of the machine's peak before and after; for each layer the best time over the trials, and the landscape: the time
// of every candidate over its register tile's vectors of sums.
std::string tune_page(const TunePage &page);

}  // namespace halconv
