// The types and numbers are those of cuda.h; the driver is opened at run time.
#include "runtime/driver_library.h"
#include "tools/compute_device.h"
#include "tools/layer.h"

namespace halconv {

namespace {

using Result = int;
using Address = unsigned long long;                // CUdeviceptr
constexpr int kProcessors = 16, kCacheBytes = 38;  // CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, .._L2_CACHE_SIZE

struct Cuda {
    Result (*init)(unsigned flags);
    Result (*device)(int *device, int ordinal);
    Result (*device_name)(char *name, int bytes, int device);
    Result (*attribute)(int *value, int attribute, int device);
    Result (*retain_context)(void **context, int device);
    Result (*release_context)(int device);
    Result (*set_context)(void *context);
    Result (*create_stream)(void **stream, unsigned flags);
    Result (*destroy_stream)(void *stream);
    Result (*synchronize)(void *stream);
    Result (*allocate)(Address *memory, size_t bytes);
    Result (*free)(Address memory);
    Result (*upload)(Address to, const void *from, size_t bytes);
    Result (*download)(void *to, Address from, size_t bytes);
    Result (*create_event)(void **event, unsigned flags);
    Result (*destroy_event)(void *event);
    Result (*record_event)(void *event, void *stream);
    Result (*wait_event)(void *event);
    Result (*elapsed)(float *milliseconds, void *start, void *end);
};

Cuda open_library() {
    Cuda cuda;
    DriverLibrary library("libcuda.so.1");
    library.find("cuInit", cuda.init);
    library.find("cuDeviceGet", cuda.device);
    library.find("cuDeviceGetName", cuda.device_name);
    library.find("cuDeviceGetAttribute", cuda.attribute);
    library.find("cuDevicePrimaryCtxRetain", cuda.retain_context);
    library.find("cuDevicePrimaryCtxRelease_v2", cuda.release_context);
    library.find("cuCtxSetCurrent", cuda.set_context);
    library.find("cuStreamCreate", cuda.create_stream);
    library.find("cuStreamDestroy_v2", cuda.destroy_stream);
    library.find("cuStreamSynchronize", cuda.synchronize);
    library.find("cuMemAlloc_v2", cuda.allocate);
    library.find("cuMemFree_v2", cuda.free);
    library.find("cuMemcpyHtoD_v2", cuda.upload);
    library.find("cuMemcpyDtoH_v2", cuda.download);
    library.find("cuEventCreate", cuda.create_event);
    library.find("cuEventDestroy_v2", cuda.destroy_event);
    library.find("cuEventRecord", cuda.record_event);
    library.find("cuEventSynchronize", cuda.wait_event);
    library.find("cuEventElapsedTime", cuda.elapsed);
    if (!library.complete()) {
        throw WorkError("no CUDA driver: libcuda.so.1 is missing or too old");
    }
    return cuda;
}

void check(Result result, const char *what) {
    if (result != 0) {
        throw WorkError(std::string("CUDA: ") + what + ": error " + std::to_string(result));
    }
}

Address address_of(const void *memory) { return reinterpret_cast<uintptr_t>(memory); }

// The primary context of device 0 (CUDA_VISIBLE_DEVICES orders them), and a stream of it.
class CudaDevice : public ComputeDevice {
  public:
    CudaDevice() : cuda_(open_library()) {
        check(cuda_.init(0), "cuInit");
        check(cuda_.device(&device_, 0), "cuDeviceGet");
        check(cuda_.retain_context(&context_, device_), "cuDevicePrimaryCtxRetain");
        Result result = cuda_.set_context(context_);
        result = result ? result : cuda_.create_stream(&stream_, 0);
        if (result != 0) {
            cuda_.release_context(device_);
        }
        check(result, "cuStreamCreate");
    }
    ~CudaDevice() override {
        cuda_.destroy_stream(stream_);
        cuda_.release_context(device_);
    }
    CudaDevice(const CudaDevice &) = delete;
    CudaDevice &operator=(const CudaDevice &) = delete;

    std::string name() const override {
        char text[256] = "";
        check(cuda_.device_name(text, sizeof(text), device_), "cuDeviceGetName");
        return text;
    }
    halconv_device handle() const override { return {HALCONV_CUDA, context_, stream_}; }
    int processors() const override { return attribute(kProcessors); }
    int64_t cache_bytes() const override { return attribute(kCacheBytes); }
    void *allocate(size_t bytes) const override {
        Address memory = 0;
        check(cuda_.allocate(&memory, bytes), "cuMemAlloc");
        return reinterpret_cast<void *>(uintptr_t(memory));
    }
    void release(void *memory) const override { cuda_.free(address_of(memory)); }
    // Copies go through the default stream, which this one follows.
    void upload(void *to, const void *from, size_t bytes) const override {
        check(cuda_.upload(address_of(to), from, bytes), "cuMemcpyHtoD");
    }
    void download(void *to, const void *from, size_t bytes) const override {
        check(cuda_.synchronize(stream_), "cuStreamSynchronize");
        check(cuda_.download(to, address_of(from), bytes), "cuMemcpyDtoH");
    }
    double seconds(const std::function<void()> &work) const override {
        constexpr double kMillisecond = 1e-3;
        Event start(cuda_), end(cuda_);
        check(cuda_.record_event(start.event, stream_), "cuEventRecord");
        work();
        check(cuda_.record_event(end.event, stream_), "cuEventRecord");
        check(cuda_.wait_event(end.event), "cuEventSynchronize");
        float milliseconds = 0;
        check(cuda_.elapsed(&milliseconds, start.event, end.event), "cuEventElapsedTime");
        return double(milliseconds) * kMillisecond;
    }

  private:
    int attribute(int which) const {
        int value = 0;
        check(cuda_.attribute(&value, which, device_), "cuDeviceGetAttribute");
        return value;
    }

    struct Event {
        explicit Event(const Cuda &driver) : cuda(driver) { check(cuda.create_event(&event, 0), "cuEventCreate"); }
        ~Event() { cuda.destroy_event(event); }
        Event(const Event &) = delete;
        Event &operator=(const Event &) = delete;
        const Cuda &cuda;
        void *event = nullptr;
    };

    Cuda cuda_;
    int device_ = 0;
    void *context_ = nullptr, *stream_ = nullptr;
};

}  // namespace

std::unique_ptr<ComputeDevice> open_cuda_device() { return std::make_unique<CudaDevice>(); }

}  // namespace halconv
