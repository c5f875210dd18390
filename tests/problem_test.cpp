#include "runtime/core/problem.h"

#include <cstring>
#include <initializer_list>

#include "tests/catch.h"

using namespace halconv;

namespace {

// A legal layer of rank 2: 2 x 12 channels of 9 x 8 to 6 channels.
halconv_problem sample(halconv_op op) {
    halconv_problem p{};
    p.op = op;
    p.rank = 2;
    p.batch = 2;
    p.in_channels = 12;
    p.out_channels = 6;
    p.groups = 3;
    const int64_t in[] = {9, 8}, kernel[] = {3, 4}, stride[] = {2, 1}, dilation[] = {1, 2}, before[] = {1, -1},
                  after[] = {0, 2};
    for (int a = 0; a < 2; ++a) {
        p.in[a] = in[a];
        p.kernel[a] = kernel[a];
        p.stride[a] = stride[a];
        p.dilation[a] = dilation[a];
        p.pad_before[a] = before[a];
        p.pad_after[a] = after[a];
    }
    return p;
}

// A rank 1 layer of one channel, kernel 1.
halconv_problem pointwise(halconv_op op, int64_t in) {
    halconv_problem p{};
    p.op = op;
    p.rank = 1;
    p.batch = p.in_channels = p.out_channels = p.groups = 1;
    p.in[0] = in;
    p.kernel[0] = p.stride[0] = p.dilation[0] = 1;
    return p;
}

halconv_status status_of(const halconv_problem &p) {
    int64_t out[3] = {-7, -7, -7};
    halconv_status status = check_problem(p, out);
    for (int64_t size : out) {
        REQUIRE((size == -7) == (status != HALCONV_OK));
    }
    return status;
}

// The status after one field took `value`.
template <class Field> halconv_status status_with(halconv_problem p, Field halconv_problem::*field, int64_t value) {
    p.*field = static_cast<Field>(value);
    return status_of(p);
}
halconv_status status_with(halconv_problem p, int64_t (halconv_problem::*field)[3], int64_t value) {
    (p.*field)[1] = value;
    return status_of(p);
}

// An integer where the C API expects an enumerator.
template <class Enum> halconv_status status_with_raw(halconv_problem p, Enum halconv_problem::*field, int32_t value) {
    std::memcpy(&(p.*field), &value, sizeof(value));
    return status_of(p);
}

}  // namespace

TEST_CASE("output sizes of checked problems") {
    int64_t out[3];
    REQUIRE(check_problem(sample(HALCONV_CONV), out) == HALCONV_OK);
    // height: starts -1, 1, 3, 5 end at 8 of 9 with 3 taps: 4; width: 8 - 1 + 2 = 9 less a span of 7, plus 1: 3
    REQUIRE(out[0] == 4);
    REQUIRE(out[1] == 3);
    REQUIRE(out[2] == 1);

    halconv_problem p = sample(HALCONV_CONV_TRANSPOSE);
    p.output_padding[0] = 1;
    REQUIRE(check_problem(p, out) == HALCONV_OK);
    // height: 8 * 2 + 3 - 1 - 0 + 1; width: 7 + 7 + 1 - 2
    REQUIRE(out[0] == 19);
    REQUIRE(out[1] == 13);
}

