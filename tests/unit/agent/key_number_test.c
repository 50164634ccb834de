/* A host that tells another key at every poll fills neither the index file nor the table, and rows
 * of genuine keys stay where they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/key_number.h"
#include "base/text.h"
#include "model/board.h"

#define WINDOWS "55c92734-d682-4d71-983e-d6ec3f16059f"
#define OFFICE  "0ff1ce15-a989-479d-af46-f275c6370663"
#define HOST    "kms01"
#define POLLS   2000

struct stage {
    struct kms_clock clock;
    struct kms_policy policy;
    struct kms_log log;
    unsigned logged;
    char line[300];
    struct kms_index *index;
    struct kms_board *board;
};

static int64_t stage_time(void *arg)
{
    (void)arg;
    return INT64_C(1763703523000000);
}

static void take_line(void *arg, enum kms_log_level level, const char *line)
{
    struct stage *stage = arg;
    assert_int_equal(level, KMS_LOG_WARNING);
    stage->logged++;
    kms_text_copy(stage->line, sizeof stage->line, line);
}

static uint32_t number(void *arg, const char *host, const char *identity)
{
    struct stage *stage = arg;
    return kms_key_number(stage->index, &stage->log, host,
                          kms_index_get(stage->index, "host", host), identity);
}

static void open_board(struct stage *stage)
{
    char name[] = HOST;
    size_t slot;
    struct kms_target target = {.name = name};
    target.source[KMS_SOURCE_REPORT].enabled = true;
    target.source[KMS_SOURCE_ACTIVATION].enabled = true;
    stage->board = kms_board_new(&stage->policy, &stage->clock, number, stage);
    assert_non_null(stage->board);
    assert_int_equal(kms_board_add(stage->board, &target, number(stage, "x", "x"), &slot), KMS_OK);
}

static int open_stage(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);
    assert_non_null(stage);
    stage->clock = (struct kms_clock){stage_time, stage_time, NULL};
    stage->log = (struct kms_log){
        .kind = KMS_LOG_TO_CALLBACK, .level = KMS_LOG_DEBUG, .callback = take_line, .arg = stage};
    kms_policy_preset(&stage->policy);
    stage->index = kms_index_new();
    assert_non_null(stage->index);
    open_board(stage);
    *state = stage;
    return 0;
}

static int close_stage(void **state)
{
    struct stage *stage = *state;
    kms_board_free(stage->board);
    kms_index_free(stage->index);
    free(stage);
    return 0;
}

/* As after a new start: the index stays, what is remembered of keys goes. */
static void start_again(struct stage *stage)
{
    kms_board_free(stage->board);
    open_board(stage);
}

static struct kms_change publish(struct stage *stage, struct kms_result *result)
{
    struct kms_change change;
    result->outcome = KMS_OUTCOME_OK;
    result->wall_s = result->data_s = 1763703523;
    assert_int_equal(kms_board_publish(stage->board, 0, result, &change), KMS_OK);
    kms_result_done(result);
    return change;
}

static void add_key(struct kms_result *result, const char *application, const char *id,
                    const char *epid)
{
    struct kms_facts *key = kms_result_add_key(result);
    assert_non_null(key);
    assert_int_equal(kms_facts_set_text(key, KMS_FACT_APPLICATION_ID, application), KMS_OK);
    if (id) {
        assert_int_equal(kms_facts_set_text(key, KMS_FACT_ACTIVATION_ID, id), KMS_OK);
    }
    if (epid) {
        assert_int_equal(kms_facts_set_text(key, KMS_FACT_EPID, epid), KMS_OK);
    }
    assert_int_equal(kms_facts_set_number(key, KMS_FACT_CURRENT_COUNT, 50), KMS_OK);
}

static void report(struct stage *stage, const char *application, const char *id)
{
    struct kms_result result;
    kms_result_init(&result, KMS_SOURCE_REPORT);
    add_key(&result, application, id, NULL);
    (void)publish(stage, &result);
}

