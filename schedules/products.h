// The loop that dense forms spend their time in: the sums of a register tile, pixels x vectors of lanes, each updated for an
// input channel by the product of a vector of weights and one element of the input.
#pragma once

#include <vector>

#include "Halide.h"
#include "schedules/schedule.h"

namespace halconv {

struct Products {
    Halide::Func sum;                      // vectorised and unrolled by the caller but for its update
    Halide::Func operand;                  // the element, with input channels as dimension `channel`
    Halide::Var channel;                   // of operand
    Halide::Var lane;                      // of sum
    std::vector<Halide::Var> pixels;       // of sum and operand, the register tile
    std::vector<int> extents;              // of `pixels`
    Halide::RVar input;                    // the reduction over input channels
    std::vector<Halide::VarOrRVar> outer;  // and over the rest, innermost first
};

// Orders the update. With schedule.operand_lanes > 1 the elements of that many channels are loaded as a vector for each
// pixel, and multiplied lane by lane (arm.cpp); else each is broadcast where it is used.
void order_products(const Products &products, const halconv_key &key, const Schedule &schedule);

// Of order_products, for schedules with operand_lanes > 1.
void multiply_by_lane(const Products &products, const Schedule &schedule);

}  // namespace halconv
