#!/usr/bin/env bash
# Every command in every circumstance: each ends by itself with a status from 0 to 3, what it prints is the beginning of what it prints
# otherwise, and a 3 comes with one sentence that says why. Prints a table; the status is 1 if a cell is wrong.
# Usage: tests/matrix.sh PROGRAM
set -u
drun=$(realpath "${1:?the program}")
root=$(realpath "$(dirname "$0")/..")
work=$(mktemp -d)
small=
cleanup() { [ -n "$small" ] && umount "$small" 2> /dev/null; rm -rf "$work"; }
trap cleanup EXIT
cp "$root"/wat/counter.* "$root"/wat/calls.* "$work"
cp "$root"/testdata/motoko/counter.wasm "$work/motoko.wasm"
cd "$work" || exit 1
export XDG_CACHE_HOME="$work/cache"
wrong=0

# The commands: a script, a real module, machine-readable results, a suite, its acceptance, a module that is shown, a profile, a state
# that is kept, a log, a memory that is saved, what `--stats` says.
id=rwlgt-iiaaa-aaaaa-aaaaa-cai
printf 'create\ninstall %s motoko.wasm 0x\ningress %s inc "DIDL\\x00\\x00"\nquery %s get "DIDL\\x00\\x00"\n' $id $id $id > motoko.drun
printf 'create\ninstall %s counter.wat 0x\nstable save %s dump\n' $id $id > save.drun
commands=(run motoko json test accept inspect profile keep log save stats)
arguments() {
    case $1 in
        run) echo "--quiet calls.drun" ;;
        motoko) echo "--no-cache motoko.drun" ;;
        json) echo "--format json motoko.drun" ;;
        test) echo "test --quiet counter.drun" ;;
        accept) echo "test --quiet --accept counter.drun" ;;
        inspect) echo "inspect counter.wat" ;;
        profile) echo "--profile $work/profile counter.drun" ;;
        keep) echo "--keep-state --state-dir $work counter.drun" ;;
        log) echo "--log-file $work/log counter.drun" ;;
        save) echo "save.drun" ;;
        stats) echo "--stats counter.drun" ;;
    esac
}

# A file system of a few pages, where that may be made: the cache, the profile, kept states and temporary files are on it.
if mkdir small && mount -t tmpfs -o size=64k tmpfs small 2> /dev/null; then small="$work/small"; fi

# The circumstances: a shell command that runs "$@".
circumstances=(
    "plain|\"\$@\""
    "address space 100 MB|ulimit -v 100000; \"\$@\""
    "address space 300 MB|ulimit -v 300000; \"\$@\""
    "address space 1 GB|ulimit -v 1000000; \"\$@\""
    "address space 8 GB|ulimit -v 8000000; \"\$@\""
    "address space 80 GB|ulimit -v 80000000; \"\$@\""
    "no threads|ulimit -u 1; \"\$@\""
    "8 files|ulimit -n 8; \"\$@\""
    "6 files|ulimit -n 6; \"\$@\""
    "files of 0 bytes|ulimit -f 0; \"\$@\""
    "files of 64 KiB|ulimit -f 64; \"\$@\""
    "stack of 256 KiB|ulimit -s 256; \"\$@\""
    "output to a full disk|\"\$@\" > /dev/full"
    "closed pipe|\"\$@\" | head -c 1"
    "no standard input|\"\$@\" <&-"
    "no standard error|\"\$@\" 2>&-"
    "cache is a file|XDG_CACHE_HOME=$work/motoko.wasm \"\$@\""
    "cache is read-only|XDG_CACHE_HOME=/proc \"\$@\""
    "8 at once|for i in 1 2 3 4 5 6 7; do \"\$@\" > /dev/null 2>&1 & done; \"\$@\"; s=\$?; wait; exit \$s"
)
[ -n "$small" ] && circumstances+=("full disk|head -c 65536 /dev/zero > $small/full; XDG_CACHE_HOME=$small TMPDIR=$small \"\$@\"; s=\$?; rm -f $small/full; exit \$s")
# Signals at instants that are different each time. Who is ended by one has status 124 from `timeout`.
for signal in TERM INT KILL; do
    for instant in 0.002 0.005 0.01 0.02 0.05; do
        circumstances+=("SIG$signal about $instant s|$work/at $instant $signal \"\$@\" > /dev/null 2>&1; \"\$@\"")
    done
done
cat > at <<'AT'
#!/usr/bin/env bash
instant=$(awk -v most="$1" -v seed=$RANDOM 'BEGIN { srand(seed); print most * rand() }'); signal=$2; shift 2
timeout --signal="$signal" "$instant" "$@"
AT
chmod +x at

# What is the same every time: neither how long it took, nor the name of a kept state.
comparable() { grep -v ' in [0-9.]* s$'; }

printf '%-26s' circumstance; printf '%-9s' "${commands[@]}"; echo
for entry in "${circumstances[@]}"; do
    name=${entry%%|*}; how=${entry#*|}
    printf '%-26s' "$name"
    for command in "${commands[@]}"; do
        read -ra args <<< "$(arguments "$command")"
        if [ ! -f "right.$command" ]; then "$drun" "${args[@]}" 2> /dev/null | comparable > "right.$command"; fi
        cp "$root/wat/counter.ok" counter.ok
        # Pipes, so that a limit of files is not one of what is printed.
        { bash -c "set -o pipefail; $how" matrix "$drun" "${args[@]}" 2>&3 | cat > out; status=${PIPESTATUS[0]}; } 3> >(cat > err)
        sleep 0.01
        cell=$status
        comparable < out > told
        if [ "$status" -gt 3 ]; then cell="$status!"; wrong=1; fi
        # A suite shows what differs where the machine gives out; all others print a part of what is right.
        case $command in test | accept) ;; *)
            if [ "$name" != "closed pipe" ] && ! head -n "$(wc -l < told)" "right.$command" | cmp -s - told; then cell="$cell line!"; wrong=1; fi ;;
        esac
        # Expected files are the old ones or the new ones.
        if ! cmp -s counter.ok "$root/wat/counter.ok"; then cell="$cell file!"; wrong=1; fi
        if [ "$status" = 3 ] && [ "$name" != "no standard error" ] && ! grep -q 'error: ' err out; then cell="$cell mute!"; wrong=1; fi
        printf '%-9s' "$cell"
    done
    echo
done
left=$(find . -name '.drun-*' | wc -l)
[ "$left" = 0 ] || echo "$left temporary files are left, by who was killed"
exit $wrong
