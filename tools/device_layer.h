// A layer with its tensors on a graphics processor, bound to a kernel's plan: what `halconv run` and `bench` run there.
#pragma once

#include "tools/bench_figures.h"
#include "tools/bound_layer.h"
#include "tools/compute_device.h"
#include "tools/layer.h"
#include "tools/plan_handle.h"

namespace halconv {

struct HostOperands {
    const float *input, *weights, *bias, *residual;  // bias may be null; residual is read if the problem says so
    halconv_weights_layout weights_layout;
};

// Of operands as bench and tune have them.
HostOperands host_operands(const halconv_problem &problem, const LayerOperands &operands);

class DeviceLayer {
  public:
    // Packs the weights and copies all operands to the device, the output as NaN. Throws WorkError.
    DeviceLayer(const halconv_problem &problem, const HostOperands &operands, PlanHandle plan,
                const ComputeDevice &device);

    void run() const;  // puts it into the queue; throws WorkError
    // Waits, and copies the output.
    std::vector<float> output() const;

  private:
    const ComputeDevice &device_;
    PlanHandle plan_;
    TensorSizes sizes_;
    DeviceMemory input_, packed_, residual_, output_, workspace_;
};

// A sample is as many runs as take 1 ms, so that queueing the first of them hardly counts.
constexpr double kDeviceSampleSeconds = 1e-3;

// Seconds of a run by the device's time: the mean over `runs`.
double run_seconds(const DeviceLayer &layer, const ComputeDevice &device, int64_t runs);

// Seconds of a run by the device's time: the median over at least `min_time` seconds of runs, after one to warm up.
Timing time_device_layer(const DeviceLayer &layer, const ComputeDevice &device, double min_time);

}  // namespace halconv
