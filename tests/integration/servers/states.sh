# Hosts in every state, and what each plugin says of them, by itself and by kmsmond's last poll: sourced after lib.sh and
# dns.sh by the tests of systems that run plugins.
# shellcheck shell=sh disable=SC2034,SC2154 # variables of lib.sh and of the tests
samples=$source_dir/data/samples

now() { # SAMPLE NAME [SED-EXPRESSION]: a report as if it had been made now
    sed -e "s|: [0-9]*/[0-9]*/20[0-9]* [0-9:]* [AP]M|: $(date '+%-m/%-d/%Y %-I:%M:%S %p')|" -e "${3:-}" \
        "$samples/$1.txt" >"$work/$2.new"
    mv "$work/$2.new" "$work/$2.txt"
}

# The name server's zone, KMS ports and reports; an agent that watches them all.
start_hosts() { # [ADDRESS:PORT], to be asked over SNMP
    start_endpoint accept accept
    accept=$port
    start_endpoint refuse refuse
    refuse=$port
    new_zone kms.lab <<END
kms1 IN A 127.0.0.1
_vlmcs._tcp IN SRV 0 100 $accept kms1
END
    new_zone dead.lab <<END
kms1 IN A 127.0.0.1
_vlmcs._tcp IN SRV 0 0 $refuse kms1
END
    start_named kms.lab dead.lab
    now en-2019-kms good
    now en-low-count low
    now en-low-count short
    now en-notification ended
    now en-2019-kms soon 's/^License Status: Licensed/&\nVolume activation expiration: 28800 minute(s) (20 day(s))/'
    now en-2019-kms busy
    now en-2019-kms failing
    cp "$samples/en-2019-kms.txt" "$work/old.txt"
    mkdir -p "$work/plugins"
    {
        echo "dns { servers = \"127.0.0.1:$dns_port\" domain \"kms.lab\" { } domain \"dead.lab\" { } domain \"refused.lab\" { } }"
        for name in good low short ended soon busy failing old; do
            case $name in low) classes= ;; short) classes='classes = "server"' ;; *) classes='classes = {"client", "server"}' ;; esac
            echo "host \"$name\" { $classes report { url = \"$work/$name.txt\" max-age = 26h } }"
        done
        echo "host \"kms1.kms.lab\" { port = $accept rpc { } dns { } }"
        echo "host \"dead\" { address = \"127.0.0.1\" port = $refuse rpc { } }"
    } | write_conf
    "$kmsmond" -c "$work/kmsmon.conf" --standalone "unix:$work/snmp" ${1:+"udp:$1"} >>"$work/kmsmond.log" 2>&1 &
    agent_pid=$!
    wait_for "every host polled" polled
}
polled() {
    [ "$(grep -o ' state [^ ]*: ' "$work/kmsmond.log" | sort -u | wc -l)" -ge 10 ] &&
        [ "$(grep -o ' dns [a-z]*[.]lab: ' "$work/kmsmond.log" | sort -u | wc -l)" -ge 3 ] &&
        [ "$(grep -o ' record [a-z]*[.]lab [^ ]* [a-z]*' "$work/kmsmond.log" | sort -u | wc -l)" -ge 2 ]
}

# Nothing can be written where the store was, whoever the agent is, until it is back.
hide_store() {
    mv "$work/state/store" "$work/state/store.kept"
    mkdir "$work/state/store"
}
bring_store_back() {
    rmdir "$work/state/store"
    mv "$work/state/store.kept" "$work/state/store"
}

# Requests that fail after the first look, which is where the window begins.
let_requests_fail() {
    now en-2019-kms busy 's/Total requests received: .*/Total requests received: 48313/; s/Failed requests received: .*/Failed requests received: 32/'
    now en-2019-kms failing 's/Total requests received: .*/Total requests received: 48313/; s/Failed requests received: .*/Failed requests received: 102/'
}

