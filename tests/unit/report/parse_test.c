/* What the parser says about reports of every kind: keys, words, notes, and what is no host's
 * report. */
#include "fixture.h"

#include <string.h>

#include "base/text.h"
#include "vocab/hostkey.h"

static void the_german_report_gives_its_facts(void **state)
{
    (void)state;
    struct kms_buf text;
    struct kms_report report = {0};
    fixture_read(GERMAN, &text);
    fixture_expect(&text, KMS_OUTCOME_OK, &report);
    assert_int_equal(report.products, 1);
    assert_int_equal(report.key_count, 1);
    assert_int_equal(report.note_count, 0);
    assert_text(report.host, SERVICE_VERSION, "6.1.7601.17514");
    assert_text(report.host, REPORT_LANGUAGE, "de");
    assert_text(report.host, REPORT_METHOD, "labels");
    assert_text(report.host, REPORT_ENCODING, "UTF-8");
    assert_number(report.host, LISTENING_PORT, 1688);
    assert_number(report.host, DNS_PUBLISHING, KMS_PUBLISHING_ENABLED);
    assert_number(report.host, PRIORITY, KMS_PRIORITY_NORMAL);
    assert_number(report.host, TRUSTED_TIME, 1361458258); /* 2013-02-21 14:50:58 */
    assert_number(report.host, OS_BUILD, 7601);
    const struct kms_facts *key = &report.key[0];
    assert_text(*key, KEY_NAME, "Windows Server(R), ServerEnterprise edition");
    assert_text(*key, KEY_DESCRIPTION,
                "Windows Operating System - Windows Server(R), VOLUME_KMS_R2_B channel");
    assert_text(*key, KEY_CHANNEL, "VOLUME_KMS_R2_B");
    assert_text(*key, APPLICATION_ID, "55c92734-d682-4d71-983e-xxxxxxxxxxxx");
    assert_text(*key, ACTIVATION_ID, "c99b641f-c4ea-4e63-bec3-xxxxxxxxxxxx");
    assert_text(*key, EPID, "55041-00168-313-163342-03-1031-7601.0000-xxxxxxx");
    assert_text(*key, PARTIAL_KEY, "XXXXXX");
    assert_text(*key, KEY_GROUP, "Windows Server 2008 R2 B (Standard & Enterprise)");
    assert_text(*key, LICENSE_WORD, "Lizenziert");
    assert_number(*key, LICENSE_STATUS, KMS_LICENSE_LICENSED);
    assert_number(*key, REARM_COUNT, 4);
    assert_number(*key, CURRENT_COUNT, 6);
    fixture_requests(key, (const int64_t[]){20, 0, 0, 0, 20, 0, 0, 0});
    kms_report_done(&report);
    kms_buf_done(&text);
}

static void a_healthy_host_gives_its_facts(void **state)
{
    (void)state;
    struct kms_buf text;
    struct kms_report report = {0};
    fixture_read(SAMPLE("en-2019-kms.txt"), &text);
    fixture_expect(&text, KMS_OUTCOME_OK, &report);
    assert_text(report.host, REPORT_LANGUAGE, "en");
    assert_text(report.host, REPORT_ENCODING, "ASCII");
    assert_number(report.host, TRUSTED_TIME, 1706519564); /* 2024-01-29 09:12:44 */
    assert_number(report.key[0], CURRENT_COUNT, 50);
    assert_number(report.key[0], REARM_COUNT, 1001);
    assert_text(report.key[0], KEY_GROUP, "Windows Server 2019");
    fixture_requests(&report.key[0], (const int64_t[]){48213, 12, 9102, 38711, 388, 0, 0, 0});
    kms_report_done(&report);
    kms_buf_done(&text);
}

static void several_host_keys_give_several_keys_and_other_products_none(void **state)
{
    (void)state;
    struct kms_buf text;
    struct kms_report report = {0};
    fixture_read(SAMPLE("en-2022-office-all.txt"), &text);
    fixture_expect(&text, KMS_OUTCOME_OK, &report);
    assert_int_equal(report.products, 4);
    assert_int_equal(report.key_count, 2);
    assert_text(report.key[0], KEY_CHANNEL, "VOLUME_KMS_WS22");
    assert_number(report.key[0], CURRENT_COUNT, 31);
    assert_text(report.key[1], KEY_GROUP, "Office LTSC 2021");
    assert_number(report.key[1], CURRENT_COUNT, 7);
    fixture_requests(&report.key[0], (const int64_t[]){2207, 3, 911, 1280, 13, 0, 0, 0});
    fixture_requests(&report.key[1], (const int64_t[]){164, 0, 52, 112, 0, 0, 0, 0});
    kms_report_done(&report);
    kms_buf_done(&text);
}

