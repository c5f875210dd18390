#include <algorithm>

#include "halconv/halconv.h"
#include "schedules/model_forms.h"

namespace halconv {

bool reads_operands(const halconv_key &key, int operand_lanes) {
    return operand_lanes == 1 ||
           (key.in_layout == HALCONV_NHWC && key.group_in != HALCONV_FREE && key.group_in % operand_lanes == 0);
}

double step_cycles(const TileStep &step, const Core &core) {
    constexpr double kPairedLoad = 0.125;  // an estimate: the loop's other instructions take some of its places
    double products = step.pixels * step.vectors / core.multiply_adds;
    if (core.in_order) {
        double operand = step.operand_lanes == 1 ? kPairedLoad : 1.0 / step.operand_lanes;
        return products + (operand * step.pixels + step.vectors) / core.loads;
    }
    double loads = double(step.pixels) / step.operand_lanes + step.vectors;
    return std::max(products, loads / (step.load_share * core.loads)) + core.load_overhead * loads;
}

int tile_registers(int pixels, int vectors, int operand_lanes) {
    return pixels * vectors + vectors + (operand_lanes > 1 ? pixels : 1);
}

}  // namespace halconv
