/* A reload with a board, a scheduler and lookups of its own, and sites out of memory: who is told
 * what, and what a rejected one leaves alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/reload.h"
#include "base/text.h"
#include "probe/worker.h"

#define TURNS_MAX 10000

/* What the made-up loader gives next. */
struct world {
    struct kms_env env;
    struct kms_board *board;
    struct kms_scheduler *scheduler;
    struct kms_zones *zones;
    struct kms_lookups *lookups;
    struct kms_texts none;
    struct kms_agent_facts facts;
    struct kms_site site;
    struct kms_log log;
    struct kms_buf lines;
    struct kms_reload *reload;
    const char *text; /* of the configuration; read by the thread */
    bool refuse;      /* what was read cannot be prepared */
    atomic_int loads;
    size_t begun, settled, over, busy;
    uint32_t numbers;
};

static struct world world;

static enum kms_status load(void *arg, struct kms_site *ret_site, struct kms_buf *errors)
{
    struct world *w = arg;
    struct kms_conf_errors collected;
    kms_conf_errors_init(&collected, errors);
    struct kms_conf *conf = kms_conf_parse("t.conf", w->text, strlen(w->text), NULL, &collected);
    assert_non_null(conf);
    enum kms_status status = kms_site_build(conf, ret_site, &collected);
    kms_conf_free(conf);
    atomic_fetch_add(&w->loads, 1);
    return status;
}

static bool prepare(void *arg, struct kms_site *next, struct kms_buf *errors)
{
    const struct world *w = arg;
    assert_ptr_not_equal(next, &w->site);
    return !w->refuse || kms_buf_add_str(errors, "no room\n") != KMS_OK;
}

static void begin(void *arg, struct kms_site *next)
{
    struct world *w = arg;
    assert_ptr_not_equal(next, &w->site);
    w->begun++;
}

static enum kms_status settle(void *arg, const struct kms_site *next)
{
    struct world *w = arg;
    assert_ptr_not_equal(next, &w->site);
    if (w->busy > 0) {
        w->busy--;
        return KMS_EBUSY;
    }
    w->settled++;
    return KMS_OK;
}

static void over(void *arg)
{
    struct world *w = arg;
    w->over++;
}

static uint32_t number_of_host(void *arg, const char *name)
{
    struct world *w = arg;
    assert_true(name[0] != '\0');
    return ++w->numbers;
}

static void keep_line(void *arg, enum kms_log_level level, const char *line)
{
    struct world *w = arg;
    (void)level;
    assert_int_equal(kms_buf_addf(&w->lines, "%s\n", line), KMS_OK);
}

static const struct kms_probe_type *const types[] = {NULL}; /* nothing is asked */

static int open_world(void **state)
{
    (void)state;
    world = (struct world){.env.clock = kms_clock_system()};
    world.env.loop = kms_loop_new(&world.env.clock);
    world.env.worker = kms_worker_new(world.env.loop, 2);
    struct kms_policy policy;
    kms_policy_preset(&policy);
    world.board = kms_board_new(&policy, &world.env.clock, NULL, NULL);
    kms_buf_init(&world.lines, 1 << 20);
    world.log = (struct kms_log){
        .kind = KMS_LOG_TO_CALLBACK, .level = KMS_LOG_INFO, .callback = keep_line, .arg = &world};
    const struct kms_scheduler_config polls = {.env = &world.env,
                                               .board = world.board,
                                               .log = &world.log,
                                               .types = types,
                                               .interval_ms = 60000};
    world.scheduler = kms_scheduler_new(&polls);
    world.zones = kms_zones_new(world.board, &world.env.clock, false, NULL, NULL, NULL, NULL);
    const struct kms_lookups_config lookups = {.env = &world.env,
                                               .board = world.board,
                                               .zones = world.zones,
                                               .scheduler = world.scheduler,
                                               .log = &world.log,
                                               .discover = &world.none,
                                               .interval_ms = 60000,
                                               .timeout_ms = 1000};
    world.lookups = kms_lookups_new(&lookups);
    world.text = "";
    assert_int_equal(kms_site_preset(&world.site), KMS_OK);
    world.facts.config_result = KMS_CONFIG_OK;
    const struct kms_reload_config config = {.env = &world.env,
                                             .board = world.board,
                                             .scheduler = world.scheduler,
                                             .lookups = world.lookups,
                                             .log = &world.log,
                                             .facts = &world.facts,
                                             .site = &world.site,
                                             .load = load,
                                             .load_arg = &world,
                                             .prepare = prepare,
                                             .begin = begin,
                                             .settle = settle,
                                             .over = over,
                                             .number_of_host = number_of_host,
                                             .arg = &world};
    world.reload = kms_reload_new(&config);
    assert_non_null(world.reload);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    kms_reload_free(world.reload);
    kms_lookups_free(world.lookups);
    kms_scheduler_free(world.scheduler);
    kms_zones_free(world.zones);
    kms_board_free(world.board);
    kms_worker_free(world.env.worker, 10000);
    kms_loop_free(world.env.loop);
    kms_site_free(&world.site);
    kms_buf_done(&world.lines);
    return 0;
}

