#!/bin/sh
# table.sh PROGRAM PTXAS NVDISASM: compares resources.jsonl with what gpu_resources says now. With UPDATE=1 in the environment it
# writes the table instead. The table is of the release of ptxas that its first line names.
set -eu
folder=$(dirname "$0")
table=$folder/resources.jsonl
now=$(mktemp)
trap 'rm -f "$now"' EXIT
release=$("$2" --version | sed -n 's/.*release [0-9.]*, \(V[0-9.]*\).*/\1/p')
printf '{"ptxas":"%s"}\n' "$release" >"$now"
if [ "${UPDATE:-0}" != 1 ] && ! head -n 1 "$table" | cmp -s - "$now"; then
    echo "skipped: ptxas is $release, the table is of $(head -n 1 "$table")"
    exit 77
fi
"$1" "$2" "$3" >>"$now"
if [ "${UPDATE:-0}" = 1 ]; then
    cp "$now" "$table"
elif ! diff -u "$table" "$now"; then
    echo "The kernels' resources changed. If they should: UPDATE=1 $0 $*" >&2
    exit 1
fi