static void port_publishing_and_priority_are_read(void **state)
{
    (void)state;
    struct kms_buf text;
    struct kms_report report = {0};
    fixture_read(SAMPLE("en-low-count.txt"), &text);
    fixture_expect(&text, KMS_OUTCOME_OK, &report);
    assert_number(report.host, LISTENING_PORT, 1690);
    assert_number(report.host, DNS_PUBLISHING, KMS_PUBLISHING_DISABLED);
    assert_number(report.host, PRIORITY, KMS_PRIORITY_LOW);
    kms_report_done(&report);
    fixture_replace(&text, "Port: 1690", "Port: 0");
    fixture_replace(&text, "priority: Low", "priority: Sideways");
    fixture_expect(&text, KMS_OUTCOME_OK, &report);
    assert_number(report.host, LISTENING_PORT, 1688);
    assert_absent(report.host, PRIORITY);
    kms_report_done(&report);
    kms_buf_done(&text);
}

static void a_key_in_notification_mode_says_why(void **state)
{
    (void)state;
    struct kms_buf text;
    struct kms_report report = {0};
    fixture_read(SAMPLE("en-notification.txt"), &text);
    fixture_expect(&text, KMS_OUTCOME_OK, &report);
    assert_number(report.key[0], LICENSE_STATUS, KMS_LICENSE_NOTIFICATION);
    assert_number(report.key[0], LICENSE_REASON, 0xC004F200);
    kms_report_done(&report);
    kms_buf_done(&text);
}

static void an_unlisted_language_is_read_by_its_structure(void **state)
{
    (void)state;
    struct kms_buf text;
    struct kms_report report = {0};
    fixture_read(SAMPLE("sv-unlisted-language.txt"), &text);
    fixture_expect(&text, KMS_OUTCOME_OK, &report);
    assert_text(report.host, REPORT_LANGUAGE, "unknown");
    assert_text(report.host, REPORT_METHOD, "structure");
    assert_text(report.host, SERVICE_VERSION, "10.0.17763.5328");
    assert_number(report.host, LISTENING_PORT, 1688);
    assert_number(report.host, TRUSTED_TIME, 1706519564);
    assert_absent(report.host, DNS_PUBLISHING);
    assert_absent(report.host, PRIORITY);
    assert_text(report.key[0], KEY_CHANNEL, "VOLUME_KMS_WS19");
    assert_text(report.key[0], PARTIAL_KEY, "7SMPL");
    assert_number(report.key[0], CURRENT_COUNT, 12);
    assert_number(report.key[0], REARM_COUNT, 1001);
    fixture_requests(&report.key[0], (const int64_t[]){340, 2, 120, 210, 8, 0, 0, 0});
    kms_report_done(&report);
    kms_buf_done(&text);
}

/* Each of the words stands in the request lines only; the status line borrows it. */
static void status_words_are_learned_from_the_request_lines(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        int status;
    } words[] = {{"Olicensierad", KMS_LICENSE_UNLICENSED},
                 {"Licensierad", KMS_LICENSE_LICENSED},
                 {"inledande  RESPITPERIOD", KMS_LICENSE_OOB_GRACE},
                 {"Respitperiod för icke äkta programvara.", KMS_LICENSE_NON_GENUINE_GRACE},
                 {"Meddelande", KMS_LICENSE_NOTIFICATION}};
    for (size_t i = 0; i < KMS_COUNT_OF(words); i++) {
        struct kms_buf text;
        struct kms_report report = {0};
        char line[120];
        kms_text_format(line, sizeof(line), "Licensstatus: %s\n", words[i].word);
        fixture_read(SAMPLE("sv-unlisted-language.txt"), &text);
        fixture_replace(&text, "Licensstatus: Licensierad\n", line);
        fixture_expect(&text, KMS_OUTCOME_OK, &report);
        assert_number(report.key[0], LICENSE_STATUS, words[i].status);
        kms_report_done(&report);
        kms_buf_done(&text);
    }
}

