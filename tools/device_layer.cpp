#include "tools/device_layer.h"

#include <algorithm>
#include <limits>

#include "tools/interrupt.h"

namespace halconv {

namespace {

void check(halconv_status status) {
    if (status != HALCONV_OK) {
        throw WorkError(halconv_status_text(status));
    }
}

size_t bytes_of(int64_t floats) { return size_t(floats) * sizeof(float); }

}  // namespace

HostOperands host_operands(const halconv_problem &problem, const LayerOperands &o) {
    return {o.input.data(), o.weights.data(), o.bias.data(), o.residual.data(),
            problem.op == HALCONV_CONV ? HALCONV_WEIGHTS_OIHW : HALCONV_WEIGHTS_IOHW};
}

DeviceLayer::DeviceLayer(const halconv_problem &problem, const HostOperands &operands, PlanHandle plan,
                         const ComputeDevice &device)
    : device_(device), plan_(std::move(plan)), sizes_(tensor_sizes(problem)), input_(device, bytes_of(sizes_.input)),
      packed_(device, halconv_plan_weights_bytes(plan_.get())),
      residual_(device, problem.residual ? bytes_of(sizes_.output) : 0), output_(device, bytes_of(sizes_.output)),
      workspace_(device, halconv_plan_workspace_bytes(plan_.get())) {
    const size_t packed_bytes = halconv_plan_weights_bytes(plan_.get());
    AlignedBytes packed = aligned_bytes(packed_bytes);
    check(halconv_plan_pack(plan_.get(), operands.weights, operands.weights_layout, 0, operands.bias, packed.get()));
    const std::vector<float> unwritten(size_t(sizes_.output), std::numeric_limits<float>::quiet_NaN());
    device.upload(packed_.get(), packed.get(), packed_bytes);
    device.upload(input_.get(), operands.input, bytes_of(sizes_.input));
    device.upload(output_.get(), unwritten.data(), bytes_of(sizes_.output));
    if (problem.residual) {
        device.upload(residual_.get(), operands.residual, bytes_of(sizes_.output));
    }
}

void DeviceLayer::run() const {
    check(halconv_plan_run(plan_.get(), input_.get(), packed_.get(), residual_.get(), output_.get(), workspace_.get()));
}

std::vector<float> DeviceLayer::output() const {
    std::vector<float> output(size_t(sizes_.output));
    device_.download(output.data(), output_.get(), bytes_of(sizes_.output));
    return output;
}

double run_seconds(const DeviceLayer &layer, const ComputeDevice &device, int64_t runs) {
    return device.seconds([&] {
        for (int64_t run = 0; run < runs; ++run) {
            layer.run();
        }
    }) / double(runs);
}

Timing time_device_layer(const DeviceLayer &layer, const ComputeDevice &device, double min_time) {
    constexpr size_t kFewest = 5;
    run_seconds(layer, device, 1);
    const auto runs =
        std::max<int64_t>(1, int64_t(kDeviceSampleSeconds / std::max(run_seconds(layer, device, 1), 1e-9)));
    std::vector<double> samples;
    for (double total = 0; (samples.size() < kFewest || total < min_time) && !(interrupted() && !samples.empty());) {
        samples.push_back(run_seconds(layer, device, runs));
        total += samples.back() * double(runs);
    }
    return summarise(std::move(samples));
}

}  // namespace halconv
