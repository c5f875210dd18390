#include "tests/gpu/device_case.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "tests/reference.h"
#include "tools/layer.h"
#include "tools/plan_handle.h"

namespace halconv {

namespace {

// Memory of a device between margins.
class Guarded {
  public:
    Guarded(const ComputeDevice &device, size_t bytes)
        : device_(device), bytes_(bytes), host_(kMargin + bytes + kMargin, kAllOnes), memory_(device, host_.size()) {
        device.upload(memory_.get(), host_.data(), host_.size());
    }
    void *get() const { return static_cast<char *>(memory_.get()) + kMargin; }
    void fill(const void *from, size_t bytes) const { device_.upload(get(), from, bytes); }
    bool read() {  // whether the margins are as they were
        device_.download(host_.data(), memory_.get(), host_.size());
        auto whole = [](auto first, auto last) {
            return std::all_of(first, last, [](char c) { return c == kAllOnes; });
        };
        return whole(host_.begin(), host_.begin() + kMargin) && whole(host_.end() - kMargin, host_.end());
    }
    std::vector<float> floats() const {
        std::vector<float> values(bytes_ / sizeof(float));
        std::memcpy(values.data(), host_.data() + kMargin, bytes_);
        return values;
    }

  private:
    static constexpr ptrdiff_t kMargin = 4096;
    static constexpr char kAllOnes = -1;  // four make a NaN
    const ComputeDevice &device_;
    size_t bytes_;
    std::vector<char> host_;
    DeviceMemory memory_;
};

size_t bytes_of(const std::vector<float> &values) { return values.size() * sizeof(float); }

std::string failed(const char *call, halconv_status status) {
    return std::string(call) + ": " + halconv_status_text(status);
}

std::string run(const halconv_plan *plan, const KernelCase &c, const ComputeDevice &device) {
    const Operands operands = make_operands(c);
    std::vector<double> expected;
    reference_run(c.problem, operands.input.data(), operands.weights.data(), c.bias ? operands.bias.data() : nullptr,
                  operands.residual.data(), expected);
    const size_t packed_bytes = halconv_plan_weights_bytes(plan);
    AlignedBytes host = aligned_bytes(packed_bytes);
    const std::vector<float> weights = reorder_weights(c.problem, operands.weights, c.weights_layout, c.flip);
    if (halconv_status status = halconv_plan_pack(plan, weights.data(), c.weights_layout, c.flip,
                                                  c.bias ? operands.bias.data() : nullptr, host.get())) {
        return failed("halconv_plan_pack", status);
    }
    Guarded input(device, bytes_of(operands.input)), packed(device, packed_bytes),
        residual(device, bytes_of(operands.residual)), output(device, expected.size() * sizeof(float)),
        workspace(device, halconv_plan_workspace_bytes(plan));
    const bool in_place = c.problem.residual && c.residual_in_place;
    input.fill(operands.input.data(), bytes_of(operands.input));
    packed.fill(host.get(), packed_bytes);
    (in_place ? output : residual).fill(operands.residual.data(), bytes_of(operands.residual));
    if (halconv_status status = halconv_plan_run(plan, input.get(), packed.get(), (in_place ? output : residual).get(),
                                                 output.get(), workspace.get())) {
        return failed("halconv_plan_run", status);
    }
    bool intact = output.read();
    for (Guarded *memory : {&input, &packed, &residual, &workspace}) {
        intact = memory->read() && intact;
    }
    return intact ? compare_output(c.problem, output.floats().data(), expected) : "written outside of a tensor";
}

}  // namespace

std::unique_ptr<ComputeDevice> opencl_device_or_skip() {
    try {
        return open_opencl_device();
    } catch (const WorkError &error) {
        std::printf("skipped: %s\n", error.what());
        return nullptr;
    }
}

CaseResult run_case_on_device(const halconv_kernel_set *set, const KernelCase &c, const ComputeDevice &device) {
    const halconv_device handle = device.handle();
    halconv_options options{};
    options.device = &handle;
    halconv_plan *created = nullptr;
    const halconv_status status = halconv_plan_create(set, &c.problem, &options, &created);
    const PlanHandle plan(created);
    if (status != HALCONV_OK) {
        return {false, failed("halconv_plan_create", status)};
    }
    return {true, run(created, c, device)};
}

}  // namespace halconv