TEST_CASE("every field out of its range has a status") {
    for (halconv_op op : {HALCONV_CONV, HALCONV_CONV_TRANSPOSE}) {
        halconv_problem p = sample(op);
        REQUIRE(status_of(p) == HALCONV_OK);
        for (auto field : {&halconv_problem::batch, &halconv_problem::in_channels, &halconv_problem::out_channels,
                           &halconv_problem::groups}) {
            for (int64_t value : {int64_t(0), int64_t(-1), INT64_MIN}) {
                REQUIRE(status_with(p, field, value) == HALCONV_INVALID_PROBLEM);
            }
            REQUIRE(status_with(p, field, int64_t(1) << 31) == HALCONV_TOO_LARGE);
            REQUIRE(status_with(p, field, INT64_MAX) == HALCONV_TOO_LARGE);
        }
        for (auto field :
             {&halconv_problem::in, &halconv_problem::kernel, &halconv_problem::stride, &halconv_problem::dilation}) {
            for (int64_t value : {int64_t(0), int64_t(-1), INT64_MIN}) {
                REQUIRE(status_with(p, field, value) == HALCONV_INVALID_PROBLEM);
            }
            REQUIRE(status_with(p, field, int64_t(1) << 31) == HALCONV_TOO_LARGE);
            REQUIRE(status_with(p, field, INT64_MAX) == HALCONV_TOO_LARGE);
        }
        for (auto field : {&halconv_problem::pad_before, &halconv_problem::pad_after}) {
            REQUIRE(status_with(p, field, INT64_MAX) == HALCONV_TOO_LARGE);
            REQUIRE(status_with(p, field, INT64_MIN) == HALCONV_TOO_LARGE);
            // crops everything
            REQUIRE(status_with(p, field, op == HALCONV_CONV ? -100 : 100) == HALCONV_INVALID_PROBLEM);
        }
        REQUIRE(status_with(p, &halconv_problem::groups, 4) == HALCONV_INVALID_PROBLEM);  // divides 12, not 6
        REQUIRE(status_with(p, &halconv_problem::in_channels, 13) == HALCONV_INVALID_PROBLEM);
        for (int32_t value : {-1, 0, 4, INT32_MAX}) {
            REQUIRE(status_with(p, &halconv_problem::rank, value) == HALCONV_INVALID_PROBLEM);
        }
        for (int32_t value : {-1, 100, INT32_MIN, INT32_MAX}) {
            REQUIRE(status_with_raw(p, &halconv_problem::op, value) == HALCONV_INVALID_PROBLEM);
            REQUIRE(status_with_raw(p, &halconv_problem::dtype, value) == HALCONV_INVALID_PROBLEM);
            REQUIRE(status_with_raw(p, &halconv_problem::in_layout, value) == HALCONV_INVALID_PROBLEM);
            REQUIRE(status_with_raw(p, &halconv_problem::out_layout, value) == HALCONV_INVALID_PROBLEM);
            REQUIRE(status_with_raw(p, &halconv_problem::activation, value) == HALCONV_INVALID_PROBLEM);
        }
    }
    halconv_problem conv = sample(HALCONV_CONV), transpose = sample(HALCONV_CONV_TRANSPOSE);
    REQUIRE(status_with(conv, &halconv_problem::output_padding, 1) == HALCONV_INVALID_PROBLEM);
    REQUIRE(status_with(transpose, &halconv_problem::output_padding, -1) == HALCONV_INVALID_PROBLEM);
    REQUIRE(status_with(transpose, &halconv_problem::output_padding, 1) == HALCONV_OK);  // stride 1, dilation 2
    REQUIRE(status_with(transpose, &halconv_problem::output_padding, 2) == HALCONV_INVALID_PROBLEM);
    REQUIRE(status_with(conv, &halconv_problem::kernel, 6) == HALCONV_INVALID_PROBLEM);  // a span of 11 on 9
    REQUIRE(status_with(conv, &halconv_problem::kernel, 5) == HALCONV_OK);               // a span of 9
}

TEST_CASE("products of sizes beyond 2^31 - 1 elements are too large") {
    // 46341 * 46341 = 2^31 + 4633
    halconv_problem p = pointwise(HALCONV_CONV, 46341);
    p.in_channels = p.groups = p.out_channels = 46340;
    REQUIRE(status_of(p) == HALCONV_OK);
    p.in_channels = p.groups = p.out_channels = 46341;
    REQUIRE(status_of(p) == HALCONV_TOO_LARGE);

    p = pointwise(HALCONV_CONV, 1);  // weights only
    p.in_channels = 46341;
    p.out_channels = 46340;
    REQUIRE(status_of(p) == HALCONV_OK);
    p.out_channels = 46341;
    REQUIRE(status_of(p) == HALCONV_TOO_LARGE);

    p = pointwise(HALCONV_CONV_TRANSPOSE, 1 << 15);  // output only: 2^15 * 2^15 * 2 channels
    p.stride[0] = 1 << 15;
    REQUIRE(status_of(p) == HALCONV_OK);
    p.out_channels = 4;
    REQUIRE(status_of(p) == HALCONV_TOO_LARGE);

    p = pointwise(HALCONV_CONV, 1 << 30);  // 2^120 elements
    p.rank = 3;
    for (int a = 0; a < 3; ++a) {
        p.in[a] = 1 << 30;
        p.kernel[a] = p.stride[a] = p.dilation[a] = 1;
    }
    p.batch = 1 << 30;
    REQUIRE(status_of(p) == HALCONV_TOO_LARGE);
}

