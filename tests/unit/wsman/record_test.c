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
    bench->recorder = kms_recorder_new((size_t)64 * 1024);
    assert_non_null(bench->recorder);
    kms_buf_init(&bench->file, (size_t)1024 * 1024);
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
    static const char *const around[] = {"<", ">", " ",    "\"", "'", ".", "-",  "\\",   "/",  "@",
                                         "&", ";", "&lt;", "\n", "_", "=", "<!", "\xc3", "]]>"};
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

/* The characters of the name in every way that XML can write them, one way after another. */
static void no_masked_name_survives_escapes(void **state)
{
    struct bench *bench = *state;
    static const char secret[] = "o'neill&sons<x>\"y";
    assert_int_equal(kms_recorder_mask(bench->recorder, "user", secret), KMS_OK);
    uint32_t random = 1;
    for (unsigned run = 0; run < 2000; run++) {
        struct kms_buf text;
        kms_buf_init(&text, 1024);
        assert_int_equal(kms_buf_add_str(&text, "<s:Envelope><a b=\""), KMS_OK);
        for (const char *at = secret; *at; at++) {
            static const char special[] = "'&<>\"";
            static const char *const named[] = {"&apos;", "&amp;", "&lt;", "&gt;", "&quot;"};
            const char *found = strchr(special, *at);
            random = random * 1103515245U + 12345U;
            unsigned way = random >> 16 & 3U;
            unsigned code = (unsigned char)*at ^ (random >> 20 & (*at >= 'a' ? 0x20U : 0U));
            enum kms_status status = KMS_OK;
            if (way == 0) {
                status = kms_buf_addf(&text, "&#%u;", code);
            } else if (way == 1) {
                status = kms_buf_addf(&text, "&#x%s%X;", random & 0x100000 ? "00" : "", code);
            } else if (found) {
                status = kms_buf_add_str(&text, named[found - special]);
            } else {
                status = kms_buf_addf(&text, "%c", (int)code);
            }
            assert_int_equal(status, KMS_OK);
        }
        assert_int_equal(kms_buf_add_str(&text, run & 1 ? "\"/>" : "\">"), KMS_OK);
        kms_recorder_free(bench->recorder);
        bench->recorder = kms_recorder_new((size_t)64 * 1024);
        assert_non_null(bench->recorder);
        assert_int_equal(kms_recorder_mask(bench->recorder, "user", secret), KMS_OK);
        const char *file = file_of(bench, kms_buf_str(&text), "");
        assert_non_null(strstr(file, run & 1 ? "<s:Envelope><a b=\"user-1\"/>\n"
                                             : "<s:Envelope><a b=\"user-1\">\n"));
        kms_buf_done(&text);
    }
}

static void letters_beyond_ascii_have_no_case_either(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(kms_recorder_mask(bench->recorder, "user", "M\xc3\xbcller"), KMS_OK);
    assert_int_equal(kms_recorder_mask(bench->recorder, "user", "\xd0\x90\xd0\xbd\xd0\xbd\xd0\xb0"),
                     KMS_OK);
    const char *file = file_of(bench, "M\xc3\x9cLLER m&#xfc;ller &#220;x",
                               "\xd0\xb0\xd0\x9d\xd0\x9d\xd0\x90");
    assert_non_null(strstr(file, "\nuser-1 user-1 &#220;x\n"));
    assert_non_null(strstr(file, "\nuser-2\n"));
}

static void parts_of_domains_are_masked_and_those_of_addresses_are_not(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(kms_recorder_mask(bench->recorder, "host", "hq7.ad.contoso.example"), KMS_OK);
    assert_int_equal(kms_recorder_mask(bench->recorder, "address", "10.0.203.48"), KMS_OK);
    const char *file = file_of(bench, "CONTOSO\\x AD\\x x@contoso.example HQ7$",
                               "10.0.203.48 10.0.203 0.203.48 example");
    assert_non_null(strstr(file, "\ndomain-6\\x domain-4\\x x@domain-5"));
    assert_non_null(strstr(file, " host-2$\n"));
    assert_non_null(strstr(file, "\naddress-7 10.0.203 0.203.48 example\n"));
}

static void a_message_means_the_same_whatever_the_host_is_called(void **state)
{
    struct bench *bench = *state;
    static const char message[] =
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body>"
        "<a:Action>http://schemas.xmlsoap.org/ws/2004/09/enumeration/PullResponse</a:Action>"
        "<w:Filter>SELECT Name FROM Win32_Service WHERE Name='items'</w:Filter><w:Items>"
        "<p:Description>Windows Operating System - Windows(R), VOLUME_KMS_2012-R2 channel"
        "</p:Description></w:Items></s:Body></s:Envelope>";
    assert_int_equal(kms_recorder_mask(bench->recorder, "host", "kms.microsoft.com"), KMS_OK);
    assert_int_equal(kms_recorder_mask(bench->recorder, "host", "windows"), KMS_OK);
    assert_int_equal(kms_recorder_mask(bench->recorder, "host", "items.pullresponse.test"), KMS_OK);
    assert_non_null(strstr(file_of(bench, message, ""), message));
}

static void secrets_in_cdata_and_odd_tags_are_masked(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(kms_recorder_mask(bench->recorder, "user", "bob"), KMS_OK);
    const char *file = file_of(
        bench,
        "<s:Envelope><PartialProductKey><![CDATA[ABCDE]]></PartialProductKey>"
        "<a t='x>y' u=\"bob\" Machine='it''s'/><!-- bob --><?bob?><n><![CDATA[<bob>]]></n>"
        "<f:WSManFault\n machine = \"secret>corp\"/><unfinished bob",
        "<ProductKeyID>55041-00168-305-2462&#48;9-03</ProductKeyID>");
    assert_null(strstr(file, "bob"));
    assert_null(strstr(file, "ABCDE"));
    assert_null(strstr(file, "secret"));
    assert_null(strstr(file, "2462"));
    assert_non_null(strstr(file, "<![CDATA[XXXXX]]>"));
    assert_non_null(strstr(file, "<a t='x>y' u=\"user-1\""));
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
        cmocka_unit_test_setup_teardown(no_masked_name_survives_escapes, make_bench, free_bench),
        cmocka_unit_test_setup_teardown(letters_beyond_ascii_have_no_case_either, make_bench,
                                        free_bench),
        cmocka_unit_test_setup_teardown(parts_of_domains_are_masked_and_those_of_addresses_are_not,
                                        make_bench, free_bench),
        cmocka_unit_test_setup_teardown(a_message_means_the_same_whatever_the_host_is_called,
                                        make_bench, free_bench),
        cmocka_unit_test_setup_teardown(secrets_in_cdata_and_odd_tags_are_masked, make_bench,
                                        free_bench),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_left_out_and_said, make_bench,
                                        free_bench),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
