/* What a message may look like and still says the same, and what is refused, with its status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "reading.h"

#define S   "xmlns:s='http://www.w3.org/2003/05/soap-envelope'"
#define A   "xmlns:a='http://schemas.xmlsoap.org/ws/2004/08/addressing'"
#define N   "xmlns:n='http://schemas.xmlsoap.org/ws/2004/09/enumeration'"
#define W   "xmlns:w='http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd'"
#define I   "xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'"
#define C   "xmlns:cim='http://schemas.dmtf.org/wbem/wscim/1/common'"
#define F   "xmlns:f='http://schemas.microsoft.com/wbem/wsman/1/wsmanfault'"
#define ALL " " S " " A " " N " " W " " I " " C " " F
#define PULL(body) \
    "<s:Envelope" ALL "><s:Body><n:PullResponse>" body "</n:PullResponse></s:Body></s:Envelope>"
#define ONE_ROW(cells) PULL("<n:Items><w:XmlFragment>" cells "</w:XmlFragment></n:Items>")
#define DETAIL(detail)                                                                   \
    "<s:Envelope" ALL "><s:Body><s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code>" \
    "<s:Reason><s:Text>The reason.</s:Text></s:Reason><s:Detail>" detail "</s:Detail>"   \
    "</s:Fault></s:Body></s:Envelope>"

static struct reading sample(const char *name, size_t piece)
{
    struct kms_buf buf;
    assert_true(sample_read(name, &buf));
    struct reading reading = reading_of(buf.data, buf.len, piece, NULL);
    kms_buf_done(&buf);
    return reading;
}

static void a_projection_gives_its_values(void **state)
{
    (void)state;
    struct reading reading = sample("products-first.xml", 0);
    assert_int_equal(reading.status, KMS_OK);
    assert_int_equal(reading.message.kind, KMS_SOAP_ENUMERATE);
    assert_false(reading.message.end_of_sequence);
    assert_string_equal(reading.message.context, "uuid:CCCCCCCC-0000-4000-8000-000000000001");
    assert_string_equal(reading.message.relates_to, "uuid:11111111-2222-4333-8444-555555555555");
    assert_int_equal(reading.rows, 1);
    const struct kms_wsman_row *row = &reading.row[0];
    assert_string_equal(row->class_name, "XmlFragment");
    assert_int_equal(row->count, 12);
    assert_string_equal(kms_wsman_row_text(row, "Name"), "Windows & <Server> \xE2\x80\x9C"
                                                         "1\xE2\x80\x9D");
    assert_null(kms_wsman_row_text(row, "ProductKeyID"));
    int64_t time;
    assert_true(kms_wsman_row_time(row, "TrustedTime", &time, NULL));
    assert_int_equal(time, 1767319445);
    assert_false(kms_wsman_row_time(row, "EvaluationEndDate", &time, NULL));
    reading_done(&reading);
}

static void an_answer_to_pull_ends_the_enumeration(void **state)
{
    (void)state;
    struct reading reading = sample("products-last.xml", 0);
    assert_int_equal(reading.status, KMS_OK);
    assert_int_equal(reading.message.kind, KMS_SOAP_PULL);
    assert_true(reading.message.end_of_sequence);
    assert_null(reading.message.context);
    assert_int_equal(reading.message.rows, 2);
    uint32_t count;
    assert_false(
        kms_wsman_row_uint32(&reading.row[0], "KeyManagementServiceCurrentCount", &count, NULL));
    assert_true(
        kms_wsman_row_uint32(&reading.row[1], "KeyManagementServiceCurrentCount", &count, NULL));
    assert_int_equal(count, 25);
    reading_done(&reading);
}

static void an_instance_of_a_class_gives_its_values(void **state)
{
    (void)state;
    struct reading reading = sample("service-instance.xml", 0);
    assert_int_equal(reading.status, KMS_OK);
    const struct kms_wsman_row *row = &reading.row[0];
    assert_string_equal(row->class_name, "SoftwareLicensingService");
    assert_string_equal(kms_wsman_row_text(row, "ClientMachineID"), "");
    assert_null(kms_wsman_row_text(row, "KeyManagementServiceMachine"));
    assert_string_equal(kms_wsman_row_text(row, "Parts"), "one");
    assert_string_equal(row->cell[5].name, "Parts");
    assert_string_equal(row->cell[7].text, "2013-04-15T16:28:39.5Z"); /* Owner is a reference */
    bool truth;
    assert_true(kms_wsman_row_bool(row, "KeyManagementServiceDnsPublishing", &truth, NULL));
    assert_true(truth);
    reading_done(&reading);
}

