// Packed weights against the sentence that defines them, read element by element.
#include <random>

#include "runtime/core/buffer.h"
#include "runtime/core/winograd.h"
#include "runtime/packing.h"
#include "tests/catch.h"
#include "tests/reference.h"
#include "tests/run_places.h"
#include "tests/runtime_fake_kernels.h"

#if __has_include("HalideRuntime.h")
#include "HalideRuntime.h"
#endif

namespace halconv {

namespace {

enum { kZ, kY, kX };

// The m-th tap of phase r by search: taps t with t * dilation = r (mod stride), in order; -1 if there are not so many.
int64_t tap_by_search(const Axis<int64_t> &axis, int64_t r, int64_t m) {
    for (int64_t t = 0; t < axis.kernel; t++) {
        if ((t * axis.dilation - r) % axis.stride == 0 && m-- == 0) {
            return t;
        }
    }
    return -1;
}

struct PackedCase {
    halconv_problem problem;
    Problem3 shape;
    halconv_kernel row;
};

// The caller's element (group g, output channel o and input channel i in it, taps t), or 0 where a tap is -1.
float source_weight(const PackedCase &c, const std::vector<float> &w, int64_t g, int64_t o, int64_t i,
                    const int64_t t[3]) {
    const Problem3 &p = c.shape;
    bool transposed = c.problem.op == HALCONV_CONV_TRANSPOSE;
    int64_t slow = transposed ? g * p.group_in + i : g * p.group_out + o;
    int64_t fast = transposed ? o : i, fast_count = transposed ? p.group_out : p.group_in;
    int64_t index = slow * fast_count + fast;
    for (int a : {kZ, kY, kX}) {
        if (t[a] < 0) {
            return 0;
        }
        index = index * p.axis[a].kernel + t[a];
    }
    return w[size_t(index)];
}

// What (lane, block) stands for: group and channel in it, or g = -1 for none; x phase of ROW_FUSED.
struct Channel {
    int64_t g, o, rx;
};

Channel channel_of(const PackedCase &c, int64_t lane, int64_t block) {
    const Problem3 &p = c.shape;
    int64_t panel = c.row.panel;
    switch (c.row.form) {
    case HALCONV_FORM_DEPTHWISE: {
        int64_t o = block * panel + lane;
        return {o < p.groups * p.group_out ? o / p.group_out : -1, o % p.group_out, 0};
    }
    case HALCONV_FORM_ROW_FUSED: {
        int64_t l = block * panel + lane;
        return {l < p.axis[kX].stride * p.group_out ? 0 : -1, l % p.group_out, l / p.group_out};
    }
    default: {
        int64_t blocks = (p.group_out + panel - 1) / panel, o = block % blocks * panel + lane;
        return {o < p.group_out ? block / blocks : -1, o, 0};
    }
    }
}

// Group, output and input channel in it.
struct Entry {
    int64_t g, o, i;
};

// The element for phases r and taps or points m: on each axis that winograd transforms, the sum of G times the taps.
double wanted_weight(const PackedCase &c, const std::vector<float> &w, const Entry &entry, const int64_t r[3],
                     const int64_t m[3]) {
    bool transposed = c.problem.op == HALCONV_CONV_TRANSPOSE;
    const WinogradMatrices *matrices[3] = {};
    int64_t taps[3] = {1, 1, 1};
    for (int a : {kY, kX}) {
        matrices[a] = winograd_of_axis(c.row.form, transposed, c.shape.axis[a]);
        taps[a] = matrices[a] ? matrices[a]->taps : 1;
    }
    double sum = 0;
    for (int64_t ky = 0; ky < taps[kY]; ky++) {
        for (int64_t kx = 0; kx < taps[kX]; kx++) {
            int64_t t[3];
            double factor = 1;
            for (int a : {kZ, kY, kX}) {
                int64_t k = a == kY ? ky : kx;
                int64_t tap = !matrices[a] ? m[a] : transposed ? taps[a] - 1 - k : k;
                factor *= matrices[a] ? matrices[a]->weights[m[a]][k] : 1;
                t[a] = transposed ? tap_by_search(c.shape.axis[a], r[a], tap) : tap;
            }
            sum += factor * double(source_weight(c, w, entry.g, entry.o, entry.i, t));
        }
    }
    return sum;
}

// Compares every element of the packed weights and bias.
void check_packed(const PackedCase &c, const std::vector<float> &w, const std::vector<float> &bias,
                  const PackedShape &shape, const float *packed) {
    bool fused = c.row.form == HALCONV_FORM_ROW_FUSED;
    Tensor tensor = packed_weights_tensor(shape);
    int64_t index[9] = {};
    int64_t elements = 1, wrong = 0;
    for (int d = 0; d < 9; d++) {
        REQUIRE(tensor.dim[d].stride == elements);
        elements *= tensor.dim[d].extent;
    }
    for (int64_t e = 0; e < elements; e++) {
        int64_t rest = e;
        for (int d = 0; d < 9; d++) {
            index[d] = rest % tensor.dim[d].extent;
            rest /= tensor.dim[d].extent;
        }
        Channel channel = channel_of(c, index[0], index[8]);
        const int64_t r[3] = {index[7], index[6], fused ? channel.rx : index[5]}, m[3] = {index[4], index[3], index[2]};
        wrong += packed[e] != (channel.g < 0 ? 0 : float(wanted_weight(c, w, {channel.g, channel.o, index[1]}, r, m)));
    }
    CHECK(wrong == 0);
    CHECK(shape.bias_offset % 64 == 0);
    const float *packed_bias = packed + shape.bias_offset / 4;
    for (int64_t e = 0; e < shape.lanes * shape.blocks; e++) {
        Channel channel = channel_of(c, e % shape.lanes, e / shape.lanes);
        float wanted = channel.g < 0 ? 0 : bias[size_t(channel.g * c.shape.group_out + channel.o)];
        CHECK(packed_bias[e] == wanted);
    }
}

// The taps of phase r (all, for conv) in the order of their inputs: ascending for conv, descending for a phase.
std::vector<int64_t> taps_of_run(const PackedCase &c, int64_t r) {
    std::vector<int64_t> taps;
    bool transposed = c.problem.op == HALCONV_CONV_TRANSPOSE;
    const Axis<int64_t> &axis = c.shape.axis[kX];
    for (int64_t t = 0; t < axis.kernel; t++) {
        if (!transposed || (t * axis.dilation - r) % axis.stride == 0) {
            taps.push_back(t);
        }
    }
    if (transposed) {
        std::reverse(taps.begin(), taps.end());
    }
    return taps;
}

// Writes every weight to where an inner product has it, and compares with what was packed.
void check_packed_products(const PackedCase &c, const std::vector<float> &w, const std::vector<float> &bias,
                           const PackedShape &shape, const float *packed) {
    bool transposed = c.problem.op == HALCONV_CONV_TRANSPOSE;
    Tensor tensor = packed_weights_tensor(shape), biases = packed_bias_tensor(shape);
    int64_t elements = 1, channels = c.shape.group_in, shortest = INT64_MAX;
    for (int d = 0; d < 9; d++) {
        REQUIRE(tensor.dim[d].stride == elements);
        elements *= tensor.dim[d].extent;
    }
    for (int64_t r = 0; r < shape.phases[kX]; r++) {
        shortest = std::min(shortest, int64_t(taps_of_run(c, r).size()) * channels);
    }
    std::vector<float> expected(static_cast<size_t>(elements));
    auto place = [&](const int64_t(&r)[3], const int64_t(&m)[2]) {
        int64_t z = transposed ? tap_by_search(c.shape.axis[kZ], r[kZ], m[kZ]) : m[kZ];
        int64_t y = transposed ? tap_by_search(c.shape.axis[kY], r[kY], m[kY]) : m[kY];
        std::vector<int64_t> taps = taps_of_run(c, r[kX]);
        RunPlaces places{int64_t(taps.size()) * channels, c.row.panel, shortest};
        for (int64_t e = 0; e < places.length * c.shape.group_out; e++) {
            int64_t o = e / places.length, element = e % places.length;
            int64_t t[3] = {z, y, taps[size_t(element / channels)]};
            auto [vector, lane] = places.of(element);
            int64_t index[9] = {lane, o, vector, m[kY], m[kZ], r[kX], r[kY], r[kZ], 0}, at = 0;
            for (int d = 0; d < 9; d++) {
                REQUIRE(index[d] < tensor.dim[d].extent);
                at += index[d] * tensor.dim[d].stride;
            }
            expected[size_t(at)] = source_weight(c, w, 0, o, element % channels, t);
        }
    };
    for (int64_t i = 0; i < shape.phases[kZ] * shape.phases[kY] * shape.phases[kX]; i++) {
        int64_t r[3] = {i / shape.phases[kX] / shape.phases[kY], i / shape.phases[kX] % shape.phases[kY],
                        i % shape.phases[kX]};
        for (int64_t m = 0; m < shape.taps[kZ] * shape.taps[kY]; m++) {
            place(r, {m / shape.taps[kY], m % shape.taps[kY]});
        }
    }
    CHECK(std::equal(expected.begin(), expected.end(), packed));
    REQUIRE(biases.dim[0].extent == c.row.panel);
    REQUIRE(biases.dim[1].extent == c.shape.group_out);
    const float *packed_bias = packed + shape.bias_offset / 4;
    for (int64_t e = 0; e < c.row.panel * c.shape.group_out; e++) {
        CHECK(packed_bias[e] == (e % c.row.panel == 0 ? bias[size_t(e / c.row.panel)] : 0));
    }
}

PackedCase draw_case(std::mt19937 &engine, halconv_form form, halconv_op op) {
    auto in = [&](int64_t least, int64_t most) { return least + int64_t(engine() % uint32_t(most - least + 1)); };
    PackedCase c{};
    halconv_problem &p = c.problem;
    bool fused = form == HALCONV_FORM_ROW_FUSED, product = form == HALCONV_FORM_INNER_PRODUCT;
    p.op = op, p.rank = int32_t(in(1, 3)), p.batch = 1, p.groups = fused || product ? 1 : in(1, 4);
    p.in_channels = p.groups * in(1, 4), p.out_channels = p.groups * in(1, 6);
    for (int d = 0; d < p.rank; d++) {
        p.in[d] = 8, p.kernel[d] = in(1, 5), p.stride[d] = in(1, 4), p.dilation[d] = in(1, 3);
        p.pad_before[d] = p.pad_after[d] = op == HALCONV_CONV ? p.kernel[d] * p.dilation[d] : 0;
        if (fused && d == p.rank - 1) {
            p.dilation[d] = 1, p.kernel[d] = p.stride[d] * in(1, 2);
        }
        if (product &&
            d == p.rank - 1) {  // each phase has a tap, so that a panel of as many lanes as channels is legal
            p.dilation[d] = 1, p.kernel[d] = p.stride[d] + in(0, 5);
        }
        if (is_winograd(form) && d == p.rank - 1) {
            p.stride[d] = op == HALCONV_CONV ? 1 : p.stride[d], p.dilation[d] = 1;
            // each phase has `taps` taps or one less, for winograd2 not one of two
            int64_t taps = in(2, form == HALCONV_FORM_WINOGRAD3 ? 2 : 3);
            bool alike = op == HALCONV_CONV || (form == HALCONV_FORM_WINOGRAD2 && taps == 2);
            p.kernel[d] = p.stride[d] * taps - (alike ? 0 : in(0, p.stride[d] - 1));
        }
    }
    int64_t out[3];
    REQUIRE(check_problem(p, out) == HALCONV_OK);
    c.shape = normalise(p, out);
    c.row = fake_row(form, op, int32_t(in(1, product ? p.in_channels : 5)));
    if (form == HALCONV_FORM_DEPTHWISE) {
        c.row.key.group_in = int32_t(c.shape.group_in), c.row.key.group_out = int32_t(c.shape.group_out);
    }
    return c;
}

}  // namespace

TEST_CASE("packed weights are what the table's text says, from every layout", "[runtime]") {
    std::mt19937 engine(5);
    std::pair<halconv_form, halconv_op> forms[] = {{HALCONV_FORM_DIRECT, HALCONV_CONV},
                                                   {HALCONV_FORM_DEPTHWISE, HALCONV_CONV},
                                                   {HALCONV_FORM_DEPTHWISE, HALCONV_CONV_TRANSPOSE},
                                                   {HALCONV_FORM_PHASE, HALCONV_CONV_TRANSPOSE},
                                                   {HALCONV_FORM_ROW_FUSED, HALCONV_CONV_TRANSPOSE},
                                                   {HALCONV_FORM_PIXEL_LANES, HALCONV_CONV},
                                                   {HALCONV_FORM_PIXEL_LANES, HALCONV_CONV_TRANSPOSE},
                                                   {HALCONV_FORM_INNER_PRODUCT, HALCONV_CONV},
                                                   {HALCONV_FORM_INNER_PRODUCT, HALCONV_CONV_TRANSPOSE},
                                                   {HALCONV_FORM_WINOGRAD2, HALCONV_CONV},
                                                   {HALCONV_FORM_WINOGRAD2, HALCONV_CONV_TRANSPOSE},
                                                   {HALCONV_FORM_WINOGRAD3, HALCONV_CONV_TRANSPOSE},
                                                   {HALCONV_FORM_WINOGRAD4, HALCONV_CONV},
                                                   {HALCONV_FORM_WINOGRAD4, HALCONV_CONV_TRANSPOSE}};
    for (auto [form, op] : forms) {
        for (int i = 0; i < 60; i++) {
            PackedCase c = draw_case(engine, form, op);
            INFO("form " << form << " op " << op << " draw " << i);
            std::vector<float> w(size_t(weight_elements(c.problem))), bias(size_t(c.problem.out_channels));
            for (size_t e = 0; e < w.size(); e++) {
                w[e] = float(e + 1);
            }
            for (size_t e = 0; e < bias.size(); e++) {
                bias[e] = -float(e + 1);
            }
            REQUIRE(form_accepts(c.row, c.shape));
            PackedShape shape{};
            REQUIRE(packed_shape(c.row, c.shape, shape));
            AlignedMemory packed(static_cast<size_t>(shape.bytes));
            for (halconv_weights_layout layout :
                 {HALCONV_WEIGHTS_OIHW, HALCONV_WEIGHTS_IOHW, HALCONV_WEIGHTS_HWIO, HALCONV_WEIGHTS_HWOI}) {
                for (bool flip : {false, true}) {
                    std::vector<float> source = reorder_weights(c.problem, w, layout, flip);
                    pack(c.row, c.shape, shape, {source.data(), layout, flip, bias.data()}, packed.get());
                    auto check = form == HALCONV_FORM_INNER_PRODUCT ? check_packed_products : check_packed;
                    check(c, w, bias, shape, static_cast<const float *>(packed.get()));
                }
            }
        }
    }
}

TEST_CASE("no bias packs zeros", "[runtime]") {
    halconv_problem p = square_problem(HALCONV_CONV, 3, 2, 5, 1, 1);
    KernelSet set({fake_row(HALCONV_FORM_DIRECT, HALCONV_CONV, 4)});
    halconv_plan *plan = nullptr;
    REQUIRE(halconv_plan_create(&set, &p, nullptr, &plan) == HALCONV_OK);
    AlignedMemory packed(halconv_plan_weights_bytes(plan));
    std::fill_n(static_cast<float *>(packed.get()), halconv_plan_weights_bytes(plan) / 4, 7.0f);
    std::vector<float> w = integers(weight_elements(p), 1);
    CHECK(halconv_plan_pack(plan, w.data(), HALCONV_WEIGHTS_OIHW, 0, nullptr, packed.get()) == HALCONV_OK);
    // 2 blocks of (4 lanes, 2 inputs) fill 64 bytes, the bias of 8 lanes 32.
    CHECK(halconv_plan_weights_bytes(plan) == 128);
    for (int lane = 0; lane < 8; lane++) {
        CHECK(static_cast<const float *>(packed.get())[16 + lane] == 0);
    }
    halconv_plan_destroy(plan);
}

#if __has_include("HalideRuntime.h")
TEST_CASE("buffers have the layout of Halide's", "[runtime]") {
    CHECK(sizeof(Buffer) == sizeof(halide_buffer_t));
    CHECK(offsetof(Buffer, device) == offsetof(halide_buffer_t, device));
    CHECK(offsetof(Buffer, device_interface) == offsetof(halide_buffer_t, device_interface));
    CHECK(offsetof(Buffer, host) == offsetof(halide_buffer_t, host));
    CHECK(offsetof(Buffer, flags) == offsetof(halide_buffer_t, flags));
    CHECK(offsetof(Buffer, type) == offsetof(halide_buffer_t, type));
    CHECK(offsetof(Buffer, dimensions) == offsetof(halide_buffer_t, dimensions));
    CHECK(offsetof(Buffer, dim) == offsetof(halide_buffer_t, dim));
    CHECK(offsetof(Buffer, padding) == offsetof(halide_buffer_t, padding));
    CHECK(sizeof(Dimension) == sizeof(halide_dimension_t));
    CHECK(offsetof(Dimension, min) == offsetof(halide_dimension_t, min));
    CHECK(offsetof(Dimension, extent) == offsetof(halide_dimension_t, extent));
    CHECK(offsetof(Dimension, stride) == offsetof(halide_dimension_t, stride));
    CHECK(offsetof(Dimension, flags) == offsetof(halide_dimension_t, flags));
    CHECK(sizeof(ElementType) == sizeof(halide_type_t));
    CHECK(offsetof(ElementType, bits) == offsetof(halide_type_t, bits));
    CHECK(offsetof(ElementType, lanes) == offsetof(halide_type_t, lanes));
    CHECK(int(kFloat) == int(halide_type_float));
    CHECK(int(kSigned) == int(halide_type_int));
}
#endif

}  // namespace halconv
