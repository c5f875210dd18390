#include "tests/reference.h"

#include <algorithm>
#include <cmath>

namespace halconv {

namespace {

using Index3 = std::array<int64_t, 3>;

// The problem with its spatial axes aligned to z y x; missing leading axes have size 1, kernel 1 and no padding.
struct Axes {
    Index3 in{1, 1, 1}, out{1, 1, 1}, kernel{1, 1, 1}, stride{1, 1, 1}, dilation{1, 1, 1};
    Index3 pad_before{}, pad_after{}, output_padding{};

    explicit Axes(const halconv_problem &p) {
        for (int d = 0; d < p.rank; d++) {
            size_t a = size_t(3 - p.rank + d);
            in[a] = p.in[d], kernel[a] = p.kernel[d], stride[a] = p.stride[d], dilation[a] = p.dilation[d];
            pad_before[a] = p.pad_before[d], pad_after[a] = p.pad_after[d], output_padding[a] = p.output_padding[d];
        }
        for (size_t a = 0; a < 3; a++) {
            out[a] = p.op == HALCONV_CONV ? windows(a) : scattered_extent(a);
        }
    }

    // The windows that fit into the padded input, counted one by one.
    int64_t windows(size_t a) const {
        int64_t count = 0;
        for (int64_t first = -pad_before[a]; first + (kernel[a] - 1) * dilation[a] < in[a] + pad_after[a];
             first += stride[a]) {
            count++;
        }
        return count;
    }

