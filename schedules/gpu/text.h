// tile_text and schedule_text (schedules/schedule.h) of GPU schedules.
#pragma once

#include <string>

#include "schedules/schedule.h"

namespace halconv {

// "8x16x128t1x8x8k16": a block's tile of y, x, channels; a thread's; the channels of a panel.
std::string gpu_tile_text(const Schedule &schedule);
// "block 8x16x128 thread 1x8x8 chunk 16 shared"
std::string gpu_schedule_text(const Schedule &schedule);

}  // namespace halconv
