/* Which names the disk may hold is known exactly while there is memory, and never too few of them
 * when there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/keeper_held.h"
#include "base/text.h"
#include "unit/scarce.h"

#define NAMES 300

static const char *name_of(int at)
{
    static char name[16];
    kms_text_format(name, sizeof name, "%d", at);
    return name;
}

static bool may(const struct kms_keeper_held *held, int at)
{
    return kms_keeper_held_may(held, KMS_STORE_ALARM,
                               kms_keeper_map_hash(KMS_STORE_ALARM, name_of(at)));
}

static uint32_t draw(uint32_t *chance, uint32_t below)
{
    *chance = *chance * 1664525U + 1013904223U;
    return (*chance >> 8) % below;
}

/* A batch with some names put and some removed; what the disk would hold after it is in after. */
static void fill(struct kms_keeper_map *batch, uint32_t *chance, bool *after)
{
    for (uint32_t i = draw(chance, 60); i > 0; i--) {
        int at = (int)draw(chance, NAMES);
        bool removed = draw(chance, 2) == 0;
        if (kms_keeper_map_put(batch, KMS_STORE_ALARM, name_of(at), "", 0, removed) == KMS_OK) {
            after[at] = !removed;
        }
    }
}

static void expect(const struct kms_keeper_held *held, const bool *disk, const bool *other)
{
    for (int i = 0; i < NAMES; i++) {
        assert_int_equal(may(held, i), disk[i] || other[i]);
    }
}

static void what_is_written_or_being_written_may_be_there_and_nothing_else(void **state)
{
    (void)state;
    struct kms_keeper_held held = {0};
    bool disk[NAMES] = {false};
    uint32_t chance = 5;
    for (int round = 0; round < 500; round++) {
        struct kms_keeper_map batch = {0};
        bool after[NAMES];
        bool written = draw(&chance, 3) > 0;
        memcpy(after, disk, sizeof after);
        fill(&batch, &chance, after);
        kms_keeper_held_send(&held, &batch);
        expect(&held, disk, after);
        kms_keeper_held_back(&held, written);
        memcpy(disk, written ? after : disk, sizeof disk);
        expect(&held, disk, disk);
        kms_keeper_map_done(&batch);
    }
    kms_keeper_held_done(&held);
}

static void without_memory_every_name_may_be_there(void **state)
{
    (void)state;
    uint32_t chance = 5;
    for (int64_t left = 0; left < 12; left++) {
        struct kms_keeper_held held = {0};
        bool disk[NAMES] = {false};
        for (int round = 0; round < 20; round++) {
            struct kms_keeper_map batch = {0};
            fill(&batch, &chance, disk);
            scarce_left(round == 10 ? left % 4 : left);
            kms_keeper_held_send(&held, &batch);
            scarce_over();
            kms_keeper_held_back(&held, true);
            kms_keeper_map_done(&batch);
            for (int i = 0; i < NAMES; i++) {
                assert_true(may(&held, i) || !disk[i]);
            }
        }
        kms_keeper_held_done(&held);
    }
}

static void another_list_of_names_takes_the_place_of_none_at_all(void **state)
{
    (void)state;
    struct kms_keeper_held held = {.disk = {.blind = true}};
    struct kms_keeper_names names = {0};
    assert_true(may(&held, 1));
    kms_keeper_held_replace(&held, &names);
    assert_false(may(&held, 1));
    kms_keeper_held_done(&held);
}

static void of_numbers_every_name_may_be_there(void **state)
{
    (void)state;
    const struct kms_keeper_held held = {0};
    assert_true(kms_keeper_held_may(&held, KMS_STORE_NUMBER, 1));
    assert_false(kms_keeper_held_may(&held, KMS_STORE_WINDOW, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_or_being_written_may_be_there_and_nothing_else),
        cmocka_unit_test(without_memory_every_name_may_be_there),
        cmocka_unit_test(another_list_of_names_takes_the_place_of_none_at_all),
        cmocka_unit_test(of_numbers_every_name_may_be_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
