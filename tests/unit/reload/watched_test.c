/* Hosts of the board by name and address, while hosts come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/watched.h"
#include "base/text.h"

#define HOSTS 3000

static struct kms_clock clock_of_system;

static struct kms_board *new_board(void)
{
    struct kms_policy policy;
    kms_policy_preset(&policy);
    clock_of_system = kms_clock_system();
    struct kms_board *board = kms_board_new(&policy, &clock_of_system, NULL, NULL);
    assert_non_null(board);
    return board;
}

static size_t add(struct kms_board *board, size_t number, bool has_address)
{
    char name[32], address[32];
    kms_text_format(name, sizeof name, "Host%zu", number);
    kms_text_format(address, sizeof address, "a%zu.example", number % 100);
    const struct kms_target target = {.name = name, .address = has_address ? address : NULL};
    size_t slot;
    assert_int_equal(kms_board_add(board, &target, (uint32_t)number + 1, &slot), KMS_OK);
    return slot;
}

static size_t count(const struct kms_watched *watched, const struct kms_board *board,
                    const char *text, size_t *ret_names)
{
    size_t found = 0, at = 0, slot;
    bool is_name;
    *ret_names = 0;
    while (kms_watched_next(watched, board, text, &at, &slot, &is_name)) {
        const struct kms_target *target = kms_board_snapshot(board, slot)->target;
        assert_true(kms_text_equal_nocase(is_name ? target->name : target->address, text));
        *ret_names += is_name ? 1 : 0;
        found++;
    }
    return found;
}

static void hosts_are_found_by_name_and_address_in_any_case(void **state)
{
    (void)state;
    struct kms_board *board = new_board();
    struct kms_watched watched = {0};
    size_t names;
    assert_int_equal(count(&watched, board, "host1", &names), 0);
    for (size_t i = 0; i < HOSTS; i++) {
        (void)add(board, i, i % 2 == 0);
    }
    assert_int_equal(kms_watched_sync(&watched, board), KMS_OK);
    assert_int_equal(count(&watched, board, "hOST2999", &names), 1);
    assert_int_equal(names, 1);
    assert_int_equal(count(&watched, board, "A4.Example", &names), HOSTS / 100);
    assert_int_equal(names, 0);
    assert_int_equal(count(&watched, board, "a5.example", &names), 0); /* odd ones have none */
    assert_int_equal(count(&watched, board, "host3000", &names), 0);
    kms_watched_done(&watched);
    kms_board_free(board);
}

static void those_that_come_and_go_are_found_and_not_found(void **state)
{
    (void)state;
    struct kms_board *board = new_board();
    struct kms_watched watched = {0};
    size_t names;
    for (size_t i = 0; i < 10; i++) {
        (void)add(board, i, false);
    }
    assert_int_equal(kms_watched_sync(&watched, board), KMS_OK);
    assert_int_equal(kms_board_retire(board, 3), KMS_OK);
    assert_int_equal(kms_watched_sync(&watched, board), KMS_OK);
    assert_int_equal(count(&watched, board, "host3", &names), 0);
    assert_int_equal(count(&watched, board, "host4", &names), 1);
    size_t slot = add(board, 20, true);
    assert_int_equal(slot, 3);
    kms_watched_added(&watched, board, slot);
    assert_int_equal(watched.turnover, kms_board_turnover(board)); /* no need to look at all */
    assert_int_equal(kms_watched_sync(&watched, board), KMS_OK);
    assert_int_equal(count(&watched, board, "host20", &names), 1);
    assert_int_equal(count(&watched, board, "a20.example", &names), 1);
    (void)add(board, 21, false);
    assert_int_equal(kms_watched_sync(&watched, board), KMS_OK);
    assert_int_equal(count(&watched, board, "host21", &names), 1);
    kms_watched_done(&watched);
    kms_board_free(board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_are_found_by_name_and_address_in_any_case),
        cmocka_unit_test(those_that_come_and_go_are_found_and_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
