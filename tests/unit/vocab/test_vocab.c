/* The vocabulary keeps its promises: numbers are unique, labels legal, key data says what the
 * tables say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "vocab/facts.h"
#include "vocab/hostkey.h"
#include "vocab/hresult.h"
#include "vocab/label.h"
#include "vocab/vocab.h"

/* RFC 2578 7.1.1: a lower-case letter, then letters and digits, at most 64. */
static bool is_smi_label(const char *label)
{
    size_t len = strspn(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
    return label[0] >= 'a' && label[0] <= 'z' && len == strlen(label) && len <= 64;
}

static void word_sets_have_unique_numbers_and_legal_labels(void **state)
{
    (void)state;
    size_t count;
    const struct kms_word_set *sets = kms_word_sets(&count);
    assert_true(count > 10);
    for (size_t s = 0; s < count; s++) {
        assert_ptr_equal(kms_word_set_find(sets[s].name), &sets[s]);
        for (size_t i = 0; i < sets[s].count; i++) {
            const struct kms_word *word = &sets[s].words[i];
            assert_true(is_smi_label(word->label));
            assert_true(word->meaning[0] != '\0');
            for (size_t j = 0; j < i; j++) {
                assert_int_not_equal(word->number, sets[s].words[j].number);
                assert_string_not_equal(word->label, sets[s].words[j].label);
            }
        }
    }
}

static void bit_sets_count_from_zero_without_gaps(void **state)
{
    (void)state;
    size_t count;
    const struct kms_word_set *sets = kms_word_sets(&count);
    size_t seen = 0;
    for (size_t s = 0; s < count; s++) {
        for (size_t i = 0; sets[s].bits && i < sets[s].count; i++) {
            assert_int_equal(sets[s].words[i].number, i);
            seen++;
        }
    }
    assert_true(seen > 10);
}

static void outcomes_have_a_token_a_meaning_and_a_next_step(void **state)
{
    (void)state;
    size_t count;
    const struct kms_outcome_row *rows = kms_outcome_rows(&count);
    for (size_t i = 0; i < count; i++) {
        assert_true(rows[i].token[0] != '\0');
        assert_true(rows[i].meaning[0] != '\0');
        assert_true(rows[i].number == KMS_OUTCOME_OK || rows[i].hint[0] != '\0');
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(rows[i].number, rows[j].number);
            assert_string_not_equal(rows[i].token, rows[j].token);
        }
        assert_ptr_equal(kms_outcome_row(rows[i].number), &rows[i]);
    }
    assert_string_equal(kms_outcome_row((enum kms_outcome)9999)->token, "internal");
}

static void fact_rows_are_sorted_and_name_existing_word_sets(void **state)
{
    (void)state;
    size_t count;
    const struct kms_fact_row *rows = kms_fact_rows(&count);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(kms_fact_row(rows[i].id), &rows[i]);
        assert_true(i == 0 || rows[i].id > rows[i - 1].id);
        assert_true(rows[i].type != KMS_TYPE_WORD || kms_word_set_find(rows[i].unit));
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(rows[i].token, rows[j].token);
        }
    }
}

static void states_order_critical_warning_unknown_ok(void **state)
{
    (void)state;
    static const enum kms_state order[] = {KMS_STATE_OK, KMS_STATE_UNKNOWN, KMS_STATE_WARNING,
                                           KMS_STATE_CRITICAL};
    for (size_t i = 0; i < KMS_COUNT_OF(order); i++) {
        for (size_t j = 0; j < KMS_COUNT_OF(order); j++) {
            assert_int_equal(kms_state_worse(order[i], order[j]), order[i > j ? i : j]);
        }
    }
    assert_int_equal(kms_state_exit(KMS_STATE_OK), 0);
    assert_int_equal(kms_state_exit(KMS_STATE_WARNING), 1);
    assert_int_equal(kms_state_exit(KMS_STATE_CRITICAL), 2);
    assert_int_equal(kms_state_exit(KMS_STATE_UNKNOWN), 3);
}

