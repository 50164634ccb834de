/* Memory that runs out anywhere in the watched domains is a status: what was shown stays, and the
 * next try succeeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "model/zone.h"
#include "unit/scarce.h"

static int64_t the_time(void *arg)
{
    (void)arg;
    return INT64_C(1400000000000000);
}

static uint32_t number(void *arg, const char *space, const char *name)
{
    (void)arg;
    (void)space;
    void *memory = malloc(1); /* as a real one may */
    free(memory);
    return memory ? (uint32_t)strlen(name) : 0;
}

static const struct kms_clock steady = {the_time, the_time, NULL};

static enum kms_status add_host(struct kms_board *board, const char *text)
{
    char name[32];
    size_t slot;
    kms_text_copy(name, sizeof name, text);
    struct kms_target target = {.name = name, .port = 1688};
    target.source[KMS_SOURCE_DNS].enabled = true;
    return kms_board_add(board, &target, 1, &slot);
}

/* One more host with so many allocations only. */
static bool add_later(struct kms_board *board, int64_t allocations)
{
    scarce_left(allocations);
    enum kms_status status = add_host(board, "kms9.example.com");
    scarce_over();
    return status == KMS_OK;
}

static void a_board_without_memory_keeps_its_hosts(void **state)
{
    (void)state;
    bool is_done = false;
    for (int64_t i = 0; !is_done; i++) {
        struct kms_policy policy;
        kms_policy_preset(&policy);
        struct kms_board *board = kms_board_new(&policy, &steady, NULL, NULL);
        assert_non_null(board);
        for (unsigned k = 0; k < 16; k++) {
            assert_int_equal(add_host(board, "kms1.example.com"), KMS_OK);
        }
        is_done = add_later(board, i);
        assert_int_equal(kms_board_count(board), is_done ? 17 : 16);
        assert_string_equal(kms_board_snapshot(board, 15)->target->name, "kms1.example.com");
        kms_board_free(board);
    }
}

/* Everything that allocates, step by step; the number of steps done. */
static unsigned run(struct kms_board *board, struct kms_zones **ret_zones)
{
    struct kms_zone_record record[] = {{.target = "kms1.example.com", .port = 1688, .weight = 1},
                                       {.target = "kms22.example.com", .port = 1688},
                                       {.target = "stranger.example.com", .port = 1688}};
    struct kms_zone_lookup lookup = {
        .outcome = KMS_OUTCOME_OK, .record = record, .record_count = KMS_COUNT_OF(record)};
    const struct kms_zone_past past = {
        .record = {.target = "old.example.com", .port = 1688}, .first_seen_s = 5, .last_seen_s = 6};
    const struct kms_zone_expected expected = {.name = "kms1.example.com", .port = 1688};
    struct kms_result result;
    size_t zone;
    *ret_zones = kms_zones_new(board, &steady, true, number, NULL, NULL, NULL);
    if (!*ret_zones) {
        return 0;
    }
    if (kms_zones_add(*ret_zones, "example.com", &zone) != KMS_OK) {
        assert_int_equal(kms_zones_count(*ret_zones), 0);
        return 1;
    }
    if (kms_zones_recall(*ret_zones, zone, &past, 1) != KMS_OK) {
        assert_int_equal(kms_zones_get(*ret_zones, zone)->record_count, 0);
        return 2;
    }
    if (kms_zones_wish(*ret_zones, zone, 2, &expected, 1) != KMS_OK) {
        return 3;
    }
    if (kms_zones_publish(*ret_zones, zone, &lookup) != KMS_OK) {
        assert_int_equal(kms_zones_get(*ret_zones, zone)->outcome, KMS_OUTCOME_NONE);
        assert_int_equal(kms_zones_get(*ret_zones, zone)->record_count, 1);
        return 4;
    }
    if (add_host(board, "kms3.example.com") != KMS_OK || kms_zones_refresh(*ret_zones) != KMS_OK) {
        assert_int_equal(kms_zones_get(*ret_zones, zone)->publication_count, 2);
        return 5;
    }
    if (!kms_zones_host_result(*ret_zones, 0, &result)) {
        return 6;
    }
    kms_result_done(&result);
    if (kms_board_retire(board, 0) != KMS_OK) {
        assert_string_equal(kms_board_snapshot(board, 0)->target->name, "kms1.example.com");
        return 7;
    }
    if (kms_zones_refresh(*ret_zones) != KMS_OK) {
        return 8;
    }
    assert_int_equal(kms_zones_get(*ret_zones, zone)->publication_count, 2);
    return 9;
}

static void zones_without_memory_show_what_they_showed(void **state)
{
    (void)state;
    unsigned steps = 0;
    for (int64_t i = 1; steps < 9; i++) {
        struct kms_policy policy;
        kms_policy_preset(&policy);
        struct kms_board *board = kms_board_new(&policy, &steady, NULL, NULL);
        struct kms_zones *zones = NULL;
        assert_non_null(board);
        assert_int_equal(add_host(board, "kms1.example.com"), KMS_OK);
        assert_int_equal(add_host(board, "kms22.example.com"), KMS_OK);
        scarce_left(i);
        steps = run(board, &zones);
        scarce_over();
        if (steps == 5) {
            assert_int_equal(kms_zones_refresh(zones), KMS_OK);
            assert_int_equal(kms_zones_get(zones, 0)->publication_count, kms_board_count(board));
        }
        kms_zones_free(zones);
        kms_board_free(board);
        assert_true(i < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_board_without_memory_keeps_its_hosts),
        cmocka_unit_test(zones_without_memory_show_what_they_showed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
