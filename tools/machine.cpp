#include "tools/machine.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <functional>
#include <limits>
#include <thread>

#include "tools/cpu_name.h"
#include "tools/machine_loops.h"

namespace halconv {

namespace {

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// Bytes of the first core's data or unified cache of a level; `otherwise` where the system does not tell.
int64_t cache_bytes(int level, int64_t otherwise) {
    for (int index = 0; index < 8; ++index) {
        const std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/";
        auto field = [&](const char *name) {
            std::string text;
            std::getline(std::ifstream(folder + name) >> std::ws, text);
            return text;
        };
        const std::string size = field("size");
        if (size.empty() || field("type") == "Instruction" || field("level") != std::to_string(level)) {
            continue;
        }
        const int64_t unit = size.back() == 'K' ? 1024 : size.back() == 'M' ? 1024 * 1024 : 1;
        return std::strtoll(size.c_str(), nullptr, 10) * unit;
    }
    return otherwise;
}

// The best of 12 runs of some milliseconds: a run that another process disturbed says nothing about the core.
double measure_fma_peak(const MachineLoops &loops) {
    constexpr int64_t kRounds = 600000;
    double best = std::numeric_limits<double>::infinity();
    for (int run = 0; run < 12; ++run) {
        const double start = seconds();
        loops.multiply_add(kRounds);
        best = std::min(best, seconds() - start);
    }
    return double(loops.flop) * kRounds / best * 1e-9;
}

// Sum over all threads of the rate at which each reads its own `bytes` bytes again and again: per thread the best pass of
// a window in which all read.
double measure_read_gbs(const MachineLoops &loops, int threads, int64_t bytes) {
    constexpr double kWindow = 0.05;
    constexpr int kLeastPasses = 3;
    bytes = std::max(bytes / kReadStep, int64_t(1)) * kReadStep;
    std::atomic<int> ready{0};
    std::vector<double> gbs(size_t(threads), 0.0);
    auto work = [&](int thread) {
        const std::vector<char> data(size_t(bytes), 1);
        ready.fetch_add(1);
        while (ready.load() < threads) {
            std::this_thread::yield();
        }
        const double first = seconds();
        double start = first;
        for (int pass = 0; pass < kLeastPasses || start - first < kWindow; ++pass) {
            loops.read(data.data(), bytes);
            const double end = seconds();
            gbs[size_t(thread)] = std::max(gbs[size_t(thread)], double(bytes) / (end - start) * 1e-9);
            start = end;
        }
    };
    std::vector<std::thread> others;
    for (int thread = 1; thread < threads; ++thread) {
        others.emplace_back(work, thread);
    }
    work(0);
    double sum = gbs[0];
    for (int thread = 1; thread < threads; ++thread) {
        others[size_t(thread - 1)].join();
        sum += gbs[size_t(thread)];
    }
    return sum;
}

}  // namespace

Machine measure_machine(int32_t cpu_features, int threads) {
    const MachineLoops *loops = nullptr;
    for (const MachineLoops &row : machine_loops()) {
        loops = (row.cpu_features & ~cpu_features) == 0 ? &row : loops;
    }
    Machine machine;
    machine.cpu = cpu_name();
    machine.cores = std::max(int(std::thread::hardware_concurrency()), 1);
    machine.clock_mhz = std::strtod(cpuinfo("cpu MHz").c_str(), nullptr);
    machine.instructions = loops->name;
    machine.threads = threads;
    machine.fma_peak = measure_fma_peak(*loops);

    // Each thread has an L2 of its own; L3 and memory are shared. A footprint well inside its level, but twice outside the
    // one before; for memory at most 256 MB, for the sake of time.
    constexpr int64_t kMega = 1024 * 1024;
    const int64_t l2 = cache_bytes(2, kMega), l3 = cache_bytes(3, 32 * kMega);
    const int64_t in_l3 = std::max(l3 / 4, 2 * l2 * threads), in_memory = std::clamp(2 * l3, 64 * kMega, 256 * kMega);
    machine.levels = {{"L2", l2 * threads, measure_read_gbs(*loops, threads, l2 / 2)},
                      {"L3", l3, measure_read_gbs(*loops, threads, in_l3 / threads)},
                      {"memory", MemoryLevel::kUnlimited, measure_read_gbs(*loops, threads, in_memory / threads)}};
    return machine;
}

double roofline_gflops(const Machine &machine, double flop, double bytes) {
    const MemoryLevel *level = &machine.levels.back();
    for (auto row = machine.levels.rbegin(); row != machine.levels.rend(); ++row) {
        level = bytes <= double(row->capacity) ? &*row : level;
    }
    return std::min(machine.peak(), flop / bytes * level->gbs);
}

}  // namespace halconv
