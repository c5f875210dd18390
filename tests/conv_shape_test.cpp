// The arithmetic of an axis against plain counting, for every small axis of a grid of cases. What is expected is found
// by loops over the one relation high = low * stride + tap * dilation - pad_before, not by the formulas under test.
#include "runtime/core/conv_shape.h"

#include <algorithm>
#include <functional>
#include <tuple>
#include <vector>

#include "tests/catch.h"

using namespace halconv;

namespace {

struct Case {
    int64_t in;
    Axis<int64_t> axis;
    int64_t pad_after;
};

// Every in 1..9, kernel 1..6, stride 1..5, dilation 1..4, pad_before and pad_after -2..4. Returns how many.
int for_each_case(const std::function<void(const Case &)> &body) {
    int count = 0;
    for (int64_t in = 1; in <= 9; ++in)
        for (int64_t kernel = 1; kernel <= 6; ++kernel)
            for (int64_t stride = 1; stride <= 5; ++stride)
                for (int64_t dilation = 1; dilation <= 4; ++dilation)
                    for (int64_t before = -2; before <= 4; ++before)
                        for (int64_t after = -2; after <= 4; ++after, ++count)
                            body({in, {kernel, stride, dilation, before}, after});
    return count;
}

constexpr int kCases = 9 * 6 * 5 * 4 * 7 * 7;

// Catch is too slow to be asked about each case; it hears of the wrong ones.
void require_equal(const Case &c, int64_t got, int64_t expected) {
    if (got != expected) {
        CAPTURE(c.in, c.axis.kernel, c.axis.stride, c.axis.dilation, c.axis.pad_before, c.pad_after);
        REQUIRE(got == expected);
    }
}

// The positions, a stride apart, at which all taps lie on the padded grid [-pad_before, in + pad_after).
int64_t count_windows(const Case &c) {
    int64_t windows = 0;
    for (int64_t start = -c.axis.pad_before;; start += c.axis.stride) {
        int64_t last = start;
        for (int64_t tap = 1; tap < c.axis.kernel; ++tap) {
            last += c.axis.dilation;
        }
        if (last >= c.in + c.pad_after) {
            return windows;
        }
        ++windows;
    }
}

// A (low, tap) pair that meets a high coordinate.
using Pair = std::tuple<int64_t, int64_t>;

// All pairs of `high`, low in [-60, 60), found by trying.
std::vector<Pair> pairs_by_trying(const Axis<int64_t> &axis, int64_t high) {
    std::vector<Pair> pairs;
    for (int64_t low = -60; low < 60; ++low) {
        for (int64_t tap = 0; tap < axis.kernel; ++tap) {
            if (low * axis.stride + tap * axis.dilation - axis.pad_before == high) {
                pairs.emplace_back(low, tap);
            }
        }
    }
    return pairs;
}

std::vector<Pair> pairs_by_phase(const PhaseAxis<int64_t> &phases, int64_t high) {
    int64_t r = phases.phase(high), b = phases.base(high);
    std::vector<Pair> pairs;
    for (int64_t m = 0; m < phases.taps(r); ++m) {
        pairs.emplace_back(phases.input(b, r, m), phases.tap(r, m));
    }
    std::sort(pairs.begin(), pairs.end());
    return pairs;
}

}  // namespace

TEST_CASE("conv's output size is the number of windows that fit") {
    int cases = for_each_case([](const Case &c) {
        int64_t size = conv_output_size(c.axis, c.in, c.pad_after);
        require_equal(c, std::max<int64_t>(size, 0), count_windows(c));
    });
    REQUIRE(cases == kCases);
}

TEST_CASE("conv_transpose's output size is the reach of all taps, less the padding") {
    for_each_case([](const Case &c) {
        int64_t last = 0;
        for (int64_t low = 0; low < c.in; ++low) {
            for (int64_t tap = 0; tap < c.axis.kernel; ++tap) {
                last = std::max(last, low * c.axis.stride + tap * c.axis.dilation);
            }
        }
        for (int64_t output_padding = 0; output_padding < 3; ++output_padding) {
            require_equal(c, conv_transpose_output_size(c.axis, c.in, c.pad_after, output_padding),
                          last + 1 - c.axis.pad_before - c.pad_after + output_padding);
        }
    });
}