static void german_status_words_are_learned_even_without_request_lines(void **state)
{
    (void)state;
    struct kms_buf text;
    struct kms_report report = {0};
    fixture_read(GERMAN, &text);
    fixture_replace(&text, "Lizenzstatus: Lizenziert\n", "Lizenzstatus: Benachrichtigung\n");
    fixture_cut(&text, "\nVon Clients");
    fixture_replace(&text, "Softwarelizenzierungsdienst-Version: 6.1.7601.17514\n", "");
    fixture_expect(&text, KMS_OUTCOME_OK, &report);
    assert_number(report.key[0], LICENSE_STATUS, KMS_LICENSE_NOTIFICATION);
    kms_report_done(&report);
    kms_buf_done(&text);
}

static void an_unrecognised_status_word_is_no_status(void **state)
{
    (void)state;
    static const char *const words[] = {"Lizenz",    "Lizenziert?!",
                                        "ziert",     "Nicht",
                                        "Wunderbar", "Anforderungen mit Lizenzstatus Lizenziert"};
    for (size_t i = 0; i < KMS_COUNT_OF(words); i++) {
        struct kms_buf text;
        struct kms_report report = {0};
        char line[120];
        kms_text_format(line, sizeof(line), "Lizenzstatus: %s\n", words[i]);
        fixture_read(GERMAN, &text);
        fixture_replace(&text, "Lizenzstatus: Lizenziert\n", line);
        fixture_expect(&text, KMS_OUTCOME_OK, &report);
        assert_absent(report.key[0], LICENSE_STATUS);
        assert_text(report.key[0], LICENSE_WORD, words[i]);
        kms_report_done(&report);
        kms_buf_done(&text);
    }
}

static void every_english_status_is_known(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        int status;
    } words[] = {{"Unlicensed", KMS_LICENSE_UNLICENSED},
                 {"LICENSED", KMS_LICENSE_LICENSED},
                 {"Initial grace period", KMS_LICENSE_OOB_GRACE},
                 {"Additional grace period (KMS license expired or hardware out of tolerance)",
                  KMS_LICENSE_OOT_GRACE},
                 {"Non-genuine grace period.", KMS_LICENSE_NON_GENUINE_GRACE},
                 {"Notification", KMS_LICENSE_NOTIFICATION},
                 {"Extended grace period", KMS_LICENSE_EXTENDED_GRACE}};
    for (size_t i = 0; i < KMS_COUNT_OF(words); i++) {
        struct kms_buf text;
        struct kms_report report = {0};
        char line[120];
        kms_text_format(line, sizeof(line), "License Status: %s\n", words[i].word);
        fixture_read(SAMPLE("en-2019-kms.txt"), &text);
        fixture_replace(&text, "License Status: Licensed\n", line);
        fixture_expect(&text, KMS_OUTCOME_OK, &report);
        assert_number(report.key[0], LICENSE_STATUS, words[i].status);
        kms_report_done(&report);
        kms_buf_done(&text);
    }
}

static void an_unknown_label_is_kept_with_its_key(void **state)
{
    (void)state;
    struct kms_buf text;
    struct kms_report report = {0};
    fixture_read(SAMPLE("en-2019-kms.txt"), &text);
    fixture_replace(&text, "Remaining SKU", "Phase of the moon: half | full\nRemaining SKU");
    fixture_expect(&text, KMS_OUTCOME_OK, &report);
    assert_int_equal(report.note_count, 1);
    assert_int_equal(report.note[0].key, 0);
    assert_string_equal(report.note[0].label, "Phase of the moon");
    assert_string_equal(report.note[0].value, "half ? full");
    assert_number(report.key[0], CURRENT_COUNT, 50);
    kms_report_done(&report);
    kms_buf_done(&text);
}

static void values_that_mean_none_are_absent(void **state)
{
    (void)state;
    struct kms_buf text;
    struct kms_report report = {0};
    fixture_read(SAMPLE("en-2019-kms.txt"), &text);
    fixture_replace(&text, "Current count: 50", "Current count: 4294967295");
    fixture_replace(&text, "Failed requests received: 12", "Failed requests received: -1");
    fixture_expect(&text, KMS_OUTCOME_OK, &report);
    assert_absent(report.key[0], CURRENT_COUNT);
    assert_absent(report.key[0], FAILED_REQUESTS);
    assert_number(report.key[0], TOTAL_REQUESTS, 48213);
    kms_report_done(&report);
    kms_buf_done(&text);
}

