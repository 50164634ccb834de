/* The memory of a host: its text there and back, every damage refused, its file and lock, and the
 * result that it makes. */
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "rpc/memory.h"

#define WINDOWS  "55c92734-d682-4d71-983e-d6ec3f16059f"
#define OFFICE   "0ff1ce15-a989-479d-af46-f275c6370663"
#define EPID     "03612-00206-556-123727-03-1033-17763.0000-2972018"
#define PLACE    ((size_t)4096) /* of a record in the file */
#define DAY      INT64_C(86400)
#define INTERVAL INT64_C(1800)
#define NOW      INT64_C(1763703523)

static const char full[] = "kms-activation 1\n"
                           "asked 1763703523\n"
                           "tried 1763703524\n"
                           "product 8c1c5410-9f39-4805-8c9d-63a07706358f\n"
                           "protocol 6\n"
                           "outcome activation-refused\n"
                           "hresult 0xC004F042\n"
                           "ceiling 5\n"
                           "ceiling-since 1763700000 " EPID "\n"
                           "asked-up 86400\n"
                           "detail result 0xC004F042, said twice\n"
                           "answer " WINDOWS " 1763703000 6 26 120 10080 0123456789abcdef 0x5 " EPID
                           "\n"
                           "changed " WINDOWS
                           " 1763000000 06401-00206-271-111111-03-1033-9600.0000-2822018\n"
                           "counted " WINDOWS " 1762000000\n"
                           "answer " OFFICE " 1763702000 4 5 120 10080 - 0x0 a-b\n"
                           "refused 8449b1fb-f0ea-497a-99ab-66ca96e9a0f5 1763703000 " EPID "\n"
                           "refused b74263e4-0f92-46c6-bcf8-c11d5efe2959 1763703001 -\n";

static struct kms_fault fault;

static struct kms_guid guid(const char *text)
{
    struct kms_guid ret;
    assert_true(kms_guid_parse(text, &ret));
    return ret;
}

/* From a copy of exactly that size, so that a read past its end is seen. */
static enum kms_status read_exact(const char *text, size_t len, struct kms_memory *ret)
{
    char *exact = malloc(len > 0 ? len : 1);
    assert_non_null(exact);
    memcpy(exact, text, len);
    fault = (struct kms_fault){.offset = 0};
    enum kms_status status = kms_memory_read(exact, len, ret, &fault);
    free(exact);
    return status;
}

static struct kms_memory full_memory(void)
{
    struct kms_memory memory;
    if (read_exact(full, sizeof full - 1, &memory) != KMS_OK) {
        fail_msg("%s", fault.text);
    }
    return memory;
}

static void assert_writes(const struct kms_memory *memory, const char *wanted)
{
    struct kms_buf buf;
    kms_buf_init(&buf, KMS_MEMORY_MAX);
    assert_int_equal(kms_memory_write(memory, &buf), KMS_OK);
    assert_string_equal(kms_buf_str(&buf), wanted);
    kms_buf_done(&buf);
}

/* ---- text ---- */

static void every_value_is_read(void **state)
{
    (void)state;
    struct kms_memory memory = full_memory();
    assert_int_equal(memory.asked_s, 1763703523);
    assert_int_equal(memory.asked_up_s, 86400);
    assert_int_equal(memory.tried_s, 1763703524);
    assert_int_equal(memory.protocol, 6);
    assert_int_equal(memory.outcome, KMS_OUTCOME_ACTIVATION_REFUSED);
    assert_int_equal(memory.hresult, KMS_HRESULT_OTHER_KEY);
    assert_int_equal(memory.ceiling, 5);
    assert_int_equal(memory.ceiling_s, 1763700000);
    assert_string_equal(memory.ceiling_epid, EPID);
    assert_string_equal(memory.detail, "result 0xC004F042, said twice");
    assert_int_equal(memory.answer_count, 2);
    assert_int_equal(memory.answer[0].count, 26);
    assert_int_equal(memory.answer[0].renewal_minutes, 10080);
    assert_int_equal(memory.answer[0].hints, 5);
    assert_true(memory.answer[0].has_hwid);
    assert_int_equal(memory.answer[0].hwid[0], 0x01);
    assert_int_equal(memory.answer[0].hwid[7], 0xef);
    assert_string_equal(memory.answer[0].epid, EPID);
    assert_int_equal(memory.answer[0].changed_s, 1763000000);
    assert_int_equal(memory.answer[0].since_s, 1762000000);
    assert_int_equal(memory.answer[1].since_s, 0);
    assert_false(memory.answer[1].has_hwid);
    assert_string_equal(memory.answer[1].epid_before, "");
    assert_int_equal(memory.refusal_count, 2);
    assert_string_equal(memory.refusal[1].epid, "");
    struct kms_guid office = guid(OFFICE);
    assert_ptr_equal(kms_memory_answer(&memory, &office), &memory.answer[1]);
    struct kms_guid none = {{1}};
    assert_null(kms_memory_answer(&memory, &none));
}

static void what_was_read_is_written_again_as_it_was(void **state)
{
    (void)state;
    struct kms_memory memory = full_memory();
    assert_writes(&memory, full);
    memory = (struct kms_memory){.asked_s = 0};
    assert_writes(&memory,
                  "kms-activation 1\nasked 0\ntried 0\n"
                  "product 00000000-0000-0000-0000-000000000000\nprotocol 0\noutcome not-tried\n"
                  "hresult 0x00000000\nceiling 0\n");
}

