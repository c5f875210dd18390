// What a GPU schedule must fulfil, in one place.
#pragma once

#include <string>

#include "schedules/schedule.h"

namespace halconv {

constexpr int kGpuVector = 4;  // floats of the widest load or store

// Of the form depthwise: whether such vectors of channels can be loaded and stored. They lie side by side on both sides, each
// channel a group.
bool has_channel_vectors(const halconv_key &key);

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
// Likewise of partial sums, whose channels always lie side by side.
int partial_vector(const halconv_key &key, const Schedule &schedule);
// Partial sums of all parts.
int64_t partial_elements(const halconv_key &key, const Schedule &schedule);

// Of depthwise conv_transpose: whether a thread computes all x phases of its positions.
bool phases_in_thread(const halconv_key &key);

// The phases of axis d; outputs along it, or of the phase that has the most; and how far tiles of them reach beyond.
int64_t axis_phases(const halconv_key &key, int d);
int64_t positions(const halconv_key &key, int d);
int64_t tile_overrun(int64_t extent, int tile);

// The taps of an output, or the most that one of a phase has; and those of a panel.
struct WindowTaps {
    int x, y, z;
    int64_t count() const { return int64_t(x) * y * z; }
};
WindowTaps window_taps(const halconv_key &key);
WindowTaps panel_taps(const halconv_key &key, const Schedule &schedule);
// Of conv with panels of all taps: inputs along axis d that a block brings.
int64_t tile_window_extent(const halconv_key &key, const Schedule &schedule, int d);

// Of schedules with windows.
// Outputs of a position: the phases of x and y, which a thread computes together.
int64_t position_phases(const halconv_key &key);
// Of ty in the storage of weights, so that those of a channel in are a multiple of 4.
int window_alignment(const halconv_key &key);
// Inputs along axis d that a block brings.
int64_t window_extent(const halconv_key &key, const Schedule &schedule, int d);
// Floats in shared memory: of a chunk of input channels, and of the results.
int64_t window_elements(const halconv_key &key, const Schedule &schedule);
int64_t window_result_elements(const halconv_key &key, const Schedule &schedule);

// Sums of a thread, and the most products of them that a loop unrolls.
constexpr int64_t kUnrolledProducts = 2048;
int64_t thread_sums(const halconv_key &key, const Schedule &schedule);

// Elements of the panels in shared memory.
int64_t weights_panel_elements(const halconv_key &key, const Schedule &schedule);
int64_t input_panel_elements(const halconv_key &key, const Schedule &schedule);
// Bytes of shared memory of a block.
int64_t shared_bytes(const halconv_key &key, const Schedule &schedule);

// Empty, or in a few words why the target cannot compute the key with this schedule.
std::string gpu_illegality(const halconv_key &key, const Schedule &schedule, const TargetRow &target);

}  // namespace halconv
