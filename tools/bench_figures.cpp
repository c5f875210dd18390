#include "tools/bench_figures.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "runtime/core/problem.h"

namespace halconv {

namespace {

Problem3 problem3_of(const halconv_problem &problem) {
    int64_t out[3];
    check_problem(problem, out);
    return normalise(problem, out);
}

double product(const int64_t (&sizes)[3]) { return double(sizes[0]) * double(sizes[1]) * double(sizes[2]); }

}  // namespace

double useful_flop(const halconv_problem &problem) {
    const Problem3 p = problem3_of(problem);
    const double pixels = product(problem.op == HALCONV_CONV ? p.out : p.in);
    const double taps = double(p.axis[0].kernel) * double(p.axis[1].kernel) * double(p.axis[2].kernel);
    return 2.0 * double(p.batch) * double(p.groups) * double(p.group_in) * double(p.group_out) * pixels * taps;
}

TensorSizes tensor_sizes(const halconv_problem &problem) {
    const Problem3 p = problem3_of(problem);
    const int64_t taps = p.axis[0].kernel * p.axis[1].kernel * p.axis[2].kernel;
    return {p.batch * problem.in_channels * p.in[0] * p.in[1] * p.in[2], p.groups * p.group_in * p.group_out * taps,
            p.batch * problem.out_channels * p.out[0] * p.out[1] * p.out[2]};
}

double compulsory_bytes(const halconv_problem &problem) {
    const TensorSizes sizes = tensor_sizes(problem);
    const int64_t outputs = problem.residual ? 2 : 1;
    return sizeof(float) * double(sizes.input + sizes.weights + outputs * sizes.output);
}

Timing summarise(std::vector<double> samples) {
    std::sort(samples.begin(), samples.end());
    auto percentile = [&](double fraction) {
        const double position = fraction * double(samples.size() - 1);
        const size_t below = size_t(position), above = std::min(below + 1, samples.size() - 1);
        return samples[below] + (position - double(below)) * (samples[above] - samples[below]);
    };
    const double median = percentile(0.5);
    return {median, (percentile(0.9) - percentile(0.1)) / median};
}

void fill_random(float *data, int64_t count, float scale, uint64_t seed) {
    // Knuth's MMIX generator; its upper 24 bits, as an integer in [-2^23, 2^23), are exact in a float.
    uint64_t state = seed;
    for (int64_t i = 0; i < count; ++i) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        data[i] = float(int32_t(state >> 40) - (1 << 23)) * scale * 0x1p-23f;
    }
}

namespace {

constexpr int kFacePoints = 160, kInnerPoints = 160;
constexpr double kRoundoff = 0x1p-24;

struct Point {
    int64_t n, c, at[3];
};

// Corners (of batch, channels and space), points with one coordinate at its first or last value, and points anywhere.
std::vector<Point> sample_points(const halconv_problem &problem, const Problem3 &p) {
    const int64_t extents[5] = {p.batch, problem.out_channels, p.out[0], p.out[1], p.out[2]};
    std::vector<Point> points;
    auto add = [&](const int64_t(&index)[5]) {
        points.push_back({index[0], index[1], {index[2], index[3], index[4]}});
    };
    for (int corner = 0; corner < 32; ++corner) {
        int64_t index[5];
        bool repeated = false;
        for (int a = 0; a < 5; ++a) {
            const bool last = corner >> a & 1;
            index[a] = last ? extents[a] - 1 : 0;
            repeated = repeated || (last && extents[a] == 1);
        }
        if (!repeated) {
            add(index);
        }
    }
    std::mt19937_64 random(1);
    for (int i = 0; i < kFacePoints + kInnerPoints; ++i) {
        int64_t index[5];
        for (int a = 0; a < 5; ++a) {
            index[a] = int64_t(random() % uint64_t(extents[a]));
        }
        if (i < kFacePoints) {
            const int axis = i % 5;
            index[axis] = i / 5 % 2 ? extents[axis] - 1 : 0;
        }
        add(index);
    }
    return points;
}

// A tap and the input coordinate that it reads for one output coordinate.
struct Meeting {
    int64_t tap, input;
};

// All meetings of output coordinate `out` on axis a, in both operations from the one relation.
std::vector<Meeting> meetings(const halconv_problem &problem, const Problem3 &p, int a, int64_t out) {
    const Axis<int64_t> &axis = p.axis[a];
    std::vector<Meeting> found;
    for (int64_t tap = 0; tap < axis.kernel; ++tap) {
        if (problem.op == HALCONV_CONV) {
            const int64_t high = high_coordinate(axis, out, tap);
            if (high >= 0 && high < p.in[a]) {
                found.push_back({tap, high});
            }
            continue;
        }
        for (int64_t low = 0; low < p.in[a]; ++low) {
            if (high_coordinate(axis, low, tap) == out) {
                found.push_back({tap, low});
            }
        }
    }
    return found;
}

// Offset of an element in a dense tensor of `channels` channels and the spatial sizes `size`.
int64_t tensor_index(halconv_layout layout, int64_t channels, const int64_t (&size)[3], const Point &point) {
    const int64_t pixel = (point.at[0] * size[1] + point.at[1]) * size[2] + point.at[2];
    const int64_t pixels = size[0] * size[1] * size[2];
    return layout == HALCONV_NHWC ? (point.n * pixels + pixel) * channels + point.c
                                  : (point.n * channels + point.c) * pixels + pixel;
}

struct Sum {
    double value = 0, magnitude = 0;  // sums of x * w and of |x * w|
    int64_t terms = 0;

