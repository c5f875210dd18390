// Assembly, so that neither the compiler's options nor its version change the figure, and no feature has to be enabled
// for the whole file.
#include "tools/machine_loops.h"

#include "runtime/core/kernel_table.h"

namespace halconv {

namespace {

constexpr float kFactor = 0.999f, kTerm = 0.001f, kOne = 1.0f;

#define HALCONV_CLOBBERS                                                                                               \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",         \
        "xmm13", "xmm14", "xmm15", "cc", "memory"

// 12 chains cover a latency of 4 or 5 cycles on two pipes. v = v * factor + term tends to term / (1 - factor) = 1, so the
// operands stay ordinary numbers.
#define HALCONV_FMA_LOOP(V)                                                                                            \
    asm volatile("vbroadcastss %1, %%" V "12\n"                                                                        \
                 "vbroadcastss %2, %%" V "13\n"                                                                        \
                 ".irp r, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n"                                                      \
                 "vmovaps %%" V "13, %%" V "\\r\n"                                                                     \
                 ".endr\n"                                                                                             \
                 "1:\n"                                                                                                \
                 ".irp r, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n"                                                      \
                 "vfmadd213ps %%" V "13, %%" V "12, %%" V "\\r\n"                                                      \
                 ".endr\n"                                                                                             \
                 "dec %0\n"                                                                                            \
                 "jnz 1b\n"                                                                                            \
                 "vzeroupper\n"                                                                                        \
                 : "+r"(rounds)                                                                                        \
                 : "m"(kFactor), "m"(kTerm)                                                                            \
                 : HALCONV_CLOBBERS)

void fma_avx512(int64_t rounds) { HALCONV_FMA_LOOP("zmm"); }

void fma_avx2(int64_t rounds) { HALCONV_FMA_LOOP("ymm"); }

// Without a fused instruction: 7 chains of multiplications by 1 beside 7 of additions.
void multiply_add_sse(int64_t rounds) {
    asm volatile("movss %1, %%xmm14\n"
                 "shufps $0, %%xmm14, %%xmm14\n"
                 ".irp r, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15\n"
                 "movaps %%xmm14, %%xmm\\r\n"
                 ".endr\n"
                 "1:\n"
                 ".irp r, 0, 1, 2, 3, 4, 5, 6\n"
                 "mulps %%xmm14, %%xmm\\r\n"
                 ".endr\n"
                 ".irp r, 7, 8, 9, 10, 11, 12, 13\n"
                 "addps %%xmm15, %%xmm\\r\n"
                 ".endr\n"
                 "dec %0\n"
                 "jnz 1b\n"
                 : "+r"(rounds)
                 : "m"(kOne)
                 : HALCONV_CLOBBERS);
}

#define HALCONV_READ_LOOP(MOVE, V, BYTES, END)                                                                         \
    asm volatile("1:\n"                                                                                                \
                 ".irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n" MOVE " \\i*" BYTES "(%0), %%" V      \
                 "\\i\n"                                                                                               \
                 ".endr\n"                                                                                             \
                 "add $16*" BYTES ", %0\n"                                                                             \
                 "cmp %1, %0\n"                                                                                        \
                 "jb 1b\n" END                                                                                         \
                 : "+r"(data)                                                                                          \
                 : "r"(end)                                                                                            \
                 : HALCONV_CLOBBERS)

void read_avx512(const void *data, int64_t bytes) {
    const void *end = static_cast<const char *>(data) + bytes;
    HALCONV_READ_LOOP("vmovups", "zmm", "64", "vzeroupper\n");
}

void read_avx2(const void *data, int64_t bytes) {
    const void *end = static_cast<const char *>(data) + bytes;
    HALCONV_READ_LOOP("vmovups", "ymm", "32", "vzeroupper\n");
}

void read_sse(const void *data, int64_t bytes) {
    const void *end = static_cast<const char *>(data) + bytes;
    HALCONV_READ_LOOP("movups", "xmm", "16", "");
}

}  // namespace

const std::vector<MachineLoops> &machine_loops() {
    static const std::vector<MachineLoops> rows = {
        {"sse", 0, 14 * 4, multiply_add_sse, read_sse},
        {"avx2", HALCONV_CPU_AVX2, 12 * 8 * 2, fma_avx2, read_avx2},
        {"avx512", HALCONV_CPU_AVX512, 12 * 16 * 2, fma_avx512, read_avx512},
    };
    return rows;
}

}  // namespace halconv
