/* Which of the keys on the board an activation request is made for: one that the host itself told,
 * and the one that serves best. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/known_key.h"
#include "base/text.h"
#include "model/board.h"

#define START_US INT64_C(1763703523000000)
#define WINDOWS  "55c92734-d682-4d71-983e-d6ec3f16059f"
#define OFFICE   "0ff1ce15-a989-479d-af46-f275c6370663"
#define EPID     "03612-00206-556-123727-03-1033-17763.0000-2972018"

struct stage {
    int64_t wall_us;
    struct kms_clock clock;
    struct kms_policy policy;
    struct kms_board *board;
    uint32_t numbers;
};

/* As a source tells it; NULL and 0: does not tell. */
struct told {
    const char *id, *application, *name, *epid;
    enum kms_license_status license;
};

static int64_t stage_time(void *arg)
{
    return ((struct stage *)arg)->wall_us;
}

static uint32_t number_key(void *arg, const char *host, const char *identity)
{
    struct stage *stage = arg;
    assert_non_null(host);
    assert_non_null(identity);
    return ++stage->numbers;
}

static void add_host(struct stage *stage, const char *text, uint32_t index)
{
    static const enum kms_source sources[] = {KMS_SOURCE_WSMAN, KMS_SOURCE_REPORT,
                                              KMS_SOURCE_ACTIVATION};
    char name[16];
    size_t slot;
    kms_text_copy(name, sizeof name, text);
    struct kms_target target = {.name = name};
    for (size_t i = 0; i < KMS_COUNT_OF(sources); i++) {
        target.source[sources[i]].enabled = true;
        target.source[sources[i]].max_age_ms = 3600000;
    }
    assert_int_equal(kms_board_add(stage->board, &target, index, &slot), KMS_OK);
}

static int open_stage(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);
    assert_non_null(stage);
    stage->wall_us = START_US;
    stage->clock = (struct kms_clock){stage_time, stage_time, stage};
    kms_policy_preset(&stage->policy);
    stage->board = kms_board_new(&stage->policy, &stage->clock, number_key, stage);
    assert_non_null(stage->board);
    add_host(stage, "kms01", 1);
    add_host(stage, "kms02", 2);
    *state = stage;
    return 0;
}

static int close_stage(void **state)
{
    struct stage *stage = *state;
    kms_board_free(stage->board);
    free(stage);
    return 0;
}

static void set_text(struct kms_facts *key, enum kms_fact_id fact, const char *text)
{
    if (text) {
        assert_int_equal(kms_facts_set_text(key, fact, text), KMS_OK);
    }
}

static void tell(struct stage *stage, size_t slot, enum kms_source source, const struct told *told,
                 size_t count)
{
    struct kms_result result;
    struct kms_change change;
    kms_result_init(&result, source);
    result.outcome = KMS_OUTCOME_OK;
    result.wall_s = stage->wall_us / 1000000;
    result.data_s = result.data_s_min = result.data_s_max = result.wall_s;
    result.fingerprint = (uint64_t)result.wall_s;
    for (size_t i = 0; i < count; i++) {
        struct kms_facts *key = kms_result_add_key(&result);
        assert_non_null(key);
        set_text(key, KMS_FACT_ACTIVATION_ID, told[i].id);
        set_text(key, KMS_FACT_APPLICATION_ID, told[i].application);
        set_text(key, KMS_FACT_KEY_GROUP, told[i].name);
        set_text(key, KMS_FACT_EPID, told[i].epid);
        if (told[i].license != KMS_LICENSE_UNKNOWN) {
            assert_int_equal(
                kms_facts_set_number(key, KMS_FACT_LICENSE_STATUS, (int64_t)told[i].license),
                KMS_OK);
        }
    }
    assert_int_equal(kms_board_publish(stage->board, slot, &result, &change), KMS_OK);
    kms_result_done(&result);
}

