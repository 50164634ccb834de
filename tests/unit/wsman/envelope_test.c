/* Requests say what WinRM's own clients say, element by element, and carry any text safely. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <expat.h>

#include "base/text.h"
#include "reading.h"
#include "wsman/envelope.h"

#define WQL                                                                        \
    "SELECT Version, ProductType, OSLanguage, LocalDateTime, LastBootUpTime FROM " \
    "Win32_OperatingSystem"

static struct kms_wsman_address address_of(const char *id)
{
    struct kms_wsman_address address = {
        .to = "https://kms01.example.test:5986/wsman",
        .resource_uri = KMS_WSMAN_CIMV2_ALL,
        .operation_timeout_ms = 60000,
        .envelope_max = 153600,
    };
    assert_true(kms_guid_parse(id, &address.message_id));
    return address;
}

/* What an XML document says, without its prefixes and the blanks between its elements. */
struct outline {
    struct kms_buf out;
    struct kms_buf text;
};

static void flush(struct outline *outline)
{
    const char *text = kms_buf_str(&outline->text);
    size_t len = strlen(text);
    if (strspn(text, " \t\r\n") < len) {
        assert_int_equal(kms_buf_addf(&outline->out, "\"%s\"\n", text), KMS_OK);
    }
    kms_buf_clear(&outline->text);
}

static void XMLCALL on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
    struct outline *outline = arg;
    flush(outline);
    assert_int_equal(kms_buf_addf(&outline->out, "<%s", name), KMS_OK);
    for (size_t i = 0; attributes[i]; i += 2) {
        assert_int_equal(kms_buf_addf(&outline->out, " %s=%s", attributes[i], attributes[i + 1]),
                         KMS_OK);
    }
    assert_int_equal(kms_buf_add_str(&outline->out, "\n"), KMS_OK);
}

static void XMLCALL on_end(void *arg, const XML_Char *name)
{
    struct outline *outline = arg;
    flush(outline);
    assert_int_equal(kms_buf_addf(&outline->out, ">%s\n", name), KMS_OK);
}

static void XMLCALL on_text(void *arg, const XML_Char *text, int len)
{
    struct outline *outline = arg;
    assert_int_equal(kms_buf_add(&outline->text, text, (size_t)len), KMS_OK);
}

static struct kms_buf outline_of(const struct kms_buf *xml)
{
    struct outline outline;
    kms_buf_init(&outline.out, 1 << 20);
    kms_buf_init(&outline.text, 1 << 20);
    XML_Parser parser = XML_ParserCreateNS(NULL, '|');
    XML_SetUserData(parser, &outline);
    XML_SetElementHandler(parser, on_start, on_end);
    XML_SetCharacterDataHandler(parser, on_text);
    assert_int_equal(XML_Parse(parser, xml->data, (int)xml->len, 1), XML_STATUS_OK);
    XML_ParserFree(parser);
    kms_buf_done(&outline.text);
    return outline.out;
}

static void expect_same(const struct kms_buf *written, const struct kms_buf *expected)
{
    struct kms_buf a = outline_of(written);
    struct kms_buf b = outline_of(expected);
    assert_string_equal(kms_buf_str(&a), kms_buf_str(&b));
    kms_buf_done(&a);
    kms_buf_done(&b);
}

