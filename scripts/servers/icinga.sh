# Icinga 2 with its API and the shipped commands and services: sourced after common.sh.
#   server_needs                         what has to be installed, or nothing
#   server_up FOLDER BUILD ADDRESS AGENT starts it below FOLDER at ADDRESS; it asks for the hosts of the agent's HOST:PORT
#   server_says                          where to look, and as whom
#   server_down
# An instance by itself: icinga_authority FOLDER, icinga_instance FOLDER NAME ADDRESS BUILD, and the configuration in
# FOLDER/NAME/conf.d and FOLDER/NAME/zones.d before icinga_start.
# shellcheck shell=sh disable=SC2154 # variables of common.sh

icinga_port=15665
icinga_login=kmsmon:demonstration

server_needs() {
    for tool in icinga2 curl openssl python3; do
        command -v $tool >/dev/null || [ -x /usr/sbin/$tool ] ||
            { echo "$tool is not installed (apt-get install icinga2-bin monitoring-plugins-basic curl openssl python3)"; return; }
    done
}

# Icinga's own command does not keep to a folder, so the certificates are openssl's.
icinga_authority() { # FOLDER
    mkdir -p "$1"
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=Icinga CA of this run" -keyout "$1/ca.key" -out "$1/ca.crt"
}

icinga_instance() { # FOLDER NAME ADDRESS BUILD
    icinga_folder=$1/$2
    icinga_certs=$icinga_folder/lib/certs
    mkdir -p "$icinga_certs" "$icinga_folder/log" "$icinga_folder/cache" "$icinga_folder/spool" "$icinga_folder/run" \
        "$icinga_folder/conf.d" "$icinga_folder/zones.d"
    openssl req -newkey rsa:2048 -nodes -subj "/CN=$2" -keyout "$icinga_certs/$2.key" -out "$icinga_folder/$2.csr" || return 1
    printf 'subjectAltName=DNS:%s,IP:%s' "$2" "$3" >"$icinga_folder/names"
    openssl x509 -req -in "$icinga_folder/$2.csr" -CA "$1/ca.crt" -CAkey "$1/ca.key" -CAcreateserial -days 30 \
        -extfile "$icinga_folder/names" -out "$icinga_certs/$2.crt" || return 1
    cp "$1/ca.crt" "$icinga_certs/"
    cat >"$icinga_folder/icinga2.conf" <<END
const NodeName = "$2"
const PluginDir = "/usr/lib/nagios/plugins"
const PluginContribDir = "$4/checks"
const TicketSalt = ""
include <itl>
include <plugins>
include "zones.conf"
object CheckerComponent "checker" { }
object FileLogger "main-log" { severity = "information"; path = LogDir + "/icinga2.log" }
object ApiListener "api" { bind_host = "$3"; bind_port = $icinga_port; accept_config = true; accept_commands = true }
object ApiUser "${icinga_login%:*}" { password = "${icinga_login#*:}"; permissions = [ "*" ] }
include_recursive "conf.d"
END
    cat >"$icinga_folder/zones.conf" <<END
object Endpoint NodeName { }
object Zone NodeName { endpoints = [ NodeName ] }
END
}

# icinga_with FOLDER/NAME OPTION COMMAND...: it, with Icinga's command line, which keeps everything in the instance's folder.
icinga_with() {
    icinga_dir=$1
    icinga_option=$2
    shift 2
    "$@" /usr/sbin/icinga2 daemon -c "$icinga_dir/icinga2.conf" --define "DataDir=$icinga_dir/lib" \
        --define "LogDir=$icinga_dir/log" --define "CacheDir=$icinga_dir/cache" --define "SpoolDir=$icinga_dir/spool" \
        --define "InitRunDir=$icinga_dir/run" --define "ConfigDir=$icinga_dir" --define "ZonesDir=$icinga_dir/zones.d" --define "RunAsUser=$(id -un)" \
        --define "RunAsGroup=$(id -gn)" $icinga_option
}
icinga_check() { # FOLDER/NAME
    icinga_with "$1" -C env
}
icinga_start() { # FOLDER/NAME
    icinga_with "$1" '' server_start "$1/out"
}

