#!/usr/bin/env python3
"""The rows of the README's table, from `halconv bench --json` on standard input."""
import json
import sys


def main():
    for line in map(json.loads, sys.stdin):
        if "machine" in line:
            m = line["machine"]
            bandwidth = ", ".join(f"{level['level']} {level['gbs']:.0f}" for level in m["read_gbs"])
            print(f"{m['cpu']}, {m['threads']} thread, {m['target']}: multiply-add peak {m['fma_peak']:.1f} GFLOP/s; "
                  f"reads in GB/s: {bandwidth}.\n")
        else:
            print(f"| {line['name']} | {line['time_us']:.1f} | {line['gflops']:.1f} | {line['percent_of_peak']:.0f} | "
                  f"{line['max_error']:.0e} |")


main()
