#include "runtime/packing.h"

#include <algorithm>
#include <cstring>

#include "halconv/halconv.h"
#include "runtime/core/context.h"
#include "runtime/core/inner_product.h"
#include "runtime/core/winograd.h"

namespace halconv {

namespace {

enum { kZ, kY, kX };

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Multiplies `product` by `factor`; false from 2^31 on.
bool grow(int64_t &product, int64_t factor) {
    return checked_multiply(product, factor, product) && product <= INT32_MAX;
}

// Distances in elements between neighbours of the caller's weights; o and i count inside a group, g over groups.
struct SourceStrides {
    int64_t o, i, g, tap[3];
};

SourceStrides source_strides(const halconv_kernel &row, const Problem3 &p, halconv_weights_layout layout) {
    bool transposed = row.key.op == HALCONV_CONV_TRANSPOSE;
    int64_t outputs = transposed ? p.group_out : p.group_out * p.groups;
    int64_t inputs = transposed ? p.group_in * p.groups : p.group_in;
    int64_t taps = p.axis[kZ].kernel * p.axis[kY].kernel * p.axis[kX].kernel;
    int64_t tap_x = 1;
    SourceStrides s{};
    switch (layout) {
    case HALCONV_WEIGHTS_OIHW:
        s.i = taps;
        s.o = taps * inputs;
        break;
    case HALCONV_WEIGHTS_IOHW:
        s.o = taps;
        s.i = taps * outputs;
        break;
    case HALCONV_WEIGHTS_HWIO:
        s.o = 1;
        s.i = outputs;
        tap_x = outputs * inputs;
        break;
    case HALCONV_WEIGHTS_HWOI:
        s.i = 1;
        s.o = inputs;
        tap_x = outputs * inputs;
        break;
    }
    s.g = transposed ? s.i * p.group_in : s.o * p.group_out;
    s.tap[kX] = tap_x;
    s.tap[kY] = s.tap[kX] * p.axis[kX].kernel;
    s.tap[kZ] = s.tap[kY] * p.axis[kY].kernel;
    return s;
}

// One spatial axis of the caller's weights: the distance between its taps, and whether they come last first.
struct AxisSource {
    int64_t stride;
    bool flip;
};

// The channels of one block of packed lanes: [0, count) are output channels first, .. of the layer, group_out of them in a
// group, in which the weights of two lie `o` apart; groups lie `g` apart. In ROW_FUSED the channels of the next x phase
// follow those of one.
struct BlockChannels {
    int64_t count, first, group_out, o, g;
    bool fused;
    int64_t channel(int64_t lane) const { return fused ? (first + lane) % group_out : first + lane; }
    int64_t source(int64_t lane) const { return channel(lane) / group_out * g + channel(lane) % group_out * o; }
    // The x phase of a lane, and the end of its lanes.
    int64_t phase(int64_t lane, int64_t of_place) const { return fused ? (first + lane) / group_out : of_place; }
    int64_t end_of_phase(int64_t lane) const {
        return fused ? std::min(count, ((first + lane) / group_out + 1) * group_out - first) : count;
    }
};

BlockChannels block_channels(const halconv_kernel &row, const Problem3 &p, const PackedShape &shape,
                             const SourceStrides &s, int64_t block) {
    if (row.form == HALCONV_FORM_DEPTHWISE) {
        int64_t first = block * shape.lanes;
        return {std::min(shape.lanes, p.groups * p.group_out - first), first, p.group_out, s.o, s.g, false};
    }
    if (row.form == HALCONV_FORM_ROW_FUSED) {
        int64_t first = block * shape.lanes, lanes = fused_lanes(p.axis[kX], p.group_out);
        return {std::min(shape.lanes, lanes - first), first, p.group_out, s.o, s.g, true};
    }
    int64_t per_group = shape.blocks / p.groups, group = block / per_group;
    int64_t first = block % per_group * shape.lanes;
    return {std::min(shape.lanes, p.group_out - first), group * p.group_out + first, p.group_out, s.o, s.g, false};
}

// A source of a packed weight: the distance of a weight in the source, and its factor.
struct Term {
    int64_t offset;
    double factor;
};

// The terms of a packed weight along one axis, or along several.
template <int most> struct Terms {
    int count = 0;
    Term term[most];
    void add(const Term &t) { term[count++] = t; }
};

// One axis of the packed weights: the terms of each (phase r, tap or point index m); none where there is no such tap.
class AxisTaps {
  public:
    using Terms = halconv::Terms<kMaxWinogradTaps>;