static void the_fullest_memory_fits(void **state)
{
    (void)state;
    struct kms_memory memory = {.asked_s = INT64_C(253402300799), .tried_s = 1};
    memset(memory.detail, 'd', sizeof memory.detail - 1);
    memory.outcome = KMS_OUTCOME_ACTIVATION_REFUSED;
    memory.hresult = UINT32_MAX;
    memory.ceiling = 5;
    memory.ceiling_s = memory.asked_s;
    memset(memory.ceiling_epid, 'c', sizeof memory.ceiling_epid - 1);
    for (uint8_t i = 0; i < KMS_ANSWERS_MAX; i++) {
        struct kms_answer *answer = &memory.answer[i];
        *answer = (struct kms_answer){.application = {{i}},
                                      .wall_s = memory.asked_s,
                                      .protocol = 6,
                                      .count = UINT32_MAX,
                                      .activation_minutes = UINT32_MAX,
                                      .renewal_minutes = UINT32_MAX,
                                      .has_hwid = true,
                                      .hints = UINT32_MAX,
                                      .changed_s = memory.asked_s,
                                      .since_s = memory.asked_s};
        memset(answer->epid, 'e', sizeof answer->epid - 1);
        memset(answer->epid_before, 'b', sizeof answer->epid_before - 1);
    }
    memory.answer_count = KMS_ANSWERS_MAX;
    for (uint8_t i = 0; i < KMS_REFUSALS_MAX; i++) {
        memory.refusal[i] = (struct kms_refusal){.counted = {{i}}, .wall_s = memory.asked_s};
        memset(memory.refusal[i].epid, 'r', sizeof memory.refusal[i].epid - 1);
    }
    memory.refusal_count = KMS_REFUSALS_MAX;
    struct kms_buf buf;
    struct kms_memory again;
    kms_buf_init(&buf, KMS_MEMORY_MAX);
    assert_int_equal(kms_memory_write(&memory, &buf), KMS_OK);
    assert_int_equal(read_exact(kms_buf_str(&buf), buf.len, &again), KMS_OK);
    assert_writes(&again, kms_buf_str(&buf));
    kms_buf_done(&buf);
}

static void every_outcome_has_its_word(void **state)
{
    (void)state;
    size_t count;
    const struct kms_outcome_row *row = kms_outcome_rows(&count);
    for (size_t i = 0; i < count; i++) {
        struct kms_memory memory = full_memory();
        struct kms_memory again;
        struct kms_buf buf;
        memory.outcome = row[i].number;
        kms_buf_init(&buf, KMS_MEMORY_MAX);
        assert_int_equal(kms_memory_write(&memory, &buf), KMS_OK);
        assert_int_equal(read_exact(kms_buf_str(&buf), buf.len, &again), KMS_OK);
        assert_int_equal(again.outcome, row[i].number);
        kms_buf_done(&buf);
    }
}

/* A prefix is good only where it ends at a line's end and holds all that must be there. */
static void a_text_cut_anywhere_is_refused_or_whole_lines(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof full; len++) {
        struct kms_memory memory = {.ceiling = 9};
        enum kms_status status = read_exact(full, len, &memory);
        if (status == KMS_OK) {
            assert_int_equal(memory.asked_s, 1763703523);
            assert_true(memory.ceiling == 5);
        } else {
            assert_int_equal(status, KMS_ESYNTAX);
            assert_int_equal(memory.ceiling, 9); /* untouched */
            assert_true(fault.text[0] != '\0');
        }
    }
}

static void any_changed_byte_is_refused_or_read_and_written_alike(void **state)
{
    (void)state;
    static const char bytes[] = {'\0', '\n', '\r', ' ', '-', '9', 'x', '~', '\x80', '\xff'};
    char text[sizeof full];
    for (size_t i = 0; i < sizeof full - 1; i++) {
        for (size_t b = 0; b < sizeof bytes; b++) {
            struct kms_memory memory;
            struct kms_memory again;
            struct kms_buf buf;
            memcpy(text, full, sizeof full);
            text[i] = bytes[b];
            if (read_exact(text, sizeof full - 1, &memory) != KMS_OK) {
                continue;
            }
            kms_buf_init(&buf, KMS_MEMORY_MAX);
            assert_int_equal(kms_memory_write(&memory, &buf), KMS_OK);
            assert_int_equal(read_exact(kms_buf_str(&buf), buf.len, &again), KMS_OK);
            assert_writes(&again, kms_buf_str(&buf));
            kms_buf_done(&buf);
        }
    }
}

#define HEAD                                                                             \
    "kms-activation 1\nasked 1\ntried 1\nproduct 00000000-0000-0000-0000-000000000000\n" \
    "protocol 0\noutcome ok\nhresult 0x0\nceiling 0\n"

