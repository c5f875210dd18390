// Instruction loops whose speed is a property of the core: what measured kernels are compared with. A row per vector
// extension; the rows are in machine_loops_x86.cpp or, on other processors, machine_loops_generic.cpp (CMake chooses).
#pragma once

#include <cstdint>
#include <vector>

namespace halconv {

// machine_loops' read takes this many bytes a step.
constexpr int64_t kReadStep = 1024;

struct MachineLoops {
    const char *name;      // "avx512"
    int32_t cpu_features;  // mask of HALCONV_CPU_* that both loops need
    int flop;              // multiplications and additions of one round of multiply_add
    // `rounds` times one multiply-add on each of several registers: independent chains, enough to hide the latency.
    void (*multiply_add)(int64_t rounds);
    // Loads `bytes` bytes, a positive multiple of kReadStep, once, in ascending order.
    void (*read)(const void *data, int64_t bytes);
};

// All rows, weakest first; the first needs no feature.
const std::vector<MachineLoops> &machine_loops();

}  // namespace halconv
