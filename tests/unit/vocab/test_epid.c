/* An ePID is explained by the tables, and what they do not list stays a number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "vocab/hostkey.h"

static struct kms_epid_explained explain(const char *text)
{
    struct kms_epid_explained explained;
    assert_true(kms_epid_explain(text, &explained));
    return explained;
}

static void expect_date(const struct kms_epid_explained *of, unsigned year, unsigned month,
                        unsigned day)
{
    assert_int_equal(of->year, year);
    assert_int_equal(of->month, month);
    assert_int_equal(of->day, day);
}

static void a_server_2019_host_is_explained_whole(void **state)
{
    (void)state;
    struct kms_epid_explained of = explain("03612-00206-556-123727-03-1033-17763.0000-2972018");
    assert_string_equal(of.key_name, "Windows Server 2019");
    assert_string_equal(of.channel, "volume");
    assert_string_equal(of.language, "English (United States)");
    assert_string_equal(of.os, "Windows 10 1809 / Server 2019");
    expect_date(&of, 2018, 10, 24);
    assert_false(of.is_platform_contradictory);
    assert_false(of.is_day_zero);
    char line[KMS_EPID_LINES][KMS_EPID_LINE];
    assert_int_equal(kms_epid_lines(&of, line), 3);
    assert_string_equal(line[0],
                        "host key: Windows Server 2019 (group 00206, key id 556123727), volume");
    assert_string_equal(
        line[1], "host: build 17763 (Windows 10 1809 / Server 2019), English (United States)");
    assert_string_equal(line[2], "key activated: 2018-10-24");
}

static void an_office_key_on_another_host_is_told_apart(void **state)
{
    (void)state;
    struct kms_epid_explained of = explain("06401-00096-199-222222-03-1033-9600.0000-2822018");
    assert_string_equal(of.key_name, "Office 2010 VL");
    assert_string_equal(of.os, "Windows 8.1 / Server 2012 R2");
    expect_date(&of, 2018, 10, 9);
    assert_false(of.is_platform_contradictory);
}

static void a_newer_key_on_an_older_build_is_no_contradiction(void **state)
{
    (void)state;
    struct kms_epid_explained of = explain("03612-04573-000-204477-03-1033-14393.0000-1972021");
    assert_string_equal(of.key_name, "Windows Server 2022");
    assert_string_equal(of.os, "Windows 10 1607 / Server 2016");
    expect_date(&of, 2021, 7, 16);
    assert_false(of.is_platform_contradictory);
}

static void what_is_not_listed_stays_a_number(void **state)
{
    (void)state;
    struct kms_epid_explained of = explain("11111-00116-106-000474-00-1033-5231.0000-2782005");
    assert_null(of.key_name);
    assert_null(of.os); /* the nearest build is not guessed */
    assert_string_equal(of.channel, "retail");
    expect_date(&of, 2005, 10, 5);
    assert_false(of.is_platform_contradictory);
    of = explain("03612-99999-106-000474-77-65535-12345.0000-xxxxxxx");
    assert_null(of.channel);
    assert_null(of.language);
    expect_date(&of, 0, 0, 0);
    char line[KMS_EPID_LINES][KMS_EPID_LINE];
    assert_int_equal(kms_epid_lines(&of, line), 2);
    assert_string_equal(line[0],
                        "host key: not listed (group 99999, key id 106000474), channel 77");
    assert_string_equal(line[1], "host: build 12345, LCID 65535");
}

static void channels_have_their_names(void **state)
{
    (void)state;
    assert_string_equal(explain("03612-00206-556-123727-01-1031-17763.0000-2972018").channel,
                        "retail");
    assert_string_equal(explain("03612-00206-556-123727-02-1031-17763.0000-2972018").channel,
                        "OEM");
    assert_string_equal(explain("03612-00206-556-123727-02-1031-17763.0000-2972018").language,
                        "German (Germany)");
}

static void a_platform_of_another_build_contradicts(void **state)
{
    (void)state;
    struct kms_epid_explained of = explain("06401-00206-471-111111-03-1033-17763.0000-2822018");
    assert_true(of.is_platform_contradictory);
    assert_false(of.is_day_zero);
    char line[KMS_EPID_LINES][KMS_EPID_LINE];
    assert_int_equal(kms_epid_lines(&of, line), 4);
    assert_string_equal(line[3],
                        "platform 06401 is not that of build 17763: not what Windows makes");
}

static void days_of_leap_years_are_counted(void **state)
{
    (void)state;
    struct kms_epid_explained of = explain("03612-00206-556-123727-03-1033-17763.0000-0602020");
    expect_date(&of, 2020, 2, 29);
    of = explain("03612-00206-556-123727-03-1033-17763.0000-0602019");
    expect_date(&of, 2019, 3, 1);
    of = explain("03612-00206-556-123727-03-1033-17763.0000-3662020");
    expect_date(&of, 2020, 12, 31);
    of = explain("03612-00206-556-123727-03-1033-17763.0000-0012000");
    expect_date(&of, 2000, 1, 1);
    of = explain("03612-00206-556-123727-03-1033-17763.0000-3652021");
    expect_date(&of, 2021, 12, 31);
}

static void days_that_do_not_exist_are_shown_as_such(void **state)
{
    (void)state;
    char line[KMS_EPID_LINES][KMS_EPID_LINE];
    struct kms_epid_explained of = explain("03612-00206-556-123727-03-1033-17763.0000-3662019");
    expect_date(&of, 0, 0, 0);
    assert_true(of.epid.date_wrong);
    assert_false(of.is_day_zero);
    assert_int_equal(kms_epid_lines(&of, line), 3);
    assert_string_equal(line[2], "key activated: on day 366 of 2019, which does not exist");
    of = explain("03612-00206-556-123727-03-1033-17763.0000-0002019");
    assert_true(of.is_day_zero);
    assert_false(of.epid.has_date);
    assert_int_equal(kms_epid_lines(&of, line), 3);
    assert_string_equal(line[2], "key activated: on day 000 of 2019, which does not exist");
    of = explain("03612-00206-556-123727-03-1033-17763.0000-3662100");
    assert_true(of.epid.date_wrong); /* 2100 is no leap year */
}

static void what_is_no_product_id_is_not_explained(void **state)
{
    (void)state;
    struct kms_epid_explained of;
    assert_false(kms_epid_explain("", &of));
    assert_false(kms_epid_explain("03612-00206-556-123727-03-1033-17763", &of));
    assert_false(kms_epid_explain("no ePID", &of));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_2019_host_is_explained_whole),
        cmocka_unit_test(an_office_key_on_another_host_is_told_apart),
        cmocka_unit_test(a_newer_key_on_an_older_build_is_no_contradiction),
        cmocka_unit_test(what_is_not_listed_stays_a_number),
        cmocka_unit_test(channels_have_their_names),
        cmocka_unit_test(a_platform_of_another_build_contradicts),
        cmocka_unit_test(days_of_leap_years_are_counted),
        cmocka_unit_test(days_that_do_not_exist_are_shown_as_such),
        cmocka_unit_test(what_is_no_product_id_is_not_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
