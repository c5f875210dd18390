#include "schedules/pairwise_sums.h"

#include <numeric>
#include <vector>

namespace halconv {

using namespace Halide;
using namespace Halide::Internal;

namespace {

bool is_power_of_two(int v) { return v > 0 && (v & (v - 1)) == 0; }

// In one step for vectors a and b, whose lanes are partial sums in blocks of `unit`: lane l becomes the sum of a's lanes l
// and l ^ unit where l & unit is zero, else of b's.
Expr add_pair(const Expr &a, const Expr &b, int unit) {
    int lanes = a.type().lanes();
    Expr of_a = (Ramp::make(0, 1, lanes) & Broadcast::make(unit, lanes)) == Broadcast::make(0, lanes);
    std::vector<int> swapped(static_cast<size_t>(lanes));
    for (int l = 0; l < lanes; l++) {
        swapped[size_t(l)] = l ^ unit;
    }
    return Select::make(of_a, a, b) + Shuffle::make({Select::make(of_a, b, a)}, swapped);
}

// The sums of the vectors' lanes, one lane a vector.
Expr add_lanes(std::vector<Expr> vectors) {
    int count = int(vectors.size());
    for (int unit = 1; unit < count; unit *= 2) {
        for (size_t i = 0; 2 * i < vectors.size(); i++) {
            vectors[i] = add_pair(vectors[2 * i], vectors[2 * i + 1], unit);
        }
        vectors.resize(vectors.size() / 2);
    }
    Expr sums = vectors[0];
    for (int lanes = sums.type().lanes() / 2; lanes >= count; lanes /= 2) {
        sums = Shuffle::make_slice(sums, 0, 1, lanes) + Shuffle::make_slice(sums, lanes, 1, lanes);
    }
    return sums;
}

}  // namespace

Expr PairwiseSums::visit(const VectorReduce *op) {
    const Load *load = op->value.as<Load>();
    const Ramp *ramp = load ? load->index.as<Ramp>() : nullptr;
    int count = op->type.lanes(), width = op->value.type().lanes() / count, lanes = std::gcd(width, native_lanes_);
    bool dense = ramp && is_const_one(ramp->stride) && !ramp->base.type().is_vector() && is_const_one(load->predicate);
    if (op->op != VectorReduce::Add || !dense || !is_power_of_two(count) || count < 2 || lanes < count) {
        return IRMutator::visit(op);
    }
    auto piece = [&](int first) {
        Expr index = Ramp::make(simplify(ramp->base + first), 1, lanes);
        return Load::make(op->type.with_lanes(lanes), load->name, index, load->image, load->param, const_true(lanes),
                          load->alignment + first);
    };
    std::vector<Expr> vectors;
    for (int i = 0; i < count; i++) {
        Expr sum = piece(i * width);
        for (int part = lanes; part < width; part += lanes) {
            sum += piece(i * width + part);
        }
        vectors.push_back(sum);
    }
    return add_lanes(vectors);
}

}  // namespace halconv