/* An answer on the wire with an ePID that no other one had. */
static struct kms_change answer(struct stage *stage, unsigned i)
{
    struct kms_result result;
    char epid[64];
    kms_text_format(epid, sizeof epid, "03612-00206-556-%06u-03-1033-17763.0000-2972018", i);
    kms_result_init(&result, KMS_SOURCE_ACTIVATION);
    add_key(&result, WINDOWS, NULL, epid);
    return publish(stage, &result);
}

static const struct kms_judgement *judgement(const struct stage *stage)
{
    return &kms_board_snapshot(stage->board, 0)->judgement;
}

static uint32_t shown(const struct stage *stage, const char *identity)
{
    for (size_t i = 0; i < judgement(stage)->key_count; i++) {
        const struct kms_key_judgement *key = &judgement(stage)->key[i];
        if (strstr(key->identity, identity)) {
            return key->index;
        }
    }
    fail_msg("'%s' is not shown", identity);
    return 0;
}

static enum kms_status add_size(void *arg, const char *name, const char *bytes, size_t len)
{
    (void)bytes;
    *(size_t *)arg += strlen(name) + len;
    return KMS_OK;
}

/* Of all that is to be kept. */
static size_t size_of(const struct stage *stage)
{
    size_t size = 0;
    kms_index_untell(stage->index);
    assert_int_equal(kms_index_tell(stage->index, add_size, &size), KMS_OK);
    return size;
}

static void new_keys_have_numbers_of_their_own_up_to_the_limit(void **state)
{
    struct stage *stage = *state;
    for (unsigned i = 1; i <= KMS_KEY_NUMBERS_MAX; i++) {
        (void)answer(stage, i);
        assert_int_equal(judgement(stage)->key_count, 1);
        assert_int_equal(judgement(stage)->key[0].index, i);
    }
    (void)answer(stage, 7); /* comes back to its own */
    assert_int_equal(judgement(stage)->key[0].index, 7);
    assert_int_equal(stage->logged, 0);
}

static void after_that_they_share_one_row_and_the_file_does_not_grow(void **state)
{
    struct stage *stage = *state;
    size_t size = 0;
    for (unsigned i = 1; i <= POLLS; i++) {
        struct kms_change change = answer(stage, i);
        if (i <= KMS_KEY_NUMBERS_MAX) {
            continue;
        }
        assert_int_equal(judgement(stage)->key[0].index, KMS_KEY_NUMBERS_MAX + 1);
        if (i == KMS_KEY_NUMBERS_MAX + 1) {
            size = size_of(stage);
            continue;
        }
        assert_false(change.shape); /* and the tables stay as they are */
    }
    assert_int_equal(size_of(stage), size);
    assert_int_equal(stage->logged, 1);
    assert_non_null(strstr(stage->line, HOST));
    start_again(stage);
    for (unsigned i = 1; i <= POLLS; i++) {
        (void)answer(stage, POLLS + i);
        assert_int_equal(judgement(stage)->key[0].index, KMS_KEY_NUMBERS_MAX + 1);
    }
    assert_int_equal(size_of(stage), size);
    assert_int_equal(stage->logged, 1);
}

static void the_rows_of_genuine_keys_stay_where_they_are(void **state)
{
    struct stage *stage = *state;
    report(stage, OFFICE, "office-1");
    uint32_t office = shown(stage, "office-1");
    for (unsigned i = 1; i <= POLLS; i++) {
        (void)answer(stage, i);
        assert_int_equal(judgement(stage)->key_count, 2);
        assert_int_equal(shown(stage, "office-1"), office);
        assert_int_not_equal(shown(stage, "epid:"), office);
        assert_int_not_equal(shown(stage, "epid:"), 0);
    }
    report(stage, OFFICE, "office-2"); /* ids have room of their own, whatever ePIDs did */
    uint32_t second = shown(stage, "office-2");
    start_again(stage);
    report(stage, OFFICE, "office-2");
    assert_int_equal(shown(stage, "office-2"), second);
    report(stage, OFFICE, "office-1");
    assert_int_equal(shown(stage, "office-1"), office);
}