struct answer {
    size_t count;
    bool in_force;
    char summary[256], errors[256];
};

static void answered(void *arg, bool in_force, const char *summary, const char *errors)
{
    struct answer *answer = arg;
    answer->count++;
    answer->in_force = in_force;
    kms_text_copy(answer->summary, sizeof answer->summary, summary);
    kms_text_copy(answer->errors, sizeof answer->errors, errors);
}

static void turn_until(const size_t *count, size_t wanted)
{
    for (size_t i = 0; *count < wanted; i++) {
        assert_true(i < TURNS_MAX);
        kms_loop_once(world.env.loop, 1000);
    }
}

static struct answer reload(const char *text)
{
    struct answer answer = {0};
    world.text = text;
    assert_true(kms_reload_start(world.reload, answered, &answer));
    turn_until(&answer.count, 1);
    return answer;
}

static const struct kms_target *target_at(size_t slot)
{
    return kms_board_snapshot(world.board, slot)->target;
}

static void hosts_come_change_and_go(void **state)
{
    (void)state;
    struct answer answer = reload("host a { rpc { } }\nhost b { rpc { } }\ninterval = 30s\n");
    assert_true(answer.in_force);
    assert_string_equal(answer.summary, "2 hosts added, 0 removed, 0 changed, 0 unchanged");
    assert_string_equal(answer.errors, "");
    assert_int_equal(kms_board_count(world.board), 2);
    assert_int_equal(kms_board_snapshot(world.board, 1)->index, 2);
    assert_int_equal(world.site.interval_ms, 30000);
    assert_int_equal(world.facts.interval_s, 30);
    assert_int_equal(world.facts.config_result, KMS_CONFIG_OK);
    assert_true(world.facts.config_loaded_s > 0);
    assert_null(world.site.host); /* the board has them */
    const struct kms_target *b = target_at(1);
    answer = reload("host c { rpc { } }\nhost b { rpc { } }\nstate-dir = /elsewhere\n");
    assert_string_equal(answer.summary, "1 host added, 1 removed, 0 changed, 1 unchanged; after a "
                                        "restart: state-dir");
    assert_string_equal(target_at(0)->name, "c"); /* the slot was free */
    assert_int_equal(kms_board_snapshot(world.board, 0)->index, 3);
    assert_ptr_equal(target_at(1), b); /* not touched */
    assert_string_not_equal(world.site.state_dir, "/elsewhere");
    answer = reload("host c { rpc { } }\nhost b { port = 1690 rpc { } }\n");
    assert_string_equal(answer.summary, "0 hosts added, 0 removed, 1 changed, 1 unchanged");
    assert_int_equal(target_at(1)->port, 1690);
    assert_int_equal(kms_board_snapshot(world.board, 1)->index, 2);
    assert_int_equal(world.numbers, 3);
    assert_int_equal(world.begun, 3);
    assert_int_equal(world.settled, 3);
    assert_int_equal(world.over, 3);
}

static size_t told_of(const char *what)
{
    size_t count = 0;
    for (const char *at = kms_buf_str(&world.lines); (at = strstr(at, what)); at++) {
        count++;
    }
    return count;
}

static void the_loss_of_all_hosts_is_told_until_the_next_reload(void **state)
{
    (void)state;
    struct kms_reload_loss loss;
    (void)reload("");
    assert_false(kms_reload_tell_loss(&world.facts, &loss)); /* there were none */
    (void)reload("host a { rpc { } }\nhost b { rpc { } }\n");
    (void)reload("host b { rpc { } }\n");
    assert_false(kms_reload_tell_loss(&world.facts, &loss));
    (void)reload("host c { rpc { } }\nhost d { rpc { } }\n");
    assert_false(kms_reload_tell_loss(&world.facts, &loss)); /* others are there */
    struct answer answer = reload("");
    assert_true(answer.in_force);
    assert_string_equal(answer.errors, "");
    assert_int_equal(world.facts.config_result, KMS_CONFIG_OK);
    assert_true(kms_reload_tell_loss(&world.facts, &loss));
    assert_string_equal(loss.text,
                        "all 2 hosts that were configured are gone, and their alarms with them");
    assert_int_equal(told_of("reload: all 2 hosts that were configured are gone"), 1);
    assert_int_equal(told_of(loss.next), 1);
    assert_false(reload("host a {").in_force);
    assert_true(kms_reload_tell_loss(&world.facts, &loss)); /* nothing else is in force */
    (void)reload("");
    assert_false(kms_reload_tell_loss(&world.facts, &loss));
    (void)reload("host a { rpc { } }\n");
    (void)reload("");
    assert_true(kms_reload_tell_loss(&world.facts, &loss));
    assert_string_equal(loss.text,
                        "the only host that was configured is gone, and its alarms with it");
    (void)reload("host a { rpc { } }\n");
    assert_false(kms_reload_tell_loss(&world.facts, &loss));
}

