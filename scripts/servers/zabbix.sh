# Zabbix 6.0 with a PostgreSQL cluster of its own and PHP's own web server, with the shipped template: sourced after
# common.sh.
#   server_needs                         what has to be installed, or nothing
#   server_up FOLDER BUILD ADDRESS AGENT starts all below FOLDER at ADDRESS, with the agent HOST:PORT as the host kmsmon
#   server_says                          where to look, and as whom
#   server_down
# shellcheck shell=sh disable=SC2154 # variables of common.sh

zabbix_scripts=${KMSMON_SOURCE:-$PWD}/scripts/servers
zabbix_bin=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort | tail -n 1)

server_needs() {
    for tool in zabbix_server php psql python3 localedef; do
        PATH=$PATH:/usr/sbin command -v $tool >/dev/null ||
            { echo "$tool is not installed (apt-get install zabbix-server-pgsql zabbix-frontend-php php-pgsql php-cli postgresql locales fping)"; return; }
    done
    [ -n "$zabbix_bin" ] || { echo "postgresql is not installed (apt-get install postgresql)"; return; }
    for file in /usr/share/zabbix/index.php /usr/share/zabbix-server-pgsql/schema.sql.gz; do
        [ -e $file ] || { echo "$file is missing (apt-get install zabbix-server-pgsql zabbix-frontend-php)"; return; }
    done
    php -r 'exit(extension_loaded("pgsql") ? 0 : 1);' || echo "PHP cannot talk to PostgreSQL (apt-get install php-pgsql)"
}

# as USER COMMAND...: as this user where root asks for it.
zabbix_as() {
    zabbix_user=$1
    shift
    if [ "$(id -u)" = 0 ]; then setpriv --reuid "$zabbix_user" --regid "$zabbix_user" --clear-groups "$@"; else "$@"; fi
}
# own USER FILE...
zabbix_own() {
    zabbix_user=$1
    shift
    [ "$(id -u)" != 0 ] || chown -R "$zabbix_user:" "$@"
}

zabbix_database() {
    mkdir -p "$server_folder/pg"
    zabbix_own postgres "$server_folder/pg"
    (cd / && zabbix_as postgres "$zabbix_bin/initdb" -D "$server_folder/pg" -A trust -U postgres -E UTF8 --no-sync) || return 1
    cat >>"$server_folder/pg/postgresql.conf" <<END
port = 15432
listen_addresses = '$server_at'
unix_socket_directories = ''
fsync = off
synchronous_commit = off
full_page_writes = off
END
    # The whole of 127.0.0.0/8 may come.
    sed -i 's#127\.0\.0\.1/32#127.0.0.0/8#' "$server_folder/pg/pg_hba.conf"
    (cd / && zabbix_as postgres "$zabbix_bin/pg_ctl" -D "$server_folder/pg" -l "$server_folder/pg/log" -w start) || return 1
    zabbix_database_up=yes
    psql -h "$server_at" -p 15432 -U postgres -qX -c "create role zabbix login password 'zabbix'" \
        -c "create database zabbix owner zabbix" || return 1
    for part in schema images data; do
        zcat "/usr/share/zabbix-server-pgsql/$part.sql.gz"
    done | psql -h "$server_at" -p 15432 -U zabbix -qX1 zabbix >"$server_folder/log/schema.log" 2>&1 || return 1
    # Without statistics of tables that were filled at once, discovery takes seconds for each rule.
    psql -h "$server_at" -p 15432 -U postgres -qX -c analyze zabbix
}

zabbix_server_conf() {
    cat <<END
ListenIP=$server_at
ListenPort=17051
SourceIP=$server_at
LogFile=$server_folder/log/server.log
PidFile=$server_folder/log/server.pid
SocketDir=$server_folder/log
DBHost=$server_at
DBPort=15432
DBName=zabbix
DBUser=zabbix
DBPassword=zabbix
StartPollers=4
StartPollersUnreachable=1
StartTrappers=2
StartDiscoverers=0
StartHTTPPollers=0
StartEscalators=1
StartSNMPTrapper=1
SNMPTrapperFile=$server_folder/log/traps
CacheUpdateFrequency=3
UnreachablePeriod=5
UnreachableDelay=3
UnavailableDelay=5
Timeout=3
ExternalScripts=$server_folder/scripts
AlertScriptsPath=$server_folder/scripts
FpingLocation=$(command -v fping || echo /usr/bin/fping)
END
}