static void identify_names_vendor_and_version(void **state)
{
    (void)state;
    struct reading reading = sample("identify.xml", 0);
    assert_int_equal(reading.status, KMS_OK);
    assert_int_equal(reading.message.kind, KMS_SOAP_IDENTIFY);
    assert_string_equal(reading.message.product_vendor, "Microsoft Corporation");
    assert_string_equal(reading.message.product_version, "OS: 10.0.20348 SP: 0.0 Stack: 3.0");
    reading_done(&reading);
}

static void an_empty_body_is_what_its_action_says(void **state)
{
    (void)state;
    struct reading reading = sample("release.xml", 0);
    assert_int_equal(reading.status, KMS_OK);
    assert_int_equal(reading.message.kind, KMS_SOAP_RELEASE);
    reading_done(&reading);
    reading = reading_of_text("<s:Envelope" ALL "><s:Body/></s:Envelope>");
    assert_int_equal(reading.status, KMS_OK);
    assert_int_equal(reading.message.kind, KMS_SOAP_OTHER);
    reading_done(&reading);
}

static void the_status_of_the_provider_is_read(void **state)
{
    (void)state;
    struct reading reading = sample("fault-provider.xml", 0);
    const struct kms_soap_fault *fault = &reading.message.fault;
    assert_int_equal(reading.status, KMS_OK);
    assert_int_equal(reading.message.kind, KMS_SOAP_FAULT);
    assert_true(fault->code_known);
    assert_int_equal(fault->code, 0x8033801AU);
    assert_true(fault->provider_known);
    assert_int_equal(fault->provider_code, 0x80041010U);
    assert_string_equal(fault->subcode, "CannotProcessFilter");
    assert_string_equal(fault->text, "There is no such class.");
    reading_done(&reading);
}

static void an_error_of_wmi_needs_no_windows_fault(void **state)
{
    (void)state;
    struct reading reading = sample("fault-wmi-error.xml", 0);
    assert_true(reading.message.fault.code_known);
    assert_int_equal(reading.message.fault.code, 0x803381A6U);
    assert_false(reading.message.fault.provider_known);
    assert_string_equal(reading.message.fault.subcode, "QuotaLimit");
    reading_done(&reading);
}

static const char *const samples[] = {
    "products-first.xml", "products-last.xml",  "service-instance.xml", "identify.xml",
    "release.xml",        "fault-provider.xml", "fault-wmi-error.xml",
};

static void samples_say_the_same_in_pieces_of_any_size(void **state)
{
    (void)state;
    for (size_t i = 0; i < KMS_COUNT_OF(samples); i++) {
        struct reading whole = sample(samples[i], 0);
        for (size_t piece = 1; piece < 40; piece++) {
            struct reading reading = sample(samples[i], piece);
            assert_true(reading_same(&whole, &reading));
            reading_done(&reading);
        }
        reading_done(&whole);
    }
}

static void samples_that_are_cut_are_never_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < KMS_COUNT_OF(samples); i++) {
        struct kms_buf buf;
        assert_true(sample_read(samples[i], &buf));
        struct reading whole = reading_of(buf.data, buf.len, 0, NULL);
        for (size_t cut = 0; cut + 1 < buf.len; cut++) { /* the last byte is a line feed */
            struct reading reading = reading_of(buf.data, cut, 0, NULL);
            assert_int_equal(reading.status, KMS_EINVAL);
            assert_true(reading_begins(&reading, &whole));
            reading_done(&reading);
        }
        reading_done(&whole);
        kms_buf_done(&buf);
    }
}

/* Bytes of a sample in UTF-16, with a mark of the byte order or without. */
static struct kms_buf in_utf16(const struct kms_buf *utf8, bool is_little, bool is_marked)
{
    struct kms_buf buf;
    kms_buf_init(&buf, (size_t)1 << 20);
    struct kms_rd rd = kms_rd_over(utf8->data, utf8->len);
    uint32_t c = 0xFEFF;
    bool is_there = is_marked || kms_rd_utf8(&rd, &c);
    while (is_there) {
        const uint8_t unit[2] = {(uint8_t)(is_little ? c & 0xFF : c >> 8),
                                 (uint8_t)(is_little ? c >> 8 : c & 0xFF)};
        assert_int_equal(kms_buf_add(&buf, unit, 2), KMS_OK);
        is_there = kms_rd_utf8(&rd, &c);
    }
    return buf;
}