static void assert_knows(struct stage *stage, size_t slot, const char *name, const char *epid)
{
    struct kms_known_key key;
    memset(&key, 'x', sizeof key);
    kms_known_key_of(stage->board, kms_board_snapshot(stage->board, slot)->target, &key);
    assert_string_equal(key.name, name);
    assert_string_equal(key.epid, epid);
}

static void of_a_host_that_told_nothing_no_key_is_known(void **state)
{
    assert_knows(*state, 0, "", "");
}

static void of_a_host_that_is_not_on_the_board_none_is_known_either(void **state)
{
    struct stage *stage = *state;
    const struct told told = {"a", WINDOWS, "Windows Server 2019", EPID, KMS_LICENSE_LICENSED};
    struct kms_known_key key;
    tell(stage, 0, KMS_SOURCE_REPORT, &told, 1);
    char name[] = "kms01"; /* the same name is not the same host: another board has one too */
    struct kms_target other = {.name = name};
    memset(&key, 'x', sizeof key);
    kms_known_key_of(stage->board, &other, &key);
    assert_string_equal(key.name, "");
    assert_string_equal(key.epid, "");
}

static void the_key_of_a_report_is_known_for_that_host_alone(void **state)
{
    struct stage *stage = *state;
    const struct told told = {"a", WINDOWS, "Windows Server 2019", EPID, KMS_LICENSE_LICENSED};
    tell(stage, 1, KMS_SOURCE_REPORT, &told, 1);
    assert_knows(stage, 0, "", "");
    assert_knows(stage, 1, "Windows Server 2019", EPID);
}

static void so_is_the_key_that_wsman_tells(void **state)
{
    struct stage *stage = *state;
    const struct told told = {"a", WINDOWS, "Windows Server 2022", NULL, KMS_LICENSE_LICENSED};
    tell(stage, 0, KMS_SOURCE_WSMAN, &told, 1);
    assert_knows(stage, 0, "Windows Server 2022", "");
}

static void a_key_without_a_name_still_has_its_epid(void **state)
{
    struct stage *stage = *state;
    const struct told told = {"a", WINDOWS, NULL, "03612-00206-556", KMS_LICENSE_LICENSED};
    tell(stage, 0, KMS_SOURCE_REPORT, &told, 1);
    struct kms_known_key key;
    kms_known_key_of(stage->board, kms_board_snapshot(stage->board, 0)->target, &key);
    assert_string_equal(key.epid, "03612-00206-556");
}

/* What only the wire told is in the plan's own memory, and would speak for itself. */
static void what_the_wire_told_is_no_knowledge(void **state)
{
    struct stage *stage = *state;
    const struct told told = {NULL, WINDOWS, "Windows Server 2019", EPID, KMS_LICENSE_UNKNOWN};
    tell(stage, 0, KMS_SOURCE_ACTIVATION, &told, 1);
    assert_int_equal(kms_board_snapshot(stage->board, 0)->judgement.key_count, 1);
    assert_knows(stage, 0, "", "");
}

static void a_licensed_key_of_windows_comes_before_any_other(void **state)
{
    struct stage *stage = *state;
    static const struct told best = {"w", WINDOWS, "Windows Server 2019", EPID,
                                     KMS_LICENSE_LICENSED};
    static const struct told worse[] = {
        {"o", OFFICE, "Office LTSC 2021", "o-1", KMS_LICENSE_LICENSED},
        {"u", WINDOWS, "Windows Server 2008 A", "u-1", KMS_LICENSE_UNLICENSED},
        {"n", WINDOWS, "Windows Server 2022", "n-1", KMS_LICENSE_UNKNOWN},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(worse); i++) {
        const struct told first[] = {best, worse[i]};
        const struct told last[] = {worse[i], best};
        stage->wall_us += 1000000;
        tell(stage, 0, KMS_SOURCE_REPORT, first, 2);
        assert_knows(stage, 0, best.name, best.epid);
        stage->wall_us += 1000000;
        tell(stage, 0, KMS_SOURCE_REPORT, last, 2);
        assert_knows(stage, 0, best.name, best.epid);
    }
}

