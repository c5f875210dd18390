// The harness finds what it is made to find: a plain-loop kernel passes, and with each fault it fails.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "runtime/core/buffer.h"
#include "runtime/core/conv_shape.h"
#include "tests/catch.h"
#include "tests/kernel_case.h"

namespace halconv {

namespace {

enum class Fault { kNone, kLeavesLast, kDropsTap, kWritesBehind, kWritesBefore, kReadsBehind, kWritesInput };

constexpr int kPanel = 4;

const Buffer &buffer(void **argv, int i) { return *static_cast<const Buffer *>(argv[i]); }

float &element(const Buffer &b, const int32_t (&at)[9]) {
    auto *host = reinterpret_cast<float *>(b.host);
    for (int d = 0; d < b.dimensions; d++) {
        host += int64_t(at[d] - b.dim[d].min) * b.dim[d].stride;
    }
    return *host;
}

Axis<int32_t> axis_of(void **argv, int first) {
    auto scalar = [&](int i) { return *static_cast<const int32_t *>(argv[first + i]); };
    return {scalar(0), scalar(1), scalar(2), scalar(3)};
}

// The sum at output (c, g, x, y, z, n); conv, direct form.
float sum_at(void **argv, const int32_t (&o)[9], bool drops_tap) {
    const Buffer &input = buffer(argv, 1), &weights = buffer(argv, 2);
    Axis<int32_t> ax = axis_of(argv, 5), ay = axis_of(argv, 11), az = axis_of(argv, 17);
    int32_t blocks = (buffer(argv, 28).dim[0].extent + kPanel - 1) / kPanel;
    int32_t lane = o[0] % kPanel, block = o[1] * blocks + o[0] / kPanel;
    float sum = element(buffer(argv, 3), {lane, block});
    for (int32_t tz = 0; tz < az.kernel; tz++) {
        for (int32_t ty = 0; ty < ay.kernel; ty++) {
            for (int32_t tx = drops_tap ? 1 : 0; tx < ax.kernel; tx++) {
                int32_t x = high_coordinate(ax, o[2], tx), y = high_coordinate(ay, o[3], ty);
                int32_t z = high_coordinate(az, o[4], tz);
                bool inside = x >= 0 && x < input.dim[2].extent && y >= 0 && y < input.dim[3].extent && z >= 0 &&
                              z < input.dim[4].extent;
                for (int32_t i = 0; inside && i < input.dim[0].extent; i++) {
                    sum += element(weights, {lane, i, tx, ty, tz, 0, 0, 0, block}) *
                           element(input, {i, o[1], x, y, z, o[5]});
                }
            }
        }
    }
    return sum;
}

float activated(void **argv, float v) {
    auto scalar = [&](int i) { return *static_cast<const float *>(argv[i]); };
    v = v < 0 ? scalar(25) * v : v;
    return v < scalar(26) ? scalar(26) : v > scalar(27) ? scalar(27) : v;
}

int64_t elements(const Buffer &b) {
    int64_t count = 1;
    for (int d = 0; d < b.dimensions; d++) {
        count *= b.dim[d].extent;
    }
    return count;
}

void misbehave(void **argv, Fault fault) {
    const Buffer &input = buffer(argv, 1), &output = buffer(argv, 28);
    auto *x = reinterpret_cast<volatile float *>(input.host), *y = reinterpret_cast<volatile float *>(output.host);
    switch (fault) {
    case Fault::kWritesBehind:
        y[elements(output)] = 0;
        break;
    case Fault::kWritesBefore:
        y[-1] = 0;
        break;
    case Fault::kReadsBehind:
        static_cast<void>(x[elements(input)]);
        break;
    case Fault::kWritesInput:
        x[0] = x[0];
        break;
    default:
        break;
    }
}

template <Fault fault> int fake_kernel(void **argv) {
    misbehave(argv, fault);
    const Buffer &output = buffer(argv, 28), &residual = buffer(argv, 4);
    bool has_residual = *static_cast<const int32_t *>(argv[24]) != 0;
    int64_t left = elements(output);
    int32_t o[9] = {};
    auto extent = [&](int d) { return output.dim[d].extent; };
    for (o[5] = 0; o[5] < extent(5); o[5]++) {
        for (o[4] = 0; o[4] < extent(4); o[4]++) {
            for (o[3] = 0; o[3] < extent(3); o[3]++) {
                for (o[2] = 0; o[2] < extent(2); o[2]++) {
                    for (o[1] = 0; o[1] < extent(1); o[1]++) {
                        for (o[0] = 0; o[0] < extent(0); o[0]++) {
                            float sum = sum_at(argv, o, fault == Fault::kDropsTap);
                            sum += has_residual ? element(residual, o) : 0;
                            if (--left > 0 || fault != Fault::kLeavesLast) {
                                element(output, o) = activated(argv, sum);
                            }
                        }
                    }
                }
            }
        }
    }
    return 0;
}

int fake_scratch(void **argv) {
    auto *bytes = reinterpret_cast<int64_t *>(buffer(argv, 29).host);
    bytes[0] = bytes[1] = 0;
    return 0;
}

template <Fault fault> halconv_kernel fake_row() {
    halconv_kernel row{};
    row.name = "halconv_conv_f32_nhwc_on_x86-64_direct_fake", row.schedule = "plain loops", row.origin = "reference";
    row.run = fake_kernel<fault>, row.scratch = fake_scratch;
    row.key.batch = row.key.groups = row.key.group_in = row.key.group_out = row.key.residual = HALCONV_FREE;
    for (size_t a = 0; a < 3; a++) {
        row.key.in[a] = row.key.out[a] = row.key.kernel[a] = row.key.stride[a] = HALCONV_FREE;
        row.key.dilation[a] = row.key.pad_before[a] = HALCONV_FREE;
        row.tile[a] = 2, row.min_extent[a] = 1;
    }
    row.panel = kPanel, row.vector_lanes = 4, row.tile_vectors = 1;
    return row;
}

// A convolution of 3x5 pixels whose buffers end well inside of a page.
KernelCase small_case() {
    KernelCase c;
    halconv_problem &p = c.problem;
    p.rank = 2, p.batch = p.groups = 1, p.in_channels = 3, p.out_channels = 5;
    for (int d = 0; d < 2; d++) {
        p.in[d] = 3 + 2 * d, p.kernel[d] = 3, p.stride[d] = p.dilation[d] = 1;
        p.pad_before[d] = p.pad_after[d] = 1;
    }
    c.bias = true, c.seed = 3;
    return c;
}

template <Fault fault> std::string failure() {
    halconv_kernel row = fake_row<fault>();
    halconv_kernel_set set = set_of_row(row);
    CaseResult result = run_case(&set, nullptr, small_case());
    return result.accepted ? result.failure : "refused";
}

// Whether the guard page stops the kernel, seen from outside of a process of its own.
template <Fault fault> bool stopped() {
    pid_t child = fork();
    if (child == 0) {
        std::signal(SIGSEGV, SIG_DFL);
        failure<fault>();
        _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

}  // namespace

TEST_CASE("a plain-loop kernel passes the harness", "[kernels]") {
    halconv_kernel row = fake_row<Fault::kNone>();
    RowReport report = check_row(row, cases_of_row(row, 64, 1));
    for (const std::string &text : report.failures) {
        FAIL_CHECK(text);
    }
    CHECK(report.accepted == 64);
}

TEST_CASE("the harness finds each fault of a kernel", "[kernels]") {
    CHECK(failure<Fault::kNone>() == "");
    CHECK(failure<Fault::kLeavesLast>().find("1 of 75 elements wrong") != std::string::npos);
    CHECK(failure<Fault::kDropsTap>().find("elements wrong") != std::string::npos);
    CHECK(failure<Fault::kWritesBehind>().find("written outside") != std::string::npos);
    CHECK(stopped<Fault::kWritesBefore>());
    CHECK(stopped<Fault::kReadsBehind>());
    CHECK(stopped<Fault::kWritesInput>());
    CHECK_FALSE(stopped<Fault::kNone>());
}

TEST_CASE("a kernel that refuses without reason fails the harness", "[kernels]") {
    halconv_kernel row = fake_row<Fault::kNone>();
    KernelCase c = small_case();
    row.key.groups = 2;  // c has one group, so that the row must refuse it
    CHECK(check_row(row, {c}).failures.size() == 1);
    row.key.groups = HALCONV_FREE, row.min_extent[2] = 6;
    RowReport explained = check_row(row, {c});
    CHECK(explained.accepted == 0);
    CHECK(explained.failures.empty());
}

}  // namespace halconv
