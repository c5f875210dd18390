// Turns a Schedule with a GpuSchedule into Halide directives.
#pragma once

#include <stdexcept>
#include <string>

#include "generators/conv.h"
#include "generators/conv_transpose.h"
#include "schedules/schedule.h"

namespace halconv {

// Forms without a schedule for GPUs.
template <class Op> void apply_gpu_schedule(Op &, const halconv_key &, const Schedule &schedule) {
    throw std::runtime_error(std::string("form ") + form_name(schedule.form) + " has no schedule for GPUs");
}

// schedules/gpu/blocks.cpp
void apply_gpu_schedule(ConvDirect &op, const halconv_key &key, const Schedule &schedule);
void apply_gpu_schedule(ConvTransposePhase &op, const halconv_key &key, const Schedule &schedule);
// schedules/gpu/windows.cpp
void schedule_gpu_windows(ConvDirect &op, const halconv_key &key, const Schedule &schedule);
void schedule_gpu_windows(ConvTransposePhase &op, const halconv_key &key, const Schedule &schedule);
// schedules/gpu/depthwise.cpp
void apply_gpu_schedule(ConvDepthwise &op, const halconv_key &key, const Schedule &schedule);
void apply_gpu_schedule(ConvTransposeDepthwise &op, const halconv_key &key, const Schedule &schedule);

}  // namespace halconv
