/* Recordings: what a board shows reads back, what people write is read or refused with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "model/recording.h"

static struct kms_recording read_text(const char *text)
{
    struct kms_recording recording;
    struct kms_fault fault = {.text = ""};
    if (kms_recording_read(text, strlen(text), true, &recording, &fault) != KMS_OK) {
        fail_msg("line %zu: %s", fault.offset, fault.text);
    }
    return recording;
}

static void a_host_has_what_its_lines_say(void **state)
{
    (void)state;
    struct kms_recording recording = read_text("# two hosts\n"
                                               "host \"kms1.example.com\"\n"
                                               "  address \"192.0.2.1\"\n"
                                               "  port 1689\n"
                                               "  classes windowsClient office\n"
                                               "  origin discovered\n"
                                               "  publish-in \"a.example\"\n"
                                               "  publish-in \"b.example\"\n"
                                               "  source rpc interval 30s max-age 1h\n"
                                               "  tally rpc 5 2 1 100 90\n"
                                               "host \"kms2.example.com\"\n");
    assert_int_equal(recording.host_count, 2);
    const struct kms_recorded_host *host = &recording.host[0];
    const struct kms_target *target = &host->target;
    assert_string_equal(target->name, "kms1.example.com");
    assert_string_equal(target->address, "192.0.2.1");
    assert_int_equal(target->port, 1689);
    assert_true(target->port_given);
    assert_int_equal(target->classes,
                     KMS_CLASS_BIT(KMS_CLASS_CLIENT) | KMS_CLASS_BIT(KMS_CLASS_OFFICE));
    assert_int_equal(target->origin, KMS_ORIGIN_DISCOVERED);
    assert_int_equal(target->publish_in.count, 2);
    assert_true(target->source[KMS_SOURCE_RPC].enabled);
    assert_int_equal(target->source[KMS_SOURCE_RPC].interval_ms, 30000);
    assert_int_equal(target->source[KMS_SOURCE_RPC].max_age_ms, 3600000);
    assert_int_equal(host->tally[KMS_SOURCE_RPC].failures, 2);
    assert_int_equal(host->tally[KMS_SOURCE_RPC].last_success_s, 90);
    assert_false(recording.host[1].target.port_given);
    assert_int_equal(recording.host[1].target.port, KMS_DEFAULT_PORT);
    kms_recording_done(&recording);
}

static void results_are_told_at_their_times(void **state)
{
    (void)state;
    struct kms_recording recording = read_text("host \"a\"\n"
                                               "result rpc ok\nend\n"
                                               "at 30s\n"
                                               "result rpc rpc-timeout\nend\n"
                                               "result report ok\nend\n"
                                               "repeat 1h\n"
                                               "host \"b\"\n"
                                               "result rpc ok\nend\n");
    const struct kms_recorded_host *host = &recording.host[0];
    assert_int_equal(host->told_count, 3);
    assert_int_equal(host->told[0].at_ms, 0);
    assert_int_equal(host->told[1].at_ms, 30000);
    assert_int_equal(host->told[2].result.source, KMS_SOURCE_REPORT);
    assert_int_equal(host->repeat_ms, 3600000);
    assert_true(host->target.source[KMS_SOURCE_REPORT].enabled);
    assert_int_equal(recording.host[1].told[0].at_ms, 0);
    kms_recording_done(&recording);
}

static void a_mistake_is_named_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t line;
        const char *says;
    } wrong[] = {
        {"port 1688\n", 1, "a host must be named before 'port'"},
        {"host kms1\n", 1, "a text in quotes is expected"},
        {"host \"\"\n", 1, "a host has a name"},
        {"host \"a\"\nhost \"A\"\n", 2, "there is a host of this name already: 'A'"},
        {"host \"a\"\nport 0\n", 2, "not a number that may stand here: '0'"},
        {"host \"a\"\nclasses servers\n", 2, "no class is called 'servers'"},
        {"host \"a\"\norigin made\n", 2, "an origin is configured or discovered, not 'made'"},
        {"host \"a\"\nsource tcp\n", 2, "no source is called 'tcp'"},
        {"host \"a\"\nsource rpc every 5s\n", 2, "a source has interval and max-age, not 'every'"},
        {"host \"a\"\nat soon\n", 2, "not a duration: 'soon'"},
        {"host \"a\"\nat 1h\nat 30s\n", 3, "this is before the time above"},
        {"host \"a\"\nat 1h\nrepeat 1h\n", 3,
         "a course that begins again does so after its last time"},
        {"host \"a\"\nresult rpc ok\nend\n\nresult rpc ok\nhost-fact rpc-latncy 5\nend\n", 6,
         "no fact is called 'rpc-latncy'"},
        {"host \"a\"\nresult rpc ok\nend\nresult rpc ok\n", 4, "the result has no 'end'"},
        {"host \"a\"\nport 1 2\n", 2, "too much on this line"},
        {"host \"a\"\nspeed 5\n", 2, "no line begins with 'speed'"},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(wrong); i++) {
        struct kms_recording recording;
        struct kms_fault fault = {.text = ""};
        assert_int_equal(
            kms_recording_read(wrong[i].text, strlen(wrong[i].text), true, &recording, &fault),
            KMS_EINVAL);
        assert_string_equal(fault.text, wrong[i].says);
        assert_int_equal(fault.offset, wrong[i].line);
    }
}

/* ---- the board ---- */

