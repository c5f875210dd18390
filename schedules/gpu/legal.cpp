#include "schedules/gpu/legal.h"

#include <algorithm>

#include "halconv/halconv.h"
#include "runtime/core/problem.h"
#include "schedules/model_forms.h"

namespace halconv {

namespace {

constexpr int64_t kMostBlocksYZ = 65535;  // of a grid on y and z, by CUDA's limits
constexpr int kMostThreadsZ = 64;         // of a block on z
constexpr int64_t kMostSums = 64;         // of a thread, in registers
constexpr int64_t kMostCopies = 128;      // elements of a panel that a thread has under way, in registers

bool divides(int a, int b) { return a > 0 && b % a == 0; }

}  // namespace

bool has_channel_vectors(const halconv_key &key) {
    bool side_by_side = key.in_layout == HALCONV_NHWC && key.out_layout == HALCONV_NHWC;
    return side_by_side && is_depthwise(key) && key.groups % kGpuVector == 0;
}

int64_t axis_phases(const halconv_key &key, int d) {
    return phases_of(key_axis(key, d), key.op == HALCONV_CONV_TRANSPOSE);
}

int64_t positions(const halconv_key &key, int d) {
    return key.op == HALCONV_CONV ? key.out[d] : positions_of_phase(key.out[d], key.stride[d], 0);
}

int64_t tile_overrun(int64_t extent, int tile) { return divide_up(extent, tile) * tile - extent; }

BlockThreads block_threads(const Schedule &s) {
    return {s.panel() / s.gpu->thread_c, s.tile_x / s.gpu->thread_x, s.tile_y / s.gpu->thread_y};
}

int input_vector(const halconv_key &key, const Schedule &s) {
    if (s.form == HALCONV_FORM_DEPTHWISE) {
        return s.gpu->thread_c;
    }
    bool whole = s.gpu->chunk % kGpuVector == 0 && key.group_in % kGpuVector == 0;
    return key.in_layout == HALCONV_NHWC && whole ? kGpuVector : 1;
}

int output_vector(const halconv_key &key, const Schedule &s) {
    if (s.form == HALCONV_FORM_DEPTHWISE) {
        return s.gpu->thread_c;
    }
    if (s.gpu->operands == GpuSchedule::Operands::kWindows) {
        return 1;
    }
    return key.out_layout == HALCONV_NHWC ? partial_vector(key, s) : 1;
}

int partial_vector(const halconv_key &key, const Schedule &s) {
    return key.group_out % kGpuVector == 0 && s.gpu->thread_c % kGpuVector == 0 ? kGpuVector : 1;
}

int64_t partial_elements(const halconv_key &key, const Schedule &s) {
    int64_t pixels = int64_t(key.out[0]) * key.out[1] * key.out[2];
    return pixels * key.batch * key.groups * key.group_out * s.gpu->parts;
}

bool phases_in_thread(const halconv_key &key) {
    constexpr int kMostPhases = 4;
    return key.op == HALCONV_CONV_TRANSPOSE && key.stride[2] <= kMostPhases && one_phase_box(key.stride[2], key.out[2]);
}

WindowTaps window_taps(const halconv_key &key) {
    auto taps = [&](int d) {
        return key.op == HALCONV_CONV ? key.kernel[d] : int(phase_axis(key_axis(key, d)).max_taps());
    };
    return {taps(2), taps(1), taps(0)};
}

WindowTaps panel_taps(const halconv_key &key, const Schedule &s) {
    WindowTaps taps = window_taps(key);
    switch (s.gpu->taps) {
    case GpuSchedule::Taps::kOne:
        return {1, 1, 1};
    case GpuSchedule::Taps::kRow:
        return {taps.x, 1, 1};
    case GpuSchedule::Taps::kAll:
        break;
    }
    return taps;
}

int64_t tile_window_extent(const halconv_key &key, const Schedule &s, int d) {
    const int tile[] = {1, s.tile_y, s.tile_x};
    return window_span(key_axis(key, d), key.op == HALCONV_CONV_TRANSPOSE, tile[d]);
}

int64_t weights_panel_elements(const halconv_key &key, const Schedule &s) {
    return int64_t(s.panel()) * s.gpu->chunk * panel_taps(key, s).count();
}

int64_t input_panel_elements(const halconv_key &key, const Schedule &s) {
    if (s.gpu->taps != GpuSchedule::Taps::kAll) {
        return int64_t(s.tile_x) * s.tile_y * s.gpu->chunk * panel_taps(key, s).x;
    }
    int64_t row = divide_up(tile_window_extent(key, s, 2), kGpuVector) * kGpuVector;
    return row * tile_window_extent(key, s, 1) * tile_window_extent(key, s, 0) * s.gpu->chunk;
}

int64_t position_phases(const halconv_key &key) { return axis_phases(key, 1) * axis_phases(key, 2); }

int window_alignment(const halconv_key &key) {
    WindowTaps taps = window_taps(key);
    return int(kGpuVector /
               greatest_common_divisor(kGpuVector, key.group_out * position_phases(key) * taps.x * taps.z));
}

int64_t window_extent(const halconv_key &key, const Schedule &s, int d) {
    const int tile[] = {1, s.tile_y, s.tile_x};
    Reach reach = inputs_bounded(key_axis(key, d), key.op == HALCONV_CONV_TRANSPOSE, tile[d]);
    return reach.last - reach.first + 1;
}

int64_t window_elements(const halconv_key &key, const Schedule &s) {
    WindowTaps taps = window_taps(key);
    int alignment = window_alignment(key);
    int64_t weights = key.group_out * position_phases(key) * taps.x * divide_up(taps.y, alignment) * alignment * taps.z;
    int64_t inputs = window_extent(key, s, 0) * window_extent(key, s, 1);
    inputs *= divide_up(window_extent(key, s, 2), kGpuVector) * kGpuVector;
    return (weights + inputs) * s.gpu->chunk;
}

int64_t window_result_elements(const halconv_key &key, const Schedule &s) {
    return int64_t(s.tile_x) * s.tile_y * key.group_out * position_phases(key);
}

int64_t thread_sums(const halconv_key &key, const Schedule &s) {
    int64_t pixels = int64_t(s.gpu->thread_x) * s.gpu->thread_y * s.gpu->thread_c;
    return s.gpu->operands == GpuSchedule::Operands::kWindows ? pixels * position_phases(key) : pixels;
}

int64_t shared_bytes(const halconv_key &key, const Schedule &s) {
    switch (s.gpu->operands) {
    case GpuSchedule::Operands::kPanels:
        return (weights_panel_elements(key, s) + input_panel_elements(key, s)) * kFloatBytes;
    case GpuSchedule::Operands::kWindows:
        return (window_elements(key, s) + window_result_elements(key, s)) * kFloatBytes;
    case GpuSchedule::Operands::kThread:
        break;
    }
    return 0;
}

namespace {

std::string split_illegality(const halconv_key &key, const Schedule &s) {
    if (s.gpu->parts == 1) {
        return "";
    }
    if (s.gpu->operands != GpuSchedule::Operands::kPanels || s.gpu->taps == GpuSchedule::Taps::kRow) {
        return "only panels of one tap or all can be summed in parts";
    }
    for (int d = 0; d < 3 && key.op == HALCONV_CONV_TRANSPOSE; d++) {
        if (!one_phase_box(key.stride[d], key.out[d]) || phase_axis(key_axis(key, d)).least_taps() == 0) {
            return "a call of the kernel has not all phases to sum in parts, or one without taps";
        }
    }
    return partial_elements(key, s) > INT32_MAX ? "the partial sums are too many" : "";
}

}  // namespace

std::string gpu_illegality(const halconv_key &key, const Schedule &s, const TargetRow &target) {
    const Gpu &gpu = *target.gpu;
    const GpuSchedule &t = *s.gpu;
    if (!pins_whole_problem(key)) {
        return "a size of the problem is free";
    }
    if (!divides(t.thread_c, s.panel()) || !divides(t.thread_x, s.tile_x) || !divides(t.thread_y, s.tile_y)) {
        return "a block's tile is not a multiple of a thread's";
    }
    BlockThreads threads = block_threads(s);
    if (threads.count() > gpu.threads || std::max(threads.c, threads.y) > kMostThreadsZ) {
        return "a block has too many threads";
    }
    for (int d : {1, 2}) {
        if (tile_overrun(positions(key, d), d == 1 ? s.tile_y : s.tile_x) > kTileOverrun) {
            return "tiles reach too far beyond the output";
        }
    }
    bool depthwise = s.form == HALCONV_FORM_DEPTHWISE;
    if (depthwise && t.thread_c != 1 && (t.thread_c != kGpuVector || !has_channel_vectors(key))) {
        return "vectors of channels are not aligned";
    }
    if (!divides(t.chunk * t.parts, key.group_in) || (t.taps == GpuSchedule::Taps::kRow && t.chunk != key.group_in)) {
        return "panels do not divide the input channels";
    }
    if (std::string why = split_illegality(key, s); !why.empty()) {
        return why;
    }
    if (shared_bytes(key, s) > gpu.shared_bytes) {
        return "the panels exceed the shared memory";
    }
    if (t.operands == GpuSchedule::Operands::kWindows) {
        if (s.panel() != key.group_out || t.thread_c != key.group_out) {
            return "a thread has not all channels";
        }
        bool transposed = key.op == HALCONV_CONV_TRANSPOSE;
        for (int d : {1, 2}) {
            if (transposed && !one_phase_box(key.stride[d], key.out[d])) {
                return "a call of the kernel has not all phases";
            }
        }
        if (thread_sums(key, s) > kMostSums) {
            return "a thread has too many sums";
        }
        if (window_elements(key, s) > kMostCopies * threads.count()) {
            return "a thread copies too much of a window";
        }
    }
    if (t.taps == GpuSchedule::Taps::kAll && key.op != HALCONV_CONV) {
        return "panels of all taps are for conv";
    }
    bool panels = t.operands == GpuSchedule::Operands::kPanels;
    int64_t copies = std::max(input_panel_elements(key, s), weights_panel_elements(key, s));
    if (panels && copies > kMostCopies * threads.count()) {
        return "a thread copies too much of a panel";
    }
    int64_t groups = depthwise ? 1 : key.groups, channels = int64_t(key.group_out) * (depthwise ? key.groups : 1);
    int64_t blocks_c = divide_up(channels, s.panel());
    int64_t places = int64_t(key.out[0]) * groups * key.batch * t.parts;
    if (blocks_c * position_phases(key) > kMostBlocksYZ || places > kMostBlocksYZ) {
        return "the grid has too many blocks";
    }
    return "";
}

}  // namespace halconv
