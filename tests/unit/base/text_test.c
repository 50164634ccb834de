/* Text, numbers, dates and bytes: what is read, what is refused, what is made harmless. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"

static void durations_are_read_with_units_and_printed_back(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
        const char *printed;
    } cases[] = {
        {"500ms", 500, "500ms"},
        {"90s", 90000, "90s"},
        {"90", 90000, "90s"},
        {"5m", 300000, "5m"},
        {"60m", 3600000, "1h"},
        {"26h", 93600000, "26h"},
        {"7d", 604800000, "1w"},
        {"2w", 1209600000, "2w"},
        {"3653d", INT64_C(315619200000), "3653d"},
        {"0", 0, "0s"},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        int64_t ms = -1;
        char printed[32];
        assert_true(kms_text_duration_ms(cases[i].text, &ms));
        assert_int_equal(ms, cases[i].ms);
        kms_text_duration(printed, sizeof printed, ms);
        assert_string_equal(printed, cases[i].printed);
    }
}

static void what_is_no_duration_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"",   "s",    "-1s",   "1.5h",  "5 m",
                                        "5M", "5min", "1h30m", "3654d", "99999999999999999999s"};
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        int64_t ms = 7;
        assert_false(kms_text_duration_ms(cases[i], &ms));
        assert_int_equal(ms, 7);
    }
}

static void sizes_have_binary_units(void **state)
{
    (void)state;
    uint64_t bytes;
    assert_true(kms_text_bytes("8M", &bytes));
    assert_int_equal(bytes, 8388608);
    assert_true(kms_text_bytes("512K", &bytes));
    assert_int_equal(bytes, 524288);
    assert_true(kms_text_bytes("7", &bytes));
    assert_int_equal(bytes, 7);
    assert_false(kms_text_bytes("8MB", &bytes));
    assert_false(kms_text_bytes("2000G", &bytes));
    assert_false(kms_text_bytes("", &bytes));
}

static void ages_are_for_people(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {{-5, "0 s"},        {119, "119 s"},         {120, "2 min"},
                 {7199, "119 min"},  {7200, "2 h"},          {172799, "47 h"},
                 {172800, "2 days"}, {63071999, "729 days"}, {63072000, "2 years"}};
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        char text[32];
        kms_text_age(text, sizeof text, cases[i].seconds);
        assert_string_equal(text, cases[i].text);
    }
}

static void spans_are_for_people(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {{-5, "0 ms"},    {0, "0 ms"},     {896, "896 ms"}, {1000, "1.0 s"},
                 {9999, "9.9 s"}, {10000, "10 s"}, {86792, "86 s"}, {688544, "11 min"}};
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        char text[32];
        kms_text_span(text, sizeof text, cases[i].ms);
        assert_string_equal(text, cases[i].text);
    }
    assert_string_equal(kms_text_plural(0), "s");
    assert_string_equal(kms_text_plural(1), "");
    assert_string_equal(kms_text_plural(2), "s");
}

static void whole_numbers_are_the_whole_text(void **state)
{
    (void)state;
    uint64_t u;
    int64_t i;
    assert_true(kms_text_u64("18446744073709551615", &u));
    assert_true(u == UINT64_MAX);
    assert_false(kms_text_u64("18446744073709551616", &u));
    assert_false(kms_text_u64("", &u));
    assert_false(kms_text_u64(" 1", &u));
    assert_false(kms_text_u64("+1", &u));
    assert_false(kms_text_u64("0x1", &u));
    assert_true(kms_text_i64("-9223372036854775807", &i));
    assert_true(i == -INT64_MAX);
    assert_false(kms_text_i64("9223372036854775808", &i));
    assert_false(kms_text_i64("--1", &i));
    assert_true(kms_text_u64_len("123abc", 3, &u));
    assert_int_equal(u, 123);
}

static void hexadecimal_numbers_have_at_most_eight_digits(void **state)
{
    (void)state;
    uint32_t value;
    assert_true(kms_text_hex32("0xC004F074", 10, &value));
    assert_int_equal(value, 0xC004F074U);
    assert_true(kms_text_hex32("ff", 2, &value));
    assert_int_equal(value, 255);
    assert_false(kms_text_hex32("0x", 2, &value));
    assert_false(kms_text_hex32("123456789", 9, &value));
    assert_false(kms_text_hex32("fg", 2, &value));
}

static void decimals_use_the_point(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } cases[] = {{"12", 12}, {"0.5", 0.5}, {"-3", -3}, {"1e3", 1000}, {".5", 0.5}, {"2.", 2}};
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        double value = -1;
        assert_true(kms_text_double(cases[i].text, &value));
        assert_true(value > cases[i].value - 1e-9 && value < cases[i].value + 1e-9);
    }
    static const char *const wrong[] = {"", ".", "1,5", "1e", "e3", "nan", "inf", "1 ", "1e99"};
    for (size_t i = 0; i < KMS_COUNT_OF(wrong); i++) {
        double value;
        assert_false(kms_text_double(wrong[i], &value));
    }
}

static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
    int64_t days;
    assert_true(kms_date_days(year, month, day, &days));
    return days;
}

static void dates_know_leap_years_and_their_limits(void **state)
{
    (void)state;
    assert_int_equal(days_of(1970, 1, 1), 0);
    assert_int_equal(days_of(1969, 12, 31), -1);
    assert_int_equal(days_of(2000, 2, 29), 11016);
    assert_int_equal(days_of(2013, 2, 21), 15757);
    assert_int_equal(days_of(1601, 1, 1), -134774);
    assert_int_equal(days_of(9999, 12, 31), 2932896);
    static const struct {
        int64_t year;
        unsigned month, day;
    } wrong[] = {{1900, 2, 29}, {2023, 2, 29},  {2100, 2, 29}, {2024, 2, 30},
                 {2024, 4, 31}, {2024, 0, 1},   {2024, 13, 1}, {2024, 1, 0},
                 {2024, 1, 32}, {1600, 12, 31}, {10000, 1, 1}, {-5, 1, 1}};
    for (size_t i = 0; i < KMS_COUNT_OF(wrong); i++) {
        int64_t days = 42;
        assert_false(kms_date_days(wrong[i].year, wrong[i].month, wrong[i].day, &days));
        assert_int_equal(days, 42);
    }
}

static void every_day_from_1601_to_9999_survives_the_way_there_and_back(void **state)
{
    (void)state;
    for (int64_t days = days_of(1601, 1, 1); days <= days_of(9999, 12, 31); days++) {
        struct kms_date date = kms_date_of(days * 86400 + 86399);
        int64_t back;
        if (!kms_date_days(date.year, date.month, date.day, &back) || back != days ||
            date.hour != 23 || date.minute != 59 || date.second != 59) {
            fail_msg("day %lld does not survive", (long long)days);
        }
    }
}

static void seconds_print_as_a_date(void **state)
{
    (void)state;
    char text[40];
    kms_date_text(text, sizeof text, 1361458258);
    assert_string_equal(text, "2013-02-21 14:50:58");
    kms_date_text(text, sizeof text, -1);
    assert_string_equal(text, "1969-12-31 23:59:59");
    kms_date_text(text, sizeof text, INT64_C(-11644473600));
    assert_string_equal(text, "1601-01-01 00:00:00");
}

static void clean_text_cannot_forge_a_line(void **state)
{
    (void)state;
    static const struct {
        const char *dirty, *clean;
    } cases[] = {
        {"plain", "plain"},
        {"a|b", "a?b"},
        {"a\nb\r\nc\td", "a b c d"},
        {"  a   b  ", "a b"},
        {"\x1b[31mred\x7f", "?[31mred?"},
        {"\xC2\x85next", "?next"}, /* C1: NEL */
        {"\xC2\x9b"
         "1m",
         "?1m"}, /* C1: CSI */
        {"a\xE2\x80\xAE"
         "b",
         "a?b"}, /* U+202E right-to-left override */
        {"a\xE2\x81\xA6"
         "b\xE2\x81\xA9",
         "a?b?"}, /* U+2066, U+2069 isolates */
        {"a\xE2\x80\xA8"
         "b",
         "a?b"}, /* U+2028 line separator */
        {"a\xC2\xA0"
         "b",
         "a b"}, /* no-break space */
        {"M\xC3\xBCnchen \xE2\x82\xAC", "M\xC3\xBCnchen \xE2\x82\xAC"},
        {"\xFF\xFE", "??"},
        {"cut\xC3", "cut?"},
        {"\n\n", ""},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        char clean[64];
        kms_text_clean(clean, sizeof clean, cases[i].dirty, strlen(cases[i].dirty));
        assert_string_equal(clean, cases[i].clean);
    }
    char clean[16];
    kms_text_clean(clean, sizeof clean, "a\0b", 3);
    assert_string_equal(clean, "a?b");
}

