# Certificates, credentials and replay endpoints for the tests of WS-Management: sourced after lib.sh.
#
#   wsman_certificates            makes $work/ca.pem, and $work/host.pem with $work/host.key for 127.0.0.1 and localhost
#   wsman_basic FILE PASSWORD     writes FILE, a credentials block "local" of user monitor, and FILE.password
#   wsman_host NAME OPTION...     starts an endpoint; its port is in $port, its log in $work/NAME.jsonl
# shellcheck shell=sh disable=SC2034,SC2154 # variables of lib.sh, and for the tests

command -v openssl >/dev/null || skip "openssl is not installed (apt-get install openssl)"
command -v python3 >/dev/null || skip "python3 is not installed (apt-get install python3)"
hosts=$source_dir/tests/fakes/hosts

wsman_certificates() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=CA of the test" -keyout "$work/ca.key" \
        -out "$work/ca.pem" >"$work/openssl.out" 2>&1 || fail "no CA"
    openssl req -newkey rsa:2048 -nodes -subj "/CN=localhost" -keyout "$work/host.key" -out "$work/host.csr" \
        >>"$work/openssl.out" 2>&1 || fail "no key"
    printf 'subjectAltName=DNS:localhost,DNS:kms01.lab.test,IP:127.0.0.1\n' >"$work/host.ext"
    openssl x509 -req -in "$work/host.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days 2 \
        -extfile "$work/host.ext" -out "$work/host.pem" >>"$work/openssl.out" 2>&1 || fail "no certificate"
}

wsman_basic() {
    (
        umask 077
        printf '%s\n' "$2" >"$1.password"
        printf 'credentials "local" { auth = basic user = "monitor" password-file = "%s" }\n' "$1.password" >"$1"
    )
}

wsman_host() {
    name=$1
    shift
    rm -f "$work/$name.port"
    start_other "$name" "$source_dir/tests/fakes/wsman_endpoint" --port-file "$work/$name.port" \
        --log "$work/$name.jsonl" "$@"
    port=$(cat "$work/$name.port")
}
