// Names under which the generators serve plain add_halide_library(); without a schedule each is the reference.
#include "generators/conv.h"
#include "generators/conv_transpose.h"
#include "generators/inner_product.h"

HALIDE_REGISTER_GENERATOR(halconv::ConvDirect, conv_direct)
HALIDE_REGISTER_GENERATOR(halconv::ConvDepthwise, conv_depthwise)
HALIDE_REGISTER_GENERATOR(halconv::ConvTransposePhase, conv_transpose_phase)
HALIDE_REGISTER_GENERATOR(halconv::ConvTransposeDepthwise, conv_transpose_depthwise)
HALIDE_REGISTER_GENERATOR(halconv::ConvTransposeRowFused, conv_transpose_row_fused)
HALIDE_REGISTER_GENERATOR(halconv::ConvInnerProduct, conv_inner_product)
HALIDE_REGISTER_GENERATOR(halconv::ConvTransposeInnerProduct, conv_transpose_inner_product)
