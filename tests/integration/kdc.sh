# A private Kerberos realm LAB.TEST with its KDC on loopback: sourced by tests, after lib.sh where that is used.
#
#   kdc_start                     makes $work/kdc, exports KRB5_CONFIG and KRB5_KDC_PROFILE; the port is in $kdc_port
#   kdc_principal NAME [PASSWORD] adds NAME@LAB.TEST; without a password it has a random key
#   kdc_keytab FILE NAME...       writes the keys of these names; their passwords stay as they are
#   kdc_ticket CCACHE NAME PASSWORD
#   kdc_freeze, kdc_thaw          the KDC takes requests and does not answer them
#   kdc_stop                      also at the end, by other_pids of lib.sh
# No credential cache or keytab of the machine is seen: KRB5CCNAME and KRB5_KTNAME point to files that do not exist.
# shellcheck shell=sh disable=SC2154 # $work and other_pids are the test's

PATH=$PATH:/usr/sbin:/sbin
kdc_pid=
command -v fail >/dev/null || fail() {
    echo "FAILED: $*" >&2
    exit 1
}
command -v skip >/dev/null || skip() {
    echo "skipped: $*"
    exit 77
}
for tool in krb5kdc kadmin.local kdb5_util kinit; do
    command -v $tool >/dev/null ||
        skip "$tool is not installed (apt-get install krb5-kdc krb5-admin-server krb5-user)"
done

kdc_write_conf() {
    cat >"$work/kdc/krb5.conf" <<END
[libdefaults]
    default_realm = LAB.TEST
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    default_ccache_name = FILE:$work/kdc/no-ccache
    default_keytab_name = FILE:$work/kdc/no-keytab
    default_client_keytab_name = FILE:$work/kdc/no-client-keytab
[realms]
    LAB.TEST = {
        kdc = 127.0.0.1:$kdc_port
    }
[domain_realm]
    .lab.test = LAB.TEST
    lab.test = LAB.TEST
    localhost = LAB.TEST
END
    cat >"$work/kdc/kdc.conf" <<END
[kdcdefaults]
    kdc_listen = 127.0.0.1:$kdc_port
    kdc_tcp_listen = 127.0.0.1:$kdc_port
[realms]
    LAB.TEST = {
        database_name = $work/kdc/principal
        key_stash_file = $work/kdc/stash
        acl_file = $work/kdc/kadm5.acl
        supported_enctypes = aes256-cts:normal aes128-cts:normal
    }
[logging]
    kdc = FILE:$work/kdc/kdc.log
    admin_server = FILE:$work/kdc/kadmin.log
    default = FILE:$work/kdc/default.log
END
}

kdc_settled() {
    grep -q 'commencing operation' "$work/kdc/kdc.log" 2>/dev/null || ! kill -0 "$kdc_pid" 2>/dev/null
}

kdc_start() {
    mkdir -m 700 "$work/kdc"
    export KRB5_CONFIG="$work/kdc/krb5.conf" KRB5_KDC_PROFILE="$work/kdc/kdc.conf"
    export KRB5CCNAME="FILE:$work/kdc/no-ccache" KRB5_KTNAME="FILE:$work/kdc/no-keytab"
    export KRB5_CLIENT_KTNAME="FILE:$work/kdc/no-client-keytab" KRB5RCACHENAME="none:"
    kdc_port=0
    kdc_write_conf
    kdb5_util create -r LAB.TEST -s -P "master-of-$$" >"$work/kdc/create.log" 2>&1 ||
        fail "kdb5_util: $(cat "$work/kdc/create.log")"
    # A port that is free for UDP and TCP is found by trying.
    for kdc_port in $(shuf -n 20 -i 20000-32000); do
        kdc_write_conf
        : >"$work/kdc/kdc.log"
        krb5kdc -n >"$work/kdc/kdc.out" 2>&1 &
        kdc_pid=$!
        tries=0
        until kdc_settled; do
            tries=$((tries + 1))
            [ $tries -lt 600 ] || fail "waited in vain for the KDC: $(cat "$work/kdc/kdc.log")"
            sleep 0.05
        done
        if kill -0 "$kdc_pid" 2>/dev/null; then
            other_pids="${other_pids-} $kdc_pid"
            return 0
        fi
        wait "$kdc_pid" || :
    done
    fail "the KDC found no port: $(tail -n 5 "$work/kdc/kdc.log" "$work/kdc/kdc.out")"
}

kdc_stop() {
    [ -n "$kdc_pid" ] || return 0
    kill -CONT "$kdc_pid" 2>/dev/null || :
    kill -TERM "$kdc_pid" 2>/dev/null || :
    wait "$kdc_pid" 2>/dev/null || :
    other_pids=$(printf ' %s ' "${other_pids-}" | sed "s/ $kdc_pid / /")
    kdc_pid=
}

kdc_admin() {
    kadmin.local -r LAB.TEST -q "$1" >>"$work/kdc/admin.out" 2>&1 ||
        fail "kadmin.local: $(tail -n 3 "$work/kdc/admin.out")"
}

kdc_principal() {
    if [ $# -gt 1 ]; then
        kdc_admin "addprinc -pw \"$2\" $1@LAB.TEST"
    else
        kdc_admin "addprinc -randkey $1@LAB.TEST"
    fi
    kadmin.local -r LAB.TEST -q "getprinc $1@LAB.TEST" 2>&1 | grep -q "^Principal: $1@LAB.TEST" ||
        fail "the principal $1 was not made: $(tail -n 3 "$work/kdc/admin.out")"
}

kdc_keytab() {
    kdc_keytab_file=$1
    shift
    for name in "$@"; do
        kdc_admin "ktadd -norandkey -k $kdc_keytab_file $name@LAB.TEST"
    done
    [ -s "$kdc_keytab_file" ] || fail "no keys were written: $(tail -n 3 "$work/kdc/admin.out")"
    chmod 600 "$kdc_keytab_file"
}

kdc_ticket() {
    printf '%s\n' "$3" | kinit -c "FILE:$1" "$2@LAB.TEST" >"$work/kdc/kinit.out" 2>&1 ||
        fail "kinit: $(cat "$work/kdc/kinit.out")"
}

kdc_freeze() {
    kill -STOP "$kdc_pid"
}

kdc_thaw() {
    kill -CONT "$kdc_pid"
}
