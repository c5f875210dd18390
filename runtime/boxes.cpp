#include "runtime/boxes.h"

namespace halconv {

namespace {

enum { kZ, kY, kX };

// Distances in elements between neighbours of a dense tensor.
struct Strides {
    int64_t channel, spatial[3], batch;
};

Strides dense_strides(halconv_layout layout, int64_t channels, const int64_t size[3]) {
    int64_t inner = layout == HALCONV_NHWC ? channels : 1;
    Strides s;
    s.spatial[kX] = inner;
    s.spatial[kY] = s.spatial[kX] * size[kX];
    s.spatial[kZ] = s.spatial[kY] * size[kY];
    int64_t pixels = size[kX] * size[kY] * size[kZ];
    s.channel = layout == HALCONV_NHWC ? 1 : pixels;
    s.batch = pixels * channels;
    return s;
}

// Whether x coordinate and channel are one dimension of the output.
bool fuses_x(halconv_form form) { return form == HALCONV_FORM_ROW_FUSED || form == HALCONV_FORM_INNER_PRODUCT; }

bool splits_axis(halconv_form form, halconv_op op, int axis) {
    return op == HALCONV_CONV_TRANSPOSE && !(fuses_x(form) && axis == kX);
}

Tensor empty_tensor() {
    Tensor tensor{};
    tensor.buffer.type = {kFloat, 32, 1};
    return tensor;
}

Strides output_strides(halconv_layout layout, const Problem3 &p) {
    return dense_strides(layout, p.groups * p.group_out, p.out);
}

}  // namespace

OutputBoxes output_boxes(const halconv_kernel &row, const Problem3 &p) {
    PhaseBox parts[3][2];
    int count[3];
    auto form = static_cast<halconv_form>(row.form);
    auto op = static_cast<halconv_op>(row.key.op);
    for (int a = 0; a < 3; ++a) {
        if (row.one_box) {
            count[a] = 1;
            parts[a][0] = all_phases(phase_axis(p.axis[a]), p.out[a]);
        } else if (splits_axis(form, op, a)) {
            count[a] = split_phases(p.axis[a].stride, p.out[a], parts[a]);
        } else {
            count[a] = 1;
            parts[a][0] = {0, 1, p.out[a]};
        }
    }
    OutputBoxes boxes{};
    for (int z = 0; z < count[kZ]; ++z) {
        for (int y = 0; y < count[kY]; ++y) {
            for (int x = 0; x < count[kX]; ++x) {
                boxes.box[boxes.count++] = {{parts[kZ][z], parts[kY][y], parts[kX][x]}};
            }
        }
    }
    return boxes;
}

Tensor input_tensor(halconv_form form, halconv_layout layout, const Problem3 &p) {
    Strides s = dense_strides(layout, p.groups * p.group_in, p.in);
    bool rows = form == HALCONV_FORM_INNER_PRODUCT;
    Tensor tensor = empty_tensor();
    add_dimension(tensor, 0, p.group_in * (rows ? p.in[kX] : 1), s.channel);
    add_dimension(tensor, 0, p.groups, s.channel * p.group_in);
    for (int a : {kX, kY, kZ}) {
        add_dimension(tensor, 0, rows && a == kX ? 1 : p.in[a], s.spatial[a]);
    }
    add_dimension(tensor, 0, p.batch, s.batch);
    return tensor;
}

Tensor output_tensor(halconv_form form, const halconv_problem &problem, const Problem3 &p, const OutputBox &box) {
    Strides s = output_strides(problem.out_layout, p);
    Tensor tensor = empty_tensor();
    bool fused = fuses_x(form);
    if (fused) {
        add_dimension(tensor, 0, p.out[kX] * p.group_out, 1);
    } else {
        bool flat = form == HALCONV_FORM_DEPTHWISE;
        add_dimension(tensor, 0, flat ? 1 : p.group_out, s.channel);
        add_dimension(tensor, 0, flat ? p.groups * p.group_out : p.groups, flat ? s.channel : s.channel * p.group_out);
    }
    for (int a : {kX, kY, kZ}) {
        const PhaseBox &part = box.axis[a];
        if (splits_axis(form, problem.op, a)) {
            add_dimension(tensor, part.first, part.phases, s.spatial[a]);
            add_dimension(tensor, 0, part.extent, s.spatial[a] * p.axis[a].stride);
        } else if (a != kX || !fused) {
            if (fused) {
                add_dimension(tensor, 0, 1, s.spatial[a]);
            }
            add_dimension(tensor, 0, part.extent, s.spatial[a]);
        }
    }
    add_dimension(tensor, 0, p.batch, s.batch);
    return tensor;
}

int64_t first_element(halconv_layout out_layout, const Problem3 &p, const OutputBox &box) {
    Strides s = output_strides(out_layout, p);
    int64_t offset = 0;
    for (int a = 0; a < 3; ++a) {
        offset += box.axis[a].first * s.spatial[a];
    }
    return offset;
}

}  // namespace halconv
