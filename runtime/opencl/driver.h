// The part of OpenCL 2.0 that plans use. Types and numbers are those of cl.h; nothing of it is linked.
#pragma once

#include <cstddef>
#include <cstdint>

namespace halconv {

using ClStatus = int32_t;

enum : ClStatus {
    kClSuccess = 0,
    kClMemoryFailure = -4,
    kClOutOfResources = -5,
    kClOutOfHostMemory = -6,
    kClInvalidDevice = -33,
    kClInvalidContext = -34,
    kClInvalidQueue = -36
};

// Of a command queue, of a device, and of a kernel on one.
constexpr uint32_t kQueueContext = 0x1090, kQueueDevice = 0x1091, kQueueProperties = 0x1093;
constexpr uint64_t kQueueOutOfOrder = 1;
constexpr uint32_t kDeviceLocalBytes = 0x1023, kDeviceSharedVirtualMemory = 0x1053;
constexpr uint64_t kCoarseGrain = 1;
constexpr uint32_t kKernelGroupSize = 0x11B0;

struct ClDriver {
    ClStatus (*queue_info)(void *queue, uint32_t name, size_t bytes, void *value, size_t *needed);
    ClStatus (*device_info)(void *device, uint32_t name, size_t bytes, void *value, size_t *needed);
    void *(*create_program)(void *context, uint32_t count, const char **texts, const size_t *lengths, ClStatus *status);
    ClStatus (*build_program)(void *program, uint32_t devices, void *const *device, const char *options,
                              void (*done)(void *, void *), void *argument);
    ClStatus (*release_program)(void *program);
    void *(*create_kernel)(void *program, const char *name, ClStatus *status);
    ClStatus (*release_kernel)(void *kernel);
    ClStatus (*kernel_info)(void *kernel, void *device, uint32_t name, size_t bytes, void *value, size_t *needed);
    ClStatus (*set_argument)(void *kernel, uint32_t index, size_t bytes, const void *value);
    ClStatus (*set_pointer)(void *kernel, uint32_t index, const void *pointer);
    ClStatus (*enqueue)(void *queue, void *kernel, uint32_t dimensions, const size_t *offset, const size_t *global,
                        const size_t *local, uint32_t waits, void *const *wait, void **event);
};

// Opened at the first call; null where there is none, or one without all of these.
const ClDriver *cl_driver();

}  // namespace halconv
