// OpenCL devices. Device code is OpenCL C, which the driver compiles when it is loaded.
#include "runtime/backend.h"

#include <algorithm>
#include <cstring>

#include "runtime/core/buffer.h"
#include "runtime/opencl/driver.h"

namespace halconv {

namespace {

halconv_status status_of(ClStatus status) {
    switch (status) {
    case kClSuccess:
        return HALCONV_OK;
    case kClMemoryFailure:
    case kClOutOfResources:
        return HALCONV_DEVICE_MEMORY;
    case kClOutOfHostMemory:
        return HALCONV_OUT_OF_MEMORY;
    case kClInvalidDevice:
    case kClInvalidContext:
    case kClInvalidQueue:
        return HALCONV_NO_DEVICE;
    default:
        return HALCONV_DEVICE_FAILED;
    }
}

template <class Value> ClStatus read_queue(void *queue, uint32_t name, Value &value) {
    return cl_driver()->queue_info(queue, name, sizeof(value), &value, nullptr);
}

template <class Value> ClStatus read_device(void *queue, uint32_t name, Value &value) {
    void *device = nullptr;
    ClStatus status = read_queue(queue, kQueueDevice, device);
    return status ? status : cl_driver()->device_info(device, name, sizeof(value), &value, nullptr);
}

halconv_status open(halconv_device &device, int32_t &capability) {
    capability = 0;
    if (!cl_driver()) {
        return HALCONV_NO_DRIVER;
    }
    if (!device.queue) {
        return HALCONV_NO_DEVICE;
    }
    void *context = nullptr;
    uint64_t order = 0, memory = 0;
    ClStatus status = read_queue(device.queue, kQueueContext, context);
    status = status ? status : read_queue(device.queue, kQueueProperties, order);
    if (status) {
        return status_of(status);
    }
    if ((device.context && device.context != context) || (order & kQueueOutOfOrder) != 0) {
        return HALCONV_NO_DEVICE;
    }
    device.context = context;
    // Drivers before OpenCL 2.0 do not know the question.
    status = read_device(device.queue, kDeviceSharedVirtualMemory, memory);
    return status == kClSuccess && (memory & kCoarseGrain) != 0 ? HALCONV_OK : HALCONV_UNFIT_DEVICE;
}

// Compiled for every device of the context, so that each queue's plans can have it.
halconv_status load(const halconv_device &device, const char *code, int bytes, void **module) {
    const ClDriver &cl = *cl_driver();
    size_t length = strnlen(code, static_cast<size_t>(bytes));
    ClStatus status = kClSuccess;
    void *program = cl.create_program(device.context, 1, &code, &length, &status);
    if (status) {
        return status_of(status);
    }
    status = cl.build_program(program, 0, nullptr, "", nullptr, nullptr);
    if (status) {
        cl.release_program(program);
        return status_of(status);
    }
    *module = program;
    return HALCONV_OK;
}

void unload(const halconv_device &, void *module) { cl_driver()->release_program(module); }

// A kernel object holds its arguments, so that each plan has its own.
halconv_status find(const halconv_device &device, void *module, const char *entry, const EntryNeeds &needs,
                    void **function) {
    const ClDriver &cl = *cl_driver();
    ClStatus status = kClSuccess;
    *function = cl.create_kernel(module, entry, &status);
    if (status) {
        *function = nullptr;
        return status_of(status);
    }
    void *processor = nullptr;
    size_t threads = 0;
    uint64_t local_bytes = 0;
    status = read_queue(device.queue, kQueueDevice, processor);
    status =
        status ? status : cl.kernel_info(*function, processor, kKernelGroupSize, sizeof(threads), &threads, nullptr);
    status = status ? status : read_device(device.queue, kDeviceLocalBytes, local_bytes);
    if (status) {
        return status_of(status);
    }
    return needs.threads <= threads && needs.shared_bytes <= local_bytes ? HALCONV_OK : HALCONV_UNFIT_DEVICE;
}

void release(void *function) { cl_driver()->release_kernel(function); }

const void *pointer_of(const Buffer &buffer) {
    const auto address = static_cast<uintptr_t>(buffer.device);
    const void *pointer = nullptr;
    std::memcpy(&pointer, &address, sizeof(pointer));
    return pointer;
}

// The last parameter of Halide's kernels is the shared memory, also of those that use none.
ClStatus set_arguments(void *function, const LaunchSize &size, const LaunchArguments &arguments) {
    const ClDriver &cl = *cl_driver();
    ClStatus status = kClSuccess;
    uint32_t i = 0;
    for (; status == kClSuccess && arguments.bytes[i] != 0; ++i) {
        if (arguments.buffer[i]) {
            status = cl.set_pointer(function, i, pointer_of(*static_cast<const Buffer *>(arguments.value[i])));
        } else {
            status = cl.set_argument(function, i, arguments.bytes[i], arguments.value[i]);
        }
    }
    return status ? status : cl.set_argument(function, i, std::max(size.shared_bytes, 1U), nullptr);
}

halconv_status launch(void *queue, void *function, const LaunchSize &size, const LaunchArguments &arguments) {
    constexpr int kAxes = 3;
    ClStatus status = set_arguments(function, size, arguments);
    size_t global[kAxes], local[kAxes];
    for (int a = 0; a < kAxes; ++a) {
        local[a] = size.threads[a];
        global[a] = local[a] * size.blocks[a];
    }
    return status_of(
        status ? status : cl_driver()->enqueue(queue, function, kAxes, nullptr, global, local, 0, nullptr, nullptr));
}

}  // namespace

}  // namespace halconv

extern "C" HALCONV_API const halconv_rt_backend halconv_rt_opencl = {
    HALCONV_OPENCL, halconv::open, halconv::load, halconv::unload, halconv::find, halconv::release, halconv::launch};