static void what_is_wrong_changes_nothing_and_is_told(void **state)
{
    (void)state;
    (void)reload("host a { rpc { } }\n");
    world.facts.config_loaded_s = 7;
    struct answer answer = reload("host b { rpc { } }\ncolour = red\n");
    assert_false(answer.in_force);
    assert_non_null(strstr(answer.errors, "t.conf:2: unknown key 'colour'"));
    assert_non_null(strstr(kms_buf_str(&world.lines), "reload: t.conf:2: unknown key 'colour'"));
    assert_string_equal(target_at(0)->name, "a");
    assert_int_equal(kms_board_count(world.board), 1);
    assert_int_equal(world.facts.config_result, KMS_CONFIG_REJECTED);
    assert_int_equal(world.facts.config_loaded_s, 7);
    world.refuse = true;
    answer = reload("host b { rpc { } }\n");
    assert_false(answer.in_force);
    assert_string_equal(answer.errors, "no room\n");
    assert_string_equal(target_at(0)->name, "a");
    assert_int_equal(world.begun, 1);
    world.refuse = false;
    answer = reload("host b { rpc { } }\n");
    assert_true(answer.in_force);
    assert_int_equal(world.facts.config_result, KMS_CONFIG_OK);
    assert_int_not_equal(world.facts.config_loaded_s, 7);
}

static void who_asks_during_a_reload_is_answered_by_the_next_one(void **state)
{
    (void)state;
    struct answer first = {0}, second = {0}, third = {0}, gone = {0};
    world.text = "host a { rpc { } }\n";
    world.busy = 3;
    assert_true(kms_reload_start(world.reload, answered, &first));
    turn_until(&world.begun, 1);
    world.text = "host a { rpc { } }\nhost b { rpc { } }\n";
    assert_true(kms_reload_start(world.reload, answered, &second));
    assert_true(kms_reload_start(world.reload, answered, &gone));
    assert_true(kms_reload_start(world.reload, NULL, NULL));
    assert_true(kms_reload_start(world.reload, answered, &third));
    kms_reload_forget(world.reload, &gone);
    turn_until(&first.count, 1);
    assert_int_equal(second.count, 0);
    turn_until(&second.count, 1);
    turn_until(&third.count, 1);
    assert_string_equal(first.summary, "1 host added, 0 removed, 0 changed, 0 unchanged");
    assert_string_equal(second.summary, "1 host added, 0 removed, 0 changed, 1 unchanged");
    assert_string_equal(third.summary, second.summary);
    assert_int_equal(gone.count, 0);
    assert_int_equal(atomic_load(&world.loads), 2); /* one for all that came meanwhile */
}

static void judgement_by_other_numbers_is_in_force_at_once(void **state)
{
    (void)state;
    (void)reload("host a { rpc { } }\nhost b { rpc { } }\n");
    uint64_t serial = kms_board_snapshot(world.board, 1)->serial;
    (void)reload("host a { rpc { } }\nhost b { rpc { } }\n");
    assert_int_equal(kms_board_snapshot(world.board, 1)->serial, serial);
    struct answer answer = reload(
        "host a { rpc { } }\nhost b { rpc { } }\njudgement { client-threshold = 7 }\n");
    assert_string_equal(answer.summary, "0 hosts added, 0 removed, 0 changed, 2 unchanged");
    assert_true(kms_board_snapshot(world.board, 1)->serial > serial);
    assert_int_equal(world.site.policy.required[KMS_CLASS_CLIENT], 7);
}

static void an_end_in_the_middle_leaves_nothing_behind(void **state)
{
    (void)state;
    struct answer answer = {0};
    world.text = "host a { rpc { } }\n";
    assert_true(kms_reload_start(world.reload, answered, &answer));
    kms_reload_free(world.reload); /* while it is read */
    world.reload = NULL;
    for (int i = 0; i < 10; i++) {
        kms_loop_once(world.env.loop, 1);
    }
    assert_int_equal(answer.count, 0);
    assert_int_equal(kms_board_count(world.board), 0);
}

static void an_end_during_the_swap_leaves_nothing_behind(void **state)
{
    (void)state;
    struct answer answer = {0};
    world.text = "host a { rpc { } }\n";
    world.busy = TURNS_MAX;
    assert_true(kms_reload_start(world.reload, answered, &answer));
    turn_until(&world.begun, 1);
    kms_loop_once(world.env.loop, 1000);
    kms_reload_free(world.reload);
    world.reload = NULL;
    assert_int_equal(answer.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hosts_come_change_and_go, open_world, close_world),
        cmocka_unit_test_setup_teardown(the_loss_of_all_hosts_is_told_until_the_next_reload,
                                        open_world, close_world),
        cmocka_unit_test_setup_teardown(what_is_wrong_changes_nothing_and_is_told, open_world,
                                        close_world),
        cmocka_unit_test_setup_teardown(who_asks_during_a_reload_is_answered_by_the_next_one,
                                        open_world, close_world),
        cmocka_unit_test_setup_teardown(judgement_by_other_numbers_is_in_force_at_once, open_world,
                                        close_world),
        cmocka_unit_test_setup_teardown(an_end_in_the_middle_leaves_nothing_behind, open_world,
                                        close_world),
        cmocka_unit_test_setup_teardown(an_end_during_the_swap_leaves_nothing_behind, open_world,
                                        close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
