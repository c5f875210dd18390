// Which GPU schedules a problem gets.
#pragma once

#include <vector>

#include "schedules/schedule.h"

namespace halconv {

// Schedules that are legal for the fully pinned key on a GPU target, the least cycles first; of the form depthwise the one that
// there is, and memory limits it: its predicted percent is 0. Throws std::runtime_error with one line where there is none.
std::vector<Candidate> gpu_candidates(const halconv_key &key, const TargetRow &target);

// The first of them.
Schedule default_gpu_schedule(const halconv_key &key, const TargetRow &target);

// Estimated cycles of the processor with the most blocks, of a dense form.
double gpu_cycles(const halconv_key &key, const Schedule &schedule, const TargetRow &target);

}  // namespace halconv
