#include "tests/gpu/opencl_device.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstring>
#include <vector>

#include "HalideRuntime.h"
#include "HalideRuntimeOpenCL.h"

namespace {

constexpr int kOutput = 28;  // argv: runtime/core/kernel_table.h
constexpr int kBuffers[] = {1, 2, 3, 4, kOutput};

halconv_kernel_function device_kernel = nullptr, device_scratch = nullptr;
int64_t scratch_bytes = 0;  // of device memory that the kernel reports
int taken_blocks = 0;       // of it, at present

void print_error(void *, const char *message) { std::fprintf(stderr, "OpenCL: %s\n", message); }

int run_on_device(void **argv) {
    halide_set_error_handler(print_error);
    std::vector<void *> arguments(argv, argv + kOutput + 1);
    halide_buffer_t copies[kOutput + 1] = {};
    int status = 0;
    for (int i : kBuffers) {
        copies[i] = *static_cast<const halide_buffer_t *>(argv[i]);
        copies[i].set_host_dirty(true);  // the output's too, so that what the kernel leaves alone comes back as it was
        status = status ? status : halide_copy_to_device(nullptr, &copies[i], halide_opencl_device_interface());
        copies[i].host = nullptr;  // the kernel has the device's memory alone
        arguments[size_t(i)] = &copies[i];
    }
    halide_buffer_t &output = copies[kOutput];
    int64_t bytes[2] = {};
    halide_dimension_t two{0, 2, 1};
    halide_buffer_t result = {};
    result.host = reinterpret_cast<uint8_t *>(bytes), result.type = halide_type_of<int64_t>();
    result.dimensions = 1, result.dim = &two;
    arguments.push_back(&result);
    status = status ? status : device_scratch(arguments.data());
    scratch_bytes = bytes[0];
    status = status ? status : device_kernel(arguments.data());
    status = status ? status : taken_blocks;
    output.host = static_cast<const halide_buffer_t *>(argv[kOutput])->host;
    status = status ? status : halide_copy_to_host(nullptr, &output);
    for (int i : kBuffers) {
        halide_device_free(nullptr, &copies[i]);
    }
    return status;
}

}  // namespace

// What kernels call, by the names that they have in objects of halconv.
extern "C" {
#define HALCONV_FORWARD __attribute__((visibility("default")))
HALCONV_FORWARD int halconv_rt_opencl_initialize_kernels(void *user, void **state, const char *text, int size) {
    return halide_opencl_initialize_kernels(user, state, text, size);
}
HALCONV_FORWARD void halconv_rt_opencl_finalize_kernels(void *user, void *state) {
    halide_opencl_finalize_kernels(user, state);
}
HALCONV_FORWARD int halconv_rt_opencl_run(void *user, void *state, const char *entry, int bx, int by, int bz, int tx,
                                          int ty, int tz, int shared, size_t sizes[], void *arguments[],
                                          int8_t is_buffer[]) {
    return halide_opencl_run(user, state, entry, bx, by, bz, tx, ty, tz, shared, sizes, arguments, is_buffer);
}
HALCONV_FORWARD const halide_device_interface_t *halconv_rt_opencl_device_interface() {
    return halide_opencl_device_interface();
}
HALCONV_FORWARD int halconv_rt_device_malloc(void *user, halide_buffer_t *buffer,
                                             const halide_device_interface_t *interface) {
    if (buffer->device != 0) {
        return 0;  // asked before each launch
    }
    taken_blocks++;
    const bool reported = taken_blocks == 1 && int64_t(buffer->size_in_bytes()) <= scratch_bytes;
    return reported ? halide_device_malloc(user, buffer, interface) : int(halide_error_code_out_of_memory);
}
HALCONV_FORWARD int halconv_rt_device_free(void *user, halide_buffer_t *buffer) {
    taken_blocks -= buffer->device != 0;  // a call's end frees again
    return halide_device_free(user, buffer);
}
HALCONV_FORWARD void halconv_rt_device_free_as_destructor(void *user, void *buffer) {
    halconv_rt_device_free(user, static_cast<halide_buffer_t *>(buffer));
}
HALCONV_FORWARD int halconv_rt_copy_to_device(void *user, halide_buffer_t *buffer,
                                              const halide_device_interface_t *interface) {
    return halide_copy_to_device(user, buffer, interface);
}
}

namespace halconv {

bool opencl_device_is_there() {
    using Platforms = int32_t (*)(uint32_t, void **, uint32_t *);
    using Devices = int32_t (*)(void *, uint64_t, uint32_t, void **, uint32_t *);
    constexpr uint64_t kAllTypes = 0xFFFFFFFF;  // CL_DEVICE_TYPE_ALL
    uint32_t devices = 0;
    if (void *library = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL)) {
        auto platforms_of = reinterpret_cast<Platforms>(dlsym(library, "clGetPlatformIDs"));
        auto devices_of = reinterpret_cast<Devices>(dlsym(library, "clGetDeviceIDs"));
        void *platform = nullptr;
        uint32_t platforms = 0;
        if (platforms_of && devices_of && platforms_of(1, &platform, &platforms) == 0 && platforms > 0 &&
            devices_of(platform, kAllTypes, 0, nullptr, &devices) != 0) {
            devices = 0;
        }
    }
    if (devices == 0) {
        std::printf("skipped: no OpenCL device\n");
    }
    return devices > 0;
}

halconv_kernel on_opencl_device(const halconv_kernel &row) {
    device_kernel = row.run, device_scratch = row.scratch;
    halconv_kernel on_device = row;
    on_device.run = run_on_device;
    return on_device;
}

}  // namespace halconv
