// The targets whose kernels a test of many schedules runs on this processor.
#pragma once

#include <string>
#include <vector>

#include "runtime/cpu_features.h"
#include "schedules/target.h"

namespace halconv {

// Without the baseline where there is another: its kernels differ from those of AVX2 in the width of vectors alone.
inline std::vector<std::string> runnable_targets() {
    std::vector<std::string> names;
    for (const TargetRow &target : target_rows()) {
        if (runs_here(target) && (target.cpu_features != 0 || cpu_features() == 0)) {
            names.push_back(target.name);
        }
    }
    return names;
}

}  // namespace halconv
