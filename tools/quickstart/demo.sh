#!/usr/bin/env bash
# From an image and an ONNX network to a linked program: demo.sh [IMAGE.png] [-o OUT.png]
#
# Up-scales IMAGE.png (default: a test chart) by 8 to OUT.png and by 2 to OUT-x2.png (default: upscaled.png in the work
# folder), and prints a table. What it finds where, each overridable from the environment:
#   BUILD   build/release         bin/halconv, lib/libhalconv.a, include/
#   PYTHON  build/venv/bin/python with the packages of requirements.txt
#   CC      cc                    a C11 compiler
#   WORK    build/quickstart      what is made: network, kernels, program, pictures
set -Eeuo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
BUILD=${BUILD:-$root/build/release}
PYTHON=${PYTHON:-$root/build/venv/bin/python}
CC=${CC:-cc}
WORK=${WORK:-$root/build/quickstart}
export PYTHONDONTWRITEBYTECODE=1

usage() {
    echo "usage: $(basename "$0") [IMAGE.png] [-o OUT.png]" >&2
    exit 2
}

image='' out=$WORK/upscaled.png
while [ $# -gt 0 ]; do
    case $1 in
    -o)
        [ $# -ge 2 ] || usage
        out=$2
        shift
        ;;
    -*) usage ;;
    *)
        [ -z "$image" ] || usage
        image=$1
        ;;
    esac
    shift
done

mkdir -p "$WORK"
if [ -z "$image" ]; then
    image=$WORK/chart.png
    "$PYTHON" "$here/make_chart.py" "$image"
fi

"$PYTHON" "$here/make_model.py" "$image" "$WORK"
"$BUILD/bin/halconv" build "$WORK/upscale.onnx" --target host -o "$WORK" --name upscale
peak=$("$BUILD/bin/halconv" bench "$WORK/upscale.onnx" --json --min-time 0.02 |
    "$PYTHON" -c 'import json, sys; print(json.loads(sys.stdin.readlines()[0])["machine"]["fma_peak"])')

flags=$(pkg-config --cflags --libs libpng)
# shellcheck disable=SC2086  # pkg-config's flags are words
"$CC" -std=c11 -O2 -Wall -Wextra -I"$BUILD/include" -I"$WORK" "$here/upscale.c" -o "$WORK/upscale" \
    "$WORK/libupscale.a" "$BUILD/lib/libhalconv.a" $flags -lpthread -lm

double=${out%.png}-x2.png
"$WORK/upscale" "$image" "$WORK" "$peak" "$double" "$out"
echo
echo "$image: 2 times as large in $double, 8 times in $out"
