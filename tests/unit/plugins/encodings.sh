#!/bin/sh
# One German report in every encoding that Windows writes gives the same facts.
. "$(dirname "$0")/lib.sh"

command -v iconv >/dev/null || { echo "skipped: iconv is missing"; exit 77; }

# The encoding is a fact of its own; path and age are not facts of the host.
facts() {
    grep -v -e '"report-encoding"' -e '"report":' -e '"age":' "$TMP/out" >"$1"
}

compare() {
    run kmsmon report --json "$TMP/$1/kms01.txt"
    code_is 0
    facts "$TMP/$1.facts"
    cmp -s "$TMP/utf8.facts" "$TMP/$1.facts" || {
        fail "$1: other facts than in UTF-8"
        diff "$TMP/utf8.facts" "$TMP/$1.facts"
    }
    grep -q "$2" "$TMP/out" || fail "$1: not recognised as $2"
    check 1 check_kms_count --report "$TMP/$1/kms01.txt"
    first_line_is "KMS WARNING: count 6: servers ok (5), clients below 25; data of 2013-02-21"
}

for kind in utf8 utf8bom utf8crlf utf16le utf16be utf16lenobom cp1252 cp850; do
    mkdir "$TMP/$kind"
done
crlf() { sed 's/$/\r/' "$SAMPLE"; }
# What Windows makes of characters that the code page lacks.
plain() { crlf | sed -e 's/–/-/g' -e 's/[„“]/"/g'; }
cp "$SAMPLE" "$TMP/utf8/kms01.txt"
crlf >"$TMP/utf8crlf/kms01.txt"
{ printf '\357\273\277'; crlf; } >"$TMP/utf8bom/kms01.txt"
{ printf '\377\376'; crlf | iconv -f UTF-8 -t UTF-16LE; } >"$TMP/utf16le/kms01.txt"
{ printf '\376\377'; crlf | iconv -f UTF-8 -t UTF-16BE; } >"$TMP/utf16be/kms01.txt"
crlf | iconv -f UTF-8 -t UTF-16LE >"$TMP/utf16lenobom/kms01.txt"
crlf | iconv -f UTF-8 -t CP1252 >"$TMP/cp1252/kms01.txt"
plain | iconv -f UTF-8 -t CP850 >"$TMP/cp850/kms01.txt"

run kmsmon report --json "$TMP/utf8/kms01.txt"
code_is 0
says '"current-count": 6'
says '"total-requests": 20'
says '"requests-oob-grace": 20'
facts "$TMP/utf8.facts"
compare utf8crlf UTF-8
compare utf8bom UTF-8
compare utf16le UTF-16LE
compare utf16be UTF-16BE
compare utf16lenobom UTF-16LE
compare cp1252 CP1252
compare cp850 CP850

finish
