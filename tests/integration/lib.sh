# A private snmpd and kmsmond in a folder of their own: sourced by the tests beside it.
#
# Every test has its own unix sockets, so tests run side by side and need no ports and no privileges. Nothing sleeps to
# wait for something: wait_for asks until it is so, a bounded number of times.

set -eu
export LC_ALL=C.UTF-8
unset MIBDIRS
export MIBS=

skip() {
    echo "skipped: $*"
    exit 77
}

fail() {
    echo "FAILED: $*" >&2
    ended=1 # whatever a trap of the test's own does before finish
    exit 1
}

source_dir=${KMSMON_SOURCE:?set by ctest}
build_dir=${KMSMON_BUILD:?set by ctest}
kmsmond=$build_dir/agent/kmsmond
german=$source_dir/data/reports/de-2008r2-kms-b.txt
PATH=$PATH:/usr/sbin:/sbin
for tool in snmpd snmpwalk snmptable; do
    command -v $tool >/dev/null || skip "$tool is not installed (apt-get install snmpd snmp)"
done

work=$(mktemp -d "${TMPDIR:-/tmp}/kmsmon-test.XXXXXX")
snmpd_pid=
agent_pid=
other_pids= # of endpoints and pretenders
phase=starting

# A test with a trap of its own sets ended to the $? that it began with; fail has done so already.
ended=
finish() {
    code=${ended:-$?}
    for pid in $agent_pid $snmpd_pid $other_pids; do
        kill -CONT "$pid" 2>/dev/null || :
        kill -TERM "$pid" 2>/dev/null || :
        wait "$pid" 2>/dev/null || :
    done
    if [ $code != 0 ] && [ $code != 77 ]; then
        for file in "$work"/*.log "$work"/*.out; do
            [ ! -f "$file" ] || { echo "--- ${file##*/}"; tail -n 60 "$file"; } >&2
        done
        echo "while: $phase" >&2
    fi
    rm -rf "$work"
    exit $code
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

step() {
    phase=$*
    echo "$phase"
}

# wait_for WHAT COMMAND...: runs it until it succeeds.
wait_for() {
    what=$1
    shift
    tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] || fail "waited in vain for $what"
        sleep 0.1
    done
}

write_snmpd_conf() {
    mkdir -p "$work/persist"
    cat >"$work/snmpd.conf" <<END
agentAddress unix:$work/snmp
master agentx
agentXSocket unix:$work/agentx
agentXPerms ${1:-0660 0755}
com2secunix ours default public
group readers v2c ours
view all included .1
access readers "" any noauth exact all none none
END
}

snmpd_answers() {
    snmpget -v2c -c public -t 0.3 -r 0 -m '' "unix:$work/snmp" .1.3.6.1.2.1.1.3.0
}

start_snmpd() {
    [ -f "$work/snmpd.conf" ] || write_snmpd_conf
    SNMP_PERSISTENT_DIR=$work/persist snmpd -f -C -c "$work/snmpd.conf" -Le \
        -I -smux,mteTrigger,mteTriggerConf >>"$work/snmpd.log" 2>&1 &
    snmpd_pid=$!
    wait_for "snmpd" snmpd_answers
}

stop_snmpd() {
    kill -TERM "$snmpd_pid"
    wait "$snmpd_pid" || :
    snmpd_pid=
}

# The part of the configuration that every test has; the hosts follow.
write_conf() {
    mkdir -p -m 755 "$work/state"
    {
        cat <<END
agentx "unix:$work/agentx"
ping-interval 2s
interval 1s
state-dir "$work/state"
control { socket = "$work/state/control" }
END
        cat
    } >"$work/kmsmon.conf"
}

start_agent() {
    "$kmsmond" -c "$work/kmsmon.conf" >>"$work/kmsmond.log" 2>&1 &
    agent_pid=$!
}

# A leak or a fault that a sanitizer finds at the end is a failure too.
stop_agent() {
    kill -TERM "$agent_pid"
    code=0
    wait "$agent_pid" || code=$?
    agent_pid=
    [ $code = 0 ] || fail "kmsmond ended with $code"
}

stop_all() {
    stop_agent
    stop_snmpd
}

# snmp TOOL OPTION... NAME...: the names of the MIB resolve with nothing but what the project ships.
snmp() {
    tool=$1
    shift
    "$tool" -v2c -c public -t 2 -r 5 -M "$build_dir/mibs:$source_dir/mibs/stubs" -m KMSMON-MIB "$@"
}

# The bare value of one instance.
value() {
    snmp snmpget -Oqv "unix:$work/snmp" "KMSMON-MIB::$1"
}

shows() { # NAME VALUE
    [ "$(value "$1" 2>/dev/null)" = "$2" ]
}

