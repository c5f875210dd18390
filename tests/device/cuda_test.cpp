// Plans for NVIDIA's processors on a stub of the driver: which calls are made, when, and what their errors become. No value is
// computed here; the same plans on OpenCL are compared with the plain loops.
#include "tests/catch.h"
#include "tests/device/fake_kernel.h"
#include "tests/device/stub_driver.h"
#include "tests/runtime_fake_kernels.h"

namespace halconv {

namespace {

using halconv_stub::driver;
using halconv_stub::reset;
using Strings = std::vector<std::string>;

struct Plan {
    halconv_plan *plan = nullptr;
    halconv_status status;
    Plan(const halconv_kernel_set &set, const halconv_problem &problem, long context = 0, void *stream = nullptr) {
        halconv_device device{HALCONV_CUDA, reinterpret_cast<void *>(context), stream};
        halconv_options options{};
        options.device = &device;
        status = halconv_plan_create(&set, &problem, &options, &plan);
    }
    ~Plan() { halconv_plan_destroy(plan); }
    Plan(const Plan &) = delete;
    Plan &operator=(const Plan &) = delete;
};

const halconv_problem kConv = square_problem(HALCONV_CONV, 8, 4, 4, 3, 1);

// Addresses as a caller's device memory might have.
const void *device_address(uint64_t address) { return reinterpret_cast<const void *>(address); }
constexpr uint64_t kInput = 0x10000, kPacked = 0x20000, kResidual = 0x30000, kOutput = 0x40000, kWorkspace = 0x50000;

halconv_status run(const halconv_plan *plan, uint64_t input = kInput, uint64_t packed = kPacked,
                   uint64_t workspace = kWorkspace) {
    return halconv_plan_run(plan, device_address(input), device_address(packed), device_address(kResidual),
                            const_cast<void *>(device_address(kOutput)), const_cast<void *>(device_address(workspace)));
}

size_t count(const Strings &calls, const std::string &name) {
    return size_t(std::count_if(calls.begin(), calls.end(), [&](const std::string &c) { return c.find(name) == 0; }));
}

}  // namespace

TEST_CASE("a CUDA plan loads its code when it is created, in its context", "[device]") {
    reset();
    const KernelSet set({fake_device_row(&halconv_rt_cuda, HALCONV_CONV, 80)});
    Plan plan(set, kConv, 2);
    REQUIRE(plan.status == HALCONV_OK);
    CHECK(driver().calls == Strings{"cuInit", "cuCtxPushCurrent", "cuCtxGetDevice context 2", "cuDeviceGetAttribute",
                                    "cuDeviceGetAttribute", "cuCtxPopCurrent", "cuCtxPushCurrent",
                                    "cuModuleLoadData context 2 device code", "cuCtxPopCurrent", "cuCtxPushCurrent",
                                    "cuModuleGetFunction first", "cuFuncGetAttribute", "cuFuncSetAttribute 61440",
                                    "cuCtxPopCurrent", "cuCtxPushCurrent", "cuModuleGetFunction second",
                                    "cuFuncGetAttribute", "cuFuncSetAttribute 61440", "cuCtxPopCurrent"});
    CHECK(driver().contexts == std::vector<long>{1});  // the caller's again
    CHECK(halconv_plan_workspace_bytes(plan.plan) == (kFakeScratchBytes + 63) / 64 * 64);
}

TEST_CASE("a CUDA plan's run launches and calls nothing else", "[device]") {
    reset();
    const KernelSet set({fake_device_row(&halconv_rt_cuda, HALCONV_CONV, 80)});
    int stream = 0;
    Plan plan(set, kConv, 0, &stream);
    REQUIRE(plan.status == HALCONV_OK);
    driver().calls.clear();
    for (int i = 0; i < 2; i++) {
        REQUIRE(run(plan.plan) == HALCONV_OK);
    }
    CHECK(driver().calls ==
          Strings{"cuLaunchKernel first", "cuLaunchKernel second", "cuLaunchKernel first", "cuLaunchKernel second"});
    const halconv_stub::Launch &launch = driver().launches[1];
    CHECK(launch.entry == "second");
    CHECK((launch.blocks[0] == kFakeBlocks && launch.blocks[1] == 1 && launch.blocks[2] == 2));
    CHECK((launch.threads[0] == kFakeThreads && launch.threads[1] == 2 && launch.threads[2] == 1));
    CHECK(launch.shared_bytes == kFakeSharedBytes);
    CHECK(launch.stream == &stream);
    CHECK(launch.scalar == 3);
    // Behind the weights of 9 taps, 4 inputs and 4 lanes lies the bias; without a residual its place has the output.
    CHECK(launch.pointers ==
          std::vector<uint64_t>{kInput, kPacked, kPacked + 9 * 4 * 4 * sizeof(float), kOutput, kOutput, kWorkspace});
}

TEST_CASE("a CUDA plan's boxes start inside of the output and share the workspace", "[device]") {
    reset();
    const KernelSet set({fake_device_row(&halconv_rt_cuda, HALCONV_CONV_TRANSPOSE, 80)});
    // 2 inputs, kernel 3, stride 2: 5 outputs a side, 3 in the even phase and 2 in the odd one.
    Plan plan(set, square_problem(HALCONV_CONV_TRANSPOSE, 2, 4, 4, 3, 2));
    REQUIRE(plan.status == HALCONV_OK);
    REQUIRE(run(plan.plan) == HALCONV_OK);
    REQUIRE(driver().launches.size() == 2 * 4);
    std::vector<uint64_t> starts;
    for (const halconv_stub::Launch &launch : driver().launches) {
        starts.push_back((launch.pointers[4] - kOutput) / (4 * sizeof(float)));
        CHECK(launch.pointers[5] == kWorkspace);
    }
    std::sort(starts.begin(), starts.end());
    CHECK(starts == std::vector<uint64_t>{0, 0, 1, 1, 5, 5, 6, 6});  // pixels (0, 0), (0, 1), (1, 0), (1, 1)
}

TEST_CASE("code is loaded once for a kernel and context", "[device]") {
    reset();
    const KernelSet set({fake_device_row(&halconv_rt_cuda, HALCONV_CONV, 80)});
    {
        Plan a(set, kConv, 1), b(set, kConv), c(set, kConv, 2);
        REQUIRE((a.status == HALCONV_OK && b.status == HALCONV_OK && c.status == HALCONV_OK));
        CHECK(count(driver().calls, "cuModuleLoadData context 1") == 1);
        CHECK(count(driver().calls, "cuModuleLoadData context 2") == 1);
        halconv_plan_destroy(a.plan);
        a.plan = nullptr;
        CHECK(driver().loaded == 2);
        CHECK(run(b.plan) == HALCONV_OK);
    }
    CHECK(driver().loaded == 0);
    CHECK(count(driver().calls, "cuModuleUnload context 1") == 1);
    CHECK(count(driver().calls, "cuModuleUnload context 2") == 1);
}

TEST_CASE("each error of the CUDA driver becomes a status, and nothing stays loaded", "[device]") {
    constexpr int kOutOfMemory = 2, kNoDevice = 100, kInvalidContext = 201, kNoBinary = 209, kBadPtx = 222,
                  kOther = 999;
    struct Row {
        const char *call;
        int error;
        halconv_status status;
    };
    const Row rows[] = {
        {"cuInit", kNoDevice, HALCONV_NO_DEVICE},
        {"cuInit", kOther, HALCONV_DEVICE_FAILED},
        {"cuCtxGetCurrent", kOther, HALCONV_DEVICE_FAILED},
        {"cuCtxPushCurrent", kInvalidContext, HALCONV_NO_DEVICE},
        {"cuCtxGetDevice", kInvalidContext, HALCONV_NO_DEVICE},
        {"cuDeviceGetAttribute", kOther, HALCONV_DEVICE_FAILED},
        {"cuModuleLoadData", kOutOfMemory, HALCONV_DEVICE_MEMORY},
        {"cuModuleLoadData", kNoBinary, HALCONV_UNFIT_DEVICE},
        {"cuModuleLoadData", kBadPtx, HALCONV_UNFIT_DEVICE},
        {"cuModuleGetFunction", kOther, HALCONV_DEVICE_FAILED},
        {"cuFuncGetAttribute", kOther, HALCONV_DEVICE_FAILED},
        {"cuFuncSetAttribute", kOther, HALCONV_DEVICE_FAILED},
    };
    const KernelSet set({fake_device_row(&halconv_rt_cuda, HALCONV_CONV, 80)});
    for (const Row &row : rows) {
        reset();
        driver().failing = row.call, driver().error = row.error;
        Plan plan(set, kConv);
        INFO(row.call << " " << row.error);
        CHECK(plan.status == row.status);
        CHECK(plan.plan == nullptr);
        CHECK(driver().loaded == 0);
        CHECK(driver().contexts == std::vector<long>{1});
    }
    reset();
    driver().contexts.clear();
    CHECK(Plan(set, kConv).status == HALCONV_NO_DEVICE);
    reset().threads_per_block = kFakeThreads;
    CHECK(Plan(set, kConv).status == HALCONV_UNFIT_DEVICE);
    reset();
    Plan plan(set, kConv);
    driver().failing = "cuLaunchKernel", driver().error = kOther;
    CHECK(run(plan.plan) == HALCONV_DEVICE_FAILED);
    CHECK(driver().launches.size() == 1);  // none after the one that failed
    driver().error = kInvalidContext;
    CHECK(run(plan.plan) == HALCONV_NO_DEVICE);
}

TEST_CASE("the row of the newest chip that the device has is taken", "[device]") {
    reset();
    const KernelSet set(
        {fake_device_row(&halconv_rt_cuda, HALCONV_CONV, 80), fake_device_row(&halconv_rt_cuda, HALCONV_CONV, 90)});
    auto name = [](const halconv_plan *plan) {
        char text[1000] = "";
        halconv_plan_describe(plan, text, sizeof(text));
        return std::string(text);
    };
    {
        Plan plan(set, kConv);
        REQUIRE(plan.status == HALCONV_OK);
        CHECK(name(plan.plan) == "fake_new_chip\nchosen: made for the newest chip, of compute capability 9.0\n"
                                 "fake_chip: accepts the problem; made for compute capability 8.0\n");
    }
    driver().major = 8, driver().minor = 6;
    {
        Plan plan(set, kConv);
        REQUIRE(plan.status == HALCONV_OK);
        CHECK(name(plan.plan).find("fake_new_chip: needs compute capability 9.0, the graphics processor has 8.6") !=
              std::string::npos);
    }
    driver().major = 7, driver().minor = 5;
    CHECK(Plan(set, kConv).status == HALCONV_UNFIT_DEVICE);
}

TEST_CASE("a CUDA plan refuses memory that its kernels cannot take", "[device]") {
    reset();
    const KernelSet set({fake_device_row(&halconv_rt_cuda, HALCONV_CONV, 80)});
    Plan plan(set, kConv);
    REQUIRE(plan.status == HALCONV_OK);
    CHECK(run(plan.plan, kInput + 4) == HALCONV_MISALIGNED);
    CHECK(run(plan.plan, kInput + 16) == HALCONV_OK);
    CHECK(run(plan.plan, kInput, kPacked + 16) == HALCONV_MISALIGNED);
    CHECK(run(plan.plan, kInput, kPacked, kWorkspace + 16) == HALCONV_MISALIGNED);
    CHECK(run(plan.plan, kInput, kPacked, 0) == HALCONV_NULL_ARGUMENT);
}

}  // namespace halconv
