#include "schedules/gpu/text.h"

namespace halconv {

namespace {

std::string extents(int y, int x, int c) {
    return std::to_string(y) + "x" + std::to_string(x) + "x" + std::to_string(c);
}

bool shares(const GpuSchedule &gpu) { return gpu.operands == GpuSchedule::Operands::kShared; }

}  // namespace

std::string gpu_tile_text(const Schedule &s) {
    const GpuSchedule &t = *s.gpu;
    return extents(s.tile_y, s.tile_x, s.panel()) + "t" + extents(t.thread_y, t.thread_x, t.thread_c) +
           (shares(t) ? "k" + std::to_string(t.chunk) : "") + (t.row_taps ? "r" : "");
}

std::string gpu_schedule_text(const Schedule &s) {
    const GpuSchedule &t = *s.gpu;
    return "block " + extents(s.tile_y, s.tile_x, s.panel()) + " thread " +
           extents(t.thread_y, t.thread_x, t.thread_c) +
           (shares(t) ? " shared panels of " + std::to_string(t.chunk) + " channels" : "") +
           (t.row_taps ? " and all x taps" : "");
}

}  // namespace halconv
