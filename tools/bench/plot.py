#!/usr/bin/env python3
"""Percent of the multiply-add peak by layer, as SVG on standard output: plot.py OURS.jsonl [OTHERS.jsonl], files as in
README.md beside this. A bar is halconv, a mark another library."""
import sys
from xml.sax.saxutils import escape

import figures

ROW, LEFT, WIDTH, TOP = 15, 190, 640, 62  # pixels
BAR, GRID, TEXT = "#4477aa", "#dddddd", "#222222"
MARKS = ["#ee6677", "#228833", "#ccbb44", "#aa3377", "#66ccee", "#bb5566", "#004488"]  # P. Tol's colours


def text(x, y, content, anchor="start", size=11):
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
    return f'<text {place} fill="{TEXT}">{escape(content)}</text>'


def legend(libraries):
    parts = [f'<rect x="{LEFT}" y="30" width="18" height="9" fill="{BAR}"/>', text(LEFT + 23, 39, "halconv")]
    x = LEFT + 85
    for library in libraries:
        parts += [f'<circle cx="{x}" cy="35" r="4" fill="{libraries[library]}"/>', text(x + 8, 39, library)]
        x += 26 + 7 * len(library)
    return parts


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    machine, layers = figures.ours(sys.argv[1])
    others = figures.others(sys.argv[2] if len(sys.argv) == 3 else None)
    peak = machine["fma_peak"] * machine["threads"]
    marks = [(name, library, 100 * gflops / peak) for name in layers
             for library, gflops in others.get(name, {}).items()]
    names = sorted({library for _, library, _ in marks})
    colours = {library: MARKS[i % len(MARKS)] for i, library in enumerate(names)}
    most = max([100, *(line["percent_of_peak"] for line in layers.values()), *(percent for _, _, percent in marks)])
    width, height = LEFT + WIDTH + 30, TOP + ROW * len(layers) + 10
    place = lambda percent: LEFT + WIDTH * percent / most
    svg = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif">',
           '<rect width="100%" height="100%" fill="white"/>', text(10, 18, figures.describe(machine))]
    svg += legend(colours)
    for percent in range(0, int(most) + 1, 25 if most <= 150 else 50):
        x = f"{place(percent):.1f}"
        svg += [f'<line x1="{x}" y1="{TOP - 4}" x2="{x}" y2="{height - 8}" stroke="{GRID}"/>',
                text(place(percent), TOP - 8, f"{percent} %", "middle", 10)]
    for i, (name, line) in enumerate(layers.items()):
        y, bar = TOP + ROW * i, place(line["percent_of_peak"]) - LEFT
        svg += [text(LEFT - 6, y + 10, name, "end"),
                f'<rect x="{LEFT}" y="{y + 2}" width="{bar:.1f}" height="{ROW - 5}" fill="{BAR}"/>']
        svg += [f'<circle cx="{place(percent):.1f}" cy="{y + ROW / 2 - 0.5}" r="3.5" fill="{colours[library]}" '
                f'stroke="white" stroke-width="0.7"/>' for layer, library, percent in marks if layer == name]
    print("\n".join(svg + ["</svg>"]))


main()