static void damage_is_named_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t line;
        const char *word;
    } row[] = {
        {"", 1, "the end"},
        {"\n", 1, "not 'kms-activation 1'"},
        {"kms-activation 2\n", 1, "kms-activation 2"},
        {"kms-activation 1\nasked 1\n", 3, "without 'tried'"},
        {HEAD "colour blue\n", 9, "unknown key 'colour'"},
        {HEAD "asked 2\n", 9, "once more 'asked'"},
        {HEAD "ceiling-since 0 -\n", 9, "cannot be read"},
        {HEAD "ceiling-since 1\n", 9, "cannot be read"},
        {HEAD "detail a\ndetail b\n", 10, "once more 'detail'"},
        {HEAD "detail a|b\n", 9, "cannot be read"},
        {HEAD "detail a\tb\n", 9, "cannot be read"},
        {HEAD "detail \n", 9, "no key and value"},
        {HEAD "detail\n", 9, "cannot be read"},
        {HEAD "\n", 9, "no key and value"},
        {HEAD " detail a\n", 9, "no key and value"},
        {HEAD "answer " WINDOWS " 1 7 5 120 10080 - 0x0 e\n", 9, "cannot be read"},
        {HEAD "answer " WINDOWS " 1 6 5 120 10080 - 0x0\n", 9, "cannot be read"},
        {HEAD "answer " WINDOWS " 1 6 5 120 10080 - 0x0 e f\n", 9, "cannot be read"},
        {HEAD "answer " WINDOWS " 1 6 4294967296 120 10080 - 0x0 e\n", 9, "cannot be read"},
        {HEAD "answer " WINDOWS " -1 6 5 120 10080 - 0x0 e\n", 9, "cannot be read"},
        {HEAD "answer " WINDOWS " 253402300800 6 5 120 10080 - 0x0 e\n", 9, "cannot be read"},
        {HEAD "answer " WINDOWS " 1 6 5 120 10080 0x23456789abcdef 0x0 e\n", 9, "cannot be read"},
        {HEAD "answer " WINDOWS " 1 6 5 120 10080 01234567 0x0 e\n", 9, "cannot be read"},
        {HEAD "answer " WINDOWS " 1 6 5 120 10080 - 0 e\n", 9, "cannot be read"},
        {HEAD "answer " WINDOWS " 1 6 5 120 10080 - 0x e\n", 9, "cannot be read"},
        {HEAD "answer " WINDOWS " 1 6 5 120 10080 - 0x0 e\nanswer " WINDOWS
              " 1 6 5 120 10080 - 0x0 e\n",
         10, "cannot be read"},
        {HEAD "changed " WINDOWS " 1 e\n", 9, "cannot be read"},
        {HEAD "answer " WINDOWS " 1 6 5 120 10080 - 0x0 e\nchanged " OFFICE " 1 e\n", 10,
         "cannot be read"},
        {HEAD "counted " WINDOWS " 1\n", 9, "cannot be read"},
        {HEAD "answer " WINDOWS " 1 6 5 120 10080 - 0x0 e\ncounted " WINDOWS " 0\n", 10,
         "cannot be read"},
        {HEAD "answer " WINDOWS " 1 6 5 120 10080 - 0x0 e\ncounted " OFFICE " 1\n", 10,
         "cannot be read"},
        {HEAD "refused 55c92734 1 -\n", 9, "cannot be read"},
        {HEAD "refused " WINDOWS " 1 "
              "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\n",
         9, "cannot be read"},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(row); i++) {
        struct kms_memory memory;
        assert_int_equal(read_exact(row[i].text, strlen(row[i].text), &memory), KMS_ESYNTAX);
        assert_int_equal(fault.offset, row[i].line);
        if (!strstr(fault.text, row[i].word) || !kms_text_starts(fault.text, "line ")) {
            fail_msg("case %zu: '%s' is not in: %s", i, row[i].word, fault.text);
        }
    }
}

static void more_than_fits_is_refused(void **state)
{
    (void)state;
    struct kms_memory memory;
    char text[KMS_MEMORY_MAX + 1];
    kms_text_copy(text, sizeof text, HEAD);
    for (int i = 0; i < KMS_REFUSALS_MAX; i++) {
        kms_text_append(text, sizeof text, "refused " WINDOWS " 1 -\n");
    }
    assert_int_equal(read_exact(text, strlen(text), &memory), KMS_OK);
    kms_text_append(text, sizeof text, "refused " WINDOWS " 1 -\n");
    assert_int_equal(read_exact(text, strlen(text), &memory), KMS_ESYNTAX);
    memset(text, 'a', sizeof text);
    assert_int_equal(read_exact(text, sizeof text, &memory), KMS_ETOOBIG);
}

/* ---- time ---- */

static void times_ahead_of_now_become_now(void **state)
{
    (void)state;
    struct kms_memory memory = full_memory();
    assert_false(kms_memory_settle(&memory, 1763703524));
    assert_true(kms_memory_settle(&memory, 1763002000));
    assert_int_equal(memory.asked_s, 1763002000);
    assert_int_equal(memory.tried_s, 1763002000);
    assert_int_equal(memory.answer[1].wall_s, 1763002000);
    assert_int_equal(memory.answer[0].changed_s, 1763000000);
    assert_int_equal(memory.answer[0].since_s, 1762000000);
    assert_int_equal(memory.answer[1].since_s, 0);
    assert_int_equal(memory.refusal[0].wall_s, 1763002000);
    assert_false(kms_memory_settle(&memory, 1763002000));
}

/* ---- result ---- */

static int64_t number(const struct kms_facts *facts, enum kms_fact_id id)
{
    int64_t value = -1;
    (void)kms_facts_number(facts, id, &value);
    return value;
}

static struct kms_memory answered_memory(void)
{
    struct kms_memory memory = full_memory();
    memory.outcome = KMS_OUTCOME_OK;
    memory.hresult = 0;
    memory.detail[0] = '\0';
    return memory;
}

static void an_answer_gives_its_facts_with_its_age(void **state)
{
    (void)state;
    struct kms_memory memory = answered_memory();
    struct kms_result result;
    memory.answer[1].wall_s -= DAY;
    assert_int_equal(kms_memory_result(&memory, INTERVAL, NOW + 600, &result), KMS_OK);
    assert_int_equal(result.source, KMS_SOURCE_ACTIVATION);
    assert_int_equal(result.outcome, KMS_OUTCOME_OK);
    assert_int_equal(result.data_s, 1763703000);
    assert_int_equal(result.data_s_min, 1763703000);
    assert_int_equal(result.data_s_max, 1763703000);
    assert_int_equal(number(&result.host, KMS_FACT_ACTIVATION_STATE), KMS_ACTIVATION_ANSWERED);
    assert_int_equal(number(&result.host, KMS_FACT_ACTIVATION_RESULT), 0);
    assert_int_equal(result.key_count, 2);
    const struct kms_facts *key = &result.key[0];
    assert_string_equal(kms_facts_text(key, KMS_FACT_APPLICATION_ID), WINDOWS);
    assert_string_equal(kms_facts_text(key, KMS_FACT_EPID), EPID);
    assert_int_equal(number(key, KMS_FACT_CURRENT_COUNT), 26);
    assert_int_equal(number(key, KMS_FACT_OWN_ENTRY), 1);
    assert_int_equal(number(key, KMS_FACT_OWN_ENTRY_SINCE), 1762000000);
    assert_int_equal(number(key, KMS_FACT_ACTIVATION_INTERVAL), 120);
    assert_int_equal(number(key, KMS_FACT_RENEWAL_INTERVAL), 10080);
    key = &result.key[1]; /* an older application: its entry, and no count of then */
    assert_string_equal(kms_facts_text(key, KMS_FACT_APPLICATION_ID), OFFICE);
    assert_int_equal(number(key, KMS_FACT_OWN_ENTRY), 1);
    assert_false(kms_facts_has(key, KMS_FACT_OWN_ENTRY_SINCE)); /* a file of old */
    assert_false(kms_facts_has(key, KMS_FACT_CURRENT_COUNT));
    kms_result_done(&result);
}

