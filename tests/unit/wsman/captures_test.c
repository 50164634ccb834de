/* Messages of real hosts: read whole, byte by byte and cut at any byte. The captures are not part
 * of the project; without them these tests are skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "reading.h"

struct capture {
    const char *file;
    enum kms_soap_kind kind;
    size_t rows;
    bool is_end, has_context;
    const char *class_name;
    size_t cells;             /* of the first row */
    const char *name, *value; /* a cell of the last row */
    uint32_t code;            /* 0: none */
    const char *subcode;
};

#define ROWS(file, kind, rows, end, context, class_name, cells, name, value)                  \
    {                                                                                         \
        "txwinrm-server" file ".xml", KMS_SOAP_##kind, rows, end, context, class_name, cells, \
            name, value, 0, ""                                                                \
    }
#define FAULT(file, code, subcode)                                                       \
    {                                                                                    \
        file ".xml", KMS_SOAP_FAULT, 0, false, false, NULL, 0, NULL, NULL, code, subcode \
    }

static const struct capture captures[] = {
    ROWS("2003-Win32_ComputerSystem_star_000", ENUMERATE, 1, true, false, "Win32_ComputerSystem",
         55, "Domain", "solutions.loc"),
    ROWS("2003-Win32_NetworkAdapterConfiguration_star_000", ENUMERATE, 7, true, false,
         "Win32_NetworkAdapterConfiguration", 50, "IPXEnabled", "false"),
    ROWS("2003-Win32_OperatingSystem_all_000", ENUMERATE, 1, true, false, "XmlFragment", 62,
         "LocalDateTime", "2013-04-15T20:27:39.84Z"),
    ROWS("2003-Win32_OperatingSystem_star_000", ENUMERATE, 1, true, false, "Win32_OperatingSystem",
         62, "MaxNumberOfProcesses", "4294967295"),
    ROWS("2003-Win32_Service_all_000", ENUMERATE, 104, true, false, "XmlFragment", 25, "Name",
         "xmlprov"),
    ROWS("2003-Win32_Service_star_000", ENUMERATE, 104, true, false, "Win32_Service", 25, "Name",
         "xmlprov"),
    ROWS("2008-Win32_ComputerSystem_star_000", ENUMERATE, 1, true, false, "Win32_ComputerSystem",
         55, "CurrentTimeZone", "0"),
    ROWS("2008-Win32_NetworkAdapterConfiguration_star_000", ENUMERATE, 1, false, true,
         "Win32_NetworkAdapterConfiguration", 50, "IPEnabled", "false"),
    ROWS("2008-Win32_NetworkAdapterConfiguration_star_001", PULL, 13, true, false,
         "Win32_NetworkAdapterConfiguration", 50, "IPEnabled", "false"),
    ROWS("2008-Win32_OperatingSystem_all_000", ENUMERATE, 1, true, false, "XmlFragment", 63,
         "LocalDateTime", "2013-04-15T20:26:12.795Z"),
    ROWS("2008-Win32_OperatingSystem_star_000", ENUMERATE, 1, true, false, "Win32_OperatingSystem",
         63, "LastBootUpTime", "2013-04-15T16:28:39.5Z"),
    ROWS("2008-Win32_Service_all_000", ENUMERATE, 1, false, true, "XmlFragment", 25, "Name",
         "AeLookupSvc"),
    ROWS("2008-Win32_Service_all_001", PULL, 59, false, true, "XmlFragment", 25, "SystemName",
         "AMAZONA-Q2R281F"),
    ROWS("2008-Win32_Service_all_002", PULL, 60, false, true, "XmlFragment", 25, "Name",
         "WPDBusEnum"),
    ROWS("2008-Win32_Service_all_003", PULL, 2, true, false, "XmlFragment", 25, "StartMode",
         "Manual"),
    ROWS("2008-Win32_Service_star_000", ENUMERATE, 1, false, true, "Win32_Service", 25, "Name",
         "AeLookupSvc"),
    {"txwinrm-eventlog-PullResponse-1event.xml", KMS_SOAP_PULL, 1, false, true, "Event", 0, NULL,
     NULL, 0, ""},
    {"txwinrm-eventlog-PullResponse-empty.xml", KMS_SOAP_PULL, 0, false, true, NULL, 0, NULL, NULL,
     0, ""},
    {"txwinrm-eventlog-SubscribeResponse.xml", KMS_SOAP_OTHER, 0, false, false, NULL, 0, NULL, NULL,
     0, ""},
    FAULT("txwinrm-fault-quota-operations-2150859174", 2150859174U, "InternalError"),
    FAULT("masterzen-fault-timeout-2150858793", 2150858793U, "TimedOut"),
    FAULT("masterzen-fault-win32-2147942606", 2147942606U, "InternalError"),
    FAULT("winrb-soap_fault_v1", 2150858778U, "CannotProcessFilter"),
    FAULT("winrb-wmi_error_v2", 2150859173U, "QuotaLimit"),
    FAULT("winrb-soap_fault_omi", 0, "InternalError"),
    FAULT("winrb-get_omi_config_response", 0, "InternalError"),
    FAULT("pywinrm-fault-0", 0, ""),
    FAULT("pywinrm-fault-1", 0, ""),
    FAULT("pywinrm-fault-3", 2150858817U, "SchemaValidationError"),
    FAULT("pywinrm-fault-4", 2150859174U, "InternalError"),
};

