// The part of the analytic model that proposes inner products.
#pragma once

#include <vector>

#include "schedules/schedule.h"

namespace halconv {

// Appends the legal inner-product schedules of a key whose sizes and channels are all pinned.
void add_inner_products(const halconv_key &key, const TargetRow &target, std::vector<Candidate> &found);

}  // namespace halconv
