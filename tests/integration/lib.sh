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
phase=starting

finish() {
    code=$?
    for pid in $agent_pid $snmpd_pid; do
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
    mkdir -p "$work/state"
    {
        cat <<END
agentx "unix:$work/agentx"
ping-interval 2s
interval 1s
state-dir "$work/state"
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
