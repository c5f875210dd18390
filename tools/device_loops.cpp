#include "tools/device_loops.h"

#include <fmt/format.h>

namespace halconv {

namespace {

// Six chains of 16 floats: a processor's vectors, or many threads' scalars. v = v * factor + term tends to
// term / (1 - factor) = 1, so the operands stay ordinary numbers; they start apart, so that no chain equals another. The last
// parameter of Halide's kernels is the shared memory.
constexpr const char *kOpenCl = R"(
__kernel void multiply_add(__global float *out, int rounds, __local char *shared) {
    const float16 factor = 0.999f, term = 0.001f;
    float16 a = (float16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15) + (float)get_global_id(0);
    float16 b = a + 16.0f, c = a + 32.0f, d = a + 48.0f, e = a + 64.0f, f = a + 80.0f;
    for (int i = 0; i < rounds; i++) {
        a = fma(a, factor, term), b = fma(b, factor, term), c = fma(c, factor, term);
        d = fma(d, factor, term), e = fma(e, factor, term), f = fma(f, factor, term);
    }
    a = a + b + c + d + e + f;
    float4 sum = a.lo.lo + a.lo.hi + a.hi.lo + a.hi.hi;
    out[get_global_id(0)] = sum.x + sum.y + sum.z + sum.w;
}

__kernel void read_floats(__global const float4 *in, __global float *out, int steps, __local char *shared) {
    const int threads = get_local_size(0), first = get_group_id(0) * threads * steps + get_local_id(0);
    float4 sum = 0.0f;
    for (int i = 0; i < steps; i++) {
        sum += in[first + i * threads];
    }
    out[get_global_id(0)] = sum.x + sum.y + sum.z + sum.w;
}
)";
constexpr int kOpenClProducts = 6 * 16;

// A round of 32 chains, four times.
constexpr int kChains = 32, kRepeated = 4;

// The thread's index among all, in %thread; %block is the first of its block.
constexpr const char *kThreadIndex = "    mov.u32 %block, %ctaid.x;\n"
                                     "    mov.u32 %threads, %ntid.x;\n"
                                     "    mov.u32 %lane, %tid.x;\n"
                                     "    mul.lo.u32 %block, %block, %threads;\n"
                                     "    add.u32 %thread, %block, %lane;\n";

// Stores %v0 as the thread's result and ends the kernel.
constexpr const char *kStore = "    mul.wide.u32 %place, %thread, 4;\n"
                               "    add.u64 %out, %out, %place;\n"
                               "    st.global.f32 [%out], %v0;\n"
                               "    ret;\n"
                               "}\n";

std::string multiply_add_ptx() {
    std::string text = ".visible .entry multiply_add(.param .u64 at_out, .param .u32 at_rounds) {\n"
                       "    .reg .pred %more;\n"
                       "    .reg .u32 %block, %threads, %lane, %thread, %rounds;\n"
                       "    .reg .u64 %out, %place;\n" +
                       fmt::format("    .reg .f32 %v<{}>, %factor, %term;\n", kChains) +
                       "    ld.param.u64 %out, [at_out];\n"
                       "    cvta.to.global.u64 %out, %out;\n"
                       "    ld.param.u32 %rounds, [at_rounds];\n" +
                       kThreadIndex +
                       "    mov.f32 %factor, 0f3F7FBE77;\n"  // 0.999
                       "    mov.f32 %term, 0f3A83126F;\n"    // 0.001
                       "    cvt.rn.f32.u32 %v0, %thread;\n";
    for (int chain = 1; chain < kChains; chain++) {
        text += fmt::format("    add.f32 %v{}, %v{}, 0f3F800000;\n", chain, chain - 1);  // 1
    }
    text += "again:\n";
    for (int i = 0; i < kRepeated * kChains; i++) {
        text += fmt::format("    fma.rn.f32 %v{0}, %v{0}, %factor, %term;\n", i % kChains);
    }
    text += "    sub.u32 %rounds, %rounds, 1;\n"
            "    setp.ne.u32 %more, %rounds, 0;\n"
            "    @%more bra again;\n";
    for (int chain = 1; chain < kChains; chain++) {
        text += fmt::format("    add.f32 %v0, %v0, %v{};\n", chain);
    }
    return text + kStore;
}

std::string read_ptx() {
    std::string text = ".visible .entry read_floats(.param .u64 at_in, .param .u64 at_out, .param .u32 at_steps) {\n"
                       "    .reg .pred %more;\n"
                       "    .reg .u32 %block, %threads, %lane, %thread, %steps, %first;\n"
                       "    .reg .u64 %in, %out, %place, %row;\n"
                       "    .reg .f32 %v<4>, %x<4>;\n"
                       "    ld.param.u64 %in, [at_in];\n"
                       "    cvta.to.global.u64 %in, %in;\n"
                       "    ld.param.u64 %out, [at_out];\n"
                       "    cvta.to.global.u64 %out, %out;\n"
                       "    ld.param.u32 %steps, [at_steps];\n" +
                       std::string(kThreadIndex) +
                       "    mad.lo.u32 %first, %block, %steps, %lane;\n"
                       "    mul.wide.u32 %place, %first, 16;\n"
                       "    add.u64 %in, %in, %place;\n"
                       "    mul.wide.u32 %row, %threads, 16;\n";
    for (int lane = 0; lane < 4; lane++) {
        text += fmt::format("    mov.f32 %v{}, 0f00000000;\n", lane);
    }
    text += "again:\n";
    for (int i = 0; i < kReadUnroll; i++) {
        text += "    ld.global.nc.v4.f32 {%x0, %x1, %x2, %x3}, [%in];\n"
                "    add.u64 %in, %in, %row;\n";
        for (int lane = 0; lane < 4; lane++) {
            text += fmt::format("    add.f32 %v{0}, %v{0}, %x{0};\n", lane);
        }
    }
    text += fmt::format("    sub.u32 %steps, %steps, {};\n", kReadUnroll);
    text += "    setp.ne.u32 %more, %steps, 0;\n"
            "    @%more bra again;\n";
    for (int lane = 1; lane < 4; lane++) {
        text += fmt::format("    add.f32 %v0, %v0, %v{};\n", lane);
    }
    return text + kStore;
}

}  // namespace

DeviceLoops device_loops(halconv_device_api api) {
    if (api == HALCONV_OPENCL) {
        return {kOpenCl, kOpenClProducts};
    }
    return {".version 7.0\n.target sm_80\n.address_size 64\n" + multiply_add_ptx() + read_ptx(), kRepeated * kChains};
}

}  // namespace halconv
