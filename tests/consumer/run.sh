#!/usr/bin/env bash
# Installs halconv into a folder, moves it, and builds this project against it: run.sh CMAKE NINJA PYTHON BUILD WORK
# Checks that a second build does nothing, that a touched layer list or model is compiled again and nothing else, and
# that pkg-config serves too.
set -euo pipefail
cmake=$1 ninja=$2 python=$3 build=$4 work=$5
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
app=$work/app

rm -rf "$work"
mkdir -p "$app"
"$cmake" --install "$build" --prefix "$work/first" >"$work/install.log"
mv "$work/first" "$work/prefix" # an installed tree can be moved
cp "$here"/{CMakeLists.txt,Makefile,app.c,network.c,layers.jsonl} "$app"
"$python" -B "$here/make_model.py" "$app/network.onnx"

echo "== CMake"
"$cmake" -S "$app" -B "$app/build" -G Ninja -DCMAKE_MAKE_PROGRAM="$ninja" -DCMAKE_PREFIX_PATH="$work/prefix" \
    >"$work/configure.log"
"$ninja" -C "$app/build"
"$app/build/app"
"$app/build/network_app"

echo "== nothing to do"
"$ninja" -C "$app/build" | grep "no work to do"

# rebuilt FILE NAME OTHER: after a touch of FILE the kernels of NAME are compiled, those of OTHER are not.
rebuilt() {
    echo "== touched $1"
    sleep 1
    touch "$app/$1"
    "$ninja" -C "$app/build" >"$work/rebuild.log"
    grep "kernels of $2" "$work/rebuild.log"
    if grep "kernels of $3" "$work/rebuild.log"; then return 1; fi
    "$ninja" -C "$app/build" | grep "no work to do"
}
rebuilt layers.jsonl decoder network
rebuilt network.onnx network decoder

echo "== pkg-config"
PKG_CONFIG_PATH=$(dirname "$(find "$work/prefix" -name halconv.pc)") make -C "$app" HALCONV="$work/prefix/bin/halconv"
"$app/app"
rm -r "$work/prefix" # libHalide is large
