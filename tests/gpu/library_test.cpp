// A library that `halconv build` made of library.jsonl for OpenCL, CUDA and this processor, linked into this program: one set,
// and the plan's options say where it runs.
#include <fstream>
#include <nlohmann/json.hpp>

#include "gpu_library.h"
#include "tests/catch.h"
#include "tests/gpu/device_case.h"
#include "tools/fatbin.h"
#include "tools/kernel_plan.h"

namespace halconv {

namespace {

std::vector<Layer> layers() {
    return load_layers({HALCONV_TEST_LIBRARY_LAYERS}, [](const std::string &) {});
}

KernelCase case_of(const Layer &layer) {
    KernelCase c;
    c.problem = layer.problem, c.bias = true;
    c.residual_in_place = true;
    c.weights_layout = layer.problem.op == HALCONV_CONV ? HALCONV_WEIGHTS_OIHW : HALCONV_WEIGHTS_IOHW;
    return c;
}

nlohmann::json report() {
    std::ifstream file(HALCONV_TEST_LIBRARY_REPORT);
    return nlohmann::json::parse(file);
}

}  // namespace

TEST_CASE("a built library runs on an OpenCL device", "[gpu]") {
    const std::unique_ptr<ComputeDevice> device = opencl_device_or_skip();
    if (!device) {
        return;
    }
    for (const Layer &layer : layers()) {
        INFO(layer.name);
        const CaseResult result = run_case_on_device(gpu_library_kernels(), case_of(layer), *device);
        CHECK(result.accepted);
        CHECK(result.failure == "");
    }
}

TEST_CASE("the same library runs on the processor", "[gpu]") {
    const halconv_options options{};
    for (const Layer &layer : layers()) {
        INFO(layer.name);
        const CaseResult result = run_case(gpu_library_kernels(), &options, case_of(layer));
        CHECK(result.accepted);
        CHECK(result.failure == "");
    }
}

TEST_CASE("plans on one OpenCL device share their kernel's code and have their own arguments", "[gpu]") {
    const std::unique_ptr<ComputeDevice> device = opencl_device_or_skip();
    if (!device) {
        return;
    }
    const halconv_device handle = device->handle();
    halconv_options options{};
    options.device = &handle;
    const Layer layer = layers()[0];
    halconv_plan *other = nullptr;
    REQUIRE(halconv_plan_create(gpu_library_kernels(), &layer.problem, &options, &other) == HALCONV_OK);
    CHECK(run_case_on_device(gpu_library_kernels(), case_of(layer), *device).failure == "");
    halconv_plan_destroy(other);
    CHECK(run_case_on_device(gpu_library_kernels(), case_of(layer), *device).failure == "");
}

TEST_CASE("a library's report says what kernels take of a graphics processor", "[gpu]") {
    int rows = 0;
    for (const nlohmann::json &row : report()) {
        const std::string target = row["target"];
        INFO(row.dump());
        if (target == "opencl" || target == "cuda-sm90") {
            CHECK(row["threads"].get<int>() > 0);
            CHECK(row["shared_bytes"].get<int>() >= 0);
            rows++;
        } else {
            CHECK(!row.contains("shared_bytes"));
        }
        if (target == "cuda-sm90") {
            CHECK(row["device_code"][0] == "ptx");
            if (cuda_toolkit()) {
                CHECK(row["device_code"][1] == "sm_90");
                CHECK(row["registers"].get<int>() > 0);
                CHECK(row["stack_bytes"] == 0);
                CHECK(row["spill_bytes"] == 0);
            } else {
                CHECK(row["device_code"].size() == 1);
            }
        }
    }
    CHECK(rows == 2 * 4);
}

}  // namespace halconv