expect() { # NAME VALUE
    got=$(value "$1" 2>&1)
    [ "$got" = "$2" ] || fail "$1 is '$got', not '$2'"
    echo "  $1 = $got"
}

# expect_soon NAME VALUE: after the next polls.
expect_soon() {
    wait_for "$1 = $2 (it is '$(value "$1" 2>&1)')" shows "$1" "$2"
    echo "  $1 = $2"
}

absent() { # NAME
    case $(value "$1" 2>&1) in
    *"No Such Instance"*) echo "  $1 is not there" ;;
    *) fail "$1 is there: $(value "$1")" ;;
    esac
}

store_is_well() {
    expect_soon kmsmonAgentStoreState.0 ok
    expect kmsmonAgentStoreText.0 ''
}

# store_is WORD PATTERN: what SNMP says of a store that is not written, why, and what to do.
store_is() {
    expect_soon kmsmonAgentStoreState.0 "$1"
    value kmsmonAgentStoreText.0 >"$work/store.out"
    grep -q -e "$2" "$work/store.out" || fail "the text of the store is '$(cat "$work/store.out")', without '$2'"
    echo "  $(cat "$work/store.out")"
}

logged() {
    grep -q -e "$1" "$work/kmsmond.log"
}

count_logged() {
    grep -c -e "$1" "$work/kmsmond.log" || :
}

# The real report as if it had been made now: its own date decides how old it is.
fresh_report() {
    sed "s/21\.02\.2013 14:50:58/$(date '+%d.%m.%Y %H:%M:%S')/" "$german" >"$1.new"
    ! cmp -s "$german" "$1.new" || fail "the date of the sample was not found"
    mv "$1.new" "$1"
}

# start_other NAME PROGRAM ARGUMENT...: a program that prints one word, into said, when it is ready, and ends with its
# standard input.
start_other() {
    name=$1
    shift
    [ -p "$work/held" ] || mkfifo "$work/held"
    exec 9<>"$work/held"
    mkfifo "$work/$name.said"
    "$@" <&9 >"$work/$name.said" 2>>"$work/$name.log" &
    echo $! >"$work/$name.pid"
    other_pids="$other_pids $!"
    read -r said <"$work/$name.said" || fail "$name did not start"
    rm "$work/$name.said"
}

stop_other() { # NAME
    other=$(cat "$work/$1.pid")
    kill -TERM "$other"
    wait "$other" || :
    rm "$work/$1.pid"
}

# start_endpoint NAME ACT [ADDRESS [PORT]]: a scripted KMS port; sets port.
start_endpoint() {
    start_other "$1" "${rpc_endpoint:?}" "$2" "${3:-127.0.0.1}" "${4:-0}" "$work/$1.count"
    port=$said
}

# How many connections came to an endpoint so far.
connections() { # NAME
    wc -c <"$work/$1.count"
}

had_connections() { # NAME COUNT
    [ "$(connections "$1")" -ge "$2" ]
}

# probed COUNT NAME: so many more probes come to an endpoint.
probed() {
    probes_before=$(connections "$2")
    wait_for "$1 more probes of $2 than $probes_before" had_connections "$2" $((probes_before + $1))
    echo "  $1 more probes"
}

# The instances that have names, which say which row is which; a table without rows has one line that says so.
names() {
    for table in Host Key Class Source Domain Srv Publication; do
        snmp snmpwalk -Oq "unix:$work/snmp" "KMSMON-MIB::kmsmon${table}Name" || return 1
    done
}

# Lines of the log, but those of alarms, which follow what is told otherwise.
count_lines() {
    grep -c -v 'Z alarm ' "$work/kmsmond.log" || :
}

# What the rows are and how many lines were logged until now, for what happens next.
remember() {
    names >"$work/names.before"
    lines_before=$(count_lines)
}

# back_within PROBES NAME: the agent answers again before more than so many probes of an endpoint went by.
back_within() {
    probes_before=$(connections "$2")
    expect_soon kmsmonHostName.1 kms01
    probes=$(($(connections "$2") - probes_before))
    [ "$probes" -le "$1" ] || fail "the agent answered after $probes probes only, not within $1"
}

# quiet LINES: no more lines were logged since remember.
quiet() {
    lines=$(($(count_lines) - lines_before))
    [ "$lines" -le "$1" ] || fail "$lines lines were logged, not $1 at most"
    echo "  $lines lines in the log"
}

# unchanged LINES: every row is what it was, and no more lines were logged since.
unchanged() {
    names >"$work/names.after"
    diff "$work/names.before" "$work/names.after" >&2 || fail "rows are not what they were"
    echo "  same rows"
    quiet "$1"
}
