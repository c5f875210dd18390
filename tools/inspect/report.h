// What `halconv inspect` prints: JSON Lines, a Markdown table, or one or two loops with their instructions.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tools/inspect/core_model.h"

namespace halconv {

struct InspectedLoop {
    std::string name, kernel;  // the layer's, or the kernel's again
    InnerLoop loop;
    std::map<std::string, LoopPrediction> predictions;  // by core
};

// One object; with `place` also where the loop is.
std::string loop_json(const InspectedLoop &inspected, bool place);

// A row for each loop.
std::string loop_table(const std::vector<InspectedLoop> &loops, const std::vector<std::string> &cores);

// Figures and instructions; two loops side by side.
std::string loop_listing(const std::vector<InspectedLoop> &loops, const std::vector<std::string> &cores);

}  // namespace halconv
