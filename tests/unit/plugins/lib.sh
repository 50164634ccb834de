# Sourced by the tests of the programs: runs one, keeps what it said, compares.
set -u
: "${KMSMON_SOURCE:?run by ctest}" "${KMSMON_BUILD:?run by ctest}"

BIN=$KMSMON_BUILD/checks
SAMPLE=$KMSMON_SOURCE/data/reports/de-2008r2-kms-b.txt
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
trap 'exit 1' INT TERM
mkdir "$TMP/state"
FAILED=0

fail() {
    echo "FAIL: $*"
    [ -f "$TMP/out" ] && sed 's/^/    out: /' "$TMP/out"
    [ -s "$TMP/err" ] && sed 's/^/    err: /' "$TMP/err"
    FAILED=1
}

# run PROGRAM ARGS...: CODE, $TMP/out, $TMP/err
run() {
    RAN="$*"
    program=$1
    shift
    "$BIN/$program" "$@" >"$TMP/out" 2>"$TMP/err"
    CODE=$?
}

# For a program that run cannot start: what it ended with, and what to call it.
ended() {
    CODE=$1
    RAN=$2
}

code_is() {
    [ "$CODE" = "$1" ] || fail "'$RAN' ended with $CODE, not $1"
}

says() {
    grep -qF -- "$1" "$TMP/out" || fail "'$RAN' does not say '$1'"
}

says_not() {
    if grep -qF -- "$1" "$TMP/out"; then
        fail "'$RAN' says '$1'"
    fi
}

first_line_is() {
    line=$(sed -n '1s/ | .*//p;1!d' "$TMP/out" | head -n 1)
    [ -n "$line" ] || line=$(head -n 1 "$TMP/out")
    [ "$line" = "$1" ] || fail "'$RAN' begins with '$line', not '$1'"
}

silent_on_stderr() {
    [ -s "$TMP/err" ] && fail "'$RAN' wrote to stderr"
    return 0
}

# One first line "KMS STATE: text", performance data by the letter, '|' nowhere else.
well_formed() {
    number='-?[0-9]+(\.[0-9]+)?'
    range="@?((~|$number)?:)?($number)?"
    label="([A-Za-z0-9_]+|'([^'=]|'')+')"
    item="$label=(U|$number(s|ms|us|%|[KMG]?B|c)?)(;$range(;$range(;($number)?(;($number)?)?)?)?)?"
    head -n 1 "$TMP/out" | grep -qE '^KMS (OK|WARNING|CRITICAL|UNKNOWN): [^|]+( \| [^|]+)?$' ||
        fail "'$RAN': malformed first line"
    head -n 1 "$TMP/out" | grep -E ' \| ' | sed 's/^.* | //' |
        grep -vE "^$item( $item)*\$" >/dev/null && fail "'$RAN': malformed performance data"
    sed 1d "$TMP/out" | grep -q '|' && fail "'$RAN': '|' in a long line"
    silent_on_stderr
}

# check CODE PROGRAM ARGS...: runs a plugin and looks at its form.
check() {
    want=$1
    shift
    run "$@"
    code_is "$want"
    well_formed
    word=$(sed -n '1s/^KMS \([A-Z]*\):.*/\1/p' "$TMP/out")
    case $want:$word in
    0:OK | 1:WARNING | 2:CRITICAL | 3:UNKNOWN) ;;
    *) fail "'$RAN' ended with $want and says $word" ;;
    esac
}

finish() {
    [ "$FAILED" = 0 ] && echo "all as expected"
    exit "$FAILED"
}
