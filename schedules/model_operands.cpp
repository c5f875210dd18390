#include "halconv/halconv.h"
#include "schedules/model_forms.h"

namespace halconv {

bool reads_operands(const halconv_key &key, int operand_lanes) {
    return operand_lanes == 1 ||
           (key.in_layout == HALCONV_NHWC && key.group_in != HALCONV_FREE && key.group_in % operand_lanes == 0);
}

double operand_loads(int pixels, int vectors, int operand_lanes, const Core &core) {
    constexpr double kPairedLoad = 0.125;  // an estimate: the loop's other instructions take some of its places
    double load = core.in_order && operand_lanes == 1 ? kPairedLoad : 1;
    return load * pixels / operand_lanes + vectors;
}

int tile_registers(int pixels, int vectors, int operand_lanes) {
    return pixels * vectors + vectors + (operand_lanes > 1 ? pixels : 1);
}

}  // namespace halconv
