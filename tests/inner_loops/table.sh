#!/bin/sh
# table.sh TABLE PROGRAM TARGET..: compares TABLE.jsonl, the inner loops of the workload's kernels for the targets, with what
# PROGRAM says of them now. With UPDATE=1 in the environment it writes the table instead.
set -eu
folder=$(dirname "$0")
table=$folder/$1.jsonl program=$2
shift 2
now=$(mktemp)
trap 'rm -f "$now"' EXIT
for target in "$@"; do
    "$program" inspect "$folder"/../layers/workload/*.jsonl --target "$target" --json >>"$now"
done
if [ "${UPDATE:-0}" = 1 ]; then
    cp "$now" "$table"
elif ! diff -u "$table" "$now"; then
    echo "The inner loops changed. If they should: UPDATE=1 $0 $(basename "$table" .jsonl) $program $*" >&2
    exit 1
fi
