#!/bin/sh
# Reports that cannot be judged: each is named, explained and answered with the next step; exit 3.
. "$(dirname "$0")/lib.sh"

answered() {
    says "next step:"
    says "$1"
}

for plugin in check_kms_count check_kms_requests check_kms_key check_kms; do
    check 3 "$plugin" --report "$TMP/none.txt"
    answered "report-missing"
    check 3 "$plugin" --report "$TMP"
    answered "report-not-a-file"

    : >"$TMP/empty.txt"
    check 3 "$plugin" --report "$TMP/empty.txt"
    says "KMS UNKNOWN"
    answered "slmgr.vbs /dlv"
    check 3 "$plugin" --report - </dev/null
    answered "slmgr.vbs /dlv"

    head -c 20000 "$BIN/$plugin" >"$TMP/binary.txt"
    check 3 "$plugin" --report "$TMP/binary.txt"
    says "next step:"

    truncate -s 100M "$TMP/big.txt"
    check 3 "$plugin" --report "$TMP/big.txt"
    answered "report-too-big"
    check 3 "$plugin" --report - <"$TMP/big.txt"
    answered "report-too-big"
    rm "$TMP/big.txt"
    check 3 "$plugin" --report "$SAMPLE" --max-size 1K
    answered "report-too-big"

    head -n 20 "$SAMPLE" >"$TMP/short.txt"
    check 3 "$plugin" --report "$TMP/short.txt"
    says "next step:"

    printf 'Dear diary, today nothing was activated.\n' >"$TMP/diary.txt"
    check 3 "$plugin" --report "$TMP/diary.txt"
    answered "report-foreign"

    cat >"$TMP/client.txt" <<'TXT'
Name: Windows(R) 7, Enterprise edition
Description: Windows Operating System - Windows(R) 7, VOLUME_KMSCLIENT channel
Partial Product Key: ABCDE
License Status: Licensed
Volume activation expiration: 243720 minute(s) (169 day(s))

Key Management Service client information
    Client Machine ID (CMID): 2ffcfc30-6a6a-49ec-92b8-f6150c7df211
    KMS machine name from DNS: kms01.example.com:1688
TXT
    check 3 "$plugin" --report "$TMP/client.txt"
    answered "on the KMS host itself"

    cat >"$TMP/ospp.txt" <<'TXT'
---Processing--------------------------
---------------------------------------
PRODUCT ID: 00339-10000-00000-AA310
SKU ID: d450596f-894d-49e0-966a-fd39ed4c4c64
LICENSE NAME: Office 16, Office16ProPlusVL_KMS_Client edition
LICENSE DESCRIPTION: Office 16, VOLUME_KMSCLIENT channel
LICENSE STATUS:  ---LICENSED---
REMAINING GRACE: 169 days  (243720 minute(s) before expiring)
Last 5 characters of installed product key: ABCDE
---------------------------------------
---Exiting-----------------------------
TXT
    check 3 "$plugin" --report "$TMP/ospp.txt"
    answered "/dlv all"

    check 3 "$plugin" --report "http://127.0.0.1:1/report.txt"
    says "next step:"
    check 3 "$plugin" --report "https:///nowhere"
    says "next step:"
done

finish
