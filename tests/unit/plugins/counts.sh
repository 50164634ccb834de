#!/bin/sh
# What the plugins say about a real host's report, with every way to judge it.
. "$(dirname "$0")/lib.sh"

check 1 check_kms_count --report "$SAMPLE"
first_line_is "KMS WARNING: count 6: servers ok (5), clients below 25; data of 2013-02-21"
says "count_windows=6;26:"
says "headroom_client=-19"
says "headroom_server=1"
says "19 more needed"
says "next step: let more machines of the class ask this host (slmgr /ato there), or say with --classes"
says "2013-02-21 14:50"

check 0 check_kms_count --report "$SAMPLE" --classes server
says "count_windows=6;6:;5:"
says "servers ok (5)"
check 2 check_kms_count --report "$SAMPLE" --classes client
says "count_windows=6;26:;25:"
says "next step: let more machines of the class ask this host (slmgr /ato there)"
says_not "or say with --classes"
check 2 check_kms_count --report "$SAMPLE" --classes server,client
check 3 check_kms_count --report "$SAMPLE" --max-age 26h
says "count_windows=U"
says "2013-02-21"
says "26h"
sed "s/21\.02\.2013 14:50:58/$(date +%d.%m.%Y) 12:00:00/" "$SAMPLE" >"$TMP/today.txt"
check 0 check_kms_count --report "$TMP/today.txt" --max-age 26h --classes server
check 2 check_kms_count --report "$SAMPLE" --classes office
check 0 check_kms_count --report "$SAMPLE" --classes client --client-threshold 5
check 1 check_kms_count --report "$SAMPLE" --classes client --client-threshold 6
check 0 check_kms_count --report - --classes server <"$SAMPLE"
check 0 check_kms_count --report "file://$SAMPLE" --classes server

# -w and -c: critical first, either alone; declared classes keep their thresholds.
check 0 check_kms_count --report "$SAMPLE" -w 5:
says "count_windows=6;5:"
check 1 check_kms_count --report "$SAMPLE" -w 7:
check 2 check_kms_count --report "$SAMPLE" -c 7:
check 0 check_kms_count --report "$SAMPLE" -c 6:
check 2 check_kms_count --report "$SAMPLE" -w 7: -c 7:
check 1 check_kms_count --report "$SAMPLE" -w 30: -c 5:
says "count_windows=6;30:;5:"
check 1 check_kms_count --report "$SAMPLE" -w @6:6
check 0 check_kms_count --report "$SAMPLE" -w 10 -c 20
check 2 check_kms_count --report "$SAMPLE" -w 1: --classes client
check 0 check_kms_count --report "$SAMPLE" -w 1: --classes server
check 3 check_kms_count --report "$SAMPLE" -w 1: --max-age 26h

# The next step fits the direction.
check 1 check_kms_count --report "$SAMPLE" -w '~:5'
says "next step: find out which machines"
says_not "let more machines"
check 2 check_kms_count --report "$SAMPLE" -w '~:5' -c 5
says "next step: find out which machines"
check 1 check_kms_count --report "$SAMPLE" -w 7:
says "next step: let more machines"
says_not "find out"
check 1 check_kms_count --report "$SAMPLE" -w @6:6
says "which alert inside"
says_not "let more machines"
check 2 check_kms_count --report "$SAMPLE" -w '~:5' --classes client
says "next step: find out which machines"
says "next step: let more machines of the class"
check 2 check_kms --report "$SAMPLE" --state-dir "$TMP/state" --classes server -c '~:5'
says "next step: find out which machines"
says_not "let more machines"

# A report's own time has no zone: up to 14 hours are allowed, and -v says when they decided.
sed "s/21\.02\.2013 14:50:58/$(date -u -d '30 hours ago' '+%d.%m.%Y %H:%M:%S')/" "$SAMPLE" \
    >"$TMP/zone.txt"
check 0 check_kms_count --report - --max-age 26h --classes server -v <"$TMP/zone.txt"
says "more than --max-age 26h; but the report's time has no zone"
check 0 check_kms_count --report - --max-age 26h --classes server <"$TMP/zone.txt"
says_not "has no zone"
check 0 check_kms_count --report - --max-age 32h --classes server -v <"$TMP/zone.txt"
says_not "has no zone"
check 3 check_kms_count --report - --max-age 10h --classes server -v <"$TMP/zone.txt"
says_not "has no zone"

# The port that clients use, against what the host says.
check 0 check_kms_count --report "$SAMPLE" --classes server -p 1688
check 1 check_kms_count --report "$SAMPLE" --classes server -p 1689
says "1689"
grep -qF '[WARNING] ' "$TMP/out" || fail "no node of the tree is WARNING"
grep -F '[WARNING] ' "$TMP/out" | grep -qF 1689 || fail "the WARNING node does not name the port"
check 1 check_kms_count --report "$KMSMON_SOURCE/data/samples/en-2019-kms.txt" -p 1689
grep -F '[WARNING] ' "$TMP/out" | grep -qF 1689 || fail "the WARNING node does not name the port"

check 0 check_kms_key --report "$SAMPLE"
first_line_is "KMS OK: licensed; data of 2013-02-21"
says "licensed_windows=1"
says "expires_windows=U"
check 3 check_kms_key --report "$SAMPLE" --max-age 26h
check 0 check_kms_key --report "$SAMPLE" -c 7:

