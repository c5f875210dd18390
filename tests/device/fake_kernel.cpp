#include "tests/device/fake_kernel.h"

#include "runtime/core/buffer.h"
#include "tests/runtime_fake_kernels.h"

extern "C" {
int halconv_rt_cuda_initialize_kernels(void *user, void **state, const char *code, int bytes);
void halconv_rt_cuda_finalize_kernels(void *user, void *state);
int halconv_rt_cuda_run(void *user, void *state, const char *entry, int blocks_x, int blocks_y, int blocks_z,
                        int threads_x, int threads_y, int threads_z, int shared_bytes, size_t bytes[], void *values[],
                        int8_t buffers[]);
const void *halconv_rt_cuda_device_interface();
int halconv_rt_copy_to_device(void *user, halconv::Buffer *buffer, const void *interface);
int halconv_rt_device_malloc(void *user, halconv::Buffer *buffer, const void *interface);
int halconv_rt_device_free(void *user, halconv::Buffer *buffer);
}

namespace halconv {

const char kFakeCode[] = "device code";

namespace {

constexpr int kKernelX = 5;  // argv: the first scalar of axis x
constexpr int kTensors[] = {1, 2, 3, 4, 28};

void launch(void *user, const char *entry, void **argv, Buffer &scratch) {
    void *values[] = {argv[1], argv[2], argv[3], argv[4], argv[28], &scratch, argv[kKernelX]};
    size_t bytes[] = {8, 8, 8, 8, 8, 8, 4, 0};
    int8_t buffers[] = {1, 1, 1, 1, 1, 1, 0};
    halconv_rt_cuda_run(user, nullptr, entry, kFakeBlocks, 1, 2, kFakeThreads, 2, 1, kFakeSharedBytes, bytes, values,
                        buffers);
}

// Like the host code that Halide makes without asserts: it asks twice for scratch memory and looks at no result.
int run(void **argv) {
    void *user = *static_cast<void **>(argv[0]);
    const void *interface = halconv_rt_cuda_device_interface();
    Dimension dim{0, kFakeScratchBytes / sizeof(float), 1, 0};
    Buffer scratch{};
    scratch.type = {kFloat, 32, 1};
    scratch.dimensions = 1;
    scratch.dim = &dim;
    halconv_rt_cuda_initialize_kernels(user, nullptr, kFakeCode, sizeof(kFakeCode));
    for (int tensor : kTensors) {
        halconv_rt_copy_to_device(user, static_cast<Buffer *>(argv[tensor]), interface);
    }
    halconv_rt_device_malloc(user, &scratch, interface);
    launch(user, "first", argv, scratch);
    halconv_rt_device_malloc(user, &scratch, interface);  // it has its block
    launch(user, "second", argv, scratch);
    halconv_rt_device_free(user, &scratch);
    halconv_rt_cuda_finalize_kernels(user, nullptr);
    return 0;
}

}  // namespace

halconv_kernel fake_device_row(const halconv_rt_backend *backend, halconv_op op, int32_t capability) {
    halconv_kernel row = fake_row(op == HALCONV_CONV ? HALCONV_FORM_DIRECT : HALCONV_FORM_PHASE, op, 4);
    row.name = capability >= 90 ? "fake_new_chip" : "fake_chip";
    row.run = run;
    row.scratch = nullptr;
    row.backend = backend;
    row.capability = capability;
    return row;
}

}  // namespace halconv
