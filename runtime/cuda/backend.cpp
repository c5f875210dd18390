// NVIDIA's processors. Device code is a fat binary, or PTX that the driver compiles when it is loaded.
#include "runtime/backend.h"

#include <algorithm>

#include "runtime/core/buffer.h"
#include "runtime/cuda/driver.h"

namespace halconv {

namespace {

halconv_status status_of(CuResult result) {
    switch (result) {
    case kCudaSuccess:
        return HALCONV_OK;
    case kCudaOutOfMemory:
        return HALCONV_DEVICE_MEMORY;
    case kCudaNoDevice:
    case kCudaInvalidContext:
    case kCudaContextIsDestroyed:
        return HALCONV_NO_DEVICE;
    case kCudaNoBinaryForGpu:
    case kCudaInvalidPtx:
    case kCudaUnsupportedPtxVersion:
        return HALCONV_UNFIT_DEVICE;
    default:
        return HALCONV_DEVICE_FAILED;
    }
}

// Makes a context the calling thread's current one as long as this lives.
class Current {
  public:
    explicit Current(void *context) : result_(cuda_driver()->push_context(context)) {}
    ~Current() {
        CuContext popped;
        if (result_ == kCudaSuccess) {
            cuda_driver()->pop_context(&popped);
        }
    }
    Current(const Current &) = delete;
    Current &operator=(const Current &) = delete;
    CuResult result() const { return result_; }

  private:
    CuResult result_;
};

CuResult read_capability(int32_t &capability) {
    const CudaDriver &cuda = *cuda_driver();
    CuDevice device = 0;
    int major = 0, minor = 0;
    CuResult result = cuda.context_device(&device);
    result = result ? result : cuda.device_attribute(&major, kComputeCapabilityMajor, device);
    result = result ? result : cuda.device_attribute(&minor, kComputeCapabilityMinor, device);
    capability = 10 * major + minor;
    return result;
}

halconv_status open(halconv_device &device, int32_t &capability) {
    const CudaDriver *cuda = cuda_driver();
    if (!cuda) {
        return HALCONV_NO_DRIVER;
    }
    CuResult result = cuda->init(0);
    if (result == kCudaSuccess && !device.context) {
        result = cuda->current_context(&device.context);
    }
    if (result) {
        return status_of(result);
    }
    if (!device.context) {
        return HALCONV_NO_DEVICE;
    }
    Current current(device.context);
    return status_of(current.result() ? current.result() : read_capability(capability));
}

halconv_status load(const halconv_device &device, const char *code, int, void **module) {
    Current current(device.context);
    return status_of(current.result() ? current.result() : cuda_driver()->load_module(module, code));
}

void unload(const halconv_device &device, void *module) {
    Current current(device.context);
    if (!current.result()) {
        cuda_driver()->unload_module(module);
    }
}

// Asking for an attribute also brings a lazily loaded function to the device, so that no launch has to.
halconv_status find(const halconv_device &device, void *module, const char *entry, const EntryNeeds &needs,
                    void **function) {
    constexpr uint32_t kSharedUnasked = 48 * 1024;  // of a block, without set_function_attribute
    const CudaDriver &cuda = *cuda_driver();
    Current current(device.context);
    int threads = 0;
    CuResult result = current.result();
    result = result ? result : cuda.find_function(function, module, entry);
    result = result ? result : cuda.function_attribute(&threads, kMaxThreadsPerBlock, *function);
    if (!result && needs.shared_bytes > kSharedUnasked) {
        result = cuda.set_function_attribute(*function, kMaxDynamicSharedBytes, static_cast<int>(needs.shared_bytes));
    }
    if (result) {
        return status_of(result);
    }
    return needs.threads <= static_cast<uint32_t>(threads) ? HALCONV_OK : HALCONV_UNFIT_DEVICE;
}

void release(void *) {}

// The driver reads an argument where it lies: of a buffer the device pointer, its first field.
halconv_status launch(void *queue, void *function, const LaunchSize &size, const LaunchArguments &arguments) {
    static_assert(offsetof(Buffer, device) == 0);
    void *values[kMaxLaunchArguments];
    for (int i = 0; i < kMaxLaunchArguments && arguments.bytes[i] != 0; ++i) {
        values[i] = arguments.value[i];
    }
    const uint32_t *b = size.blocks, *t = size.threads;
    return status_of(
        cuda_driver()->launch(function, b[0], b[1], b[2], t[0], t[1], t[2], size.shared_bytes, queue, values, nullptr));
}

}  // namespace

}  // namespace halconv

extern "C" HALCONV_API const halconv_rt_backend halconv_rt_cuda = {
    HALCONV_CUDA, halconv::open, halconv::load, halconv::unload, halconv::find, halconv::release, halconv::launch};
