/* What a line's place may say about it, and where it must say nothing. */
#include "fixture.h"

#include <string.h>

#define UNLISTED SAMPLE("sv-unlisted-language.txt")
#define ENGLISH  SAMPLE("en-2019-kms.txt")

static void read_changed(const char *path, const char *from, const char *to, struct kms_buf *text)
{
    fixture_read(path, text);
    fixture_replace(text, from, to);
}

static void expect_changed(const char *path, const char *from, const char *to,
                           struct kms_report *report)
{
    struct kms_buf text;
    read_changed(path, from, to, &text);
    fixture_expect(&text, KMS_OUTCOME_OK, report);
    kms_buf_done(&text);
}

/* An activated host key without a host block: the report is not whole. */
static void expect_no_host_block(const char *from, const char *to)
{
    struct kms_buf text;
    struct kms_report report = {0};
    read_changed(UNLISTED, from, to, &text);
    fixture_expect(&text, KMS_OUTCOME_REPORT_TRUNCATED, &report);
    kms_report_done(&report);
    kms_buf_done(&text);
}

static void a_ninth_request_line_leaves_all_of_them_without_a_kind(void **state)
{
    (void)state;
    struct kms_buf text;
    struct kms_report report = {0};
    read_changed(UNLISTED, "    Begäranden med licensstatus Olicensierad: ",
                 "    Begäranden med licensstatus Nytt: 0\n"
                 "    Begäranden med licensstatus Olicensierad: ",
                 &text);
    fixture_replace(&text, "Licensstatus: Licensierad\n", "Licensstatus: Olicensierad\n");
    fixture_expect(&text, KMS_OUTCOME_OK, &report);
    assert_absent(report.key[0], LICENSE_STATUS);
    assert_absent(report.key[0], TOTAL_REQUESTS);
    assert_absent(report.key[0], REQUESTS_NOTIFICATION);
    assert_number(report.key[0], CURRENT_COUNT, 12);
    kms_report_done(&report);
    kms_buf_done(&text);
}

static void a_labelled_request_line_wins_over_an_unknown_number_before_it(void **state)
{
    (void)state;
    struct kms_report report = {0};
    expect_changed(ENGLISH, "    Requests with License Status Notification: 0",
                   "    Requests of a new kind: 77\n"
                   "    Requests with License Status Notification: 5",
                   &report);
    assert_number(report.key[0], REQUESTS_NOTIFICATION, 5);
    kms_report_done(&report);
    expect_changed(ENGLISH, "    Requests with License Status Notification: 0",
                   "    Requests of a new kind: 77\nA sentence\n"
                   "    Requests with License Status Notification: 5",
                   &report);
    assert_number(report.key[0], REQUESTS_NOTIFICATION, 5);
    kms_report_done(&report);
}

static void an_unknown_label_among_the_request_lines_is_read_by_its_place(void **state)
{
    (void)state;
    struct kms_report report = {0};
    expect_changed(ENGLISH, "Requests with License Status Licensed: ", "Zzyzx: ", &report);
    assert_number(report.key[0], REQUESTS_LICENSED, 38711);
    kms_report_done(&report);
}

static void two_numbers_behind_any_sentence_are_no_host_block(void **state)
{
    (void)state;
    struct kms_report report = {0};
    expect_changed(UNLISTED, "Licensstatus: Licensierad\n",
                   "Licensstatus: Licensierad\nEn mening utan kolon\n", &report);
    assert_number(report.key[0], CURRENT_COUNT, 12);
    assert_number(report.host, LISTENING_PORT, 1688);
    kms_report_done(&report);
}

/* Which of the two is the host block cannot be told. */
static void of_two_places_for_a_host_block_none_is_taken(void **state)
{
    (void)state;
    expect_no_host_block("Betrodd tid",
                         "En mening\nEtt tal: 4\nEtt till: 1688\nEn mening till\nBetrodd tid");
}

static void a_number_that_is_no_port_begins_no_host_block(void **state)
{
    (void)state;
    expect_no_host_block("port: 1688", "port: 0");
    expect_no_host_block("port: 1688", "port: 65536");
    expect_no_host_block("port: 1688", "port: -1");
    expect_no_host_block("port: 1688", "port: 4294967295");
}

static void a_labelled_count_wins_over_one_by_its_place(void **state)
{
    (void)state;
    struct kms_report report = {0};
    expect_changed(ENGLISH, "Trusted time",
                   "A sentence\nFirst: 3\nSecond: 3\nAnother sentence\nTrusted time", &report);
    assert_number(report.key[0], CURRENT_COUNT, 50);
    assert_number(report.host, LISTENING_PORT, 1688);
    kms_report_done(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ninth_request_line_leaves_all_of_them_without_a_kind),
        cmocka_unit_test(a_labelled_request_line_wins_over_an_unknown_number_before_it),
        cmocka_unit_test(an_unknown_label_among_the_request_lines_is_read_by_its_place),
        cmocka_unit_test(two_numbers_behind_any_sentence_are_no_host_block),
        cmocka_unit_test(of_two_places_for_a_host_block_none_is_taken),
        cmocka_unit_test(a_number_that_is_no_port_begins_no_host_block),
        cmocka_unit_test(a_labelled_count_wins_over_one_by_its_place),
    };
    return cmocka_run_group_tests_name("report_structure", tests, NULL, NULL);
}
