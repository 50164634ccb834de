#!/bin/sh
# Help, version and wrong usage: exit 3, on stdout, small enough for a terminal.
. "$(dirname "$0")/lib.sh"

fits() {
    awk -v most="$1" 'length > 80 { wide = 1 } END { exit wide || NR > most }' "$TMP/out" ||
        fail "'$RAN' needs more than $1 lines of 80 columns"
}

refused() {
    run "$@"
    code_is 3
    silent_on_stderr
    says "KMS UNKNOWN: usage:"
    says "Usage: $1 --report"
    [ "$(wc -l <"$TMP/out")" -le 23 ] || fail "'$RAN' prints more than 23 lines"
    sed 1d "$TMP/out" | awk 'length > 80 { exit 1 }' || fail "'$RAN' is wider than 80 columns"
}

for plugin in check_kms_count check_kms_requests check_kms_key check_kms; do
    for option in -h --help; do
        run "$plugin" "$option"
        code_is 3
        silent_on_stderr
        says "Usage: $plugin"
        says "--timeout-state"
        says "RANGE"
        fits 60
    done
    for option in -V --version; do
        run "$plugin" "$option"
        code_is 3
        silent_on_stderr
        fits 1
        says "$plugin (kmsmon)"
    done
    refused "$plugin"
    says "--report is missing"
    refused "$plugin" --report
    refused "$plugin" --report ""
    refused "$plugin" --no-such-option
    says "--no-such-option"
    refused "$plugin" --report "$SAMPLE" one-more
    says "one-more"
    refused "$plugin" "$SAMPLE"
    says "a report is named with --report"
    refused "$plugin" --agent /run/kmsmon/control -H kms01
    says "'/run/kmsmon/control' is not an option; the socket of kmsmond is named with --agent=SOCKET"
    refused "$plugin" --report "$SAMPLE" -p 0
    refused "$plugin" --report "$SAMPLE" -p 65536
    refused "$plugin" --report "$SAMPLE" -t soon
    refused "$plugin" --report "$SAMPLE" --timeout-state perhaps
    refused "$plugin" --report "$SAMPLE" --classes desktop
    says "office2010"
    refused "$plugin" --report "$SAMPLE" --max-age x
    refused "$plugin" --report "$SAMPLE" -w 20:10
    says "starts above its end"
    refused "$plugin" --report "$SAMPLE" -c ""
    refused "$plugin" --report "$SAMPLE" -c x
    refused "$plugin" --report "$SAMPLE" -w 1:2:3
    refused "$plugin" --report "$SAMPLE" -c 5:~
    refused "$plugin" --report "$SAMPLE" "$(printf 'evil\nKMS OK: fine|a=1')"
    says_not "|"
done

finish
