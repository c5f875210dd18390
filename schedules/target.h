// Targets: each is a row of data. A schedule reads the row and never tests a target's name.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace halconv {

// A core as the analytic model sees it.
struct Core {
    double multiply_adds, loads;  // vectors a cycle
    double l2_bytes_per_cycle;    // that a tile may ask for, of weights
    double step_overhead;         // cycles of the loop for one input channel beside multiply-adds and loads
    double load_overhead;  // cycles of a load that multiply-adds hide; of equal tiles the one with fewer loads wins
    bool in_order;         // a vector load takes the place of multiply-adds
    // Input channels of a pixel that one register holds for multiplication by lane; 1: each is broadcast when it is loaded.
    int operand_lanes;
    int spare_registers;     // beyond a tile's sums, weights and operands
    bool skips_borders;      // tests for a border inside of a tile cost less than products with its zeros
    bool pairwise_addition;  // an instruction adds neighbouring lanes
    bool write_prefetch;     // fetching output lines before they are stored was measured to help
    double load_share;       // of its loads that winograd's products come to use
};

// A graphics processor that an application's host code starts kernels on.
struct Gpu {
    const char *chip;       // ptxas's "sm_90"; null: OpenCL, whose driver compiles
    int threads;            // of a block, at most
    int64_t shared_bytes;   // of a block, without asking for more than every chip gives
    int processors;         // of a common chip, that blocks are spread over
    int processor_threads;  // of a processor, at most
};

struct TargetRow {
    const char *name;      // "x86-avx512"
    const char *arch;      // Halide's: "x86-64"
    const char *features;  // Halide's: "-avx-avx2"
    int32_t cpu_features;  // mask of HALCONV_CPU_*
    int vector_lanes;      // f32 lanes of a vector
    int registers;         // vector registers
    int64_t l2_bytes;      // per core, of a common machine of the kind
    Core core;
    bool builtin;         // whether the built-in set has kernels for it
    const char *summary;  // one phrase for `halconv list`
    const Gpu *gpu = nullptr;
};

// All rows of processors; those of an architecture weakest first.
const std::vector<TargetRow> &target_rows();

// The rows of graphics processors: architecture and features are Halide's for the host's code and the kernels.
const std::vector<TargetRow> &gpu_target_rows();

// Whether this processor has the architecture and the features of a row.
bool runs_here(const TargetRow &row);

// A target as the user writes it: a row's name or "host", with an optional system ("x86-avx2-linux").
struct Target {
    const TargetRow *row;
    std::string name;    // without "host" and without the system of this machine
    std::string halide;  // complete Halide target string, e.g. "x86-64-linux-avx2-fma-f16c"
    std::string triple;  // of a C compiler, e.g. "x86_64-linux-gnu"
    bool native;         // objects for the architecture and system of this program
};

// Throws std::invalid_argument with one line that lists the known targets, or says that the target is a graphics processor:
// the runtime has no plan for one.
Target parse_target(const std::string &text);

// A graphics processor under this machine's system. Throws std::invalid_argument for any other name.
Target parse_gpu_target(const std::string &name);

}  // namespace halconv
