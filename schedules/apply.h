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

// The copy of the input by rows (Operation::define_padded_rows), a vector at a time; `outer` = its loops around a row.
void schedule_row_copy(Halide::Func padded, const Halide::RDom &inside, const Halide::RDom &outside, int lanes,
                       const std::vector<Halide::Var> &outer);

// Lanes are pixels (HALCONV_FORM_PIXEL_LANES).
void schedule_pixel_lanes(ConvDirect &op, const halconv_key &key, const Schedule &schedule);
void schedule_pixel_lanes(ConvTransposePhase &op, const halconv_key &key, const Schedule &schedule);

}  // namespace halconv