/* Skips the test when there are no captures. */
static struct kms_buf capture_of(const char *file)
{
    struct kms_buf buf;
    if (!getenv("KMSMON_SHARED")) {
        print_message("skipped: KMSMON_SHARED is not set\n");
        skip();
    }
    if (!capture_read(file, &buf)) {
        kms_buf_done(&buf);
        print_message("skipped: there is no wsman/%s in KMSMON_SHARED\n", file);
        skip();
    }
    return buf;
}

static void check(const struct capture *capture, const struct reading *reading)
{
    const struct kms_soap_message *message = &reading->message;
    assert_int_equal(reading->status, KMS_OK);
    assert_int_equal(message->kind, capture->kind);
    assert_int_equal(message->rows, capture->rows);
    assert_int_equal(reading->rows, capture->rows);
    assert_int_equal(message->end_of_sequence, capture->is_end);
    assert_int_equal(message->context != NULL, capture->has_context);
    if (capture->rows > 0) {
        assert_string_equal(reading->row[0].class_name, capture->class_name);
        assert_int_equal(reading->row[0].count, capture->cells);
    }
    if (capture->name) {
        const char *text = kms_wsman_row_text(&reading->row[reading->rows - 1], capture->name);
        assert_non_null(text);
        assert_string_equal(text, capture->value);
    }
    assert_int_equal(message->fault.code_known, capture->code != 0);
    assert_int_equal(message->fault.code, capture->code);
    assert_string_equal(message->fault.subcode, capture->subcode);
}

static void every_capture_says_what_is_known_of_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < KMS_COUNT_OF(captures); i++) {
        struct kms_buf buf = capture_of(captures[i].file);
        struct reading reading = reading_of(buf.data, buf.len, 0, NULL);
        check(&captures[i], &reading);
        reading_done(&reading);
        kms_buf_done(&buf);
    }
}

static void pieces_of_any_size_say_the_same(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 2, 3, 7, 61, 1024};
    for (size_t i = 0; i < KMS_COUNT_OF(captures); i++) {
        struct kms_buf buf = capture_of(captures[i].file);
        struct reading whole = reading_of(buf.data, buf.len, 0, NULL);
        for (size_t k = 0; k < KMS_COUNT_OF(pieces); k++) {
            struct reading reading = reading_of(buf.data, buf.len, pieces[k], NULL);
            assert_true(reading_same(&whole, &reading));
            reading_done(&reading);
        }
        reading_done(&whole);
        kms_buf_done(&buf);
    }
}

/* From this byte on nothing is missing any more. */
static size_t end_of_envelope(const struct kms_buf *buf)
{
    size_t len = buf->len;
    while (len > 0 && buf->data[len - 1] != '>') {
        len--;
    }
    return len;
}

/* Every byte of the head and the tail, and steps between them; every single byte when
 * KMSMON_EVERY_CUT is set, which takes many minutes. */
static size_t next_cut(size_t cut, size_t len)
{
    bool is_near = cut < 300 || cut + 300 > len;
    if (is_near || getenv("KMSMON_EVERY_CUT")) {
        return cut + 1;
    }
    return cut + (len < 5000 ? 5 : 4001);
}

static void cut_at_any_byte_a_message_is_never_taken_for_whole(void **state)
{
    (void)state;
    size_t cuts = 0;
    for (size_t i = 0; i < KMS_COUNT_OF(captures); i++) {
        struct kms_buf buf = capture_of(captures[i].file);
        struct reading whole = reading_of(buf.data, buf.len, 0, NULL);
        size_t end = end_of_envelope(&buf);
        for (size_t cut = 0; cut < end; cut = next_cut(cut, end)) {
            struct reading reading = reading_of(buf.data, cut, 0, NULL);
            assert_int_equal(reading.status, KMS_EINVAL);
            assert_true(reading.fault.text[0] != '\0');
            assert_true(reading_begins(&reading, &whole));
            reading_done(&reading);
            cuts++;
        }
        reading_done(&whole);
        kms_buf_done(&buf);
    }
    print_message("%zu cuts\n", cuts);
}

