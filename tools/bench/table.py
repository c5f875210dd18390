#!/usr/bin/env python3
"""The table of the README: table.py OURS.jsonl [OTHERS.jsonl], files as in README.md beside this."""
import sys

import figures


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    machine, layers = figures.ours(sys.argv[1])
    others = figures.others(sys.argv[2] if len(sys.argv) == 3 else None)
    print(figures.describe(machine) + ".\n")
    print("| layer | us | GFLOP/s | % of peak | max error |" + (" best other | GFLOP/s | ratio |" if others else ""))
    print("| --- | ---: | ---: | ---: | ---: |" + (" --- | ---: | ---: |" if others else ""))
    for name, line in layers.items():
        row = (f"| {name} | {line['time_us']:.1f} | {line['gflops']:.1f} | {line['percent_of_peak']:.0f} | "
               f"{line['max_error']:.0e} |")
        if others:
            best, gflops = max(others.get(name, {}).items(), key=lambda item: item[1], default=(None, None))
            row += f" {best} | {gflops:.1f} | {line['gflops'] / gflops:.2f} |" if best else " | | |"
        print(row)


main()