static void the_end_of_an_activation_and_the_intervals_are_read(void **state)
{
    (void)state;
    struct kms_buf text;
    struct kms_report report = {0};
    fixture_read(SAMPLE("en-2019-kms.txt"), &text);
    fixture_replace(&text, "License Status: Licensed\n",
                    "License Status: Licensed\n"
                    "Timebased activation expiration: 253564 minute(s) (177 day(s))\n"
                    "Activation interval: 120 minutes\nRenewal interval: 10080 minutes\n");
    fixture_expect(&text, KMS_OUTCOME_OK, &report);
    assert_number(report.key[0], LICENSE_EXPIRES, 253564);
    assert_number(report.key[0], ACTIVATION_INTERVAL, 120);
    assert_number(report.key[0], RENEWAL_INTERVAL, 10080);
    kms_report_done(&report);
    kms_buf_done(&text);
}

static void a_date_that_could_be_two_is_kept_as_a_note(void **state)
{
    (void)state;
    struct kms_buf text;
    struct kms_report report = {0};
    fixture_read(SAMPLE("en-2019-kms.txt"), &text);
    fixture_replace(&text, "1/29/2024 9:12:44 AM", "03/02/2024 09:12:44");
    fixture_expect(&text, KMS_OUTCOME_OK, &report);
    assert_absent(report.host, TRUSTED_TIME);
    assert_int_equal(report.note_count, 1);
    assert_string_equal(report.note[0].value, "03/02/2024 09:12:44");
    kms_report_done(&report);
    kms_buf_done(&text);
}

static void a_host_key_that_is_not_activated_needs_no_host_block(void **state)
{
    (void)state;
    struct kms_report report = {0};
    fixture_expect_text("Name: Windows(R), ServerStandard edition\n"
                        "Description: Windows(R) Operating System, VOLUME_KMS_WS19 channel\n"
                        "Partial Product Key: 3SMPL\n"
                        "License Status: Unlicensed\n",
                        KMS_OUTCOME_OK, &report);
    assert_int_equal(report.key_count, 1);
    assert_absent(report.key[0], CURRENT_COUNT);
    assert_number(report.key[0], LICENSE_STATUS, KMS_LICENSE_UNLICENSED);
    /* /dli prints no application id. */
    assert_int_equal(kms_application_of(kms_facts_text(&report.key[0], KMS_FACT_APPLICATION_ID)),
                     KMS_APPLICATION_WINDOWS);
    kms_report_done(&report);
}

static void more_keys_than_fit_are_left_out(void **state)
{
    (void)state;
    struct kms_buf text;
    struct kms_report report = {0};
    kms_buf_init(&text, (size_t)1 << 20);
    for (int i = 0; i < KMS_REPORT_KEYS_MAX + 5; i++) {
        assert_int_equal(kms_buf_add_str(&text, "Name: a\nDescription: b, VOLUME_KMS_C channel\n"
                                                "Oddity: c\nPartial Product Key: 3SMPL\n"
                                                "License Status: Notification\n"),
                         KMS_OK);
    }
    fixture_expect(&text, KMS_OUTCOME_OK, &report);
    assert_int_equal(report.key_count, KMS_REPORT_KEYS_MAX);
    assert_int_equal(report.products, KMS_REPORT_KEYS_MAX + 5);
    assert_int_equal(report.note_count, KMS_REPORT_NOTES_MAX);
    assert_string_equal(report.detail, "37 host keys, the first 32 are shown");
    assert_string_equal(report.note[KMS_REPORT_NOTES_MAX - 1].label, "37 host keys");
    kms_report_done(&report);
    kms_buf_done(&text);
}

/* A file that every run of slmgr is appended to. */
static void of_several_reports_in_a_file_the_last_one_counts(void **state)
{
    (void)state;
    struct kms_buf text;
    struct kms_buf later;
    struct kms_report report = {0};
    fixture_read(SAMPLE("en-2019-kms.txt"), &text);
    fixture_read(SAMPLE("en-2019-kms.txt"), &later);
    fixture_replace(&later, "Current count: 50", "Current count: 3");
    assert_int_equal(kms_buf_add(&text, later.data, later.len), KMS_OK);
    fixture_expect(&text, KMS_OUTCOME_OK, &report);
    assert_int_equal(report.key_count, 1);
    assert_number(report.key[0], CURRENT_COUNT, 3);
    assert_int_equal(strncmp(report.detail, "earlier reports in the file were left out", 41), 0);
    assert_int_equal(report.note_count, 1);
    assert_int_equal(report.note[0].key, -1);
    kms_report_done(&report);
    fixture_replace(&text, "Software licensing service version: 10.0.17763.5328\n", "");
    fixture_expect(&text, KMS_OUTCOME_OK, &report);
    assert_int_equal(report.key_count, 1);
    assert_number(report.key[0], CURRENT_COUNT, 3);
    kms_report_done(&report);
    kms_buf_done(&text);
    kms_buf_done(&later);
}

