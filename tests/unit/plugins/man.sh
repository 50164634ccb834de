#!/bin/sh
# Every option of --help stands in the man page with its argument and default, and the page names no other.
. "$(dirname "$0")/lib.sh"

MAN=$KMSMON_SOURCE/docs/man

# options TEXT: the long options that begin a row
page_options() {
    grep '^\.It Fl' "$1" | grep -oE 'Fl -[a-z0-9-]+' | sed 's/^Fl -/--/' | sort
}

compare() {
    page=$1
    shift
    run "$@"
    grep -E '^ {2,6}-' "$TMP/out" | grep -oE -- '--[a-z0-9-]+' | sort >"$TMP/helped"
    page_options "$MAN/$page" >"$TMP/paged"
    cmp -s "$TMP/helped" "$TMP/paged" || {
        fail "$page: other options than '$RAN'"
        diff "$TMP/helped" "$TMP/paged"
    }
    # "-w, --warning=RANGE" against ".It Fl w Ar RANGE , Fl -warning Ns = Ns Ar RANGE"
    grep -E '^ {2,6}-' "$TMP/out" | sed -E 's/^ *//; s/  .*//' |
        sed -E 's/FILE\|-\|URL/FILE/; s/^-(.), --([a-z0-9-]+)=(.*)$/.It Fl \1 Ar \3 , Fl -\2 Ns = Ns Ar \3/; t
            s/^-(.), --([a-z0-9-]+)$/.It Fl \1 , Fl -\2/; t
            s/^--([a-z0-9-]+)\[=(.*)\]$/.It Fl -\1 Ns Op = Ns Ar \2/; t
            s/^--([a-z0-9-]+)=(.*)$/.It Fl -\1 Ns = Ns Ar \2/; t
            s/^--([a-z0-9-]+)$/.It Fl -\1/' >"$TMP/rows"
    while read -r row; do
        grep -qxF -- "$row" "$MAN/$page" || fail "$page: no '$row'"
    done <"$TMP/rows"
    # Defaults: joined into one line an option, without the folders that a build chooses.
    awk '/^   *-/ { if (text != "") print text; text = "" } /^$/ { if (text != "") print text; text = "" }
        { gsub(/^ +/, ""); text = text " " $0 }' "$TMP/out" |
        sed -nE 's/^ (-., )?--([a-z0-9-]+).*\(default ([0-9a-zA-Z]+)\)$/\2 \3/p' >"$TMP/defaults"
    while read -r option value; do
        sed -n "/^\\.It .*Fl -$option\\( \\|\$\\)/,/^\\.\\(It .*\\|El\\)\$/p" "$MAN/$page" |
            grep -qE "([Tt]he default is $value\\.|^\\.Cm $value ,)" ||
            fail "$page: --$option has the default $value"
    done <"$TMP/defaults"
    [ -s "$TMP/defaults" ] || fail "$page: no default was compared"
}

for plugin in check_kms_count check_kms_requests check_kms_key check_kms; do
    compare "$plugin.1" "$plugin" --help
done
compare kmsmon.1 kmsmon --help
if command -v mandoc >/dev/null; then
    for page in check_kms_count check_kms_requests check_kms_key check_kms kmsmon; do
        mandoc -T lint -W warning "$MAN/$page.1" || fail "$page.1: mandoc complains"
    done
fi

finish
