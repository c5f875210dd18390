#!/usr/bin/env python3
"""halconv-bench alone prints the machine, then a line with the right result for each layer: bench_test.py PROGRAM EMULATOR.."""
import json
import subprocess
import sys

program, emulator = sys.argv[1], sys.argv[2:]
if "INTERP" in subprocess.run(["readelf", "-lW", program], capture_output=True, text=True, check=True).stdout:
    sys.exit(f"{program}: not a static program")
command = [*emulator, program, "--min-time", "0.001", "--filter", "dw7|pw7"]
result = subprocess.run(command, capture_output=True, text=True)
lines = [json.loads(line) for line in result.stdout.splitlines()]
if result.returncode != 0 or "machine" not in lines[0] or len(lines) != 3:
    sys.exit(f"{command}: status {result.returncode}\n{result.stdout}{result.stderr}")
for line in lines[1:]:
    if not (line["time_us"] > 0 and line["max_error"] < 1e-5 and "_on_arm" in line["kernel"]):
        sys.exit(f"wrong line: {line}")
print(result.stdout)
