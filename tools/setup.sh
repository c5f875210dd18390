# Set-up for quickstart.sh and test.sh, which source this file: packages, Python tools, configuring, timed steps.
# Everything that is made lies under build/: venv (cmake, ninja, onnx), wheels/halide, and a folder for each preset.
set -Eeuo pipefail
export DEBIAN_FRONTEND=noninteractive
exec </dev/null
cd "$(dirname "${BASH_SOURCE[0]}")/.."

current_step=start
trap 'echo "$0: failed in step: $current_step" >&2' ERR

# step TITLE COMMAND..: runs the command and says how long it took.
step() {
    current_step=$1
    shift
    echo "== $current_step"
    local begin=$EPOCHREALTIME
    "$@"
    awk -v a="$begin" -v b="$EPOCHREALTIME" -v t="$current_step" 'BEGIN { printf "   %s: %.1f s\n", t, b - a }'
}

# quietly COMMAND..: keeps the output in build/setup.log and shows its end only if the command fails.
quietly() {
    "$@" >>build/setup.log 2>&1 || {
        tail -n 30 build/setup.log >&2
        return 1
    }
}

# packages NAME..: installs those Debian packages that are missing; needs root or sudo only then.
packages() {
    local missing=() installed name
    if ! command -v dpkg-query >/dev/null; then
        echo "   not Debian: expecting the counterparts of $*"
        return
    fi
    installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
    for name in "$@"; do
        grep -qx "$name installed" <<<"$installed" || missing+=("$name")
    done
    if [ ${#missing[@]} -eq 0 ]; then
        echo "   all installed"
        return
    fi
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "missing Debian packages, and neither root nor sudo to install them: ${missing[*]}" >&2
            return 1
        fi
        as_root=(sudo DEBIAN_FRONTEND=noninteractive)
    fi
    echo "   installing ${missing[*]}"
    quietly "${as_root[@]}" apt-get update -q
    quietly "${as_root[@]}" apt-get install -q -y --no-install-recommends "${missing[@]}"
}

# The tools of requirements.txt in build/venv, and Halide's wheel in build/wheels: it exists for CPython 3.10 to 3.12 and
# only its C++ parts are used, so it is unpacked whatever Python this is. The stamp makes a second call free.
python_tools() {
    local stamp=build/venv/requirements.stamp sum
    sum="$(sha256sum requirements.txt) $PWD"
    if [ -f $stamp ] && [ "$(cat $stamp)" = "$sum" ]; then
        echo "   requirements.txt unchanged"
        return
    fi
    rm -rf build/venv build/wheels
    quietly python3 -m venv build/venv
    local pip=(build/venv/bin/python -m pip install --disable-pip-version-check --no-input --no-deps)
    grep -v '^halide=' requirements.txt >build/requirements.txt
    echo "   installing $(grep -v '^#' requirements.txt | tr '\n' ' ')"
    quietly "${pip[@]}" -r build/requirements.txt
    quietly "${pip[@]}" --target build/wheels --python-version 3.12 --only-binary=:all: "$(grep '^halide=' requirements.txt)"
    echo "$sum" >$stamp
}

# The tools of requirements-cuda.txt in build/venv.
cuda_assembler() {
    local stamp=build/venv/cuda.stamp sum
    sum=$(sha256sum requirements-cuda.txt)
    if [ -f $stamp ] && [ "$(cat $stamp)" = "$sum" ]; then
        echo "   requirements-cuda.txt unchanged"
        return
    fi
    echo "   installing $(grep -v '^#' requirements-cuda.txt | tr '\n' ' ')"
    quietly build/venv/bin/python -m pip install --disable-pip-version-check --no-input --no-deps -r requirements-cuda.txt
    echo "$sum" >$stamp
}

# set_up EXTRA_PACKAGE..: all that configuring needs; then cmake, ninja and ctest are those of requirements.txt.
set_up() {
    mkdir -p build
    step "Debian packages" packages g++ make pkg-config python3 python3-venv libfmt-dev libcli11-dev nlohmann-json3-dev \
        libprotobuf-dev protobuf-compiler libonnx-dev libpng-dev libsqlite3-dev libxxhash-dev catch2 "$@"
    step "Python tools" python_tools
    PATH="$PWD/build/venv/bin:$PATH"
}

# configure PRESET
configure() { step "configure $1" quietly cmake --preset "$1"; }

# build PRESET TARGET..
build() {
    local preset=$1
    shift
    step "build $preset" cmake --build --preset "$preset" --target "$@"
}
