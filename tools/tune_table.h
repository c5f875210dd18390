// The table that `halconv tune` draws on a terminal while it searches: a line for each layer.
#pragma once

#include <string>
#include <vector>

namespace halconv {

struct LayerState {
    std::string name;
    int trials = 0;
    double time_us = 0;   // of the fastest schedule; 0 where nothing was timed
    double speed_up = 1;  // over the default schedule
    std::string what;     // "in work", "done"; empty
    int turn = 0;         // 1, 2, .. in the order in which layers were last in work; 0: not yet
};

// A header and layers in their order, `rows` lines at most: of more layers those that were in work last.
std::vector<std::string> tune_table(const std::vector<LayerState> &layers, size_t rows);

}  // namespace halconv
