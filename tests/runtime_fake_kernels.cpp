#include "tests/runtime_fake_kernels.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstring>
#include <random>

#include "runtime/core/buffer.h"
#include "tests/run_places.h"

namespace halconv {

namespace {

std::atomic<int> calls{0};

struct AxisArguments {
    int32_t kernel, stride, dilation, pad_before, gcd, inverse;
};

// argv, decoded.
struct Call {
    void *user_context;
    halconv_form form;
    bool transposed;
    const Buffer *input, *weights, *bias, *residual, *output;
    AxisArguments axis[3];  // x y z
    int32_t activation, has_residual;
    float slope, low, high;

    Call(halconv_form f, bool t, void **argv) : form(f), transposed(t) {
        user_context = *static_cast<void **>(argv[0]);
        const Buffer **buffers[] = {&input, &weights, &bias, &residual};
        for (int i = 0; i < 4; i++) {
            *buffers[i] = static_cast<const Buffer *>(argv[1 + i]);
        }
        for (int i = 0; i < 18; i++) {
            reinterpret_cast<int32_t *>(axis)[i] = *static_cast<int32_t *>(argv[5 + i]);
        }
        activation = *static_cast<int32_t *>(argv[23]);
        has_residual = *static_cast<int32_t *>(argv[24]);
        slope = *static_cast<float *>(argv[25]);
        low = *static_cast<float *>(argv[26]);
        high = *static_cast<float *>(argv[27]);
        output = static_cast<const Buffer *>(argv[28]);
    }
};

float &at(const Buffer &buffer, const std::vector<int64_t> &index) {
    int64_t offset = 0;
    for (size_t d = 0; d < index.size(); d++) {
        offset += (index[d] - buffer.dim[d].min) * buffer.dim[d].stride;
    }
    return reinterpret_cast<float *>(buffer.host)[offset];
}

// Of ROW_FUSED, whose panels must fill their blocks here.
int64_t fused_channels(const Call &call) {
    return call.weights->dim[0].extent * call.weights->dim[8].extent / call.axis[0].stride;
}

// The element of the layer that an index of the output buffer stands for.
struct Element {
    int64_t n = 0, g = 0, c = 0;
    std::array<int64_t, 3> o{};  // x y z
};

Element element(const Call &call, const std::vector<int64_t> &index) {
    Element e;
    size_t d = 0;
    if (call.form == HALCONV_FORM_ROW_FUSED) {
        int64_t channels = fused_channels(call);
        e.c = index[d] % channels;
        e.o[0] = index[d++] / channels;
    } else if (call.form == HALCONV_FORM_INNER_PRODUCT) {
        e.c = index[d] % call.weights->dim[1].extent;
        e.o[0] = index[d++] / call.weights->dim[1].extent;
    } else {
        e.c = index[d++];
        e.g = index[d++];
    }
    bool rows = call.form == HALCONV_FORM_ROW_FUSED || call.form == HALCONV_FORM_INNER_PRODUCT;
    for (size_t a = rows ? 1 : 0; a < 3; a++) {
        if (call.transposed || call.form == HALCONV_FORM_INNER_PRODUCT) {
            int64_t q = index[d++];
            e.o[a] = index[d++] * (call.transposed ? call.axis[a].stride : 1) + q;
        } else {
            e.o[a] = index[d++];
        }
    }
    e.n = index[d];
    return e;
}

// The products of one axis of one output: tap index m of the packed weights and input coordinate, and the phase.
struct AxisProducts {
    int64_t phase = 0;
    std::vector<std::array<int64_t, 2>> products;
};

AxisProducts axis_products(const AxisArguments &axis, bool transposed, int64_t o) {
    AxisProducts all;
    if (!transposed) {
        for (int64_t t = 0; t < axis.kernel; t++) {
            all.products.push_back({t, o * axis.stride + t * axis.dilation - axis.pad_before});
        }
        return all;
    }
    int64_t u = o + axis.pad_before;
    all.phase = ((u % axis.stride) + axis.stride) % axis.stride;
    for (int64_t t = 0; t < axis.kernel; t++) {
        if ((u - t * axis.dilation) % axis.stride == 0) {
            all.products.push_back({int64_t(all.products.size()), (u - t * axis.dilation) / axis.stride});
        }
    }
    return all;
}

std::array<int64_t, 2> lane_and_block(const Call &call, const Element &e, int64_t phase_x) {
    int64_t panel = call.weights->dim[0].extent, blocks = call.weights->dim[8].extent;
    switch (call.form) {
    case HALCONV_FORM_DEPTHWISE:
        return {e.g % panel, e.g / panel};
    case HALCONV_FORM_ROW_FUSED:
        return {(phase_x * fused_channels(call) + e.c) % panel, (phase_x * fused_channels(call) + e.c) / panel};
    default:
        return {e.c % panel, e.g * (blocks / call.input->dim[1].extent) + e.c / panel};
    }
}

// Inner products: the run of a window's row, inputs ascending, cut into vectors.
float inner_product_of(const Call &call, const Element &e, const AxisProducts (&axis)[3]) {
    int64_t channels = call.input->dim[2].stride, width = call.input->dim[0].extent / channels;
    std::vector<std::array<int64_t, 2>> inputs = axis[0].products;
    std::sort(inputs.begin(), inputs.end(), [](const auto &a, const auto &b) { return a[1] < b[1]; });
    int64_t shortest = INT64_MAX, length = int64_t(inputs.size()) * channels;
    for (int64_t o = 0; o < call.axis[0].stride; o++) {
        int64_t taps = int64_t(axis_products(call.axis[0], call.transposed, o).products.size());
        shortest = std::min(shortest, taps * channels);
    }
    RunPlaces places{length, call.weights->dim[0].extent, shortest};
    float sum = at(*call.bias, {0, e.c});
    for (auto [tz, z] : axis[2].products) {
        for (auto [ty, y] : axis[1].products) {
            for (int64_t element = 0; element < length; element++) {
                int64_t x = inputs[size_t(element / channels)][1], i = element % channels;
                bool inside = x >= 0 && x < width && y >= 0 && y < call.input->dim[3].extent && z >= 0 &&
                              z < call.input->dim[4].extent;
                if (inside) {
                    auto [vector, lane] = places.of(element);
                    sum +=
                        at(*call.input, {x * channels + i, 0, 0, y, z, e.n}) *
                        at(*call.weights, {lane, e.c, vector, ty, tz, axis[0].phase, axis[1].phase, axis[2].phase, 0});
                }
            }
        }
    }
    return sum;
}

float sum_of(const Call &call, const Element &e) {
    AxisProducts axis[3];
    for (size_t a = 0; a < 3; a++) {
        axis[a] = axis_products(call.axis[a], call.transposed, e.o[a]);
    }
    if (call.form == HALCONV_FORM_INNER_PRODUCT) {
        return inner_product_of(call, e, axis);
    }
    auto [lane, block] = lane_and_block(call, e, axis[0].phase);
    int64_t weights_phase_x = call.form == HALCONV_FORM_ROW_FUSED ? 0 : axis[0].phase;
    auto inside = [&](int d, int64_t i) { return i >= 0 && i < call.input->dim[d].extent; };
    float sum = at(*call.bias, {lane, block});
    for (auto [tz, z] : axis[2].products) {
        for (auto [ty, y] : axis[1].products) {
            for (auto [tx, x] : axis[0].products) {
                for (int64_t i = 0; i < call.input->dim[0].extent && inside(2, x) && inside(3, y) && inside(4, z);
                     i++) {
                    sum +=
                        at(*call.input, {i, e.g, x, y, z, e.n}) *
                        at(*call.weights, {lane, i, tx, ty, tz, weights_phase_x, axis[1].phase, axis[2].phase, block});
                }
            }
        }
    }
    return sum;
}

float activate(const Call &call, float v) {
    float linear = std::fmin(std::fmax(v < 0 ? call.slope * v : v, call.low), call.high);
    return call.activation == HALCONV_TANH ? std::tanh(linear) : linear;
}

// A loop over all dimensions but the first; each task computes one row of the first in scratch memory of its own, by a
// parallel loop of its own.
struct RowLoop {
    const Call *call;
    uint8_t *done;
};

struct ElementLoop {
    const Call *call;
    std::vector<int64_t> row;
    float *values;
};

int compute_element(void *, int i, uint8_t *closure) {
    auto *loop = reinterpret_cast<ElementLoop *>(closure);
    std::vector<int64_t> index = loop->row;
    index[0] += i;
    float v = sum_of(*loop->call, element(*loop->call, index));
    v += loop->call->has_residual ? at(*loop->call->residual, index) : 0;
    loop->values[i] = activate(*loop->call, v);
    return 0;
}

int compute_row(void *user_context, int i, uint8_t *closure) {
    auto *rows = reinterpret_cast<RowLoop *>(closure);
    const Buffer &output = *rows->call->output;
    ElementLoop loop{rows->call, std::vector<int64_t>(size_t(output.dimensions)), nullptr};
    int64_t rest = i;
    loop.row[0] = output.dim[0].min;
    for (size_t d = 1; d < loop.row.size(); d++) {
        loop.row[d] = output.dim[d].min + rest % output.dim[d].extent;
        rest /= output.dim[d].extent;
    }
    int32_t extent = output.dim[0].extent;
    loop.values = static_cast<float *>(halconv_rt_malloc(user_context, size_t(extent) * sizeof(float)));
    if (!loop.values || reinterpret_cast<uintptr_t>(loop.values) % 64 != 0) {
        return halconv_rt_error(user_context);
    }
    int result = halconv_rt_do_par_for(user_context, compute_element, 0, extent, reinterpret_cast<uint8_t *>(&loop));
    for (int32_t e = 0; e < extent; e++) {
        std::vector<int64_t> index = loop.row;
        index[0] += e;
        at(output, index) = loop.values[e];
    }
    halconv_rt_free(user_context, loop.values);
    rows->done[i]++;
    return result;
}

int64_t row_count(const Buffer &output) {
    int64_t rows = 1;
    for (int d = 1; d < output.dimensions; d++) {
        rows *= output.dim[d].extent;
    }
    return rows;
}

int run_form(halconv_form form, bool transposed, void **argv) {
    calls++;
    Call call(form, transposed, argv);
    auto rows = size_t(row_count(*call.output));
    auto *done = static_cast<uint8_t *>(halconv_rt_malloc(call.user_context, rows));
    if (!done) {
        return halconv_rt_error(call.user_context);
    }
    std::memset(done, 0, rows);
    RowLoop loop{&call, done};
    const int min = 0;
    int result =
        halconv_rt_do_par_for(call.user_context, compute_row, min, int(rows), reinterpret_cast<uint8_t *>(&loop));
    for (size_t i = 0; i < rows && result == 0; i++) {
        result = done[i] == 1 ? 0 : halconv_rt_error(call.user_context);
    }
    halconv_rt_free(call.user_context, done);
    return result;
}

template <halconv_form form, bool transposed> int run(void **argv) { return run_form(form, transposed, argv); }

// One byte for each row, and a row of values for each worker.
int scratch(void **argv) {
    const auto *output = static_cast<const Buffer *>(argv[28]), *bytes = static_cast<const Buffer *>(argv[29]);
    bool int64 = bytes->type.code == kSigned && bytes->type.bits == 64 && bytes->dimensions == 1 &&
                 bytes->dim[0].extent == 2 && bytes->dim[0].stride == 1 && output->host != nullptr;
    auto *result = reinterpret_cast<int64_t *>(bytes->host);
    result[0] = row_count(*output);
    result[1] = output->dim[0].extent * int64_t(sizeof(float));
    return int64 ? 0 : halconv_rt_error(*static_cast<void **>(argv[0]));
}

}  // namespace

halconv_key free_key(halconv_op op, halconv_layout in_layout, halconv_layout out_layout) {
    halconv_key key;
    static_assert(sizeof(key) % sizeof(int32_t) == 0);
    std::vector<int32_t> fields(sizeof(key) / sizeof(int32_t), HALCONV_FREE);
    std::memcpy(&key, fields.data(), sizeof(key));
    key.op = op, key.dtype = HALCONV_F32, key.in_layout = in_layout, key.out_layout = out_layout;
    return key;
}

halconv_kernel fake_row(halconv_form form, halconv_op op, int32_t panel, halconv_layout in_layout,
                        halconv_layout out_layout) {
    halconv_kernel row{};
    bool transposed = op == HALCONV_CONV_TRANSPOSE;
    switch (form) {
    case HALCONV_FORM_DIRECT:
        row.name = "fake_direct", row.run = run<HALCONV_FORM_DIRECT, false>;
        break;
    case HALCONV_FORM_PHASE:
        row.name = "fake_phase", row.run = run<HALCONV_FORM_PHASE, true>;
        break;
    case HALCONV_FORM_ROW_FUSED:
        row.name = "fake_row_fused", row.run = run<HALCONV_FORM_ROW_FUSED, true>;
        break;
    case HALCONV_FORM_INNER_PRODUCT:
        row.name = "fake_inner_product";
        row.run = transposed ? run<HALCONV_FORM_INNER_PRODUCT, true> : run<HALCONV_FORM_INNER_PRODUCT, false>;
        break;
    case HALCONV_FORM_PIXEL_LANES:
        row.name = "fake_pixel_lanes";
        row.run = transposed ? run<HALCONV_FORM_PHASE, true> : run<HALCONV_FORM_DIRECT, false>;
        break;
    case HALCONV_FORM_DEPTHWISE:
        row.name = "fake_depthwise";
        row.run = transposed ? run<HALCONV_FORM_DEPTHWISE, true> : run<HALCONV_FORM_DEPTHWISE, false>;
        break;
    case HALCONV_FORM_WINOGRAD2:  // selected and packed for, never run
        row.name = "fake_winograd2";
        break;
    case HALCONV_FORM_WINOGRAD3:
        row.name = "fake_winograd3";
        break;
    case HALCONV_FORM_WINOGRAD4:
        row.name = "fake_winograd4";
        break;
    }
    row.schedule = "plain loops";
    row.origin = "default";
    row.scratch = scratch;
    row.key = free_key(op, in_layout, out_layout);
    row.form = form;
    row.panel = panel;
    row.vector_lanes = row.tile_vectors = 1;
    for (int a = 0; a < 3; a++) {
        row.tile[a] = row.min_extent[a] = 1;
    }
    return row;
}

int fake_calls() { return calls; }

halconv_problem square_problem(halconv_op op, int64_t in, int64_t channels_in, int64_t channels_out, int64_t kernel,
                               int64_t stride) {
    halconv_problem p{};
    p.op = op, p.rank = 2, p.batch = p.groups = 1, p.in_channels = channels_in, p.out_channels = channels_out;
    for (int d = 0; d < 2; d++) {
        p.in[d] = in, p.kernel[d] = kernel, p.stride[d] = stride, p.dilation[d] = 1;
    }
    return p;
}

std::vector<float> integers(int64_t count, uint32_t seed) {
    std::mt19937 engine(seed);
    std::vector<float> values(static_cast<size_t>(count));
    for (float &value : values) {
        value = float(int(engine() % 9) - 4);
    }
    return values;
}

}  // namespace halconv
