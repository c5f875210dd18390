#!/usr/bin/env bash
# Builds and runs the tests: tools/test.sh [SUITE..], all suites by default. Ends with ctest's summary.
# JUNIT=FILE also writes the results as JUnit XML.
JUNIT=${JUNIT:+$(realpath -m -- "$JUNIT")} # before setup.sh goes to the repo
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

suites=(unit kernels conformance tools sanitize arm gpu)

[ $# -gt 0 ] || set -- "${suites[@]}"
selected=()
for suite in "$@"; do
    if [[ " ${suites[*]} " == *" $suite "* ]]; then
        selected+=("$suite")
    else
        echo "unknown suite '$suite'; there are: ${suites[*]}" >&2
        exit 2
    fi
done

cross_tools=() # compilers, objects' tools and emulator of the suite arm
if [[ " ${selected[*]} " == *" arm "* ]]; then
    cross_tools=(g++-aarch64-linux-gnu g++-arm-linux-gnueabihf qemu-user clang llvm)
fi
opencl=() # OpenCL on the processor, for the suite gpu
if [[ " ${selected[*]} " == *" gpu "* ]]; then
    opencl=(pocl-opencl-icd ocl-icd-libopencl1)
fi
set_up clang-format clang-tidy llvm-19 "${cross_tools[@]}" "${opencl[@]}"
if [[ " ${selected[*]} " == *" gpu "* ]]; then
    step "CUDA assembler" cuda_assembler
fi
targets=(halconv)
for suite in "${selected[@]}"; do
    [ "$suite" = sanitize ] || targets+=("suite_$suite")
done
configure release
build release "${targets[@]}"
trees='"../release"'
if [[ " ${selected[*]} " == *" sanitize "* ]]; then
    configure sanitize
    build sanitize suite_sanitize
    trees+=' "../sanitize"'
fi
if [[ " ${selected[*]} " == *" arm "* ]]; then
    for preset in arm-64 arm-32; do
        configure $preset
        build $preset all
        trees+=" \"../$preset\""
    done
fi

# One ctest run, and one summary, over the tests of both build trees.
mkdir -p build/ctest
echo "subdirs($trees)" >build/ctest/CTestTestfile.cmake
current_step=ctest
pattern=$(IFS='|'; echo "^(${selected[*]})\$")
ctest --test-dir build/ctest --label-regex "$pattern" --no-tests=error --output-on-failure --parallel "$(nproc)" \
    ${JUNIT:+--output-junit "$JUNIT"}
