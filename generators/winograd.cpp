#include "generators/winograd.h"

#include <algorithm>

#include "generators/conv_transpose.h"
#include "runtime/core/winograd.h"

namespace halconv {

using Halide::Expr;
using Halide::RDom;
using Halide::Var;

namespace {

using Row = std::vector<double>;

Expr scaled(const Expr &value, double factor) { return factor == 1 ? value : value * float(factor); }

// sum over j of row[j] * values[j], begun with a term of factor 1, to which the others are multiply-adds; undefined where
// all factors are zero.
Expr combine(const Row &row, const std::vector<Expr> &values) {
    const size_t first = size_t(std::find(row.begin(), row.end(), 1.0) - row.begin());
    Expr sum = first < row.size() ? values[first] : Expr();
    for (size_t j = 0; j < row.size(); j++) {
        if (row[j] == 0 || j == first) {
            continue;
        }
        if (!sum.defined()) {
            sum = scaled(values[j], row[j]);
        } else {
            sum = row[j] < 0 ? sum - scaled(values[j], -row[j]) : sum + scaled(values[j], row[j]);
        }
    }
    return sum;
}

// Whether columns j and j + 1 of the matrix differ in signs alone, and in some.
bool columns_pair(const std::vector<Row> &matrix, size_t j) {
    bool differ = false;
    for (const Row &row : matrix) {
        if (std::abs(row[j]) != std::abs(row[j + 1])) {
            return false;
        }
        differ = differ || row[j] != row[j + 1];
    }
    return differ;
}

// matrix * values with the fewest operations that pairs of points p, -p allow: their columns are used as sum and
// difference, their rows are sum and difference of an even and an odd part.
std::vector<Expr> multiply(std::vector<Row> matrix, std::vector<Expr> values) {
    for (size_t j = 0; j + 1 < values.size(); j++) {
        if (!columns_pair(matrix, j)) {
            continue;
        }
        Expr sum = values[j] + values[j + 1], difference = values[j] - values[j + 1];
        values[j] = sum, values[j + 1] = difference;
        for (Row &row : matrix) {
            bool even = row[j] == row[j + 1];
            row[j + 1] = even ? 0 : row[j];
            row[j] = even ? row[j] : 0;
        }
        j++;
    }
    std::vector<Expr> result;
    for (size_t i = 0; i < matrix.size(); i++) {
        bool last = i + 1 == matrix.size();
        Row even(values.size()), odd(values.size());
        bool pair = !last;
        for (size_t j = 0; pair && j < values.size(); j++) {
            double a = matrix[i][j], b = matrix[i + 1][j];
            even[j] = (a + b) / 2, odd[j] = (a - b) / 2;
            pair = even[j] == 0 || odd[j] == 0;
        }
        Expr even_part = pair ? combine(even, values) : Expr(), odd_part = pair ? combine(odd, values) : Expr();
        if (!even_part.defined() || !odd_part.defined()) {
            result.push_back(combine(matrix[i], values));
            continue;
        }
        result.push_back(even_part + odd_part), result.push_back(even_part - odd_part);
        i++;
    }
    return result;
}

std::vector<Row> rows(const double *first, int count, int width) {
    std::vector<Row> matrix;
    for (int i = 0; i < count; i++) {
        const double *row = first + i * kMaxWinogradPoints;
        matrix.emplace_back(row, row + width);
    }
    return matrix;
}

// Element k of B^T d, and element d of A^T m.
Expr input_transform(const WinogradMatrices &w, const std::vector<Expr> &values, const Expr &k) {
    return Halide::mux(k, multiply(rows(w.input[0], w.points(), w.points()), values));
}
Expr output_transform(const WinogradMatrices &w, const std::vector<Expr> &values, const Expr &d) {
    return Halide::mux(d, multiply(rows(w.output[0], w.outputs, w.points()), values));
}

// arguments followed by `rest`.
std::vector<Expr> joined(std::vector<Expr> arguments, const std::vector<Expr> &rest) {
    arguments.insert(arguments.end(), rest.begin(), rest.end());
    return arguments;
}

std::vector<Var> variables(std::vector<Var> arguments, const std::vector<Expr> &rest) {
    for (const Expr &e : rest) {
        arguments.emplace_back(e.as<Halide::Internal::Variable>()->name);
    }
    return arguments;
}

// The matrices of an axis with pinned taps; null for one with outputs 1.
const WinogradMatrices *matrices_of(int outputs, const AxisPins &pins, bool transposed) {
    Axis<int64_t> axis{pins.kernel, pins.stride, pins.dilation, 0};
    return outputs == 1 ? nullptr : winograd_matrices(outputs, neighbouring_taps(axis, transposed));
}

enum { kZ, kY, kX };

}  // namespace

template <class Derived, int kDims>
void Winograd<Derived, kDims>::define_input(const Side sides[3], const std::vector<Expr> &rest,
                                            const Expr &tiles_of_row) {
    WinogradStages &s = stages;
    const Expr tile[2] = {(single_row ? Expr(0) : s.t / tiles_of_row) * s.outputs[kY],
                          (single_row ? Expr(s.t) : s.t % tiles_of_row) * s.outputs[kX]};
    auto pixel = [&](const Expr &kx, const Expr &ky) {
        return padded(s.c, g, sides[kX].input(tile[1], kx), sides[kY].input(tile[0], ky), sides[kZ].input(z, s.kz), n);
    };
    auto transformed = [&](int axis, const Var &k, const std::function<Expr(const Expr &)> &element) {
        std::vector<Expr> values;
        for (int j = 0; j < s.points[axis]; j++) {
            values.push_back(element(j));
        }
        return s.matrices[axis] ? input_transform(*s.matrices[axis], values, k) : element(k);
    };
    s.input_rows(variables({s.c, s.kx, s.ky, s.kz, s.t}, rest)) =
        transformed(kX, s.kx, [&](const Expr &k) { return pixel(k, s.ky); });
    s.input(variables({s.c, s.kx, s.ky, s.kz, s.t}, rest)) = transformed(kY, s.ky, [&](const Expr &k) {
        return s.input_rows(joined({s.c, s.kx, k, s.kz, s.t}, rest));
    });
}

template <class Derived, int kDims>
void Winograd<Derived, kDims>::define_sum(const Side sides[3], const std::vector<Expr> &rest,
                                          const std::vector<Expr> &input_rest) {
    WinogradStages &s = stages;
    Expr summed[3];
    for (int a = 0; a < 3; a++) {
        summed[a] = s.matrices[a] ? Expr(1) : sides[a].taps;
    }
    s.taps = RDom(0, input.dim(0).extent(), 0, summed[kX], 0, summed[kY], 0, summed[kZ], "taps");
    for (int a : {kY, kX}) {
        if (s.matrices[a] && sides[a].whole.defined()) {
            s.taps.where((a == kX ? s.kx : s.ky) > 0 || sides[a].whole);
        }
    }
    Expr kx = s.matrices[kX] ? Expr(s.kx) : Expr(s.taps[1]), ky = s.matrices[kY] ? Expr(s.ky) : Expr(s.taps[2]);
    Expr blocks = (output.dim(0).extent() + panel - 1) / panel;
    s.sum(variables({s.c, s.kx, s.ky, s.t}, rest)) = 0.0f;
    s.sum(variables({s.c, s.kx, s.ky, s.t}, rest)) +=
        weights(s.c % panel, s.taps[0], kx, ky, s.taps[3], sides[kX].phase, sides[kY].phase, sides[kZ].phase,
                g * blocks + s.c / panel) *
        s.input(joined({s.taps[0], kx, ky, s.taps[3], s.t}, input_rest));
    s.products(variables({s.c, s.kx, s.ky, s.t}, rest)) = s.sum(joined({s.c, s.kx, s.ky, s.t}, rest));
}

template <class Derived, int kDims>
void Winograd<Derived, kDims>::define_result(const Side sides[3], const std::vector<Expr> &rest,
                                             const std::vector<Expr> &input_rest) {
    WinogradStages &s = stages;
    bool transposed = kDims == 9;
    s.matrices[kX] = matrices_of(outputs_x, pins_x, transposed);
    s.matrices[kY] = matrices_of(outputs_y, pins_y, transposed);
    for (int a : {kY, kX}) {
        s.outputs[a] = s.matrices[a] ? s.matrices[a]->outputs : 1;
        s.points[a] = s.matrices[a] ? s.matrices[a]->points() : 1;
    }
    s.c = c, s.g = g, s.x = x, s.y = y, s.z = z, s.n = n;
    Expr width = output.dim(transposed ? 3 : 2).extent();
    Expr tiles_of_row = row_tiles == 0 ? (width + s.outputs[kX] - 1) / s.outputs[kX] : Expr(int(row_tiles));

    define_padded();
    s.padded = padded;
    define_input(sides, input_rest, tiles_of_row);
    define_sum(sides, rest, input_rest);
    auto transformed = [&](int axis, const Expr &d, const std::function<Expr(const Expr &)> &element) {
        std::vector<Expr> values;
        for (int j = 0; j < s.points[axis]; j++) {
            values.push_back(element(j));
        }
        return s.matrices[axis] ? output_transform(*s.matrices[axis], values, d) : values[0];
    };
    s.output_rows(variables({c, s.dx, s.ky, s.t}, rest)) = transformed(kX, s.dx, [&](const Expr &k) {
        return s.products(joined({c, k, s.ky, s.t}, rest));
    });
    Expr t = x / s.outputs[kX] + (single_row ? Expr(0) : tiles_of_row * (y / s.outputs[kY]));
    s.result(variables({c, x, y}, rest)) = transformed(kY, y % s.outputs[kY], [&](const Expr &k) {
        return s.output_rows(joined({c, x % s.outputs[kX], k, t}, rest));
    });
}

template <class Derived, int kDims>
Expr Winograd<Derived, kDims>::finished(const Expr &result, const std::vector<Expr> &place) {
    Expr blocks = (output.dim(0).extent() + panel - 1) / panel;
    return epilogue(result + bias(c % panel, g * blocks + c / panel), residual(place));
}

void ConvWinograd::generate() {
    auto side = [](const Axis<Expr> &axis) {
        return Side{[axis](const Expr &o, const Expr &k) { return high_coordinate(axis, o, k); }, axis.kernel, 0, {}};
    };
    const Side sides[3] = {side(phase_axis_of(pins_z, axis_z).axis), side(phase_axis_of(pins_y, axis_y).axis),
                           side(phase_axis_of(pins_x, axis_x).axis)};
    define_result(sides, {g, z, n}, {g, z, n});
    output(c, g, x, y, z, n) = finished(stages.result(c, x, y, g, z, n), {c, g, x, y, z, n});
    stages.output = output;
}

void ConvTransposeWinograd::define_by_phase() {
    auto side = [](const PhaseAxis<Expr> &axis, const AxisPins &pins, const Var &q, bool transformed) {
        Expr r = axis.phase(q), base = axis.base(q);
        Expr whole = same_taps_in_every_phase(pins) ? Expr() : axis.taps(r) == axis.max_taps();
        return Side{[=](const Expr &o, const Expr &k) {
                        return transformed ? axis.run_input(o + base, r, k) : axis.input(o + base, r, k);
                    },
                    axis.max_taps(), r, whole};
    };
    const Side sides[3] = {side(phase_axis_of(pins_z, axis_z), pins_z, qz, false),
                           side(phase_axis_of(pins_y, axis_y), pins_y, qy, outputs_y != 1),
                           side(phase_axis_of(pins_x, axis_x), pins_x, qx, outputs_x != 1)};
    const std::vector<Expr> rest = {g, qx, qy, qz, z, n};
    define_result(sides, rest, rest);
    output(c, g, qx, x, qy, y, qz, z, n) =
        finished(stages.result(joined({c, x, y}, rest)), {c, g, qx, x, qy, y, qz, z, n});
}

// Here qx qy qz are the phases r.
void ConvTransposeWinograd::define_scattered() {
    const PhaseAxis<Expr> axes[3] = {phase_axis_of(pins_z, axis_z), phase_axis_of(pins_y, axis_y),
                                     phase_axis_of(pins_x, axis_x)};
    const AxisPins *pins[3] = {&pins_z, &pins_y, &pins_x};
    const Expr phases[3] = {qz, qy, qx};
    const bool transformed[3] = {false, outputs_y != 1, outputs_x != 1};
    const int extents[3] = {out_z, out_y, out_x};
    Side sides[3];
    for (int a = 0; a < 3; a++) {
        const PhaseAxis<Expr> &axis = axes[a];
        Expr first = axis.base(0);
        sides[a].input = [=](const Expr &o, const Expr &k) {
            return transformed[a] ? axis.run_input(o + first, 0, k) : axis.input(o + first, 0, k);
        };
        sides[a].taps = axis.max_taps(), sides[a].phase = phases[a];
        sides[a].whole = same_taps_in_every_phase(*pins[a]) ? Expr() : axis.taps(phases[a]) == axis.max_taps();
    }
    define_result(sides, {g, qx, qy, qz, z, n}, {g, z, n});

    auto positions = [&](int d) { return output.dim(d).extent(); };
    RDom r(0, positions(3), 0, positions(5), 0, positions(7), 0, axes[kX].axis.stride, 0, axes[kY].axis.stride, 0,
           axes[kZ].axis.stride, "places");
    Expr q[3];
    for (int a = 0; a < 3; a++) {
        q[a] = r[5 - a] + axes[a].first_phase();
        Expr coordinate = axes[a].output(r[2 - a], q[a]);
        r.where(0 <= coordinate && coordinate < extents[a]);
    }
    const std::vector<Expr> place = {c, g, q[kX], r[0], q[kY], r[1], q[kZ], r[2], n};
    output(c, g, qx, x, qy, y, qz, z, n) = Halide::undef<float>();
    output(place) = finished(stages.result(c, r[0], r[1], g, r[3], r[4], r[5], r[2], n), place);
    stages.places = r;
}

void ConvTransposeWinograd::generate() {
    stages.phases = {qx, qy, qz};
    if (out_x == 0) {
        define_by_phase();
    } else {
        define_scattered();
    }
    stages.output = output;
}

template class Winograd<ConvWinograd, 6>;
template class Winograd<ConvTransposeWinograd, 9>;

}  // namespace halconv