static void requests_are_those_of_the_examples(void **state)
{
    (void)state;
    static const char *const files[] = {"q0-os.xml", "pull.xml", "release.xml", "identify.xml"};
    static const char *const ids[] = {
        "00000000-0000-0000-1111-111111111111", "00000000-0000-0000-6666-666666666666",
        "00000000-0000-0000-7777-777777777777", "00000000-0000-0000-0000-000000000000"};
    static const char context[] = "uuid:00000000-0000-4000-8000-000000000000";
    for (size_t i = 0; i < KMS_COUNT_OF(files); i++) {
        struct kms_buf expected;
        struct kms_buf written;
        char name[64];
        kms_text_format(name, sizeof name, "requests-own/%s", files[i]);
        if (!capture_read(name, &expected)) {
            kms_buf_done(&expected);
            print_message("skipped: there is no wsman/%s in KMSMON_SHARED\n", name);
            skip();
        }
        struct kms_wsman_address address = address_of(ids[i]);
        kms_buf_init(&written, 65536);
        enum kms_status status = KMS_EINVAL;
        switch (i) {
        case 0:
            status = kms_wsman_write_enumerate(&address, WQL, 32000, &written);
            break;
        case 1:
            status = kms_wsman_write_pull(&address, context, 32000, &written);
            break;
        case 2:
            status = kms_wsman_write_release(&address, context, &written);
            break;
        default:
            status = kms_wsman_write_identify(&written);
            break;
        }
        assert_int_equal(status, KMS_OK);
        expect_same(&written, &expected);
        kms_buf_done(&written);
        kms_buf_done(&expected);
    }
}

#define HEAD(action)                                                                          \
    "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\""                         \
    " xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\""                           \
    " xmlns:n=\"http://schemas.xmlsoap.org/ws/2004/09/enumeration\""                          \
    " xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\""                             \
    " xmlns:p=\"http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd\">"                       \
    "<s:Header><a:To>https://kms01.example.test:5986/wsman</a:To>"                            \
    "<w:ResourceURI s:mustUnderstand=\"true\">"                                               \
    "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/*</w:ResourceURI>"              \
    "<a:ReplyTo><a:Address s:mustUnderstand=\"true\">"                                        \
    "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>" \
    "<a:Action s:mustUnderstand=\"true\">"                                                    \
    "http://schemas.xmlsoap.org/ws/2004/09/enumeration/" action "</a:Action>"                 \
    "<w:MaxEnvelopeSize s:mustUnderstand=\"true\">153600</w:MaxEnvelopeSize>"                 \
    "<a:MessageID>uuid:11111111-2222-4333-8444-555555555555</a:MessageID>"                    \
    "<w:Locale xml:lang=\"en-US\" s:mustUnderstand=\"false\"/>"                               \
    "<p:DataLocale xml:lang=\"en-US\" s:mustUnderstand=\"false\"/>"                           \
    "<w:OperationTimeout>PT60S</w:OperationTimeout></s:Header><s:Body>"
#define ID "11111111-2222-4333-8444-555555555555"

static void requests_are_written_to_the_letter(void **state)
{
    (void)state;
    struct kms_wsman_address address = address_of(ID);
    struct kms_buf buf;
    kms_buf_init(&buf, 65536);
    assert_int_equal(kms_wsman_write_enumerate(&address, "SELECT a FROM b WHERE c<'&>\"'", 0, &buf),
                     KMS_OK);
    assert_string_equal(
        kms_buf_str(&buf),
        HEAD("Enumerate") "<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>32000"
                          "</w:MaxElements><w:Filter Dialect=\"http://schemas.microsoft.com/wbem/"
                          "wsman/1/WQL\">SELECT a FROM b WHERE c&lt;'&amp;&gt;\"'</w:Filter>"
                          "</n:Enumerate></s:Body></s:Envelope>");
    kms_buf_clear(&buf);
    assert_int_equal(kms_wsman_write_pull(&address, "a<b>&c", 7, &buf), KMS_OK);
    assert_string_equal(kms_buf_str(&buf),
                        HEAD("Pull") "<n:Pull><n:EnumerationContext>a&lt;b&gt;&amp;c"
                                     "</n:EnumerationContext><n:MaxElements>7</n:MaxElements>"
                                     "</n:Pull></s:Body></s:Envelope>");
    kms_buf_clear(&buf);
    assert_int_equal(kms_wsman_write_release(&address, "x", &buf), KMS_OK);
    assert_string_equal(kms_buf_str(&buf),
                        HEAD("Release") "<n:Release><n:EnumerationContext>x"
                                        "</n:EnumerationContext></n:Release></s:Body>"
                                        "</s:Envelope>");
    kms_buf_done(&buf);
}

