#include "tools/cost_model.h"

#include <algorithm>
#include <cmath>

#include "runtime/core/winograd.h"
#include "schedules/gpu/legal.h"
#include "schedules/gpu/model.h"
#include "schedules/model_forms.h"
#include "schedules/tuning/legal.h"
#include "schedules/tuning/space.h"

namespace halconv {

namespace {

constexpr double kRidge = 0.3, kOwnWeight = 4;

double log2_of(double value) { return std::log2(std::max(1.0, value)); }

// log2 of what is computed over what is needed where tiles of `tile` cover `extent`.
double waste(int64_t extent, int64_t tile) {
    tile = std::max<int64_t>(1, tile);
    return std::log2(double(divide_up(extent, tile) * tile) / double(std::max<int64_t>(1, extent)));
}

// Solves A x = b for a symmetric positive definite A of n rows, in place.
std::vector<double> solve(std::vector<double> a, std::vector<double> b) {
    const size_t n = b.size();
    for (size_t j = 0; j < n; j++) {  // A = L L^T, L in the lower triangle
        for (size_t k = 0; k < j; k++) {
            for (size_t i = j; i < n; i++) {
                a[i * n + j] -= a[i * n + k] * a[j * n + k];
            }
        }
        const double root = std::sqrt(a[j * n + j]);
        for (size_t i = j; i < n; i++) {
            a[i * n + j] /= root;
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) {
            b[i] -= a[i * n + k] * b[k];
        }
        b[i] /= a[i * n + i];
    }
    for (size_t i = n; i-- > 0;) {
        for (size_t k = i + 1; k < n; k++) {
            b[i] -= a[k * n + i] * b[k];
        }
        b[i] /= a[i * n + i];
    }
    return b;
}

std::vector<double> gpu_features(const halconv_key &key, const TargetRow &target, const Schedule &s) {
    const GpuSchedule &t = *s.gpu;
    const BlockThreads threads = block_threads(s);
    const double pixels = double(t.thread_x) * t.thread_y, sums = log2_of(double(thread_sums(key, s)));
    const double block = log2_of(threads.count());
    const bool depthwise = s.form == HALCONV_FORM_DEPTHWISE;
    const int64_t channels = int64_t(key.group_out) * (depthwise ? key.groups : 1);
    return {log2_of(t.thread_x),
            log2_of(t.thread_y),
            log2_of(t.thread_c),
            sums,
            sums * sums / 4,
            1 / pixels + 1.0 / t.thread_c,
            block,
            block * block / 4,
            log2_of(threads.c),
            log2_of(threads.x),
            log2_of(t.chunk),
            log2_of(t.parts),
            double(shared_bytes(key, s)) / double(target.gpu->shared_bytes),
            double(input_vector(key, s)) / kGpuVector,
            waste(positions(key, 2), s.tile_x),
            waste(positions(key, 1), s.tile_y),
            waste(channels, s.panel()),
            t.taps == GpuSchedule::Taps::kRow ? 1.0 : 0.0,
            t.taps == GpuSchedule::Taps::kAll ? 1.0 : 0.0,
            t.operands == GpuSchedule::Operands::kWindows ? 1.0 : 0.0,
            depthwise ? 0.0 : log2_of(gpu_cycles(key, s, target))};
}

}  // namespace

std::vector<double> schedule_features(const halconv_key &key, const TargetRow &target, const Schedule &s) {
    if (s.gpu) {
        return gpu_features(key, target, s);
    }
    const Positions positions = output_positions(key);
    // Broadcast values and vectors of a tile: pixels and channels, or for pixel_lanes channels and pixels.
    const bool lanes_are_pixels = s.form == HALCONV_FORM_PIXEL_LANES;
    const double pixels = double(lanes_are_pixels ? s.channels : s.tile_x) * s.tile_y, sums = pixels * s.vectors;
    const double loads = (pixels / s.operand_lanes + s.vectors) / sums;
    const double use = double(tile_registers(int(pixels), s.vectors, s.operand_lanes)) / target.registers;
    const double tile_x = log2_of(s.tile_x), strips = log2_of(double(divide_up(row_units(key, s), s.rows)));
    const int64_t channels =
        s.form == HALCONV_FORM_DEPTHWISE ? int64_t(key.groups) * key.group_out : int64_t(key.group_out);
    std::vector<double> x = {tile_x,
                             tile_x * tile_x / 4,
                             log2_of(s.tile_y),
                             log2_of(s.vectors),
                             log2_of(sums),
                             use,
                             use * use,
                             use > 1 ? 1.0 : 0.0,
                             loads,
                             waste(positions.most[2], s.tile_x),
                             waste(positions.most[1], s.tile_y),
                             waste(channels, weights_panel(key, s)),
                             std::log2(double(s.lanes) / target.vector_lanes),
                             strips,
                             strips * strips / 4,
                             s.columns > 0 ? log2_of(double(divide_up(positions.most[2], s.columns))) : 0.0,
                             lanes_are_pixels ? 0.0 : log2_of(double(s.channels) / s.panel()),
                             log2_of(double(parallel_jobs(key, s))) / 2,
                             s.stage ? 1.0 : 0.0,
                             s.share ? 1.0 : 0.0,
                             s.prefetch_output ? 1.0 : 0.0};
    for (int d = 0; d < 3; d++) {
        x.push_back(s.skip[d] ? 1.0 : 0.0);
    }
    for (ParallelAxis axis : {ParallelAxis::kChannels, ParallelAxis::kChannelsAndPhases}) {
        x.push_back(s.parallel == axis ? 1.0 : 0.0);
    }
    for (int form = 0; form < kFormCount; form++) {
        x.push_back(int(s.form) == form ? 1.0 : 0.0);
    }
    return x;
}

CostModel::CostModel(const std::vector<CostSample> &samples, const std::string &problem) {
    if (samples.empty()) {
        return;
    }
    const size_t n = samples[0].features.size();
    std::vector<double> normal(n * n, 0.0), right(n, 0.0);
    for (const CostSample &sample : samples) {
        const double weight = sample.problem == problem ? kOwnWeight : 1;
        for (size_t i = 0; i < n; i++) {
            right[i] += weight * sample.features[i] * sample.log_ratio;
            for (size_t j = 0; j < n; j++) {
                normal[i * n + j] += weight * sample.features[i] * sample.features[j];
            }
        }
    }
    for (size_t i = 0; i < n; i++) {
        normal[i * n + i] += kRidge;
    }
    weights_ = solve(std::move(normal), std::move(right));
}

double CostModel::log_ratio(const std::vector<double> &features) const {
    double sum = 0;
    for (size_t i = 0; i < weights_.size(); i++) {
        sum += weights_[i] * features[i];
    }
    return sum;
}

}  // namespace halconv