static void utf16_says_the_same_as_utf8(void **state)
{
    (void)state;
    for (size_t i = 0; i < KMS_COUNT_OF(samples); i++) {
        struct kms_buf utf8;
        assert_true(sample_read(samples[i], &utf8));
        struct reading whole = reading_of(utf8.data, utf8.len, 0, NULL);
        for (int form = 0; form < 4; form++) {
            struct kms_buf utf16 = in_utf16(&utf8, form & 1, form & 2);
            for (size_t piece = 0; piece < 3; piece++) {
                struct reading reading = reading_of(utf16.data, utf16.len, piece, NULL);
                assert_true(reading_same(&whole, &reading));
                reading_done(&reading);
            }
            kms_buf_done(&utf16);
        }
        reading_done(&whole);
        kms_buf_done(&utf8);
    }
}

static void a_mark_of_utf8_and_a_declaration_change_nothing(void **state)
{
    (void)state;
    struct reading reading = reading_of_text(
        "\xEF\xBB\xBF<?xml version='1.0' encoding='utf-8'?>\n" ONE_ROW("<A>b</A>"));
    assert_int_equal(reading.status, KMS_OK);
    assert_int_equal(reading.rows, 1);
    reading_done(&reading);
}

static void prefixes_mean_nothing(void **state)
{
    (void)state;
    struct reading reading = reading_of_text(
        "<Envelope xmlns='http://www.w3.org/2003/05/soap-envelope'><Header>"
        "<x:RelatesTo xmlns:x='http://schemas.xmlsoap.org/ws/2004/08/addressing'> uuid:1\n"
        "</x:RelatesTo></Header><Body>"
        "<s:PullResponse xmlns:s='http://schemas.xmlsoap.org/ws/2004/09/enumeration'>"
        "<s:Items><XmlFragment xmlns='http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd'>"
        "<State xmlns=''>Running</State></XmlFragment></s:Items><s:EndOfSequence/>"
        "</s:PullResponse></Body></Envelope>");
    assert_int_equal(reading.status, KMS_OK);
    assert_int_equal(reading.message.kind, KMS_SOAP_PULL);
    assert_string_equal(reading.message.relates_to, "uuid:1");
    assert_int_equal(reading.rows, 1);
    assert_string_equal(kms_wsman_row_text(&reading.row[0], "State"), "Running");
    assert_true(reading.message.end_of_sequence);
    reading_done(&reading);
}

static void items_and_their_end_are_known_in_both_namespaces(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "<n:EnumerateResponse><w:Items><w:X/></w:Items><w:EndOfSequence/></n:EnumerateResponse>",
        "<n:EnumerateResponse><n:Items><w:X/></n:Items><n:EndOfSequence/></n:EnumerateResponse>",
        "<n:PullResponse><w:Items><w:X/></w:Items><w:EndOfSequence/></n:PullResponse>",
        "<n:PullResponse><n:EndOfSequence/><n:Items><w:X/></n:Items></n:PullResponse>",
    };
    for (size_t i = 0; i < KMS_COUNT_OF(bodies); i++) {
        char xml[2048];
        kms_text_format(xml, sizeof xml, "<s:Envelope" ALL "><s:Body>%s</s:Body></s:Envelope>",
                        bodies[i]);
        struct reading reading = reading_of_text(xml);
        assert_int_equal(reading.status, KMS_OK);
        assert_int_equal(reading.rows, 1);
        assert_true(reading.message.end_of_sequence);
        reading_done(&reading);
    }
}

