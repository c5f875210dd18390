#include "schedules/schedule.h"

#include "halconv/halconv.h"
#include "runtime/core/conv_shape.h"

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
    case HALCONV_FORM_INNER_PRODUCT:
        return "inner_product";
    }
    return "unknown";
}

std::string form_text(const Schedule &schedule) { return schedule.reference ? "reference" : form_name(schedule.form); }

std::string tile_text(const Schedule &s) {
    if (s.reference) {
        return "";
    }
    std::string pixels = (s.tile_y > 1 ? std::to_string(s.tile_y) + "x" : "") + std::to_string(s.tile_x);
    std::string lanes = "v" + std::to_string(s.lanes);
    return pixels + "x" + std::to_string(s.vectors) + lanes + "r" + std::to_string(s.rows) +
           (s.columns > 0 ? "x" + std::to_string(s.columns) : "") + (s.parallel == ParallelAxis::kChannels ? "c" : "") +
           (s.stage ? "" : "u") + (s.share ? "s" : "");
}

std::string schedule_text(const Schedule &s) {
    if (s.reference) {
        return "reference";
    }
    return "tile " + std::to_string(s.tile_y) + "x" + std::to_string(s.tile_x) + " vectors " +
           std::to_string(s.vectors) + "x" + std::to_string(s.lanes) + " rows " + std::to_string(s.rows) +
           (s.columns > 0 ? " columns " + std::to_string(s.columns) : "") + " parallel " +
           (s.parallel == ParallelAxis::kRows ? "rows" : "channels") + (s.stage ? " staged" : " unstaged") +
           (s.share ? " shared taps" : "");
}

Schedule reference_schedule(const halconv_key &key) {
    Schedule s;
    s.form = key.op == HALCONV_CONV ? HALCONV_FORM_DIRECT : HALCONV_FORM_PHASE;
    s.reference = true;
    return s;
}

void least_extents(const halconv_key &key, const Schedule &s, int32_t extents[3]) {
    bool rows_free = key.out[1] == HALCONV_FREE;
    bool fused = s.form == HALCONV_FORM_ROW_FUSED || s.form == HALCONV_FORM_INNER_PRODUCT;
    extents[0] = 1;
    extents[1] = s.reference || fused || rows_free ? 1 : s.tile_y;
    extents[2] = s.reference || fused ? 1 : s.tile_x;
}

int weights_panel(const halconv_key &key, const Schedule &s) {
    Axis<int32_t> x{key.kernel[2], key.stride[2], key.dilation[2], key.pad_before[2]};
    return s.form == HALCONV_FORM_ROW_FUSED ? fused_lanes(x, key.group_out) : s.panel();
}

}  // namespace halconv