/* One request an interval, in turns: what the last one told of another application stands. */
static void each_application_is_as_old_as_its_own_answer(void **state)
{
    (void)state;
    struct kms_memory memory = answered_memory();
    struct kms_result result;
    memory.answer[1].wall_s = NOW - 3 * INTERVAL;
    memory.answer[0].wall_s = NOW;
    assert_int_equal(kms_memory_fresh_s(&memory, INTERVAL), 6 * INTERVAL);
    assert_int_equal(kms_memory_result(&memory, INTERVAL, NOW, &result), KMS_OK);
    assert_int_equal(result.data_s, NOW);
    assert_int_equal(result.key_count, 2);
    assert_int_equal(number(&result.key[0], KMS_FACT_CURRENT_COUNT), 26);
    assert_int_equal(number(&result.key[0], KMS_FACT_ANSWERED), NOW);
    assert_int_equal(number(&result.key[1], KMS_FACT_CURRENT_COUNT), 5);
    assert_int_equal(number(&result.key[1], KMS_FACT_ANSWERED), NOW - 3 * INTERVAL);
    kms_result_done(&result);
    assert_int_equal(kms_memory_result(&memory, INTERVAL, NOW + 3 * INTERVAL - 1, &result), KMS_OK);
    assert_int_equal(number(&result.key[1], KMS_FACT_CURRENT_COUNT), 5);
    kms_result_done(&result);
    assert_int_equal(kms_memory_result(&memory, INTERVAL, NOW + 3 * INTERVAL, &result), KMS_OK);
    assert_int_equal(number(&result.key[0], KMS_FACT_CURRENT_COUNT), 26);
    assert_false(kms_facts_has(&result.key[1], KMS_FACT_CURRENT_COUNT));
    kms_result_done(&result);
}

/* full_memory asked for Windows Server 2019. */
static void a_refusal_of_one_application_says_nothing_of_the_others(void **state)
{
    (void)state;
    static const struct {
        uint32_t hresult;
        bool office;
    } row[] = {{KMS_HRESULT_OTHER_KEY, true}, {KMS_HRESULT_CLOCK, false}, {0, false}};
    for (size_t i = 0; i < KMS_COUNT_OF(row); i++) {
        struct kms_memory memory = full_memory();
        struct kms_result result;
        memory.sku = guid("de32eafd-aaee-4662-9444-c1befb41bde2");
        memory.hresult = row[i].hresult;
        memory.answer[0].wall_s = memory.answer[1].wall_s = NOW - INTERVAL;
        assert_int_equal(kms_memory_result(&memory, INTERVAL, NOW, &result), KMS_OK);
        assert_false(kms_facts_has(&result.key[0], KMS_FACT_CURRENT_COUNT));
        assert_int_equal(kms_facts_has(&result.key[1], KMS_FACT_CURRENT_COUNT), row[i].office);
        kms_result_done(&result);
        memory.sku = (struct kms_guid){{1}}; /* a product of the site */
        assert_int_equal(kms_memory_result(&memory, INTERVAL, NOW, &result), KMS_OK);
        assert_false(kms_facts_has(&result.key[1], KMS_FACT_CURRENT_COUNT));
        kms_result_done(&result);
    }
}

static void the_own_entry_lasts_30_days(void **state)
{
    (void)state;
    struct kms_memory memory = answered_memory();
    struct kms_result result;
    int64_t ends = 1763703000 + 30 * DAY;
    assert_int_equal(kms_memory_result(&memory, INTERVAL, ends - 1, &result), KMS_OK);
    assert_int_equal(result.key_count, 1); /* that of the other application ended before */
    assert_int_equal(number(&result.key[0], KMS_FACT_OWN_ENTRY), 1);
    kms_result_done(&result);
    assert_int_equal(kms_memory_result(&memory, INTERVAL, ends, &result), KMS_OK);
    assert_int_equal(result.key_count, 1);
    assert_int_equal(number(&result.key[0], KMS_FACT_OWN_ENTRY), 0);
    assert_int_equal(number(&result.key[0], KMS_FACT_CURRENT_COUNT), 26);
    kms_result_done(&result);
}

static int64_t hints_at(const struct kms_memory *memory, int64_t now_s)
{
    struct kms_result result;
    assert_int_equal(kms_memory_result(memory, INTERVAL, now_s, &result), KMS_OK);
    int64_t hints = number(&result.host, KMS_FACT_HINTS);
    kms_result_done(&result);
    return hints;
}

