// For processors without assembly of their own: the compiler's 16-byte vectors. CMake allows the compiler to contract
// v * factor + term into one instruction in this file.
#include "tools/machine_loops.h"

namespace halconv {

namespace {

typedef float Floats __attribute__((vector_size(16)));
typedef uint32_t Words __attribute__((vector_size(16)));

constexpr int kChains = 16;

// v = v * factor + term tends to term / (1 - factor) = 1, so the operands stay ordinary numbers.
void multiply_add(int64_t rounds) {
    volatile float factor = 0.999f, term = 0.001f;
    const Floats f = Floats{} + factor, t = Floats{} + term;
    Floats v[kChains];
    for (Floats &chain : v) {
        chain = t;
    }
    for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
        for (int chain = 0; chain < kChains; ++chain) {
            v[chain] = v[chain] * f + t;
        }
    }
    Floats sum{};
    for (const Floats &chain : v) {
        sum += chain;
    }
    term = sum[0];
}

void read(const void *data, int64_t bytes) {
    const Words *words = static_cast<const Words *>(data);
    Words sum[4] = {};
    for (int64_t i = 0; i < bytes / int64_t(sizeof(Words)); i += 4) {
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) {
            sum[j] |= words[i + j];
        }
    }
    volatile uint32_t sink = (sum[0] | sum[1] | sum[2] | sum[3])[0];
    static_cast<void>(sink);
}

}  // namespace

const std::vector<MachineLoops> &machine_loops() {
    static const std::vector<MachineLoops> rows = {{"vector", 0, kChains * 4 * 2, multiply_add, read}};
    return rows;
}

}  // namespace halconv