static void a_licensed_key_of_office_comes_before_one_of_windows_that_is_not(void **state)
{
    struct stage *stage = *state;
    const struct told told[] = {
        {"w", WINDOWS, "Windows Server 2019", EPID, KMS_LICENSE_NOTIFICATION},
        {"o", OFFICE, "Office LTSC 2021", "o-1", KMS_LICENSE_LICENSED},
    };
    tell(stage, 0, KMS_SOURCE_REPORT, told, 2);
    assert_knows(stage, 0, "Office LTSC 2021", "o-1");
}

static void a_key_whose_state_is_not_told_is_better_than_none(void **state)
{
    struct stage *stage = *state;
    const struct told told = {"a", OFFICE, "Office LTSC 2021", EPID, KMS_LICENSE_UNKNOWN};
    tell(stage, 0, KMS_SOURCE_REPORT, &told, 1);
    assert_knows(stage, 0, "Office LTSC 2021", EPID);
}

static void a_key_that_is_stale_is_not_known_any_more(void **state)
{
    struct stage *stage = *state;
    const struct told told = {"a", WINDOWS, "Windows Server 2019", EPID, KMS_LICENSE_LICENSED};
    struct kms_change change;
    tell(stage, 0, KMS_SOURCE_REPORT, &told, 1);
    assert_knows(stage, 0, "Windows Server 2019", EPID);
    stage->wall_us += INT64_C(3601) * 1000000;
    assert_int_equal(kms_board_tick(stage->board, 0, &change), KMS_OK);
    assert_knows(stage, 0, "", "");
    tell(stage, 0, KMS_SOURCE_REPORT, &told, 1);
    assert_knows(stage, 0, "Windows Server 2019", EPID);
}

static void a_name_and_an_epid_that_are_too_long_are_cut(void **state)
{
    struct stage *stage = *state;
    char name[300];
    char epid[300];
    memset(name, 'n', sizeof name - 1);
    memset(epid, 'e', sizeof epid - 1);
    name[sizeof name - 1] = '\0';
    epid[sizeof epid - 1] = '\0';
    const struct told told = {"a", WINDOWS, name, epid, KMS_LICENSE_LICENSED};
    struct kms_known_key key;
    tell(stage, 0, KMS_SOURCE_REPORT, &told, 1);
    kms_known_key_of(stage->board, kms_board_snapshot(stage->board, 0)->target, &key);
    assert_true(strlen(key.name) < sizeof key.name && kms_text_starts(key.name, "nnn"));
    assert_true(strlen(key.epid) < sizeof key.epid && kms_text_starts(key.epid, "eee"));
}

int main(void)
{
#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, open_stage, close_stage)
    const struct CMUnitTest tests[] = {
        ON_STAGE(of_a_host_that_told_nothing_no_key_is_known),
        ON_STAGE(of_a_host_that_is_not_on_the_board_none_is_known_either),
        ON_STAGE(the_key_of_a_report_is_known_for_that_host_alone),
        ON_STAGE(so_is_the_key_that_wsman_tells),
        ON_STAGE(a_key_without_a_name_still_has_its_epid),
        ON_STAGE(what_the_wire_told_is_no_knowledge),
        ON_STAGE(a_licensed_key_of_windows_comes_before_any_other),
        ON_STAGE(a_licensed_key_of_office_comes_before_one_of_windows_that_is_not),
        ON_STAGE(a_key_whose_state_is_not_told_is_better_than_none),
        ON_STAGE(a_key_that_is_stale_is_not_known_any_more),
        ON_STAGE(a_name_and_an_epid_that_are_too_long_are_cut),
    };
    return cmocka_run_group_tests_name("known_key", tests, NULL, NULL);
}
