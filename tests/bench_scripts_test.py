#!/usr/bin/env python3
"""The scripts of tools/bench/ on made-up figures: bench_scripts_test.py ROOT"""
import json
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

SCRIPTS = pathlib.Path(sys.argv[1]) / "tools/bench"
MACHINE = {"machine": {"cpu": "C&U", "threads": 2, "target": "x86-avx2", "fma_peak": 50, "clock_mhz": 2500,
                       "read_gbs": [{"level": "L2", "bytes": 1, "gbs": 90}, {"level": "memory", "gbs": 12}]}}


def line(name, tile, time_us, gflops):
    return {"name": name, "op": "conv", "kernel": f"halconv_conv_on_x86-avx2_{tile}", "time_us": time_us,
            "gflops": gflops, "percent_of_peak": gflops, "percent_of_roofline": gflops, "max_error": 1e-7, "spread": 0}


OURS = [MACHINE, line("net/a", "direct_14x2", 10, 80), line("net/a", "direct_8x2", 8, 100),
        line("net/b", "phase_1x2", 5, 40)]
OTHERS = [{"machine": {}}, {"name": "net/a", "gflops_nominal": {"one": 50, "two": 125}},
          {"name": "net/b", "gflops_nominal": {}}]


def output_of(script, *files):
    with tempfile.TemporaryDirectory() as folder:
        paths = [pathlib.Path(folder) / str(i) for i in range(len(files))]
        for path, content in zip(paths, files):
            path.write_text("".join(json.dumps(item) + "\n" for item in content))
        command = [sys.executable, SCRIPTS / script, *paths]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def check(condition, output):
    if not condition:
        sys.exit(f"unexpected output:\n{output}")


text = output_of("table.py", OURS)
check("C&U at 2.5 GHz, 2 threads, x86-avx2: multiply-add peak 50.0" in text, text)
check("| net/a | 8.0 | 100.0 | 100 | 1e-07 |\n" in text, text)
text = output_of("table.py", OURS, OTHERS)
check("| net/a | 8.0 | 100.0 | 100 | 1e-07 | two | 125.0 | 0.80 |\n" in text and "| 1e-07 | | | |\n" in text, text)
text = output_of("candidates.py", OURS)
check("| net/a | 2 | direct_14x2 | 10.0 | direct_8x2 | 8.0 | 1.250 |\n" in text, text)
check("1 of 2 layers (50 %)" in text, text)
text = output_of("plot.py", OURS, OTHERS)
marks = [element for element in ElementTree.fromstring(text).iter() if element.tag.endswith("circle")]
check(len(marks) == 4, text)  # two libraries: in the legend and on one layer
