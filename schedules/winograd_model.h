// The analytic model of the winograd forms, a part of candidates().
#pragma once

#include <vector>

#include "halconv/halconv.h"
#include "schedules/schedule.h"

namespace halconv {

// Appends the winograd schedules that `numerics` allows and that are legal for `key`: every size must be pinned.
void add_winograd(const halconv_key &key, const TargetRow &target, halconv_numerics numerics,
                  std::vector<Candidate> &found);

}  // namespace halconv
