#include "runtime/core/winograd.h"

namespace halconv {

namespace {

constexpr WinogradMatrices kWinogradMatrices[] = {
    {2, 2, {{1, -1, 0}, {0, 1, 0}, {0, -1, 1}}, {{1, 0}, {1, 1}, {0, 1}}, {{1, 1, 0}, {0, 1, 1}}},
    {2,
     3,
     {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, -1, 0, 1}},
     {{1, 0, 0}, {1. / 2, 1. / 2, 1. / 2}, {1. / 2, -1. / 2, 1. / 2}, {0, 0, 1}},
     {{1, 1, 1, 0}, {0, 1, -1, 1}}},
    {3,
     2,
     {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, -1, 0, 1}},
     {{1, 0}, {1. / 2, 1. / 2}, {1. / 2, -1. / 2}, {0, 1}},
     {{1, 1, 1, 0}, {0, 1, -1, 0}, {0, 1, 1, 1}}},
    {4,
     2,
     {{2, -1, -2, 1, 0}, {0, -2, -1, 1, 0}, {0, 2, -3, 1, 0}, {0, -1, 0, 1, 0}, {0, 2, -1, -2, 1}},
     {{1. / 2, 0}, {-1. / 2, -1. / 2}, {-1. / 6, 1. / 6}, {1. / 6, 1. / 3}, {0, 1}},
     {{1, 1, 1, 1, 0}, {0, 1, -1, 2, 0}, {0, 1, 1, 4, 0}, {0, 1, -1, 8, 1}}},
    {4,
     3,
     {{4, 0, -5, 0, 1, 0},
      {0, 4, 0, -5, 0, 1},
      {0, -4, -4, 1, 1, 0},
      {0, 4, -4, -1, 1, 0},
      {0, -2, -1, 2, 1, 0},
      {0, 2, -1, -2, 1, 0}},
     {{1. / 4, 0, 0},
      {0, 0, 1},
      {-1. / 6, -1. / 6, -1. / 6},
      {-1. / 6, 1. / 6, -1. / 6},
      {1. / 24, 1. / 12, 1. / 6},
      {1. / 24, -1. / 12, 1. / 6}},
     {{1, 0, 1, 1, 1, 1}, {0, 0, 1, -1, 2, -2}, {0, 0, 1, 1, 4, 4}, {0, 1, 1, -1, 8, -8}}},
};

}  // namespace

const WinogradMatrices *winograd_matrices(int64_t outputs, int64_t taps) {
    for (const WinogradMatrices &matrices : kWinogradMatrices) {
        if (matrices.outputs == outputs && matrices.taps == taps) {
            return &matrices;
        }
    }
    return nullptr;
}

const WinogradMatrices *winograd_of_axis(int form, bool transposed, const Axis<int64_t> &axis) {
    int64_t taps = neighbouring_taps(axis, transposed);
    // F(2, 2) errs 1.26 times as much as the plain sum where some phases have one tap; F(3, 2) 1.08 times (3x3, stride 2).
    if (form == HALCONV_FORM_WINOGRAD2 && transposed && taps == 2 && !phases_alike(axis)) {
        return nullptr;
    }
    return winograd_matrices(winograd_outputs(form), taps);
}

}  // namespace halconv