static void other_namespaces_mean_nothing(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "<n:PullResponse xmlns:n='urn:other'><n:Items><w:X/></n:Items><n:EndOfSequence/>"
        "</n:PullResponse>",
        "<n:PullResponse><x:Items xmlns:x='urn:other'><w:X/></x:Items>"
        "<x:EndOfSequence xmlns:x='urn:other'/></n:PullResponse>",
        "<n:PullResponse><Items><w:X/></Items><EndOfSequence/></n:PullResponse>",
        "<w:PullResponse><n:Items><w:X/></n:Items><n:EndOfSequence/></w:PullResponse>",
        "<n:Items><w:X/></n:Items>",
    };
    for (size_t i = 0; i < KMS_COUNT_OF(bodies); i++) {
        char xml[2048];
        kms_text_format(xml, sizeof xml, "<s:Envelope" ALL "><s:Body>%s</s:Body></s:Envelope>",
                        bodies[i]);
        struct reading reading = reading_of_text(xml);
        assert_int_equal(reading.status, KMS_OK);
        assert_int_equal(reading.rows, 0);
        assert_false(reading.message.end_of_sequence);
        reading_done(&reading);
    }
}

struct refused {
    const char *xml;
    const char *why; /* part of the fault's text */
};

static void what_is_no_envelope_is_refused(void **state)
{
    (void)state;
    static const struct refused all[] = {
        {"", "no element"},
        {"   ", "no element"},
        {"<html><body>Not found</body></html>", "SOAP 1.2"},
        {"<Envelope/>", "SOAP 1.2"},
        {"<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body/></s:Envelope>",
         "SOAP 1.2"},
        {"{\"error\": 1}", "well-formed"},
        {"<s:Envelope " S "/>", "no body"},
        {"<s:Envelope " S "><s:Header/></s:Envelope>", "no body"},
        {"<s:Envelope " S "><s:Body/><s:Body/></s:Envelope>", "two bodies"},
        {"<s:Envelope" ALL "><s:Body><n:PullResponse/><n:PullResponse/></s:Body></s:Envelope>",
         "more than one"},
        {"<s:Envelope" ALL "><s:Body><n:PullResponse/><s:Fault/></s:Body></s:Envelope>",
         "more than one"},
        {"<s:Envelope " S "><s:Body></s:Envelope></s:Body>", "mismatched"},
        {"<s:Envelope " S "><s:Body/></s:Envelope><more/>", "junk"},
        {"<s:Envelope " S "><s:Body/></s:Envelope>text", "junk"},
        {"<s:Envelope><s:Body/></s:Envelope>", "prefix"},
        {"<s:Envelope " S "><s:Body a='1' a='2'/></s:Envelope>", "duplicate"},
        {"<s:Envelope " S "><s:Body>&other;</s:Body></s:Envelope>", "entity"},
        {"<s:Envelope " S "><s:Body>\x01</s:Body></s:Envelope>", "well-formed"},
        {"<s:Envelope " S "><s:Body>&#1;</s:Body></s:Envelope>", "character"},
        {"<s:Envelope " S "><s:Body>\xC0\x80</s:Body></s:Envelope>", "well-formed"},
        {"<s:Envelope " S "><s:Body>\xED\xA0\x80</s:Body></s:Envelope>", "well-formed"},
        {"<?xml version='1.0' encoding='x-unknown'?><s:Envelope " S "><s:Body/></s:Envelope>",
         "encoding"},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(all); i++) {
        struct reading reading = reading_of_text(all[i].xml);
        if (reading.status != KMS_EINVAL || !strstr(reading.fault.text, all[i].why)) {
            fail_msg("%s: %s, %s", all[i].xml, kms_status_text(reading.status), reading.fault.text);
        }
        reading_done(&reading);
    }
}

static void a_document_type_is_refused_at_once(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "<!DOCTYPE s:Envelope>",
        "<!DOCTYPE s:Envelope SYSTEM 'http://127.0.0.1/x.dtd'>",
        "<!DOCTYPE s:Envelope PUBLIC '-//X//Y' 'file:///etc/passwd' [",
        "<!DOCTYPE s:Envelope [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;'>",
        "<?xml version='1.0'?><!-- x --><!DOCTYPE s:Envelope [",
    };
    static const struct kms_soap_limits limits = {1 << 20, 10, 1 << 16};
    for (size_t i = 0; i < KMS_COUNT_OF(heads); i++) {
        struct kms_soap *soap = kms_soap_new(&limits, NULL, NULL);
        struct kms_fault fault = {0};
        assert_non_null(soap);
        assert_int_equal(kms_soap_feed(soap, heads[i], strlen(heads[i]), &fault), KMS_EINVAL);
        assert_non_null(strstr(fault.text, "document type"));
        struct reading slow = reading_of(heads[i], strlen(heads[i]), 1, NULL);
        assert_int_equal(slow.status, KMS_EINVAL);
        assert_non_null(strstr(slow.fault.text, "document type"));
        reading_done(&slow);
        /* Nothing more is read, and the end says the same. */
        static const char rest[] = "]><s:Envelope " S "><s:Body/></s:Envelope>";
        const struct kms_soap_message *message = NULL;
        struct kms_fault again = {0};
        assert_int_equal(kms_soap_feed(soap, rest, strlen(rest), &again), KMS_EINVAL);
        assert_string_equal(again.text, fault.text);
        assert_int_equal(again.offset, fault.offset);
        assert_int_equal(kms_soap_end(soap, &message, NULL), KMS_EINVAL);
        assert_null(message);
        kms_soap_free(soap);
    }
}