# HOST|PLUGIN|OPTIONS of the probe|OPTIONS of both|STATE|TEXT|PERFORMANCE DATA: the last two are patterns of the shell.
states() {
    cat <<END
good|kms|report||0|KMS OK: count 50: clients ok (25), servers ok (5); licensed; *|count_windows=50;26:;*;0 headroom_client=25;1:*
low|kms|report||1|KMS WARNING: count 3: clients below 25, servers below 5; licensed; *|count_windows=3;26:;;0 headroom_client=-22;1: *
ended|kms|report|classes=client,server|2|KMS CRITICAL: count 27: *notification, 0xC004F200 *|count_windows=27;* licensed_windows=0;;;0;1 *
old|kms|report||3|KMS UNKNOWN: *|*
good|count|report|classes=client,server|0|KMS OK: count 50: *|count_windows=50;26:;25:;0 headroom_client=25;1:;0: headroom_server=45;1:;0:
low|count|report||1|KMS WARNING: count 3: *|count_windows=3;26:;;0 headroom_client=-22;1: headroom_server=-2;1:
short|count|report|classes=server|2|KMS CRITICAL: count 3: *|count_windows=3;*headroom_server=-2;*
old|count|report||3|KMS UNKNOWN: *|*
good|key|report||0|KMS OK: licensed; *|licensed_windows=1;;;0;1 expires_windows=U;30:;7: *
soon|key|report||1|KMS WARNING: licensed, ends in * days; *|licensed_windows=1;;;0;1 expires_windows=*;30:;7: *
ended|key|report||2|KMS CRITICAL: notification, *|licensed_windows=0;;;0;1 *
old|key|report||3|KMS UNKNOWN: *|*
good|requests|report||0|KMS OK: 48213 requests, 12 failed*|requests_windows=48213c;;;0 failed_windows=12c;*
busy|requests|report||1|KMS WARNING: *20 *|requests_windows=48313c;;;0 failed_windows=32c;*new_failed_windows=20;*
failing|requests|report||2|KMS CRITICAL: *90 *|requests_windows=48313c;;;0 failed_windows=102c;*new_failed_windows=90;*
old|requests|report||3|KMS UNKNOWN: *|*
kms1.kms.lab|rpc|server=127.0.0.1:$dns_port port=$accept||0|KMS OK: *accepted the bind*|rpc_latency=*s;;;0 rpc_connect=*s;;;0 rpc_bind=*s;;;0
kms1.kms.lab|rpc|server=127.0.0.1:$dns_port port=$accept|warning=0|1|KMS WARNING: *, latency out of range|rpc_latency=*s;0;;0 *
dead|rpc|port=$refuse||2|KMS CRITICAL: rpc-refused: *|rpc_latency=U;;;0 *
nowhere.invalid|rpc|server=127.0.0.1:1 timeout=2s||3|KMS UNKNOWN: *|*
kms1.kms.lab|dns|server=127.0.0.1:$dns_port|domain=kms.lab hostname=kms1.kms.lab port=$accept|0|KMS OK: *|records=1;;;0 usable=1;;;0 ttl=60s;;;0 time=*
kms1.kms.lab|dns|server=127.0.0.1:$dns_port|domain=kms.lab hostname=lost.kms.lab|1|KMS WARNING: lost.kms.lab is not published in kms.lab: *|records=1;;;0 *
kms1.kms.lab|dns|server=127.0.0.1:$dns_port|domain=dead.lab min_healthy=1|2|KMS CRITICAL: *|records=1;;;0 *
kms1.kms.lab|dns|server=127.0.0.1:$dns_port|domain=refused.lab|3|KMS UNKNOWN: *|*
END
}

# each_state FUNCTION: of HOST SERVICE PLUGIN MODE OPTIONS STATE TEXT PERFDATA, for the probe and for the agent.
each_state() {
    states >"$work/states"
    while read -r line; do
        split_state "$line"
        "$1" "$host" "$plugin $state" "$plugin" probe "$probe $both" "$state" "$text" "$data" </dev/null
        "$1" "$host" "$plugin $state agent" "$plugin" agent "$both" "$state" "$text" "$data" </dev/null
    done <"$work/states"
}
split_state() { # LINE
    rest=$1
    for field in host plugin probe both state text; do
        eval "$field=\${rest%%|*}"
        rest=${rest#*|}
    done
    data=$rest
}

# matches HOST SERVICE WANTED-STATE WANTED-TEXT WANTED-PERFDATA STATE TEXT PERFDATA
matches() {
    [ "$6" = "$3" ] || return 1
    # shellcheck disable=SC2254 # patterns are meant
    case $7 in $4) ;; *) return 1 ;; esac
    # shellcheck disable=SC2254
    case $8 in $5) ;; *) return 1 ;; esac
}
