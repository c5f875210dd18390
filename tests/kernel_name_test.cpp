#include "runtime/core/kernel_name.h"

#include <cctype>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "runtime/core/problem.h"
#include "tests/catch.h"

using namespace halconv;

namespace {

constexpr int32_t kFree = HALCONV_FREE;

bool same(const KernelName &a, const KernelName &b) {
    return std::memcmp(&a.key, &b.key, sizeof(halconv_key)) == 0 && a.target == b.target && a.form == b.form &&
           a.tile == b.tile;
}

// A key with everything free that may be, of a linear epilogue without a residual.
halconv_key free_key(int rank) {
    halconv_key key{};
    for (int32_t *field : {&key.batch, &key.groups, &key.group_in, &key.group_out}) {
        *field = kFree;
    }
    for (int a = 0; a < 3; ++a) {
        bool unit = a < 3 - rank;
        key.in[a] = key.out[a] = key.kernel[a] = key.stride[a] = key.dilation[a] = unit ? 1 : kFree;
        key.pad_before[a] = unit ? 0 : kFree;
    }
    key.piecewise = kFree;
    return key;
}

void set(int32_t (&field)[3], int32_t y, int32_t x) {
    field[1] = y;
    field[2] = x;
}

// The name is `text`, and `text` reads as the name.
void require_name(const KernelName &name, const std::string &text) {
    REQUIRE(kernel_name(name) == text);
    std::optional<KernelName> read = parse_kernel_name(text);
    REQUIRE(read);
    REQUIRE(same(*read, name));
}

}  // namespace

TEST_CASE("names of the design") {
    halconv_key key = free_key(2);
    key.op = HALCONV_CONV_TRANSPOSE;
    set(key.kernel, 4, 4);
    set(key.stride, 2, 2);
    require_name({key, "x86-avx512", "phase", "4x4"},
                 "halconv_conv_transpose_f32_nhwc_k4x4_s2x2_on_x86-avx512_phase_4x4");
    require_name({key, "x86", "reference", ""}, "halconv_conv_transpose_f32_nhwc_k4x4_s2x2_on_x86_reference");
    require_name({key, "arm-neon-linux", "row_fused", "1x1x8v2"},
                 "halconv_conv_transpose_f32_nhwc_k4x4_s2x2_on_arm-neon-linux_row_fused_1x1x8v2");
    require_name({key, "x86-avx2", "winograd2", "2"},
                 "halconv_conv_transpose_f32_nhwc_k4x4_s2x2_on_x86-avx2_winograd2_2");
}

TEST_CASE("a name lists what is frozen") {
    halconv_key key = free_key(2);
    key.in_layout = HALCONV_NCHW;
    require_name({key, "t", "direct", ""}, "halconv_conv_f32_nchw-nhwc_r2_on_t_direct");
    key.out_layout = HALCONV_NCHW;
    require_name({key, "t", "direct", ""}, "halconv_conv_f32_nchw_r2_on_t_direct");
    set(key.pad_before, -1, 12);
    require_name({key, "t", "direct", ""}, "halconv_conv_f32_nchw_pm1x12_on_t_direct");
    set(key.kernel, kFree, 4);
    set(key.in, 56, kFree);
    set(key.out, 0, 28);
    set(key.dilation, 1, 1);
    require_name({key, "t", "direct", ""}, "halconv_conv_f32_nchw_kFx4_d1x1_pm1x12_i56xF_o0x28_on_t_direct");
    key = free_key(2);
    key.batch = 1;
    key.groups = 32;
    key.group_in = 64;
    key.group_out = 3;
    key.activation = HALCONV_SIGMOID, key.piecewise = 0;
    key.residual = 1;
    require_name({key, "t", "direct", ""}, "halconv_conv_f32_nhwc_r2_n1_g32_ci64_co3_sigmoid_res_on_t_direct");
    key = free_key(2);
    key.activation = key.residual = kFree;
    require_name({key, "t", "direct", ""}, "halconv_conv_f32_nhwc_r2_anyact_anyres_on_t_direct");
    key = free_key(2);
    key.piecewise = HALCONV_LEAKY_RELU;
    require_name({key, "t", "direct", ""}, "halconv_conv_f32_nhwc_r2_leaky_on_t_direct");
}