static void of_several_reports_of_two_keys_the_last_one_counts_whole(void **state)
{
    (void)state;
    struct kms_buf text;
    struct kms_buf later;
    struct kms_report report = {0};
    fixture_read(SAMPLE("en-2022-office-all.txt"), &text);
    fixture_read(SAMPLE("en-2022-office-all.txt"), &later);
    fixture_replace(&later, "Current count: 31", "Current count: 30");
    fixture_replace(&later, "Software licensing service version: ", "Zzyzx: ");
    assert_int_equal(kms_buf_add(&text, later.data, later.len), KMS_OK);
    fixture_expect(&text, KMS_OUTCOME_OK, &report);
    assert_int_equal(report.key_count, 2);
    assert_number(report.key[0], CURRENT_COUNT, 30);
    assert_number(report.key[1], CURRENT_COUNT, 7);
    kms_report_done(&report);
    kms_buf_done(&text);
    kms_buf_done(&later);
}

static void two_different_status_words_are_no_status(void **state)
{
    (void)state;
    static const char *const lines[] = {"License Status: Blorked\nLicense Status: Licensed\n",
                                        "License Status: Licensed\nLicense Status: Blorked\n",
                                        ("License Status: Licensed\nLicense Status: Notification\n"
                                         "License Status: Licensed\n")};
    struct kms_buf text;
    struct kms_report report = {0};
    for (size_t i = 0; i < KMS_COUNT_OF(lines); i++) {
        fixture_read(SAMPLE("en-2019-kms.txt"), &text);
        fixture_replace(&text, "License Status: Licensed\n", lines[i]);
        fixture_expect(&text, KMS_OUTCOME_OK, &report);
        assert_absent(report.key[0], LICENSE_STATUS);
        kms_report_done(&report);
        kms_buf_done(&text);
    }
    fixture_read(SAMPLE("en-2019-kms.txt"), &text);
    fixture_replace(&text, "License Status: Licensed\n",
                    "License Status: Licensed\nLicense Status: Licensed\n");
    fixture_expect(&text, KMS_OUTCOME_OK, &report);
    assert_number(report.key[0], LICENSE_STATUS, KMS_LICENSE_LICENSED);
    kms_report_done(&report);
    kms_buf_done(&text);
}

static void a_labelled_status_wins_over_a_word_before_it(void **state)
{
    (void)state;
    struct kms_buf text;
    struct kms_report report = {0};
    fixture_read(SAMPLE("en-2019-kms.txt"), &text);
    fixture_replace(&text, "License Status: Licensed\n",
                    "Zzyzx: Notification\nLicense Status: Licensed\n");
    fixture_expect(&text, KMS_OUTCOME_OK, &report);
    assert_number(report.key[0], LICENSE_STATUS, KMS_LICENSE_LICENSED);
    assert_text(report.key[0], LICENSE_WORD, "Licensed");
    kms_report_done(&report);
    kms_buf_done(&text);
}

/* The Spanish labels are listed in part, its sentence for this and its status words are not. */
static void host_keys_that_are_not_in_use_are_no_keys_in_any_language(void **state)
{
    (void)state;
    static const char unused[] = "\nNombre: Office 19, Office19KMSHost2019VL_KMS_Host edition\n"
                                 "Descripción: Office 19, VOLUME_KMS channel\n"
                                 "Id. de activación: 11111111-2222-4333-8444-000000000019\n"
                                 "Esta licencia no está en uso.\n"
                                 "Estado de la licencia: Sin licencia\n";
    struct kms_buf text;
    struct kms_report report = {0};
    fixture_read(SAMPLE("sv-unlisted-language.txt"), &text);
    assert_int_equal(kms_buf_add_str(&text, unused), KMS_OK);
    fixture_expect(&text, KMS_OUTCOME_OK, &report);
    assert_int_equal(report.key_count, 1);
    assert_int_equal(report.products, 2);
    kms_report_done(&report);
    fixture_replace(&text, "Nombre: ", "Namn: ");
    fixture_replace(&text, "Descripción: ", "Beskrivning: ");
    fixture_replace(&text, "Estado de la licencia: ", "Licensstatus: ");
    fixture_expect(&text, KMS_OUTCOME_OK, &report);
    assert_int_equal(report.key_count, 1);
    assert_int_equal(report.products, 2);
    kms_report_done(&report);
    kms_buf_done(&text);
}

