#!/usr/bin/env python3
"""Writes a network of one transposed convolution, the layer that network.c runs: make_model.py network.onnx"""
import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 9, 9])
y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 18, 18])
w = numpy_helper.from_array(np.ones((3, 3, 4, 4), np.float32), "w")
node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], name="up", strides=[2, 2], pads=[1, 1, 1, 1])
graph = helper.make_graph([node], "network", [x], [y], [w])
save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8), sys.argv[1])