static void cuts_fall_between_characters(void **state)
{
    (void)state;
    char dst[6];
    assert_false(kms_text_copy(dst, sizeof dst, "abcd\xC3\xBC"));
    assert_string_equal(dst, "abcd");
    assert_true(kms_text_copy(dst, sizeof dst, "abc\xC3\xBC"));
    assert_string_equal(dst, "abc\xC3\xBC");
    assert_false(kms_text_copy(dst, sizeof dst, "ab\xF0\x9F\x98\x80"));
    assert_string_equal(dst, "ab");
    kms_text_clean(dst, sizeof dst, "abcd\xC3\xBC", 6);
    assert_string_equal(dst, "abcd");
    assert_true(kms_text_copy(dst, sizeof dst, "ab"));
    assert_false(kms_text_append(dst, sizeof dst, "%s", "cdef"));
    assert_string_equal(dst, "abcde");
    assert_false(kms_text_append(dst, sizeof dst, "%s", "g"));
}

static void comparing_takes_null(void **state)
{
    (void)state;
    assert_true(kms_text_equal(NULL, NULL));
    assert_false(kms_text_equal(NULL, ""));
    assert_true(kms_text_equal_nocase("KmS", "kMs"));
    assert_false(kms_text_equal_nocase("kms", "kmsx"));
    assert_false(kms_text_equal_nocase(NULL, "kms"));
    assert_true(kms_text_starts("report.txt", "report"));
    assert_false(kms_text_starts("rep", "report"));
    assert_null(kms_text_dup(NULL));
}

