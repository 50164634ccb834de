# An Apache with mod_auth_gssapi in front of a WS-Management endpoint: an acceptor of Negotiate that is not ours.
# Sourced after kdc.sh, whose realm must run.
#
#   apache_start CERT KEY KEYTAB BACKEND_PORT [NTLM_USERS]
#                 https://localhost:$apache_port/wsman asks for Negotiate, once in a connection, and passes on what
#                 comes to the endpoint at that port, which asks nobody (--auth none)
#   apache_stop   also at the end, by other_pids of lib.sh
# The log of errors is $work/apache/error.log, of requests $work/apache/access.log: user, status, connection.
# shellcheck shell=sh disable=SC2154 # $work and other_pids are the test's

PATH=$PATH:/usr/sbin:/sbin
apache_pid=
apache_modules=/usr/lib/apache2/modules
command -v apache2 >/dev/null || skip "apache2 is not installed"
[ -f $apache_modules/mod_auth_gssapi.so ] || skip "libapache2-mod-auth-gssapi is not installed"

apache_write_conf() { # CERT KEY BACKEND_PORT
    {
        echo "ServerName localhost"
        echo "ServerRoot \"$work/apache\""
        echo "DefaultRuntimeDir \"$work/apache\""
        echo "PidFile \"$work/apache/pid\""
        echo "Listen 127.0.0.1:$apache_port"
        for module in mpm_event authn_core authz_core authz_user ssl proxy proxy_http auth_gssapi; do
            echo "LoadModule ${module}_module $apache_modules/mod_$module.so"
        done
        [ "$(id -u)" != 0 ] || printf 'User nobody\nGroup nogroup\n'
        cat <<END
StartServers 1
ThreadsPerChild 64
MaxRequestWorkers 64
ServerLimit 1
MinSpareThreads 1
MaxSpareThreads 64
KeepAlive On
MaxKeepAliveRequests 0
ErrorLog "$work/apache/error.log"
CustomLog "$work/apache/access.log" "%u %>s %k"
SSLSessionCache none
Mutex pthread
DocumentRoot "$work/apache/nothing"
SSLEngine on
SSLProtocol -all +TLSv1.2 +TLSv1.3
SSLCertificateFile "$1"
SSLCertificateKeyFile "$2"
ProxyPass "/wsman" "http://127.0.0.1:$3/wsman"
<Location "/wsman">
    AuthType GSSAPI
    AuthName "WSMAN"
    GssapiSSLonly On
    GssapiConnectionBound On
    Require valid-user
</Location>
END
    } >"$work/apache/apache.conf"
}

apache_settled() {
    grep -q 'resuming normal operations' "$work/apache/error.log" 2>/dev/null ||
        ! kill -0 "$apache_pid" 2>/dev/null
}

apache_start() {
    mkdir -p "$work/apache/nothing"
    cp "$3" "$work/apache/keytab"
    # As root it works as nobody, who must reach what it reads.
    if [ "$(id -u)" = 0 ]; then
        chmod 711 "$work" "$work/apache" "$work/kdc"
        chown nobody "$work/apache/keytab"
    fi
    apache_users=/nonexistent/ntlm-users
    if [ $# -gt 4 ]; then
        apache_users=$work/apache/ntlm-users
        cp "$5" "$apache_users"
        [ "$(id -u)" != 0 ] || chown nobody "$apache_users"
    fi
    # A port that is free is found by trying.
    for apache_port in $(shuf -n 20 -i 20000-32000); do
        apache_write_conf "$1" "$2" "$4"
        : >"$work/apache/error.log"
        KRB5_KTNAME="FILE:$work/apache/keytab" KRB5RCACHENAME=none: NTLM_USER_FILE=$apache_users \
            apache2 -d "$work/apache" -f "$work/apache/apache.conf" -DFOREGROUND \
            >"$work/apache/out.log" 2>&1 &
        apache_pid=$!
        tries=0
        until apache_settled; do
            tries=$((tries + 1))
            [ $tries -lt 600 ] || fail "waited in vain for apache2: $(cat "$work/apache/error.log")"
            sleep 0.05
        done
        if kill -0 "$apache_pid" 2>/dev/null; then
            other_pids="${other_pids-} $apache_pid"
            return 0
        fi
        wait "$apache_pid" || :
        grep -q 'Address already in use' "$work/apache/out.log" ||
            fail "apache2: $(cat "$work/apache/out.log" "$work/apache/error.log")"
    done
    fail "apache2 found no port"
}

apache_stop() {
    [ -n "$apache_pid" ] || return 0
    kill -TERM "$apache_pid"
    wait "$apache_pid" || :
    other_pids=$(printf ' %s ' "${other_pids-}" | sed "s/ $apache_pid / /")
    apache_pid=
}
