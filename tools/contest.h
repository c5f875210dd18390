// Two kernels of a layer on the same operands: whether they agree, and which is the faster.
#pragma once

#include <memory>

#include "tools/bound_layer.h"
#include "tools/candidate.h"
#include "tools/compute_device.h"

namespace halconv {

// A kernel's plan with tensors of its own.
class Contestant {
  public:
    virtual ~Contestant() = default;
    virtual double seconds(int64_t runs) const = 0;  // of a run, the mean over so many
    virtual std::vector<float> output() const = 0;   // of the last run
    virtual double sample_seconds() const = 0;       // 100 times and more what reading the clock costs
};

class Contest {
  public:
    // Sets of one row; `device` runs both, or where it is null this thread does.
    Contest(const Layer &layer, const halconv_kernel_set &candidate, const halconv_kernel_set &reference,
            const ComputeDevice *device);

    // Throws WorkError where the outputs differ from each other, or from plain sums at sampled points: exactly, or for a
    // transcendental activation by some units in the last place.
    void check();

    // Where outputs, packed weights and scratch memory lie costs up to 6 % of a layer's time (seen of a kernel against
    // itself), which no repetition in one place shows: both move, and take each other's part.
    void time(double seconds, CandidateResult &result);

  private:
    static constexpr float kWinogradUnit = 576;
    static constexpr int kFewPlaces = 2, kManyPlaces = 4;
    static constexpr double kManyPlacesSeconds = 0.1;

    bool uses_winograd() const;
    void move(int place);

    const Layer &layer_;
    halconv_kernel_set sets_[2];
    const ComputeDevice *device_;
    LayerOperands operands_;
    std::unique_ptr<Contestant> tried_, reference_;
};

}  // namespace halconv