static void invalid_utf8_is_replaced_byte_by_byte(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        uint32_t first;
        size_t moved;
    } cases[] = {
        {"A", 'A', 1},
        {"\xC3\xBC", 0xFC, 2},
        {"\xE2\x82\xAC", 0x20AC, 3},
        {"\xF0\x9F\x98\x80", 0x1F600, 4},
        {"\xF4\x8F\xBF\xBF", 0x10FFFF, 4},
        {"\xC0\x80", 0xFFFD, 1},         /* overlong */
        {"\xE0\x80\xAF", 0xFFFD, 1},     /* overlong */
        {"\xED\xA0\x80", 0xFFFD, 1},     /* surrogate */
        {"\xF4\x90\x80\x80", 0xFFFD, 1}, /* above the last code point */
        {"\x80", 0xFFFD, 1},
        {"\xC3", 0xFFFD, 1},
        {"\xC3"
         "A",
         0xFFFD, 1},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        struct kms_rd rd = kms_rd_over(cases[i].bytes, strlen(cases[i].bytes));
        uint32_t c = 0;
        assert_true(kms_rd_utf8(&rd, &c));
        assert_int_equal(c, cases[i].first);
        assert_int_equal(rd.at, cases[i].moved);
    }
}

static void the_cursor_refuses_what_is_not_there_and_stays(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {1, 2, 3, 4, 5};
    struct kms_rd rd = kms_rd_over(bytes, sizeof bytes);
    uint32_t u32 = 0;
    uint16_t u16 = 0;
    uint8_t u8 = 0;
    struct kms_rd sub;
    assert_true(kms_rd_u32(&rd, &u32));
    assert_int_equal(u32, 0x01020304);
    assert_false(kms_rd_u16(&rd, &u16));
    assert_false(kms_rd_u32(&rd, &u32));
    assert_false(kms_rd_skip(&rd, 2));
    assert_false(kms_rd_skip(&rd, SIZE_MAX));
    assert_false(kms_rd_sub(&rd, 2, &sub));
    assert_false(kms_rd_match(&rd, "\x05\x06", 2));
    assert_int_equal(kms_rd_left(&rd), 1);
    assert_true(kms_rd_match(&rd, "\x05", 1));
    assert_false(kms_rd_u8(&rd, &u8));
    rd = kms_rd_over(bytes, sizeof bytes);
    rd.little = true;
    assert_true(kms_rd_u16(&rd, &u16));
    assert_int_equal(u16, 0x0201);
    assert_true(kms_rd_sub(&rd, 3, &sub));
    assert_true(kms_rd_u16(&sub, &u16));
    assert_int_equal(u16, 0x0403);
    assert_int_equal(kms_rd_left(&rd), 0);
}

