# Turns a CSV file of the project's data into initialisers of a C table: awk -v columns=1,2,3 -v types=hsu -f csv2c.awk
# One type a column: s string, h hexadecimal number, u decimal number, S string that must not be empty, g GUID in the
# order of its bytes on the wire.
function field(    value) {
    value = ""
    if (substr(rest, 1, 1) == "\"") {
        rest = substr(rest, 2)
        while (match(rest, /"/)) {
            value = value substr(rest, 1, RSTART - 1)
            rest = substr(rest, RSTART + 1)
            if (substr(rest, 1, 1) != "\"")
                break
            value = value "\""
            rest = substr(rest, 2)
        }
        sub(/^,/, "", rest)
        return value
    }
    if (match(rest, /,/)) {
        value = substr(rest, 1, RSTART - 1)
        rest = substr(rest, RSTART + 1)
        return value
    }
    value = rest
    rest = ""
    return value
}
function fail(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text > "/dev/stderr"
    failed = 1
    exit 1
}
function is_guid(text,    i, c) {
    if (length(text) != 36)
        return 0
    for (i = 1; i <= 36; i++) {
        c = substr(text, i, 1)
        if (i == 9 || i == 14 || i == 19 || i == 24) {
            if (c != "-")
                return 0
        } else if (c !~ /[0-9A-Fa-f]/)
            return 0
    }
    return 1
}
# The first three groups have their bytes swapped.
function guid(text,    place, i, made) {
    split("7 5 3 1 12 10 17 15 20 22 25 27 29 31 33 35", place, " ")
    made = ""
    for (i = 1; i <= 16; i++)
        made = made (i > 1 ? ", " : "") "0x" substr(text, place[i], 2)
    return "{{" made "}}"
}
BEGIN { wanted = split(columns, column, ",") }
NR == 1 { next }
{
    sub(/\r$/, "")
    rest = $0
    count = 0
    while (rest != "")
        value[++count] = field()
    line = ""
    for (i = 1; i <= wanted; i++) {
        text = column[i] <= count ? value[column[i]] : ""
        type = substr(types, i, 1)
        if (type == "h" && text !~ /^0[xX][0-9A-Fa-f]+$/)
            fail("not a hexadecimal number: " text)
        if (type == "u" && text !~ /^[0-9]+$/)
            fail("not a number: " text)
        if (type == "S" && text == "")
            fail("empty column " column[i])
        if (type == "g") {
            if (!is_guid(text))
                fail("not a GUID: " text)
            text = guid(text)
        }
        if (type == "u") {
            sub(/^0+/, "", text)
            text = (text == "" ? "0" : text) "U"
        }
        if (type == "h")
            text = text "U"
        if (type == "s" || type == "S") {
            gsub(/\\/, "\\\\", text)
            gsub(/"/, "\\\"", text)
            text = "\"" text "\""
        }
        line = line (i > 1 ? ", " : "") text
    }
    print "{" line "},"
    rows++
}
END { if (!failed && rows == 0) { print FILENAME ": no rows" > "/dev/stderr"; exit 1 } }