static void facts_stay_sorted_and_are_replaced_copied_and_removed(void **state)
{
    (void)state;
    struct kms_facts facts = {0};
    assert_int_equal(kms_facts_set_number(&facts, KMS_FACT_CURRENT_COUNT, 6), KMS_OK);
    assert_int_equal(kms_facts_set_text(&facts, KMS_FACT_KEY_NAME, "a"), KMS_OK);
    assert_int_equal(kms_facts_set_text(&facts, KMS_FACT_KEY_NAME, "b"), KMS_OK);
    assert_int_equal(kms_facts_set_number(&facts, KMS_FACT_LICENSE_STATUS, 1), KMS_OK);
    assert_int_equal(facts.count, 3);
    for (size_t i = 1; i < facts.count; i++) {
        assert_true(facts.fact[i].id > facts.fact[i - 1].id);
    }
    struct kms_facts copy = {0};
    assert_int_equal(kms_facts_copy(&copy, &facts), KMS_OK);
    assert_true(kms_facts_equal(&copy, &facts));
    kms_facts_remove(&copy, KMS_FACT_CURRENT_COUNT);
    assert_false(kms_facts_has(&copy, KMS_FACT_CURRENT_COUNT));
    assert_false(kms_facts_equal(&copy, &facts));
    assert_string_equal(kms_facts_text(&copy, KMS_FACT_KEY_NAME), "b");
    int64_t ignored = -1;
    assert_false(kms_facts_number(&copy, KMS_FACT_CURRENT_COUNT, &ignored));
    assert_int_equal(ignored, -1);
    char text[32];
    kms_fact_print(&facts.fact[1], text, sizeof text);
    assert_string_equal(text, "licensed");
    kms_facts_done(&copy);
    kms_facts_done(&facts);
}

static void applications_are_recognised_with_blacked_out_digits(void **state)
{
    (void)state;
    assert_int_equal(kms_application_of("55c92734-d682-4d71-983e-d6ec3f16059f"),
                     KMS_APPLICATION_WINDOWS);
    assert_int_equal(kms_application_of("55C92734-D682-4D71-983E-XXXXXXXXXXXX"),
                     KMS_APPLICATION_WINDOWS);
    assert_int_equal(kms_application_of("59a52881-a989-479d-xxxx-xxxxxxxxxx"),
                     KMS_APPLICATION_OFFICE2010);
    assert_int_equal(kms_application_of("0ff1ce16-a989-479d-af46-f275c6370663"),
                     KMS_APPLICATION_OFFICE);
    assert_int_equal(kms_application_of("xxxxxxxx-d682-4d71-983e-d6ec3f16059f"),
                     KMS_APPLICATION_UNKNOWN);
    assert_int_equal(kms_application_of("55c9"), KMS_APPLICATION_UNKNOWN);
    assert_int_equal(kms_application_of("*-*-*-*-*"), KMS_APPLICATION_UNKNOWN);
    assert_int_equal(kms_application_of(NULL), KMS_APPLICATION_UNKNOWN);
}

static void channels_are_taken_from_descriptions(void **state)
{
    (void)state;
    char channel[64];
    assert_true(kms_channel_of(
        "Windows Operating System \xE2\x80\x93 Windows Server(R), VOLUME_KMS_R2_B channel", channel,
        sizeof channel));
    assert_string_equal(channel, "VOLUME_KMS_R2_B");
    assert_true(kms_channel_is_host(channel));
    assert_true(kms_channel_of("Windows(R) Operating System, VOLUME-KMSCLIENT channel ", channel,
                               sizeof channel));
    assert_true(kms_channel_is_client(channel));
    assert_false(kms_channel_is_host(channel));
    assert_true(kms_channel_of("Windows(R) Operating System, VOLUME_KMS_2012-R2_WIN10 channel",
                               channel, sizeof channel));
    assert_string_equal(channel, "VOLUME_KMS_2012-R2_WIN10");
    assert_false(kms_channel_of("no channel here", channel, sizeof channel));
}

static void key_kinds_follow_channel_then_epid_then_application(void **state)
{
    (void)state;
    uint32_t client = KMS_CLASS_BIT(KMS_CLASS_CLIENT);
    uint32_t both = client | KMS_CLASS_BIT(KMS_CLASS_SERVER);
    struct kms_key_kind kind;
    assert_true(kms_key_kind_of(KMS_APPLICATION_WINDOWS, "VOLUME_KMS_R2_B", NULL, &kind));
    assert_int_equal(kind.classes, both);
    assert_true(kms_key_kind_of(KMS_APPLICATION_WINDOWS, "VOLUME_KMS_W10", NULL, &kind));
    assert_int_equal(kind.classes, client);
    assert_true(kms_key_kind_of(KMS_APPLICATION_WINDOWS, "VOLUME_KMS_NEW",
                                "03612-00206-556-123727-03-1033-17763.0000-2972018", &kind));
    assert_string_equal(kind.name, "Windows Server 2019");
    assert_int_equal(kind.classes, both);
    assert_false(kms_key_kind_of(KMS_APPLICATION_WINDOWS, "VOLUME_KMS_NEW", NULL, &kind));
    assert_int_equal(kind.classes, both);
    assert_null(kind.name);
    assert_false(kms_key_kind_of(KMS_APPLICATION_UNKNOWN, NULL, NULL, &kind));
    assert_int_equal(kind.classes, both);
    assert_true(kms_key_kind_of(KMS_APPLICATION_OFFICE, "VOLUME_KMS", NULL, &kind));
    assert_int_equal(kind.classes, KMS_CLASS_BIT(KMS_CLASS_OFFICE));
}

