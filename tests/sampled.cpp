#include "tests/sampled.h"

#include <array>
#include <cmath>
#include <random>

#include "tests/reference.h"

namespace halconv {
namespace {

// n, c, z, y, x
using Point = std::array<int64_t, 5>;

std::vector<Point> sample_points(const Point &extents, int count, uint32_t seed) {
    constexpr int kCorners = 1 << 5;
    std::vector<Point> points;
    for (int corner = 0; corner < kCorners; corner++) {
        Point point{};
        for (size_t a = 0; a < 5; a++) {
            point[a] = corner >> a & 1 ? extents[a] - 1 : 0;
        }
        points.push_back(point);
    }
    std::mt19937 engine(seed);
    for (int i = 0; i < count; i++) {
        Point point{};
        for (size_t a = 0; a < 5; a++) {
            point[a] = int64_t(engine() % uint64_t(extents[a]));
        }
        points.push_back(point);
    }
    return points;
}

}  // namespace

std::string sampled_failure(const KernelCase &c, const Operands &operands, const std::vector<float> &y, int count) {
    const halconv_problem &p = c.problem;
    if (int64_t(y.size()) != output_elements(p)) {
        return "the output has " + std::to_string(y.size()) + " elements";
    }
    for (size_t i = 0; i < y.size(); i++) {
        if (!std::isfinite(y[i]) || y[i] != std::nearbyint(y[i])) {
            return "element " + std::to_string(i) + " is " + std::to_string(y[i]);
        }
    }
    std::array<int64_t, 3> size = reference_output_size(p);
    for (const Point &at : sample_points({p.batch, p.out_channels, size[0], size[1], size[2]}, count, c.seed)) {
        double expected =
            reference_at(p, operands.input.data(), operands.weights.data(), c.bias ? operands.bias.data() : nullptr,
                         operands.residual.data(), at[0], at[1], at[2], at[3], at[4]);
        float actual = y[size_t(output_index(p, at[0], at[1], {at[2], at[3], at[4]}))];
        if (double(actual) != expected) {
            std::string place;
            for (int64_t coordinate : at) {
                place += " " + std::to_string(coordinate);
            }
            return "at n c z y x" + place + ": " + std::to_string(actual) + " instead of " + std::to_string(expected);
        }
    }
    return "";
}

}  // namespace halconv