static void hints_are_of_the_last_answer_and_of_what_changed_lately(void **state)
{
    (void)state;
    static const uint8_t known[2][KMS_HWID_SIZE] = {
        {0x36, 0x4F, 0x46, 0x3A, 0x88, 0x63, 0xD3, 0x5F},
        {0x3A, 0x1C, 0x04, 0x96, 0x00, 0xB6, 0x00, 0x76},
    };
    struct kms_memory memory = answered_memory();
    memory.answer[0].hints = KMS_BIT(KMS_HINT_IV_REUSED);
    memory.answer[0].has_hwid = false;
    memory.answer[0].changed_s = 0;
    memory.answer[1].hints = KMS_BIT(KMS_HINT_ASSOCIATION); /* of an older answer */
    memory.answer[1].changed_s = 0;
    assert_int_equal(hints_at(&memory, NOW), KMS_BIT(KMS_HINT_IV_REUSED));
    memory.answer[0].hints = 0;
    for (size_t i = 0; i < 2; i++) {
        memory.answer[0].has_hwid = true;
        memcpy(memory.answer[0].hwid, known[i], KMS_HWID_SIZE);
        assert_int_equal(hints_at(&memory, NOW), KMS_BIT(KMS_HINT_HARDWARE_ID));
        memory.answer[0].hwid[7] ^= 1;
        assert_int_equal(hints_at(&memory, NOW), 0);
    }
    memory.answer[0].changed_s = NOW;
    assert_int_equal(hints_at(&memory, NOW + DAY - 1), KMS_BIT(KMS_HINT_EPID_CHANGED));
    assert_int_equal(hints_at(&memory, NOW + DAY), 0);
    memory.answer_count = 0;
    struct kms_result result;
    assert_int_equal(kms_memory_result(&memory, INTERVAL, NOW, &result), KMS_OK);
    assert_false(kms_facts_has(&result.host, KMS_FACT_HINTS));
    kms_result_done(&result);
}

static void a_refusal_keeps_the_own_entry_and_no_count(void **state)
{
    (void)state;
    struct kms_memory memory = full_memory();
    struct kms_result result;
    assert_int_equal(kms_memory_result(&memory, INTERVAL, NOW, &result), KMS_OK);
    assert_int_equal(result.outcome, KMS_OUTCOME_ACTIVATION_REFUSED);
    assert_int_equal(result.data_s, 1763703524);
    assert_string_equal(result.detail, memory.detail);
    assert_int_equal(number(&result.host, KMS_FACT_ACTIVATION_STATE), KMS_ACTIVATION_REFUSED);
    assert_int_equal(number(&result.host, KMS_FACT_ACTIVATION_RESULT), 0xC004F042);
    assert_int_equal(result.key_count, 2);
    assert_int_equal(number(&result.key[0], KMS_FACT_OWN_ENTRY), 1);
    assert_false(kms_facts_has(&result.key[0], KMS_FACT_CURRENT_COUNT));
    kms_result_done(&result);
}

static void every_outcome_has_its_state(void **state)
{
    (void)state;
    static const struct {
        enum kms_outcome outcome;
        enum kms_activation_state wanted;
    } row[] = {
        {KMS_OUTCOME_NONE, KMS_ACTIVATION_UNKNOWN},
        {KMS_OUTCOME_TIMEOUT, KMS_ACTIVATION_FAILED},
        {KMS_OUTCOME_RPC_REFUSED, KMS_ACTIVATION_FAILED},
        {KMS_OUTCOME_RPC_FAULT, KMS_ACTIVATION_FAILED},
        {KMS_OUTCOME_RPC_PROTOCOL, KMS_ACTIVATION_INVALID},
        {KMS_OUTCOME_REPLY_LENGTH, KMS_ACTIVATION_INVALID},
        {KMS_OUTCOME_REPLY_SALT, KMS_ACTIVATION_INVALID},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(row); i++) {
        struct kms_memory memory = answered_memory();
        struct kms_result result;
        memory.outcome = row[i].outcome;
        assert_int_equal(kms_memory_result(&memory, INTERVAL, NOW, &result), KMS_OK);
        assert_int_equal(number(&result.host, KMS_FACT_ACTIVATION_STATE), row[i].wanted);
        assert_false(kms_facts_has(&result.host, KMS_FACT_ACTIVATION_RESULT));
        assert_false(kms_facts_has(&result.key[0], KMS_FACT_CURRENT_COUNT));
        kms_result_done(&result);
    }
}

static void a_memory_of_nothing_gives_nothing(void **state)
{
    (void)state;
    struct kms_memory memory = {.asked_s = 0};
    struct kms_result result;
    assert_int_equal(kms_memory_result(&memory, INTERVAL, NOW, &result), KMS_OK);
    assert_int_equal(result.outcome, KMS_OUTCOME_NONE);
    assert_int_equal(result.key_count, 0);
    kms_result_done(&result);
}