static void sections_comments_and_instructions_are_part_of_no_value(void **state)
{
    (void)state;
    struct reading reading = reading_of_text(
        ONE_ROW("<!-- one --><A>x<![CDATA[<&>]]>y</A><?pi data?><B>1<!-- 0 -->2<?pi?>3</B>"
                "<C>&lt;&#65;&#x42;&gt;&quot;&apos;</C><D><![CDATA[]]></D>"));
    assert_int_equal(reading.status, KMS_OK);
    const struct kms_wsman_row *row = &reading.row[0];
    assert_int_equal(row->count, 4);
    assert_string_equal(row->cell[0].text, "x<&>y");
    assert_string_equal(row->cell[1].text, "123");
    assert_string_equal(row->cell[2].text, "<AB>\"'");
    assert_string_equal(row->cell[3].text, "");
    reading_done(&reading);
}

static void a_message_that_was_indented_says_the_same(void **state)
{
    (void)state;
    struct reading reading = reading_of_text(
        "<?xml version='1.0'?>\n<s:Envelope" ALL ">\n <s:Header>\n  <a:RelatesTo>\n   uuid:2\n"
        "  </a:RelatesTo>\n </s:Header>\n <s:Body>\n  <n:PullResponse>\n   <n:EnumerationContext>\n"
        "    uuid:3\n   </n:EnumerationContext>\n   <n:Items>\n    <w:XmlFragment>\n"
        "     <When>\n      <Datetime>\n       2026-01-02T03:04:05Z\n      </Datetime>\n     "
        "</When>\n"
        "     <Count>\n      7\n     </Count>\n     <None xsi:nil=' true '>\n     </None>\n"
        "    </w:XmlFragment>\n   </n:Items>\n  </n:PullResponse>\n </s:Body>\n</s:Envelope>\n");
    assert_int_equal(reading.status, KMS_OK);
    assert_string_equal(reading.message.relates_to, "uuid:2");
    assert_string_equal(reading.message.context, "uuid:3");
    const struct kms_wsman_row *row = &reading.row[0];
    uint32_t count;
    int64_t time;
    assert_true(kms_wsman_row_uint32(row, "Count", &count, NULL));
    assert_int_equal(count, 7);
    assert_true(kms_wsman_row_time(row, "When", &time, NULL));
    assert_int_equal(time, 1767323045);
    assert_int_equal(row->count, 3);
    assert_null(row->cell[2].text);
    reading_done(&reading);
}

static void dates_are_children_and_other_children_are_no_values(void **state)
{
    (void)state;
    struct reading reading = reading_of_text(ONE_ROW(
        "<A><cim:Datetime>1</cim:Datetime></A><B><Datetime>2</Datetime></B>"
        "<C><x:Datetime xmlns:x='urn:x'>3</x:Datetime></C><D><cim:Interval>4</cim:Interval></D>"
        "<E>text<n:Inner>5</n:Inner></E><G><Datetime>6</Datetime><Datetime>7</Datetime></G>"
        "<H xsi:nil='true'/><J xsi:nil='1'>8</J><K xsi:nil='false'>9</K>"
        "<L><Datetime xsi:nil='true'/></L><M nil='true'>10</M>"));
    assert_int_equal(reading.status, KMS_OK);
    const struct kms_wsman_row *row = &reading.row[0];
    static const char *const names[] = {"A", "B", "H", "J", "K", "L", "M"};
    static const char *const texts[] = {"1", "2", NULL, NULL, "9", NULL, "10"};
    assert_int_equal(row->count, KMS_COUNT_OF(names));
    for (size_t i = 0; i < KMS_COUNT_OF(names); i++) {
        assert_string_equal(row->cell[i].name, names[i]);
        assert_true(kms_text_equal(row->cell[i].text, texts[i]));
    }
    reading_done(&reading);
}

