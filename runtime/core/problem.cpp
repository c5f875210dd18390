#include "runtime/core/problem.h"

#include <cstring>
#include <initializer_list>

#include "runtime/core/enum_value.h"

namespace halconv {

namespace {

constexpr int64_t kMaxElements = INT32_MAX;

template <class Enum> bool enum_in_range(const Enum &field, int32_t last) {
    int32_t value = enum_value(field);
    return value >= 0 && value <= last;
}

halconv_status check_count(int64_t value) {
    return value < 1 ? HALCONV_INVALID_PROBLEM : value > INT32_MAX ? HALCONV_TOO_LARGE : HALCONV_OK;
}

halconv_status check_scalars(const halconv_problem &p) {
    if (!enum_in_range(p.op, HALCONV_CONV_TRANSPOSE) || !enum_in_range(p.dtype, HALCONV_F32) ||
        !enum_in_range(p.in_layout, HALCONV_NCHW) || !enum_in_range(p.out_layout, HALCONV_NCHW) ||
        !enum_in_range(p.activation, HALCONV_GELU) || p.rank < 1 || p.rank > 3) {
        return HALCONV_INVALID_PROBLEM;
    }
    for (int64_t count : {p.batch, p.in_channels, p.out_channels, p.groups}) {
        if (halconv_status status = check_count(count)) {
            return status;
        }
    }
    return p.in_channels % p.groups || p.out_channels % p.groups ? HALCONV_INVALID_PROBLEM : HALCONV_OK;
}

halconv_status check_axis(const halconv_problem &p, int a, int64_t &out) {
    for (int64_t count : {p.in[a], p.kernel[a], p.stride[a], p.dilation[a]}) {
        if (halconv_status status = check_count(count)) {
            return status;
        }
    }
    for (int64_t pad : {p.pad_before[a], p.pad_after[a]}) {
        if (pad < -INT32_MAX || pad > INT32_MAX) {
            return HALCONV_TOO_LARGE;
        }
    }
    Axis<int64_t> axis{p.kernel[a], p.stride[a], p.dilation[a], p.pad_before[a]};
    bool transposed = p.op == HALCONV_CONV_TRANSPOSE;
    if (transposed ? !output_padding_fits(axis, p.output_padding[a]) : p.output_padding[a] != 0) {
        return HALCONV_INVALID_PROBLEM;
    }
    int64_t size = transposed ? conv_transpose_output_size(axis, p.in[a], p.pad_after[a], p.output_padding[a])
                              : conv_output_size(axis, p.in[a], p.pad_after[a]);
    if (size < 1) {
        return HALCONV_INVALID_PROBLEM;
    }
    int64_t high = transposed ? size : p.in[a], low = transposed ? p.in[a] : size;
    if (!coordinates_fit(axis, high, low, p.pad_after[a]) || (transposed && !phases_fit(axis))) {
        return HALCONV_TOO_LARGE;
    }
    out = size;
    return HALCONV_OK;
}

// Whether the tensor of `count` slices of `rank` spatial sizes stays below 2^31 elements. All factors are positive.
bool elements_fit(int64_t count, const int64_t *sizes, int rank) {
    for (int a = 0; a < rank && count <= kMaxElements; ++a) {
        if (!checked_multiply(count, sizes[a], count)) {
            return false;
        }
    }
    return count <= kMaxElements;
}

}  // namespace

halconv_status check_problem(const halconv_problem &problem, int64_t out[3]) {
    if (halconv_status status = check_scalars(problem)) {
        return status;
    }
    int64_t size[3] = {1, 1, 1};
    for (int a = 0; a < problem.rank; ++a) {
        if (halconv_status status = check_axis(problem, a, size[a])) {
            return status;
        }
    }
    // Products of two factors below 2^31 do not overflow.
    if (!elements_fit(problem.batch * problem.in_channels, problem.in, problem.rank) ||
        !elements_fit(problem.batch * problem.out_channels, size, problem.rank) ||
        !elements_fit(problem.in_channels / problem.groups * problem.out_channels, problem.kernel, problem.rank)) {
        return HALCONV_TOO_LARGE;
    }
    std::memcpy(out, size, sizeof(size));
    return HALCONV_OK;
}

Problem3 normalise(const halconv_problem &problem, const int64_t out[3]) {
    Problem3 p3{
        problem.batch, problem.groups, problem.in_channels / problem.groups, problem.out_channels / problem.groups,
        {1, 1, 1},     {1, 1, 1},      {kUnitAxis, kUnitAxis, kUnitAxis}};
    for (int a = 0; a < problem.rank; ++a) {
        int to = 3 - problem.rank + a;
        p3.in[to] = problem.in[a];
        p3.out[to] = out[a];
        p3.axis[to] = {problem.kernel[a], problem.stride[a], problem.dilation[a], problem.pad_before[a]};
        if (problem.op == HALCONV_CONV_TRANSPOSE && problem.in[a] == 1) {
            p3.axis[to] = one_position_axis(p3.axis[to], out[a], problem.pad_after[a]);
        }
    }
    return p3;
}

halconv_key problem_key(const Problem3 &problem3, const halconv_problem &problem) {
    auto field = [](int64_t value) { return static_cast<int32_t>(value); };
    halconv_key key{};
    key.op = problem.op;
    key.dtype = problem.dtype;
    key.in_layout = problem.in_layout;
    key.out_layout = problem.out_layout;
    key.batch = field(problem3.batch);
    key.groups = field(problem3.groups);
    key.group_in = field(problem3.group_in);
    key.group_out = field(problem3.group_out);
    for (int a = 0; a < 3; ++a) {
        key.in[a] = field(problem3.in[a]);
        key.out[a] = field(problem3.out[a]);
        key.kernel[a] = field(problem3.axis[a].kernel);
        key.stride[a] = field(problem3.axis[a].stride);
        key.dilation[a] = field(problem3.axis[a].dilation);
        key.pad_before[a] = field(problem3.axis[a].pad_before);
    }
    bool piecewise = problem.activation <= HALCONV_LEAKY_RELU;
    key.activation = piecewise ? HALCONV_LINEAR : problem.activation;
    key.piecewise = piecewise ? problem.activation : 0;
    key.residual = problem.residual != 0;
    return key;
}

namespace {

// A key is an array of int32_t with names.
constexpr int kKeyFields = sizeof(halconv_key) / sizeof(int32_t);
struct KeyFields {
    int32_t value[kKeyFields];
};

KeyFields key_fields(const halconv_key &key) {
    KeyFields fields;
    static_assert(sizeof(fields) == sizeof(key), "halconv_key holds int32_t only");
    std::memcpy(&fields, &key, sizeof(key));
    return fields;
}

}  // namespace

bool key_accepts(const halconv_key &key, const halconv_key &pinned) {
    KeyFields wanted = key_fields(key), given = key_fields(pinned);
    for (int i = 0; i < kKeyFields; ++i) {
        if (wanted.value[i] != HALCONV_FREE && wanted.value[i] != given.value[i]) {
            return false;
        }
    }
    return true;
}

bool pins_axes(const halconv_key &key) {
    bool pinned = true;
    for (int a = 0; a < 3; ++a) {
        for (int32_t field :
             {key.in[a], key.out[a], key.kernel[a], key.stride[a], key.dilation[a], key.pad_before[a]}) {
            pinned = pinned && field != HALCONV_FREE;
        }
    }
    return pinned;
}

bool pins_whole_problem(const halconv_key &key) {
    return key.batch != HALCONV_FREE && key.groups != HALCONV_FREE && key.group_in != HALCONV_FREE &&
           key.group_out != HALCONV_FREE && pins_axes(key);
}

int count_pins(const halconv_key &key) {
    int pins = 0;
    for (int32_t value : key_fields(key).value) {
        pins += value != HALCONV_FREE;
    }
    return pins;
}

}  // namespace halconv
