// A graphics processor as the program and the tests use it: memory, copies, a queue and its time. The runtime has none of this:
// an application brings its own.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "halconv/halconv.h"
#include "schedules/target.h"

namespace halconv {

// All functions throw WorkError where the driver reports an error.
class ComputeDevice {
  public:
    virtual ~ComputeDevice() = default;
    virtual std::string name() const = 0;
    virtual halconv_device handle() const = 0;  // for halconv_options
    virtual int processors() const = 0;         // that blocks of threads are spread over
    virtual int64_t cache_bytes() const = 0;    // of the cache that they share; 0 where the driver does not tell
    virtual void *allocate(size_t bytes) const = 0;
    virtual void release(void *memory) const = 0;
    virtual void upload(void *to, const void *from, size_t bytes) const = 0;    // waits
    virtual void download(void *to, const void *from, size_t bytes) const = 0;  // waits
    // Seconds from the begin to the end of what `work` puts into the queue.
    virtual double seconds(const std::function<void()> &work) const = 0;
};

// Memory of a device, at least one byte.
class DeviceMemory {
  public:
    DeviceMemory(const ComputeDevice &device, size_t bytes)
        : device_(device), memory_(device.allocate(bytes > 0 ? bytes : 1)) {}
    ~DeviceMemory() { device_.release(memory_); }
    DeviceMemory(const DeviceMemory &) = delete;
    DeviceMemory &operator=(const DeviceMemory &) = delete;
    void *get() const { return memory_; }

  private:
    const ComputeDevice &device_;
    void *memory_;
};

// The first device of this machine that kernels of the target run on, a graphics processor if there is one. Throws WorkError
// with one line where there is none.
std::unique_ptr<ComputeDevice> open_compute_device(const Gpu &gpu);

std::unique_ptr<ComputeDevice> open_opencl_device();
std::unique_ptr<ComputeDevice> open_cuda_device();

}  // namespace halconv
