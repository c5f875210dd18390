#!/usr/bin/env bash
# Installs halconv into a folder, moves it, and builds this project against it: run.sh CMAKE NINJA BUILD WORK
# Checks that a second build does nothing, that a touched layer list is compiled again, and that pkg-config serves too.
set -euo pipefail
cmake=$1 ninja=$2 build=$3 work=$4
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

rm -rf "$work"
mkdir -p "$work/app"
"$cmake" --install "$build" --prefix "$work/first" >"$work/install.log"
mv "$work/first" "$work/prefix" # an installed tree can be moved
cp "$here"/{CMakeLists.txt,Makefile,app.c,layers.jsonl} "$work/app"

echo "== CMake"
"$cmake" -S "$work/app" -B "$work/app/build" -G Ninja -DCMAKE_MAKE_PROGRAM="$ninja" \
    -DCMAKE_PREFIX_PATH="$work/prefix" >"$work/configure.log"
"$ninja" -C "$work/app/build"
"$work/app/build/app"

echo "== nothing to do"
"$ninja" -C "$work/app/build" | grep "no work to do"

echo "== a changed layer list"
sleep 1
touch "$work/app/layers.jsonl"
"$ninja" -C "$work/app/build" -v | grep "halconv build"
"$ninja" -C "$work/app/build" | grep "no work to do"

echo "== pkg-config"
pkgconfig=$(dirname "$(find "$work/prefix" -name halconv.pc)")
PKG_CONFIG_PATH=$pkgconfig make -C "$work/app" HALCONV="$work/prefix/bin/halconv"
"$work/app/app"
