// Plans on hand-written kernels: every form and shape through the packed weights and boxes, and the status of each
// misuse.
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "runtime/core/context.h"
#include "tests/catch.h"
#include "tests/guarded.h"
#include "tests/reference.h"
#include "tests/runtime_fake_kernels.h"

namespace halconv {

namespace {

struct Plan {
    halconv_plan *plan = nullptr;
    halconv_status status;
    Plan(const halconv_kernel_set &set, const halconv_problem &problem, const halconv_options *options = nullptr)
        : status(halconv_plan_create(&set, &problem, options, &plan)) {}
    ~Plan() { halconv_plan_destroy(plan); }
    Plan(const Plan &) = delete;
    Plan &operator=(const Plan &) = delete;
};

struct Draw {
    std::mt19937 engine;
    int64_t in(int64_t least, int64_t most) { return least + int64_t(engine() % uint32_t(most - least + 1)); }
};

// Any small problem that the form computes: k < s, s > out, d and s not coprime, crops, 1 to 3 axes.
halconv_problem draw_problem(Draw &draw, halconv_form form, halconv_op op) {
    bool fused = form == HALCONV_FORM_ROW_FUSED, product = form == HALCONV_FORM_INNER_PRODUCT;
    halconv_problem p{};
    p.op = op;
    p.in_layout = product ? HALCONV_NHWC : halconv_layout(draw.in(0, 1));
    p.out_layout = fused || product ? HALCONV_NHWC : halconv_layout(draw.in(0, 1));
    p.rank = int32_t(draw.in(1, 3));
    p.batch = draw.in(1, 2);
    p.groups = form == HALCONV_FORM_DEPTHWISE ? draw.in(1, 7) : fused || product ? 1 : draw.in(1, 3);
    p.in_channels = p.groups * (form == HALCONV_FORM_DEPTHWISE ? 1 : draw.in(1, 3));
    p.out_channels = p.groups * (form == HALCONV_FORM_DEPTHWISE ? 1 : draw.in(1, 5));
    for (int d = 0; d < p.rank; d++) {
        p.in[d] = draw.in(1, 7);
        p.stride[d] = draw.in(1, 5);
        p.dilation[d] = draw.in(1, 4);
        p.kernel[d] = draw.in(1, 4);
        if (fused && d == p.rank - 1) {
            p.dilation[d] = 1;
            p.kernel[d] = p.stride[d] * draw.in(1, 2);
        }
        if (product && d == p.rank - 1) {
            p.dilation[d] = 1;
            p.kernel[d] = p.stride[d] + draw.in(0, 3);
        }
        p.pad_before[d] = draw.in(-1, 3);
        p.pad_after[d] = draw.in(-1, 3);
        p.output_padding[d] =
            op == HALCONV_CONV ? 0 : std::min(draw.in(0, 3), std::max(p.stride[d], p.dilation[d]) - 1);
    }
    p.activation = halconv_activation(draw.in(0, HALCONV_LEAKY_RELU));
    p.alpha = p.activation == HALCONV_LEAKY_RELU ? 0.5f : -2, p.beta = 5;
    p.residual = int32_t(draw.in(0, 1));
    return p;
}

bool has_output(const halconv_problem &p) {
    auto out = reference_output_size(p);
    return std::all_of(out.begin(), out.end(), [](int64_t size) { return size > 0; });
}

// Runs a problem through a plan with guarded tensors, workspace and packed weights of exactly the sizes that the plan
// says.
std::vector<float> run_guarded(const halconv_plan *plan, const halconv_problem &p, GuardSide side) {
    size_t elements = size_t(output_elements(p));
    Guarded<float> x(integers(input_elements(p), 1), side, 4), w(integers(weight_elements(p), 2), side, 4);
    Guarded<float> bias(integers(p.out_channels, 3), side, 4), residual(integers(output_elements(p), 4), side, 4);
    Guarded<float> y(elements, side, 4);
    Guarded<char> packed(halconv_plan_weights_bytes(plan), side, 64);
    Guarded<char> workspace(halconv_plan_workspace_bytes(plan), side, 64);
    auto layout = p.op == HALCONV_CONV ? HALCONV_WEIGHTS_OIHW : HALCONV_WEIGHTS_IOHW;
    REQUIRE(halconv_plan_pack(plan, w.data(), layout, 0, bias.data(), packed.data()) == HALCONV_OK);
    packed.make_read_only();
    x.make_read_only();
    residual.make_read_only();
    REQUIRE(halconv_plan_run(plan, x.data(), packed.data(), p.residual ? residual.data() : nullptr, y.data(),
                             workspace.data()) == HALCONV_OK);
    CHECK((y.intact() && packed.intact() && workspace.intact()));
    return {y.data(), y.data() + elements};
}

std::vector<float> expected(const halconv_problem &p) {
    std::vector<double> y;
    reference_run(p, integers(input_elements(p), 1).data(), integers(weight_elements(p), 2).data(),
                  integers(p.out_channels, 3).data(), integers(output_elements(p), 4).data(), y);
    return {y.begin(), y.end()};
}

void check_form(halconv_form form, halconv_op op) {
    Draw draw{std::mt19937(unsigned(form) * 2 + unsigned(op))};
    int with_output = 0;
    for (int i = 0; i < 400; i++) {
        halconv_problem p = draw_problem(draw, form, op);
        int64_t most = form == HALCONV_FORM_INNER_PRODUCT ? p.in_channels : 4;
        int64_t panel = draw.in(1, most);
        if (form == HALCONV_FORM_ROW_FUSED) {  // the fake kernels' panels fill their blocks
            panel = p.out_channels * (draw.in(0, 1) == 0 ? 1 : p.stride[p.rank - 1]);
        }
        KernelSet set({fake_row(form, op, int32_t(panel), p.in_layout, p.out_layout)});
        Plan made(set, p);
        if (!has_output(p)) {
            REQUIRE(made.status == HALCONV_INVALID_PROBLEM);
            continue;
        }
        with_output++;
        INFO("form " << form << " op " << op << " draw " << i);
        REQUIRE(made.status == HALCONV_OK);
        int64_t out[3];
        REQUIRE(halconv_plan_output_size(made.plan, out) == HALCONV_OK);
        auto size = reference_output_size(p);
        REQUIRE(std::equal(out, out + p.rank, size.begin() + 3 - p.rank));
        REQUIRE(run_guarded(made.plan, p, i % 2 ? GuardSide::kStart : GuardSide::kEnd) == expected(p));
    }
    CHECK(with_output > 150);
}

// A set of one DIRECT kernel and a problem that it runs.
struct Small {
    halconv_problem problem = square_problem(HALCONV_CONV, 4, 2, 3, 3, 1);
    KernelSet set{{fake_row(HALCONV_FORM_DIRECT, HALCONV_CONV, 2)}};
    AlignedMemory memory{1 << 16};
    std::vector<float> x = integers(input_elements(problem), 1), w = integers(weight_elements(problem), 2);
    std::vector<float> y = std::vector<float>(size_t(output_elements(problem)));

