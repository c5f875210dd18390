// Schedules by Halide's own autoschedulers, for comparison: `halconv tune --compare-autoschedulers`.
#pragma once

#include <string>

#include "Halide.h"
#include "schedules/compile.h"

namespace halconv {

// The schedule that gives a job its form and its weights' layout for an autoscheduler: direct, phase or depthwise, all output
// channels of a group (depthwise: of all groups) in one panel, so that weights lie as the algorithm indexes them.
Schedule autoschedule_layout(const halconv_key &key);

// Schedules the pipeline with "Adams2019" or "Mullapudi2016", whose plug-in lies beside libHalide, for one thread. The job's
// key pins everything. Throws std::runtime_error where there is no plug-in, or it finds no schedule.
void autoschedule(const Halide::Pipeline &pipeline, Halide::Internal::AbstractGenerator &generator,
                  const CompileJob &job, const Halide::Target &target);

}  // namespace halconv