static void expect_file(const char *path, enum kms_outcome wanted, const char *detail)
{
    struct kms_buf text;
    struct kms_report report = {0};
    fixture_read(path, &text);
    fixture_expect(&text, wanted, &report);
    assert_int_equal(report.key_count, 0);
    assert_int_equal(strncmp(report.detail, detail, strlen(detail)), 0);
    kms_report_done(&report);
    kms_buf_done(&text);
}

static void what_is_no_report_of_a_host_is_named(void **state)
{
    (void)state;
    expect_file(SAMPLE("en-client.txt"), KMS_OUTCOME_REPORT_CLIENT, "line 2: ");
    expect_file(SAMPLE("en-ospp.txt"), KMS_OUTCOME_REPORT_OSPP, "line 1: ");
    expect_file(SAMPLE("en-error.txt"), KMS_OUTCOME_REPORT_ERROR, "line 1: 0xC004D302");
    expect_file(KMSMON_SOURCE_DIR "/CMakeLists.txt", KMS_OUTCOME_REPORT_FOREIGN, "line 1: ");
    expect_file(KMSMON_DATA_DIR "/hresults.csv", KMS_OUTCOME_REPORT_FOREIGN, "line 1: ");
}

static void errors_of_slmgr_and_of_the_script_host_are_named(void **state)
{
    (void)state;
    static const char *const errors[] = {
        "Error: product not found.\n",
        "C:\\Windows\\System32\\slmgr.vbs(1131, 5) (null): 0x80041003\n",
        "Input Error: Can not find script file \"C:\\Users\\a\\slmgr.vbs\".\n",
        "Eingabefehler: Die Skriptdatei \"slmgr.vbs\" wurde nicht gefunden.\n",
        "Error 0x800706BA occurred in connecting to server kms01.\n"};
    for (size_t i = 0; i < KMS_COUNT_OF(errors); i++) {
        struct kms_report report = {0};
        fixture_expect_text(errors[i], KMS_OUTCOME_REPORT_ERROR, &report);
        assert_true(strlen(report.detail) > strlen("line 1: "));
        kms_report_done(&report);
    }
}

static void a_product_without_a_host_key_is_no_host(void **state)
{
    (void)state;
    struct kms_report report = {0};
    fixture_expect_text("Name: Windows(R), ServerStandard edition\n"
                        "Description: Windows(R) Operating System, RETAIL channel\n"
                        "Partial Product Key: 3SMPL\n"
                        "License Status: Licensed\n",
                        KMS_OUTCOME_REPORT_NO_HOST, &report);
    assert_int_equal(report.products, 1);
    kms_report_done(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_german_report_gives_its_facts),
        cmocka_unit_test(a_healthy_host_gives_its_facts),
        cmocka_unit_test(several_host_keys_give_several_keys_and_other_products_none),
        cmocka_unit_test(port_publishing_and_priority_are_read),
        cmocka_unit_test(a_key_in_notification_mode_says_why),
        cmocka_unit_test(an_unlisted_language_is_read_by_its_structure),
        cmocka_unit_test(status_words_are_learned_from_the_request_lines),
        cmocka_unit_test(german_status_words_are_learned_even_without_request_lines),
        cmocka_unit_test(an_unrecognised_status_word_is_no_status),
        cmocka_unit_test(every_english_status_is_known),
        cmocka_unit_test(an_unknown_label_is_kept_with_its_key),
        cmocka_unit_test(values_that_mean_none_are_absent),
        cmocka_unit_test(the_end_of_an_activation_and_the_intervals_are_read),
        cmocka_unit_test(a_date_that_could_be_two_is_kept_as_a_note),
        cmocka_unit_test(a_host_key_that_is_not_activated_needs_no_host_block),
        cmocka_unit_test(of_several_reports_in_a_file_the_last_one_counts),
        cmocka_unit_test(of_several_reports_of_two_keys_the_last_one_counts_whole),
        cmocka_unit_test(two_different_status_words_are_no_status),
        cmocka_unit_test(a_labelled_status_wins_over_a_word_before_it),
        cmocka_unit_test(more_keys_than_fit_are_left_out),
        cmocka_unit_test(host_keys_that_are_not_in_use_are_no_keys_in_any_language),
        cmocka_unit_test(what_is_no_report_of_a_host_is_named),
        cmocka_unit_test(errors_of_slmgr_and_of_the_script_host_are_named),
        cmocka_unit_test(a_product_without_a_host_key_is_no_host),
    };
    return cmocka_run_group_tests_name("report_parse", tests, NULL, NULL);
}
