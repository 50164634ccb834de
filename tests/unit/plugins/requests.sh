#!/bin/sh
# The window of failed requests over several runs: new data counts once, a reset starts again, a bad state file too.
. "$(dirname "$0")/lib.sh"

REPORT=$TMP/kms01.txt

# report TIME TOTAL FAILED
report() {
    sed -e "s/14:50:58/$1/" -e "s/^\(Gesamtanzahl .*\): 20/\1: $2/" \
        -e "s/^\(Empfangene .*\): 0/\1: $3/" "$SAMPLE" >"$REPORT"
}

requests() {
    want=$1
    shift
    check "$want" check_kms_requests --report "$REPORT" --state-dir "$TMP/state" -H kms01 "$@"
}

state_file() {
    ls "$TMP/state"/*.windows
}

# Without a usable folder the totals still are known.
check 0 check_kms_requests --report "$SAMPLE" --state-dir "$TMP/no-such-folder"
first_line_is "KMS OK: 20 requests, 0 failed ever; no window kept; data of 2013-02-21"
says "no window is kept"
says "$TMP/no-such-folder"
says "No such file or directory"
says "judged instead"
says "next step: create the folder"
says "requests_windows=20c"
says "failed_windows=0c"
says "new_failed_windows=U"

# Then they are what is judged, at every run: number and ratio, or the ranges.
lost() {
    want=$1
    shift
    check "$want" check_kms_requests --report "$REPORT" --state-dir "$TMP/no-such-folder" "$@"
}
report 14:50:58 20 20
lost 2
lost 2
first_line_is "KMS CRITICAL: 20 requests, 20 failed ever; no window kept; data of 2013-02-21"
says "failed_windows=20c;0;10"
says "event 12290"
lost 0 -w 20 -c 30
says "failed_windows=20c;20;30"
lost 1 -w 19
lost 2 -c 19
lost 1 --failed-critical 20
lost 1 --failed-ratio-critical 1000
lost 0 --failed-ratio-warning 1000 --failed-ratio-critical 1000
lost 3 --max-age 26h
check 2 check_kms --report "$REPORT" --state-dir "$TMP/no-such-folder" --classes server
says "20 requests failed ever, no window kept"
says "next step: create the folder"
says "event 12290"
report 14:50:58 20 1
lost 0
report 14:50:58 20 2
lost 1
check 0 check_kms_requests --report "$KMSMON_SOURCE/data/samples/en-2019-kms.txt" \
    --state-dir "$TMP/no-such-folder"
[ -e "$TMP/no-such-folder" ] && fail "a folder that was named was created"

report 14:50:58 20 0
requests 0
says "20 requests, 0 failed"
says "starts with this report"
[ "$(state_file | wc -l)" = 1 ] || fail "not one state file"

# The same report again is no new sample.
requests 0
says "starts with this report"

report 15:10:58 24 1
requests 1
says "in the last 20 min 4 requests, 1 failed"
says "new_failed_windows=1;0;10"
says "failed_rate_windows=3"
says "failed_pct_windows=25%"
says "new_windows=4"
says "next step:"

# A retry finds what the first run found; so does check_kms, which shares the file.
requests 1
says "in the last 20 min 4 requests, 1 failed"
check 1 check_kms --report "$REPORT" --state-dir "$TMP/state" -H kms01 --classes server
says "in the last 20 min 4 requests, 1 failed"

# Thresholds.
requests 0 --failed-warning 1
requests 0 --failed-ratio-warning 250
requests 2 --failed-critical 0 --failed-ratio-critical 100
requests 0 -w 1
says "new_failed_windows=1;1"
requests 1 -w 0
requests 2 -c 0
requests 2 -w 0 -c 0
requests 3 --max-age 26h
says "requests_windows=U"
requests 1 -v
says "requests-oob-grace: 20"

# Another host or report has a file of its own.
check 0 check_kms_requests --report "$REPORT" --state-dir "$TMP/state" -H kms02
[ "$(state_file | wc -l)" = 2 ] || fail "kms02 has no state file of its own"
rm "$TMP"/state/kms02-*

# Outside of the window the failure is forgotten.
report 17:10:58 30 1
requests 0
says "6 requests, 0 failed"

# A counter reset starts the window again.
report 18:10:58 2 0
requests 0
says "started again"
says "2013-02-21 18:10:58"
report 18:20:58 4 2
requests 1
says "2 requests, 2 failed"

# A damaged file starts again and says so; the next run is well again.
printf 'sample of rubbish\n' >"$(state_file)"
requests 0
says "damaged"
says "starts again"
requests 0
says_not "damaged"
head -c 40 "$(state_file)" >"$TMP/half"
cp "$TMP/half" "$(state_file)"
requests 0
says "starts again"

# A symbolic link in its place is replaced; what it pointed to stays as it was.
file=$(state_file)
printf 'precious\n' >"$TMP/precious"
ln -sf "$TMP/precious" "$file"
requests 0
says "symbolic link"
[ -L "$file" ] && fail "the symbolic link is still there"
[ "$(cat "$TMP/precious")" = precious ] || fail "written through the symbolic link"
[ "$(stat -c %a "$file")" = 600 ] || fail "the state file is not private"

# Nothing else is left in the folder.
[ "$(ls -A "$TMP/state")" = "$(basename "$file")" ] || fail "something was left behind"

finish
