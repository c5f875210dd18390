// What a tuning record was measured with. A record of other versions is stale.
#pragma once

#include <string>

namespace halconv {

// Raised where a generator's mathematics or data layout changes, so that kernels do other work than when they were timed.
constexpr int kAlgorithmVersion = 1;
// Raised where the same Schedule leads to other code, or where one of its parameters changes its meaning.
constexpr int kScheduleVersion = 3;

std::string halide_version();  // "21.0.0"

}  // namespace halconv
