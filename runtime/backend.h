// How kernels of one kind of graphics processor are loaded and started: a constant for each, runtime/cuda and runtime/opencl.
#pragma once

#include <cstddef>
#include <cstdint>

#include "halconv/halconv.h"
#include "runtime/core/kernel_table.h"

namespace halconv {

struct LaunchSize {
    uint32_t blocks[3], threads[3];  // x y z
    uint32_t shared_bytes;           // of a block
};

constexpr int kMaxLaunchArguments = 64;

// A launch's arguments as Halide hands them over, in the order of the device code's parameters.
struct LaunchArguments {
    void *const *value;    // of a buffer its Buffer, else where the scalar is
    const size_t *bytes;   // 0 after the last; at most kMaxLaunchArguments
    const int8_t *buffer;  // whether it is a buffer
};

// What a kernel of the device code is launched with, at most.
struct EntryNeeds {
    uint32_t threads, shared_bytes;  // of a block
};

}  // namespace halconv

// All functions but `launch` are called while a plan is created or destroyed.
struct halconv_rt_backend {
    halconv_device_api api;
    // Opens the driver, completes `device` by the context that it left to the queue or thread, and tells the compute
    // capability, 10 * major + minor (0 where there is none).
    halconv_status (*open)(halconv_device &device, int32_t &capability);
    halconv_status (*load)(const halconv_device &device, const char *code, int bytes, void **module);
    void (*unload)(const halconv_device &device, void *module);
    // The kernel `entry` of the module, ready for launches within `needs`.
    halconv_status (*find)(const halconv_device &device, void *module, const char *entry,
                           const halconv::EntryNeeds &needs, void **function);
    void (*release)(void *function);
    halconv_status (*launch)(void *queue, void *function, const halconv::LaunchSize &size,
                             const halconv::LaunchArguments &arguments);
};
