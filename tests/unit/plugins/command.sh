#!/bin/sh
# kmsmon, the command for people.
. "$(dirname "$0")/lib.sh"

error_says() {
    grep -qF -- "$1" "$TMP/err" || fail "'$RAN' does not say '$1' on stderr"
}

run kmsmon -V
code_is 0
says "kmsmon "
for option in -h --help help; do
    run kmsmon "$option"
    code_is 0
    says "report"
done
for words in "help report" "report --help" "report -h"; do
    # shellcheck disable=SC2086
    run kmsmon $words
    code_is 0
    says "--json"
done
run kmsmon
code_is 2
error_says "Usage:"
run kmsmon frobnicate
code_is 2
error_says "frobnicate"
run kmsmon help frobnicate
code_is 2
run kmsmon report
code_is 2
error_says "no report is named"
run kmsmon report --frobnicate "$SAMPLE"
code_is 2
run kmsmon report - -
code_is 2

run kmsmon report "$SAMPLE"
code_is 0
silent_on_stderr
says "WARNING"
says "count 6"
says "Lizenziert"
says "data of"
grep -q "$(printf '\033')" "$TMP/out" && fail "colours without a terminal"

# What the host's product id says, part by part; what was blacked out is left out.
says "host key: Windows Server 2008 R2 B (Standard & Enterprise) (group 00168, key id 313163342), volume"
says "host: build 7601 (Windows 7 / Server 2008 R2 SP1), German (Germany)"
says_not "key activated"
run kmsmon report "$KMSMON_SOURCE/data/samples/en-2019-kms.txt"
code_is 0
says "host: build 17763 (Windows 10 1809 / Server 2019), English (United States)"
says "key activated: 2023-02-14"
says_not "platform"
run kmsmon report --json "$KMSMON_SOURCE/data/samples/en-2019-kms.txt"
code_is 0
says '"host-key": "Windows Server 2019"'
says '"activated": "2023-02-14"'
says '"platform-contradicts-build": false'
run check_kms -v --report "$KMSMON_SOURCE/data/samples/en-2019-kms.txt"
says "key activated: 2023-02-14"
run check_kms --report "$KMSMON_SOURCE/data/samples/en-2019-kms.txt"
says_not "key activated"

run kmsmon report - <"$SAMPLE"
code_is 0
says "standard input"

# Several reports: one table; what was not read is shown with its next step, the others still are.
cp "$SAMPLE" "$TMP/kms01.txt"
cp "$SAMPLE" "$TMP/kms02.txt"
run kmsmon report "$TMP/kms01.txt" "$TMP/kms02.txt" --classes server
code_is 0
silent_on_stderr
says "HOST KEY"
[ "$(grep -c '^OK  ' "$TMP/out")" = 2 ] || fail "not two rows"
run kmsmon report "$TMP/kms01.txt" "$TMP/none.txt" "$TMP/kms02.txt"
code_is 1
silent_on_stderr
says "report-missing"
says "next step:"
[ "$(grep -c '^WARNING  ' "$TMP/out")" = 2 ] || fail "the readable ones are not shown"
run kmsmon report -v "$TMP/kms01.txt" "$TMP/kms02.txt"
code_is 0
[ "$(grep -c 'current-count' "$TMP/out")" = 2 ] || fail "-v does not show every fact of both"

# Columns line up by characters, not bytes.
cp "$SAMPLE" "$TMP/käse.txt"
run kmsmon report "$TMP/kms01.txt" "$TMP/käse.txt"
code_is 0
[ "$(sed -n '2,3s/Windows Server 2008.*//p' "$TMP/out" | sed 's/ä/a/' | awk '{ print length }' |
    sort -u | wc -l)" = 1 ] || fail "columns do not line up"

run kmsmon report --json "$TMP/kms01.txt" "$TMP/none.txt"
code_is 1
silent_on_stderr
says '"outcome": "report-missing"'
says '"verdict": "belowThreshold"'
says '"license-status": "licensed"'
if command -v python3 >/dev/null; then
    python3 -c 'import json, sys; assert len(json.load(open(sys.argv[1]))) == 2' "$TMP/out" ||
        fail "not an array of two"
fi

run kmsmon report --json --max-age 26h "$TMP/kms01.txt"
code_is 0
says '"state": "unknown"'

# On a terminal there are colours, unless NO_COLOR is set.
if command -v script >/dev/null; then
    for setting in "" 1; do
        NO_COLOR=$setting TERM=xterm script -qec "'$BIN/kmsmon' report '$SAMPLE'" /dev/null \
            >"$TMP/out" 2>"$TMP/err" </dev/null
        colours=$(grep -c "$(printf '\033\\[')" "$TMP/out")
        case $setting:$colours in
        :0) fail "no colours on a terminal" ;;
        1:0) ;;
        1:*) fail "colours in spite of NO_COLOR" ;;
        esac
    done
fi

# A narrow terminal gets fewer columns, not broken lines.
if command -v script >/dev/null && command -v stty >/dev/null; then
    NO_COLOR=1 script -qec "stty cols 80; '$BIN/kmsmon' report '$TMP/kms01.txt' '$TMP/kms02.txt'" \
        /dev/null >"$TMP/out" 2>"$TMP/err" </dev/null
    RAN="kmsmon report on 80 columns"
    says "clients below 25"
    tr -d '\r' <"$TMP/out" | awk 'length > 80 { exit 1 }' || fail "wider than 80 columns"
fi

"$BIN/kmsmon" report "$SAMPLE" >/dev/full 2>"$TMP/err"
ended $? "kmsmon report >/dev/full"
code_is 1
error_says "could not be written"

# Many reports at once.
i=0
mkdir "$TMP/many"
while [ $i -lt 300 ]; do
    ln -s "$SAMPLE" "$TMP/many/kms$i.txt"
    i=$((i + 1))
done
run kmsmon report "$TMP"/many/*.txt
code_is 0
[ "$(grep -c '^WARNING  ' "$TMP/out")" = 300 ] || fail "not 300 rows"

finish