# A key with an end.
sed 's/^Lizenzstatus: .*/&\nVerbleibende Zeit: 14400 Minute(n) (10 Tag(e))/' "$SAMPLE" >"$TMP/end-de.txt"
cat >"$TMP/end.txt" <<'TXT'
Name: Windows(R), ServerDatacenter edition
Description: Windows(R) Operating System, VOLUME_KMS_WS19 channel
Activation ID: 11111111-2222-3333-4444-555555555555
Application ID: 55c92734-d682-4d71-983e-d6ec3f16059f
Extended PID: 03612-00206-551-000000-03-1033-17763.0000-0012019
Partial Product Key: ABCDE
License Status: Licensed
Volume activation expiration: 14400 minute(s) (10 day(s))
Trusted time: 10/26/2016 9:58:33 AM
Key Management Service is enabled on this machine
    Current count: 50
    Listening on Port: 1688
    DNS publishing enabled
    KMS priority: Normal
Key Management Service cumulative requests received from clients
    Total requests received: 100
    Failed requests received: 3
    Requests with License Status Unlicensed: 0
    Requests with License Status Licensed: 97
    Requests with License Status Initial grace period: 0
    Requests with License Status License expired or Hardware out of tolerance: 0
    Requests with License Status Non-genuine grace period: 0
    Requests with License Status Notification: 0
TXT
check 1 check_kms_key --report "$TMP/end.txt"
says "expires_windows=10;30:;7:"
check 2 check_kms_key --report "$TMP/end.txt" --expires-critical 11d
check 0 check_kms_key --report "$TMP/end.txt" --expires-warning 9d --expires-critical 1d
check 0 check_kms_key --report "$TMP/end.txt" -w 9: -c 1:
says "expires_windows=10;9:;1:"
check 2 check_kms_key --report "$TMP/end.txt" -c 20:
check 1 check_kms_key --report "$TMP/end.txt" -w 20:
check 0 check_kms_count --report "$TMP/end.txt" --classes client,server
check 1 check_kms --report "$TMP/end.txt" --state-dir "$TMP/state"

# Not licensed.
sed 's/^License Status: .*/License Status: Notification/' "$TMP/end.txt" >"$TMP/notified.txt"
check 2 check_kms_key --report "$TMP/notified.txt"
says "next step:"
says "licensed_windows=0"
sed 's/^License Status: .*/License Status: Hocus pocus/' "$TMP/end.txt" >"$TMP/strange.txt"
check 1 check_kms_key --report "$TMP/strange.txt"
says "Hocus pocus"
sed '/^Volume activation/d' "$TMP/strange.txt" >"$TMP/stranger.txt"
check 3 check_kms_key --report "$TMP/stranger.txt"

# A reason code keeps its name in the first line; its explanation is in the tree.
sed 's/^License Status: .*/&\nNotification Reason: 0xC004F200./' "$TMP/notified.txt" >"$TMP/reason.txt"
check 2 check_kms_key --report "$TMP/reason.txt"
first_line_is "KMS CRITICAL: notification, ends in 10 days, 0xC004F200 SL_E_NOT_GENUINE; data of 2016-10-26"

# Several keys: the first line names those in trouble and counts the others.
{
    cat "$TMP/end.txt"
    printf '\n'
    sed -e 's/^Name: .*/Name: Office 16, OfficeKMSHostVL_KMS_Host edition/' \
        -e 's/^Description: .*/Description: Office 16, VOLUME_KMS channel/' \
        -e 's/^Activation ID: .*/Activation ID: 98ebfe73-2084-4c97-932c-c0cd1643bea7/' \
        -e 's/^Application ID: .*/Application ID: 0ff1ce15-a989-479d-af46-f275c6370663/' \
        -e 's/Current count: .*/Current count: 3/' -e '/^Volume activation/d' "$TMP/end.txt"
} >"$TMP/two.txt"
check 1 check_kms_count --report "$TMP/two.txt"
first_line_is "KMS WARNING: Office count 3: Office below 5; 1 key ok; data of 2016-10-26"
says "count_office=3;6:"
says "headroom_office=-2"
check 2 check_kms_count --report "$TMP/two.txt" --classes office
check 0 check_kms_count --report "$TMP/two.txt" --classes client
check 1 check_kms_key --report "$TMP/two.txt"
says "expires_office=U"
check 2 check_kms --report "$TMP/two.txt" --state-dir "$TMP/state" --classes client,server,office

# The whole tree.
check 1 check_kms --report "$SAMPLE" --state-dir "$TMP/state" -H kms01
says "KMS host kms01"
says "servers ok (5)"
says "20 requests, 0 failed"
says "activation: licensed"
check 0 check_kms --report "$SAMPLE" --state-dir "$TMP/state" --classes server
check 2 check_kms --report "$SAMPLE" --state-dir "$TMP/state" --classes client
check 3 check_kms --report "$SAMPLE" --state-dir "$TMP/state" --max-age 26h
check 1 check_kms --report "$SAMPLE" --state-dir "$TMP/state" --classes server -p 1689
check 2 check_kms --report "$SAMPLE" --state-dir "$TMP/state" --classes server -c 10:
check 0 check_kms --report "$SAMPLE" --state-dir "$TMP/state" --classes server -vvv
says "not known from a report"
says "current-count: 6"

finish
