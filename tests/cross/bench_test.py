#!/usr/bin/env python3
"""halconv-bench alone prints the machine, then a line with the right result for each layer, and writes records that `halconv
build` takes: bench_test.py PROGRAM HALCONV TARGET WORK EMULATOR.."""
import json
import pathlib
import shutil
import subprocess
import sys

program, halconv, target, work = sys.argv[1:5]
emulator = sys.argv[5:]
work = pathlib.Path(work)
shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)
if "INTERP" in subprocess.run(["readelf", "-lW", program], capture_output=True, text=True, check=True).stdout:
    sys.exit(f"{program}: not a static program")
command = [*emulator, program, "--min-time", "0.001", "--filter", "dw7|pw7", "--write-records", work / "records.jsonl"]
result = subprocess.run(command, capture_output=True, text=True)
lines = [json.loads(line) for line in result.stdout.splitlines()]
if result.returncode != 0 or "machine" not in lines[0] or len(lines) != 3:
    sys.exit(f"{command}: status {result.returncode}\n{result.stdout}{result.stderr}")
for line in lines[1:]:
    if not (line["time_us"] > 0 and line["max_error"] < 1e-5 and "_on_arm" in line["kernel"]):
        sys.exit(f"wrong line: {line}")
print(result.stdout)

records = [json.loads(line) for line in (work / "records.jsonl").read_text().splitlines()]
timed = {line["name"]: line["time_us"] for line in lines[1:]}
if {record["problem"]["name"]: record["time_us"] for record in records} != timed:
    sys.exit(f"{records} are not of {timed}")
(work / "layers.jsonl").write_text("".join(json.dumps(record["problem"]) + "\n" for record in records))
build = [halconv, "build", work / "layers.jsonl", "--target", target, "--records", work / "records.jsonl", "-o", work]
subprocess.run(build, check=True)
kernels = {kernel["name"]: kernel["origin"] for kernel in json.loads((work / "layers.json").read_text())}
if kernels != {line["kernel"]: "record" for line in lines[1:]}:
    sys.exit(f"the build took no records: {kernels}")
