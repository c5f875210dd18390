// What a GPU schedule must fulfil, in one place.
#pragma once

#include <string>

#include "schedules/schedule.h"

namespace halconv {

// The threads of a block along channels, x and y.
struct BlockThreads {
    int c, x, y;
    int count() const { return c * x * y; }
};
BlockThreads block_threads(const Schedule &schedule);

// Floats that a load of the input, or a store of the output, brings at once: 4 where the tensor's channels (nhwc) let every
// such vector be aligned to 16 bytes, if its first element is.
int input_vector(const halconv_key &key, const Schedule &schedule);
int output_vector(const halconv_key &key, const Schedule &schedule);

// Of depthwise conv_transpose: whether a thread computes all x phases of its positions.
bool phases_in_thread(const halconv_key &key);

// Outputs along axis d of conv, or of the phase that has the most; and how far tiles of them reach beyond.
int64_t positions(const halconv_key &key, int d);
int64_t tile_overrun(int64_t extent, int tile);

// The taps of x of an output, or the most that one of a phase has.
int64_t row_taps(const halconv_key &key);

// Elements of the panels in shared memory.
int64_t weights_panel_elements(const halconv_key &key, const Schedule &schedule);
int64_t input_panel_elements(const halconv_key &key, const Schedule &schedule);

// Empty, or in a few words why the target cannot compute the key with this schedule.
std::string gpu_illegality(const halconv_key &key, const Schedule &schedule, const TargetRow &target);

}  // namespace halconv