TEST_CASE("ranks") {
    require_name({free_key(1), "t", "direct", ""}, "halconv_conv_f32_nhwc_r1_on_t_direct");
    require_name({free_key(3), "t", "direct", ""}, "halconv_conv_f32_nhwc_on_t_direct");
    halconv_key key = free_key(1);
    key.stride[2] = 8;
    require_name({key, "t", "direct", ""}, "halconv_conv_f32_nhwc_s8_on_t_direct");
    key = free_key(3);
    key.kernel[0] = 3;
    require_name({key, "t", "direct", ""}, "halconv_conv_f32_nhwc_k3xFxF_on_t_direct");
    key = free_key(2);
    key.in[0] = kFree;  // no unit axis any more
    require_name({key, "t", "direct", ""}, "halconv_conv_f32_nhwc_k1xFxF_s1xFxF_d1xFxF_p0xFxF_o1xFxF_on_t_direct");
    key = problem_key(Problem3{1, 1, 1, 1, {1, 1, 1}, {1, 1, 1}, {kUnitAxis, kUnitAxis, kUnitAxis}}, {});
    require_name({key, "t", "direct", ""}, "halconv_conv_f32_nhwc_k1_s1_d1_p0_i1_o1_n1_g1_ci1_co1_linear_on_t_direct");
}

TEST_CASE("every key survives the round trip and no two share a name") {
    std::mt19937 random(7);
    auto pick = [&](std::initializer_list<int32_t> values) { return *(values.begin() + random() % values.size()); };
    std::set<std::string> names;
    std::set<std::vector<int32_t>> keys;
    const std::vector<std::string> targets{"x86", "x86-avx512", "cuda-sm80-linux"},
        forms{"direct", "row_fused", "winograd4", "inner_product"}, tiles{"", "4x4", "1x1x14v2", "0"};
    for (int trial = 0; trial < 60000; ++trial) {
        halconv_key key = free_key(pick({1, 2, 3}));
        key.op = pick({HALCONV_CONV, HALCONV_CONV_TRANSPOSE});
        key.in_layout = pick({HALCONV_NHWC, HALCONV_NCHW});
        key.out_layout = pick({HALCONV_NHWC, HALCONV_NCHW});
        key.batch = pick({kFree, 1, 2});
        key.groups = pick({kFree, 1, INT32_MAX});
        key.group_in = pick({kFree, 1, 17});
        key.group_out = pick({kFree, 1, 2048});
        key.activation = pick({HALCONV_LINEAR, HALCONV_TANH, HALCONV_SIGMOID, HALCONV_SILU, HALCONV_GELU, kFree});
        key.piecewise = key.activation == HALCONV_LINEAR
                            ? pick({HALCONV_LINEAR, HALCONV_RELU, HALCONV_CLAMP, HALCONV_LEAKY_RELU, kFree})
                        : key.activation == kFree ? kFree
                                                  : 0;
        key.residual = pick({0, 1, kFree});
        int pinned = pick({0, 1, 3, 6});
        for (int i = 0; i < pinned; ++i) {
            int axis = pick({0, 1, 2, 2});
            key.kernel[axis] = pick({kFree, 1, 3, 11});
            key.stride[axis] = pick({kFree, 1, 2});
            key.dilation[axis] = pick({kFree, 1, 6});
            key.pad_before[axis] = pick({kFree, 0, 1, -1, -INT32_MAX});
            key.in[axis] = pick({kFree, 1, 224});
            key.out[axis] = pick({kFree, 1, 112});
        }
        KernelName name{key, targets[random() % 3], forms[random() % 4], tiles[random() % 4]};
        std::string text = kernel_name(name);
        std::optional<KernelName> read = parse_kernel_name(text);
        if (!read || !same(*read, name)) {
            CAPTURE(text);
            REQUIRE(read);
            REQUIRE(same(*read, name));
        }
        std::vector<int32_t> identity(sizeof(key) / sizeof(int32_t));
        std::memcpy(identity.data(), &key, sizeof(key));
        keys.insert(identity);
        names.insert(kernel_name({key, "t", "direct", ""}));
        for (char c : kernel_symbol(text)) {
            if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_') {
                FAIL("not a C identifier: " << kernel_symbol(text));
            }
        }
    }
    REQUIRE(names.size() == keys.size());
    REQUIRE(names.size() > 20000);
}

