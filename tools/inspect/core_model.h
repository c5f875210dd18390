// Cycles that LLVM's machine-code analyser predicts for a loop on a processor core.
#pragma once

#include <string>
#include <vector>

#include "runtime/core/kernel_table.h"
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

// A loop, and whether its sums begin anew every few turns, as over the taps of a depthwise window: then one run of turns
// does not wait for the sums of the one before.
struct AnalysedLoop {
    const InnerLoop *loop;
    bool restarts;
};

// Of a kernel of that form.
bool restarts(const InnerLoop &loop, halconv_form form);

struct LoopPrediction {
    double cycles;  // of a turn, data in L1 and a perfect front end; where the loop restarts no sum is waited for
    double bound;   // cycles that its multiply-adds need of the core's multipliers alone; in a loop with more additions
                    // than those, of all arithmetic
    double needed;  // cycles of its arithmetic, loads and stores alone, without spills, moves, masks and addresses
    double percent_of_peak() const { return 100 * bound / cycles; }
    double percent_of_needed() const { return 100 * needed / cycles; }
};

// A prediction for each loop, by one run of the analyser. The core serves them, and each has arithmetic.
std::vector<LoopPrediction> predict_loops(const std::vector<AnalysedLoop> &loops, const CoreModel &core);

}  // namespace halconv
