#include "schedules/gpu/apply.h"
namespace halconv {
void apply_gpu_schedule(ConvDepthwise &, const halconv_key &, const Schedule &) {}
void apply_gpu_schedule(ConvTransposeDepthwise &, const halconv_key &, const Schedule &) {}
}  // namespace halconv
