#include "schedules/tuning/versions.h"

#include "Halide.h"

namespace halconv {

std::string halide_version() {
    return std::to_string(HALIDE_VERSION_MAJOR) + "." + std::to_string(HALIDE_VERSION_MINOR) + "." +
           std::to_string(HALIDE_VERSION_PATCH);
}

}  // namespace halconv