struct coded {
    const char *xml;
    bool is_known;
    uint32_t code;
    bool is_provider_known;
    uint32_t provider_code;
    const char *text;
};

#define WMI(children)                                                                            \
    DETAIL("<m:MSFT_WmiError "                                                                   \
           "xmlns:m='http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError'>" children \
           "</m:MSFT_WmiError>")

static void codes_are_read_in_every_form(void **state)
{
    (void)state;
    static const struct coded all[] = {
        {DETAIL("<f:WSManFault Code='5'/>"), true, 5, false, 0, "The reason."},
        {DETAIL("<f:WSManFault Code=' 0x80041003\n'/>"), true, 0x80041003U, false, 0,
         "The reason."},
        {DETAIL("<f:WSManFault Code='-2147217405'/>"), true, 0x80041003U, false, 0, "The reason."},
        {DETAIL("<f:WSManFault/>"), false, 0, false, 0, "The reason."},
        {DETAIL("<f:WSManFault Code=''/>"), false, 0, false, 0, "The reason."},
        {DETAIL("<f:WSManFault Code='0'/>"), false, 0, false, 0, "The reason."},
        {DETAIL("<f:WSManFault Code='4294967296'/>"), false, 0, false, 0, "The reason."},
        {DETAIL("<f:WSManFault Code='5x'/>"), false, 0, false, 0, "The reason."},
        {DETAIL("<WSManFault Code='5'/>"), false, 0, false, 0, "The reason."},
        {DETAIL("<f:WSManFault f:Code='5'/>"), false, 0, false, 0, "The reason."},
        {DETAIL("<f:WSManFault Code='5'><f:Message> More |\n here\x7f </f:Message>"
                "</f:WSManFault>"),
         true, 5, false, 0, "More ? here?"},
        {DETAIL("<f:WSManFault Code='5'><f:Message><f:ProviderFault>Inside</f:ProviderFault>"
                "</f:Message></f:WSManFault>"),
         true, 5, false, 0, "Inside"},
        {DETAIL("<f:WSManFault Code='5'><f:Message><f:ProviderFault><f:WSManFault Code='6'>"
                "<f:Message>Deep</f:Message></f:WSManFault></f:ProviderFault></f:Message>"
                "</f:WSManFault>"),
         true, 5, true, 6, "Deep"},
        {DETAIL("<f:WSManFault Code='5'><f:Message><f:ProviderFault><f:WSManFault Code='6'/>"
                "<f:ExtendedError><x:__ExtendedStatus xmlns:x='urn:x'><x:StatusCode>7"
                "</x:StatusCode></x:__ExtendedStatus></f:ExtendedError></f:ProviderFault>"
                "</f:Message></f:WSManFault>"),
         true, 5, true, 7, "The reason."},
        {DETAIL("<f:WSManFault Code='5'><f:Message><f:ProviderFault><f:WSManFault Code='6'/>"
                "<f:ExtendedError><x:__ExtendedStatus xmlns:x='urn:x'><x:StatusCode "
                "xsi:nil='true'/></x:__ExtendedStatus></f:ExtendedError></f:ProviderFault>"
                "</f:Message></f:WSManFault>"),
         true, 5, true, 6, "The reason."},
        {WMI("<m:MessageID>HRESULT 0x803381a5</m:MessageID>"), true, 0x803381A5U, false, 0,
         "The reason."},
        {WMI("<m:MessageID>HRESULT 0x803381a5</m:MessageID><m:error_Code> 9 </m:error_Code>"), true,
         9, false, 0, "The reason."},
        {WMI("<m:error_Code>5</m:error_Code><m:error_Type>MI</m:error_Type>"), false, 0, false, 0,
         "The reason."},
        {WMI("<m:MessageID>MI RESULT 7</m:MessageID><m:Message>No.</m:Message>"), false, 0, false,
         0, "No."},
        {DETAIL("text only"), false, 0, false, 0, "The reason."},
        {DETAIL(""), false, 0, false, 0, "The reason."},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(all); i++) {
        struct reading reading = reading_of_text(all[i].xml);
        const struct kms_soap_fault *fault = &reading.message.fault;
        if (reading.status != KMS_OK || reading.message.kind != KMS_SOAP_FAULT ||
            fault->code_known != all[i].is_known || fault->code != all[i].code ||
            fault->provider_known != all[i].is_provider_known ||
            fault->provider_code != all[i].provider_code || strcmp(fault->text, all[i].text) != 0) {
            fail_msg("%zu: %u %u '%s'", i, fault->code, fault->provider_code, fault->text);
        }
        reading_done(&reading);
    }
}

