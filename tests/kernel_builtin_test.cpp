// Every kernel of the built-in set that this processor can run, on shapes drawn from its own row.
#include "runtime/cpu_features.h"
#include "tests/catch.h"
#include "tests/kernel_case.h"

namespace halconv {

namespace {

constexpr int kCasesPerRow = 96;
constexpr int kLeastAccepted = kCasesPerRow / 3;

void check_rows(halconv_op op) {
    const halconv_kernel_set *set = halconv_builtin_kernels();
    int checked = 0;
    for (int32_t i = 0; i < set->count; i++) {
        const halconv_kernel &row = set->kernels[i];
        if (row.key.op != op || (row.cpu_features & ~cpu_features()) != 0) {
            continue;
        }
        INFO(row.name);
        RowReport report = check_row(row, cases_of_row(row, kCasesPerRow, uint32_t(i) * 1000));
        for (const std::string &failure : report.failures) {
            FAIL_CHECK(failure);
        }
        CHECK(report.accepted >= kLeastAccepted);
        checked++;
    }
    CHECK(checked > 0);
}

}  // namespace

TEST_CASE("built-in conv kernels equal the plain loops", "[kernels]") { check_rows(HALCONV_CONV); }

TEST_CASE("built-in conv_transpose kernels equal the plain loops", "[kernels]") { check_rows(HALCONV_CONV_TRANSPOSE); }

// A forced name reaches its row among all the others.
TEST_CASE("each built-in kernel can be forced by its name", "[kernels]") {
    const halconv_kernel_set *set = halconv_builtin_kernels();
    for (int32_t i = 0; i < set->count; i++) {
        const halconv_kernel &row = set->kernels[i];
        if ((row.cpu_features & ~cpu_features()) != 0) {
            continue;
        }
        INFO(row.name);
        KernelCase c = cases_of_row(row, 1, 1).front();
        halconv_options options{};
        options.kernel = row.name;
        halconv_plan *plan = nullptr;
        halconv_status status = halconv_plan_create(set, &c.problem, &options, &plan);
        if (status == HALCONV_NO_KERNEL && may_refuse(row, c.problem)) {
            continue;
        }
        REQUIRE(status == HALCONV_OK);
        char text[512] = "";
        halconv_plan_describe(plan, text, sizeof text);
        halconv_plan_destroy(plan);
        CHECK_THAT(std::string(text), Catch::Matchers::StartsWith(row.name));
    }
}

}  // namespace halconv