TEST_CASE("conv undoes every output size that conv_transpose can have") {
    for_each_case([](const Case &c) {
        for (int64_t output_padding = 0; output_padding < c.axis.stride; ++output_padding) {
            int64_t high = conv_transpose_output_size(c.axis, c.in, c.pad_after, output_padding);
            require_equal(c, conv_output_size(c.axis, high, c.pad_after), c.in);
        }
    });
}

TEST_CASE("phases give exactly the pairs of input and tap that meet an output") {
    int positions = 0;
    for (int64_t kernel = 1; kernel <= 7; ++kernel)
        for (int64_t stride = 1; stride <= 6; ++stride)
            for (int64_t dilation = 1; dilation <= 6; ++dilation)
                for (int64_t before = -2; before <= 4; ++before) {
                    Axis<int64_t> axis{kernel, stride, dilation, before};
                    PhaseAxis<int64_t> phases = phase_axis(axis);
                    for (int64_t high = -4; high < 26; ++high, ++positions) {
                        if (pairs_by_phase(phases, high) != pairs_by_trying(axis, high)) {
                            CAPTURE(kernel, stride, dilation, before, high);
                            REQUIRE(pairs_by_phase(phases, high) == pairs_by_trying(axis, high));
                        }
                    }
                }
    REQUIRE(positions == 7 * 6 * 6 * 7 * 30);
}

TEST_CASE("taps of a phase are the taps that divide into it, in ascending order") {
    for (int64_t kernel = 1; kernel <= 9; ++kernel)
        for (int64_t stride = 1; stride <= 7; ++stride)
            for (int64_t dilation = 1; dilation <= 7; ++dilation) {
                PhaseAxis<int64_t> phases = phase_axis({kernel, stride, dilation, 0});
                int64_t most = 0;
                for (int64_t r = 0; r < stride; ++r) {
                    std::vector<int64_t> expected, got;
                    for (int64_t tap = 0; tap < kernel; ++tap) {
                        if ((tap * dilation - r) % stride == 0) {
                            expected.push_back(tap);
                        }
                    }
                    for (int64_t m = 0; m < phases.taps(r); ++m) {
                        got.push_back(phases.tap(r, m));
                    }
                    CAPTURE(kernel, stride, dilation, r);
                    REQUIRE(got == expected);
                    most = std::max(most, phases.taps(r));
                }
                REQUIRE(phases.max_taps() == most);
            }
}

TEST_CASE("phases are alike where all of them read the same inputs") {
    for (int64_t kernel = 1; kernel <= 9; ++kernel)
        for (int64_t stride = 1; stride <= 5; ++stride)
            for (int64_t pad = 0; pad < 3; ++pad) {
                Axis<int64_t> axis{kernel, stride, 1, pad};
                auto inputs_of_phase = [&](int64_t r) {
                    std::vector<int64_t> inputs;
                    for (auto [low, tap] : pairs_by_trying(axis, 10 * stride + r - pad)) {
                        inputs.push_back(low);
                    }
                    return inputs;
                };
                bool alike = true;
                for (int64_t r = 1; r < stride; ++r) {
                    alike = alike && inputs_of_phase(r) == inputs_of_phase(0);
                }
                CAPTURE(kernel, stride, pad);
                REQUIRE(phases_alike(axis) == alike);
                axis.dilation = 2;
                REQUIRE_FALSE(phases_alike(axis));
            }
}

TEST_CASE("boxes of phases hold every output once, and count its phases") {
    for (int64_t stride = 1; stride <= 9; ++stride) {
        for (int64_t out = 1; out <= 30; ++out) {
            CAPTURE(stride, out);
            std::vector<int> visits(static_cast<size_t>(out), 0);
            PhaseBox boxes[2];
            int count = split_phases(stride, out, boxes);
            int64_t least = out;
            for (int i = 0; i < count; ++i) {
                least = std::min(least, boxes[i].extent);
                for (int64_t q = boxes[i].first; q < boxes[i].first + boxes[i].phases; ++q) {
                    for (int64_t coordinate = 0; coordinate < boxes[i].extent; ++coordinate) {
                        ++visits.at(static_cast<size_t>(coordinate * stride + q));
                    }
                }
            }
            REQUIRE(visits == std::vector<int>(visits.size(), 1));
            REQUIRE(least_positions_of_phases(out, stride) == least);
            for (int64_t q = 0; q < stride; ++q) {
                int64_t positions = 0;
                for (int64_t o = 0; o < out; ++o) {
                    positions += o % stride == q;
                }
                REQUIRE(positions_of_phase(out, stride, q) == positions);
            }
        }
    }
}

