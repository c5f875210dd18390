// Which kernel a plan gets, and what it says about the others.
#include <string>

#include "runtime/cpu_features.h"
#include "runtime/selection.h"
#include "tests/catch.h"
#include "tests/runtime_fake_kernels.h"

namespace halconv {

namespace {

halconv_kernel named(const char *name, const char *origin = "default") {
    halconv_kernel row = fake_row(HALCONV_FORM_DIRECT, HALCONV_CONV, 8);
    row.name = name;
    row.origin = origin;
    row.vector_lanes = 8;
    return row;
}

// 3x3, 8 -> 16 channels, 14x14 outputs.
const halconv_problem kProblem = square_problem(HALCONV_CONV, 16, 8, 16, 3, 1);

Query query_of(const halconv_problem &problem, const char *kernel = nullptr, int32_t features = 0) {
    int64_t out[3];
    REQUIRE(check_problem(problem, out) == HALCONV_OK);
    Query query{&problem, normalise(problem, out), {}, kernel, HALCONV_DEFAULT, features};
    query.key = problem_key(query.shape, problem);
    return query;
}

struct Selection {
    int32_t accepted;
    std::vector<Candidate> candidates;
    std::vector<std::string> names;  // in the order of candidates
};

Selection select_rows(const std::vector<halconv_kernel> &rows, const Query &query) {
    KernelSet set(rows);
    Selection s{0, std::vector<Candidate>(rows.size()), {}};
    s.accepted = select_kernels(set, query, s.candidates.data());
    for (const Candidate &candidate : s.candidates) {
        s.names.push_back(rows[size_t(candidate.row)].name);
    }
    return s;
}

using Names = std::vector<std::string>;

std::string describe(const std::vector<halconv_kernel> &rows, const halconv_problem &problem,
                     const char *kernel = nullptr) {
    KernelSet set(rows);
    halconv_options options{};
    options.kernel = kernel;
    halconv_plan *plan = nullptr;
    REQUIRE(halconv_plan_create(&set, &problem, &options, &plan) == HALCONV_OK);
    std::string text(halconv_plan_describe(plan, nullptr, 0), '\0');
    CHECK(halconv_plan_describe(plan, text.data(), text.size() + 1) == text.size());
    char start[6] = "xxxxx";
    CHECK(halconv_plan_describe(plan, start, sizeof start) == text.size());
    CHECK(std::string(start) == text.substr(0, 5));
    halconv_plan_destroy(plan);
    return text;
}

}  // namespace

TEST_CASE("recorded before pinned before free before reference", "[runtime]") {
    Query query = query_of(kProblem);
    halconv_kernel reference = named("reference", "reference"), open = named("open"), kernel3 = named("kernel3");
    halconv_kernel whole = named("whole"), recorded = named("recorded", "record"), elsewhere = named("part", "record");
    reference.key = query.key;  // pins do not help a reference kernel
    kernel3.key.kernel[1] = kernel3.key.kernel[2] = 3;
    whole.key = query.key;
    recorded.key = query.key;
    recorded.key.residual = recorded.key.activation = HALCONV_FREE;
    elsewhere.key.kernel[2] = 3;  // a record that was made for another size counts as its pins
    Selection s = select_rows({reference, open, kernel3, whole, recorded, elsewhere}, query);
    CHECK(s.accepted == 6);
    CHECK(s.names == Names{"recorded", "whole", "kernel3", "part", "open", "reference"});
}

TEST_CASE("among equally pinned kernels the estimate decides", "[runtime]") {
    auto tiled = [](const char *name, int32_t lanes, int32_t vectors, int32_t pixels) {
        halconv_kernel row = named(name);
        row.vector_lanes = lanes, row.tile_vectors = vectors, row.tile[2] = pixels;
        row.panel = lanes * vectors;
        row.cpu_features = HALCONV_CPU_AVX2;
        return row;
    };
    // 14 pixels x 16 channels: the tile 14 x 2 of 8 lanes wastes nothing; 16 lanes x 1 vector are wider.
    Selection s = select_rows({tiled("one pixel", 8, 2, 1), tiled("14 pixels", 8, 2, 14), tiled("13 pixels", 8, 2, 13),
                               tiled("wide", 16, 1, 14), tiled("too wide", 16, 4, 7)},
                              query_of(kProblem, nullptr, HALCONV_CPU_AVX2));
    CHECK(s.names == Names{"wide", "14 pixels", "13 pixels", "too wide", "one pixel"});
    // Three output channels leave most lanes of a wide vector idle, and take the time of full ones.
    halconv_problem few = square_problem(HALCONV_CONV, 16, 8, 3, 3, 1);
    Selection t = select_rows({tiled("two vectors", 8, 2, 14), tiled("one vector", 8, 1, 14)},
                              query_of(few, nullptr, HALCONV_CPU_AVX2));
    CHECK(t.names == Names{"one vector", "two vectors"});
    CHECK(t.candidates[0].rate > 1.8 * t.candidates[1].rate);
    // The baseline multiplies and adds in two operations.
    halconv_kernel baseline = tiled("baseline", 8, 2, 14);
    baseline.cpu_features = 0;
    Selection u = select_rows({baseline, tiled("fused", 8, 2, 14)}, query_of(few, nullptr, HALCONV_CPU_AVX2));
    CHECK(u.names == Names{"fused", "baseline"});
}

TEST_CASE("the estimate prefers row-fused lanes for few channels", "[runtime]") {
    // FCN's k16 s8, 21 channels: 168 lanes fill 11 vectors, 21 lanes fill 2.
    halconv_problem p = square_problem(HALCONV_CONV_TRANSPOSE, 36, 21, 21, 16, 8);
    halconv_kernel phase = fake_row(HALCONV_FORM_PHASE, HALCONV_CONV_TRANSPOSE, 32);
    halconv_kernel fused = fake_row(HALCONV_FORM_ROW_FUSED, HALCONV_CONV_TRANSPOSE, 48);
    phase.vector_lanes = fused.vector_lanes = 16;
    phase.tile_vectors = 2, phase.tile[2] = 12;
    fused.tile_vectors = 3, fused.tile[2] = 9;
    Selection s = select_rows({phase, fused}, query_of(p));
    CHECK(s.names == Names{"fake_row_fused", "fake_phase"});
}

TEST_CASE("the estimate prefers inner products for few channels", "[runtime]") {
    // Like DCGAN's last layer, k4 s2, 64 to 3 channels: 3 of 16 lanes against all of them.
    halconv_problem p = square_problem(HALCONV_CONV_TRANSPOSE, 27, 64, 3, 4, 2);
    halconv_kernel phase = fake_row(HALCONV_FORM_PHASE, HALCONV_CONV_TRANSPOSE, 16);
    halconv_kernel product = fake_row(HALCONV_FORM_INNER_PRODUCT, HALCONV_CONV_TRANSPOSE, 16);
    phase.vector_lanes = product.vector_lanes = 16;
    phase.tile[2] = 28, product.tile[2] = 4;
    CHECK(select_rows({phase, product}, query_of(p)).names == Names{"fake_inner_product", "fake_phase"});
    // As many channels as lanes fill both.
    p.out_channels = 16;
    product.tile[2] = 1;
    CHECK(select_rows({phase, product}, query_of(p)).names == Names{"fake_phase", "fake_inner_product"});
}

TEST_CASE("inner-product preconditions", "[runtime]") {
    halconv_kernel row = fake_row(HALCONV_FORM_INNER_PRODUCT, HALCONV_CONV_TRANSPOSE, 4);
    auto accepts = [&](const halconv_problem &p) { return select_rows({row}, query_of(p)).accepted == 1; };
    halconv_problem p = square_problem(HALCONV_CONV_TRANSPOSE, 4, 2, 2, 4, 2);
    CHECK(accepts(p));
    p.kernel[1] = 3;  // phase 1 has one tap of two channels
    CHECK(!accepts(p));
    p.in_channels = 4;
    CHECK(accepts(p));
    p.dilation[1] = 3;  // neighbouring taps of a phase read every third input
    CHECK(!accepts(p));
    p.dilation[1] = 2;  // phase 1 has no tap at all
    CHECK(!accepts(p));
    p.dilation[1] = 1;
    p.dilation[0] = 3;
    CHECK(accepts(p));
    p.groups = 2;
    CHECK(!accepts(p));
    p.groups = 1;
    p.pad_before[1] = int64_t(1) << 29;  // four channels of a place so far away reach 2^31
    p.pad_after[1] = -p.pad_before[1];
    CHECK(!accepts(p));
}

TEST_CASE("numerics decide between winograd forms, and the estimate prefers fewer products", "[runtime]") {
    std::vector<halconv_kernel> rows;
    for (halconv_form form : {HALCONV_FORM_DIRECT, HALCONV_FORM_WINOGRAD2, HALCONV_FORM_WINOGRAD4}) {
        rows.push_back(fake_row(form, HALCONV_CONV, 8));
        rows.back().tile[2] = 7, rows.back().tile_vectors = 1, rows.back().vector_lanes = 8;
    }
    rows[1].name = "winograd2", rows[2].name = "winograd4";
    Query query = query_of(kProblem);
    CHECK(select_rows(rows, query).names == Names{"winograd2", "fake_direct", "winograd4"});
    query.numerics = HALCONV_STRICT;
    Selection strict = select_rows(rows, query);
    CHECK(strict.names == Names{"fake_direct", "winograd2", "winograd4"});
    CHECK((strict.accepted == 1 && strict.candidates[1].verdict == Verdict::kNumerics));
    query.numerics = HALCONV_FAST;
    CHECK(select_rows(rows, query).names == Names{"winograd4", "winograd2", "fake_direct"});

    halconv_problem p = square_problem(HALCONV_CONV, 16, 8, 16, 5, 1);  // five taps
    CHECK(select_rows(rows, query_of(p)).candidates[1].verdict == Verdict::kForm);
    CHECK(describe(rows, kProblem).find("winograd4: halconv_options.numerics does not allow its form") !=
          std::string::npos);
}

TEST_CASE("a row is refused for its key, features, form, size or name", "[runtime]") {
    halconv_kernel other = named("other"), avx = named("avx"), small = named("small"), fine = named("fine");
    other.key.kernel[2] = 5;
    avx.cpu_features = HALCONV_CPU_AVX512;
    small.min_extent[2] = 15;
    halconv_kernel depthwise = fake_row(HALCONV_FORM_DEPTHWISE, HALCONV_CONV, 8);
    depthwise.name = "depthwise fine";
    Selection s = select_rows({other, avx, small, depthwise, fine}, query_of(kProblem));
    CHECK(s.accepted == 1);
    CHECK(s.names == Names{"fine", "other", "avx", "small", "depthwise fine"});
    Verdict verdicts[] = {Verdict::kAccepted, Verdict::kOtherProblem, Verdict::kMissingFeature, Verdict::kTooSmall,
                          Verdict::kForm};
    for (size_t i = 0; i < 5; i++) {
        CHECK(s.candidates[i].verdict == verdicts[i]);
    }
    small.min_extent[2] = 14;
    Selection t = select_rows({avx, small, fine}, query_of(kProblem, "a", HALCONV_CPU_AVX512 | HALCONV_CPU_AVX2));
    CHECK(t.accepted == 2);
    CHECK(t.candidates[2].verdict == Verdict::kOtherName);
}

TEST_CASE("min_extent holds for every phase box", "[runtime]") {
    halconv_kernel row = fake_row(HALCONV_FORM_PHASE, HALCONV_CONV_TRANSPOSE, 1);
    halconv_problem p = square_problem(HALCONV_CONV_TRANSPOSE, 3, 1, 1, 3, 2);  // 7 outputs: 4 and 3 by phase
    for (auto [least, accepted] : {std::pair<int32_t, int32_t>{3, 1}, {4, 0}}) {
        row.min_extent[2] = least;
        CHECK(select_rows({row}, query_of(p)).accepted == accepted);
    }
}

TEST_CASE("row-fused preconditions", "[runtime]") {
    halconv_kernel row = fake_row(HALCONV_FORM_ROW_FUSED, HALCONV_CONV_TRANSPOSE, 48);
    auto accepts = [&](const halconv_problem &p) { return select_rows({row}, query_of(p)).accepted == 1; };
    halconv_problem p = square_problem(HALCONV_CONV_TRANSPOSE, 4, 2, 2, 4, 2);
    CHECK(accepts(p));
    row.panel = 3;
    CHECK(accepts(p));
    row.panel = 0;
    CHECK(!accepts(p));
    row.panel = 48;
    halconv_problem odd = p, dilated = p, grouped = p;
    odd.kernel[1] = 3, dilated.dilation[1] = 2, grouped.groups = 2;
    CHECK(!accepts(odd));
    CHECK(!accepts(dilated));
    CHECK(!accepts(grouped));
    row.key.out_layout = HALCONV_NCHW;
    p.out_layout = HALCONV_NCHW;
    CHECK(!accepts(p));
}

TEST_CASE("names match by part or by glob", "[runtime]") {
    const char *name = "halconv_conv_f32_nhwc_on_x86-avx2_direct_4x3";
    for (const char *pattern : {"direct", "", "halconv_conv", "4x3", "*", "halconv*4x3", "*avx?_*", "*_4x?", name}) {
        INFO(pattern);
        CHECK(name_matches(name, pattern));
    }
    for (const char *pattern : {"phase", "direct*", "*avx", "?", "*avx512*", "halconv*4x3?", "halconv_conv_f32*5"}) {
        INFO(pattern);
        CHECK(!name_matches(name, pattern));
    }
}

TEST_CASE("a whole name forces its kernel among longer names", "[runtime]") {
    halconv_kernel longer = named("conv_4x4"), exact = named("conv_4");
    longer.key.kernel[2] = 3;
    CHECK(select_rows({longer, exact}, query_of(kProblem)).names == Names{"conv_4x4", "conv_4"});
    CHECK(select_rows({longer, exact}, query_of(kProblem, "conv_4")).names == Names{"conv_4", "conv_4x4"});
}

TEST_CASE("describe says why, for every row", "[runtime]") {
    halconv_kernel open = named("open"), pinned = named("pinned"), other = named("other"), slow = named("slow");
    halconv_kernel plain = named("plain", "reference"), transposed = named("transposed");
    pinned.key.kernel[2] = 3;
    other.key.stride[1] = 2;
    transposed.key.op = HALCONV_CONV_TRANSPOSE;
    slow.vector_lanes = 1;
    CHECK(describe({open}, kProblem) ==
          "open\nchosen: the only kernel of the set that accepts this problem on this processor\n");
    CHECK(describe({open, pinned, other, plain, transposed}, kProblem) ==
          "pinned\n"
          "chosen: compiled for 5 fields of the problem, the next best for 4\n"
          "open: accepts the problem; compiled for 4 of its fields\n"
          "plain: accepts the problem; a reference kernel, without a schedule\n"
          "other: made for stride y 2, the problem has 1\n");
    // One pixel and one vector of 8 lanes in four cycles, or of one lane.
    CHECK(describe({slow, open}, kProblem) ==
          "open\n"
          "chosen: estimated at 2.0 useful multiply-adds a cycle, the next best at 0.3\n"
          "slow: accepts the problem; estimated at 0.3 useful multiply-adds a cycle\n");
    CHECK(describe({open, slow}, kProblem, "slow") ==
          "slow\n"
          "chosen: the only kernel of the set that accepts this problem on this processor\n"
          "open: its name does not match halconv_options.kernel\n");
}

TEST_CASE("processor features agree with the compiler's own detection", "[runtime]") {
#if defined(__x86_64__)
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
                  __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512vl");
    CHECK(((cpu_features() & HALCONV_CPU_AVX2) != 0) == avx2);
    CHECK(((cpu_features() & HALCONV_CPU_AVX512) != 0) == avx512);
#elif defined(__aarch64__)
    // Arm ARM D19.2: ID_AA64ISAR0_EL1.DP, ID_AA64PFR0_EL1.FP and AdvSIMD; the system answers these reads.
    uint64_t isar0, pfr0;
    __asm__("mrs %0, ID_AA64ISAR0_EL1" : "=r"(isar0));
    __asm__("mrs %0, ID_AA64PFR0_EL1" : "=r"(pfr0));
    CHECK((cpu_features() & HALCONV_CPU_NEON) != 0);
    CHECK(((cpu_features() & HALCONV_CPU_ARM_DOT) != 0) == ((isar0 >> 44 & 15) >= 1));
    CHECK(((cpu_features() & HALCONV_CPU_ARM_FP16) != 0) == ((pfr0 >> 16 & 15) == 1 && (pfr0 >> 20 & 15) == 1));
#elif defined(__ARM_NEON) && defined(__ARM_FEATURE_FMA)
    CHECK(cpu_features() == HALCONV_CPU_NEON32);
#else
    CHECK(cpu_features() == 0);
#endif
}

}  // namespace halconv