TEST_CASE("coordinates beyond int32 are too large") {
    REQUIRE(status_of(pointwise(HALCONV_CONV, INT32_MAX - 100)) == HALCONV_OK);
    REQUIRE(status_of(pointwise(HALCONV_CONV, INT32_MAX)) == HALCONV_TOO_LARGE);
    for (halconv_op op : {HALCONV_CONV, HALCONV_CONV_TRANSPOSE}) {
        halconv_problem p = pointwise(op, INT32_MAX);
        p.kernel[0] = p.stride[0] = p.dilation[0] = INT32_MAX;
        p.pad_before[0] = p.pad_after[0] = op == HALCONV_CONV ? INT32_MAX : -INT32_MAX;
        REQUIRE(status_of(p) == (op == HALCONV_CONV ? HALCONV_INVALID_PROBLEM : HALCONV_TOO_LARGE));
    }
    halconv_problem p = pointwise(HALCONV_CONV_TRANSPOSE, 1);
    p.stride[0] = 100003;
    p.dilation[0] = 3;
    REQUIRE(status_of(p) == HALCONV_TOO_LARGE);
    p.dilation[0] = 1;
    REQUIRE(status_of(p) == HALCONV_OK);
}

TEST_CASE("three axes and the pinned key") {
    halconv_problem p = sample(HALCONV_CONV);
    p.in_layout = HALCONV_NCHW;
    p.activation = HALCONV_CLAMP;
    p.residual = 5;
    int64_t out[3];
    REQUIRE(check_problem(p, out) == HALCONV_OK);
    Problem3 p3 = normalise(p, out);
    REQUIRE(p3.group_in == 4);
    REQUIRE(p3.group_out == 2);
    const int64_t in[] = {1, 9, 8}, sizes[] = {1, 4, 3}, kernel[] = {1, 3, 4}, stride[] = {1, 2, 1},
                  dilation[] = {1, 1, 2}, before[] = {0, 1, -1};
    halconv_key key = problem_key(p3, p);
    for (int a = 0; a < 3; ++a) {
        REQUIRE(p3.in[a] == in[a]);
        REQUIRE(key.in[a] == in[a]);
        REQUIRE(p3.out[a] == sizes[a]);
        REQUIRE(key.out[a] == sizes[a]);
        REQUIRE(p3.axis[a].kernel == kernel[a]);
        REQUIRE(key.kernel[a] == kernel[a]);
        REQUIRE(p3.axis[a].stride == stride[a]);
        REQUIRE(key.stride[a] == stride[a]);
        REQUIRE(p3.axis[a].dilation == dilation[a]);
        REQUIRE(key.dilation[a] == dilation[a]);
        REQUIRE(p3.axis[a].pad_before == before[a]);
        REQUIRE(key.pad_before[a] == before[a]);
    }
    REQUIRE(key.op == HALCONV_CONV);
    REQUIRE(key.dtype == HALCONV_F32);
    REQUIRE(key.in_layout == HALCONV_NCHW);
    REQUIRE(key.out_layout == HALCONV_NHWC);
    REQUIRE(key.batch == 2);
    REQUIRE(key.groups == 3);
    REQUIRE(key.group_in == 4);
    REQUIRE(key.group_out == 2);
    REQUIRE(key.activation == HALCONV_LINEAR);
    REQUIRE(key.piecewise == HALCONV_CLAMP);
    REQUIRE(key.residual == 1);

    p.activation = HALCONV_TANH;
    p.residual = 0;
    key = problem_key(p3, p);
    REQUIRE(key.activation == HALCONV_TANH);
    REQUIRE(key.piecewise == 0);
    REQUIRE(key.residual == 0);
}

TEST_CASE("a key accepts its problem, freed fields accept any value, pinned ones only theirs") {
    halconv_problem p = sample(HALCONV_CONV_TRANSPOSE);
    int64_t out[3];
    REQUIRE(check_problem(p, out) == HALCONV_OK);
    const halconv_key pinned = problem_key(normalise(p, out), p);
    const int fields = sizeof(halconv_key) / sizeof(int32_t);
    REQUIRE(key_accepts(pinned, pinned));
    REQUIRE(count_pins(pinned) == fields);
    for (int field = 0; field < fields; ++field) {
        halconv_key changed = pinned;
        int32_t *value = reinterpret_cast<int32_t *>(&changed) + field;
        *value += 1;
        REQUIRE_FALSE(key_accepts(changed, pinned));
        REQUIRE_FALSE(key_accepts(pinned, changed));
        *value = HALCONV_FREE;
        REQUIRE(key_accepts(changed, pinned));
        REQUIRE(count_pins(changed) == fields - 1);
    }
}