TEST_CASE("operations that stay inside their input") {
    int conv_inside = 0, transpose_inside = 0;
    for_each_case([&](const Case &c) {
        int64_t out = conv_output_size(c.axis, c.in, c.pad_after);
        if (out >= 1) {
            int64_t least = 0, most = 0;
            for (int64_t low = 0; low < out; ++low) {
                for (int64_t tap = 0; tap < c.axis.kernel; ++tap) {
                    int64_t high = low * c.axis.stride + tap * c.axis.dilation - c.axis.pad_before;
                    least = std::min(least, high);
                    most = std::max(most, high);
                }
            }
            require_equal(c, conv_stays_inside(c.axis, c.in, out), least >= 0 && most < c.in);
            conv_inside += conv_stays_inside(c.axis, c.in, out);
        }
        // The phase kernel reads max_taps inputs for every output, those of weight zero included.
        PhaseAxis<int64_t> phases = phase_axis(c.axis);
        out = conv_transpose_output_size(c.axis, c.in, c.pad_after, int64_t(0));
        if (out >= 1 && transpose_stays_inside(c.axis, c.in, out)) {
            ++transpose_inside;
            for (int64_t high = 0; high < out; ++high) {
                for (int64_t m = 0; m < phases.max_taps(); ++m) {
                    int64_t low = phases.input(phases.base(high), phases.phase(high), m);
                    require_equal(c, low >= 0 && low < c.in, true);
                }
            }
        }
    });
    REQUIRE(conv_inside > 1000);
    REQUIRE(transpose_inside > 100);
}

TEST_CASE("conv and conv_transpose pair the same elements") {
    // (low, tap, high) as conv reads them and as conv_transpose gathers them, on the same two finite grids.
    using Triple = std::tuple<int64_t, int64_t, int64_t>;
    for_each_case([](const Case &c) {
        int64_t high_size = c.in, low_size = conv_output_size(c.axis, c.in, c.pad_after);
        PhaseAxis<int64_t> phases = phase_axis(c.axis);
        std::vector<Triple> conv, transposed;
        for (int64_t low = 0; low < low_size; ++low) {
            for (int64_t tap = 0; tap < c.axis.kernel; ++tap) {
                int64_t high = high_coordinate(c.axis, low, tap);
                if (high >= 0 && high < high_size) {
                    conv.emplace_back(low, tap, high);
                }
            }
        }
        for (int64_t high = 0; high < high_size; ++high) {
            for (auto [low, tap] : pairs_by_phase(phases, high)) {
                if (low >= 0 && low < low_size) {
                    transposed.emplace_back(low, tap, high);
                }
            }
        }
        std::sort(transposed.begin(), transposed.end());
        require_equal(c, conv == transposed, true);
    });
}

TEST_CASE("division rounds to minus infinity") {
    for (int64_t b = 1; b <= 7; ++b) {
        for (int64_t a = -30; a <= 30; ++a) {
            int64_t q = Arithmetic<int64_t>::floor_div(a, b), r = Arithmetic<int64_t>::floor_mod(a, b);
            REQUIRE(q * b + r == a);
            REQUIRE((r >= 0 && r < b));
        }
    }
}

TEST_CASE("greatest common divisor and inverse by trying") {
    for (int64_t a = 1; a <= 40; ++a) {
        for (int64_t b = 1; b <= 40; ++b) {
            int64_t largest = 0;
            for (int64_t divisor = 1; divisor <= a; ++divisor) {
                largest = a % divisor == 0 && b % divisor == 0 ? divisor : largest;
            }
            REQUIRE(greatest_common_divisor(a, b) == largest);
            if (largest == 1) {
                int64_t inverse = inverse_modulo(a, b);
                REQUIRE((inverse >= 0 && inverse < b));
                REQUIRE((a * inverse - 1) % b == 0);
            }
        }
    }
}

