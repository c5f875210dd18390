// The machine's measured limits: what percent_of_peak and percent_of_roofline of `halconv bench` refer to.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace halconv {

// A level of the memory hierarchy: all threads together read `gbs` GB/s of data that fits into `capacity` bytes.
struct MemoryLevel {
    static constexpr int64_t kUnlimited = INT64_MAX;
    std::string name;  // "L2", "L3", "memory"
    int64_t capacity;  // bytes, for all threads together; kUnlimited for memory
    double gbs;
};

struct Machine {
    std::string cpu;           // cpu_name(), or a graphics processor: device_machine.h
    int cores;                 // of the system, not of this process; 0 of a graphics processor
    double clock_mhz;          // as the system reports it now; 0 where it does not
    std::string instructions;  // vector extension of the loops: "avx512"; of a graphics processor empty
    int threads;               // of a graphics processor 1
    // GFLOP/s of one core, or of a graphics processor: register-only multiply-adds, the best of several runs.
    double fma_peak;
    std::vector<MemoryLevel> levels;  // smallest first

    double peak() const { return fma_peak * threads; }
};

// Measures with the widest vectors that `cpu_features` (a mask of HALCONV_CPU_*, all present on this processor) allows;
// bandwidths with `threads` threads that read at the same time. Takes about 0.3 s.
Machine measure_machine(int32_t cpu_features, int threads);

// GFLOP/s that `flop` operations on `bytes` bytes of compulsory traffic can reach: the peak, or what the bandwidth of the
// smallest level that holds the bytes allows. Williams, Waterman, Patterson, "Roofline", CACM 52(4), 2009.
double roofline_gflops(const Machine &machine, double flop, double bytes);

}  // namespace halconv
