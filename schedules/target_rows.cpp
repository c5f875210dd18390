// The targets as data. No Halide here: what runs on a board reads the rows too.
#include <cstring>

#include "runtime/core/kernel_table.h"
#include "runtime/cpu_features.h"
#include "schedules/target.h"

namespace halconv {

namespace {

constexpr int64_t kKiB = 1024;

// Haswell and later, Zen.
constexpr Core kX86{2, 2, 24, 0.5, 0, false, 1, 0, true, false, true, 0.65};
// Skylake-SP; Zen 4 does one multiply-add of 512 bits a cycle beside two loads. There winograd's tiles of one vector, with a load
// for each multiply-add, are 1.3 to 1.7 times as fast as direct sums (16 to 24 input channels).
constexpr Core kX86Avx512{2, 2, 24, 0.5, 0, false, 1, 0, true, false, true, 1};
// Cortex-A76, Neoverse N1 (two of each) and, in proportion, wider ones (Neoverse V, Apple). With pixels + pixels * vectors +
// vectors <= 29 of 32 registers LLVM spills none in the inner loop; one step over costs 5 to 25 % (llvm-mca). The overheads
// of a step and of a load put 8x2 before 4x4, which loads more, and either before 7x2, which runs more instructions; that of a
// load is what makes 9x2 with up to 2 % of its pixels beyond the edge the better one (4.2 multiply-adds a load for 3.2).
constexpr Core kArmOutOfOrder{2, 2, 12, 0.3, 0.2, false, 4, 3, false, true, false, 0.65};
// Cortex-A53 and A55: a vector load takes two cycles and pairs with no multiply-add; a scalar load pairs.
constexpr Core kArmInOrder{1, 0.5, 8, 0.5, 0, true, 1, 3, false, true, false, 0.65};
// No multiply-add by lane from LLVM 21: a product and an addition, with operands from memory.
constexpr Core kArm32{0.5, 1, 8, 0.5, 0, true, 1, 2, false, true, false, 0.65};

// What a block may have of every chip; processors of A100, A40 and RTX 30, H100, B200. An OpenCL device is taken for small. The
// cycles between launches are an estimate (2 us).
constexpr int64_t kSharedBytes = 48 * kKiB, kRegisters = 65536;
constexpr Gpu kSm80{"sm_80", 1024, kSharedBytes, 108, 2048, kRegisters, 164 * kKiB, 64, 2800};
constexpr Gpu kSm86{"sm_86", 1024, kSharedBytes, 84, 1536, kRegisters, 100 * kKiB, 128, 3400};
constexpr Gpu kSm90{"sm_90", 1024, kSharedBytes, 132, 2048, kRegisters, 228 * kKiB, 128, 3600};
constexpr Gpu kSm100{"sm_100", 1024, kSharedBytes, 148, 2048, kRegisters, 228 * kKiB, 128, 3600};
constexpr Gpu kOpenCl{nullptr, 256, 32 * kKiB, 16, 1024, kRegisters, 64 * kKiB, 64, 2000};

}  // namespace

const std::vector<TargetRow> &target_rows() {
    constexpr int32_t kNeon = HALCONV_CPU_NEON;
    static const std::vector<TargetRow> rows = {
        {"x86-64", "x86-64", "", 0, 4, 16, 256 * kKiB, kX86, true, "any x86-64 processor (SSE2)"},
        {"x86-avx2", "x86-64", "-sse41-avx-avx2-fma-f16c", HALCONV_CPU_AVX2, 8, 16, 512 * kKiB, kX86, true,
         "AVX2 and FMA (Haswell, Zen and later)"},
        {"x86-avx512", "x86-64", "-sse41-avx-avx2-fma-f16c-avx512-avx512_skylake",
         HALCONV_CPU_AVX2 | HALCONV_CPU_AVX512, 16, 32, 1024 * kKiB, kX86Avx512, true,
         "AVX-512 F, CD, DQ, BW, VL (Skylake-SP, Zen 4 and later)"},
        {"arm-neon-inorder", "arm-64", "", kNeon, 4, 32, 128 * kKiB, kArmInOrder, false,
         "64-bit ARM with in-order cores (Cortex-A53, A55)"},
        {"arm-neon", "arm-64", "", kNeon, 4, 32, 512 * kKiB, kArmOutOfOrder, true, "any 64-bit ARM processor (NEON)"},
        {"arm-dot", "arm-64", "-arm_dot_prod", kNeon | HALCONV_CPU_ARM_DOT, 4, 32, 512 * kKiB, kArmOutOfOrder, false,
         "NEON and 8-bit dot products (Cortex-A55, A76, Apple A13 and later); f32 as arm-neon"},
        {"arm-fp16", "arm-64", "-arm_fp16", kNeon | HALCONV_CPU_ARM_FP16, 4, 32, 512 * kKiB, kArmOutOfOrder, false,
         "NEON and f16 arithmetic (Cortex-A55, A76, Apple A11 and later); f32 as arm-neon"},
        {"armv7s-neon", "arm-32", "-armv7s", HALCONV_CPU_NEON32, 4, 16, 256 * kKiB, kArm32, true,
         "32-bit ARM with NEON and VFPv4 (Cortex-A7, A15 and later)"},
    };
    return rows;
}

const std::vector<TargetRow> &gpu_target_rows() {
    // Lanes and registers of the host's vectors are not used. Halide 21 knows no capability above 8.6; its PTX is assembled
    // for the later chips.
    constexpr Core kNone{0, 0, 0, 0, 0, false, 1, 0, false, true, false, 0.65};
    auto row = [&](const char *name, const char *features, const char *summary, const Gpu &gpu) {
        return TargetRow{name, "x86-64", features, 0, 4, 0, 0, kNone, false, summary, &gpu};
    };
    static const std::vector<TargetRow> rows = {
        row("opencl", "-opencl", "OpenCL devices", kOpenCl),
        row("cuda-sm80", "-cuda-cuda_capability_80", "NVIDIA A100", kSm80),
        row("cuda-sm86", "-cuda-cuda_capability_86", "NVIDIA A40, RTX 30", kSm86),
        row("cuda-sm90", "-cuda-cuda_capability_86", "NVIDIA H100", kSm90),
        row("cuda-sm100", "-cuda-cuda_capability_86", "NVIDIA B200", kSm100),
    };
    return rows;
}

bool runs_here(const TargetRow &row) {
    return std::strcmp(row.arch, cpu_architecture()) == 0 && (row.cpu_features & ~cpu_features()) == 0;
}

}  // namespace halconv
