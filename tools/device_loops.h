// Instruction loops whose speed is a property of a graphics processor, as machine_loops.h has them of a core: what measured
// kernels are compared with. Their text for each backend defines two kernels,
//     multiply_add(float *out, int rounds)               `products` multiply-adds a thread and round, on independent chains
//     read_floats(float4 *in, float *out, int steps)     each thread reads `steps` elements, a multiple of kReadUnroll; those of a
//                                                        block lie side by side, neighbours in memory to neighbouring threads
// in whose `out` each thread writes one float. Parameters are in the order of Halide's kernels (runtime/backend.h).
#pragma once

#include <string>

#include "halconv/halconv.h"

namespace halconv {

constexpr int kReadUnroll = 4;

struct DeviceLoops {
    std::string text;  // OpenCL C or PTX
    int products;
};

DeviceLoops device_loops(halconv_device_api api);

}  // namespace halconv
