#!/bin/sh
# table.sh TABLE PROGRAM TARGET..: compares TABLE.jsonl with what PROGRAM says now of the kernels for the targets: the hottest
# inner loop of each kernel of the workload or, where there is a TABLE.layers.jsonl, every inner loop of the kernels of its
# layers. With UPDATE=1 in the environment it writes the table instead.
set -eu
folder=$(dirname "$0")
table=$folder/$1.jsonl layers=$folder/$1.layers.jsonl program=$2
shift 2
now=$(mktemp)
trap 'rm -f "$now"' EXIT
for target in "$@"; do
    if [ -f "$layers" ]; then
        "$program" inspect "$layers" --all-loops --target "$target" --json >>"$now"
    else
        "$program" inspect "$folder"/../layers/workload/*.jsonl --target "$target" --json >>"$now"
    fi
done
if [ "${UPDATE:-0}" = 1 ]; then
    cp "$now" "$table"
elif ! diff -u "$table" "$now"; then
    echo "The inner loops changed. If they should: UPDATE=1 $0 $(basename "$table" .jsonl) $program $*" >&2
    exit 1
fi
