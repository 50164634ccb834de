# What the tests of Icinga 2 look at: sourced after scripts/servers/icinga.sh and states.sh.
# shellcheck shell=sh disable=SC2154 # variables of lib.sh

# is_by ADDRESS HOST SERVICE STATE TEXT PERFDATA [CHECKED-BY]
is_by() {
    tries_left=${look_tries:-300}
    until look "$@"; do
        tries_left=$((tries_left - 1))
        [ $tries_left -gt 0 ] || fail "$2, $3 is not $4 '$5' '$6' ${7:+by $7 }but $(grep -F "$2|$3|" "$work/status" || echo unknown)"
        sleep 0.2
    done
    echo "  $2, $3: $is_state $is_text${7:+ (by $7)}" | cut -c1-120
}
look() {
    icinga_status "$1" >"$work/status" 2>>"$work/status.log" || return 1
    status=$(grep -F "$2|$3|1|" "$work/status") || return 1
    by=${status##*|}
    status=${status%|*}
    is_data=${status##*|}
    status=${status%|*}
    is_text=${status##*|}
    status=${status%|*}
    is_state=${status##*|}
    [ -z "${7:-}" ] || [ "$by" = "$7" ] || return 1
    matches "$2" "$3" "$4" "$5" "$6" "$is_state" "$is_text" "$is_data"
}
