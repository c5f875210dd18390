// The types and numbers are those of OpenCL's cl.h; the library is opened at run time.
#include <chrono>
#include <vector>

#include "runtime/driver_library.h"
#include "tools/compute_device.h"
#include "tools/layer.h"

namespace halconv {

namespace {

using Status = int32_t;
constexpr uint64_t kGpu = 1 << 2, kAnyDevice = 0xFFFFFFFF;  // CL_DEVICE_TYPE_GPU, CL_DEVICE_TYPE_ALL
constexpr uint32_t kComputeUnits = 0x1002, kCacheBytes = 0x101E, kDeviceName = 0x102B, kDeviceMemory = 0x1053;
constexpr uint64_t kCoarseGrain = 1, kReadWrite = 1;

struct OpenCl {
    Status (*platforms)(uint32_t most, void **platforms, uint32_t *count);
    Status (*devices)(void *platform, uint64_t type, uint32_t most, void **devices, uint32_t *count);
    Status (*device_info)(void *device, uint32_t name, size_t bytes, void *value, size_t *needed);
    void *(*create_context)(const intptr_t *properties, uint32_t count, void *const *devices,
                            void (*notify)(const char *, const void *, size_t, void *), void *user, Status *status);
    Status (*release_context)(void *context);
    void *(*create_queue)(void *context, void *device, const uint64_t *properties, Status *status);
    Status (*release_queue)(void *queue);
    void *(*allocate)(void *context, uint64_t flags, size_t bytes, uint32_t alignment);
    void (*free)(void *context, void *memory);
    Status (*copy)(void *queue, uint32_t blocking, void *to, const void *from, size_t bytes, uint32_t waits,
                   void *const *wait, void **event);
    Status (*finish)(void *queue);
};

OpenCl open_library() {
    OpenCl cl;
    DriverLibrary library("libOpenCL.so.1");
    library.find("clGetPlatformIDs", cl.platforms);
    library.find("clGetDeviceIDs", cl.devices);
    library.find("clGetDeviceInfo", cl.device_info);
    library.find("clCreateContext", cl.create_context);
    library.find("clReleaseContext", cl.release_context);
    library.find("clCreateCommandQueueWithProperties", cl.create_queue);
    library.find("clReleaseCommandQueue", cl.release_queue);
    library.find("clSVMAlloc", cl.allocate);
    library.find("clSVMFree", cl.free);
    library.find("clEnqueueSVMMemcpy", cl.copy);
    library.find("clFinish", cl.finish);
    if (!library.complete()) {
        throw WorkError("no OpenCL 2.0: libOpenCL.so.1 is missing or older");
    }
    return cl;
}

void check(Status status, const char *what) {
    if (status != 0) {
        throw WorkError(std::string("OpenCL: ") + what + ": error " + std::to_string(status));
    }
}

// The first device with shared virtual memory among those of a type; null where there is none.
void *find_device(const OpenCl &cl, uint64_t type) {
    uint32_t count = 0;
    cl.platforms(0, nullptr, &count);
    std::vector<void *> platforms(count);
    cl.platforms(count, platforms.data(), nullptr);
    for (void *platform : platforms) {
        uint32_t found = 0;
        if (cl.devices(platform, type, 0, nullptr, &found) != 0) {
            continue;
        }
        std::vector<void *> devices(found);
        cl.devices(platform, type, found, devices.data(), nullptr);
        for (void *device : devices) {
            uint64_t memory = 0;
            cl.device_info(device, kDeviceMemory, sizeof(memory), &memory, nullptr);
            if ((memory & kCoarseGrain) != 0) {
                return device;
            }
        }
    }
    return nullptr;
}

class OpenClDevice : public ComputeDevice {
  public:
    OpenClDevice() : cl_(open_library()) {
        for (uint64_t type : {kGpu, kAnyDevice}) {
            device_ = device_ ? device_ : find_device(cl_, type);
        }
        if (!device_) {
            throw WorkError("no OpenCL device with shared virtual memory");
        }
        Status status = 0;
        context_ = cl_.create_context(nullptr, 1, &device_, nullptr, nullptr, &status);
        check(status, "clCreateContext");
        queue_ = cl_.create_queue(context_, device_, nullptr, &status);
        if (status != 0) {
            cl_.release_context(context_);
        }
        check(status, "clCreateCommandQueueWithProperties");
    }
    ~OpenClDevice() override {
        cl_.release_queue(queue_);
        cl_.release_context(context_);
    }
    OpenClDevice(const OpenClDevice &) = delete;
    OpenClDevice &operator=(const OpenClDevice &) = delete;

    std::string name() const override {
        char text[256] = "";
        check(cl_.device_info(device_, kDeviceName, sizeof(text), text, nullptr), "clGetDeviceInfo");
        return text;
    }
    halconv_device handle() const override { return {HALCONV_OPENCL, context_, queue_}; }
    int processors() const override { return int(number<uint32_t>(kComputeUnits)); }
    int64_t cache_bytes() const override { return int64_t(number<uint64_t>(kCacheBytes)); }
    void *allocate(size_t bytes) const override {
        constexpr uint32_t kAlignment = 64;
        void *memory = cl_.allocate(context_, kReadWrite, bytes, kAlignment);
        if (!memory) {
            throw WorkError("OpenCL: no memory for " + std::to_string(bytes) + " bytes");
        }
        return memory;
    }
    void release(void *memory) const override { cl_.free(context_, memory); }
    void upload(void *to, const void *from, size_t bytes) const override { copy(to, from, bytes); }
    void download(void *to, const void *from, size_t bytes) const override { copy(to, from, bytes); }
    // The host's clock: kernels' own events would miss the time between them.
    double seconds(const std::function<void()> &work) const override {
        check(cl_.finish(queue_), "clFinish");
        auto start = std::chrono::steady_clock::now();
        work();
        check(cl_.finish(queue_), "clFinish");
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }

  private:
    template <class Number> Number number(uint32_t which) const {
        Number value = 0;
        check(cl_.device_info(device_, which, sizeof(value), &value, nullptr), "clGetDeviceInfo");
        return value;
    }
    void copy(void *to, const void *from, size_t bytes) const {
        if (bytes > 0) {
            check(cl_.copy(queue_, 1, to, from, bytes, 0, nullptr, nullptr), "clEnqueueSVMMemcpy");
        }
    }

    OpenCl cl_;
    void *device_ = nullptr, *context_ = nullptr, *queue_ = nullptr;
};

}  // namespace

std::unique_ptr<ComputeDevice> open_opencl_device() { return std::make_unique<OpenClDevice>(); }

std::unique_ptr<ComputeDevice> open_compute_device(const Gpu &gpu) {
    return gpu.chip ? open_cuda_device() : open_opencl_device();
}

}  // namespace halconv
