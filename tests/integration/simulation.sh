# A simulation in the place of the daemon: sourced after lib.sh.
# shellcheck shell=sh disable=SC2034,SC2154 # variables of lib.sh and of the tests

kmsmon=$build_dir/checks/kmsmon

# simulate FILE OPTION...: answers SNMP at the socket where a snmpd would, or is the guest of one.
simulate() {
    file=$1
    shift
    rm -rf "$work/sim"
    mkdir "$work/sim"
    socket=$work/sim/control
    : >"$work/kmsmond.log"
    case " $*" in
    *" --agentx"*) ;;
    *) set -- --listen "unix:$work/snmp" "$@" ;;
    esac
    "$kmsmon" simulate --state-dir "$work/sim" "$@" "$file" >>"$work/kmsmond.log" 2>&1 &
    agent_pid=$!
    wait_for "the simulation" asked status
}

asked() { # COMMAND ARGUMENT...: of kmsmon; status ends with 1 where something is not well
    rc=0
    "$kmsmon" "$@" --socket "$socket" >"$work/kmsmon.out" 2>&1 || rc=$?
    [ $rc -lt 2 ]
}

refused() { # TEXT PATTERN
    printf '%s' "$1" >"$work/wrong.sim"
    rc=0
    "$kmsmond" --simulate "$work/wrong.sim" "unix:$work/snmp" >"$work/refused.out" 2>&1 || rc=$?
    [ $rc = 2 ] || fail "'$1' ended with $rc: $(cat "$work/refused.out")"
    grep -q -e "$2" "$work/refused.out" || fail "'$1' is not refused with '$2': $(cat "$work/refused.out")"
}

# The lines of a dump that are about domains, whatever their order: records that are gone have none.
domain_lines() { # DUMP
    sed -n '/^domain/,$p' "$1" | sort
}

# plays_alike SOCKET: the dump of the daemon there plays to domains that are dumped alike.
plays_alike() {
    "$kmsmon" dump --socket "$1" >"$work/alike.sim"
    domain_lines "$work/alike.sim" >"$work/alike-real.out"
    grep -q '^  record ' "$work/alike-real.out" || fail "no record is in the dump"
    rm -rf "$work/alike"
    mkdir "$work/alike"
    "$kmsmon" simulate --state-dir "$work/alike" --listen "unix:$work/alike.snmp" -c "$work/kmsmon.conf" \
        "$work/alike.sim" >"$work/alike.log" 2>&1 &
    alike_pid=$!
    other_pids="$other_pids $alike_pid"
    wait_for "domains that are alike" alike
    echo "  $(wc -l <"$work/alike-real.out") lines of domains are the same"
    kill -TERM "$alike_pid"
    wait "$alike_pid" || fail "the simulation ended with $?"
}

alike() {
    "$kmsmon" dump --socket "$work/alike/control" >"$work/alike.again" 2>/dev/null
    domain_lines "$work/alike.again" >"$work/alike-played.out"
    cmp -s "$work/alike-real.out" "$work/alike-played.out"
}
