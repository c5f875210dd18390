#!/usr/bin/env python3
"""Writes an up-scaling network for an image: FOLDER/upscale.onnx, and its weights as FOLDER/up2.f32 and FOLDER/up8.f32.

Usage: make_model.py IMAGE.png FOLDER

The layers are the up-sampling layers of the fully convolutional networks for segmentation (Long, Shelhamer, Darrell,
"Fully Convolutional Networks for Semantic Segmentation", CVPR 2015): dense transposed convolutions whose weights make
bilinear interpolation, here of red, green and blue, by 2 and by 8. The network's input is the image with its border
repeated once on each side, so that the outermost pixels have two neighbours to interpolate between.
"""
import os
import sys

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

import png

CHANNELS = 3
SCALES = [2, 8]


def bilinear_weights(scale):
    """(in, out, 2 * scale, 2 * scale): the triangle 1 - |t + 1/2 - scale| / scale on each axis, channel by channel."""
    tap = np.arange(2 * scale)
    triangle = 1 - np.abs(tap + 0.5 - scale) / scale
    weights = np.eye(CHANNELS)[:, :, None, None] * triangle[:, None] * triangle
    return weights.astype(np.float32)


def model(height, width, weights):
    def tensor(name, scale):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, CHANNELS, scale * height, scale * width])

    nodes = [helper.make_node("ConvTranspose", ["image", f"weights{s}"], [f"image{s}"], name=f"up{s}",
                              kernel_shape=[2 * s, 2 * s], strides=[s, s], pads=[s // 2] * 4) for s in SCALES]
    constants = [numpy_helper.from_array(weights[s], f"weights{s}") for s in SCALES]
    graph = helper.make_graph(nodes, "upscale", [tensor("image", 1)], [tensor(f"image{s}", s) for s in SCALES], constants)
    result = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)
    checker.check_model(result)
    return result


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    image, folder = sys.argv[1:]
    height, width = (size + 2 for size in png.size(image))
    if CHANNELS * height * width * max(SCALES) ** 2 >= 2 ** 31:
        raise ValueError(f"{width - 2}x{height - 2} pixels are too many to scale {max(SCALES)} times")
    weights = {s: bilinear_weights(s) for s in SCALES}
    save(model(height, width, weights), os.path.join(folder, "upscale.onnx"))
    for s in SCALES:
        weights[s].astype("<f4").tofile(os.path.join(folder, f"up{s}.f32"))


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError) as error:
        reason = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else f"{sys.argv[1]}: {error}"
        print(f"upscale: {reason}", file=sys.stderr)
        sys.exit(2)
