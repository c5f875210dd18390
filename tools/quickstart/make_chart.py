#!/usr/bin/env python3
"""Draws the test chart: colour bars, a zone plate, a grey ramp. Usage: make_chart.py CHART.png"""
import sys

import numpy as np

import png

HEIGHT, WIDTH = 120, 160
BARS = [(235, 235, 235), (235, 235, 16), (16, 235, 235), (16, 235, 16), (235, 16, 235), (235, 16, 16), (16, 16, 235)]


def chart():
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    # cos(a * r^2) has the local frequency a * r / pi cycles a pixel: 0.4 at a radius of half the height.
    radius2 = (x - WIDTH / 2 + 0.5) ** 2 + (y - HEIGHT / 2 + 0.5) ** 2
    plate = np.round(127.5 + 112 * np.cos(0.4 * np.pi / (HEIGHT / 2) * radius2))
    pixels = np.repeat(plate[..., None], 3, axis=2)
    pixels[:HEIGHT // 6] = np.array(BARS)[x[0] * len(BARS) // WIDTH]
    pixels[-HEIGHT // 12:] = np.round(255 * x[0] / (WIDTH - 1))[:, None]
    return pixels.astype(np.uint8)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    png.write_rgb(sys.argv[1], chart())
