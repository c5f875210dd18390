#include "schedules/schedule.h"

#include <algorithm>

#include "halconv/halconv.h"
#include "runtime/core/problem.h"
#include "runtime/core/winograd.h"

namespace halconv {

const char *form_name(halconv_form form) {
    switch (form) {
    case HALCONV_FORM_DIRECT:
        return "direct";
    case HALCONV_FORM_DEPTHWISE:
        return "depthwise";
    case HALCONV_FORM_PHASE:
        return "phase";
    case HALCONV_FORM_ROW_FUSED:
        return "row_fused";
    case HALCONV_FORM_WINOGRAD2:
        return "winograd2";
    case HALCONV_FORM_WINOGRAD3:
        return "winograd3";
    case HALCONV_FORM_WINOGRAD4:
        return "winograd4";
    case HALCONV_FORM_INNER_PRODUCT:
        return "inner_product";
    case HALCONV_FORM_PIXEL_LANES:
        return "pixel_lanes";
    }
    return "unknown";
}

std::string form_text(const Schedule &schedule) { return schedule.reference ? "reference" : form_name(schedule.form); }

namespace {

// The axes whose border is skipped, such as "zyx".
std::string skip_text(const Schedule &s) {
    std::string text;
    for (int d = 0; d < 3; d++) {
        text += s.skip[d] ? std::string(1, "zyx"[d]) : "";
    }
    return text;
}

// By ParallelAxis.
constexpr struct {
    const char *letter, *text;
} kParallel[] = {{"", "rows"}, {"c", "channels"}, {"p", "channels, z and phases"}};

// By GpuSchedule::Taps.
constexpr struct {
    const char *letter, *text;
} kGpuTaps[] = {{"", ""}, {"r", " and all x taps"}, {"a", " and all taps"}};

std::string extents_text(int y, int x, int c) {
    return std::to_string(y) + "x" + std::to_string(x) + "x" + std::to_string(c);
}

// "8x16x128t1x8x8k16p4": a block's tile of y, x, channels; a thread's; the channels of a panel; parts of them.
std::string gpu_tile_text(const Schedule &s) {
    const GpuSchedule &t = *s.gpu;
    return extents_text(s.tile_y, s.tile_x, s.panel()) + "t" + extents_text(t.thread_y, t.thread_x, t.thread_c) +
           (t.operands == GpuSchedule::Operands::kThread ? "" : "k" + std::to_string(t.chunk)) +
           (t.operands == GpuSchedule::Operands::kWindows ? "w" : kGpuTaps[int(t.taps)].letter) +
           (t.parts > 1 ? "p" + std::to_string(t.parts) : "");
}

std::string gpu_schedule_text(const Schedule &s) {
    const GpuSchedule &t = *s.gpu;
    const char *kinds[] = {" shared panels of ", " shared windows of ", ""};
    return "block " + extents_text(s.tile_y, s.tile_x, s.panel()) + " thread " +
           extents_text(t.thread_y, t.thread_x, t.thread_c) + kinds[int(t.operands)] +
           (t.operands == GpuSchedule::Operands::kThread ? "" : std::to_string(t.chunk) + " channels") +
           kGpuTaps[int(t.taps)].text + (t.parts > 1 ? ", the reduction in " + std::to_string(t.parts) + " parts" : "");
}

}  // namespace

std::string tile_text(const Schedule &s) {
    if (s.reference) {
        return "";
    }
    if (s.gpu) {
        return gpu_tile_text(s);
    }
    std::string pixels = (s.tile_y > 1 ? std::to_string(s.tile_y) + "x" : "") + std::to_string(s.tile_x);
    std::string lanes = "v" + std::to_string(s.lanes);
    std::string columns = s.columns > 0 ? "x" + std::to_string(s.columns) : "";
    std::string channels = s.channels > 0 ? "b" + std::to_string(s.channels) : "";
    return pixels + "x" + std::to_string(s.vectors) + lanes + "r" + std::to_string(s.rows) + columns + channels +
           kParallel[int(s.parallel)].letter + (s.stage ? "" : "u") + (s.share ? "s" : "") +
           (s.operand_lanes > 1 ? "l" + std::to_string(s.operand_lanes) : "") + (s.prefetch_output ? "w" : "") +
           skip_text(s);
}

std::string schedule_text(const Schedule &s) {
    if (s.reference) {
        return "reference";
    }
    if (s.gpu) {
        return gpu_schedule_text(s);
    }
    return "tile " + std::to_string(s.tile_y) + "x" + std::to_string(s.tile_x) + " vectors " +
           std::to_string(s.vectors) + "x" + std::to_string(s.lanes) + " rows " + std::to_string(s.rows) +
           (s.columns > 0 ? " columns " + std::to_string(s.columns) : "") +
           (s.channels > 0 ? " channels " + std::to_string(s.channels) : "") + " parallel " +
           kParallel[int(s.parallel)].text + (s.stage ? " staged" : " unstaged") +
           (shares_input(s) ? " shared input"
            : s.share       ? " shared taps"
                            : "") +
           (s.operand_lanes > 1 ? " by lanes of " + std::to_string(s.operand_lanes) : "") +
           (s.prefetch_output ? " prefetch output" : "") + (skip_text(s).empty() ? "" : " skip " + skip_text(s));
}

Schedule reference_schedule(const halconv_key &key) {
    Schedule s;
    s.form = key.op == HALCONV_CONV ? HALCONV_FORM_DIRECT : HALCONV_FORM_PHASE;
    s.reference = true;
    return s;
}

bool overhangs(const halconv_key &key, const Schedule &s, int d) {
    int tile = d == 2 ? s.tile_x : d == 1 ? s.tile_y : 1;
    bool by_phase = key.op == HALCONV_CONV_TRANSPOSE && s.form == HALCONV_FORM_PHASE;
    return by_phase && key.out[d] != HALCONV_FREE && key.stride[d] != HALCONV_FREE &&
           tile > least_positions_of_phases(key.out[d], key.stride[d]);
}

void least_extents(const halconv_key &key, const Schedule &s, int32_t extents[3]) {
    bool rows_free = key.out[1] == HALCONV_FREE;
    bool any = s.reference || s.gpu || s.form == HALCONV_FORM_ROW_FUSED || s.form == HALCONV_FORM_INNER_PRODUCT ||
               is_winograd(s.form);
    extents[0] = 1;
    extents[1] = any || rows_free || overhangs(key, s, 1) ? 1 : s.tile_y;
    extents[2] = any || overhangs(key, s, 2) ? 1 : s.tile_x;
}

bool shifts_lanes(const halconv_key &key, const Schedule &s) {
    bool pinned = key.groups != HALCONV_FREE && key.group_out == 1;
    return pinned && !s.gpu && key.residual == 0 && s.parallel == ParallelAxis::kRows && key.groups % s.panel() != 0 &&
           key.groups > s.panel();
}

bool whole_phases(const halconv_key &key) {
    if (key.op != HALCONV_CONV_TRANSPOSE) {
        return false;
    }
    for (int d = 0; d < 3; d++) {
        if (!pins_axes(key) || !one_phase_box(key.stride[d], key.out[d])) {
            return false;
        }
    }
    return true;
}

int64_t row_bases(const halconv_key &key) { return phase_axis(key_axis(key, 2)).bases(key.out[2]); }

bool row_tile_fits(const halconv_key &key, int tile_x, bool stage) {
    if (key.out[2] == HALCONV_FREE) {
        return stage;
    }
    return tile_x <= row_bases(key) && (stage || row_bases(key) % tile_x == 0);
}

int tile_phases(const halconv_key &key) {
    constexpr int kMostPhases = 8;
    return int(phases_together(key.stride[2], kMostPhases));
}

bool interleaves_phases(const halconv_key &key) {
    constexpr int kMostPhases = 8;  // their sums are on the stack
    return key.op == HALCONV_CONV_TRANSPOSE && key.out_layout == HALCONV_NCHW && pins_axes(key) && key.stride[2] > 1 &&
           key.stride[2] <= kMostPhases && one_phase_box(key.stride[2], key.out[2]);
}

bool stages_rows(const halconv_key &key, const Schedule &s) {
    if (s.form == HALCONV_FORM_PIXEL_LANES || !s.stage) {
        return s.stage;
    }
    bool tiled = !s.reference && (s.form == HALCONV_FORM_DIRECT || s.form == HALCONV_FORM_PHASE);
    return tiled && pins_whole_problem(key) && key.in_layout == HALCONV_NHWC && key.groups == 1 &&
           key.group_in < s.lanes && s.columns == 0 && !s.skip[2] && s.operand_lanes == 1;
}

Margins row_margins(const halconv_key &key) {
    bool transposed = key.op == HALCONV_CONV_TRANSPOSE;
    int64_t positions = transposed ? positions_of_phase(key.out[2], key.stride[2], 0) : key.out[2];
    Reach reach = inputs_met(key_axis(key, 2), transposed, positions);
    int64_t before = std::max<int64_t>(-reach.first, 0), after = std::max<int64_t>(reach.last - key.in[2] + 1, 0);
    return {int32_t(before), int32_t(after)};
}

WinogradTiles winograd_tiles(const halconv_key &key, const Schedule &schedule) {
    bool transposed = key.op == HALCONV_CONV_TRANSPOSE;
    int outputs[3];
    int64_t tiles[3];
    for (int d = 1; d < 3; d++) {
        Axis<int64_t> axis = key_axis(key, d);
        const WinogradMatrices *matrices = winograd_of_axis(schedule.form, transposed, axis);
        outputs[d] = matrices ? matrices->outputs : 1;
        int64_t positions = schedule.share ? phase_axis(axis).bases(key.out[d])
                            : transposed   ? positions_of_phase(key.out[d], axis.stride, 0)
                                           : key.out[d];
        tiles[d] = (positions + outputs[d] - 1) / outputs[d];
    }
    return {outputs[2], outputs[1], tiles[2], tiles[1]};
}

bool shares_input(const Schedule &s) { return s.share && is_winograd(s.form); }

int weights_panel(const halconv_key &key, const Schedule &s) {
    if (s.form == HALCONV_FORM_DEPTHWISE && shifts_lanes(key, s)) {
        return key.groups;
    }
    if (s.form == HALCONV_FORM_PIXEL_LANES) {
        return s.channels;
    }
    return s.panel();
}

}  // namespace halconv
