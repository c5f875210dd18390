// What plans for graphics processors do whatever the driver is: which rows they take, and without a driver.
#include <dlfcn.h>

#include <cstring>

#include "tests/catch.h"
#include "tests/device/fake_kernel.h"
#include "tests/runtime_fake_kernels.h"

namespace halconv {

namespace {

const halconv_problem kConv = square_problem(HALCONV_CONV, 8, 4, 4, 3, 1);

halconv_status create(const halconv_kernel_set &set, const halconv_device *device, std::string *kernel = nullptr) {
    halconv_options options{};
    options.device = device;
    halconv_plan *plan = nullptr;
    halconv_status status = halconv_plan_create(&set, &kConv, &options, &plan);
    if (plan && kernel) {
        char text[100];
        halconv_plan_describe(plan, text, sizeof(text));
        *kernel = std::string(text).substr(0, std::string(text).find('\n'));
    }
    halconv_plan_destroy(plan);
    return status;
}

}  // namespace

TEST_CASE("a plan for the processor takes none of a graphics processor's rows, nor the other way", "[device]") {
    const KernelSet device_rows({fake_device_row(&halconv_rt_cuda, HALCONV_CONV, 80)});
    const KernelSet rows({fake_row(HALCONV_FORM_DIRECT, HALCONV_CONV, 4)});
    const KernelSet both({device_rows.rows[0], rows.rows[0]});
    const halconv_device cuda{HALCONV_CUDA, nullptr, nullptr}, opencl{HALCONV_OPENCL, nullptr, nullptr};
    std::string kernel;
    CHECK(create(both, nullptr, &kernel) == HALCONV_OK);
    CHECK(kernel == "fake_direct");
    CHECK(create(device_rows, nullptr) == HALCONV_NO_KERNEL);
    CHECK(create(rows, &cuda) == HALCONV_NO_KERNEL);
    CHECK(create(both, &opencl) == HALCONV_NO_KERNEL);
}

TEST_CASE("options name a known kind of device", "[device]") {
    const KernelSet set({fake_device_row(&halconv_rt_cuda, HALCONV_CONV, 80)});
    for (int api : {0, 3, -1}) {
        halconv_device device{};
        std::memcpy(&device.api, &api, sizeof(api));
        CHECK(create(set, &device) == HALCONV_INVALID_OPTIONS);
    }
}

TEST_CASE("without a driver a plan says so", "[device]") {
    if (dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL)) {
        WARN("skipped: this machine has a CUDA driver");
        return;
    }
    const KernelSet set({fake_device_row(&halconv_rt_cuda, HALCONV_CONV, 80)});
    const halconv_device cuda{HALCONV_CUDA, nullptr, nullptr};
    CHECK(create(set, &cuda) == HALCONV_NO_DRIVER);
    CHECK(std::string(halconv_status_text(HALCONV_NO_DRIVER)) ==
          "the graphics processor's driver is missing or too old");
}

TEST_CASE("an OpenCL plan wants a queue", "[device]") {
    const KernelSet set({fake_device_row(&halconv_rt_opencl, HALCONV_CONV, 0)});
    const halconv_device device{HALCONV_OPENCL, nullptr, nullptr};
    const halconv_status status = create(set, &device);
    void *library = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
    CHECK(status == (library ? HALCONV_NO_DEVICE : HALCONV_NO_DRIVER));
}

}  // namespace halconv
