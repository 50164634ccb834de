/* One KMS host that is asked for activations under two addresses of the configuration is told of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/news.h"
#include "base/text.h"

struct stage {
    struct kms_clock clock;
    struct kms_policy policy;
    struct kms_log log;
    unsigned logged;
    char line[400];
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

static int open_stage(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);
    assert_non_null(stage);
    stage->clock = (struct kms_clock){stage_time, stage_time, NULL};
    stage->log = (struct kms_log){
        .kind = KMS_LOG_TO_CALLBACK, .level = KMS_LOG_DEBUG, .callback = take_line, .arg = stage};
    kms_policy_preset(&stage->policy);
    stage->board = kms_board_new(&stage->policy, &stage->clock, NULL, NULL);
    assert_non_null(stage->board);
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

/* answers: from where; NULL: it did not. */
static size_t add_host(struct stage *stage, const char *name, const char *address, bool activation,
                       const char *answers)
{
    char name_room[64];
    char address_room[64];
    size_t slot;
    kms_text_copy(name_room, sizeof name_room, name);
    kms_text_copy(address_room, sizeof address_room, address);
    struct kms_target target = {.name = name_room, .address = address_room};
    enum kms_source source = activation ? KMS_SOURCE_ACTIVATION : KMS_SOURCE_RPC;
    target.source[source].enabled = true;
    uint32_t index = (uint32_t)kms_board_count(stage->board) + 1;
    assert_int_equal(kms_board_add(stage->board, &target, index, &slot), KMS_OK);
    if (answers) {
        struct kms_result result;
        struct kms_change change;
        kms_result_init(&result, source);
        result.outcome = KMS_OUTCOME_OK;
        result.wall_s = result.data_s = 1763703523;
        assert_int_equal(kms_facts_set_text(&result.host, KMS_FACT_RPC_ADDRESS, answers), KMS_OK);
        assert_int_equal(kms_board_publish(stage->board, slot, &result, &change), KMS_OK);
        kms_result_done(&result);
    }
    return slot;
}

/* The slot of the other one, or NONE. */
#define NONE SIZE_MAX

static void tells(struct stage *stage, size_t slot, size_t of)
{
    unsigned before = stage->logged;
    size_t other = NONE;
    bool told = kms_news_same_host(&stage->log, stage->board, slot, &other);
    assert_int_equal(told, of != NONE);
    assert_int_equal(other, of);
    assert_int_equal(stage->logged - before, told);
}

static void a_host_under_two_names_is_told_of(void **state)
{
    struct stage *stage = *state;
    size_t first = add_host(stage, "kms01", "kms01.example.org", true, "192.0.2.1:1688");
    size_t second = add_host(stage, "kms", "kms.example.org", true, "192.0.2.1:1688");
    for (size_t i = 0; i < 2; i++) { /* whichever of them answered last */
        stage->line[0] = '\0';
        tells(stage, i == 0 ? second : first, i == 0 ? first : second);
        assert_non_null(
            strstr(stage->line, "activation kms: it answers from 192.0.2.1:1688, as kms01 does"));
    }
    tells(stage, add_host(stage, "ip", "192.0.2.1", true, "192.0.2.1:1688"), first);
}

static void hosts_with_addresses_of_their_own_are_not(void **state)
{
    struct stage *stage = *state;
    (void)add_host(stage, "a", "a.example.org", true, "192.0.2.1:1688");
    tells(stage, add_host(stage, "b", "b.example.org", true, "192.0.2.2:1688"), NONE);
    tells(stage, add_host(stage, "c", "c.example.org", true, "192.0.2.1:1689"), NONE);
    tells(stage, add_host(stage, "d", "d.example.org", true, NULL), NONE);
    tells(stage, add_host(stage, "e", "e.example.org", true, NULL), NONE);
}

/* They share what is remembered, and the interval with it. */
static void nor_two_blocks_with_the_same_address(void **state)
{
    struct stage *stage = *state;
    (void)add_host(stage, "windows", "kms.example.org", true, "192.0.2.1:1688");
    tells(stage, add_host(stage, "office", "KMS.example.org", true, "192.0.2.1:1688"), NONE);
    (void)add_host(stage, "six", "2001:db8::1", true, "[2001:db8::1]:1688");
    tells(stage, add_host(stage, "6", "2001:DB8:0::1", true, "[2001:db8::1]:1688"), NONE);
}

static void nor_a_host_that_is_asked_for_no_activation(void **state)
{
    struct stage *stage = *state;
    (void)add_host(stage, "a", "a.example.org", false, "192.0.2.1:1688");
    size_t asked = add_host(stage, "b", "b.example.org", true, "192.0.2.1:1688");
    tells(stage, asked, NONE);
    tells(stage, add_host(stage, "c", "c.example.org", false, "192.0.2.1:1688"), NONE);
}

int main(void)
{
#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, open_stage, close_stage)
    const struct CMUnitTest tests[] = {
        ON_STAGE(a_host_under_two_names_is_told_of),
        ON_STAGE(hosts_with_addresses_of_their_own_are_not),
        ON_STAGE(nor_two_blocks_with_the_same_address),
        ON_STAGE(nor_a_host_that_is_asked_for_no_activation),
    };
    return cmocka_run_group_tests_name("same_host", tests, NULL, NULL);
}
