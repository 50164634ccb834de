# What bringing a monitoring system up needs everywhere: sourced by scripts/demo and by the tests, before the file of the
# system. Nothing here ends what it did not start.
# shellcheck shell=sh

server_pids= # of processes that server_down ends, the youngest first

# server_wait WHAT COMMAND...: until it succeeds; false when that takes too long.
server_wait() {
    server_what=$1
    shift
    server_tries=0
    until "$@" >/dev/null 2>&1; do
        server_tries=$((server_tries + 1))
        if [ $server_tries -ge "${server_tries_max:-600}" ]; then
            echo "waited in vain for $server_what" >&2
            return 1
        fi
        sleep 0.2
    done
}

# server_start LOG COMMAND...: in the background, in a session of its own.
server_start() {
    server_log=$1
    shift
    setsid "$@" >>"$server_log" 2>&1 </dev/null &
    server_pids="$! $server_pids"
}

# The youngest first; each gets as long as it needs, but no longer than a minute.
server_end_all() {
    for server_pid in $server_pids; do
        kill -TERM "$server_pid" 2>/dev/null || continue
        wait "$server_pid" 2>/dev/null || :
    done
    server_pids=
}
