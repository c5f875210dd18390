// `halconv tune --cost static`: schedules for machines that one does not have, chosen by analysis of machine code.
#pragma once

#include <vector>

#include "tools/inspect/core_model.h"
#include "tools/tune.h"

namespace halconv {

// What was chosen for a layer. Costs are StaticCost::cycles().
struct StaticChoice {
    Layer layer;
    Schedule schedule;
    double cycles, default_cycles;
    int ranked;     // schedules compared
    bool recorded;  // `schedule` is not the default, and costs less by more than such costs differ for nothing
    double speedup() const { return default_cycles / cycles; }
};

// The core of that name, or for an empty one the first, whose model serves the target, which the layer's default kernel
// tells. Throws InputError where there is none.
const CoreModel &static_core(const std::string &name, const Layer &layer, const Target &target);

// Of each layer the cheapest of the candidates that the analytic model holds for about as good as its best, and that have
// its form: the hot loops of two forms are not the same share of their kernels. Nothing is run. A layer without a loop that multiplies has no choice, and
// a line on stderr; ctrl-C ends with the choices so far.
std::vector<StaticChoice> rank_schedules(const std::vector<Layer> &layers, const Target &target, const CoreModel &core);

// All of `halconv tune LAYERS --cost static`; the exit status.
int run_static_tune(const std::vector<Layer> &layers, const Target &target, const TuneOptions &options);

}  // namespace halconv