TEST_CASE("checked products and sums") {
    int64_t result;
    REQUIRE(checked_multiply(INT64_MAX / 2, 2, result));
    REQUIRE(result == INT64_MAX - 1);
    REQUIRE_FALSE(checked_multiply(INT64_MAX / 2 + 1, 2, result));
    REQUIRE_FALSE(checked_multiply(INT64_MIN, -1, result));
    REQUIRE(checked_add(INT64_MAX - 1, 1, result));
    REQUIRE(result == INT64_MAX);
    REQUIRE_FALSE(checked_add(INT64_MAX, 1, result));
}

TEST_CASE("coordinates and phases that leave int32 are noticed") {
    int64_t most = INT32_MAX - kTileOverrun - 1;  // stride 1, span 1
    REQUIRE(coordinates_fit({1, 1, 1, 0}, most, most, 0));
    REQUIRE_FALSE(coordinates_fit({1, 1, 1, 0}, most, most + 1, 0));
    REQUIRE_FALSE(coordinates_fit({1, 1, 1, 1}, most, most, 0));
    REQUIRE_FALSE(coordinates_fit({1, 1, 1, 0}, most, most, -1));
    REQUIRE_FALSE(coordinates_fit({1, 1, 1, 0}, int64_t(INT32_MAX) + 1, 1, 0));
    REQUIRE_FALSE(coordinates_fit({1, INT32_MAX, 1, 0}, 1, INT32_MAX, 0));
    REQUIRE_FALSE(coordinates_fit({INT32_MAX, INT32_MAX, INT32_MAX, 0}, 1, INT32_MAX, 0));
    REQUIRE(phases_fit({3, 1 << 20, 1, 0}));
    REQUIRE(phases_fit({3, 1 << 20, 1 << 20, 0}));
    REQUIRE_FALSE(phases_fit({3, 65537, 65536, 0}));
    REQUIRE_FALSE(phases_fit({3, 100003, 3, 0}));  // the inverse of 3 modulo 100003 is 66669
}

TEST_CASE("one input position meets the same outputs through the same taps whatever the stride") {
    for (int64_t kernel = 1; kernel <= 5; ++kernel) {
        for (int64_t stride = 1; stride <= 4; ++stride) {
            for (int64_t dilation = 1; dilation <= 3; ++dilation) {
                Axis<int64_t> axis{kernel, stride, dilation, 1}, spread = one_position_axis(axis, 20, 0);
                REQUIRE(spread.kernel == kernel);
                for (int64_t tap = 0; tap < kernel; ++tap) {
                    REQUIRE(high_coordinate(spread, int64_t(0), tap) == high_coordinate(axis, int64_t(0), tap));
                }
                REQUIRE((kernel <= stride ? spread.stride == stride : phase_axis(spread).max_taps() == 1));
            }
        }
    }
    Axis<int64_t> large{70000, 1, 70000, 0};  // kernel * dilation leaves int32
    REQUIRE(one_position_axis(large, 1, 0).stride == 1);
}

TEST_CASE("the share of products inside, counted one by one") {
    for (int64_t kernel = 1; kernel <= 5; ++kernel) {
        for (int64_t stride = 1; stride <= 3; ++stride) {
            for (int64_t pad = 0; pad <= 3; ++pad) {
                Axis<int64_t> axis{kernel, stride, 2, pad};
                int64_t low = 6, high = 12, inside = 0;
                for (int64_t i = 0; i < low; ++i) {
                    for (int64_t tap = 0; tap < kernel; ++tap) {
                        int64_t at = i * stride + tap * 2 - pad;
                        inside += at >= 0 && at < high;
                    }
                }
                REQUIRE(share_inside(axis, low, high, false) == Approx(double(inside) / double(low * kernel)));
                REQUIRE(share_inside(axis, low, high, true) ==
                        Approx(double(inside) / (double(high * kernel) / double(stride))));
            }
        }
    }
}

TEST_CASE("phases taken together divide the stride") {
    REQUIRE(phases_together(1, 8) == 1);
    REQUIRE(phases_together(2, 8) == 2);
    REQUIRE(phases_together(9, 8) == 3);
    REQUIRE(phases_together(16, 8) == 8);
    REQUIRE(phases_together(11, 8) == 1);
}
