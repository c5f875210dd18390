// Targets: each is a row of data. A schedule reads the row and never tests a target's name.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace halconv {

struct TargetRow {
    const char *name;      // "x86-avx512"
    const char *halide;    // Halide's target string without the system: "x86-64" + features
    int32_t cpu_features;  // mask of HALCONV_CPU_*
    int vector_lanes;      // f32 lanes of a vector
    int registers;         // vector registers
    int64_t l2_bytes;      // per core, of a common machine of the kind
    const char *summary;   // one phrase for `halconv list`
};

// All rows, weakest first.
const std::vector<TargetRow> &target_rows();

// A target as the user writes it: a row's name or "host", with an optional system ("x86-avx2-linux").
struct Target {
    const TargetRow *row;
    std::string name;    // without "host" and without the system of this machine
    std::string halide;  // complete Halide target string, e.g. "x86-64-linux-avx2-fma-f16c"
};

// Throws std::invalid_argument with one line that lists the known targets.
Target parse_target(const std::string &text);

}  // namespace halconv