icinga_ask() { # ADDRESS PATH [OPTION...]: of curl
    icinga_at=$1
    icinga_path=$2
    shift 2
    curl -sfg --cacert "$icinga_ca" -u "$icinga_login" -H 'Accept: application/json' "$@" "https://$icinga_at:$icinga_port/v1/$icinga_path"
}

# "HOST|SERVICE|was checked|STATE|TEXT|PERFORMANCE DATA|CHECKED BY" of every service that an instance knows.
icinga_status() { # ADDRESS
    icinga_ask "$1" "objects/services?attrs=host_name&attrs=name&attrs=last_check_result" | python3 -c '
import json, sys
for found in json.load(sys.stdin)["results"]:
    has = found["attrs"]
    result = has["last_check_result"] or {}
    print("|".join([has["host_name"], has["name"], str(int(bool(result))), str(int(result.get("state", -1))),
                    result.get("output", "").split("\n")[0].strip(), " ".join(result.get("performance_data") or []),
                    result.get("check_source", "")]))'
}

# A host for each that the agent watches, asked through its control socket: for what it tells, or for its port where that is
# all that is probed.
icinga_hosts() { # AGENT SOCKET
    snmpwalk -v2c -c public -m '' -On -Oq "$1" "$icinga_host_names" | while read -r icinga_oid icinga_host; do
        icinga_rpc=$(snmpget -v2c -c public -m '' -Oqve "$1" "${icinga_host_names%.2}.11.${icinga_oid##*.}") # kmsmonHostRpcState
        case $icinga_rpc in 1) icinga_command=kms icinga_prefix=kms ;; *) icinga_command=kms-rpc icinga_prefix=kms_rpc ;; esac
        cat <<END
object Host $icinga_host {
    check_command = "dummy"
}
object Service "$icinga_command" {
    host_name = $icinga_host
    check_command = "$icinga_command"
    check_interval = 5s
    max_check_attempts = 1
    vars.${icinga_prefix}_agent_socket = "$2"
    vars.kms_rpc_address = $icinga_host
}
END
    done
}

server_up() {
    server_folder=$1/icinga
    server_at=$3
    icinga_ca=$server_folder/ca.crt
    icinga_authority "$server_folder" && icinga_instance "$server_folder" kmsmon-demo "$server_at" "$2" || return 1
    cp "$2/integrations/icinga2/kms-commands.conf" "$2/integrations/icinga2/kms-services.conf" "$server_folder/kmsmon-demo/conf.d/"
    sed -i 's/check_interval = .*/check_interval = 5s/; s/retry_interval = .*/retry_interval = 2s/' "$server_folder/kmsmon-demo/conf.d/kms-services.conf"
    icinga_host_names=$(awk '/labelname: kmsmonHostName$/ { getline; print $2; exit }' "$2/integrations/prometheus/snmp.yml")
    [ -z "$4" ] || icinga_hosts "$4" "$1/control" >"$server_folder/kmsmon-demo/conf.d/hosts.conf"
    [ -z "${ICINGA_OBJECTS:-}" ] || cp "$ICINGA_OBJECTS" "$server_folder/kmsmon-demo/conf.d/"
    icinga_check "$server_folder/kmsmon-demo" || return 1
    icinga_start "$server_folder/kmsmon-demo"
    server_wait "Icinga's API" icinga_ask "$server_at" status/IcingaApplication
}

server_says() {
    echo "Icinga 2's API: https://$server_at:$icinga_port/v1  login ${icinga_login%:*}, password ${icinga_login#*:}"
    echo "  curl -sg --cacert $icinga_ca -u $icinga_login 'https://$server_at:$icinga_port/v1/objects/services?attrs=last_check_result&pretty=1&filter=service.state!=0'"
}

server_down() {
    server_end_all
}
