// Cycles that LLVM's machine-code analyser predicts for a loop on a processor core.
#pragma once

#include <string>
#include <vector>

#include "tools/inspect/inner_loop.h"

namespace halconv {

struct CoreModel {
    const char *name;    // LLVM's name of the processor
    const char *triple;  // as InstructionSet's
    int lanes;           // most f32 lanes of a vector for which its model is right
};

// Cores whose model in LLVM 19 agrees with what is known of them.
const std::vector<CoreModel> &core_models();

// Null where there is none of that name.
const CoreModel *find_core(const std::string &name);

// Whether the model is right for code of that kind with vectors of that many f32 lanes.
bool serves(const CoreModel &core, const InstructionSet &set, int lanes);

struct LoopPrediction {
    double cycles;  // of a turn, data in L1 and a perfect front end
    double bound;   // cycles that its multiply-adds need of the core's multipliers alone; in a loop with more additions
                    // than those, of all arithmetic
    double percent_of_peak() const { return 100 * bound / cycles; }
};

// A prediction for each loop, by one run of the analyser. The core serves them, and each has arithmetic.
std::vector<LoopPrediction> predict_loops(const std::vector<const InnerLoop *> &loops, const CoreModel &core);

}  // namespace halconv
