// Turns a Schedule into Halide directives. One function a form; the generator has already run.
#pragma once

#include "generators/conv.h"
#include "generators/conv_transpose.h"
#include "generators/inner_product.h"
#include "generators/winograd.h"
#include "schedules/schedule.h"

namespace halconv {

void apply_schedule(ConvDirect &op, const halconv_key &key, const Schedule &schedule);
void apply_schedule(ConvDepthwise &op, const halconv_key &key, const Schedule &schedule);
void apply_schedule(ConvTransposePhase &op, const halconv_key &key, const Schedule &schedule);
void apply_schedule(ConvTransposeDepthwise &op, const halconv_key &key, const Schedule &schedule);
void apply_schedule(ConvTransposeRowFused &op, const halconv_key &key, const Schedule &schedule);
void apply_schedule(ConvWinograd &op, const halconv_key &key, const Schedule &schedule);
void apply_schedule(ConvTransposeWinograd &op, const halconv_key &key, const Schedule &schedule);
void apply_schedule(ConvInnerProduct &op, const halconv_key &key, const Schedule &schedule);
void apply_schedule(ConvTransposeInnerProduct &op, const halconv_key &key, const Schedule &schedule);

// Lanes are pixels (HALCONV_FORM_PIXEL_LANES).
void schedule_pixel_lanes(ConvDirect &op, const halconv_key &key, const Schedule &schedule);
void schedule_pixel_lanes(ConvTransposePhase &op, const halconv_key &key, const Schedule &schedule);

}  // namespace halconv
