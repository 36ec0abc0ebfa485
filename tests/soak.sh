#!/usr/bin/env bash
# Random traffic over a thousand canisters for some time: memory and file descriptors of the program stay flat once all canisters have
# been used, and both code generators print the same bytes. Usage: tests/soak.sh PROGRAM SECONDS
set -euo pipefail
drun=$(realpath "${1:?the program}")
seconds=${2:-3600}
work=$(mktemp -d)
trap 'kill $(jobs -p) 2> /dev/null || true; rm -rf "$work"' EXIT
cp "$(dirname "$0")/../wat/counter.wat" "$work"
cd "$work"

# A script without end: canisters are made by name, then messages go to any of them.
traffic() {
    awk -v seed="$1" -v most="$2" 'BEGIN {
        srand(seed)
        split("abcdefghijklmnopqrstuvwxyz234567", letters, "")
        for (n = 0; n < 1000; n++) print "create c" n
        for (n = 0; n < 1000; n++) print "install c" n " counter.wat 0x"
        for (n = 0; n < most; n++) {
            which = int(rand() * 1000); what = rand()
            if (what < 0.55) print "ingress c" which " write 0x07000000"
            else if (what < 0.6) print "ingress c" which " absent 0x"
            else if (what < 0.85) print "query c" which " read 0x"
            else if (what < 0.9) print "upgrade c" which " counter.wat 0x"
            else print "reinstall c" which " counter.wat 0x"
        }
    }'
}

watch() {
    local pid=$1 first=
    # Until all canisters have been used, memory is expected to grow.
    while kill -0 "$pid" 2> /dev/null && [ "$(wc -l < auto.out)" -lt 10000 ]; do sleep 1; done
    while kill -0 "$pid" 2> /dev/null; do
        rss=$(awk '/VmRSS/ { print $2 }' "/proc/$pid/status" 2> /dev/null || true)
        files=$(ls "/proc/$pid/fd" 2> /dev/null | wc -l)
        [ -z "$rss" ] && break
        [ -z "$first" ] && first=$rss
        echo "$(date +%T) ${rss} KiB, ${files} files"
        if [ "$rss" -gt $((first * 3 / 2 + 65536)) ]; then echo "memory grows"; kill "$pid"; return 1; fi
        sleep 10
    done
}

# One program after the other, each with so many messages, until the time is over.
most=$((seconds * 1500 < 500000 ? seconds * 1500 : 500000))
seed=${SEED:-1}
until [ "$SECONDS" -ge "$seconds" ]; do
    traffic "$seed" "$most" > soak.drun
    "$drun" --no-cache soak.drun > auto.out 2> auto.err & pid=$!
    watch "$pid" & watcher=$!
    wait "$pid"
    wait "$watcher"
    "$drun" --no-cache --compiler optimizing soak.drun > optimizing.out 2> optimizing.err
    cmp auto.out optimizing.out
    echo "$(wc -l < auto.out) results from seed $seed, the same from both code generators"
    seed=$((seed + 1))
done
