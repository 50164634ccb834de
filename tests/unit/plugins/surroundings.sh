#!/bin/sh
# Locale, broken output, own timeout: what surrounds a plugin changes nothing it should not.
. "$(dirname "$0")/lib.sh"

# A locale with a decimal comma, made here where the tools for it are installed.
if command -v localedef >/dev/null && [ -e /usr/share/i18n/locales/de_DE ]; then
    mkdir "$TMP/locale"
    localedef -i de_DE -f UTF-8 "$TMP/locale/de_DE.UTF-8" 2>/dev/null
    export LOCPATH="$TMP/locale"
    # A library of libcurl's keeps a locale object for ever.
    leaks="${ASAN_OPTIONS:-}"
    export ASAN_OPTIONS="$leaks:detect_leaks=0"
    echo "with a German locale"
else
    echo "without a German locale: its name is set, its data are missing"
fi
for plugin in check_kms_count check_kms_key; do
    run "$plugin" --report "$SAMPLE" -vv -w 0.5: -c 0.25:
    cp "$TMP/out" "$TMP/out.c"
    for name in de_DE.UTF-8 tr_TR.UTF-8 xx_XX; do
        LC_ALL=$name LANG=$name LC_NUMERIC=$name "$BIN/$plugin" --report "$SAMPLE" -vv -w 0.5: \
            -c 0.25: >"$TMP/out" 2>"$TMP/err"
        cmp -s "$TMP/out.c" "$TMP/out" || fail "$plugin: LC_ALL=$name changes the output"
        silent_on_stderr
    done
done

unset LOCPATH
export ASAN_OPTIONS="${leaks:-${ASAN_OPTIONS:-}}"

# Output that nobody can read is never OK.
"$BIN/check_kms_key" --report "$SAMPLE" >/dev/full 2>"$TMP/err"
ended $? "check_kms_key >/dev/full"
code_is 3
silent_on_stderr
"$BIN/check_kms_key" --report "$SAMPLE" >&- 2>"$TMP/err"
ended $? "check_kms_key >&-"
code_is 3
silent_on_stderr
mkfifo "$TMP/pipe"
exec 9<>"$TMP/pipe" 8>"$TMP/pipe"
exec 9<&-
"$BIN/check_kms_key" --report "$SAMPLE" >&8 2>"$TMP/err"
ended $? "check_kms_key with a broken pipe"
exec 8>&-
code_is 3
silent_on_stderr

# Standard input that never ends meets the plugin's own timeout.
exec 9<>"$TMP/pipe"
check 3 check_kms_count --report - -t 200ms <&9
says "no result within 200ms"
says "Reading standard input took longer than --timeout."
says "next step:"
check 2 check_kms_count --report - -t 200ms --timeout-state critical <&9
check 1 check_kms_count --report - -t 200ms --timeout-state warning <&9
check 0 check_kms_count --report - -t 200ms --timeout-state ok <&9
exec 9<&-

# The timeout names the address that was read, without user and password, not the host's name.
if command -v python3 >/dev/null; then
    mkfifo "$TMP/port"
    python3 -c 'import signal, socket
mute = socket.create_server(("127.0.0.1", 0))
print(mute.getsockname()[1], flush=True)
signal.pause()' >"$TMP/port" &
    mute=$!
    read -r port <"$TMP/port"
    check 3 check_kms_count --report "http://bob:secret@127.0.0.1:$port/kms01.txt" -H kms01 -t 200ms
    kill "$mute"
    says "Reading http://127.0.0.1:$port/kms01.txt took longer than --timeout."
    says_not "secret"
else
    echo "without python3: no address that never answers"
fi

# A fifo or a device instead of a report does not hold it either.
check 3 check_kms_count --report "$TMP/pipe"
says "report-not-a-file"
check 3 check_kms_count --report /dev/zero
says "report-not-a-file"

# Text from the report cannot forge performance data or a second line.
sed 's/^Name: .*/Name: evil | count_windows=99 KMS OK/' "$SAMPLE" >"$TMP/evil.txt"
check 1 check_kms --report "$TMP/evil.txt" --state-dir "$TMP/state" -vvv
says_not "| count_windows=99"

finish
