/* Reports of real hosts, which lie beside the project: each gives what a person reads in it. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* Skips the test when the recordings are not there. */
static void read_shared(const char *name, struct kms_buf *text)
{
    const char *folder = getenv("KMSMON_SHARED");
    char path[4096];
    if (!folder || folder[0] == '\0') {
        print_message("skipped: KMSMON_SHARED is not set\n");
        skip();
    }
    assert_true(kms_text_format(path, sizeof(path), "%s/reports/%s", folder, name));
    FILE *file = fopen(path, "rb");
    if (!file) {
        print_message("skipped: %s is not there\n", path);
        skip();
    }
    fclose(file);
    fixture_read(path, text);
}

static void expect_shared(const char *name, enum kms_outcome wanted, struct kms_report *report)
{
    struct kms_buf text;
    read_shared(name, &text);
    fixture_expect(&text, wanted, report);
    kms_buf_done(&text);
}

static void the_german_report_is_the_projects_own(void **state)
{
    (void)state;
    struct kms_report report = {0};
    expect_shared("de-2008r2-kms-b.txt", KMS_OUTCOME_OK, &report);
    assert_number(report.key[0], CURRENT_COUNT, 6);
    assert_number(report.key[0], TOTAL_REQUESTS, 20);
    assert_number(report.key[0], FAILED_REQUESTS, 0);
    assert_number(report.key[0], LICENSE_STATUS, KMS_LICENSE_LICENSED);
    assert_number(report.host, TRUSTED_TIME, 1361458258);
    kms_report_done(&report);
}

static void an_office_2016_host_gives_its_facts(void **state)
{
    (void)state;
    struct kms_report report = {0};
    expect_shared("en-office16-kmshost-dlv-msdocs.txt", KMS_OUTCOME_OK, &report);
    assert_text(report.key[0], KEY_NAME, "Office 16, OfficeKMSHostVL_KMS_Host edition");
    assert_text(report.key[0], KEY_CHANNEL, "VOLUME_KMS");
    assert_text(report.key[0], ACTIVATION_ID, "98ebfe73-2084-4c97-932c-c0cd1643bea7");
    assert_text(report.key[0], PARTIAL_KEY, "KDQ2G");
    assert_text(report.key[0], EPID, "05426-00206-234-001162-03-1033-9200.0000-0992013");
    assert_number(report.key[0], REARM_COUNT, 1000);
    assert_number(report.key[0], CURRENT_COUNT, 0);
    assert_number(report.key[0], LICENSE_STATUS, KMS_LICENSE_LICENSED);
    assert_number(report.host, TRUSTED_TIME, 1477475913); /* 2016-10-26 09:58:33 */
    assert_number(report.host, LISTENING_PORT, 1688);
    fixture_requests(&report.key[0], (const int64_t[]){0, 0, 0, 0, 0, 0, 0, 0});
    kms_report_done(&report);
}

static void an_office_2010_host_without_the_request_block_gives_its_facts(void **state)
{
    (void)state;
    struct kms_report report = {0};
    expect_shared("en-office2010-kmshost-dlv-mssupport-redacted.txt", KMS_OUTCOME_OK, &report);
    assert_text(report.key[0], KEY_NAME, "Microsoft Office 2010, KMSHost edition");
    assert_text(report.key[0], APPLICATION_ID, "59a52881-a989-479d-xxxx-xxxxxxxxxx");
    assert_number(report.key[0], CURRENT_COUNT, 0);
    assert_number(report.key[0], REARM_COUNT, 1);
    assert_absent(report.key[0], EPID);
    assert_absent(report.key[0], TOTAL_REQUESTS);
    assert_absent(report.host, TRUSTED_TIME);
    kms_report_done(&report);
}

static void a_dli_report_with_blank_lines_gives_its_facts(void **state)
{
    (void)state;
    struct kms_report report = {0};
    expect_shared("en-server2008r2-kms_c-dli-technet-ff793426.txt", KMS_OUTCOME_OK, &report);
    assert_text(report.key[0], KEY_CHANNEL, "VOLUME_KMS_C");
    assert_number(report.key[0], CURRENT_COUNT, 2);
    fixture_requests(&report.key[0], (const int64_t[]){826, 0, 0, 826, 0, 0, 0, 0});
    assert_absent(report.host, SERVICE_VERSION);
    kms_report_done(&report);
}

static void reports_of_clients_are_recognised(void **state)
{
    (void)state;
    static const char *const names[] = {"en-checkmk-win2012-kmsclient-dli.txt",
                                        "en-win7-kmsclient-dli-technet-ff793426.txt",
                                        "zh-CN-win10-kmsclient-dlv-blog-redacted.txt"};
    for (size_t i = 0; i < KMS_COUNT_OF(names); i++) {
        struct kms_report report = {0};
        expect_shared(names[i], KMS_OUTCOME_REPORT_CLIENT, &report);
        assert_int_equal(report.key_count, 0);
        assert_int_equal(report.products, 1);
        kms_report_done(&report);
    }
}

static void a_report_of_an_evaluation_copy_is_no_hosts(void **state)
{
    (void)state;
    struct kms_report report = {0};
    expect_shared("en-checkmk-win7-eval-dli.txt", KMS_OUTCOME_REPORT_NO_HOST, &report);
    assert_string_equal(report.detail, "line 2: no product here is a KMS host key");
    kms_report_done(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_german_report_is_the_projects_own),
        cmocka_unit_test(an_office_2016_host_gives_its_facts),
        cmocka_unit_test(an_office_2010_host_without_the_request_block_gives_its_facts),
        cmocka_unit_test(a_dli_report_with_blank_lines_gives_its_facts),
        cmocka_unit_test(reports_of_clients_are_recognised),
        cmocka_unit_test(a_report_of_an_evaluation_copy_is_no_hosts),
    };
    return cmocka_run_group_tests_name("report_shared", tests, NULL, NULL);
}
