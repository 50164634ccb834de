# What the benches share: a folder of their own, the processes they started, medians and ratios. Sourced.

set -euo pipefail
export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin:/usr/lib/nagios/plugins
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

fail() {
    echo "bench: $*" >&2
    exit 1
}

need() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null || { echo "skipped: $tool is not installed"; exit 77; }
    done
}

build=$(cd "${1:?usage: $0 BUILD-FOLDER ...}" && pwd)
programs=$build/tests/bench
[ -x "$programs/wall" ] || fail "$programs/wall is missing; configure with -DBUILD_TESTING=ON and build"
work=$(mktemp -d "${TMPDIR:-/tmp}/kmsmon-bench.XXXXXX")
pids=()
finish() {
    local code=$? pid
    for pid in "${pids[@]}"; do
        kill -CONT "$pid" 2>/dev/null || :
        kill -TERM "$pid" 2>/dev/null || :
    done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || :; done
    if [ $code != 0 ] && [ $code != 77 ]; then tail -n 20 "$work"/*.log >&2 2>/dev/null || :; fi
    rm -rf "$work"
    exit $code
}
trap finish EXIT
trap 'exit 143' HUP INT TERM

# A port that nobody has at this moment: udp and tcp, from the number on.
free_port() {
    local port=$1
    while grep -qi "^ *[0-9]*: [0-9A-F]*:$(printf '%04X' "$port") " /proc/net/{udp,tcp,udp6,tcp6}; do
        port=$((port + 1))
    done
    echo "$port"
}

# wait_for WHAT COMMAND...: runs it until it succeeds, for a minute.
wait_for() {
    local what=$1 tries=0
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 300 ] || fail "waited in vain for $what"
        sleep 0.2
    done
}

# walls JOBS RUNS COMMAND...: sets took and rate, an entry for each command.
walls() {
    local us per failed
    took=() rate=()
    while read -r us per failed; do
        [ "$failed" = 0 ] || fail "$failed runs of a command failed: ${*:3}"
        took+=("$us") rate+=("$per")
    done < <("$programs/wall" "$@")
    [ ${#took[@]} = $(($# - 2)) ] || fail "not run: ${*:3}"
}

# Figures by name: every round adds one, the table shows the median.
put() { echo "$2" >>"$work/figure.$1"; }
median() { sort -n "$work/figure.$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
# ratio A B [DIGITS]
ratio() { awk -v a="$1" -v b="$2" -v d="${3:-2}" 'BEGIN { if (b > 0) printf "%.*f", d, a / b; else print "-" }'; }
# 24130 -> 24 130
whole() { awk -v n="$1" 'BEGIN { s = sprintf("%.0f", n); while (match(s, /[0-9][0-9][0-9][0-9]( |$)/)) s = substr(s, 1, RSTART) " " substr(s, RSTART + 1); print s }'; }
# 2412 -> 2.41
ms() { awk -v us="$1" 'BEGIN { printf "%.2f", us / 1000 }'; }

# heading TEXT: what is measured, and whether the machine had other work when it began.
heading() {
    local load quiet=''
    read -r load _ </proc/loadavg
    awk -v l="$load" 'BEGIN { exit !(l > 0.7) }' && quiet=', so these figures are provisional'
    printf '### %s\n\n%s processors, load %s at the start%s.\n\n' "$1" "$(nproc)" "$load" "$quiet"
}
