// The CUDA kernels of the library of library_test.cpp on a stub of the driver: what they load and launch.
#include "gpu_library.h"
#include "tests/catch.h"
#include "tests/device/stub_driver.h"
#include "tests/kernel_case.h"
#include "tools/fatbin.h"
#include "tools/kernel_plan.h"
#include "tools/plan_handle.h"

namespace halconv {

namespace {

using halconv_stub::driver;

PlanHandle create(const Layer &layer) {
    const halconv_device device{HALCONV_CUDA, nullptr, nullptr};
    halconv_options options{};
    options.device = &device;
    halconv_plan *plan = nullptr;
    const halconv_status status = halconv_plan_create(gpu_library_kernels(), &layer.problem, &options, &plan);
    INFO(layer.name << ": " << halconv_status_text(status));
    CHECK(status == HALCONV_OK);
    return PlanHandle(plan);
}

size_t count(const std::string &start) {
    const std::vector<std::string> &calls = driver().calls;
    return size_t(std::count_if(calls.begin(), calls.end(), [&](const std::string &c) { return c.find(start) == 0; }));
}

// With addresses that nothing reads.
halconv_status run(const halconv_plan *plan) {
    void *memory = reinterpret_cast<void *>(uintptr_t{0x10000});
    return halconv_plan_run(plan, memory, memory, memory, memory, memory);
}

std::vector<Layer> layers() {
    return load_layers({HALCONV_TEST_LIBRARY_LAYERS}, [](const std::string &) {});
}

}  // namespace

TEST_CASE("built CUDA kernels load their code once and then only launch", "[gpu]") {
    bool scratch = false, boxes = false;
    for (const Layer &layer : layers()) {
        INFO(layer.name);
        halconv_stub::reset().pointers = 0;
        const PlanHandle plan = create(layer);
        REQUIRE(plan);
        // A fat binary begins with these bytes, PTX with a comment.
        CHECK(count(cuda_toolkit() ? "cuModuleLoadData context 1 P\xED"
                                     "U\xBA"
                                   : "cuModuleLoadData context 1 //") == 1);
        const size_t entries = count("cuModuleGetFunction");
        CHECK(entries > 0);
        driver().calls.clear();
        REQUIRE(run(plan.get()) == HALCONV_OK);
        CHECK(driver().calls.size() == count("cuLaunchKernel"));
        CHECK(driver().launches.size() >= entries);
        scratch = scratch || halconv_plan_workspace_bytes(plan.get()) > 0;
        boxes = boxes || driver().launches.size() > entries;
    }
    CHECK(scratch);
    CHECK(boxes);
}

TEST_CASE("a launch of built CUDA kernels that fails is a status, and the last of the call", "[gpu]") {
    constexpr int kError = 719;  // CUDA_ERROR_LAUNCH_FAILED
    for (const Layer &layer : layers()) {
        INFO(layer.name);
        halconv_stub::reset().pointers = 0;
        const PlanHandle plan = create(layer);
        REQUIRE(plan);
        driver().failing = "cuLaunchKernel", driver().error = kError;
        CHECK(run(plan.get()) == HALCONV_DEVICE_FAILED);
        CHECK(driver().launches.size() == 1);
    }
}

}  // namespace halconv
