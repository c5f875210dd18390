// conv and conv_transpose by Winograd's minimal filtering (runtime/core/winograd.h) on tiles of outputs_x x outputs_y
// positions; for conv_transpose the positions of one phase, whose outputs sum a run of neighbouring inputs like those of
// a conv with stride 1. With t = tile of the output, k = (kx, ky) = point of the transforms,
//
//     V(i, t, k)  = B^T d B                        d = the tile's inputs
//     M(c, t, k)  = sum over i and the taps of the axes that are not transformed of U(c, i, k) * V(i, t, k)
//     output      = epilogue(A^T M A + bias)
//
// An axis with outputs 1 is not transformed: there k is its tap, and is summed. z never is.
//
// A tile of conv_transpose is of neighbouring positions x of one phase q. Where all phases at x read the same inputs (the
// output's phases then begin at that of u = 0, PhaseAxis in conv_shape.h), one V serves them all; each then scatters its
// results, for some of these positions lie outside the output.
#pragma once

#include <vector>

#include "generators/operation.h"
#include "runtime/core/winograd.h"

namespace halconv {

// For schedules. `rest` of each: g, the phases qx qy qz (conv_transpose), z, n; of V that all phases share without them.
struct WinogradStages {
    Halide::Func padded{"padded"};
    Halide::Func input_rows{"input_rows"}, input{"transformed"};  // d B: (i, kx, ky, kz, t, rest); V likewise
    Halide::Func sum{"sum"}, products{"products"};                // M: (c, kx, ky, t, rest), and its copy
    Halide::Func output_rows{"output_rows"};                      // M A: (c, dx, ky, t, rest)
    Halide::Func result{"result"};                                // A^T M A: (c, x, y, rest)
    Halide::Func output;
    Halide::RDom taps;  // (i, tap of x, y, z)
    Halide::Var c{"c"}, t{"t"}, kx{"kx"}, ky{"ky"}, kz{"kz"}, dx{"dx"};
    Halide::Var g{"g"}, x{"x"}, y{"y"}, z{"z"}, n{"n"};
    std::vector<Halide::Var> phases;
    Halide::RDom places;  // of the output's update where it scatters: x, y, z, and their phases
    // Of a tile, z y x: outputs, and the extents of kz ky kx (points, or 1 where taps are summed).
    const WinogradMatrices *matrices[3] = {};  // null: not transformed
    int outputs[3] = {1, 1, 1}, points[3] = {1, 1, 1};
};

template <class Derived, int kOutputDimensions> class Winograd : public Operation<Derived, kOutputDimensions> {
  public:
    using Base = Operation<Derived, kOutputDimensions>;
    using Expr = Halide::Expr;
    using Base::axis_x, Base::axis_y, Base::axis_z, Base::pins_x, Base::pins_y, Base::pins_z;
    using Base::bias, Base::input, Base::output, Base::panel, Base::residual, Base::weights;
    using Base::c, Base::g, Base::n, Base::padded, Base::x, Base::y, Base::z;

    // Outputs of a tile: 2, 3 or 4, with 2 or 3 taps; 1 where the axis is not transformed.
    Halide::GeneratorParam<int> outputs_x{"outputs_x", 1}, outputs_y{"outputs_y", 1};
    // Tiles in a row of the output, or more; 0: as many as the output's extent needs.
    Halide::GeneratorParam<int> row_tiles{"row_tiles", 0};
    // Of conv_transpose whose phases share V: the extents of the whole output. 0: each phase has a V of its own.
    Halide::GeneratorParam<int> out_x{"out_x", 0}, out_y{"out_y", 0}, out_z{"out_z", 0};
    // The output is a single row of tiles, however many.
    Halide::GeneratorParam<bool> single_row{"single_row", false};

    WinogradStages stages;

  protected:
    using Base::define_padded, Base::epilogue, Base::phase_axis_of;

    // One axis: the input that position o reads for tap or point k, the number of taps, the phase of its weights, and
    // whether that phase has all taps (undefined where every phase has). One that lacks the lowest input's has only zeros
    // for point 0, which is no other's (the first row of G).
    struct Side {
        std::function<Expr(const Expr &o, const Expr &k)> input;
        Expr taps, phase, whole;
    };

    // Everything up to the result; sides z y x.
    void define_result(const Side sides[3], const std::vector<Expr> &rest, const std::vector<Expr> &input_rest);
    // The output at `place`.
    Expr finished(const Expr &result, const std::vector<Expr> &place);

  private:
    void define_input(const Side sides[3], const std::vector<Expr> &rest, const Expr &row_tiles);
    void define_sum(const Side sides[3], const std::vector<Expr> &rest, const std::vector<Expr> &input_rest);
};

class ConvWinograd : public Winograd<ConvWinograd, 6> {
  public:
    void generate();
};

class ConvTransposeWinograd : public Winograd<ConvTransposeWinograd, 9> {
  public:
    Halide::Var qx{"qx"}, qy{"qy"}, qz{"qz"};
    void generate();

  private:
    void define_by_phase();
    void define_scattered();
};

}  // namespace halconv
