# Nagios 4 with the shipped commands and templates below a folder: sourced after lib.sh and common.sh.
# shellcheck shell=sh disable=SC2154 # variables of common.sh

nagios_needs() {
    command -v nagios4 >/dev/null || { echo "nagios4 is not installed (apt-get install nagios4-core)"; return; }
    [ -x /usr/lib/nagios/plugins/check_dummy ] ||
        { echo "check_dummy is not installed (apt-get install monitoring-plugins-basic)"; return; }
    [ -x /usr/lib/nagios/plugins/check_snmp ] || echo "check_snmp is not installed (apt-get install monitoring-plugins-standard)"
}

# What a site has of its own: periods and a contact.
nagios_surroundings() {
    cat <<'END'
define timeperiod {
  timeperiod_name  24x7
  alias            24x7
  sunday           00:00-24:00
  monday           00:00-24:00
  tuesday          00:00-24:00
  wednesday        00:00-24:00
  thursday         00:00-24:00
  friday           00:00-24:00
  saturday         00:00-24:00
}
define command {
  command_name  tell_nobody
  command_line  /bin/true
}
define contact {
  contact_name                   nagiosadmin
  host_notification_period       24x7
  service_notification_period    24x7
  host_notification_options      d,u,r
  service_notification_options   w,u,c,r
  host_notification_commands     tell_nobody
  service_notification_commands  tell_nobody
}
END
}

# nagios_up FOLDER BUILD OBJECTS: intervals are in seconds.
nagios_up() {
    nagios_folder=$1/nagios
    mkdir -p "$nagios_folder/var/rw" "$nagios_folder/var/spool/checkresults" "$nagios_folder/var/archives" \
        "$nagios_folder/objects" "$nagios_folder/plugins"
    for nagios_plugin in check_kms check_kms_count check_kms_dns check_kms_key check_kms_requests check_kms_rpc; do
        ln -s "$2/checks/$nagios_plugin" "$nagios_folder/plugins/"
    done
    ln -s /usr/lib/nagios/plugins/check_dummy /usr/lib/nagios/plugins/check_snmp "$nagios_folder/plugins/"
    cp "$2/integrations/nagios/kmsmon-commands.cfg" "$2/integrations/nagios/kmsmon-templates.cfg" \
        "$3"/*.cfg "$nagios_folder/objects/"
    nagios_surroundings >"$nagios_folder/objects/surroundings.cfg"
    echo "\$USER1\$=$nagios_folder/plugins" >"$nagios_folder/resource.cfg"
    cat >"$nagios_folder/nagios.cfg" <<END
log_file=$nagios_folder/var/nagios.log
cfg_dir=$nagios_folder/objects
object_cache_file=$nagios_folder/var/objects.cache
precached_object_file=$nagios_folder/var/objects.precache
resource_file=$nagios_folder/resource.cfg
status_file=$nagios_folder/var/status.dat
status_update_interval=1
nagios_user=$(id -un)
nagios_group=$(id -gn)
check_external_commands=1
command_file=$nagios_folder/var/rw/nagios.cmd
query_socket=$nagios_folder/var/rw/nagios.qh
lock_file=$nagios_folder/var/nagios.pid
temp_file=$nagios_folder/var/nagios.tmp
temp_path=$nagios_folder/var
log_archive_path=$nagios_folder/var/archives
use_syslog=0
check_result_path=$nagios_folder/var/spool/checkresults
check_result_reaper_frequency=1
state_retention_file=$nagios_folder/var/retention.dat
interval_length=1
check_for_updates=0
max_service_check_spread=1
max_concurrent_checks=4
service_freshness_check_interval=1
additional_freshness_latency=1
illegal_macro_output_chars=\`~\$&|'"<>
END
    nagios4 -v "$nagios_folder/nagios.cfg" >"$nagios_folder/verified.log" 2>&1 || { cat "$nagios_folder/verified.log"; return 1; }
    server_start "$nagios_folder/nagios.out" nagios4 "$nagios_folder/nagios.cfg"
    server_wait "Nagios" test -s "$nagios_folder/var/status.dat"
}

# nagios_status: "HOST|SERVICE|has been checked|STATE|TEXT|PERFORMANCE DATA" of every service, as Nagios wrote it last.
nagios_status() {
    awk '
        /^servicestatus \{/ { inside = 1; split("", has); next }
        !inside { next }
        /^[ \t]*\}/ {
            print has["host_name"] "|" has["service_description"] "|" has["has_been_checked"] "|" has["current_state"] "|" \
                has["plugin_output"] "|" has["performance_data"]
            inside = 0
        }
        { sub(/^[ \t]*/, ""); at = index($0, "="); has[substr($0, 1, at - 1)] = substr($0, at + 1) }' \
        "$nagios_folder/var/status.dat"
}

# nagios_tell TEXT: into its command file, which blocks while nobody reads it.
nagios_tell() {
    printf '[%s] %s\n' "$(date +%s)" "$1" | timeout 10 tee "$nagios_folder/var/rw/nagios.cmd" >/dev/null
}
