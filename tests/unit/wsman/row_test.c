/* Values of an instance: null, empty and absent, and the types that XML gives as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wsman/row.h"

static struct kms_wsman_row row_with(const char *text)
{
    struct kms_wsman_row row = {0};
    assert_int_equal(kms_wsman_row_add(&row, "Value", text), KMS_OK);
    return row;
}

static void null_empty_and_absent_are_three_things(void **state)
{
    (void)state;
    struct kms_wsman_row row = {0};
    assert_int_equal(kms_wsman_row_add(&row, "Empty", ""), KMS_OK);
    assert_int_equal(kms_wsman_row_add(&row, "Null", NULL), KMS_OK);
    assert_string_equal(kms_wsman_row_text(&row, "Empty"), "");
    assert_string_equal(kms_wsman_row_text(&row, "eMPTY"), "");
    assert_null(kms_wsman_row_text(&row, "Null"));
    assert_null(kms_wsman_row_text(&row, "Absent"));
    assert_int_equal(row.count, 2);
    kms_wsman_row_done(&row);
    assert_int_equal(row.count, 0);
    assert_null(row.cell);
}

static void many_values_are_kept_in_their_order(void **state)
{
    (void)state;
    struct kms_wsman_row row = {0};
    for (int i = 0; i < 100; i++) {
        const char text[] = {(char)('!' + i % 90), '\0'};
        assert_int_equal(kms_wsman_row_add(&row, "Part", text), KMS_OK);
    }
    assert_int_equal(row.count, 100);
    assert_string_equal(row.cell[99].text, "*");
    kms_wsman_row_done(&row);
}

struct number {
    const char *text;
    bool is_there, is_malformed;
    uint32_t value;
};

static void numbers_are_unsigned_and_the_sentinel_is_none(void **state)
{
    (void)state;
    static const struct number numbers[] = {
        {"0", true, false, 0},
        {"50", true, false, 50},
        {" \t\r\n1688 \n", true, false, 1688},
        {"4294967294", true, false, 4294967294U},
        {"4294967295", false, false, 0},
        {" 4294967295 ", false, false, 0},
        {NULL, false, false, 0},
        {"", false, true, 0},
        {"  ", false, true, 0},
        {"-1", false, true, 0},
        {"4294967296", false, true, 0},
        {"18446744073709551615", false, true, 0},
        {"99999999999999999999", false, true, 0},
        {"1 2", false, true, 0},
        {"0x10", false, true, 0},
        {"12a", false, true, 0},
        {"1.0", false, true, 0},
        {"+1", false, true, 0},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct kms_wsman_row row = row_with(numbers[i].text);
        uint32_t value = 7;
        bool malformed = false;
        assert_int_equal(kms_wsman_row_uint32(&row, "value", &value, &malformed),
                         numbers[i].is_there);
        assert_int_equal(malformed, numbers[i].is_malformed);
        assert_int_equal(value, numbers[i].is_there ? numbers[i].value : 7);
        assert_int_equal(kms_wsman_row_uint32(&row, "value", &value, NULL), numbers[i].is_there);
        assert_false(kms_wsman_row_uint32(&row, "other", &value, &malformed));
        kms_wsman_row_done(&row);
    }
}

static void truth_is_a_word_or_a_digit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_there, is_malformed, value;
    } truths[] = {
        {"true", true, false, true},   {"false", true, false, false},  {"1", true, false, true},
        {"0", true, false, false},     {" True\n", true, false, true}, {NULL, false, false, false},
        {"", false, true, false},      {"yes", false, true, false},    {"2", false, true, false},
        {"truee", false, true, false},
    };
    for (size_t i = 0; i < sizeof truths / sizeof truths[0]; i++) {
        struct kms_wsman_row row = row_with(truths[i].text);
        bool value = !truths[i].value;
        bool malformed = false;
        assert_int_equal(kms_wsman_row_bool(&row, "Value", &value, &malformed), truths[i].is_there);
        assert_int_equal(malformed, truths[i].is_malformed);
        assert_int_equal(value, truths[i].is_there ? truths[i].value : !truths[i].value);
        kms_wsman_row_done(&row);
    }
}

#define T0 INT64_C(1767323045) /* 2026-01-02T03:04:05Z */

