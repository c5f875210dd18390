// The search space of GPU targets: what schedules/tuning/space.h has of their own.
#pragma once

#include "schedules/tuning/space.h"

namespace halconv {

// The form that the problem has there, and its parameters.
FormSpace gpu_form_space(const halconv_key &key);

// Why a schedule is not legal for the key, which pins everything: one phrase; empty where it is.
std::string gpu_schedule_fault(const halconv_key &key, const TargetRow &target, const Schedule &schedule);

// Schedules and their parameters. Where a thread has the windows of its outputs it has all channels.
Schedule gpu_schedule_at(const halconv_key &key, halconv_form form, const KnobValues &point);
KnobValues gpu_point_of(const Schedule &schedule);

}  // namespace halconv
