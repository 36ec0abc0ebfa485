#!/usr/bin/env bash
# Every command in every circumstance: each ends by itself with a status from 0 to 3, and what it prints is the beginning of what it prints
# otherwise. Prints a table; the status is 1 if a cell is wrong. Usage: tests/matrix.sh PROGRAM
set -uo pipefail
drun=$(realpath "${1:?the program}")
root=$(realpath "$(dirname "$0")/..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$root"/wat/counter.* "$root"/wat/calls.* "$work"
cd "$work"
export XDG_CACHE_HOME="$work/cache"
wrong=0

# The commands: a script, a suite, a module that is shown, a profile, a state that is kept.
commands=("run" "test" "inspect" "profile" "keep")
arguments() {
    case $1 in
        run) echo "--quiet calls.drun" ;;
        test) echo "test --quiet counter.drun" ;;
        inspect) echo "inspect counter.wat" ;;
        profile) echo "--profile $work/profile counter.drun" ;;
        keep) echo "--keep-state --state-dir $work counter.drun" ;;
    esac
}

# The circumstances: a shell command that runs "$@".
circumstances=(
    "plain|\"\$@\""
    "address space 100 MB|ulimit -v 100000; \"\$@\""
    "address space 1 GB|ulimit -v 1000000; \"\$@\""
    "address space 8 GB|ulimit -v 8000000; \"\$@\""
    "address space 80 GB|ulimit -v 80000000; \"\$@\""
    "no threads|ulimit -u 1; \"\$@\""
    "8 files|ulimit -n 8; \"\$@\""
    "files of 0 bytes|ulimit -f 0; \"\$@\""
    "files of 64 KiB|ulimit -f 64; \"\$@\""
    "stack of 256 KiB|ulimit -s 256; \"\$@\""
    "full disk|\"\$@\" > /dev/full"
    "closed pipe|\"\$@\" | head -c 1"
    "8 at once|for i in 1 2 3 4 5 6 7; do \"\$@\" > /dev/null 2>&1 & done; \"\$@\"; s=\$?; wait; exit \$s"
    "terminated soon|timeout --signal=TERM 0.05 \"\$@\"; s=\$?; [ \$s = 124 ] && s=3; exit \$s"
    "killed soon, then again|timeout --signal=KILL 0.05 \"\$@\" > /dev/null 2>&1; \"\$@\""
)

printf '%-26s' circumstance; printf '%-9s' "${commands[@]}"; echo
for entry in "${circumstances[@]}"; do
    name=${entry%%|*}; how=${entry#*|}
    printf '%-26s' "$name"
    for command in "${commands[@]}"; do
        read -ra args <<< "$(arguments "$command")"
        [ -f "right.$command" ] || "$drun" "${args[@]}" > "right.$command" 2> /dev/null
        bash -c "set -o pipefail; $how" matrix "$drun" "${args[@]}" > out 2> err
        status=$?
        cell=$status
        # Durations differ, and so do the names of kept states.
        lines=$(grep -cv ' in [0-9.]* s$' out)
        if [ "$status" -gt 3 ]; then cell="$status!"; wrong=1; fi
        if ! head -n "$lines" "right.$command" | grep -v ' in [0-9.]* s$' | cmp -s - <(grep -v ' in [0-9.]* s$' out) \
            && [ "$name" != "closed pipe" ] && [ "$command" != test ]; then
            cell="$cell line!"; wrong=1
        fi
        if [ "$status" = 3 ] && [ "$name" != "terminated soon" ] && ! grep -q '^error: ' err; then cell="$cell mute!"; wrong=1; fi
        printf '%-9s' "$cell"
    done
    echo
done
exit $wrong