    AxisTaps(const WinogradMatrices *winograd, bool transposed, const Axis<int64_t> &axis, const AxisSource &source)
        : winograd_(winograd), transposed_(transposed), phases_(phase_axis(axis)), source_(source) {}

    Terms terms(int64_t r, int64_t m) const {
        Terms found;
        if (!winograd_) {
            add_tap(r, m, 1, found);
            return found;
        }
        for (int k = 0; k < winograd_->taps; ++k) {
            add_tap(r, transposed_ ? winograd_->taps - 1 - k : k, winograd_->weights[m][k], found);
        }
        return found;
    }
    bool transposed() const { return transposed_; }
    const PhaseAxis<int64_t> &phases() const { return phases_; }
    // Of an axis without winograd, where the tap exists.
    int64_t offset(int64_t r, int64_t m) const { return terms(r, m).term[0].offset; }
    bool exists(int64_t r, int64_t m) const { return terms(r, m).count > 0; }

  private:
    void add_tap(int64_t r, int64_t m, double factor, Terms &terms) const {
        if (transposed_ && m >= phases_.taps(r)) {
            return;
        }
        int64_t tap = transposed_ ? phases_.tap(r, m) : m;
        terms.add({(source_.flip ? phases_.axis.kernel - 1 - tap : tap) * source_.stride, factor});
    }

