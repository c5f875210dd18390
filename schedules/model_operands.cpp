#include "halconv/halconv.h"
#include "schedules/model_forms.h"

namespace halconv {

int operand_lanes(const halconv_key &, const TargetRow &target) { return target.core.operand_lanes; }

bool reads_operands(const halconv_key &key, int operand_lanes) {
    return operand_lanes == 1 ||
           (key.in_layout == HALCONV_NHWC && key.group_in != HALCONV_FREE && key.group_in % operand_lanes == 0);
}

double operand_loads(int pixels, int vectors, int operand_lanes, const Core &core) {
    bool free_broadcast = core.in_order && operand_lanes == 1;
    return (free_broadcast ? 0.0 : double(pixels) / operand_lanes) + vectors;
}

int tile_registers(int pixels, int vectors, int operand_lanes) {
    return pixels * vectors + vectors + (operand_lanes > 1 ? pixels : 1);
}

}  // namespace halconv