/* The ePID of an answer is that of a key that a report tells by its id: no row, so no number. */
static void an_epid_that_is_shown_with_another_key_takes_no_number(void **state)
{
    struct stage *stage = *state;
    report(stage, WINDOWS, "windows-1");
    size_t size = size_of(stage);
    for (unsigned i = 1; i <= POLLS; i++) {
        (void)answer(stage, i);
        assert_int_equal(judgement(stage)->key_count, 1);
    }
    assert_int_equal(size_of(stage), size);
    assert_int_equal(stage->logged, 0);
}

static void keys_that_share_at_the_same_time_have_different_rows(void **state)
{
    struct stage *stage = *state;
    for (unsigned i = 0; i <= KMS_KEY_NUMBERS_MAX; i++) {
        (void)answer(stage, i);
    }
    uint32_t before = 0;
    for (unsigned i = 0; i < POLLS; i++) {
        struct kms_result result;
        char epid[32];
        kms_result_init(&result, KMS_SOURCE_ACTIVATION);
        add_key(&result, OFFICE, NULL, "stays-1"); /* past the limit like the others */
        for (unsigned k = 0; k < i % 4; k++) {
            kms_text_format(epid, sizeof epid, "odd-%u-%u", i, k);
            add_key(&result, WINDOWS, NULL, epid);
        }
        (void)publish(stage, &result);
        for (size_t a = 0; a < judgement(stage)->key_count; a++) {
            assert_int_not_equal(judgement(stage)->key[a].index, 0);
            for (size_t b = 0; b < a; b++) {
                assert_int_not_equal(judgement(stage)->key[a].index,
                                     judgement(stage)->key[b].index);
            }
        }
        assert_true(before == 0 || shown(stage, "stays-1") == before);
        before = shown(stage, "stays-1");
    }
    assert_int_equal(kms_index_find(stage->index, "key/1", "more:5"), 0);
}

static void a_second_key_that_looks_the_same_is_of_the_same_kind(void **state)
{
    struct stage *stage = *state;
    char identity[64];
    for (unsigned i = 1; i <= KMS_KEY_NUMBERS_MAX; i++) {
        kms_text_format(identity, sizeof identity, "%u:key:Windows/?/?", i);
        assert_int_equal(kms_key_number(stage->index, &stage->log, HOST, 9, identity), i);
    }
    assert_int_equal(kms_key_number(stage->index, &stage->log, HOST, 9, "key:Office/?/?"), 0);
    assert_int_equal(kms_key_number(stage->index, &stage->log, HOST, 9, "1:key:Windows/?/?"), 1);
    assert_int_not_equal(kms_key_number(stage->index, &stage->log, HOST, 9, "epid:1"), 0);
    assert_int_not_equal(kms_key_number(stage->index, &stage->log, HOST, 9, "12"), 0);
    assert_int_not_equal(kms_key_number(stage->index, &stage->log, HOST, 8, "key:Office/?/?"), 0);
}

int main(void)
{
#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, open_stage, close_stage)
    const struct CMUnitTest tests[] = {
        ON_STAGE(new_keys_have_numbers_of_their_own_up_to_the_limit),
        ON_STAGE(after_that_they_share_one_row_and_the_file_does_not_grow),
        ON_STAGE(the_rows_of_genuine_keys_stay_where_they_are),
        ON_STAGE(an_epid_that_is_shown_with_another_key_takes_no_number),
        ON_STAGE(keys_that_share_at_the_same_time_have_different_rows),
        ON_STAGE(a_second_key_that_looks_the_same_is_of_the_same_kind),
    };
    return cmocka_run_group_tests_name("key_number", tests, NULL, NULL);
}
