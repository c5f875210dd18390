#include "runtime/core/winograd.h"

#include <cmath>

#include "tests/catch.h"

namespace halconv {

namespace {

// A^T ((G g) * (B^T d)) for output y of F(m, r), where g is tap t alone and d input i alone.
double coefficient(const WinogradMatrices &w, int y, int t, int i) {
    double sum = 0;
    for (int p = 0; p < w.points(); p++) {
        sum += w.output[y][p] * w.weights[p][t] * w.input[p][i];
    }
    return sum;
}

bool integer(double value) { return value == std::floor(value); }

}  // namespace

TEST_CASE("the matrices compute correlations, with integers for inputs and outputs", "[winograd]") {
    int pairs = 0;
    for (int m = 1; m <= kMaxWinogradOutputs; m++) {
        for (int r = 1; r <= kMaxWinogradTaps; r++) {
            const WinogradMatrices *w = winograd_matrices(m, r);
            if (!w) {
                continue;
            }
            INFO("F(" << m << ", " << r << ")");
            REQUIRE((w->outputs == m && w->taps == r));
            for (int i = 0; i < w->points(); i++) {
                for (int t = 0; t < r; t++) {
                    for (int y = 0; y < m; y++) {
                        CHECK(std::abs(coefficient(*w, y, t, i) - (i == y + t)) < 1e-15);
                        CHECK(integer(w->output[y][i]));
                    }
                }
                for (int p = 0; p < w->points(); p++) {
                    CHECK(integer(w->input[p][i]));
                }
            }
            pairs++;
        }
    }
    CHECK(pairs == 5);
}

TEST_CASE("winograd transforms runs of neighbouring taps only", "[winograd]") {
    auto points = [](int form, bool transposed, const Axis<int64_t> &axis) {
        const WinogradMatrices *w = winograd_of_axis(form, transposed, axis);
        return w ? w->points() : 0;
    };
    CHECK(points(HALCONV_FORM_WINOGRAD2, false, {3, 1, 1, 1}) == 4);
    CHECK(points(HALCONV_FORM_WINOGRAD4, false, {3, 1, 1, 0}) == 6);
    CHECK(points(HALCONV_FORM_WINOGRAD4, false, {2, 1, 1, 0}) == 5);
    CHECK(points(HALCONV_FORM_WINOGRAD2, false, {3, 2, 1, 1}) == 0);
    CHECK(points(HALCONV_FORM_WINOGRAD2, false, {3, 1, 2, 1}) == 0);
    CHECK(points(HALCONV_FORM_WINOGRAD2, false, {1, 1, 1, 0}) == 0);
    CHECK(points(HALCONV_FORM_WINOGRAD2, false, {5, 1, 1, 2}) == 0);
    CHECK(points(HALCONV_FORM_DIRECT, false, {3, 1, 1, 1}) == 0);
    CHECK(points(HALCONV_FORM_WINOGRAD2, true, {4, 2, 1, 1}) == 3);
    CHECK(points(HALCONV_FORM_WINOGRAD2, true, {3, 2, 1, 1}) == 0);  // a phase of one tap
    CHECK(points(HALCONV_FORM_WINOGRAD3, true, {4, 2, 1, 1}) == 4);
    CHECK(points(HALCONV_FORM_WINOGRAD3, true, {3, 2, 1, 1}) == 4);
    CHECK(points(HALCONV_FORM_WINOGRAD3, true, {9, 3, 1, 3}) == 0);
    CHECK(points(HALCONV_FORM_WINOGRAD3, false, {3, 1, 1, 1}) == 0);
    CHECK(points(HALCONV_FORM_WINOGRAD4, true, {16, 8, 1, 4}) == 5);
    CHECK(points(HALCONV_FORM_WINOGRAD4, true, {9, 3, 1, 3}) == 6);
    CHECK(points(HALCONV_FORM_WINOGRAD4, true, {3, 2, 1, 1}) == 5);
    CHECK(points(HALCONV_FORM_WINOGRAD4, true, {2, 2, 1, 0}) == 0);
    CHECK(points(HALCONV_FORM_WINOGRAD4, true, {4, 2, 2, 1}) == 0);
}

TEST_CASE("numerics policies allow winograd2 and winograd3 by default and winograd4 when fast", "[winograd]") {
    for (int numerics : {HALCONV_STRICT, HALCONV_DEFAULT, HALCONV_FAST}) {
        CHECK(numerics_allow(HALCONV_FORM_DIRECT, numerics));
        CHECK(numerics_allow(HALCONV_FORM_WINOGRAD2, numerics) == (numerics != HALCONV_STRICT));
        CHECK(numerics_allow(HALCONV_FORM_WINOGRAD3, numerics) == (numerics != HALCONV_STRICT));
        CHECK(numerics_allow(HALCONV_FORM_WINOGRAD4, numerics) == (numerics == HALCONV_FAST));
    }
}

}  // namespace halconv
