#include "schedules/gpu/legal.h"

#include <algorithm>

#include "halconv/halconv.h"
#include "runtime/core/problem.h"
#include "schedules/model_forms.h"

namespace halconv {

namespace {

constexpr int kVector = 4;
constexpr int64_t kMostBlocksYZ = 65535;  // of a grid on y and z, by CUDA's limits
constexpr int kMostThreadsZ = 64;         // of a block on z
constexpr int64_t kMostCopies = 128;      // elements of a panel that a thread has under way, in registers

bool divides(int a, int b) { return a > 0 && b % a == 0; }

}  // namespace

int64_t positions(const halconv_key &key, int d) {
    return key.op == HALCONV_CONV ? key.out[d] : positions_of_phase(key.out[d], key.stride[d], 0);
}

int64_t tile_overrun(int64_t extent, int tile) { return divide_up(extent, tile) * tile - extent; }

int64_t row_taps(const halconv_key &key) {
    return key.op == HALCONV_CONV ? key.kernel[2] : phase_axis(key_axis(key, 2)).max_taps();
}

BlockThreads block_threads(const Schedule &s) {
    return {s.panel() / s.gpu->thread_c, s.tile_x / s.gpu->thread_x, s.tile_y / s.gpu->thread_y};
}

int input_vector(const halconv_key &key, const Schedule &s) {
    if (s.form == HALCONV_FORM_DEPTHWISE) {
        return s.gpu->thread_c;
    }
    bool whole = s.gpu->chunk % kVector == 0 && key.group_in % kVector == 0;
    return key.in_layout == HALCONV_NHWC && whole ? kVector : 1;
}

int output_vector(const halconv_key &key, const Schedule &s) {
    if (s.form == HALCONV_FORM_DEPTHWISE) {
        return s.gpu->thread_c;
    }
    bool whole = key.group_out % kVector == 0 && s.gpu->thread_c % kVector == 0;
    return key.out_layout == HALCONV_NHWC && whole ? kVector : 1;
}

bool phases_in_thread(const halconv_key &key) {
    constexpr int kMostPhases = 4;
    return key.op == HALCONV_CONV_TRANSPOSE && key.stride[2] <= kMostPhases && one_phase_box(key.stride[2], key.out[2]);
}

int64_t weights_panel_elements(const halconv_key &key, const Schedule &s) {
    return int64_t(s.panel()) * s.gpu->chunk * (s.gpu->row_taps ? row_taps(key) : 1);
}

int64_t input_panel_elements(const halconv_key &key, const Schedule &s) {
    return int64_t(s.tile_x) * s.tile_y * s.gpu->chunk * (s.gpu->row_taps ? row_taps(key) : 1);
}

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
    if (depthwise && t.thread_c != 1) {
        bool nhwc = key.in_layout == HALCONV_NHWC && key.out_layout == HALCONV_NHWC;
        if (t.thread_c != kVector || !nhwc || key.group_in != 1 || key.group_out != 1 || key.groups % kVector != 0) {
            return "vectors of channels are not aligned";
        }
    }
    if (!divides(t.chunk, key.group_in) || (t.row_taps && t.chunk != key.group_in)) {
        return "panels do not divide the input channels";
    }
    bool shared = t.operands == GpuSchedule::Operands::kShared;
    if (shared && (weights_panel_elements(key, s) + input_panel_elements(key, s)) * kFloatBytes > gpu.shared_bytes) {
        return "the panels exceed the shared memory";
    }
    if (shared && input_panel_elements(key, s) > kMostCopies * threads.count()) {
        return "a thread copies too much of a panel";
    }
    int64_t groups = depthwise ? 1 : key.groups, channels = int64_t(key.group_out) * (depthwise ? key.groups : 1);
    int64_t blocks_c = divide_up(channels, s.panel()), phases = 1;
    if (key.op == HALCONV_CONV_TRANSPOSE) {
        phases = int64_t(key.stride[1]) * key.stride[2];
    }
    int64_t places = int64_t(key.out[0]) * groups * key.batch;
    if (blocks_c * phases > kMostBlocksYZ || places > kMostBlocksYZ) {
        return "the grid has too many blocks";
    }
    return "";
}

}  // namespace halconv
