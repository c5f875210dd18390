#!/usr/bin/env python3
"""The model's choice against the best of all candidates: candidates.py CANDIDATES.jsonl, written by
`halconv bench LAYERS.. --kernel '*' --json`. A layer's candidates come in the model's order, its choice first."""
import sys

import figures

CLOSE = 1.05  # a choice this near the best candidate's time counts as right


def tile(kernel):
    """Form and tile: what tells apart the candidates of a layer."""
    target_and_form = kernel.split("_on_")[1]
    return target_and_form.split("_", 1)[1]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    layers = {}
    for line in figures.lines(sys.argv[1]):
        if "kernel" in line:
            layers.setdefault(line["name"], []).append(line)
    rows = []
    for name, lines in layers.items():
        choice, best = lines[0], min(lines, key=lambda line: line["time_us"])
        rows.append((choice["time_us"] / best["time_us"], name, len(lines), choice, best))
    print("| layer | candidates | chosen | us | best | us | chosen / best |")
    print("| --- | ---: | --- | ---: | --- | ---: | ---: |")
    for ratio, name, count, choice, best in sorted(rows, key=lambda row: -row[0]):
        print(f"| {name} | {count} | {tile(choice['kernel'])} | {choice['time_us']:.1f} | {tile(best['kernel'])} | "
              f"{best['time_us']:.1f} | {ratio:.3f} |")
    close = sum(row[0] <= CLOSE for row in rows)
    print(f"\n{close} of {len(rows)} layers ({100 * close / len(rows):.0f} %) within {100 * (CLOSE - 1):.0f} % of the "
          f"best candidate; worst {max(row[0] for row in rows):.2f}.")


main()