static void epids_are_read_strictly(void **state)
{
    (void)state;
    struct kms_epid epid;
    assert_true(kms_epid_parse("03612-00206-556-123727-03-1033-17763.0000-2972018", &epid));
    assert_int_equal(epid.platform, 3612);
    assert_int_equal(epid.group, 206);
    assert_int_equal(epid.key_id, 556123727);
    assert_int_equal(epid.lcid, 1033);
    assert_int_equal(epid.build, 17763);
    assert_true(epid.has_date);
    assert_int_equal(epid.day, 297);
    assert_int_equal(epid.year, 2018);
    /* The real report blacks the date out. */
    assert_true(kms_epid_parse("55041-00168-313-163342-03-1031-7601.0000-xxxxxxx", &epid));
    assert_false(epid.has_date);
    assert_false(kms_epid_parse("", &epid));
    assert_false(kms_epid_parse("55041-00168-313-163342-03-1031-7601", &epid));
    assert_false(kms_epid_parse("5504-00168-313-163342-03-1031-7601.0000-0010000", &epid));
    assert_true(kms_epid_parse("03612-00206-556-123727-03-1033-17763.0000-0002018", &epid));
    assert_false(epid.has_date); /* day 000 does not exist */
}

static void no_text_of_a_listed_code_is_cut(void **state)
{
    (void)state;
    size_t count;
    const struct kms_hresult *rows = kms_hresult_rows(&count);
    for (size_t i = 0; i < count; i++) {
        char whole[1000];
        char text[KMS_HRESULT_TEXT];
        assert_ptr_equal(kms_hresult_find(rows[i].code), &rows[i]);
        kms_hresult_text(rows[i].code, whole, sizeof whole);
        kms_hresult_text(rows[i].code, text, sizeof text);
        assert_string_equal(text, whole);
    }
}

static void hresults_are_explained_or_placed(void **state)
{
    (void)state;
    char text[256];
    kms_hresult_text(0xC004F06C, text, sizeof text);
    assert_non_null(strstr(text, "0xC004F06C SL_E_VL_INVALID_TIMESTAMP"));
    kms_hresult_text(0xC004F0FE, text, sizeof text);
    assert_non_null(strstr(text, "licensing error"));
    kms_hresult_text(0x12345678, text, sizeof text);
    assert_non_null(strstr(text, "not listed"));
}

static void labels_cover_every_line_of_the_english_host_block(void **state)
{
    (void)state;
    size_t count;
    const struct kms_label *labels = kms_labels(&count);
    size_t english = 0;
    size_t german = 0;
    for (size_t i = 0; i < count; i++) {
        english += kms_text_equal(labels[i].lang, "en") ? 1 : 0;
        german += kms_text_equal(labels[i].lang, "de") ? 1 : 0;
    }
    assert_int_equal(english, 78);
    assert_true(german >= 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(word_sets_have_unique_numbers_and_legal_labels),
        cmocka_unit_test(bit_sets_count_from_zero_without_gaps),
        cmocka_unit_test(outcomes_have_a_token_a_meaning_and_a_next_step),
        cmocka_unit_test(fact_rows_are_sorted_and_name_existing_word_sets),
        cmocka_unit_test(states_order_critical_warning_unknown_ok),
        cmocka_unit_test(facts_stay_sorted_and_are_replaced_copied_and_removed),
        cmocka_unit_test(applications_are_recognised_with_blacked_out_digits),
        cmocka_unit_test(channels_are_taken_from_descriptions),
        cmocka_unit_test(key_kinds_follow_channel_then_epid_then_application),
        cmocka_unit_test(epids_are_read_strictly),
        cmocka_unit_test(no_text_of_a_listed_code_is_cut),
        cmocka_unit_test(hresults_are_explained_or_placed),
        cmocka_unit_test(labels_cover_every_line_of_the_english_host_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
