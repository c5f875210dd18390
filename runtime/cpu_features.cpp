#include "runtime/cpu_features.h"

#include <atomic>

#include "runtime/core/kernel_table.h"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

namespace halconv {

namespace {

#if defined(__x86_64__) || defined(__i386__)

// Intel SDM volume 2, CPUID: leaf 1 ecx, leaf 7 ebx; volume 1, 13.3: XCR0, the register state that the system saves.
struct Processor {
    uint32_t leaf1_ecx, leaf7_ebx, xcr0;
};

struct FeatureRow {
    int32_t feature;
    Processor needs;
};

constexpr uint32_t bit(int position) { return 1u << position; }

constexpr uint32_t kFma = bit(12), kOsxsave = bit(27), kAvx = bit(28), kF16c = bit(29);
constexpr uint32_t kAvx2 = bit(5), kAvx512f = bit(16), kAvx512dq = bit(17), kAvx512cd = bit(28), kAvx512bw = bit(30),
                   kAvx512vl = bit(31);
constexpr uint32_t kXmm = bit(1), kYmm = bit(2), kOpmask = bit(5), kZmmHigh = bit(6), kZmm16 = bit(7);

constexpr FeatureRow kFeatures[] = {
    {HALCONV_CPU_AVX2, {kFma | kAvx | kF16c, kAvx2, kXmm | kYmm}},
    {HALCONV_CPU_AVX512,
     {kAvx, kAvx512f | kAvx512dq | kAvx512cd | kAvx512bw | kAvx512vl, kXmm | kYmm | kOpmask | kZmmHigh | kZmm16}},
};

Processor read_processor() {
    Processor processor{};
    uint32_t eax, ebx, ecx, edx;
    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx)) {
        processor.leaf1_ecx = ecx;
    }
    if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
        processor.leaf7_ebx = ebx;
    }
    if (processor.leaf1_ecx & kOsxsave) {
        __asm__("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
        processor.xcr0 = eax;
    }
    return processor;
}

int32_t detect() {
    Processor has = read_processor();
    int32_t features = 0;
    for (const FeatureRow &row : kFeatures) {
        bool all = (row.needs.leaf1_ecx & ~has.leaf1_ecx) == 0 && (row.needs.leaf7_ebx & ~has.leaf7_ebx) == 0 &&
                   (row.needs.xcr0 & ~has.xcr0) == 0;
        features |= all ? row.feature : 0;
    }
    return features;
}

#else

int32_t detect() { return 0; }

#endif

constexpr int32_t kUnknown = -1;
std::atomic<int32_t> detected{kUnknown};

}  // namespace

int32_t cpu_features() {
    int32_t features = detected.load(std::memory_order_relaxed);
    if (features == kUnknown) {
        features = detect();  // two threads may both come here and store the same value
        detected.store(features, std::memory_order_relaxed);
    }
    return features;
}

void spin_pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

}  // namespace halconv