static void times_are_durations_of_xml(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text; /* NULL: refused */
    } times[] = {{60000, ">PT60S<"},     {500, ">PT0.500S<"}, {1, ">PT0.001S<"},
                 {12345, ">PT12.345S<"}, {0, NULL},           {-1, NULL}};
    for (size_t i = 0; i < KMS_COUNT_OF(times); i++) {
        struct kms_wsman_address address = address_of(ID);
        struct kms_buf buf;
        kms_buf_init(&buf, 65536);
        address.operation_timeout_ms = times[i].ms;
        assert_int_equal(kms_wsman_write_pull(&address, "x", 0, &buf),
                         times[i].text ? KMS_OK : KMS_EINVAL);
        if (times[i].text) {
            assert_non_null(strstr(kms_buf_str(&buf), times[i].text));
        }
        kms_buf_done(&buf);
    }
}

static void texts_that_xml_cannot_hold_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"a\x01", "\x1f",  "a\x7f",        "\xC2\x80",
                                      "\xff",  "a\xC3", "\xED\xA0\x80", "\xEF\xBF\xBE"};
    struct kms_buf buf;
    kms_buf_init(&buf, 65536);
    assert_int_equal(kms_buf_add_str(&buf, "before"), KMS_OK);
    for (size_t i = 0; i < KMS_COUNT_OF(bad); i++) {
        struct kms_wsman_address address = address_of(ID);
        assert_int_equal(kms_wsman_write_enumerate(&address, bad[i], 0, &buf), KMS_EINVAL);
        assert_int_equal(kms_wsman_write_pull(&address, bad[i], 0, &buf), KMS_EINVAL);
        assert_int_equal(kms_wsman_write_release(&address, bad[i], &buf), KMS_EINVAL);
        address.to = bad[i];
        assert_int_equal(kms_wsman_write_release(&address, "x", &buf), KMS_EINVAL);
        assert_string_equal(kms_buf_str(&buf), "before");
    }
    struct kms_wsman_address address = address_of(ID);
    assert_int_equal(kms_wsman_write_pull(&address, "a\nb", 0, &buf), KMS_EINVAL);
    assert_int_equal(kms_wsman_write_enumerate(&address, "a\n\tb\r\xEF\xBF\xBD", 0, &buf), KMS_OK);
    assert_non_null(strstr(kms_buf_str(&buf), ">a\n\tb&#13;\xEF\xBF\xBD<"));
    kms_buf_done(&buf);
}

static void a_message_that_does_not_fit_leaves_nothing(void **state)
{
    (void)state;
    struct kms_wsman_address address = address_of(ID);
    struct kms_buf whole;
    kms_buf_init(&whole, 65536);
    assert_int_equal(kms_wsman_write_enumerate(&address, WQL, 0, &whole), KMS_OK);
    size_t len = whole.len;
    kms_buf_done(&whole);
    for (size_t max = 0; max < len; max++) {
        struct kms_buf buf;
        kms_buf_init(&buf, max);
        assert_int_equal(kms_wsman_write_enumerate(&address, WQL, 0, &buf), KMS_ETOOBIG);
        assert_string_equal(kms_buf_str(&buf), "");
        kms_buf_done(&buf);
    }
}

static void an_id_is_a_name_of_its_own_kind(void **state)
{
    (void)state;
    struct kms_guid guid;
    char text[KMS_WSMAN_MESSAGE_ID_SIZE];
    assert_true(kms_guid_parse("ABCDEF01-2222-4333-8444-555555555555", &guid));
    kms_wsman_message_id(&guid, text);
    assert_string_equal(text, "uuid:abcdef01-2222-4333-8444-555555555555");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_those_of_the_examples),
        cmocka_unit_test(requests_are_written_to_the_letter),
        cmocka_unit_test(times_are_durations_of_xml),
        cmocka_unit_test(texts_that_xml_cannot_hold_are_refused),
        cmocka_unit_test(a_message_that_does_not_fit_leaves_nothing),
        cmocka_unit_test(an_id_is_a_name_of_its_own_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
