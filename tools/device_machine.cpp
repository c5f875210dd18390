#include "tools/device_machine.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "runtime/backend.h"
#include "runtime/core/buffer.h"
#include "tools/device_loops.h"
#include "tools/layer.h"

namespace halconv {

namespace {

constexpr int kThreads = 256;  // of a block
constexpr int kRuns = 6;       // the best counts: one that something else disturbed says nothing about the device
constexpr int64_t kMega = 1024 * 1024;

void check(halconv_status status) {
    if (status != HALCONV_OK) {
        throw WorkError(halconv_status_text(status));
    }
}

// The loops of device_loops.h, loaded and started as a plan's kernels are.
class LoadedLoops {
  public:
    explicit LoadedLoops(const ComputeDevice &device)
        : device_(device), handle_(device.handle()), loops_(device_loops(handle_.api)),
          backend_(handle_.api == HALCONV_OPENCL ? halconv_rt_opencl : halconv_rt_cuda) {
        int32_t capability = 0;
        check(backend_.open(handle_, capability));
        check(backend_.load(handle_, loops_.text.c_str(), int(loops_.text.size() + 1), &module_));
    }
    ~LoadedLoops() { backend_.unload(handle_, module_); }
    LoadedLoops(const LoadedLoops &) = delete;
    LoadedLoops &operator=(const LoadedLoops &) = delete;
    int products() const { return loops_.products; }

    // Seconds of a launch of the kernel, the mean over `launches`: `buffers`, then `number`.
    double seconds(const char *kernel, int blocks, const std::vector<const void *> &buffers, int32_t number,
                   int launches) const {
        void *function = nullptr;
        check(backend_.find(handle_, module_, kernel, {kThreads, 0}, &function));
        std::vector<Buffer> device_buffers(buffers.size());
        std::vector<void *> values;
        for (size_t i = 0; i < buffers.size(); i++) {
            device_buffers[i].device = reinterpret_cast<uintptr_t>(buffers[i]);
            values.push_back(&device_buffers[i]);
        }
        values.push_back(&number);
        std::vector<size_t> bytes(buffers.size(), sizeof(void *));
        bytes.insert(bytes.end(), {sizeof(number), 0});
        std::vector<int8_t> is_buffer(buffers.size(), 1);
        is_buffer.push_back(0);
        const LaunchSize size{{uint32_t(blocks), 1, 1}, {kThreads, 1, 1}, 0};
        halconv_status status = HALCONV_OK;
        const double seconds = device_.seconds([&] {
            for (int i = 0; i < launches && status == HALCONV_OK; i++) {
                status =
                    backend_.launch(handle_.queue, function, size, {values.data(), bytes.data(), is_buffer.data()});
            }
        });
        backend_.release(function);
        check(status);
        return seconds / launches;
    }

  private:
    const ComputeDevice &device_;
    halconv_device handle_;
    DeviceLoops loops_;
    const halconv_rt_backend &backend_;
    void *module_ = nullptr;
};

template <class Measured> double least_of_runs(const Measured &seconds) {
    double least = std::numeric_limits<double>::infinity();
    for (int run = 0; run < kRuns; run++) {
        least = std::min(least, seconds());
    }
    return least;
}

// GFLOP/s. Blocks for several times the threads that are under way at once, each for so long that its start does not count.
double measure_fma_peak(const ComputeDevice &device, const LoadedLoops &loops) {
    constexpr int kBlocks = 16, kFirstRounds = 64;  // of a processor
    constexpr double kRunSeconds = 0.01;
    const int blocks = kBlocks * device.processors();
    const DeviceMemory out(device, size_t(blocks) * kThreads * sizeof(float));
    auto seconds = [&](int32_t rounds) { return loops.seconds("multiply_add", blocks, {out.get()}, rounds, 1); };
    seconds(kFirstRounds);
    const double first = std::max(seconds(kFirstRounds), 1e-6);
    const auto rounds = int32_t(kFirstRounds * std::clamp(kRunSeconds / first, 1.0, 10000.0));
    const double best = least_of_runs([&] { return seconds(rounds); });
    return 2.0 * loops.products() * rounds * blocks * kThreads / best * 1e-9;
}

// GB/s of reading `bytes` bytes, rounded to whole blocks, again and again.
double measure_read_gbs(const ComputeDevice &device, const LoadedLoops &loops, int64_t bytes) {
    constexpr int32_t kSteps = 4 * kReadUnroll;
    constexpr int64_t kBlockBytes = int64_t(kThreads) * kSteps * 16, kUpload = 16 * kMega, kLeastRead = 256 * kMega;
    const int64_t blocks = std::max<int64_t>(bytes / kBlockBytes, 1);
    const int64_t whole = blocks * kBlockBytes;
    const DeviceMemory in(device, size_t(whole)), out(device, size_t(blocks) * kThreads * sizeof(float));
    const std::vector<char> zeros(size_t(std::min(whole, kUpload)), 0);
    for (int64_t done = 0; done < whole; done += kUpload) {
        device.upload(static_cast<char *>(in.get()) + done, zeros.data(), size_t(std::min(kUpload, whole - done)));
    }
    const int launches = int(std::max<int64_t>(1, kLeastRead / whole));
    const double best = least_of_runs([&] {
        return loops.seconds("read_floats", int(blocks), {in.get(), out.get()}, kSteps, launches);
    });
    return double(whole) / best * 1e-9;
}

}  // namespace

Machine measure_device(const ComputeDevice &device) {
    const LoadedLoops loops(device);
    Machine machine{};
    machine.cpu = device.name();
    machine.threads = 1;
    machine.fma_peak = measure_fma_peak(device, loops);
    // Half of the cache; in memory several times its size.
    const int64_t cache = device.cache_bytes();
    if (cache > 0) {
        machine.levels.push_back({"cache", cache, measure_read_gbs(device, loops, cache / 2)});
    }
    const int64_t in_memory = std::max(4 * cache, 256 * kMega);
    machine.levels.push_back({"memory", MemoryLevel::kUnlimited, measure_read_gbs(device, loops, in_memory)});
    return machine;
}

}  // namespace halconv