    void add(double term) {
        value += term;
        magnitude += std::abs(term);
        ++terms;
    }
};

Sum exact_sum(const halconv_problem &problem, const Problem3 &p, const BenchOperands &operands, const Point &point) {
    const int64_t group = point.c / p.group_out, co = point.c % p.group_out;
    const int64_t taps[3] = {p.axis[0].kernel, p.axis[1].kernel, p.axis[2].kernel};
    std::vector<Meeting> axis[3];
    for (int a = 0; a < 3; ++a) {
        axis[a] = meetings(problem, p, a, point.at[a]);
    }
    Sum sum;
    for (int64_t ci = 0; ci < p.group_in; ++ci) {
        // OIHW with I within the group, IOHW with O within the group.
        const int64_t matrix =
            problem.op == HALCONV_CONV ? point.c * p.group_in + ci : (group * p.group_in + ci) * p.group_out + co;
        for (const Meeting &z : axis[0]) {
            for (const Meeting &y : axis[1]) {
                for (const Meeting &x : axis[2]) {
                    const Point from{point.n, group * p.group_in + ci, {z.input, y.input, x.input}};
                    const int64_t tap = (z.tap * taps[1] + y.tap) * taps[2] + x.tap;
                    sum.add(double(operands.input[tensor_index(problem.in_layout, problem.in_channels, p.in, from)]) *
                            double(operands.weights[matrix * taps[0] * taps[1] * taps[2] + tap]));
                }
            }
        }
    }
    return sum;
}

// The activation, the most that it enlarges an error of its argument, and the error of its own evaluation in f32 per
// unit of 1 + |v|: one rounding for the piecewise linear ones; for the others the kernels' series (1.5e-7 for erf, 1e-7
// for tanh) and a few roundings.
struct ActivationFigures {
    double value, slope, own_error;
};

ActivationFigures activate(const halconv_problem &problem, double v) {
    constexpr double kSeries = 4e-7;
    const double alpha = double(problem.alpha), beta = double(problem.beta);
    switch (problem.activation) {
    case HALCONV_LINEAR:
        return {v, 1, 0};
    case HALCONV_RELU:
        return {std::max(v, 0.0), 1, 0};
    case HALCONV_CLAMP:
        return {std::min(std::max(v, alpha), beta), 1, 0};
    case HALCONV_LEAKY_RELU:
        return {v < 0 ? alpha * v : v, std::max(1.0, std::abs(alpha)), kRoundoff};
    case HALCONV_TANH:
        return {std::tanh(v), 1, kSeries};
    case HALCONV_SIGMOID:
        return {1 / (1 + std::exp(-v)), 0.25, kSeries};
    case HALCONV_SILU:
        return {v / (1 + std::exp(-v)), 1.1, kSeries};
    case HALCONV_GELU:
        return {v * (1 + std::erf(v / std::sqrt(2.0))) / 2, 1.13, kSeries};
    }
    return {v, 1, 0};
}

}  // namespace

ErrorFigures compare_samples(const halconv_problem &problem, const BenchOperands &operands, const float *output,
                             halconv_numerics numerics) {
    const double allowed = numerics == HALCONV_FAST ? kFastError : numerics == HALCONV_DEFAULT ? kDefaultError : 1;
    const Problem3 p = problem3_of(problem);
    double worst = 0, squares = 0;
    bool within_bound = true, finite = true;
    const std::vector<Point> points = sample_points(problem, p);
    for (const Point &point : points) {
        const int64_t at = tensor_index(problem.out_layout, problem.out_channels, p.out, point);
        Sum sum = exact_sum(problem, p, operands, point);
        sum.add(double(operands.bias[point.c]));
        if (problem.residual) {
            sum.add(double(operands.residual[at]));
        }
        const double k = double(sum.terms), gamma = k * kRoundoff / (1 - k * kRoundoff);
        const ActivationFigures y = activate(problem, sum.value);
        const double bound = y.slope * allowed * gamma * sum.magnitude + y.own_error * (1 + std::abs(sum.value));
        const double error = std::abs(double(output[at]) - y.value);
        within_bound = within_bound && error <= bound;
        finite = finite && std::isfinite(error);
        worst = std::max(worst, error);
        squares += y.value * y.value;
    }
    const double rms = std::sqrt(squares / double(points.size()));
    // Only a layer whose every sampled result is zero has no scale: then the absolute error stands.
    const double max_error = rms > 0 ? worst / rms : worst;
    return {finite ? max_error : std::numeric_limits<double>::quiet_NaN(), within_bound};
}

}  // namespace halconv