/* "<s:Envelope><s:Body>" and then the head, the middle so many times, the tail, the ends. */
static struct reading repeated(const char *head, const char *middle, size_t count, const char *tail,
                               const struct kms_soap_limits *limits)
{
    struct kms_buf buf;
    kms_buf_init(&buf, (size_t)16 << 20);
    assert_int_equal(kms_buf_add_str(&buf, "<s:Envelope" ALL "><s:Body>"), KMS_OK);
    assert_int_equal(kms_buf_add_str(&buf, head), KMS_OK);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(kms_buf_add_str(&buf, middle), KMS_OK);
    }
    assert_int_equal(kms_buf_add_str(&buf, tail), KMS_OK);
    assert_int_equal(kms_buf_add_str(&buf, "</s:Body></s:Envelope>"), KMS_OK);
    struct reading reading = reading_of(buf.data, buf.len, 8192, limits);
    kms_buf_done(&buf);
    return reading;
}

static void expect_too_big(struct reading reading, size_t rows)
{
    assert_int_equal(reading.status, KMS_ETOOBIG);
    assert_true(reading.fault.text[0] != '\0');
    assert_int_equal(reading.rows, rows);
    reading_done(&reading);
}

#define ITEMS "<n:PullResponse><n:Items>"
#define END   "</n:Items></n:PullResponse>"

static void limits_are_kept(void **state)
{
    (void)state;
    static const struct kms_soap_limits few = {1 << 20, 3, 1 << 16};
    struct reading reading = repeated(ITEMS, "<w:X/>", 3, END, &few);
    assert_int_equal(reading.status, KMS_OK);
    assert_int_equal(reading.rows, 3);
    reading_done(&reading);
    expect_too_big(repeated(ITEMS, "<w:X/>", 4, END, &few), 3);

    static const struct kms_soap_limits narrow = {1 << 20, 3, 101};
    reading = repeated(ITEMS "<w:X><A>", "0123456789", 9, "123456789</A></w:X>" END, &narrow);
    assert_int_equal(reading.status, KMS_OK); /* 1 + 1 + 99 bytes */
    assert_int_equal(strlen(reading.row[0].cell[0].text), 99);
    reading_done(&reading);
    expect_too_big(repeated(ITEMS "<w:X><A>", "0123456789", 10, "</A></w:X>" END, &narrow), 0);
    expect_too_big(repeated(ITEMS "<w:X>", "<Name/>", 26, "</w:X>" END, &narrow), 0);
    expect_too_big(repeated(ITEMS "<w:X>", "<A/>", 5000, "</w:X>" END, NULL), 0);

    static const struct kms_soap_limits small = {700, 3, 1000};
    expect_too_big(repeated(ITEMS, "<w:X/>", 100, END, &small), 0);
}

static void depth_names_attributes_and_tags_have_limits(void **state)
{
    (void)state;
    expect_too_big(repeated("", "<a>", 70, "", NULL), 0);
    expect_too_big(repeated("<a", "bcdefghijk", 200, "/>", NULL), 0);
    expect_too_big(repeated("<a b='", "bcdefghijk", 1000, "'/>", NULL), 0);
    expect_too_big(repeated("<a xmlns='urn:", "bcdefghijk", 200, "'/>", NULL), 0);
    expect_too_big(repeated("<a b='", "bcdefghijk", 50000, "'/>", NULL), 0);
    expect_too_big(repeated("<!--", "bcdefghijk", 50000, "-->", NULL), 0);
    expect_too_big(repeated("<?pi ", "bcdefghijk", 50000, "?>", NULL), 0);
    expect_too_big(repeated("<n:PullResponse><n:EnumerationContext>", "bcdefghijk", 5000,
                            "</n:EnumerationContext></n:PullResponse>", NULL),
                   0);
    char many[1024];
    kms_text_copy(many, sizeof many, "<a");
    for (unsigned i = 0; i < 65; i++) {
        kms_text_append(many, sizeof many, " b%u=''", i);
    }
    expect_too_big(repeated(many, "", 0, "/>", NULL), 0);

    /* A comment of a size that is allowed, and a long text that nobody wants. */
    struct reading reading = repeated("<!--", "bcdefghijk", 6000, "-->", NULL);
    assert_int_equal(reading.status, KMS_OK);
    reading_done(&reading);
    reading = repeated("<s:Fault><s:Reason><s:Text>", "bcdefghijk", 50000,
                       "</s:Text></s:Reason></s:Fault>", NULL);
    assert_int_equal(reading.status, KMS_OK);
    assert_int_equal(strlen(reading.message.fault.text), sizeof reading.message.fault.text - 1);
    reading_done(&reading);
}

