/* What a recording shows, and what it must not show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "wsman/record.h"

struct bench {
    struct kms_recorder *recorder;
    struct kms_buf file;
};

static int make_bench(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    bench->recorder = kms_recorder_new(64 * 1024);
    assert_non_null(bench->recorder);
    kms_buf_init(&bench->file, 1024 * 1024);
    *state = bench;
    return 0;
}

static int free_bench(void **state)
{
    struct bench *bench = *state;
    kms_recorder_free(bench->recorder);
    kms_buf_done(&bench->file);
    free(bench);
    return 0;
}

static const char *file_of(struct bench *bench, const char *request, const char *answer)
{
    assert_int_equal(kms_recorder_add(bench->recorder, request, strlen(request), 200,
                                      "application/soap+xml", answer, strlen(answer)),
                     KMS_OK);
    kms_buf_clear(&bench->file);
    assert_int_equal(kms_recorder_write(bench->recorder, &bench->file), KMS_OK);
    return kms_buf_str(&bench->file);
}

static void exchanges_stand_in_their_order_with_their_lengths(void **state)
{
    struct bench *bench = *state;
    (void)file_of(bench, "<q>1</q>", "<a>one</a>");
    const char *file = file_of(bench, "<q>2</q>", "");
    assert_non_null(strstr(file, "\nrequest 8\n<q>1</q>\nanswer 200 10 application/soap+xml\n"
                                 "<a>one</a>\nrequest 8\n<q>2</q>\nanswer 200 0 "
                                 "application/soap+xml\n\n"));
    assert_true(kms_text_starts(file, "kmsmon-capture 1\n"));
}

static void names_are_masked_whole_and_in_parts(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(kms_recorder_mask(bench->recorder, "host", "kms01.corp.example"), KMS_OK);
    assert_int_equal(kms_recorder_mask(bench->recorder, "user", "CORP\\R&D-bob"), KMS_OK);
    const char *file = file_of(
        bench, "<a:To>https://KMS01.Corp.Example:5986/wsman</a:To>",
        "<t>kms01 on corp.example, not akms01 nor kms01x; CORP\\R&amp;D-bob, r&amp;d-BOB, "
        "(kms01-old)</t>");
    assert_non_null(strstr(file, "https://host-1:5986/wsman"));
    assert_null(strcasestr(file, "bob"));
    assert_null(strcasestr(file, "corp.example"));
    assert_non_null(strstr(file, "not akms01 nor kms01x"));
    assert_non_null(strstr(file, "(host-2-old)"));
}

static void what_identifies_is_masked_in_xml(void **state)
{
    struct bench *bench = *state;
    const char *file = file_of(
        bench, "<q/>",
        "<p:PartialProductKey>ABCDE</p:PartialProductKey>"
        "<ProductKeyID xsi:type=\"x\">55041-00168-305-246209-03-1033-7600.0000-0522010"
        "</ProductKeyID><ClientMachineID>36f27b39-2fd5-440b-be67-a09996d27a38</ClientMachineID>"
        "<f:WSManFault Code=\"5\" Machine=\"secret.corp\"/><Name>ABCDE</Name>"
        "<PartialProductKey xsi:nil=\"true\"/><KeyName>x</KeyName>");
    assert_non_null(strstr(file, "<p:PartialProductKey>XXXXX<"));
    assert_non_null(strstr(file, ">55041-00168-305-246000-03-1033-7600.0000-0522010<"));
    assert_non_null(strstr(file, ">000000000000000000000000000000000000<"));
    assert_non_null(strstr(file, "Code=\"5\" Machine=\"machine\"/>"));
    assert_non_null(strstr(file, "<Name>ABCDE</Name>"));
    assert_non_null(strstr(file, "<KeyName>x</KeyName>"));
}

/* Whatever stands around it: no name that was given is ever to be read. */
static void no_masked_name_survives_any_neighbourhood(void **state)
{
    struct bench *bench = *state;
    static const char *const around[] = {"<", ">", " ",    "\"", "'", ".", "-", "\\",
                                         "/", "@", "&lt;", "\n", "_", "&", ";"};
    assert_int_equal(kms_recorder_mask(bench->recorder, "user", "marked\\secret"), KMS_OK);
    for (size_t a = 0; a < KMS_COUNT_OF(around); a++) {
        for (size_t b = 0; b < KMS_COUNT_OF(around); b++) {
            char text[128];
            kms_text_format(text, sizeof text, "%sMarked%ssEcReT%s", around[a], around[b],
                            around[a]);
            const char *file = file_of(bench, text, text);
            assert_null(strcasestr(file, "marked\\"));
            assert_null(strcasestr(file, "secret"));
        }
    }
}

static void what_does_not_fit_is_left_out_and_said(void **state)
{
    struct bench *bench = *state;
    kms_recorder_free(bench->recorder);
    bench->recorder = kms_recorder_new(20);
    assert_non_null(bench->recorder);
    (void)file_of(bench, "<q/>", "<answer-one/>");
    const char *file = file_of(bench, "<q/>", "<answer-two/>");
    assert_non_null(strstr(file, "<answer-one/>"));
    assert_null(strstr(file, "<answer-two/>"));
    assert_non_null(strstr(file, "# 1 exchanges did not fit"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(exchanges_stand_in_their_order_with_their_lengths,
                                        make_bench, free_bench),
        cmocka_unit_test_setup_teardown(names_are_masked_whole_and_in_parts, make_bench,
                                        free_bench),
        cmocka_unit_test_setup_teardown(what_identifies_is_masked_in_xml, make_bench, free_bench),
        cmocka_unit_test_setup_teardown(no_masked_name_survives_any_neighbourhood, make_bench,
                                        free_bench),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_left_out_and_said, make_bench,
                                        free_bench),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
