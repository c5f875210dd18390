#!/usr/bin/env python3
"""Instructions that qemu executes for a whole layer, over the multiply-adds of vectors that it needs:
instructions.py FOLDER NAMES TARGET LANES LIMIT RUN_LAYER PLUGIN EMULATOR..

NAMES, a regular expression, picks layers of the lists in FOLDER; they run with strict numerics. One run's instructions are those of a process with two runs less those of one with a single run, so
that nothing but halconv_plan_run counts: copies, stores and loops as well as multiply-adds. Fails where a ratio exceeds
LIMIT."""
import json
import math
import pathlib
import re
import subprocess
import sys

folder, names, target, lanes, limit, program, plugin = sys.argv[1:8]
emulator = sys.argv[8:]


def run(layer, runs):
    command = [*emulator, "-d", "plugin", "-plugin", plugin, program, layer, target, str(runs)]
    result = subprocess.run(command, capture_output=True, text=True)
    count = re.search(r"^instructions (\d+)$", result.stderr + result.stdout, re.MULTILINE)
    if result.returncode != 0 or not count:
        sys.exit(f"{command}: {result.stderr}")
    return int(count[1]), result.stdout.split("\n")[0]


def multiplications(layer):
    """n * co * ci / groups * prod(out) * prod(kernel), with in for out in a transposed convolution."""
    groups = layer.get("groups", 1)
    positions = layer["in"]
    if layer["op"] == "conv":
        stride, pad = layer["stride"], layer["pad"]
        positions = [(size + sum(p) - k) // s + 1 for size, p, k, s in zip(positions, pad, layer["kernel"], stride)]
    return layer.get("n", 1) * layer["ci"] * layer["co"] // groups * math.prod(positions) * math.prod(layer["kernel"])


failed, found = False, False
for path in sorted(pathlib.Path(folder).glob("*.jsonl")):
    for layer in (json.loads(line) for line in path.read_text().splitlines() if line.startswith("{")):
        if not re.fullmatch(names, layer["name"]):
            continue
        text = json.dumps({**layer, "numerics": "strict"})
        (once, kernel), (twice, _) = run(text, 1), run(text, 2)
        ratio = (twice - once) / (multiplications(layer) / int(lanes))
        failed, found = failed or ratio > float(limit), True
        print(f"{layer['name']:20} {ratio:5.2f}  {kernel}", flush=True)
if failed or not found:
    sys.exit(f"more than {limit} instructions for a vector multiply-add" if failed else f"no layer is called {names}")
