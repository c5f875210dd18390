#!/usr/bin/env bash
# Sets up, builds and runs the main job: tools/quickstart.sh [IMAGE.png] [-o OUT.png]
# An ONNX up-scaling network becomes a static library of kernels, a C program is linked with it and up-scales the image
# (default: a test chart). Writes OUT.png (8 times as large) and OUT-x2.png; prints what ran and how fast.
arguments=()
for argument in "$@"; do # the caller's relative paths, before setup.sh goes to the repo
    case $argument in
    -*) arguments+=("$argument") ;;
    *) arguments+=("$(realpath -m -- "$argument")") ;;
    esac
done
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

set_up
configure release
build release halconv
current_step="quickstart"
tools/quickstart/demo.sh ${arguments[@]+"${arguments[@]}"}
