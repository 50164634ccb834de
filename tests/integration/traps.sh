# A private snmptrapd beside lib.sh: sourced after it.
# shellcheck shell=sh disable=SC2034,SC2154 # variables of lib.sh and of the tests
#
# Every test has an address of 127/8 for itself, made of its process id, so that the port may be fixed. What arrives is one
# line in $work/traps.out: the varbinds as snmptrapd prints them, with " | " between them.

command -v snmptrapd >/dev/null || skip "snmptrapd is not installed (apt-get install snmptrapd)"
trap_address=127.$((64 + $$ / 65536 % 128)).$(($$ / 256 % 256)).$(($$ % 256))
trap_port=16200
trapd_pid=
ours='KMSMON-MIB::kmsmonNotify'

write_trapd_conf() {
    cat >"$work/snmptrapd.conf" <<END
snmpTrapdAddr udp:$trap_address:$trap_port
authCommunity log public
END
}

start_trapd() {
    [ -f "$work/snmptrapd.conf" ] || write_trapd_conf
    SNMP_PERSISTENT_DIR=$work/persist.trapd snmptrapd -f -C -c "$work/snmptrapd.conf" -Lf "$work/traps.out" -Oq -n \
        -M "$build_dir/mibs:$source_dir/mibs/stubs" -m KMSMON-MIB -F '%V | %v\n' 2>>"$work/snmptrapd.log" &
    trapd_pid=$!
    other_pids="$other_pids $trapd_pid"
    wait_for "snmptrapd" grep -q -s "^NET-SNMP version" "$work/traps.out"
}

stop_trapd() {
    kill -TERM "$trapd_pid"
    wait "$trapd_pid" || :
    trapd_pid=
}

# add_sinks LINE...: to the master's configuration.
add_sinks() {
    [ -f "$work/snmpd.conf" ] || write_snmpd_conf
    printf '%s\n' "$@" >>"$work/snmpd.conf"
}
sink_v2c() {
    add_sinks "trap2sink $trap_address:$trap_port public"
}
inform_v2c() {
    add_sinks "informsink $trap_address:$trap_port public"
}

# Ours, without the time: "NAME ALARM OBJECT VALUE | ..."; the end of one that is being written is left for later.
arrived() {
    sed -n "s/^[^|]* | [^ ]*\.4\.1\.0 $ours//p" "$work/traps.out" # snmpTrapOID.0, which the stubs do not name
}

# "raise|clear KIND ALARM" of each that arrived, in order.
told() {
    arrived | sed -n 's/^\([A-Za-z]*\) .*kmsmonAlarmText\.\([0-9]*\) .*/\1 \2/p' |
        sed -e 's/^\([A-Za-z]*\)Cleared /clear \1 /' -e t -e 's/^/raise /'
}

count_told() { # PATTERN
    told | grep -c -x -e "$1" || :
}

has_told() { # COUNT PATTERN
    [ "$(count_told "$2")" -ge "$1" ]
}

# told_soon COUNT PATTERN: lines of told; exactly so many.
told_soon() {
    wait_for "$1 times '$2'" has_told "$1" "$2"
    [ "$(count_told "$2")" = "$1" ] || { told >&2; fail "'$2' was told $(count_told "$2") times, not $1"; }
    echo "  told: $1 x $2"
}