TEST_CASE("texts that are no names") {
    const char *texts[] = {
        "",
        "halconv",
        "halconv_conv",
        "halconv_conv_f32_nhwc",
        "halconv_conv_f32_nhwc_on",
        "halconv_conv_f32_nhwc_on_t",
        "halconv_conv_f32_nhwc_on_t_",
        "halconv_conv_f32_nhwc_on__direct",
        "halconv_conv_f32_nhwc_on_t_4x4",
        "halconv_conv_f32_nhwc_on_t_direct_",
        "halconv_conv_f32_nhwc_on_t_direct_4x4_4x4",
        "halconv_conv_f32_nhwc_on_T_direct",
        "halconv_conv_f32_nhwc_on_t_di-rect",
        "halconv_conv_f32_nhwc_on_t_direct_4x4 ",
        "hal_conv_f32_nhwc_on_t_direct",
        "halconv_pool_f32_nhwc_on_t_direct",
        "halconv_transpose_f32_nhwc_on_t_direct",
        "halconv_pool_transpose_f32_nhwc_on_t_direct",
        "halconv_conv_f64_nhwc_on_t_direct",
        "halconv_conv_f32_nhcw_on_t_direct",
        "halconv_conv_f32_nhwc-nhwc_on_t_direct",
        "halconv_conv_f32_nhwc-nchw-nhwc_on_t_direct",
        "halconv_conv_f32_nhwc_q3x3_on_t_direct",
        "halconv_conv_f32_nhwc_k_on_t_direct",
        "halconv_conv_f32_nhwc_k3x_on_t_direct",
        "halconv_conv_f32_nhwc_k3xx3_on_t_direct",
        "halconv_conv_f32_nhwc_k3x3x3x3_on_t_direct",
        "halconv_conv_f32_nhwc_k03x3_on_t_direct",
        "halconv_conv_f32_nhwc_k+3x3_on_t_direct",
        "halconv_conv_f32_nhwc_k-3x3_on_t_direct",
        "halconv_conv_f32_nhwc_kFxF_on_t_direct",
        "halconv_conv_f32_nhwc_pm0x1_on_t_direct",
        "halconv_conv_f32_nhwc_pmFx1_on_t_direct",
        "halconv_conv_f32_nhwc_pm2147483648x1_on_t_direct",
        "halconv_conv_f32_nhwc_k2147483648x1_on_t_direct",
        "halconv_conv_f32_nhwc_k3x3_s2_on_t_direct",      // two ranks
        "halconv_conv_f32_nhwc_k3_s2x2_on_t_direct",      // two ranks
        "halconv_conv_f32_nhwc_k3x3_s2x2x2_on_t_direct",  // two ranks
        "halconv_conv_f32_nhwc_r2_k3x3_on_t_direct",      // the rank twice
        "halconv_conv_f32_nhwc_r3_on_t_direct",
        "halconv_conv_f32_nhwc_s2x2_k3x3_on_t_direct",  // order
        "halconv_conv_f32_nhwc_k3x3_k3x3_on_t_direct",
        "halconv_conv_f32_nhwc_res_tanh_on_t_direct",  // order
        "halconv_conv_f32_nhwc_nF_on_t_direct",
        "halconv_conv_f32_nhwc_ci_on_t_direct",
        "halconv_conv_f32_nhwc_relu6_on_t_direct",
    };
    for (const char *text : texts) {
        CAPTURE(text);
        REQUIRE_FALSE(parse_kernel_name(text));
    }
    // Each of them is one change away from a name that reads.
    REQUIRE(parse_kernel_name("halconv_conv_f32_nhwc_on_t_direct"));
    REQUIRE(parse_kernel_name("halconv_conv_f32_nhwc_k3x3_s2x2_on_t_direct_4x4"));
}

TEST_CASE("symbols") {
    REQUIRE(kernel_symbol("halconv_conv_f32_nhwc-nchw_on_x86-avx2_direct") ==
            "halconv_conv_f32_nhwc_nchw_on_x86_avx2_direct");
}
