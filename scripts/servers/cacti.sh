# Cacti with a database of its own and the shipped templates: sourced after common.sh.
#   server_needs                         what has to be installed, or nothing
#   server_up FOLDER BUILD ADDRESS AGENT starts all below FOLDER at ADDRESS, of the agent's HOST:PORT
#   server_says                          where to look, and as whom
#   server_down
# shellcheck shell=sh disable=SC2154 # variables of common.sh

server_needs() {
    PATH=$PATH:/usr/sbin:/sbin
    cacti_packages="cacti mariadb-server php-cli php-snmp php-mysql php-gd php-mbstring php-xml php-gmp php-ldap php-intl rrdtool curl"
    for tool in mariadbd mariadb-install-db php rrdtool curl snmpget; do
        command -v $tool >/dev/null || { echo "$tool is not installed (apt-get install $cacti_packages)"; return; }
    done
    [ -f /usr/share/cacti/site/poller.php ] || { echo "cacti is not installed (apt-get install $cacti_packages)"; return; }
    cacti_has=$(php -m | tr '[:upper:]\n' '[:lower:] ')
    for extension in snmp pdo_mysql gd mbstring xml gmp ldap intl; do
        case " $cacti_has " in *" $extension "*) ;; *) echo "PHP's $extension is not installed (apt-get install $cacti_packages)"; return ;; esac
    done
}

# The database has a unix socket and no port; who may be in the folder is root of it.
cacti_database() {
    mkdir -p "$cacti/db"
    cacti_me=$(id -un)
    printf '[mariadbd]\ndatadir=%s/db\nsocket=%s\npid-file=%s/db.pid\nskip-networking\n' "$cacti" "$cacti_socket" "$cacti" >"$cacti/my.cnf"
    printf '%s\n' character-set-server=utf8mb4 collation-server=utf8mb4_unicode_ci max_heap_table_size=64M tmp_table_size=64M \
        innodb_flush_log_at_trx_commit=0 innodb_buffer_pool_size=64M innodb_log_file_size=8M innodb_doublewrite=0 >>"$cacti/my.cnf"
    mariadb-install-db --no-defaults --user="$cacti_me" --datadir="$cacti/db" --auth-root-authentication-method=normal \
        --skip-test-db >"$cacti/install-db.log" 2>&1 || { cat "$cacti/install-db.log"; return 1; }
    server_start "$cacti/db.log" mariadbd --defaults-file="$cacti/my.cnf" --user="$cacti_me"
    server_wait "the database" mariadb-admin --no-defaults -S "$cacti_socket" -uroot ping &&
        cacti_sql "create database cacti; create user cacti@localhost identified by 'cacti';
            grant all on cacti.* to cacti@localhost; grant select on mysql.time_zone_name to cacti@localhost" mysql &&
        mariadb-tzinfo-to-sql /usr/share/zoneinfo/Etc/UTC UTC | mariadb --no-defaults -S "$cacti_socket" -uroot mysql &&
        mariadb --no-defaults -S "$cacti_socket" -uroot cacti </usr/share/cacti/conf_templates/cacti.sql
}

cacti_sql() { # STATEMENTS [DATABASE]
    mariadb --no-defaults -S "$cacti_socket" -uroot -N -e "$1" "${2:-cacti}"
}

# The package's site is links into /etc, /var and other packages; the copy is files.
cacti_copy() {
    cp -rL /usr/share/cacti "$cacti/app" || return 1
    for cacti_dir in rra log cache; do
        rm -rf "$cacti/app/site/$cacti_dir"
        mkdir -p "$cacti/app/site/$cacti_dir"
    done
    mkdir -p "$cacti/app/site/cache/boost" "$cacti/app/site/cache/mibcache" "$cacti/app/site/cache/realtime" \
        "$cacti/app/site/cache/spikekill"
    : >"$cacti/app/site/log/cacti.log"
    cat >"$cacti/app/site/include/config.php" <<'END'
<?php
$database_type = 'mysql'; $database_default = 'cacti'; $database_hostname = 'localhost';
$database_username = 'cacti'; $database_password = 'cacti'; $database_port = '3306'; $database_retries = 5;
$database_ssl = false; $database_ssl_key = $database_ssl_cert = $database_ssl_ca = ''; $database_persist = false;
$poller_id = 1; $url_path = '/'; $cacti_session_name = 'Cacti'; $cacti_db_session = false;
$disable_log_rotation = true; $proxy_headers = null; $path_csrf_secret = __DIR__ . '/../cache/csrf-secret.php';
END
    cat >"$cacti/php" <<END
#!/bin/sh
export MIBS=
exec php -d date.timezone=UTC -d memory_limit=512M -d max_execution_time=0 -d error_reporting=22527 -d display_errors=0 \\
    -d pdo_mysql.default_socket=$cacti_socket -d session.save_path=$cacti/sessions "\$@"
END
    chmod +x "$cacti/php"
    mkdir -p "$cacti/sessions"
}

cacti_cli() { # SCRIPT ARGUMENT...
    cacti_script=$1
    shift
    (cd "$cacti/app/cli" && "$cacti/php" "$cacti_script" "$@")
}