static int64_t zero(void *arg)
{
    (void)arg;
    return INT64_C(1764000000) * 1000000;
}

static uint32_t number_of_key(void *arg, const char *host, const char *identity)
{
    (void)arg;
    (void)host;
    (void)identity;
    return 1;
}

static void publish(struct kms_board *board, enum kms_outcome outcome, const char *detail)
{
    struct kms_result result;
    struct kms_change change;
    kms_result_init(&result, KMS_SOURCE_RPC);
    result.outcome = outcome;
    result.wall_s = 1764000000;
    kms_text_copy(result.detail, sizeof result.detail, detail);
    assert_int_equal(kms_board_publish(board, 0, &result, &change), KMS_OK);
    kms_result_done(&result);
}

static void what_a_board_shows_reads_back(void **state)
{
    (void)state;
    const struct kms_clock clock = {.mono_us = zero, .wall_us = zero};
    struct kms_policy policy;
    kms_policy_preset(&policy);
    struct kms_board *board = kms_board_new(&policy, &clock, number_of_key, NULL);
    assert_non_null(board);
    struct kms_target target = {.name = (char[]){"kms \"1\""},
                                .port = 1688,
                                .origin = KMS_ORIGIN_CONFIGURED,
                                .classes = KMS_CLASS_BIT(KMS_CLASS_SERVER)};
    target.source[KMS_SOURCE_RPC] = (struct kms_source_config){.enabled = true,
                                                               .interval_ms = 5000};
    size_t slot;
    assert_int_equal(kms_board_add(board, &target, 1, &slot), KMS_OK);
    publish(board, KMS_OUTCOME_OK, "good");
    publish(board, KMS_OUTCOME_RPC_TIMEOUT, "late");

    struct kms_buf buf;
    kms_buf_init(&buf, 4096);
    assert_int_equal(kms_recording_write(kms_board_snapshot(board, 0), &buf), KMS_OK);
    struct kms_recording recording = read_text(kms_buf_str(&buf));
    assert_int_equal(recording.host_count, 1);
    const struct kms_recorded_host *host = &recording.host[0];
    assert_string_equal(host->target.name, "kms \"1\"");
    assert_int_equal(host->target.classes, KMS_CLASS_BIT(KMS_CLASS_SERVER));
    assert_int_equal(host->target.source[KMS_SOURCE_RPC].interval_ms, 5000);
    assert_int_equal(host->tally[KMS_SOURCE_RPC].attempts, 2);
    assert_int_equal(host->tally[KMS_SOURCE_RPC].consecutive_failures, 1);
    assert_int_equal(host->told_count, 2);
    assert_string_equal(host->told[0].result.detail, "good");
    assert_string_equal(host->told[1].result.detail, "late");
    kms_recording_done(&recording);
    kms_buf_done(&buf);
    kms_board_free(board);
}

