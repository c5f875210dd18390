#!/usr/bin/env bash
# Installs the cross-built runtime, builds tests/consumer against it and runs both programs in the emulator:
# consumer.sh CMAKE PYTHON BUILD WORK TOOLCHAIN HALCONV TARGETS EMULATOR..
set -euo pipefail
cmake=$1 python=$2 build=$3 work=$4 toolchain=$5 halconv=$6 targets=$7
shift 7
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

rm -rf "$work"
mkdir -p "$work/app"
"$cmake" --install "$build" --prefix "$work/prefix" >"$work/install.log"
cp "$here"/../consumer/{CMakeLists.txt,app.c,network.c,layers.jsonl} "$work/app"
"$python" -B "$here/../consumer/make_model.py" "$work/app/network.onnx"
"$cmake" -S "$work/app" -B "$work/app/build" -DCMAKE_TOOLCHAIN_FILE="$toolchain" -DCMAKE_PREFIX_PATH="$work/prefix" \
    -DHALCONV_PROGRAM="$halconv" -DAPP_TARGETS="$targets" >"$work/configure.log"
"$cmake" --build "$work/app/build"
for program in app network_app; do
    "$@" "$work/app/build/$program"
done