cacti_install() {
    # The installer runs it to see what PHP has.
    cacti_sql "replace into settings (name, value) values ('path_php_binary', '$cacti/php')" || return 1
    # No automation: it would look for devices in the networks around.
    cacti_cli install_cacti.php --accept-eula --install --automationmode=0 --template=Cacti_Stats.xml.gz:0 \
        --path=php_binary:"$cacti/php" >"$cacti/install.log" 2>&1
    cacti_sql "update automation_networks set enabled='';
        replace into settings (name, value) values ('path_cactilog', '$cacti/app/site/log/cacti.log'),
            ('poller_interval', '$cacti_step'), ('cron_interval', '60'), ('reindex_method', '2');
        update data_source_profiles set \`default\` = '';
        update data_source_profiles set \`default\` = 'on', step = $cacti_step, heartbeat = 2 * $cacti_step where id = 2;
        update user_auth set must_change_password = '', password = '$(php -r 'echo password_hash("kmsmon-demo", PASSWORD_DEFAULT);')'
            where username = 'admin'"
    [ "$(cacti_sql "select cacti from version")" != new_install ] || { cat "$cacti/install.log"; return 1; }
}

# What the README says, in the private copy.
cacti_templates() { # FOLDER
    cp "$1"/kmsmon_*.xml "$cacti/app/site/resource/snmp_queries/" &&
        cacti_cli import_template.php --filename="$1/kmsmon.xml" >"$cacti/import.log" 2>&1 &&
        [ -n "$(cacti_sql "select id from host_template where name = 'KMS monitor (kmsmon)'")" ]
}

# The device is given its data queries by its template, and graphs by add-graphs.
cacti_device() { # FOLDER HOST:PORT
    # An agent that is no part of snmpd has no sysUpTime, by which Cacti sees whether it is there.
    cacti_avail=snmp
    snmpget -v2c -c public -m '' -Oqv "$2" .1.3.6.1.2.1.1.3.0 2>/dev/null | grep -q '^[0-9]' || cacti_avail=none
    cacti_cli add_device.php --description=kmsmon --ip="${2%:*}" --port="${2##*:}" --version=2 --community=public \
        --avail=$cacti_avail --template="$(cacti_sql "select id from host_template where name = 'KMS monitor (kmsmon)'")" \
        >"$cacti/device.log" 2>&1 &&
        CACTI_CLI=$cacti/app/cli PHP=$cacti/php sh "$1/add-graphs" 1 "$cacti_graphs" >"$cacti/graphs.log" 2>&1
}

# The graph as Cacti draws it.
cacti_graph() { # GRAPH FILE SECONDS
    cat >"$cacti/graph.php" <<'END'
<?php
chdir($argv[1]);
require './include/cli_check.php';
require_once './lib/rrd.php';
$options = array('graph_start' => time() - (int) $argv[4], 'graph_end' => time(), 'image_format' => 'png',
    'graph_theme' => 'classic', 'disable_cache' => true);
$none = array();
file_put_contents($argv[3], rrdtool_function_graph((int) $argv[2], 0, $options, '', $none, 1));
END
    "$cacti/php" "$cacti/graph.php" "$cacti/app/site" "$1" "$2" "$3"
}

# The file that has a data source of a row; the agent's own have no row.
cacti_file() { # DATA-SOURCE [ROW]
    cacti_sql "select rrd_path from poller_item join data_local on data_local.id = local_data_id
        where rrd_name = '$1' and data_local.snmp_index = '${2:-}'"
}

cacti_graph_of() { # DATA-SOURCE ROW
    cacti_sql "select distinct local_graph_id from graph_templates_item join data_template_rrd r on r.id = task_item_id
        join data_local on data_local.id = r.local_data_id
        where local_graph_id > 0 and data_source_name = '$1' and data_local.snmp_index = '$2'"
}

server_up() {
    PATH=$PATH:/usr/sbin:/sbin
    cacti=$1/cacti
    cacti_socket=$cacti/db.sock
    cacti_at=$3
    cacti_step=10
    cacti_graphs='^(Count|Requests|RPC latency|Host status|Domain|Record share)$'
    mkdir -p "$cacti"
    cacti_database && cacti_copy && cacti_install && cacti_templates "$2/integrations/cacti" &&
        cacti_device "$2/integrations/cacti" "$4" || return 1
    server_start "$cacti/web.log" "$cacti/php" -S "$cacti_at:18080" -t "$cacti/app/site"
    printf '#!/bin/sh\ncd %s/app/site || exit 1\nwhile :; do ../../php poller.php --force; done\n' "$cacti" >"$cacti/poll"
    server_start "$cacti/poller.log" sh "$cacti/poll"
    cacti_poller=$!
    server_wait "Cacti's pages" curl -sf "http://$cacti_at:18080/index.php" &&
        server_wait "the first values" cacti_has_values
}

cacti_has_values() {
    [ -s "$(cacti_file headroom 1.1)" ]
}

server_says() {
    echo "Cacti: http://$cacti_at:18080/graph_view.php   login admin, password kmsmon-demo"
    echo "  values are read every $cacti_step seconds; Graphs, then Preview shows them all"
}

# The poller starts others, and they are of its session.
cacti_stop_poller() {
    [ -n "${cacti_poller:-}" ] || return 0
    kill -TERM "-$cacti_poller" 2>/dev/null || :
    wait "$cacti_poller" 2>/dev/null || :
    cacti_poller=
}

server_down() {
    cacti_stop_poller
    server_end_all
}
