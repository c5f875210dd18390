// What this processor and its operating system can do.
#pragma once

#include <cstdint>

namespace halconv {

// Mask of HALCONV_CPU_*. Detected at the first call; any thread may call.
int32_t cpu_features();

// Halide's word for the architecture that this was compiled for: "x86-64", "arm-64", "arm-32"; "" for another.
const char *cpu_architecture();

// Tells the processor that this thread is waiting in a loop.
void spin_pause();

}  // namespace halconv
