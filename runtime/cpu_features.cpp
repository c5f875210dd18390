#include "runtime/cpu_features.h"

#include <atomic>

#include "runtime/core/kernel_table.h"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#elif (defined(__aarch64__) || defined(__arm__)) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
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

#elif (defined(__aarch64__) || defined(__arm__)) && defined(__linux__)

// Linux: arch/arm64/include/uapi/asm/hwcap.h, arch/arm/include/uapi/asm/hwcap.h.
struct FeatureRow {
    int32_t feature;
    unsigned long needs;
};

constexpr unsigned long bit(int position) { return 1ul << position; }

#if defined(__aarch64__)
constexpr FeatureRow kFeatures[] = {
    {HALCONV_CPU_NEON, bit(1)},               // asimd
    {HALCONV_CPU_ARM_DOT, bit(20)},           // asimddp
    {HALCONV_CPU_ARM_FP16, bit(9) | bit(10)}  // fphp, asimdhp
};
#else
constexpr FeatureRow kFeatures[] = {{HALCONV_CPU_NEON32, bit(12) | bit(16)}};  // neon, vfpv4
#endif

int32_t detect() {
    unsigned long has = getauxval(AT_HWCAP);
    int32_t features = 0;
    for (const FeatureRow &row : kFeatures) {
        features |= (row.needs & ~has) == 0 ? row.feature : 0;
    }
    return features;
}

#elif defined(__aarch64__) && defined(__APPLE__)

// Apple, "Determining instruction set characteristics".
constexpr struct {
    int32_t feature;
    const char *name;
} kFeatures[] = {{HALCONV_CPU_ARM_DOT, "hw.optional.arm.FEAT_DotProd"},
                 {HALCONV_CPU_ARM_FP16, "hw.optional.arm.FEAT_FP16"}};

int32_t detect() {
    int32_t features = HALCONV_CPU_NEON;  // every such processor; older systems do not have the name
    for (const auto &row : kFeatures) {
        int32_t has = 0;
        size_t bytes = sizeof has;
        features |= sysctlbyname(row.name, &has, &bytes, nullptr, 0) == 0 && has != 0 ? row.feature : 0;
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

const char *cpu_architecture() {
#if defined(__x86_64__)
    return "x86-64";
#elif defined(__aarch64__)
    return "arm-64";
#elif defined(__arm__)
    return "arm-32";
#else
    return "";
#endif
}

void spin_pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

}  // namespace halconv