/* What an enumeration of several messages gives in the end. */
static void the_pages_of_an_enumeration_hold_every_service_once(void **state)
{
    (void)state;
    static const char *const pages[] = {
        "txwinrm-server2008-Win32_Service_all_000.xml",
        "txwinrm-server2008-Win32_Service_all_001.xml",
        "txwinrm-server2008-Win32_Service_all_002.xml",
        "txwinrm-server2008-Win32_Service_all_003.xml",
    };
    size_t rows = 0;
    size_t found = 0;
    for (size_t i = 0; i < KMS_COUNT_OF(pages); i++) {
        struct kms_buf buf = capture_of(pages[i]);
        struct reading reading = reading_of(buf.data, buf.len, 0, NULL);
        assert_int_equal(reading.message.end_of_sequence, i + 1 == KMS_COUNT_OF(pages));
        rows += reading.rows;
        for (size_t k = 0; k < reading.rows; k++) {
            const struct kms_wsman_row *row = &reading.row[k];
            if (kms_text_equal(kms_wsman_row_text(row, "Name"), "sppsvc")) {
                uint32_t process;
                found++;
                assert_string_equal(kms_wsman_row_text(row, "State"), "Stopped");
                assert_string_equal(kms_wsman_row_text(row, "StartMode"), "Auto");
                assert_true(kms_wsman_row_uint32(row, "ProcessId", &process, NULL));
                assert_int_equal(process, 0);
                assert_null(kms_wsman_row_text(row, "InstallDate"));
            }
        }
        reading_done(&reading);
        kms_buf_done(&buf);
    }
    assert_int_equal(rows, 122);
    assert_int_equal(found, 1);
}

static void a_system_of_windows_gives_typed_values(void **state)
{
    (void)state;
    struct kms_buf buf = capture_of("txwinrm-server2008-Win32_OperatingSystem_star_000.xml");
    struct reading reading = reading_of(buf.data, buf.len, 0, NULL);
    const struct kms_wsman_row *row = &reading.row[0];
    uint32_t number;
    int64_t time;
    bool truth;
    bool malformed = false;
    assert_string_equal(kms_wsman_row_text(row, "Version"), "6.1.7601");
    assert_string_equal(kms_wsman_row_text(row, "Description"), "");
    assert_null(kms_wsman_row_text(row, "PAEEnabled"));
    assert_true(kms_wsman_row_uint32(row, "OSLanguage", &number, &malformed));
    assert_int_equal(number, 1033);
    assert_false(kms_wsman_row_uint32(row, "MaxNumberOfProcesses", &number, &malformed));
    assert_true(kms_wsman_row_bool(row, "Primary", &truth, &malformed));
    assert_true(truth);
    assert_true(kms_wsman_row_time(row, "LocalDateTime", &time, &malformed));
    assert_int_equal(time, 1366057572);
    assert_false(malformed);
    reading_done(&reading);
    kms_buf_done(&buf);
}

static void the_elements_of_an_array_are_values_of_one_name(void **state)
{
    (void)state;
    struct kms_buf buf = capture_of("txwinrm-server2003-Win32_ComputerSystem_star_000.xml");
    struct reading reading = reading_of(buf.data, buf.len, 0, NULL);
    size_t roles = 0;
    for (size_t i = 0; i < reading.row[0].count; i++) {
        roles += kms_text_equal(reading.row[0].cell[i].name, "Roles");
    }
    assert_int_equal(roles, 6);
    reading_done(&reading);
    kms_buf_done(&buf);
}

static void a_fault_that_is_nested_keeps_the_code_of_its_provider(void **state)
{
    (void)state;
    struct kms_buf buf = capture_of("winrb-soap_fault_v1.xml");
    struct reading reading = reading_of(buf.data, buf.len, 0, NULL);
    assert_true(reading.message.fault.provider_known);
    assert_int_equal(reading.message.fault.provider_code, 2150858778U);
    assert_string_equal(reading.message.fault.text,
                        "The specified class does not exist in the given namespace.");
    reading_done(&reading);
    kms_buf_done(&buf);
}

static void a_fragment_of_a_fault_is_no_message(void **state)
{
    (void)state;
    struct kms_buf buf = capture_of("wecutil-fault-fragment-accessdenied-de.xml");
    struct reading reading = reading_of(buf.data, buf.len, 0, NULL);
    assert_int_equal(reading.status, KMS_EINVAL);
    reading_done(&reading);

    char xml[1024];
    kms_text_format(xml, sizeof xml,
                    "<e:Envelope xmlns:e='http://www.w3.org/2003/05/soap-envelope'><e:Body>"
                    "<e:Fault><e:Detail>%s</e:Detail></e:Fault></e:Body></e:Envelope>",
                    kms_buf_str(&buf));
    reading = reading_of_text(xml);
    assert_int_equal(reading.status, KMS_OK);
    assert_true(reading.message.fault.code_known);
    assert_int_equal(reading.message.fault.code, 5);
    assert_string_equal(reading.message.fault.text, "Zugriff verweigert");
    reading_done(&reading);
    kms_buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_capture_says_what_is_known_of_it),
        cmocka_unit_test(pieces_of_any_size_say_the_same),
        cmocka_unit_test(cut_at_any_byte_a_message_is_never_taken_for_whole),
        cmocka_unit_test(the_pages_of_an_enumeration_hold_every_service_once),
        cmocka_unit_test(a_system_of_windows_gives_typed_values),
        cmocka_unit_test(the_elements_of_an_array_are_values_of_one_name),
        cmocka_unit_test(a_fault_that_is_nested_keeps_the_code_of_its_provider),
        cmocka_unit_test(a_fragment_of_a_fault_is_no_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
