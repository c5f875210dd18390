#!/usr/bin/env python3
"""What the inner loops of ARM's kernels are held to, by their checked-in tables: arm_goals.py TABLE FORMS_TABLE

BELOW names the layers that are known to be below a goal. One that is below and not named fails, as does one that is named
and no longer below. Of FORMS_TABLE, which has every loop, winograd's transforms and depthwise loops are held to a share of the
cycles that their arithmetic, loads and stores alone need: of a transform with as many stores as additions the arithmetic pipes of
Neoverse N1, which a store occupies for a cycle, cannot give the additions more than a third to a half."""
import json
import sys

CORES = ("neoverse-n1", "neoverse-v2")
DENSE = ("direct", "phase", "row_fused", "inner_product", "winograd2", "winograd3", "winograd4")
PERCENT = {**dict.fromkeys(DENSE, 97), "depthwise": 70}  # of the multiply bound
# Of XNNPACK's f32-gemm-8x8-minmax-asm-aarch64-neonfma-ld128-2: 64 multiply-adds for 8 operands and 8 weights, more than of its
# 5x16 and 6x8. KleidiAI's 6x16 (f32_f32_f32p16x1b_6x16_neon_mla) has 96 / 22; with 24 sums LLVM spills.
PER_LOAD = 64 / 16
NEEDED = 70  # percent, of transforms and depthwise loops
OPERAND_LANES = 4  # of fewer input channels no vector of operands is loaded
BELOW = {
    # One pixel and one output: each weight is used once. Depthwise phases: four products of a sum, beside which its start from
    # the bias takes a slot of the arithmetic pipes and its store two of N1's and one of V2's: 4 / 7 and 4 / 6.
    "percent": ["dcgan/g1", "dcgan/d5", "bilinear_up/dw64"],
    # Rows of 1, 2, 5, 7 and 14 pixels, and of 7, 11 and 14 winograd tiles, fill no 8x2 or 9x2 tile; 12, 21 and 32 channels and
    # their rows are nearer to whole 5x3 and 5x4 tiles; three output channels fill one vector.
    "loads": ["dcgan/g1", "dcgan/g2", "dcgan/g5", "fcn8s/up8", "fsrcnn/map", "grouped_up/g4", "hifigan_v1/up1",
              "mobilenetv2/pw7", "pix2pix/u2", "pix2pix/u6", "pix2pix/u8", "resnet50/28_3x3", "resnet50/14_3x3",
              "resnet50/14_1x1", "unet3d/up1"],
}


def goals_missed(loop):
    form = loop["kernel"].split("_on_")[1].split("_", 1)[1]
    kind = next(known for known in PERCENT if form.startswith(known))
    if min(loop["predicted_percent_of_peak"][core] for core in CORES) < PERCENT[kind]:
        yield "percent"
    if loop["spills"] > 0:
        yield "spills"
    if kind in DENSE and kind != "inner_product":
        channels = int(loop["kernel"].split("_ci")[1].split("_")[0])
        if loop.get("fma_by_lane", 0) < loop["fma"]:
            yield "lanes"
        if channels >= OPERAND_LANES and loop["fma_per_load"] < PER_LOAD:
            yield "loads"


def loops(path):
    with open(path) as table:
        return [json.loads(line) for line in table]


below = {}
for loop in loops(sys.argv[1]):
    for goal in goals_missed(loop):
        below.setdefault(goal, []).append(loop["name"])
for loop in loops(sys.argv[2]):
    transform = "_winograd" in loop["kernel"] and "fma_by_lane" not in loop
    if transform or "_depthwise_" in loop["kernel"]:
        if min(loop["predicted_percent_of_needed"][core] for core in CORES) < NEEDED:
            below.setdefault("needed", []).append(loop["name"])
wrong = {goal: sorted(set(below.get(goal, [])) ^ set(BELOW.get(goal, []))) for goal in {*below, *BELOW}}
if any(wrong.values()):
    sys.exit(f"{sys.argv[1]}: below a goal and not named in BELOW, or the other way round: {wrong}")
