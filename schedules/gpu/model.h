// Which GPU schedule a problem gets.
#pragma once

#include "schedules/schedule.h"

namespace halconv {

// A schedule that is legal for the fully pinned key on a GPU target. Throws std::runtime_error with one line where there is
// none.
Schedule default_gpu_schedule(const halconv_key &key, const TargetRow &target);

}  // namespace halconv