static enum kms_status refuse(void *arg, struct kms_wsman_row *row)
{
    size_t *rows = arg;
    (void)row;
    (*rows)++;
    return *rows == 2 ? KMS_EBUSY : KMS_OK;
}

static void a_receiver_that_refuses_a_row_ends_the_reading(void **state)
{
    (void)state;
    static const struct kms_soap_limits limits = {1 << 20, 10, 1 << 16};
    static const char xml[] = PULL("<n:Items><w:A/><w:B/><w:C/></n:Items>");
    size_t rows = 0;
    struct kms_soap *soap = kms_soap_new(&limits, refuse, &rows);
    const struct kms_soap_message *message;
    assert_int_equal(kms_soap_feed(soap, xml, strlen(xml), NULL), KMS_EBUSY);
    assert_int_equal(kms_soap_end(soap, &message, NULL), KMS_EBUSY);
    assert_int_equal(rows, 2);
    kms_soap_free(soap);
}

static void nothing_may_follow_the_end(void **state)
{
    (void)state;
    static const struct kms_soap_limits limits = {1 << 20, 10, 1 << 16};
    static const char xml[] = "<s:Envelope " S "><s:Body/></s:Envelope>";
    struct kms_soap *soap = kms_soap_new(&limits, NULL, NULL);
    const struct kms_soap_message *message = NULL;
    const struct kms_soap_message *again = NULL;
    assert_int_equal(kms_soap_feed(soap, xml, strlen(xml), NULL), KMS_OK);
    assert_int_equal(kms_soap_end(soap, &message, NULL), KMS_OK);
    assert_int_equal(kms_soap_end(soap, &again, NULL), KMS_OK);
    assert_ptr_equal(message, again);
    assert_int_equal(kms_soap_feed(soap, " ", 1, NULL), KMS_EINVAL);
    kms_soap_free(soap);
    kms_soap_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_projection_gives_its_values),
        cmocka_unit_test(an_answer_to_pull_ends_the_enumeration),
        cmocka_unit_test(an_instance_of_a_class_gives_its_values),
        cmocka_unit_test(identify_names_vendor_and_version),
        cmocka_unit_test(an_empty_body_is_what_its_action_says),
        cmocka_unit_test(the_status_of_the_provider_is_read),
        cmocka_unit_test(an_error_of_wmi_needs_no_windows_fault),
        cmocka_unit_test(samples_say_the_same_in_pieces_of_any_size),
        cmocka_unit_test(samples_that_are_cut_are_never_whole),
        cmocka_unit_test(utf16_says_the_same_as_utf8),
        cmocka_unit_test(a_mark_of_utf8_and_a_declaration_change_nothing),
        cmocka_unit_test(prefixes_mean_nothing),
        cmocka_unit_test(items_and_their_end_are_known_in_both_namespaces),
        cmocka_unit_test(other_namespaces_mean_nothing),
        cmocka_unit_test(what_is_no_envelope_is_refused),
        cmocka_unit_test(a_document_type_is_refused_at_once),
        cmocka_unit_test(sections_comments_and_instructions_are_part_of_no_value),
        cmocka_unit_test(a_message_that_was_indented_says_the_same),
        cmocka_unit_test(dates_are_children_and_other_children_are_no_values),
        cmocka_unit_test(codes_are_read_in_every_form),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(depth_names_attributes_and_tags_have_limits),
        cmocka_unit_test(a_receiver_that_refuses_a_row_ends_the_reading),
        cmocka_unit_test(nothing_may_follow_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
