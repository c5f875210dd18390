#!/usr/bin/env bash
# `halconv build` for systems that this machine is not: formats.sh HALCONV MODEL_SCRIPT PYTHON WORK. Each library's objects
# have the system's format, call nothing of Halide's runtime, and export the set. 77: clang or LLVM's tools are missing.
set -euo pipefail
halconv=$1 python=$3 work=$4
for program in clang llvm-ar llvm-nm llvm-objcopy llvm-readobj llvm-size; do
    command -v $program >/dev/null || { echo "skipped: no $program"; exit 77; }
done
rm -rf "$work"
mkdir -p "$work"
"$python" -B "$2" "$work/network.onnx"

# built FORMAT ARCH PREFIX TARGET..
built() {
    local format=$1 arch=$2 prefix=$3 folder=$work/$4
    shift 3
    "$halconv" build "$work/network.onnx" "${@/#/--target=}" -o "$folder"
    llvm-readobj --file-headers "$folder/libnetwork.a" >"$folder/headers"
    [ "$(grep '^Format:' "$folder/headers" | sort -u)" = "Format: $format" ]
    [ "$(grep '^Arch:' "$folder/headers" | sort -u)" = "Arch: $arch" ]
    llvm-nm "$folder/libnetwork.a" 2>/dev/null >"$folder/symbols"
    grep -q " T ${prefix}network_kernels\$" "$folder/symbols"
    grep -q " U ${prefix}halconv_rt_do_par_for\$" "$folder/symbols"
    if grep " ${prefix}halide_" "$folder/symbols"; then return 1; fi
    echo "$*: $format $arch"
}
built elf64-littleaarch64 aarch64 "" arm-neon-android arm-dot-android arm-fp16-android
built elf64-littleaarch64 aarch64 "" arm-neon-linux
built elf32-littlearm arm "" armv7s-neon-android
built "Mach-O arm64" aarch64 _ arm-neon-ios
built "Mach-O arm64" aarch64 _ arm-neon-macos arm-dot-macos

# Two platforms cannot share a library.
status=0
"$halconv" build "$work/network.onnx" --target arm-neon-android --target arm-neon-ios -o "$work/both" 2>"$work/error" || status=$?
[ $status = 2 ] && [ ! -e "$work/both" ] && grep "cannot share a library" "$work/error"
