// The part of NVIDIA's driver that plans use. Names, types and numbers are those of cuda.h; nothing of it is linked.
#pragma once

#include <cstddef>

namespace halconv {

using CuResult = int;
using CuDevice = int;
using CuContext = void *;
using CuModule = void *;
using CuFunction = void *;
using CuStream = void *;

enum : CuResult {
    kCudaSuccess = 0,
    kCudaOutOfMemory = 2,
    kCudaNoDevice = 100,
    kCudaInvalidContext = 201,
    kCudaNoBinaryForGpu = 209,
    kCudaInvalidPtx = 218,
    kCudaUnsupportedPtxVersion = 222,
    kCudaContextIsDestroyed = 709
};

// CU_DEVICE_ATTRIBUTE_.. and CU_FUNC_ATTRIBUTE_..
constexpr int kComputeCapabilityMajor = 75, kComputeCapabilityMinor = 76;
constexpr int kMaxThreadsPerBlock = 0, kMaxDynamicSharedBytes = 8;

struct CudaDriver {
    CuResult (*init)(unsigned flags);
    CuResult (*current_context)(CuContext *context);
    CuResult (*push_context)(CuContext context);
    CuResult (*pop_context)(CuContext *context);
    CuResult (*context_device)(CuDevice *device);
    CuResult (*device_attribute)(int *value, int attribute, CuDevice device);
    CuResult (*load_module)(CuModule *module, const void *image);
    CuResult (*unload_module)(CuModule module);
    CuResult (*find_function)(CuFunction *function, CuModule module, const char *name);
    CuResult (*function_attribute)(int *value, int attribute, CuFunction function);
    CuResult (*set_function_attribute)(CuFunction function, int attribute, int value);
    CuResult (*launch)(CuFunction function, unsigned blocks_x, unsigned blocks_y, unsigned blocks_z, unsigned threads_x,
                       unsigned threads_y, unsigned threads_z, unsigned shared_bytes, CuStream stream, void **arguments,
                       void **extra);
};

// Opened at the first call; null where there is none, or one without all of these.
const CudaDriver *cuda_driver();

}  // namespace halconv