    halconv_status create() {
        halconv_plan *plan = nullptr;
        halconv_status status = halconv_plan_create(&set, &problem, nullptr, &plan);
        halconv_plan_destroy(plan);
        return status;
    }
    // A part of `memory`.
    void *packed() { return memory.get(); }
    void *workspace() { return static_cast<char *>(memory.get()) + (1 << 15); }
};

char *unaligned(void *pointer, int by) { return static_cast<char *>(pointer) + by; }

int failing(void **) { return -7; }

}  // namespace

TEST_CASE("direct kernels through a plan equal the plain loops", "[runtime]") {
    check_form(HALCONV_FORM_DIRECT, HALCONV_CONV);
}

TEST_CASE("depthwise kernels through a plan equal the plain loops", "[runtime]") {
    check_form(HALCONV_FORM_DEPTHWISE, HALCONV_CONV);
    check_form(HALCONV_FORM_DEPTHWISE, HALCONV_CONV_TRANSPOSE);
}

TEST_CASE("phase kernels through a plan equal the plain loops", "[runtime]") {
    check_form(HALCONV_FORM_PHASE, HALCONV_CONV_TRANSPOSE);
}

TEST_CASE("pixel-lane kernels through a plan equal the plain loops", "[runtime]") {
    check_form(HALCONV_FORM_PIXEL_LANES, HALCONV_CONV);
    check_form(HALCONV_FORM_PIXEL_LANES, HALCONV_CONV_TRANSPOSE);
}

TEST_CASE("row-fused kernels through a plan equal the plain loops", "[runtime]") {
    check_form(HALCONV_FORM_ROW_FUSED, HALCONV_CONV_TRANSPOSE);
}

TEST_CASE("inner-product kernels through a plan equal the plain loops", "[runtime]") {
    check_form(HALCONV_FORM_INNER_PRODUCT, HALCONV_CONV);
    check_form(HALCONV_FORM_INNER_PRODUCT, HALCONV_CONV_TRANSPOSE);
}

TEST_CASE("an output is split into the boxes that its phases need", "[runtime]") {
    KernelSet set({fake_row(HALCONV_FORM_PHASE, HALCONV_CONV_TRANSPOSE, 4)});
    // in 3, kernel 3, stride 2 has 7 outputs: phase 0 has four, phase 1 three. Kernel 2 has 6.
    for (auto [kernel, boxes] : {std::pair<int64_t, int>{3, 4}, {2, 1}}) {
        halconv_problem p = square_problem(HALCONV_CONV_TRANSPOSE, 3, 1, 1, kernel, 2);
        Plan made(set, p);
        REQUIRE(made.status == HALCONV_OK);
        int before = fake_calls();
        CHECK(run_guarded(made.plan, p, GuardSide::kEnd) == expected(p));
        CHECK(fake_calls() - before == boxes);
    }
}

TEST_CASE("a residual may be the output itself", "[runtime]") {
    Small s;
    s.problem.residual = 1;
    Plan made(s.set, s.problem);
    REQUIRE(made.status == HALCONV_OK);
    s.y = integers(output_elements(s.problem), 4);
    std::vector<float> bias = integers(3, 3);
    REQUIRE(halconv_plan_pack(made.plan, s.w.data(), HALCONV_WEIGHTS_OIHW, 0, bias.data(), s.packed()) == HALCONV_OK);
    REQUIRE(halconv_plan_run(made.plan, s.x.data(), s.packed(), s.y.data(), s.y.data(), s.workspace()) == HALCONV_OK);
    CHECK(s.y == expected(s.problem));
}

TEST_CASE("activations at infinities and signed zero", "[runtime]") {
    constexpr float kInf = std::numeric_limits<float>::infinity();
    halconv_problem p = square_problem(HALCONV_CONV, 1, 1, 1, 1, 1);
    KernelSet set({fake_row(HALCONV_FORM_DIRECT, HALCONV_CONV, 1)});
    auto apply = [&](halconv_activation activation, float v) {
        p.activation = activation, p.alpha = activation == HALCONV_CLAMP ? -1 : 0.25f, p.beta = 6;
        Plan made(set, p);
        REQUIRE(made.status == HALCONV_OK);
        AlignedMemory packed(halconv_plan_weights_bytes(made.plan)), workspace(halconv_plan_workspace_bytes(made.plan));
        float one = 1, y = 0;
        halconv_plan_pack(made.plan, &one, HALCONV_WEIGHTS_OIHW, 0, nullptr, packed.get());
        REQUIRE(halconv_plan_run(made.plan, &v, packed.get(), nullptr, &y, workspace.get()) == HALCONV_OK);
        return y;
    };
    CHECK(apply(HALCONV_LINEAR, -kInf) == -kInf);
    CHECK(apply(HALCONV_RELU, -kInf) == 0);
    CHECK(apply(HALCONV_RELU, kInf) == kInf);
    CHECK(!std::signbit(apply(HALCONV_RELU, -3)));
    CHECK(apply(HALCONV_CLAMP, -kInf) == -1);
    CHECK(apply(HALCONV_CLAMP, kInf) == 6);
    CHECK(apply(HALCONV_LEAKY_RELU, -8) == -2);
    CHECK(apply(HALCONV_LEAKY_RELU, -kInf) == -kInf);
    CHECK(apply(HALCONV_TANH, kInf) == 1);
}

TEST_CASE("the workspace is the scratch memory of the largest box with slack", "[runtime]") {
    KernelSet set({fake_row(HALCONV_FORM_PHASE, HALCONV_CONV_TRANSPOSE, 4)});
    halconv_problem p = square_problem(HALCONV_CONV_TRANSPOSE, 40, 1, 5, 3, 2);  // 81 x 81, the largest box 41 x 41
    uint64_t arena = align_up(41 * 41 + kArenaSlack), slice = align_up(5 * 4 + kArenaSlack);
    for (int32_t threads : {0, 1, 3}) {
        halconv_options options{};
        options.threads = threads;
        options.parallel_for = [](void *, int32_t, halconv_task, void *) {};
        Plan made(set, p, &options);
        REQUIRE(made.status == HALCONV_OK);
        CHECK(halconv_plan_workspace_bytes(made.plan) == arena + uint64_t(std::max(threads, 1)) * slice);
    }
}

TEST_CASE("a kernel without scratch memory needs no workspace", "[runtime]") {
    Small s;
    s.set.rows[0].scratch = [](void **) { return 0; };
    s.set.rows[0].run = [](void **) { return 0; };
    Plan made(s.set, s.problem);
    REQUIRE(made.status == HALCONV_OK);
    CHECK(halconv_plan_workspace_bytes(made.plan) == 0);
    CHECK(halconv_plan_run(made.plan, s.x.data(), s.packed(), nullptr, s.y.data(), nullptr) == HALCONV_OK);
}

TEST_CASE("plan_create answers each misuse with its status", "[runtime]") {
    Small s;
    auto *mark = reinterpret_cast<halconv_plan *>(&s);
    halconv_plan *plan = mark;
    CHECK(halconv_plan_create(nullptr, &s.problem, nullptr, &plan) == HALCONV_NULL_ARGUMENT);
    CHECK(plan == nullptr);
    plan = mark;
    CHECK(halconv_plan_create(&s.set, nullptr, nullptr, &plan) == HALCONV_NULL_ARGUMENT);
    CHECK(plan == nullptr);
    CHECK(halconv_plan_create(&s.set, &s.problem, nullptr, nullptr) == HALCONV_NULL_ARGUMENT);
    REQUIRE(s.create() == HALCONV_OK);

    SECTION("sets") {
        s.set.version++;
        CHECK(s.create() == HALCONV_INVALID_SET);
        s.set.version--;
        s.set.kernels = nullptr;
        CHECK(s.create() == HALCONV_INVALID_SET);
        s.set.count = 0;
        CHECK(s.create() == HALCONV_NO_KERNEL);
        s.set.count = -1;
        CHECK(s.create() == HALCONV_INVALID_SET);
    }
    SECTION("problems") {
        s.problem.stride[1] = 0;
        CHECK(s.create() == HALCONV_INVALID_PROBLEM);
        s.problem.stride[1] = 1, s.problem.in[0] = 1 << 20, s.problem.in[1] = 1 << 20;
        CHECK(s.create() == HALCONV_TOO_LARGE);
        s.problem = square_problem(HALCONV_CONV_TRANSPOSE, 4, 2, 3, 3, 1);
        CHECK(s.create() == HALCONV_NO_KERNEL);
    }
    SECTION("packed weights that no kernel can index") {
        // A phase kernel keeps taps for each of the 2^24 phases of y, in panels of 256.
        KernelSet phase({fake_row(HALCONV_FORM_PHASE, HALCONV_CONV_TRANSPOSE, 256)});
        halconv_problem p = square_problem(HALCONV_CONV_TRANSPOSE, 1, 1, 1, 1, 1);
        p.stride[0] = 1 << 24;
        CHECK(Plan(phase, p).status == HALCONV_TOO_LARGE);
    }
    SECTION("options") {
        auto with = [&](int32_t threads, int32_t numerics) {
            halconv_options options{};
            options.threads = threads;
            std::memcpy(&options.numerics, &numerics, sizeof(numerics));
            options.parallel_for = [](void *, int32_t, halconv_task, void *) {};
            return Plan(s.set, s.problem, &options).status;
        };
        CHECK(with(1024, HALCONV_FAST) == HALCONV_OK);
        CHECK(with(-1, HALCONV_DEFAULT) == HALCONV_INVALID_OPTIONS);
        CHECK(with(1025, HALCONV_DEFAULT) == HALCONV_INVALID_OPTIONS);
        CHECK(with(1, 3) == HALCONV_INVALID_OPTIONS);
        CHECK(with(1, -1) == HALCONV_INVALID_OPTIONS);
    }
    SECTION("kernels") {
        s.set.rows[0].scratch = failing;
        CHECK(s.create() == HALCONV_KERNEL_FAILED);
    }
}

TEST_CASE("plan_run answers each misuse with its status", "[runtime]") {
    Small s;
    s.problem.residual = 1;
    Plan made(s.set, s.problem);
    REQUIRE(made.status == HALCONV_OK);
    const halconv_plan *plan = made.plan;
    REQUIRE(halconv_plan_pack(plan, s.w.data(), HALCONV_WEIGHTS_OIHW, 0, nullptr, s.packed()) == HALCONV_OK);
    void *x = s.x.data(), *y = s.y.data(), *packed = s.packed(), *workspace = s.workspace();
    REQUIRE(halconv_plan_run(plan, x, packed, y, y, workspace) == HALCONV_OK);
    CHECK(halconv_plan_run(nullptr, x, packed, y, y, workspace) == HALCONV_NULL_ARGUMENT);
    CHECK(halconv_plan_run(plan, nullptr, packed, y, y, workspace) == HALCONV_NULL_ARGUMENT);
    CHECK(halconv_plan_run(plan, x, nullptr, y, y, workspace) == HALCONV_NULL_ARGUMENT);
    CHECK(halconv_plan_run(plan, x, packed, nullptr, y, workspace) == HALCONV_NULL_ARGUMENT);
    CHECK(halconv_plan_run(plan, x, packed, y, nullptr, workspace) == HALCONV_NULL_ARGUMENT);
    CHECK(halconv_plan_run(plan, x, packed, y, y, nullptr) == HALCONV_NULL_ARGUMENT);
    CHECK(halconv_plan_run(plan, unaligned(x, 2), packed, y, y, workspace) == HALCONV_MISALIGNED);
    CHECK(halconv_plan_run(plan, x, unaligned(packed, 32), y, y, workspace) == HALCONV_MISALIGNED);
    CHECK(halconv_plan_run(plan, x, packed, unaligned(y, 1), y, workspace) == HALCONV_MISALIGNED);
    CHECK(halconv_plan_run(plan, x, packed, y, unaligned(y, 3), workspace) == HALCONV_MISALIGNED);
    CHECK(halconv_plan_run(plan, x, packed, y, y, unaligned(workspace, 16)) == HALCONV_MISALIGNED);
}

TEST_CASE("plan_pack answers each misuse with its status", "[runtime]") {
    Small s;
    Plan made(s.set, s.problem);
    REQUIRE(made.status == HALCONV_OK);
    const halconv_plan *plan = made.plan;
    std::vector<float> bias(4);
    auto pack = [&](const void *w, int32_t order, const void *b, void *to) {
        halconv_weights_layout layout;
        std::memcpy(&layout, &order, sizeof(order));
        return halconv_plan_pack(plan, w, layout, 0, static_cast<const float *>(b), to);
    };
    REQUIRE(pack(s.w.data(), HALCONV_WEIGHTS_HWOI, bias.data(), s.packed()) == HALCONV_OK);
    CHECK(halconv_plan_pack(nullptr, s.w.data(), HALCONV_WEIGHTS_OIHW, 0, nullptr, s.packed()) ==
          HALCONV_NULL_ARGUMENT);
    CHECK(pack(nullptr, HALCONV_WEIGHTS_OIHW, nullptr, s.packed()) == HALCONV_NULL_ARGUMENT);
    CHECK(pack(s.w.data(), HALCONV_WEIGHTS_OIHW, nullptr, nullptr) == HALCONV_NULL_ARGUMENT);
    CHECK(pack(s.w.data(), 4, nullptr, s.packed()) == HALCONV_INVALID_OPTIONS);
    CHECK(pack(s.w.data(), -1, nullptr, s.packed()) == HALCONV_INVALID_OPTIONS);
    CHECK(pack(unaligned(s.w.data(), 1), 0, nullptr, s.packed()) == HALCONV_MISALIGNED);
    CHECK(pack(s.w.data(), 0, unaligned(bias.data(), 2), s.packed()) == HALCONV_MISALIGNED);
    CHECK(pack(s.w.data(), 0, nullptr, unaligned(s.packed(), 4)) == HALCONV_MISALIGNED);
}

TEST_CASE("the other functions take null", "[runtime]") {
    Small s;
    Plan made(s.set, s.problem);
    int64_t out[2];
    char text[8] = "before";
    CHECK(halconv_plan_output_size(nullptr, out) == HALCONV_NULL_ARGUMENT);
    CHECK(halconv_plan_output_size(made.plan, nullptr) == HALCONV_NULL_ARGUMENT);
    CHECK(halconv_plan_weights_bytes(nullptr) == 0);
    CHECK(halconv_plan_workspace_bytes(nullptr) == 0);
    CHECK(halconv_plan_describe(nullptr, text, sizeof text) == 0);
    CHECK(std::string(text).empty());
    CHECK(halconv_plan_describe(made.plan, nullptr, 8) > 8);
    halconv_plan_destroy(nullptr);
}

TEST_CASE("a kernel's error becomes the run's status", "[runtime]") {
    Small s;
    SECTION("of the kernel itself") { s.set.rows[0].run = failing; }
    SECTION("scratch memory beyond what it asked for") {
        s.set.rows[0].scratch = [](void **argv) {
            reinterpret_cast<int64_t **>(argv[29])[2][0] = 64;  // host is the third word of a buffer
            return 0;
        };
        s.set.rows[0].run = [](void **argv) {
            return halconv_rt_malloc(*static_cast<void **>(argv[0]), 2 * kArenaSlack) ? 0 : -1;
        };
    }
    Plan made(s.set, s.problem);
    REQUIRE(made.status == HALCONV_OK);
    CHECK(halconv_plan_run(made.plan, s.x.data(), s.packed(), nullptr, s.y.data(), s.workspace()) ==
          HALCONV_KERNEL_FAILED);
}

TEST_CASE("every status has a text", "[runtime]") {
    std::vector<std::string> texts;
    for (int32_t value = HALCONV_OK; value <= HALCONV_DEVICE_FAILED + 1; value++) {
        halconv_status status;
        std::memcpy(&status, &value, sizeof(value));
        texts.push_back(halconv_status_text(status));
        CHECK(!texts.back().empty());
    }
    std::sort(texts.begin(), texts.end());
    CHECK(std::adjacent_find(texts.begin(), texts.end()) == texts.end());
}

}  // namespace halconv
