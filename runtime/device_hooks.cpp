// What the host code of kernels for graphics processors calls in place of Halide's runtime: runtime/core/kernel_table.h.
#include <algorithm>
#include <cstring>

#include "runtime/core/buffer.h"
#include "runtime/core/context.h"
#include "runtime/device.h"

namespace halconv {

namespace {

constexpr int kFailed = -1;

DeviceCall *call_of(void *user_context) {
    return user_context ? static_cast<halconv_rt_context *>(user_context)->device : nullptr;
}

// The hook's result. A failure stays in the call.
int outcome(DeviceCall *call, bool done) {
    if (call && !done && call->status == HALCONV_OK) {
        call->status = HALCONV_KERNEL_FAILED;
    }
    return done ? 0 : kFailed;
}

const Entry *find_entry(const DeviceKernels &kernels, const char *name) {
    for (int i = 0; i < kernels.entries; ++i) {
        if (std::strcmp(kernels.entry[i].name, name) == 0) {
            return &kernels.entry[i];
        }
    }
    return nullptr;
}

bool note_code(DeviceKernels &kernels, const char *code, int bytes) {
    bool same = !kernels.code || kernels.code == code;
    kernels.code = code;
    kernels.code_bytes = bytes;
    return same;
}

int count_arguments(const LaunchArguments &arguments) {
    int count = 0;
    while (count <= kMaxLaunchArguments && arguments.bytes[count] != 0) {
        ++count;
    }
    return count;
}

bool note_launch(DeviceKernels &kernels, const char *name, const LaunchSize &size, const LaunchArguments &arguments) {
    auto *entry = const_cast<Entry *>(find_entry(kernels, name));
    if (!entry) {
        if (kernels.entries == kMaxEntries) {
            return false;
        }
        entry = &kernels.entry[kernels.entries++];
        *entry = {name, {0, 0}, nullptr};
    }
    entry->needs.threads = std::max(entry->needs.threads, size.threads[0] * size.threads[1] * size.threads[2]);
    entry->needs.shared_bytes = std::max(entry->needs.shared_bytes, size.shared_bytes);
    return count_arguments(arguments) <= kMaxLaunchArguments;
}

// Nothing after a failure, for instance without scratch memory.
bool launch(DeviceCall &call, const char *name, const LaunchSize &size, const LaunchArguments &arguments) {
    const Entry *entry = find_entry(*call.kernels, name);
    if (!entry || call.status != HALCONV_OK) {
        return false;
    }
    call.status = call.kernels->backend->launch(call.kernels->device.queue, entry->function, size, arguments);
    return call.status == HALCONV_OK;
}

// Bytes from the first element to behind the last.
uint64_t buffer_bytes(const Buffer &buffer) {
    uint64_t last = 0;
    for (int d = 0; d < buffer.dimensions; ++d) {
        last += static_cast<uint64_t>(buffer.dim[d].extent - 1) * static_cast<uint64_t>(buffer.dim[d].stride);
    }
    return (last + 1) * (buffer.type.bits / 8U);
}

// Blocks follow each other, and the next box uses them again: its kernels run after this one's. Kernels ask again for a
// buffer that has its block.
bool take_scratch(DeviceCall &call, Buffer &buffer) {
    if (buffer.device != 0) {
        return true;
    }
    uint64_t bytes = align_up(buffer_bytes(buffer));
    if (call.survey) {
        call.survey->scratch_bytes = std::max(call.survey->scratch_bytes, call.scratch_used + bytes);
    } else if (bytes > call.kernels->scratch_bytes - call.scratch_used) {
        return false;
    }
    buffer.device = call.scratch + call.scratch_used;
    call.scratch_used += bytes;
    return true;
}

}  // namespace

}  // namespace halconv

using namespace halconv;

extern "C" {

struct halide_device_interface_t;

// The address alone counts: kernels pass it on and never look inside.
static const char device_interface = 0;

static const halide_device_interface_t *interface() {
    return reinterpret_cast<const halide_device_interface_t *>(&device_interface);
}

static int initialize_kernels(void *user_context, const char *code, int bytes) {
    DeviceCall *call = call_of(user_context);
    return outcome(call, call && (!call->survey || note_code(*call->survey, code, bytes)));
}

static int run(void *user_context, const char *entry, const LaunchSize &size, const LaunchArguments &arguments) {
    DeviceCall *call = call_of(user_context);
    bool done = call && (call->survey ? note_launch(*call->survey, entry, size, arguments)
                                      : launch(*call, entry, size, arguments));
    return outcome(call, done);
}

#define HALCONV_DEVICE_HOOKS(api)                                                                                      \
    HALCONV_API int halconv_rt_##api##_initialize_kernels(void *user_context, void **, const char *code, int bytes) {  \
        return initialize_kernels(user_context, code, bytes);                                                          \
    }                                                                                                                  \
    HALCONV_API void halconv_rt_##api##_finalize_kernels(void *, void *) {}                                            \
    HALCONV_API int halconv_rt_##api##_run(void *user_context, void *, const char *entry, int blocks_x, int blocks_y,  \
                                           int blocks_z, int threads_x, int threads_y, int threads_z,                  \
                                           int shared_bytes, size_t bytes[], void *values[], int8_t buffers[]) {       \
        LaunchSize size{{uint32_t(blocks_x), uint32_t(blocks_y), uint32_t(blocks_z)},                                  \
                        {uint32_t(threads_x), uint32_t(threads_y), uint32_t(threads_z)},                               \
                        uint32_t(shared_bytes)};                                                                       \
        return run(user_context, entry, size, {values, bytes, buffers});                                               \
    }                                                                                                                  \
    HALCONV_API const halide_device_interface_t *halconv_rt_##api##_device_interface() { return interface(); }

HALCONV_DEVICE_HOOKS(cuda)
HALCONV_DEVICE_HOOKS(opencl)

// Tensors are on the device when a kernel is called.
HALCONV_API int halconv_rt_copy_to_device(void *user_context, Buffer *buffer, const halide_device_interface_t *) {
    return outcome(call_of(user_context), buffer->device != 0);
}

HALCONV_API int halconv_rt_device_malloc(void *user_context, Buffer *buffer,
                                         const halide_device_interface_t *of_kernel) {
    DeviceCall *call = call_of(user_context);
    buffer->device_interface = of_kernel;
    return outcome(call, call && take_scratch(*call, *buffer));
}

HALCONV_API int halconv_rt_device_free(void *, Buffer *buffer) {
    buffer->device = 0;
    buffer->device_interface = nullptr;
    return 0;
}

HALCONV_API void halconv_rt_device_free_as_destructor(void *user_context, void *buffer) {
    halconv_rt_device_free(user_context, static_cast<Buffer *>(buffer));
}
}