static void lines_end_in_lf_crlf_cr_or_the_end(void **state)
{
    (void)state;
    static const char text[] = "one\ntwo\r\n\rfour";
    static const char *const lines[] = {"one", "two", "", "four"};
    struct kms_rd rd = kms_rd_over(text, sizeof text - 1);
    const char *line;
    size_t len;
    for (size_t i = 0; i < KMS_COUNT_OF(lines); i++) {
        assert_true(kms_rd_line(&rd, &line, &len));
        assert_int_equal(len, strlen(lines[i]));
        assert_memory_equal(line, lines[i], len);
    }
    assert_false(kms_rd_line(&rd, &line, &len));
}

static void a_buffer_never_grows_past_its_limit(void **state)
{
    (void)state;
    struct kms_buf buf;
    kms_buf_init(&buf, 10);
    assert_string_equal(kms_buf_str(&buf), "");
    assert_int_equal(kms_buf_add_str(&buf, "12345678"), KMS_OK);
    assert_int_equal(kms_buf_add_str(&buf, "90x"), KMS_ETOOBIG);
    assert_int_equal(kms_buf_addf(&buf, "%d", 900), KMS_ETOOBIG);
    assert_int_equal(kms_buf_add_utf8(&buf, 0x20AC), KMS_ETOOBIG);
    assert_string_equal(kms_buf_str(&buf), "12345678");
    assert_int_equal(kms_buf_add_utf8(&buf, 0xFC), KMS_OK);
    assert_int_equal(buf.len, 10);
    char *place;
    assert_int_equal(kms_buf_room(&buf, SIZE_MAX, &place), KMS_ETOOBIG);
    char *taken = kms_buf_take(&buf);
    assert_string_equal(taken, "12345678\xC3\xBC");
    free(taken);
    assert_int_equal(buf.len, 0);
    kms_buf_done(&buf);
    kms_buf_done(NULL);
}

static void words_end_at_blanks_and_need_room(void **state)
{
    (void)state;
    struct kms_rd rd = kms_rd_over("one 22", 6);
    char word[4];
    assert_true(kms_rd_word(&rd, word, sizeof word));
    assert_string_equal(word, "one");
    assert_true(kms_rd_word(&rd, word, sizeof word));
    assert_string_equal(word, "22");
    assert_false(kms_rd_word(&rd, word, sizeof word)); /* there is none */
    rd = kms_rd_over("four", 4);
    assert_false(kms_rd_word(&rd, word, sizeof word)); /* its end has no room */
    rd = kms_rd_over(" x", 2);
    assert_false(kms_rd_word(&rd, word, sizeof word)); /* an empty one is none */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_end_at_blanks_and_need_room),
        cmocka_unit_test(durations_are_read_with_units_and_printed_back),
        cmocka_unit_test(what_is_no_duration_is_refused),
        cmocka_unit_test(sizes_have_binary_units),
        cmocka_unit_test(ages_are_for_people),
        cmocka_unit_test(spans_are_for_people),
        cmocka_unit_test(whole_numbers_are_the_whole_text),
        cmocka_unit_test(hexadecimal_numbers_have_at_most_eight_digits),
        cmocka_unit_test(decimals_use_the_point),
        cmocka_unit_test(dates_know_leap_years_and_their_limits),
        cmocka_unit_test(every_day_from_1601_to_9999_survives_the_way_there_and_back),
        cmocka_unit_test(seconds_print_as_a_date),
        cmocka_unit_test(clean_text_cannot_forge_a_line),
        cmocka_unit_test(cuts_fall_between_characters),
        cmocka_unit_test(comparing_takes_null),
        cmocka_unit_test(invalid_utf8_is_replaced_byte_by_byte),
        cmocka_unit_test(the_cursor_refuses_what_is_not_there_and_stays),
        cmocka_unit_test(lines_end_in_lf_crlf_cr_or_the_end),
        cmocka_unit_test(a_buffer_never_grows_past_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