    const WinogradMatrices *winograd_;
    bool transposed_;
    PhaseAxis<int64_t> phases_;
    AxisSource source_;
};

// The place of one vector of lanes: its phase and tap (or point) on each axis.
struct Place {
    int64_t r[3], m[3];
};

using PlaceTerms = Terms<kMaxWinogradTaps * kMaxWinogradTaps>;

// The terms of a place: the products of its axes' (z is never transformed and has one at most).
PlaceTerms terms_of_place(const AxisTaps axes[3], const Place &place) {
    PlaceTerms found;
    AxisTaps::Terms z = axes[kZ].terms(place.r[kZ], place.m[kZ]), y = axes[kY].terms(place.r[kY], place.m[kY]),
                    x = axes[kX].terms(place.r[kX], place.m[kX]);
    for (int i = 0; i < z.count * y.count; ++i) {
        const Term &tz = z.term[i / y.count], &ty = y.term[i % y.count];
        for (int j = 0; j < x.count; ++j) {
            found.add({tz.offset + ty.offset + x.term[j].offset, tz.factor * ty.factor * x.term[j].factor});
        }
    }
    return found;
}

// Writes the lanes of all input channels for one block and one place, [i][lane]. They hold zeros before.
void pack_place(const PackedShape &shape, const AxisTaps axes[3], const BlockChannels &channels, int64_t input_stride,
                const float *weights, const Place &place, float *to) {
    for (int64_t first = 0, end; first < channels.count; first = end) {
        end = channels.end_of_phase(first);
        Place place_of_phase = place;
        place_of_phase.r[kX] = channels.phase(first, place.r[kX]);
        PlaceTerms terms = terms_of_place(axes, place_of_phase);
        for (int64_t i = 0; i < shape.inputs; ++i) {
            for (int64_t lane = first; lane < end; ++lane) {
                const float *from = weights + channels.source(lane) + i * input_stride;
                double sum = 0;
                for (int term = 0; term < terms.count; ++term) {
                    sum += terms.term[term].factor * static_cast<double>(from[terms.term[term].offset]);
                }
                to[i * shape.lanes + lane] = static_cast<float>(sum);
            }
        }
    }
}

// Writes the vector of every output channel for one place of an inner product, m[kX] being the vector: [channel][lane].
void pack_products(const PackedShape &shape, const Problem3 &p, const AxisTaps axes[3], const SourceStrides &strides,
                   const float *weights, const Place &place, float *to) {
    if (!axes[kZ].exists(place.r[kZ], place.m[kZ]) || !axes[kY].exists(place.r[kY], place.m[kY])) {
        return;
    }
    const AxisTaps &x = axes[kX];
    int64_t v = place.m[kX], rx = place.r[kX];
    RunVectors<int64_t> run = run_of_phase(x.phases(), x.transposed(), p.group_in, shape.lanes, rx);
    bool common = v < run.common;
    int64_t first = run.length - (common ? run.common_reach(v) : run.other_reach(v));
    int64_t end = common ? first + run.lanes : run.other_end(v), taps = run.length / p.group_in;
    const float *from = weights + axes[kY].offset(place.r[kY], place.m[kY]) + axes[kZ].offset(place.r[kZ], place.m[kZ]);
    for (int64_t channel = 0; channel < p.group_out; ++channel, to += run.lanes, from += strides.o) {
        for (int64_t e = first; e < end && v < run.count(); ++e) {
            int64_t position = e / p.group_in, m = x.transposed() ? taps - 1 - position : position;
            to[e - first] = from[x.offset(rx, m) + e % p.group_in * strides.i];
        }
    }
}

// Calls body(place) in the order of the packed weights: rz slowest, then ry, rx, tz, ty, tx.
template <class Body> void for_each_place(const PackedShape &shape, Body body) {
    for (int64_t rz = 0; rz < shape.phases[kZ]; ++rz) {
        for (int64_t ry = 0; ry < shape.phases[kY]; ++ry) {
            for (int64_t rx = 0; rx < shape.phases[kX]; ++rx) {
                for (int64_t tz = 0; tz < shape.taps[kZ]; ++tz) {
                    for (int64_t ty = 0; ty < shape.taps[kY]; ++ty) {
                        for (int64_t tx = 0; tx < shape.taps[kX]; ++tx) {
                            body(Place{{rz, ry, rx}, {tz, ty, tx}});
                        }
                    }
                }
            }
        }
    }
}

// The matrices by which the row's form transforms an axis; null where it does not.
const WinogradMatrices *winograd_of(const halconv_kernel &row, const Problem3 &p, int axis) {
    return axis == kZ ? nullptr : winograd_of_axis(row.form, row.key.op == HALCONV_CONV_TRANSPOSE, p.axis[axis]);
}

}  // namespace

bool form_accepts(const halconv_kernel &row, const Problem3 &p) {
    bool transposed = row.key.op == HALCONV_CONV_TRANSPOSE;
    switch (row.form) {
    case HALCONV_FORM_DIRECT:
        return !transposed && row.panel > 0;
    case HALCONV_FORM_PHASE:
        return transposed && row.panel > 0;
    case HALCONV_FORM_PIXEL_LANES:
        return row.panel > 0;
    case HALCONV_FORM_DEPTHWISE:
        return row.panel > 0 && ((p.group_in == 1 && p.group_out == 1) ||
                                 (p.group_in == row.key.group_in && p.group_out == row.key.group_out));
    case HALCONV_FORM_ROW_FUSED:
        return transposed && p.groups == 1 && phases_alike(p.axis[kX]) && row.key.out_layout == HALCONV_NHWC &&
               row.panel > 0;
    case HALCONV_FORM_WINOGRAD2:
    case HALCONV_FORM_WINOGRAD3:
    case HALCONV_FORM_WINOGRAD4:
        return row.panel > 0 && (winograd_of(row, p, kX) || winograd_of(row, p, kY));
    case HALCONV_FORM_INNER_PRODUCT:
        return p.groups == 1 && row.key.in_layout == HALCONV_NHWC && row.key.out_layout == HALCONV_NHWC &&
               row.panel > 0 && taps_adjoin(p.axis[kX], transposed) &&
               shortest_run(phase_axis(p.axis[kX]), transposed, p.group_in) >= row.panel &&
               rows_fit({p.axis[kX], p.in[kX], p.out[kX], transposed}, p.group_in, p.group_out);
    }
    return false;
}

bool packed_shape(const halconv_kernel &row, const Problem3 &p, PackedShape &shape) {
    bool transposed = row.key.op == HALCONV_CONV_TRANSPOSE, fused = row.form == HALCONV_FORM_ROW_FUSED;
    shape.inputs = p.group_in;
    for (int a = 0; a < 3; ++a) {
        const WinogradMatrices *winograd = winograd_of(row, p, a);
        shape.taps[a] = winograd     ? winograd->points()
                        : transposed ? phase_axis(p.axis[a]).max_taps()
                                     : p.axis[a].kernel;
        shape.phases[a] = transposed && !(fused && a == kX) ? p.axis[a].stride : 1;
    }
    shape.lanes = row.panel;
    if (row.form == HALCONV_FORM_DEPTHWISE) {
        shape.blocks = ceil_div(p.groups * p.group_out, row.panel);
    } else {
        shape.blocks = p.groups * ceil_div(fused ? fused_lanes(p.axis[kX], p.group_out) : p.group_out, row.panel);
    }
    shape.bias_blocks = shape.blocks;
    if (row.form == HALCONV_FORM_INNER_PRODUCT) {
        shape.inputs = shape.bias_blocks = p.group_out;
        shape.taps[kX] = ceil_div(shape.taps[kX] * p.group_in, row.panel);
        shape.blocks = 1;
    }
    int64_t elements = shape.lanes, biases = shape.lanes;
    if (!grow(elements, shape.blocks) || !grow(biases, shape.bias_blocks)) {
        return false;
    }
    for (int64_t extent : {shape.inputs, shape.taps[kX], shape.taps[kY], shape.taps[kZ], shape.phases[kX],
                           shape.phases[kY], shape.phases[kZ]}) {
        if (!grow(elements, extent)) {
            return false;
        }
    }
    shape.weights_bytes = elements * static_cast<int64_t>(sizeof(float));
    shape.bias_offset = static_cast<int64_t>(align_up(static_cast<uint64_t>(shape.weights_bytes)));
    shape.bytes = shape.bias_offset + static_cast<int64_t>(align_up(static_cast<uint64_t>(biases) * sizeof(float)));
    return true;
}

Tensor packed_weights_tensor(const PackedShape &shape) {
    Tensor tensor{};
    tensor.buffer.type = {kFloat, 32, 1};
    int64_t stride = 1;
    for (int64_t extent : {shape.lanes, shape.inputs, shape.taps[kX], shape.taps[kY], shape.taps[kZ], shape.phases[kX],
                           shape.phases[kY], shape.phases[kZ], shape.blocks}) {
        add_dimension(tensor, 0, extent, stride);
        stride *= extent;
    }
    return tensor;
}

Tensor packed_bias_tensor(const PackedShape &shape) {
    Tensor tensor{};
    tensor.buffer.type = {kFloat, 32, 1};
    add_dimension(tensor, 0, shape.lanes, 1);
    add_dimension(tensor, 0, shape.bias_blocks, shape.lanes);
    return tensor;
}

void pack(const halconv_kernel &row, const Problem3 &p, const PackedShape &shape, const WeightsSource &source,
          void *packed) {
    SourceStrides strides = source_strides(row, p, source.layout);
    auto taps_of = [&](int a) {
        return AxisTaps(winograd_of(row, p, a), row.key.op == HALCONV_CONV_TRANSPOSE, p.axis[a],
                        {strides.tap[a], source.flip});
    };
    AxisTaps axes[3] = {taps_of(kZ), taps_of(kY), taps_of(kX)};
    float *weights = static_cast<float *>(packed);
    float *bias = weights + shape.bias_offset / static_cast<int64_t>(sizeof(float));
    std::memset(packed, 0, static_cast<size_t>(shape.bytes));
    if (row.form == HALCONV_FORM_INNER_PRODUCT) {
        for_each_place(shape, [&](const Place &place) {
            pack_products(shape, p, axes, strides, source.weights, place, weights);
            weights += shape.inputs * shape.lanes;
        });
        for (int64_t channel = 0; source.bias && channel < p.group_out; ++channel) {
            bias[channel * shape.lanes] = source.bias[channel];
        }
        return;
    }
    for (int64_t block = 0; block < shape.blocks; ++block) {
        BlockChannels channels = block_channels(row, p, shape, strides, block);
        for_each_place(shape, [&](const Place &place) {
            pack_place(shape, axes, channels, strides.i, source.weights, place, weights);
            weights += shape.inputs * shape.lanes;
        });
        for (int64_t lane = 0; source.bias && lane < channels.count; ++lane) {
            bias[lane] = source.bias[channels.channel(lane)];
        }
        bias += shape.lanes;
    }
}

}  // namespace halconv