static void times_have_fractions_and_zones(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_there, is_malformed;
        int64_t value;
    } times[] = {
        {"2026-01-02T03:04:05Z", true, false, T0},
        {"2026-01-02T03:04:05", true, false, T0},
        {"2026-01-02T03:04:05.1Z", true, false, T0},
        {"2026-01-02T03:04:05.12Z", true, false, T0},
        {"2026-01-02T03:04:05.123Z", true, false, T0},
        {"2026-01-02T03:04:05.1234Z", true, false, T0},
        {"2026-01-02T03:04:05.12345Z", true, false, T0},
        {"2026-01-02T03:04:05.999999Z", true, false, T0},
        {"2026-01-02T03:04:05.9999999", true, false, T0},
        {"2026-01-02T03:04:05.000000000Z", true, false, T0},
        {"\n 2026-01-02T03:04:05Z\t", true, false, T0},
        {"2026-01-02T03:04:05+00:00", true, false, T0},
        {"2026-01-02T03:04:05+01:30", true, false, T0 - 5400},
        {"2026-01-02T03:04:05.5-05:00", true, false, T0 + 18000},
        {"2026-01-02T03:04:05+14:00", true, false, T0 - 50400},
        {"1970-01-01T00:00:00Z", true, false, 0},
        {"1969-12-31T23:59:59Z", true, false, -1},
        {"2024-02-29T00:00:00Z", true, false, INT64_C(1709164800)},
        {"9999-12-31T23:59:59Z", true, false, INT64_C(253402300799)},
        {"1601-01-01T00:00:00Z", false, false, 0},
        {"1600-12-31T19:00:00-05:00", false, false, 0},
        {"1601-01-01T01:00:00+02:00", false, false, 0},
        {NULL, false, false, 0},
        {"", false, true, 0},
        {"2026-01-02", false, true, 0},
        {"2026-01-02T03:04", false, true, 0},
        {"2026-01-02 03:04:05Z", false, true, 0},
        {"2026-01-02T03:04:05.Z", false, true, 0},
        {"2026-01-02T03:04:05z", false, true, 0},
        {"2026-01-02T03:04:05ZZ", false, true, 0},
        {"2026-01-02T03:04:05+01", false, true, 0},
        {"2026-01-02T03:04:05+01:60", false, true, 0},
        {"2026-01-02T03:04:05+15:00", false, true, 0},
        {"2026-01-02T03:04:05+01:00x", false, true, 0},
        {"2023-02-29T00:00:00Z", false, true, 0},
        {"2026-13-01T00:00:00Z", false, true, 0},
        {"2026-01-02T24:00:00Z", false, true, 0},
        {"2026-01-02T03:60:05Z", false, true, 0},
        {"2026-01-02T03:04:60Z", false, true, 0},
        {"-026-01-02T03:04:05Z", false, true, 0},
        {"20260102030405.000000+000", false, true, 0},
    };
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct kms_wsman_row row = row_with(times[i].text);
        int64_t value = 42;
        bool malformed = false;
        if (kms_wsman_row_time(&row, "Value", &value, &malformed) != times[i].is_there ||
            malformed != times[i].is_malformed ||
            value != (times[i].is_there ? times[i].value : 42)) {
            fail_msg("%s", times[i].text ? times[i].text : "null");
        }
        kms_wsman_row_done(&row);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_empty_and_absent_are_three_things),
        cmocka_unit_test(many_values_are_kept_in_their_order),
        cmocka_unit_test(numbers_are_unsigned_and_the_sentinel_is_none),
        cmocka_unit_test(truth_is_a_word_or_a_digit),
        cmocka_unit_test(times_have_fractions_and_zones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