    // The last input's last tap lands at coordinate (in - 1) * stride + (kernel - 1) * dilation; then the output is
    // cropped.
    int64_t scattered_extent(size_t a) const {
        int64_t last = (in[a] - 1) * stride[a] + (kernel[a] - 1) * dilation[a];
        return last + 1 - pad_before[a] - pad_after[a] + output_padding[a];
    }
};

int64_t volume(const Index3 &extent) { return extent[0] * extent[1] * extent[2]; }

int64_t tensor_index(halconv_layout layout, int64_t channels, const Index3 &extent, int64_t n, int64_t c,
                     const Index3 &at) {
    int64_t pixel = (at[0] * extent[1] + at[1]) * extent[2] + at[2];
    int64_t pixels = volume(extent);
    return layout == HALCONV_NHWC ? (n * pixels + pixel) * channels + c : (n * channels + c) * pixels + pixel;
}

// A tap and the coordinate that it meets on the other grid.
struct Meeting {
    int64_t tap, other;
};

// meetings[low] of one axis: every (tap, high) with high = low * stride + tap * dilation - pad_before inside the high
// grid.
std::vector<std::vector<Meeting>> meetings_of_low(const Axes &axes, size_t a, int64_t low_extent, int64_t high_extent) {
    std::vector<std::vector<Meeting>> meetings(size_t(std::max<int64_t>(low_extent, 0)));
    for (int64_t low = 0; low < low_extent; low++) {
        for (int64_t tap = 0; tap < axes.kernel[a]; tap++) {
            int64_t high = low * axes.stride[a] + tap * axes.dilation[a] - axes.pad_before[a];
            if (high >= 0 && high < high_extent) {
                meetings[size_t(low)].push_back({tap, high});
            }
        }
    }
    return meetings;
}

// Every (tap, input) that contributes to output coordinate o of one axis, found by search.
std::vector<Meeting> contributions(const Axes &axes, size_t a, bool transpose, int64_t o) {
    std::vector<Meeting> found;
    for (int64_t tap = 0; tap < axes.kernel[a]; tap++) {
        for (int64_t i = 0; transpose && i < axes.in[a]; i++) {
            if (i * axes.stride[a] + tap * axes.dilation[a] - axes.pad_before[a] == o) {
                found.push_back({tap, i});
            }
        }
        int64_t gathered = o * axes.stride[a] + tap * axes.dilation[a] - axes.pad_before[a];
        if (!transpose && gathered >= 0 && gathered < axes.in[a]) {
            found.push_back({tap, gathered});
        }
    }
    return found;
}

// Calls visit(tap, other) for the Cartesian product of three axes' meetings; tap counts the taps z y x in order.
template <class Visit>
void each_meeting(const std::vector<Meeting> &z, const std::vector<Meeting> &y, const std::vector<Meeting> &x,
                  const Index3 &kernel, Visit visit) {
    for (const Meeting &mz : z) {
        for (const Meeting &my : y) {
            for (const Meeting &mx : x) {
                visit((mz.tap * kernel[1] + my.tap) * kernel[2] + mx.tap, Index3{mz.other, my.other, mx.other});
            }
        }
    }
}

// Position of weight (o, i, tap): OIHW with i in its group for conv, IOHW with o in its group for conv_transpose.
int64_t weight_index(const halconv_problem &p, int64_t taps, int64_t o, int64_t i, int64_t tap) {
    int64_t group_in = p.in_channels / p.groups, group_out = p.out_channels / p.groups;
    return p.op == HALCONV_CONV ? (o * group_in + i % group_in) * taps + tap
                                : (i * group_out + o % group_out) * taps + tap;
}

template <class Visit> void each_index(const Index3 &extent, Visit visit) {
    for (int64_t z = 0; z < extent[0]; z++) {
        for (int64_t y = 0; y < extent[1]; y++) {
            for (int64_t x = 0; x < extent[2]; x++) {
                visit(Index3{z, y, x});
            }
        }
    }
}

// Sums without bias, residual and activation, in the order (n, c, z, y, x). Low pixels are visited one by one; conv
// gathers into them from high, conv_transpose scatters from them into high.
std::vector<double> plain_sums(const halconv_problem &p, const Axes &axes, const float *x, const float *w) {
    bool conv = p.op == HALCONV_CONV;
    const Index3 &low = conv ? axes.out : axes.in, &high = conv ? axes.in : axes.out;
    int64_t pixels = volume(axes.out), taps = volume(axes.kernel);
    int64_t group_in = p.in_channels / p.groups, group_out = p.out_channels / p.groups;
    std::vector<double> sums(size_t(p.batch * p.out_channels * pixels), 0.0);
    std::array<std::vector<std::vector<Meeting>>, 3> meetings;
    for (size_t a = 0; a < 3; a++) {
        meetings[a] = meetings_of_low(axes, a, low[a], high[a]);
    }
    for (int64_t n = 0; n < p.batch; n++) {
        each_index(low, [&](const Index3 &at) {
            each_meeting(meetings[0][size_t(at[0])], meetings[1][size_t(at[1])], meetings[2][size_t(at[2])],
                         axes.kernel, [&](int64_t tap, const Index3 &other) {
                             const Index3 &source = conv ? other : at, &target = conv ? at : other;
                             int64_t pixel = (target[0] * axes.out[1] + target[1]) * axes.out[2] + target[2];
                             for (int64_t i = 0; i < p.in_channels; i++) {
                                 double value = x[tensor_index(p.in_layout, p.in_channels, axes.in, n, i, source)];
                                 int64_t first = i / group_in * group_out;
                                 for (int64_t o = first; o < first + group_out; o++) {
                                     sums[size_t((n * p.out_channels + o) * pixels + pixel)] +=
                                         value * w[weight_index(p, taps, o, i, tap)];
                                 }
                             }
                         });
        });
    }
    return sums;
}

}  // namespace

std::array<int64_t, 3> reference_output_size(const halconv_problem &problem) { return Axes(problem).out; }

int64_t input_elements(const halconv_problem &problem) {
    return problem.batch * problem.in_channels * volume(Axes(problem).in);
}

int64_t weight_elements(const halconv_problem &problem) {
    return problem.in_channels * (problem.out_channels / problem.groups) * volume(Axes(problem).kernel);
}

int64_t output_elements(const halconv_problem &problem) {
    return problem.batch * problem.out_channels * volume(Axes(problem).out);
}

int64_t input_index(const halconv_problem &problem, int64_t n, int64_t c, const Index3 &at) {
    return tensor_index(problem.in_layout, problem.in_channels, Axes(problem).in, n, c, at);
}

int64_t output_index(const halconv_problem &problem, int64_t n, int64_t c, const Index3 &at) {
    return tensor_index(problem.out_layout, problem.out_channels, Axes(problem).out, n, c, at);
}

double reference_activation(const halconv_problem &problem, double v) {
    double alpha = problem.alpha, beta = problem.beta;
    switch (problem.activation) {
    case HALCONV_LINEAR:
        return v;
    case HALCONV_RELU:
        return v > 0 ? v : 0;
    case HALCONV_CLAMP:
        return std::min(std::max(v, alpha), beta);
    case HALCONV_LEAKY_RELU:
        return v < 0 ? alpha * v : v;
    case HALCONV_TANH:
        return std::tanh(v);
    case HALCONV_SIGMOID:
        return 1 / (1 + std::exp(-v));
    case HALCONV_SILU:
        return v / (1 + std::exp(-v));
    case HALCONV_GELU:
        return v * std::erfc(-v / std::sqrt(2.0)) / 2;
    }
    return std::nan("");
}

void reference_run(const halconv_problem &problem, const float *x, const float *w, const float *bias,
                   const float *residual, std::vector<double> &y) {
    Axes axes(problem);
    std::vector<double> sums = plain_sums(problem, axes, x, w);
    y.assign(sums.size(), 0.0);
    size_t next = 0;
    for (int64_t n = 0; n < problem.batch; n++) {
        for (int64_t c = 0; c < problem.out_channels; c++) {
            each_index(axes.out, [&](const Index3 &at) {
                auto position = size_t(tensor_index(problem.out_layout, problem.out_channels, axes.out, n, c, at));
                double sum = sums[next++] + (bias ? bias[c] : 0.0);
                sum += residual && problem.residual ? residual[position] : 0.0;
                y[position] = reference_activation(problem, sum);
            });
        }
    }
}

double reference_at(const halconv_problem &problem, const float *x, const float *w, const float *bias,
                    const float *residual, int64_t n, int64_t c, int64_t oz, int64_t oy, int64_t ox) {
    Axes axes(problem);
    bool transpose = problem.op == HALCONV_CONV_TRANSPOSE;
    Index3 at{oz, oy, ox};
    std::array<std::vector<Meeting>, 3> met;
    for (size_t a = 0; a < 3; a++) {
        met[a] = contributions(axes, a, transpose, at[a]);
    }
    int64_t group_in = problem.in_channels / problem.groups, group_out = problem.out_channels / problem.groups;
    int64_t first = c / group_out * group_in, taps = volume(axes.kernel);
    double sum = bias ? bias[c] : 0.0;
    each_meeting(met[0], met[1], met[2], axes.kernel, [&](int64_t tap, const Index3 &source) {
        for (int64_t i = first; i < first + group_in; i++) {
            sum += double(x[tensor_index(problem.in_layout, problem.in_channels, axes.in, n, i, source)]) *
                   w[weight_index(problem, taps, c, i, tap)];
        }
    });
    if (residual && problem.residual) {
        sum += residual[tensor_index(problem.out_layout, problem.out_channels, axes.out, n, c, at)];
    }
    return reference_activation(problem, sum);
}

std::vector<float> reorder_weights(const halconv_problem &problem, const std::vector<float> &w,
                                   halconv_weights_layout layout, bool flip) {
    bool conv = problem.op == HALCONV_CONV;
    int64_t taps = volume(Axes(problem).kernel);
    int64_t o_extent = conv ? problem.out_channels : problem.out_channels / problem.groups;
    int64_t i_extent = conv ? problem.in_channels / problem.groups : problem.in_channels;
    std::vector<float> result(w.size());
    for (int64_t o = 0; o < o_extent; o++) {
        for (int64_t i = 0; i < i_extent; i++) {
            for (int64_t tap = 0; tap < taps; tap++) {
                // Reversing every axis reverses the dense order of the taps.
                int64_t from = flip ? taps - 1 - tap : tap;
                int64_t source = conv ? (o * i_extent + i) * taps + from : (i * o_extent + o) * taps + from;
                int64_t target = 0;
                switch (layout) {
                case HALCONV_WEIGHTS_OIHW:
                    target = (o * i_extent + i) * taps + tap;
                    break;
                case HALCONV_WEIGHTS_IOHW:
                    target = (i * o_extent + o) * taps + tap;
                    break;
                case HALCONV_WEIGHTS_HWIO:
                    target = (tap * i_extent + i) * o_extent + o;
                    break;
                case HALCONV_WEIGHTS_HWOI:
                    target = (tap * o_extent + o) * i_extent + i;
                    break;
                }
                result[size_t(target)] = w[size_t(source)];
            }
        }
    }
    return result;
}

}  // namespace halconv
