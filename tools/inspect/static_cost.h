// What a kernel costs by analysis of its machine code alone: `--cost static`, for targets that this machine cannot run.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "schedules/compile.h"
#include "tools/inspect/core_model.h"

namespace halconv {

// cycles() ranks schedules of one problem; it is no time. Counted are the cycles of the hot loops alone: winograd's
// transforms, copies of the input, starts and stores of tiles, and all that does not come from L1 are left out.
struct StaticCost {
    // Of one f32 product in the hot loops, those with as many accumulators and as deep as the hottest (inner_loop.h): the
    // sum of their predicted cycles over the sum of their products, so that each weighs as much as it multiplies.
    double cycles_per_product;
    double products;  // form_products
    double cycles() const { return cycles_per_product * products; }
};

// The f32 products that the form makes for the problem, which the key pins: positions and channels count up to whole
// register tiles, those with a zero border too where the schedule does not leave it out; the reduction of inner products as
// it is. Of winograd the elementwise ones.
double form_products(const halconv_key &key, const Schedule &schedule);

// Of each job, whose key pins the whole problem, and its object; nothing for one without a loop that multiplies. One run of
// the disassembler and one of the analyser for all. Throws InputError for a core that does not serve one.
std::vector<std::optional<StaticCost>> static_costs(const std::vector<CompileJob> &jobs,
                                                    const std::vector<std::filesystem::path> &objects,
                                                    const CoreModel &core);

}  // namespace halconv