zabbix_frontend() {
    cp -rL /usr/share/zabbix "$server_folder/web" || return 1
    sed -i "s#'/etc/zabbix/zabbix.conf.php'#'$server_folder/web/conf/zabbix.conf.php'#" \
        "$server_folder/web/include/classes/core/CConfigFile.php"
    cat >"$server_folder/web/conf/zabbix.conf.php" <<END
<?php
\$DB = ['TYPE' => 'POSTGRESQL', 'SERVER' => '$server_at', 'PORT' => '15432', 'DATABASE' => 'zabbix', 'USER' => 'zabbix',
    'PASSWORD' => 'zabbix', 'SCHEMA' => '', 'ENCRYPTION' => false, 'KEY_FILE' => '', 'CERT_FILE' => '', 'CA_FILE' => '',
    'VERIFY_HOST' => false, 'CIPHER_LIST' => '', 'VAULT_URL' => '', 'VAULT_DB_PATH' => '', 'VAULT_TOKEN' => '',
    'DOUBLE_IEEE754' => true];
\$ZBX_SERVER = '$server_at';
\$ZBX_SERVER_PORT = '17051';
\$ZBX_SERVER_NAME = 'kmsmon';
\$IMAGE_FORMAT_DEFAULT = IMAGE_FORMAT_PNG;
END
    # The frontend shows a red banner without this locale.
    mkdir -p "$server_folder/locale"
    localedef -i en_US -f UTF-8 "$server_folder/locale/en_US.UTF-8" || return 1
    # The workers outlive their parent: all are ended by their group.
    LOCPATH="$server_folder/locale" PHP_CLI_SERVER_WORKERS=4 setsid php -d max_execution_time=300 -d post_max_size=16M -d max_input_time=300 \
        -d memory_limit=256M -d date.timezone=UTC -d display_errors=0 -d error_reporting=22527 \
        -S "$server_at:18080" -t "$server_folder/web" >"$server_folder/log/web.log" 2>&1 </dev/null &
    zabbix_web_pid=$!
    zabbix_url=http://$server_at:18080
    server_wait "the frontend" zabbix_api version
}

zabbix_api() {
    python3 "$zabbix_scripts/zabbix-api" "$zabbix_url" "$@"
}

server_up() {
    server_folder=$1/zabbix
    server_at=$3
    zabbix_web_pid=
    zabbix_database_up=
    mkdir -p "$server_folder/log" "$server_folder/scripts"
    # Other users must get in: PostgreSQL and Zabbix refuse to be root.
    [ "$(id -u)" != 0 ] || chmod a+x "$1" "$server_folder"
    zabbix_own zabbix "$server_folder/log"
    zabbix_database || return 1
    : >"$server_folder/log/traps"
    zabbix_own zabbix "$server_folder/log"
    zabbix_server_conf >"$server_folder/server.conf"
    MIBS='' server_start "$server_folder/log/start.log" "$(PATH=$PATH:/usr/sbin command -v zabbix_server)" -f -c "$server_folder/server.conf"
    zabbix_frontend || return 1
    zabbix_api import "$2/integrations/zabbix/template_kms_by_snmp_6.0.yaml" || return 1
    zabbix_api host kmsmon "$4" '' || return 1
    server_wait "the first values" zabbix_has kmsmon 'kms.agent.hosts[kmsmonAgentHostCount.0]'
}

zabbix_has() { # HOST KEY
    [ -n "$(zabbix_api value "$1" "$2")" ]
}
zabbix_is() { # HOST KEY VALUE
    [ "$(zabbix_api value "$1" "$2")" = "$3" ]
}

# The folder with the program of the package zabbix-proxy-sqlite3, which cannot be installed beside the server.
zabbix_proxy_program() { # FOLDER
    for zabbix_deb in /var/cache/apt/archives/zabbix-proxy-sqlite3_*.deb; do
        [ -e "$zabbix_deb" ] || return 1
        dpkg -x "$zabbix_deb" "$1" && echo "$1/usr/sbin/zabbix_proxy"
        return
    done
}

zabbix_proxy_up() { # PROGRAM NAME
    mkdir -p "$server_folder/px"
    cat >"$server_folder/proxy.conf" <<END
Server=$server_at:17051
Hostname=$2
SourceIP=$server_at
ListenIP=$server_at
ListenPort=17052
ConfigFrequency=3
DataSenderFrequency=1
StartPollers=4
DBName=$server_folder/px/proxy.db
LogFile=$server_folder/px/proxy.log
PidFile=$server_folder/px/proxy.pid
SocketDir=$server_folder/px
FpingLocation=$(command -v fping || echo /usr/bin/fping)
END
    zabbix_own zabbix "$server_folder/px"
    MIBS='' server_start "$server_folder/log/proxy.start.log" "$1" -f -c "$server_folder/proxy.conf"
}

server_says() {
    echo "Zabbix: $zabbix_url/$(zabbix_api dashboard kmsmon)"
    echo "  login Admin, password zabbix; then Monitoring, Hosts, kmsmon, Dashboards"
}

# The order counts: the server waits for its database for ever.
server_down() {
    if [ -n "${zabbix_web_pid:-}" ]; then
        kill -TERM "-$zabbix_web_pid" 2>/dev/null || :
        wait "$zabbix_web_pid" 2>/dev/null || :
        zabbix_web_pid=
    fi
    server_end_all
    if [ -n "${zabbix_database_up:-}" ]; then
        (cd / && zabbix_as postgres "$zabbix_bin/pg_ctl" -D "$server_folder/pg" -m fast -w stop) || :
        zabbix_database_up=
    fi
}