static int64_t read_back_max_age(int64_t max_age_ms, bool strict)
{
    const struct kms_target target = {
        .name = (char[]){"a"},
        .source[KMS_SOURCE_REPORT] = {.enabled = true, .max_age_ms = max_age_ms}};
    const struct kms_tally tally[KMS_SOURCE_MAX + 1] = {{0}};
    const struct kms_snapshot snapshot = {.target = &target, .tally = tally};
    struct kms_recording recording;
    struct kms_buf buf;
    kms_buf_init(&buf, 4096);
    assert_int_equal(kms_recording_write(&snapshot, &buf), KMS_OK);
    assert_int_equal(kms_recording_read(kms_buf_str(&buf), buf.len, strict, &recording, NULL),
                     KMS_OK);
    max_age_ms = recording.host[0].target.source[KMS_SOURCE_REPORT].max_age_ms;
    kms_recording_done(&recording);
    kms_buf_done(&buf);
    return max_age_ms;
}

static void the_limit_of_a_report_reads_back_also_when_there_is_none(void **state)
{
    (void)state;
    assert_int_equal(read_back_max_age(93600000, false), 93600000);
    assert_int_equal(read_back_max_age(93600001, true), 93600001);
    assert_int_equal(read_back_max_age(0, false), 0);
    assert_int_equal(read_back_max_age(0, true), 0);
}

static void only_people_leave_the_usual_limit_of_a_report_out(void **state)
{
    (void)state;
    static const char text[] = "host \"a\"\nsource report\n";
    struct kms_recording recording;
    for (int strict = 0; strict <= 1; strict++) {
        assert_int_equal(kms_recording_read(text, strlen(text), strict == 1, &recording, NULL),
                         KMS_OK);
        assert_int_equal(recording.host[0].target.source[KMS_SOURCE_REPORT].max_age_ms,
                         strict == 1 ? 93600000 : 0);
        kms_recording_done(&recording);
    }
}

static void all_times_that_are_known_move(void **state)
{
    (void)state;
    struct kms_result result;
    kms_result_init(&result, KMS_SOURCE_REPORT);
    result.data_s = 1000;
    result.data_s_max = 1100;
    assert_int_equal(kms_facts_set_number(&result.host, KMS_FACT_BOOT_TIME, 500), KMS_OK);
    struct kms_facts *key = kms_result_add_key(&result);
    assert_non_null(key);
    assert_int_equal(kms_facts_set_number(key, KMS_FACT_ANSWERED, 700), KMS_OK);
    assert_int_equal(kms_facts_set_number(key, KMS_FACT_CURRENT_COUNT, 26), KMS_OK);
    kms_result_move(&result, 50);
    int64_t number = 0;
    assert_int_equal(result.data_s, 1050);
    assert_int_equal(result.data_s_min, 0);
    assert_int_equal(result.data_s_max, 1150);
    assert_true(kms_facts_number(&result.host, KMS_FACT_BOOT_TIME, &number) && number == 550);
    assert_true(kms_facts_number(&result.key[0], KMS_FACT_ANSWERED, &number) && number == 750);
    assert_true(kms_facts_number(&result.key[0], KMS_FACT_CURRENT_COUNT, &number) && number == 26);
    kms_result_done(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_has_what_its_lines_say),
        cmocka_unit_test(results_are_told_at_their_times),
        cmocka_unit_test(a_mistake_is_named_with_its_line),
        cmocka_unit_test(what_a_board_shows_reads_back),
        cmocka_unit_test(the_limit_of_a_report_reads_back_also_when_there_is_none),
        cmocka_unit_test(only_people_leave_the_usual_limit_of_a_report_out),
        cmocka_unit_test(all_times_that_are_known_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
