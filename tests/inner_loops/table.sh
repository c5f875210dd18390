#!/bin/sh
# table.sh TABLE PROGRAM TARGET..: compares TABLE.jsonl with what PROGRAM says now of the kernels for the targets: the hottest
# inner loop of each kernel of the workload or, where there is a TABLE.layers.jsonl, every inner loop of the kernels of its
# layers; and tells where the version of schedules may have to be raised. With UPDATE=1 in the environment it writes the
# table instead.
set -eu
folder=$(dirname "$0")
table=$folder/$1.jsonl layers=$folder/$1.layers.jsonl program=$2
shift 2
now=$(mktemp)
trap 'rm -f "$now" "$now.before" "$now.after"' EXIT
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
    # A kernel's name tells every parameter of its schedule.
    kernels() { diff "$table" "$now" | sed -n "s/^$1.*\"kernel\":\"\([^\"]*\)\".*/\1/p" | sort -u; }
    kernels '<' >"$now.before"
    kernels '>' >"$now.after"
    same=$(comm -12 "$now.before" "$now.after" | wc -l)
    if [ "$same" -gt 0 ]; then
        echo "$same of the same schedules lead to other code now: raise kScheduleVersion (schedules/tuning/versions.h)," \
            "which makes tuning records stale, unless the change is too small for their times" >&2
    fi
    exit 1
fi