/* ---- file ---- */

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    kms_text_copy(folder, sizeof folder, "/tmp/kms-memory-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

static int remove_folder(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct kms_memory_file open_file(const char *address, uint16_t port)
{
    struct kms_memory_file file;
    fault.text[0] = '\0';
    if (kms_memory_open(folder, address, port, &file, &fault) != KMS_OK) {
        fail_msg("%s", fault.text);
    }
    return file;
}

static void assert_says(const char *word)
{
    if (!strstr(fault.text, word)) {
        fail_msg("'%s' is not in: %s", word, fault.text);
    }
}

static void names_of_files_are_safe_and_their_own(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        uint16_t port;
        const char *wanted;
    } row[] = {
        {"kms1.example.org", 1688, "kms1.example.org_1688"},
        {"KMS1.Example.Org.", 1688, "kms1.example.org_1688"},
        {"192.0.2.1", 1, "192.0.2.1_1"},
        {"2001:db8::1%eth0", 65535, "2001%3adb8%3a%3a1%25eth0_65535"},
        {"../../etc/passwd", 1688, "%2e.%2f..%2fetc%2fpasswd_1688"},
        {"..", 1688, "%2e_1688"},
        {".", 1688, "%2e_1688"},
        {"", 1688, "_1688"},
        {"a_b c\n\xff~", 0, "a%5fb%20c%0a%ff%7e_0"},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(row); i++) {
        char wanted[160];
        struct kms_memory_file file = open_file(row[i].address, row[i].port);
        kms_text_format(wanted, sizeof wanted, "%s/activation/%s", folder, row[i].wanted);
        assert_string_equal(file.path, wanted);
        kms_memory_close(&file);
    }
}

static void an_address_is_one_host_however_it_is_written(void **state)
{
    (void)state;
    static const char *const texts[][3] = {
        {"2001:db8::1", "2001:DB8:0:0:0:0:0:1", "2001:0db8:0000:0000:0000:0000:0000:0001"},
        {"192.0.2.1", "::ffff:192.0.2.1", "::FFFF:c000:201"}};
    for (size_t of = 0; of < 2; of++) {
        struct kms_memory_file first = open_file(texts[of][0], 1688);
        for (size_t i = 1; i < 3; i++) {
            struct kms_memory_file file = open_file(texts[of][i], 1688);
            assert_string_equal(file.path, first.path);
            kms_memory_close(&file);
        }
        kms_memory_close(&first);
    }
}

static void long_names_are_cut_and_stay_their_own(void **state)
{
    (void)state;
    char a[300];
    char b[300];
    memset(a, 'n', sizeof a);
    a[sizeof a - 1] = '\0';
    memcpy(b, a, sizeof b);
    b[sizeof b - 2] = 'm';
    struct kms_memory_file one = open_file(a, 65535);
    struct kms_memory_file two = open_file(b, 65535);
    assert_string_not_equal(one.path, two.path);
    assert_true(strlen(strrchr(one.path, '/')) < 240);
    struct kms_memory memory = full_memory();
    assert_int_equal(kms_memory_lock(&one, &fault), KMS_OK);
    assert_int_equal(kms_memory_save(&one, &memory, &fault), KMS_OK);
    kms_memory_close(&one);
    kms_memory_close(&two);
}

static void what_was_saved_is_loaded(void **state)
{
    (void)state;
    struct kms_memory_file file = open_file("kms1", 1688);
    struct kms_memory memory = {.asked_s = 1};
    assert_int_equal(kms_memory_load(&file, &memory, &fault), KMS_OK);
    assert_int_equal(memory.asked_s, 0); /* nothing yet */
    memory = full_memory();
    assert_int_equal(kms_memory_save(&file, &memory, &fault), KMS_EINVAL);
    assert_says("is not locked");
    assert_int_equal(kms_memory_lock(&file, &fault), KMS_OK);
    assert_int_equal(kms_memory_save(&file, &memory, &fault), KMS_OK);
    struct kms_memory again;
    assert_int_equal(kms_memory_load(&file, &again, &fault), KMS_OK);
    assert_writes(&again, full);
    struct stat st;
    assert_int_equal(stat(file.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    *strrchr(file.path, '/') = '\0';
    assert_int_equal(stat(file.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    kms_memory_close(&file);
    kms_memory_close(&file); /* once more does nothing */
}

static void two_probes_of_one_host_exclude_each_other(void **state)
{
    (void)state;
    struct kms_memory_file one = open_file("kms1", 1688);
    struct kms_memory_file two = open_file("KMS1", 1688);
    struct kms_memory_file other = open_file("kms1", 1689);
    assert_int_equal(kms_memory_lock(&one, &fault), KMS_OK);
    assert_int_equal(kms_memory_lock(&two, &fault), KMS_EBUSY);
    assert_says("another probe of this host is under way");
    assert_int_equal(kms_memory_lock(&other, &fault), KMS_OK);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct kms_memory_file third;
        bool busy = kms_memory_open(folder, "kms1", 1688, &third, NULL) == KMS_OK &&
                    kms_memory_lock(&third, NULL) == KMS_EBUSY;
        kms_memory_close(&third);
        _exit(busy ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    kms_memory_close(&one);
    assert_int_equal(kms_memory_lock(&two, &fault), KMS_OK);
    kms_memory_close(&two);
    kms_memory_close(&other);
}

/* A file whose records hold 11 (the younger) and 10 in asked_s. */
static struct kms_memory_file saved_twice(void)
{
    struct kms_memory_file file = open_file("kms1", 1688);
    struct kms_memory memory = full_memory();
    assert_int_equal(kms_memory_lock(&file, &fault), KMS_OK);
    for (memory.asked_s = 10; memory.asked_s <= 11; memory.asked_s++) {
        assert_int_equal(kms_memory_save_soon(&file, &memory, &fault), KMS_OK);
    }
    return file;
}

static void read_whole(const char *path, struct kms_buf *buf)
{
    kms_buf_init(buf, 1 << 16);
    assert_int_equal(kms_file_read(path, buf, NULL, NULL), KMS_OK);
    assert_int_equal(buf->len, 2 * PLACE);
}

/* In place: whoever holds the file goes on with it. */
static void write_whole(const char *path, const char *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    assert_int_equal(ftruncate(fd, (off_t)len), 0);
    assert_int_equal(close(fd), 0);
}

static void a_save_leaves_the_record_before_it_alone(void **state)
{
    (void)state;
    struct kms_memory_file file = saved_twice();
    struct kms_memory memory = full_memory();
    struct kms_buf before, after;
    for (size_t i = 0; i < 3; i++) {
        size_t younger = file.number % 2 * PLACE;
        read_whole(file.path, &before);
        memory.asked_s++;
        assert_int_equal(kms_memory_save(&file, &memory, &fault), KMS_OK);
        read_whole(file.path, &after);
        assert_memory_equal(before.data + younger, after.data + younger, PLACE);
        assert_memory_not_equal(before.data + PLACE - younger, after.data + PLACE - younger, PLACE);
        kms_buf_done(&before);
        kms_buf_done(&after);
    }
    kms_memory_close(&file);
}

/* However much of the write reached the disk, in sectors or bytes from either end. */
static void a_write_that_was_cut_off_lets_no_request_out(void **state)
{
    (void)state;
    const int64_t now_s = 1000000;
    struct kms_memory_file file = saved_twice();
    struct kms_memory memory;
    struct kms_buf old, new;
    size_t recovered = 0;
    read_whole(file.path, &old);
    memory = full_memory();
    memory.asked_s = 12;
    assert_int_equal(kms_memory_save(&file, &memory, &fault), KMS_OK);
    read_whole(file.path, &new);
    size_t place = file.number % 2 * PLACE;
    for (size_t cut = 0; cut <= 1024; cut += cut < 64 ? 1 : 61) {
        for (int from_end = 0; from_end <= 1; from_end++) {
            char bytes[2 * PLACE];
            memcpy(bytes, from_end ? old.data : new.data, sizeof bytes);
            memcpy(bytes + place + cut, (from_end ? new.data : old.data) + place + cut,
                   PLACE - cut);
            write_whole(file.path, bytes, sizeof bytes);
            assert_int_equal(kms_memory_load(&file, &memory, &fault), KMS_OK);
            if (memory.asked_s == 11 || memory.asked_s == 12) {
                continue; /* not begun, or whole */
            }
            assert_true(kms_memory_settle(&memory, now_s));
            assert_int_equal(memory.asked_s, now_s);
            recovered++;
        }
    }
    assert_true(recovered > 50);
    /* The next save is over what was damaged. */
    char bytes[2 * PLACE];
    memcpy(bytes, new.data, sizeof bytes);
    bytes[place + 100] ^= 1;
    write_whole(file.path, bytes, sizeof bytes);
    assert_int_equal(kms_memory_load(&file, &memory, &fault), KMS_OK);
    assert_int_equal(memory.asked_s, KMS_MEMORY_TIME_MAX);
    memory.asked_s = 13;
    assert_int_equal(kms_memory_save(&file, &memory, &fault), KMS_OK);
    assert_int_equal(kms_memory_load(&file, &memory, &fault), KMS_OK);
    assert_int_equal(memory.asked_s, 13);
    kms_buf_done(&old);
    kms_buf_done(&new);
    kms_memory_close(&file);
}

static void every_changed_bit_of_a_record_is_noticed(void **state)
{
    (void)state;
    struct kms_memory_file file = saved_twice();
    struct kms_memory memory;
    struct kms_buf buf;
    read_whole(file.path, &buf);
    const char *text = buf.data + file.number % 2 * PLACE;
    uint8_t *record = (uint8_t *)buf.data + file.number % 2 * PLACE;
    size_t len = (size_t)(strstr(text, "\n\n") - text) + 1;
    for (size_t bit = 0; bit < 8 * len; bit += 3) {
        record[bit / 8] ^= (uint8_t)(1U << bit % 8);
        write_whole(file.path, buf.data, buf.len);
        assert_int_equal(kms_memory_load(&file, &memory, &fault), KMS_OK);
        assert_int_equal(memory.asked_s, KMS_MEMORY_TIME_MAX);
        record[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    kms_buf_done(&buf);
    kms_memory_close(&file);
}

/* Killed between the request and its answer: what was saved before is there, and the lock is not.
 */
static void what_a_killed_process_saved_is_there(void **state)
{
    (void)state;
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct kms_memory_file file;
        struct kms_memory memory = {.asked_s = 77, .tried_s = 77};
        bool saved = kms_memory_open(folder, "kms1", 1688, &file, NULL) == KMS_OK &&
                     kms_memory_lock(&file, NULL) == KMS_OK &&
                     kms_memory_save(&file, &memory, NULL) == KMS_OK;
        (void)!write(ready[1], saved ? "y" : "n", 1);
        for (;;) {
            (void)pause();
        }
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    struct kms_memory_file file = open_file("kms1", 1688);
    struct kms_memory memory;
    assert_int_equal(kms_memory_lock(&file, &fault), KMS_EBUSY);
    assert_int_equal(kms_memory_load(&file, &memory, &fault), KMS_OK); /* to tell of it */
    assert_int_equal(memory.asked_s, 77);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(kms_memory_lock(&file, &fault), KMS_OK);
    assert_int_equal(kms_memory_load(&file, &memory, &fault), KMS_OK);
    assert_int_equal(memory.asked_s, 77);
    kms_memory_close(&file);
    (void)close(ready[0]);
    (void)close(ready[1]);
}

/* Counts up under the lock; a turn that two had at once would be lost. */
static void count_turns(int turns)
{
    while (turns > 0) {
        struct kms_memory_file file;
        struct kms_memory memory;
        if (kms_memory_open(folder, "kms1", 1688, &file, NULL) != KMS_OK) {
            _exit(1);
        }
        enum kms_status status = kms_memory_lock(&file, NULL);
        if (status == KMS_OK) {
            status = kms_memory_load(&file, &memory, NULL);
            memory.asked_s++;
            turns--;
            status = status == KMS_OK ? kms_memory_save_soon(&file, &memory, NULL) : status;
        }
        if (status != KMS_OK && status != KMS_EBUSY) {
            _exit(2);
        }
        kms_memory_close(&file);
    }
    _exit(0);
}

static void processes_that_begin_together_lose_no_turn(void **state)
{
    (void)state;
    enum { PROCESSES = 4, TURNS = 100 };
    pid_t child[PROCESSES];
    for (size_t i = 0; i < PROCESSES; i++) {
        child[i] = fork();
        assert_true(child[i] >= 0);
        if (child[i] == 0) {
            count_turns(TURNS);
        }
    }
    for (size_t i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(child[i], &status, 0), child[i]);
        assert_int_equal(status, 0);
    }
    struct kms_memory_file file = open_file("kms1", 1688);
    struct kms_memory memory;
    assert_int_equal(kms_memory_load(&file, &memory, &fault), KMS_OK);
    assert_int_equal(memory.asked_s, PROCESSES * TURNS);
    kms_memory_close(&file);
}

static void a_damaged_file_is_an_error_and_stays(void **state)
{
    (void)state;
    struct kms_memory_file file = saved_twice();
    struct kms_memory memory = {.ceiling = 9};
    struct kms_buf buf;
    read_whole(file.path, &buf);
    buf.data[100] ^= 1;
    buf.data[PLACE + 100] ^= 1;
    write_whole(file.path, buf.data, buf.len);
    assert_int_equal(kms_memory_load(&file, &memory, &fault), KMS_ESYNTAX);
    assert_says("is damaged, both of its records");
    assert_says("remove it; no request is sent until then");
    assert_int_equal(memory.ceiling, 9);
    for (size_t len = 0; len < buf.len; len += PLACE) {
        write_whole(file.path, buf.data, len);
        assert_int_equal(kms_memory_load(&file, &memory, &fault), KMS_ESYNTAX);
        assert_says("too short");
    }
    assert_int_equal(kms_buf_add_str(&buf, "x"), KMS_OK);
    write_whole(file.path, buf.data, buf.len);
    assert_int_equal(kms_memory_load(&file, &memory, &fault), KMS_ESYNTAX);
    assert_says("too long");
    kms_buf_done(&buf);
    assert_int_equal(unlink(file.path), 0);
    assert_int_equal(kms_memory_save(&file, &memory, &fault), KMS_EIO);
    assert_says("was removed");
    assert_int_equal(mkdir(file.path, 0700), 0);
    struct kms_memory_file second = open_file("kms1", 1688);
    assert_int_equal(kms_memory_load(&second, &memory, &fault), KMS_EINVAL);
    assert_says("cannot be read");
    assert_int_equal(kms_memory_lock(&second, &fault), KMS_EIO);
    assert_says("cannot be opened");
    kms_memory_close(&second);
    kms_memory_close(&file);
}

static void a_damaged_file_of_a_long_name_is_named_by_its_end(void **state)
{
    (void)state;
    char host[150];
    char end[KMS_DETAIL_SIZE];
    memset(host, 'h', sizeof host - 1);
    host[sizeof host - 1] = '\0';
    struct kms_memory_file file = open_file(host, 1688);
    struct kms_memory memory;
    assert_int_equal(kms_memory_lock(&file, &fault), KMS_OK);
    write_whole(file.path, "", 0);
    assert_int_equal(kms_memory_load(&file, &memory, &fault), KMS_ESYNTAX);
    kms_text_format(end, sizeof end, "'...%s' is damaged, too short: remove it;",
                    file.path + strlen(file.path) - 84);
    assert_says(end);
    kms_memory_close(&file);
}

static void a_folder_that_cannot_be_used_is_an_error(void **state)
{
    (void)state;
    struct kms_memory_file file;
    char path[96];
    kms_text_format(path, sizeof path, "%s/missing", folder);
    assert_int_equal(kms_memory_open(path, "kms1", 1688, &file, &fault), KMS_EIO);
    assert_says("does not exist");
    kms_text_format(path, sizeof path, "%s/activation", folder);
    assert_int_equal(kms_file_replace(path, "x", 1, 0600, NULL), KMS_OK);
    assert_int_equal(kms_memory_open(folder, "kms1", 1688, &file, &fault), KMS_EIO);
    assert_says("is not a folder");
    assert_int_equal(kms_memory_open(path, "kms1", 1688, &file, &fault), KMS_EIO);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chmod(path, 0755), 0);
    assert_int_equal(kms_memory_open(folder, "kms1", 1688, &file, &fault), KMS_EIO);
    assert_says("chmod 700");
}

static void without_its_folder_no_file_is_made(void **state)
{
    (void)state;
    struct kms_memory_file file = open_file("kms1", 1688);
    char path[96];
    kms_text_format(path, sizeof path, "%s/activation", folder);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(kms_memory_lock(&file, &fault), KMS_EIO);
    assert_says("cannot create a file");
    assert_int_equal(kms_file_replace(path, "x", 1, 0600, NULL), KMS_OK);
    assert_int_equal(kms_memory_lock(&file, &fault), KMS_EIO);
    kms_memory_close(&file);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_is_read),
        cmocka_unit_test(what_was_read_is_written_again_as_it_was),
        cmocka_unit_test(the_fullest_memory_fits),
        cmocka_unit_test(every_outcome_has_its_word),
        cmocka_unit_test(a_text_cut_anywhere_is_refused_or_whole_lines),
        cmocka_unit_test(any_changed_byte_is_refused_or_read_and_written_alike),
        cmocka_unit_test(damage_is_named_with_its_line),
        cmocka_unit_test(more_than_fits_is_refused),
        cmocka_unit_test(times_ahead_of_now_become_now),
        cmocka_unit_test(an_answer_gives_its_facts_with_its_age),
        cmocka_unit_test(each_application_is_as_old_as_its_own_answer),
        cmocka_unit_test(a_refusal_of_one_application_says_nothing_of_the_others),
        cmocka_unit_test(the_own_entry_lasts_30_days),
        cmocka_unit_test(hints_are_of_the_last_answer_and_of_what_changed_lately),
        cmocka_unit_test(a_refusal_keeps_the_own_entry_and_no_count),
        cmocka_unit_test(every_outcome_has_its_state),
        cmocka_unit_test(a_memory_of_nothing_gives_nothing),
        IN_FOLDER(names_of_files_are_safe_and_their_own),
        IN_FOLDER(an_address_is_one_host_however_it_is_written),
        IN_FOLDER(long_names_are_cut_and_stay_their_own),
        IN_FOLDER(what_was_saved_is_loaded),
        IN_FOLDER(two_probes_of_one_host_exclude_each_other),
        IN_FOLDER(a_save_leaves_the_record_before_it_alone),
        IN_FOLDER(a_write_that_was_cut_off_lets_no_request_out),
        IN_FOLDER(every_changed_bit_of_a_record_is_noticed),
        IN_FOLDER(what_a_killed_process_saved_is_there),
        IN_FOLDER(processes_that_begin_together_lose_no_turn),
        IN_FOLDER(a_damaged_file_is_an_error_and_stays),
        IN_FOLDER(a_damaged_file_of_a_long_name_is_named_by_its_end),
        IN_FOLDER(a_folder_that_cannot_be_used_is_an_error),
        IN_FOLDER(without_its_folder_no_file_is_made),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
