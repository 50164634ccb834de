# A private name server with zones that change while it runs: sourced after lib.sh.
# shellcheck shell=sh disable=SC2034,SC2154 # variables of lib.sh and of the tests

for tool in named nsupdate; do
    command -v $tool >/dev/null || skip "$tool is not installed (apt-get install bind9 bind9-dnsutils)"
done
named_pid=

write_named_conf() { # ZONE...
    {
        cat <<END
options {
    directory "$work"; pid-file none; session-keyfile "$work/session.key"; lock-file none;
    listen-on port $dns_port { 127.0.0.1; }; listen-on-v6 { none; };
    recursion no; dnssec-validation no; empty-zones-enable no; allow-query { 127.0.0.0/8; };
};
controls { };
END
        for zone in "$@"; do
            echo "zone \"$zone\" { type primary; file \"$zone.zone\"; allow-update { 127.0.0.0/8; }; };"
        done
    } >"$work/named.conf"
}

named_settled() {
    grep -q -e ' running$' -e 'could not listen' -e 'exiting' "$work/named.log"
}

run_named() {
    : >"$work/named.log" # what the one before it wrote says nothing of this one
    named -g -c "$work/named.conf" >"$work/named.log" 2>&1 &
    named_pid=$!
    other_pids="$other_pids $named_pid"
    wait_for "named" named_settled
}

stop_named() {
    kill -TERM "$named_pid"
    wait "$named_pid" || :
    other_pids=$(printf ' %s ' "$other_pids" | sed "s/ $named_pid / /")
    named_pid=
}

# start_named ZONE...: $work/ZONE.zone holds each. A port that is free for UDP and TCP is found by trying.
start_named() {
    for dns_port in $(shuf -n 20 -i 20000-32000); do
        write_named_conf "$@"
        run_named
        grep -q -e 'could not listen' -e 'exiting' "$work/named.log" || return 0
        stop_named
    done
    fail "named found no port"
}

# new_zone ZONE: the records follow.
new_zone() {
    {
        printf '%s\n' "\$ORIGIN $1." "\$TTL 60" '@ IN SOA ns hostmaster 1 3600 600 86400 1' \
            '@ IN NS ns' 'ns IN A 127.0.0.1'
        cat
    } >"$work/$1.zone"
}

# update LINE...: what nsupdate understands, all at once. A server that has just started may refuse for a moment.
update() {
    printf '%s\n' "server 127.0.0.1 $dns_port" "$@" send >"$work/update"
    wait_for "named to take an update" nsupdate "$work/update"
}

# logs LINE: sooner or later.
logs() {
    wait_for "'$1' in the log" logged "$1"
    echo "  logged: $1"
}

logged_once() {
    [ "$(count_logged "$1")" = 1 ] || fail "'$1' was logged $(count_logged "$1") times"
}
