/* The judgement rules, table by table: evidence in, verdict out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "model/judge.h"

#define NOW     INT64_C(1400000000)
#define ABSENT  INT64_C(-1)
#define WINDOWS "55c92734-d682-4d71-983e-d6ec3f16059f"
#define OFFICE  "0ff1ce15-a989-479d-af46-f275c6370663"
#define CLIENT  KMS_CLASS_BIT(KMS_CLASS_CLIENT)
#define SERVER  KMS_CLASS_BIT(KMS_CLASS_SERVER)

/* One host with one report, judged. */
struct scene {
    struct kms_target target;
    struct kms_policy policy;
    struct kms_result report;
    struct kms_result wsman;
    struct kms_result rpc;
    struct kms_result dns;
    struct kms_result activation;
    struct kms_evidence evidence;
    struct kms_window window;
    struct kms_judgement judgement;
};

static void scene_open(struct scene *s)
{
    *s = (struct scene){0};
    kms_policy_preset(&s->policy);
    kms_result_init(&s->report, KMS_SOURCE_REPORT);
    kms_result_init(&s->wsman, KMS_SOURCE_WSMAN);
    kms_result_init(&s->rpc, KMS_SOURCE_RPC);
    kms_result_init(&s->dns, KMS_SOURCE_DNS);
    kms_result_init(&s->activation, KMS_SOURCE_ACTIVATION);
    s->evidence.target = &s->target;
    s->target.port = KMS_DEFAULT_PORT;
}

static void scene_close(struct scene *s)
{
    kms_result_done(&s->report);
    kms_result_done(&s->wsman);
    kms_result_done(&s->rpc);
    kms_result_done(&s->dns);
    kms_result_done(&s->activation);
    kms_window_done(&s->window);
    kms_judgement_done(&s->judgement);
}

static struct kms_facts *add_key(struct kms_result *result, const char *application,
                                 const char *channel, int64_t status, int64_t count)
{
    struct kms_facts *key = kms_result_add_key(result);
    assert_non_null(key);
    kms_facts_set_text(key, KMS_FACT_APPLICATION_ID, application);
    kms_facts_set_text(key, KMS_FACT_KEY_CHANNEL, channel);
    if (status != ABSENT) {
        kms_facts_set_number(key, KMS_FACT_LICENSE_STATUS, status);
    }
    if (count != ABSENT) {
        kms_facts_set_number(key, KMS_FACT_CURRENT_COUNT, count);
    }
    return key;
}

static void source_good(struct scene *s, struct kms_result *result)
{
    result->outcome = KMS_OUTCOME_OK;
    result->wall_s = NOW;
    if (result->data_s == 0) {
        result->data_s = result->data_s_min = result->data_s_max = NOW - 60;
    }
    s->target.source[result->source].enabled = true;
    s->evidence.last[result->source] = result;
    s->evidence.good[result->source] = result;
}

static void judge(struct scene *s)
{
    kms_judgement_done(&s->judgement);
    assert_int_equal(kms_judge(&s->evidence, &s->policy, NOW, &s->judgement), KMS_OK);
}

struct count_case {
    int64_t count;
    uint32_t declared;
    int64_t total;
    enum kms_verdict client, server;
    enum kms_state client_state, server_state, host;
};

static void counts_are_judged_by_class_and_declaration(void **state)
{
    (void)state;
    static const struct count_case cases[] = {
        /* the host of the real report: 6 clients, nothing declared */
        {6, 0, 20, KMS_VERDICT_BELOW_THRESHOLD, KMS_VERDICT_CAN_ACTIVATE, KMS_STATE_WARNING,
         KMS_STATE_OK, KMS_STATE_WARNING},
        {6, SERVER, 20, KMS_VERDICT_BELOW_THRESHOLD, KMS_VERDICT_CAN_ACTIVATE, KMS_STATE_OK,
         KMS_STATE_OK, KMS_STATE_OK},
        {6, CLIENT, 20, KMS_VERDICT_BELOW_THRESHOLD, KMS_VERDICT_CAN_ACTIVATE, KMS_STATE_CRITICAL,
         KMS_STATE_OK, KMS_STATE_CRITICAL},
        /* headroom 0 is a warning, 1 is not */
        {5, SERVER, 20, KMS_VERDICT_BELOW_THRESHOLD, KMS_VERDICT_CAN_ACTIVATE, KMS_STATE_OK,
         KMS_STATE_WARNING, KMS_STATE_WARNING},
        {25, CLIENT, 20, KMS_VERDICT_CAN_ACTIVATE, KMS_VERDICT_CAN_ACTIVATE, KMS_STATE_WARNING,
         KMS_STATE_OK, KMS_STATE_WARNING},
        {26, 0, 20, KMS_VERDICT_CAN_ACTIVATE, KMS_VERDICT_CAN_ACTIVATE, KMS_STATE_OK, KMS_STATE_OK,
         KMS_STATE_OK},
        {4, SERVER, 20, KMS_VERDICT_BELOW_THRESHOLD, KMS_VERDICT_BELOW_THRESHOLD, KMS_STATE_OK,
         KMS_STATE_CRITICAL, KMS_STATE_CRITICAL},
        {50, CLIENT | SERVER, 20, KMS_VERDICT_CAN_ACTIVATE, KMS_VERDICT_CAN_ACTIVATE, KMS_STATE_OK,
         KMS_STATE_OK, KMS_STATE_OK},
        /* nobody ever asked: unused, unless the site relies on it */
        {0, 0, 0, KMS_VERDICT_UNUSED, KMS_VERDICT_UNUSED, KMS_STATE_OK, KMS_STATE_OK, KMS_STATE_OK},
        {0, 0, 3, KMS_VERDICT_BELOW_THRESHOLD, KMS_VERDICT_BELOW_THRESHOLD, KMS_STATE_WARNING,
         KMS_STATE_WARNING, KMS_STATE_WARNING},
        {0, 0, ABSENT, KMS_VERDICT_BELOW_THRESHOLD, KMS_VERDICT_BELOW_THRESHOLD, KMS_STATE_WARNING,
         KMS_STATE_WARNING, KMS_STATE_WARNING},
        {0, SERVER, 0, KMS_VERDICT_UNUSED, KMS_VERDICT_BELOW_THRESHOLD, KMS_STATE_OK,
         KMS_STATE_CRITICAL, KMS_STATE_CRITICAL},
        /* a count that the host did not say is unknown, never 0 */
        {ABSENT, 0, 20, KMS_VERDICT_UNKNOWN, KMS_VERDICT_UNKNOWN, KMS_STATE_UNKNOWN,
         KMS_STATE_UNKNOWN, KMS_STATE_UNKNOWN},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        const struct count_case *c = &cases[i];
        struct scene s;
        scene_open(&s);
        s.target.classes = c->declared;
        struct kms_facts *key = add_key(&s.report, WINDOWS, "VOLUME_KMS_R2_B", KMS_LICENSE_LICENSED,
                                        c->count);
        if (c->total != ABSENT) {
            kms_facts_set_number(key, KMS_FACT_TOTAL_REQUESTS, c->total);
            kms_facts_set_number(key, KMS_FACT_FAILED_REQUESTS, 0);
        }
        source_good(&s, &s.report);
        judge(&s);
        const struct kms_judgement *j = &s.judgement;
        print_message("case %zu: count %lld, declared %x: %s\n", i, (long long)c->count,
                      c->declared, j->summary);
        assert_int_equal(j->cls[KMS_CLASS_CLIENT].verdict, c->client);
        assert_int_equal(j->cls[KMS_CLASS_SERVER].verdict, c->server);
        assert_int_equal(j->cls[KMS_CLASS_CLIENT].state, c->client_state);
        assert_int_equal(j->cls[KMS_CLASS_SERVER].state, c->server_state);
        assert_int_equal(j->state, c->host);
        assert_false(j->cls[KMS_CLASS_OFFICE].present);
        scene_close(&s);
    }
}

static void our_own_entry_is_taken_from_the_verdict_not_from_the_count(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    s.target.classes = SERVER;
    struct kms_facts *key = add_key(&s.report, WINDOWS, "VOLUME_KMS_R2_B", KMS_LICENSE_LICENSED, 5);
    kms_facts_set_number(key, KMS_FACT_OWN_ENTRY, 1);
    source_good(&s, &s.report);
    judge(&s);
    assert_int_equal(s.judgement.cls[KMS_CLASS_SERVER].headroom, -1);
    assert_int_equal(s.judgement.cls[KMS_CLASS_SERVER].verdict, KMS_VERDICT_BELOW_THRESHOLD);
    assert_int_equal(s.judgement.state, KMS_STATE_CRITICAL);
    assert_non_null(strstr(s.judgement.summary, "count 5 (1 of them this monitor)"));
    scene_close(&s);
}

static void license_states_are_judged_as_windows_numbers_them(void **state)
{
    (void)state;
    static const struct {
        int64_t status;
        enum kms_state state;
        enum kms_verdict server;
    } cases[] = {
        {0, KMS_STATE_CRITICAL, KMS_VERDICT_KEY_NOT_LICENSED},
        {1, KMS_STATE_OK, KMS_VERDICT_CAN_ACTIVATE},
        {2, KMS_STATE_CRITICAL, KMS_VERDICT_KEY_NOT_LICENSED},
        {3, KMS_STATE_WARNING, KMS_VERDICT_CAN_ACTIVATE},
        {4, KMS_STATE_CRITICAL, KMS_VERDICT_KEY_NOT_LICENSED},
        {5, KMS_STATE_CRITICAL, KMS_VERDICT_KEY_NOT_LICENSED},
        {6, KMS_STATE_WARNING, KMS_VERDICT_CAN_ACTIVATE},
        {255, KMS_STATE_UNKNOWN, KMS_VERDICT_UNKNOWN},
        {ABSENT, KMS_STATE_UNKNOWN, KMS_VERDICT_UNKNOWN},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        struct scene s;
        scene_open(&s);
        s.target.classes = SERVER;
        add_key(&s.report, WINDOWS, "VOLUME_KMS_R2_B", cases[i].status, 30);
        source_good(&s, &s.report);
        judge(&s);
        assert_int_equal(s.judgement.key[0].key_state, cases[i].state);
        assert_int_equal(s.judgement.state, cases[i].state);
        assert_int_equal(s.judgement.cls[KMS_CLASS_SERVER].verdict, cases[i].server);
        scene_close(&s);
    }
}

static void an_expiring_key_warns_then_is_critical(void **state)
{
    (void)state;
    static const struct {
        int64_t minutes;
        enum kms_state state;
    } cases[] = {
        {0, KMS_STATE_OK}, /* Windows says 0 for a licence without end */
        {7 * 1440 - 1, KMS_STATE_CRITICAL},
        {7 * 1440, KMS_STATE_WARNING},
        {30 * 1440 - 1, KMS_STATE_WARNING},
        {30 * 1440, KMS_STATE_OK},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        struct scene s;
        scene_open(&s);
        struct kms_facts *key = add_key(&s.report, WINDOWS, "VOLUME_KMS_R2_B", KMS_LICENSE_LICENSED,
                                        30);
        kms_facts_set_number(key, KMS_FACT_LICENSE_EXPIRES, cases[i].minutes);
        source_good(&s, &s.report);
        judge(&s);
        assert_int_equal(s.judgement.key[0].key_state, cases[i].state);
        scene_close(&s);
    }
}

static void a_superseded_key_never_outranks_a_licensed_one(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    struct kms_facts *old = add_key(&s.report, WINDOWS, "VOLUME_KMS_R2_B", KMS_LICENSE_NOTIFICATION,
                                    50);
    kms_facts_set_text(old, KMS_FACT_ACTIVATION_ID, "1");
    struct kms_facts *now = add_key(&s.report, WINDOWS, "VOLUME_KMS_WS19", KMS_LICENSE_LICENSED,
                                    30);
    kms_facts_set_text(now, KMS_FACT_ACTIVATION_ID, "2");
    source_good(&s, &s.report);
    judge(&s);
    assert_true(s.judgement.key[0].superseded);
    assert_int_equal(s.judgement.cls[KMS_CLASS_SERVER].key, 1);
    assert_int_equal(s.judgement.cls[KMS_CLASS_SERVER].headroom, 25);
    assert_int_equal(s.judgement.state, KMS_STATE_OK);
    scene_close(&s);
}

static void a_key_of_unknown_state_is_not_excused_by_a_licensed_one(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    struct kms_facts *odd = add_key(&s.report, WINDOWS, "VOLUME_KMS_R2_B", ABSENT, 50);
    kms_facts_set_text(odd, KMS_FACT_ACTIVATION_ID, "1");
    struct kms_facts *good = add_key(&s.report, WINDOWS, "VOLUME_KMS_WS19", KMS_LICENSE_LICENSED,
                                     50);
    kms_facts_set_text(good, KMS_FACT_ACTIVATION_ID, "2");
    source_good(&s, &s.report);
    judge(&s);
    assert_false(s.judgement.key[0].superseded);
    assert_int_equal(s.judgement.key[0].state, KMS_STATE_UNKNOWN);
    assert_int_equal(s.judgement.state, KMS_STATE_UNKNOWN);
    scene_close(&s);
}

static void keys_that_nothing_tells_apart_keep_rows_of_their_own(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    add_key(&s.report, WINDOWS, "VOLUME_KMS", KMS_LICENSE_LICENSED, 50);
    add_key(&s.report, OFFICE, "VOLUME_KMS", KMS_LICENSE_LICENSED, 7);
    add_key(&s.report, OFFICE, "VOLUME_KMS", KMS_LICENSE_LICENSED, 8);
    source_good(&s, &s.report);
    judge(&s);
    assert_int_equal(s.judgement.key_count, 3);
    assert_string_equal(s.judgement.key[0].identity, "key:windows/VOLUME_KMS/?");
    assert_string_equal(s.judgement.key[1].identity, "key:office/VOLUME_KMS/?");
    assert_string_equal(s.judgement.key[2].identity, "2:key:office/VOLUME_KMS/?");
    scene_close(&s);
}

static void a_licensed_key_supersedes_only_what_it_serves_itself(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    s.target.classes = SERVER;
    struct kms_facts *client = add_key(&s.report, WINDOWS, "VOLUME_KMS_W10", KMS_LICENSE_LICENSED,
                                       50);
    kms_facts_set_text(client, KMS_FACT_ACTIVATION_ID, "1");
    struct kms_facts *server = add_key(&s.report, WINDOWS, "VOLUME_KMS_WS19",
                                       KMS_LICENSE_NOTIFICATION, 50);
    kms_facts_set_text(server, KMS_FACT_ACTIVATION_ID, "2");
    source_good(&s, &s.report);
    judge(&s);
    assert_false(s.judgement.key[1].superseded);
    assert_int_equal(s.judgement.key[1].key_state, KMS_STATE_CRITICAL);
    assert_int_equal(s.judgement.cls[KMS_CLASS_SERVER].verdict, KMS_VERDICT_KEY_NOT_LICENSED);
    assert_non_null(strstr(s.judgement.summary, "servers not served (key not licensed)"));
    scene_close(&s);
}

static void stale_data_proves_no_missing_key_either(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    s.target.classes = SERVER | KMS_CLASS_BIT(KMS_CLASS_OFFICE);
    s.target.source[KMS_SOURCE_REPORT].max_age_ms = 30000;
    add_key(&s.report, WINDOWS, "VOLUME_KMS_R2_B", KMS_LICENSE_LICENSED, 50);
    source_good(&s, &s.report);
    judge(&s);
    assert_int_equal(s.judgement.cls[KMS_CLASS_OFFICE].verdict, KMS_VERDICT_UNKNOWN);
    assert_int_equal(s.judgement.state, KMS_STATE_UNKNOWN);
    assert_int_equal(s.judgement.reasons, KMS_BIT(KMS_REASON_STALE));
    s.target.source[KMS_SOURCE_REPORT].max_age_ms = 0;
    judge(&s);
    assert_int_equal(s.judgement.state, KMS_STATE_CRITICAL);
    assert_non_null(strstr(s.judgement.summary, "Office not served"));
    scene_close(&s);
}

static void several_keys_are_judged_each_by_its_application(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    add_key(&s.report, WINDOWS, "VOLUME_KMS_WS19", KMS_LICENSE_LICENSED, 50);
    struct kms_facts *office = add_key(&s.report, OFFICE, "VOLUME_KMS", KMS_LICENSE_LICENSED, 4);
    kms_facts_set_number(office, KMS_FACT_TOTAL_REQUESTS, 9);
    source_good(&s, &s.report);
    judge(&s);
    assert_int_equal(s.judgement.key_count, 2);
    assert_int_equal(s.judgement.cls[KMS_CLASS_OFFICE].verdict, KMS_VERDICT_BELOW_THRESHOLD);
    assert_int_equal(s.judgement.cls[KMS_CLASS_OFFICE].key, 1);
    assert_int_equal(s.judgement.cls[KMS_CLASS_CLIENT].verdict, KMS_VERDICT_CAN_ACTIVATE);
    assert_int_equal(s.judgement.state, KMS_STATE_WARNING);
    scene_close(&s);
}

static void a_wanted_class_without_a_key_is_not_served_or_unknown(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    s.target.classes = SERVER;
    add_key(&s.report, WINDOWS, "VOLUME_KMS_W10", KMS_LICENSE_LICENSED, 50);
    source_good(&s, &s.report);
    judge(&s);
    assert_int_equal(s.judgement.cls[KMS_CLASS_SERVER].verdict, KMS_VERDICT_NOT_SERVED);
    assert_int_equal(s.judgement.state, KMS_STATE_CRITICAL);
    assert_true(s.judgement.reasons & KMS_BIT(KMS_REASON_NOT_SERVED));
    /* Plain /dlv shows one product: an Office key may be there all the same. */
    s.target.classes = KMS_CLASS_BIT(KMS_CLASS_OFFICE);
    kms_facts_set_number(&s.report.host, KMS_FACT_REPORT_PRODUCTS, 1);
    judge(&s);
    assert_int_equal(s.judgement.cls[KMS_CLASS_OFFICE].verdict, KMS_VERDICT_UNKNOWN);
    assert_int_equal(s.judgement.state, KMS_STATE_UNKNOWN);
    kms_facts_set_number(&s.report.host, KMS_FACT_REPORT_PRODUCTS, 2);
    judge(&s);
    assert_int_equal(s.judgement.cls[KMS_CLASS_OFFICE].verdict, KMS_VERDICT_NOT_SERVED);
    assert_int_equal(s.judgement.state, KMS_STATE_CRITICAL);
    scene_close(&s);
}

static const struct kms_window *the_window(void *arg, const char *identity)
{
    (void)identity;
    return arg;
}

static void failed_requests_need_number_and_ratio(void **state)
{
    (void)state;
    static const struct {
        uint32_t total, failed;
        enum kms_state state;
    } cases[] = {
        {100, 0, KMS_STATE_OK},
        {100, 5, KMS_STATE_OK}, /* 50 per mille is not more than 50 */
        {100, 6, KMS_STATE_WARNING},
        {10, 1, KMS_STATE_WARNING},
        {10, 10, KMS_STATE_WARNING}, /* all of ten, but not more than ten */
        {11, 11, KMS_STATE_CRITICAL},
        {1000, 400, KMS_STATE_WARNING},
        {1000, 501, KMS_STATE_CRITICAL},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        struct scene s;
        scene_open(&s);
        struct kms_facts *key = add_key(&s.report, WINDOWS, "VOLUME_KMS_R2_B", KMS_LICENSE_LICENSED,
                                        50);
        kms_facts_set_number(key, KMS_FACT_TOTAL_REQUESTS, cases[i].total);
        kms_facts_set_number(key, KMS_FACT_FAILED_REQUESTS, cases[i].failed);
        const struct kms_window_reading first = {.now = {NOW - 3600, NOW - 3600}};
        const struct kms_window_reading second = {
            .now = {NOW, NOW}, .total = cases[i].total, .failed = cases[i].failed};
        assert_int_equal(kms_window_add(&s.window, &first, 3600), KMS_OK);
        assert_int_equal(kms_window_add(&s.window, &second, 3600), KMS_OK);
        s.evidence.window = the_window;
        s.evidence.window_arg = &s.window;
        source_good(&s, &s.report);
        judge(&s);
        assert_int_equal(s.judgement.key[0].requests_state, cases[i].state);
        assert_int_equal(s.judgement.state, cases[i].state);
        scene_close(&s);
    }
}

static void stale_replaces_the_verdict_by_unknown(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    s.target.source[KMS_SOURCE_REPORT].max_age_ms = INT64_C(26) * 3600000;
    add_key(&s.report, WINDOWS, "VOLUME_KMS_R2_B", KMS_LICENSE_LICENSED, 2);
    s.report.data_s = s.report.data_s_min = s.report.data_s_max = NOW - 26 * 3600;
    source_good(&s, &s.report);
    judge(&s);
    assert_int_equal(s.judgement.state, KMS_STATE_WARNING);
    s.report.data_s_max = NOW - 26 * 3600 - 1;
    judge(&s);
    assert_int_equal(s.judgement.state, KMS_STATE_UNKNOWN);
    assert_true(s.judgement.source[KMS_SOURCE_REPORT].stale);
    assert_true(s.judgement.reasons & KMS_BIT(KMS_REASON_STALE));
    assert_int_equal(s.judgement.cls[KMS_CLASS_CLIENT].verdict, KMS_VERDICT_UNKNOWN);
    assert_int_equal(s.judgement.coverage, 0);
    /* The facts are still shown. */
    int64_t count;
    assert_true(kms_facts_number(&s.judgement.key[0].facts, KMS_FACT_CURRENT_COUNT, &count));
    assert_int_equal(count, 2);
    /* A limit on an age that nobody knows cannot be met. */
    s.report.data_s = s.report.data_s_min = s.report.data_s_max = 0;
    judge(&s);
    assert_int_equal(s.judgement.state, KMS_STATE_UNKNOWN);
    scene_close(&s);
}

static void a_failed_attempt_keeps_the_last_good_facts_as_stale(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    add_key(&s.report, WINDOWS, "VOLUME_KMS_R2_B", KMS_LICENSE_LICENSED, 50);
    source_good(&s, &s.report);
    struct kms_result failed;
    kms_result_init(&failed, KMS_SOURCE_REPORT);
    failed.outcome = KMS_OUTCOME_REPORT_EMPTY;
    kms_text_copy(failed.detail, sizeof failed.detail, "in/kms01.txt is empty");
    s.evidence.last[KMS_SOURCE_REPORT] = &failed;
    judge(&s);
    assert_int_equal(s.judgement.state, KMS_STATE_UNKNOWN);
    assert_string_equal(s.judgement.summary, "in/kms01.txt is empty");
    assert_int_equal(s.judgement.key_count, 1);
    assert_true(s.judgement.key[0].stale);
    scene_close(&s);
}

static void a_host_without_any_answer_is_unknown(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    s.target.source[KMS_SOURCE_REPORT].enabled = true;
    judge(&s);
    assert_int_equal(s.judgement.state, KMS_STATE_UNKNOWN);
    assert_int_equal(s.judgement.reasons, KMS_BIT(KMS_REASON_NO_DATA));
    assert_string_equal(s.judgement.summary, "no data yet");
    scene_close(&s);
}

static void a_host_of_which_only_the_port_is_known_is_ok_for_reachability(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    kms_facts_set_number(&s.rpc.host, KMS_FACT_RPC_STATE, KMS_RPC_ACCEPTED);
    source_good(&s, &s.rpc);
    judge(&s);
    assert_int_equal(s.judgement.state, KMS_STATE_OK);
    assert_int_equal(s.judgement.coverage, KMS_BIT(KMS_COVERAGE_REACHABILITY));
    assert_int_equal(s.judgement.count_state, KMS_STATE_UNKNOWN);
    scene_close(&s);
}

static void an_unreachable_port_is_critical_with_its_name(void **state)
{
    (void)state;
    static const struct {
        enum kms_rpc_state rpc;
        enum kms_reason reason;
    } cases[] = {
        {KMS_RPC_UNRESOLVED, KMS_REASON_UNREACHABLE},  {KMS_RPC_REFUSED, KMS_REASON_UNREACHABLE},
        {KMS_RPC_TIMEOUT, KMS_REASON_UNREACHABLE},     {KMS_RPC_RESET, KMS_REASON_UNREACHABLE},
        {KMS_RPC_UNREACHABLE, KMS_REASON_UNREACHABLE}, {KMS_RPC_NOT_RPC, KMS_REASON_NOT_KMS},
        {KMS_RPC_NOT_KMS, KMS_REASON_NOT_KMS},         {KMS_RPC_BIND_NAK, KMS_REASON_NOT_KMS},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        struct scene s;
        scene_open(&s);
        s.target.classes = SERVER;
        add_key(&s.report, WINDOWS, "VOLUME_KMS_R2_B", KMS_LICENSE_LICENSED, 50);
        source_good(&s, &s.report);
        kms_facts_set_number(&s.rpc.host, KMS_FACT_RPC_STATE, cases[i].rpc);
        source_good(&s, &s.rpc);
        judge(&s);
        assert_int_equal(s.judgement.state, KMS_STATE_CRITICAL);
        assert_true(s.judgement.reasons & KMS_BIT(cases[i].reason));
        assert_int_equal(s.judgement.cls[KMS_CLASS_SERVER].verdict, KMS_VERDICT_UNREACHABLE);
        scene_close(&s);
    }
}

static void a_probe_that_failed_here_says_nothing_about_the_host(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    s.rpc.outcome = KMS_OUTCOME_RPC_NO_SOCKET;
    s.rpc.wall_s = NOW;
    kms_facts_set_number(&s.rpc.host, KMS_FACT_RPC_STATE, KMS_RPC_UNKNOWN);
    kms_text_copy(s.rpc.detail, sizeof s.rpc.detail, "Too many open files");
    s.target.source[KMS_SOURCE_RPC].enabled = true;
    s.evidence.last[KMS_SOURCE_RPC] = &s.rpc;
    judge(&s);
    assert_int_equal(s.judgement.state, KMS_STATE_UNKNOWN);
    assert_true(s.judgement.reasons & KMS_BIT(KMS_REASON_STALE));
    assert_int_equal(s.judgement.coverage, 0);
    assert_string_equal(s.judgement.summary, "Too many open files");
    scene_close(&s);
}

static void the_highest_source_that_is_not_stale_wins(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    add_key(&s.report, WINDOWS, "VOLUME_KMS_WS19", KMS_LICENSE_LICENSED, 30);
    source_good(&s, &s.report);
    add_key(&s.wsman, WINDOWS, "VOLUME_KMS_WS19", KMS_LICENSE_LICENSED, 40);
    source_good(&s, &s.wsman);
    judge(&s);
    int64_t count = 0;
    assert_int_equal(s.judgement.key_count, 1);
    assert_true(kms_facts_number(&s.judgement.key[0].facts, KMS_FACT_CURRENT_COUNT, &count));
    assert_int_equal(count, 40);
    assert_int_equal(s.judgement.key[0].source, KMS_SOURCE_WSMAN);
    assert_int_equal(s.judgement.state,
                     KMS_STATE_OK); /* counts move between polls: no contradiction */
    s.target.source[KMS_SOURCE_WSMAN].max_age_ms = 1000;
    judge(&s);
    assert_true(kms_facts_number(&s.judgement.key[0].facts, KMS_FACT_CURRENT_COUNT, &count));
    assert_int_equal(count, 30);
    assert_int_equal(s.judgement.key[0].source, KMS_SOURCE_REPORT);
    scene_close(&s);
}

static const struct kms_window *note_window(void *arg, const char *identity)
{
    kms_text_copy(arg, KMS_KEY_IDENTITY_SIZE, identity);
    return NULL;
}

static void a_source_that_is_silent_takes_no_identity_along(void **state)
{
    (void)state;
    struct scene s;
    char window[KMS_KEY_IDENTITY_SIZE] = "";
    char identity[KMS_KEY_IDENTITY_SIZE];
    scene_open(&s);
    s.evidence.window = note_window;
    s.evidence.window_arg = window;
    struct kms_facts *weak = add_key(&s.report, WINDOWS, "VOLUME_KMS_WS19", KMS_LICENSE_LICENSED,
                                     30);
    kms_facts_set_text(weak, KMS_FACT_PARTIAL_KEY, "2SMPL");
    source_good(&s, &s.report);
    struct kms_facts *strong = add_key(&s.wsman, WINDOWS, "VOLUME_KMS_WS19", KMS_LICENSE_LICENSED,
                                       40);
    kms_facts_set_text(strong, KMS_FACT_ACTIVATION_ID, "11111111-2222-4333-8444-000000002019");
    kms_facts_set_text(strong, KMS_FACT_PARTIAL_KEY, "2SMPL");
    source_good(&s, &s.wsman);
    judge(&s);
    kms_key_identity(strong, identity, sizeof identity);
    assert_string_equal(s.judgement.key[0].identity, identity);
    assert_string_equal(window, identity);
    s.target.source[KMS_SOURCE_WSMAN].max_age_ms = 1000;
    judge(&s);
    assert_int_equal(s.judgement.key_count, 1);
    assert_int_equal(s.judgement.key[0].source, KMS_SOURCE_REPORT);
    assert_string_equal(s.judgement.key[0].identity, identity);
    kms_key_identity(weak, identity, sizeof identity);
    assert_string_equal(window, identity); /* of the counters that are told now */
    /* Another key is installed meanwhile. */
    kms_facts_set_text(weak, KMS_FACT_PARTIAL_KEY, "3SMPL");
    judge(&s);
    kms_key_identity(weak, identity, sizeof identity);
    assert_string_equal(s.judgement.key[0].identity, identity);
    scene_close(&s);
}

static void port_key_and_epid_can_contradict(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    struct kms_facts *a = add_key(&s.report, WINDOWS, "VOLUME_KMS_WS19", KMS_LICENSE_LICENSED, 30);
    kms_facts_set_text(a, KMS_FACT_EPID, "03612-A");
    source_good(&s, &s.report);
    struct kms_facts *b = add_key(&s.wsman, WINDOWS, "VOLUME_KMS_WS19", KMS_LICENSE_LICENSED, 30);
    kms_facts_set_text(b, KMS_FACT_EPID, "03612-B");
    source_good(&s, &s.wsman);
    judge(&s);
    assert_int_equal(s.judgement.state, KMS_STATE_WARNING);
    assert_int_equal(s.judgement.reasons, KMS_BIT(KMS_REASON_CONFIG_DRIFT));
    assert_non_null(strstr(s.judgement.drift, "03612-A"));
    assert_non_null(strstr(s.judgement.drift, "03612-B"));
    kms_facts_set_text(b, KMS_FACT_EPID, "03612-A");
    kms_facts_set_number(&s.report.host, KMS_FACT_LISTENING_PORT, 1688);
    kms_facts_set_number(&s.wsman.host, KMS_FACT_LISTENING_PORT, 1689);
    judge(&s);
    assert_int_equal(s.judgement.state, KMS_STATE_WARNING);
    assert_non_null(strstr(s.judgement.drift, "1689"));
    kms_facts_set_number(&s.wsman.host, KMS_FACT_LISTENING_PORT, 1688);
    judge(&s);
    assert_int_equal(s.judgement.state, KMS_STATE_OK);
    s.target.port = 1690;
    s.target.port_given = true;
    judge(&s);
    assert_int_equal(s.judgement.state, KMS_STATE_WARNING);
    assert_non_null(strstr(s.judgement.drift, "1690"));
    scene_close(&s);
}

static void service_clock_and_authenticity_are_judged(void **state)
{
    (void)state;
    static const struct {
        enum kms_fact_id fact;
        int64_t value;
        enum kms_state state;
        enum kms_reason reason;
    } cases[] = {
        {KMS_FACT_SERVICE_STATE, KMS_SERVICE_STOPPED, KMS_STATE_CRITICAL, KMS_REASON_SERVICE_DOWN},
        {KMS_FACT_CLOCK_SKEW, -601, KMS_STATE_WARNING, KMS_REASON_CLOCK_SKEW},
        {KMS_FACT_CLOCK_SKEW, 10801, KMS_STATE_CRITICAL, KMS_REASON_CLOCK_SKEW},
        {KMS_FACT_AUTHENTICITY, KMS_AUTHENTICITY_SUSPICIOUS, KMS_STATE_WARNING,
         KMS_REASON_SUSPICIOUS},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        struct scene s;
        scene_open(&s);
        add_key(&s.wsman, WINDOWS, "VOLUME_KMS_WS19", KMS_LICENSE_LICENSED, 50);
        kms_facts_set_number(&s.wsman.host, cases[i].fact, cases[i].value);
        source_good(&s, &s.wsman);
        judge(&s);
        assert_int_equal(s.judgement.state, cases[i].state);
        assert_int_equal(s.judgement.reasons, KMS_BIT(cases[i].reason));
        scene_close(&s);
    }
}

#define EPID_2019 "03612-00206-556-123727-03-1033-17763.0000-2972018"
#define EPID_MADE "06401-00206-471-111111-03-1033-17763.0000-0002018" /* platform, and day 000 */

/* What an answered activation request tells. */
static struct kms_facts *answered(struct scene *s, const char *epid, int64_t count, uint32_t hints)
{
    struct kms_facts *key = kms_result_add_key(&s->activation);
    assert_non_null(key);
    kms_facts_set_text(key, KMS_FACT_APPLICATION_ID, WINDOWS);
    kms_facts_set_text(key, KMS_FACT_EPID, epid);
    kms_facts_set_number(key, KMS_FACT_CURRENT_COUNT, count);
    kms_facts_set_number(key, KMS_FACT_OWN_ENTRY, 1);
    kms_facts_set_number(&s->activation.host, KMS_FACT_HINTS, hints);
    source_good(s, &s->activation);
    return key;
}

/* The three sources of one host: counts 40, 30 and 20, ages 60 s, 2 h and 10 min. */
static void three_sources(struct scene *s)
{
    scene_open(s);
    kms_facts_set_number(&s->wsman.host, KMS_FACT_LISTENING_PORT, 1688);
    kms_facts_set_number(&s->wsman.host, KMS_FACT_SERVICE_STATE, KMS_SERVICE_RUNNING);
    struct kms_facts *key = add_key(&s->wsman, WINDOWS, "VOLUME_KMS_WS19", KMS_LICENSE_LICENSED,
                                    40);
    kms_facts_set_text(key, KMS_FACT_EPID, EPID_2019);
    kms_facts_set_number(key, KMS_FACT_RENEWAL_INTERVAL, 10080);
    source_good(s, &s->wsman);
    kms_facts_set_number(&s->report.host, KMS_FACT_LISTENING_PORT, 1688);
    kms_facts_set_text(&s->report.host, KMS_FACT_SERVICE_VERSION, "10.0.17763.1");
    key = add_key(&s->report, WINDOWS, "VOLUME_KMS_WS19", KMS_LICENSE_LICENSED, 30);
    kms_facts_set_text(key, KMS_FACT_EPID, EPID_2019);
    kms_facts_set_text(key, KMS_FACT_KEY_NAME, "ServerStandard");
    s->report.data_s = s->report.data_s_min = s->report.data_s_max = NOW - 7200;
    source_good(s, &s->report);
    s->activation.data_s = s->activation.data_s_min = s->activation.data_s_max = NOW - 600;
    key = answered(s, EPID_2019, 20, 0);
    kms_facts_set_number(key, KMS_FACT_COUNT_CEILING, 50);
}

static int64_t merged(const struct scene *s, enum kms_fact_id id)
{
    int64_t number = ABSENT;
    assert_int_equal(s->judgement.key_count, 1);
    (void)kms_facts_number(&s->judgement.key[0].facts, id, &number);
    return number;
}

static void of_three_sources_the_highest_that_is_not_stale_gives_each_fact(void **state)
{
    (void)state;
    struct scene s;
    three_sources(&s);
    judge(&s);
    assert_int_equal(merged(&s, KMS_FACT_CURRENT_COUNT), 40);
    assert_int_equal(merged(&s, KMS_FACT_RENEWAL_INTERVAL), 10080);
    assert_int_equal(merged(&s, KMS_FACT_COUNT_CEILING), 50); /* the wire alone tells it */
    assert_string_equal(kms_facts_text(&s.judgement.key[0].facts, KMS_FACT_KEY_NAME),
                        "ServerStandard");
    assert_string_equal(kms_facts_text(&s.judgement.host, KMS_FACT_SERVICE_VERSION),
                        "10.0.17763.1");
    assert_int_equal(s.judgement.key[0].source, KMS_SOURCE_WSMAN);
    assert_int_equal(s.judgement.key[0].data_s, NOW - 60);
    assert_int_equal(s.judgement.source[KMS_SOURCE_WSMAN].age_s, 60);
    assert_int_equal(s.judgement.source[KMS_SOURCE_REPORT].age_s, 7200);
    assert_int_equal(s.judgement.source[KMS_SOURCE_ACTIVATION].age_s, 600);
    assert_string_equal(s.judgement.drift, ""); /* three counts are none */
    assert_int_equal(s.judgement.state, KMS_STATE_OK);

    s.target.source[KMS_SOURCE_WSMAN].max_age_ms = 1000;
    judge(&s);
    assert_int_equal(merged(&s, KMS_FACT_CURRENT_COUNT), 30);
    assert_int_equal(merged(&s, KMS_FACT_RENEWAL_INTERVAL), ABSENT); /* too old to stand here */
    assert_int_equal(s.judgement.key[0].source, KMS_SOURCE_REPORT);
    assert_int_equal(s.judgement.key[0].data_s, NOW - 7200);
    assert_false(s.judgement.key[0].stale);
    assert_int_equal(s.judgement.state, KMS_STATE_UNKNOWN);
    assert_int_equal(s.judgement.reasons, KMS_BIT(KMS_REASON_STALE));

    s.target.source[KMS_SOURCE_REPORT].max_age_ms = 1000;
    judge(&s);
    assert_int_equal(merged(&s, KMS_FACT_CURRENT_COUNT), 20);
    assert_int_equal(s.judgement.key[0].source, KMS_SOURCE_ACTIVATION);

    s.target.source[KMS_SOURCE_ACTIVATION].max_age_ms = 1000;
    judge(&s);
    assert_int_equal(merged(&s, KMS_FACT_CURRENT_COUNT), 40);
    assert_int_equal(s.judgement.key[0].source, KMS_SOURCE_WSMAN);
    assert_true(s.judgement.key[0].stale);
    scene_close(&s);
}

/* It was activated since the report was made. */
static void a_licensed_key_has_no_end_that_an_older_report_knew_of(void **state)
{
    (void)state;
    struct scene s;
    three_sources(&s);
    struct kms_facts *old = &s.report.key[0];
    kms_facts_set_number(old, KMS_FACT_LICENSE_STATUS, KMS_LICENSE_OOT_GRACE);
    kms_facts_set_text(old, KMS_FACT_LICENSE_WORD, "Additional grace period");
    kms_facts_set_number(old, KMS_FACT_LICENSE_REASON, INT64_C(0x4004F00D));
    kms_facts_set_number(old, KMS_FACT_LICENSE_EXPIRES, 1440);
    kms_facts_set_number(old, KMS_FACT_TOTAL_REQUESTS, 900);
    kms_facts_set_number(old, KMS_FACT_FAILED_REQUESTS, 800);
    kms_facts_set_number(old, KMS_FACT_REQUESTS_LICENSED, 700);
    kms_facts_set_number(&s.wsman.key[0], KMS_FACT_TOTAL_REQUESTS, 1000);
    kms_facts_set_number(&s.wsman.key[0], KMS_FACT_FAILED_REQUESTS, 1);
    judge(&s);
    assert_int_equal(s.judgement.state, KMS_STATE_OK);
    assert_int_equal(merged(&s, KMS_FACT_LICENSE_STATUS), KMS_LICENSE_LICENSED);
    assert_int_equal(merged(&s, KMS_FACT_LICENSE_EXPIRES), ABSENT);
    assert_int_equal(merged(&s, KMS_FACT_LICENSE_REASON), ABSENT);
    assert_int_equal(merged(&s, KMS_FACT_TOTAL_REQUESTS), 1000);
    assert_int_equal(merged(&s, KMS_FACT_FAILED_REQUESTS), 1);
    assert_int_equal(merged(&s, KMS_FACT_REQUESTS_LICENSED), ABSENT);
    assert_null(kms_facts_text(&s.judgement.key[0].facts, KMS_FACT_LICENSE_WORD));
    assert_int_equal(s.judgement.key[0].data_s, NOW - 60);
    scene_close(&s);
}

/* WS-Man on 6.0 with two keys tells no counts. */
static void a_key_is_as_old_as_the_oldest_fact_that_decides(void **state)
{
    (void)state;
    struct scene s;
    three_sources(&s);
    kms_facts_remove(&s.wsman.key[0], KMS_FACT_CURRENT_COUNT);
    judge(&s);
    assert_int_equal(merged(&s, KMS_FACT_CURRENT_COUNT), 30);
    assert_int_equal(s.judgement.key[0].source, KMS_SOURCE_WSMAN);
    assert_int_equal(s.judgement.key[0].data_s, NOW - 7200);
    assert_int_equal(s.judgement.data_age_s, 7200);
    scene_close(&s);
}

static void a_stale_source_contradicts_nobody(void **state)
{
    (void)state;
    struct scene s;
    three_sources(&s);
    kms_facts_set_number(&s.wsman.host, KMS_FACT_LISTENING_PORT, 1690);
    kms_facts_set_text(&s.wsman.key[0], KMS_FACT_EPID, EPID_MADE);
    judge(&s);
    assert_non_null(strstr(s.judgement.drift, "port 1690 (wsman) but 1688 (report)"));
    assert_non_null(strstr(s.judgement.drift, "epid " EPID_MADE " (wsman) but "));
    s.target.source[KMS_SOURCE_WSMAN].max_age_ms = 1000;
    judge(&s);
    assert_string_equal(s.judgement.drift, "");
    scene_close(&s);
}

static void a_contradiction_names_who_told_the_value(void **state)
{
    (void)state;
    struct scene s;
    three_sources(&s);
    kms_facts_remove(&s.wsman.key[0], KMS_FACT_EPID);
    kms_facts_set_text(&s.activation.key[0], KMS_FACT_EPID, EPID_MADE);
    judge(&s);
    assert_string_equal(s.judgement.drift,
                        "epid " EPID_2019 " (report) but " EPID_MADE " (activation)");
    scene_close(&s);
}

static void what_is_blacked_out_contradicts_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *wsman, *report;
        bool drift;
    } cases[] = {
        {EPID_2019, "03612-00206-556-123727-03-1033-17763.0000-xxxxxxx", false},
        {EPID_2019, "03612-00206-556-123728-03-1033-17763.0000-xxxxxxx", true},
        {"2SMPL", "XXXXXX", false},
        {"2SMPL", "XXXXX", false},
        {"2SMPL", "2smpl", false},
        {"2SMPL", "3SMPL", true},
        {"2SMPL", "2SMP", true},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        struct scene s;
        three_sources(&s);
        s.evidence.good[KMS_SOURCE_ACTIVATION] = s.evidence.last[KMS_SOURCE_ACTIVATION] = NULL;
        bool short_one = strlen(cases[i].wsman) == 5;
        enum kms_fact_id id = short_one ? KMS_FACT_PARTIAL_KEY : KMS_FACT_EPID;
        kms_facts_set_text(&s.wsman.key[0], id, cases[i].wsman);
        kms_facts_set_text(&s.report.key[0], id, cases[i].report);
        judge(&s);
        assert_int_equal(s.judgement.drift[0] != '\0', cases[i].drift);
        scene_close(&s);
    }
}

static void a_key_that_only_an_older_report_shows_is_gone(void **state)
{
    (void)state;
    struct scene s;
    three_sources(&s);
    add_key(&s.report, OFFICE, "VOLUME_KMS", KMS_LICENSE_NOTIFICATION, 9);
    judge(&s);
    assert_int_equal(s.judgement.key_count, 1);
    assert_int_equal(s.judgement.state, KMS_STATE_OK);
    s.target.source[KMS_SOURCE_REPORT].max_age_ms = 1000; /* stale, too */
    judge(&s);
    assert_int_equal(s.judgement.key_count, 1);
    s.target.source[KMS_SOURCE_REPORT].max_age_ms = 0;
    s.target.source[KMS_SOURCE_WSMAN].max_age_ms = 1000;
    judge(&s);
    assert_int_equal(s.judgement.key_count, 2);
    scene_close(&s);
}

static void where_wsman_fails_the_others_still_speak(void **state)
{
    (void)state;
    struct scene s;
    three_sources(&s);
    struct kms_result failed;
    kms_result_init(&failed, KMS_SOURCE_WSMAN);
    failed.outcome = KMS_OUTCOME_WSMAN_DENIED;
    kms_text_copy(failed.detail, sizeof failed.detail, "access denied (5)");
    s.evidence.last[KMS_SOURCE_WSMAN] = &failed;
    judge(&s);
    assert_int_equal(merged(&s, KMS_FACT_CURRENT_COUNT), 30);
    assert_int_equal(s.judgement.key[0].source, KMS_SOURCE_REPORT);
    assert_int_equal(s.judgement.state, KMS_STATE_UNKNOWN);
    assert_int_equal(s.judgement.reasons, KMS_BIT(KMS_REASON_STALE));
    assert_true(kms_text_starts(s.judgement.summary, "count 30 "));
    assert_non_null(strstr(s.judgement.summary, "; wsman: access denied (5)"));
    s.target.classes = CLIENT;
    kms_facts_set_number(&s.report.key[0], KMS_FACT_CURRENT_COUNT, 3);
    judge(&s);
    assert_int_equal(s.judgement.state, KMS_STATE_CRITICAL); /* known, whatever failed */
    scene_close(&s);
}

static void
a_machine_whose_windows_is_no_kms_host_is_critical_unless_requests_are_answered(void **state)
{
    (void)state;
    struct scene s;
    three_sources(&s);
    struct kms_result disowned;
    kms_result_init(&disowned, KMS_SOURCE_WSMAN);
    disowned.outcome = KMS_OUTCOME_WSMAN_NOT_A_HOST;
    disowned.data_s = disowned.wall_s = NOW;
    kms_facts_set_text(&disowned.host, KMS_FACT_OS_VERSION, "10.0.17763");
    s.evidence.last[KMS_SOURCE_WSMAN] = &disowned; /* it was a host before */
    kms_facts_set_number(&s.activation.key[0], KMS_FACT_CURRENT_COUNT, 40);
    judge(&s);
    assert_int_equal(s.judgement.state, KMS_STATE_WARNING);
    assert_int_equal(s.judgement.reasons, KMS_BIT(KMS_REASON_NOT_KMS));
    assert_false(s.judgement.source[KMS_SOURCE_WSMAN].stale);
    assert_int_equal(s.judgement.key_count, 1); /* of the wire */
    assert_int_equal(s.judgement.key[0].source, KMS_SOURCE_ACTIVATION);
    assert_true(kms_text_starts(s.judgement.summary,
                                "requests are answered, but Windows says that it is no KMS host"));

    s.evidence.last[KMS_SOURCE_ACTIVATION] = s.evidence.good[KMS_SOURCE_ACTIVATION] = NULL;
    s.target.source[KMS_SOURCE_ACTIVATION].enabled = false;
    judge(&s);
    assert_int_equal(s.judgement.state, KMS_STATE_CRITICAL);
    assert_int_equal(s.judgement.reasons, KMS_BIT(KMS_REASON_NOT_KMS));
    assert_int_equal(s.judgement.key_count, 0);
    assert_string_equal(s.judgement.summary, "Windows says that it is no KMS host");
    assert_string_equal(kms_facts_text(&s.judgement.host, KMS_FACT_OS_VERSION), "10.0.17763");

    s.target.classes = CLIENT;
    judge(&s);
    assert_int_equal(s.judgement.state, KMS_STATE_CRITICAL);
    assert_true(s.judgement.reasons & KMS_BIT(KMS_REASON_NOT_KMS));
    assert_int_equal(s.judgement.cls[KMS_CLASS_CLIENT].verdict, KMS_VERDICT_NOT_SERVED);
    kms_result_done(&disowned);
    scene_close(&s);
}

static void a_machine_that_never_was_a_kms_host_has_an_answer_too(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    s.wsman.outcome = KMS_OUTCOME_WSMAN_NOT_A_HOST;
    s.wsman.data_s = NOW;
    s.target.source[KMS_SOURCE_WSMAN].enabled = true;
    s.evidence.last[KMS_SOURCE_WSMAN] = &s.wsman;
    judge(&s);
    assert_int_equal(s.judgement.state, KMS_STATE_CRITICAL);
    assert_int_equal(s.judgement.reasons, KMS_BIT(KMS_REASON_NOT_KMS));
    s.target.classes = CLIENT;
    judge(&s);
    assert_int_equal(s.judgement.cls[KMS_CLASS_CLIENT].verdict, KMS_VERDICT_NOT_SERVED);
    s.target.source[KMS_SOURCE_WSMAN].max_age_ms = 1000;
    s.wsman.data_s = NOW - 60; /* who knows what it has now */
    judge(&s);
    assert_int_equal(s.judgement.cls[KMS_CLASS_CLIENT].verdict, KMS_VERDICT_UNKNOWN);
    scene_close(&s);
}

static void settings_that_changed_are_drift_and_named(void **state)
{
    (void)state;
    struct scene s;
    three_sources(&s);
    static const struct kms_setting_change changes[] = {
        {.fact = KMS_FACT_LISTENING_PORT, .was = "1688", .is = "1690"},
        {.fact = KMS_FACT_DNS_PUBLISHING, .was = "enabled", .is = "disabled"},
        {.fact = KMS_FACT_RENEWAL_INTERVAL,
         .application = KMS_APPLICATION_OFFICE,
         .was = "10080",
         .is = "1440"},
    };
    s.evidence.setting_change = changes;
    s.evidence.setting_change_count = KMS_COUNT_OF(changes);
    judge(&s);
    assert_string_equal(s.judgement.drift,
                        "port 1688 became 1690; DNS publishing enabled became disabled; "
                        "Office: renewal-interval 10080 became 1440");
    assert_int_equal(s.judgement.state, KMS_STATE_WARNING);
    assert_int_equal(s.judgement.reasons, KMS_BIT(KMS_REASON_CONFIG_DRIFT));
    assert_non_null(strstr(s.judgement.summary, "port 1688 became 1690"));
    scene_close(&s);
}

static void a_service_that_was_stopped_and_a_clock_that_was_wrong_are_no_verdict_now(void **state)
{
    (void)state;
    struct scene s;
    three_sources(&s);
    kms_facts_set_number(&s.wsman.host, KMS_FACT_SERVICE_STATE, KMS_SERVICE_STOPPED);
    kms_facts_set_number(&s.wsman.host, KMS_FACT_CLOCK_SKEW, -86400);
    judge(&s);
    assert_int_equal(s.judgement.state, KMS_STATE_CRITICAL);
    assert_true(s.judgement.coverage & KMS_BIT(KMS_COVERAGE_CLOCK));
    s.target.source[KMS_SOURCE_WSMAN].max_age_ms = 1000;
    judge(&s);
    assert_int_equal(s.judgement.state, KMS_STATE_UNKNOWN);
    assert_int_equal(s.judgement.reasons, KMS_BIT(KMS_REASON_STALE));
    assert_false(s.judgement.coverage & KMS_BIT(KMS_COVERAGE_CLOCK));
    scene_close(&s);
}

static void a_stopped_service_and_a_wrong_clock_stand_in_the_line(void **state)
{
    (void)state;
    struct scene s;
    three_sources(&s);
    kms_facts_set_number(&s.wsman.host, KMS_FACT_SERVICE_STATE, KMS_SERVICE_STOPPED);
    kms_facts_set_number(&s.wsman.host, KMS_FACT_CLOCK_SKEW, -7200);
    judge(&s);
    assert_true(kms_text_starts(s.judgement.summary, "service stopped; clock 2 h slow; count 40"));
    scene_close(&s);
}

static int64_t authenticity(const struct scene *s)
{
    int64_t value = 0;
    (void)kms_facts_number(&s->judgement.host, KMS_FACT_AUTHENTICITY, &value);
    return value;
}

static void the_count_of_the_wire_is_judged_without_our_own_entry(void **state)
{
    (void)state;
    static const struct {
        int64_t count;
        int32_t headroom;
        enum kms_verdict verdict;
    } cases[] = {
        {7, 1, KMS_VERDICT_CAN_ACTIVATE},
        {6, 0, KMS_VERDICT_CAN_ACTIVATE},
        {5, -1, KMS_VERDICT_BELOW_THRESHOLD},
        {1, -5, KMS_VERDICT_BELOW_THRESHOLD},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        struct scene s;
        scene_open(&s);
        answered(&s, EPID_2019, cases[i].count, 0);
        judge(&s);
        assert_int_equal(s.judgement.key_count, 1);
        assert_int_equal(s.judgement.cls[KMS_CLASS_SERVER].headroom, cases[i].headroom);
        assert_int_equal(s.judgement.cls[KMS_CLASS_SERVER].verdict, cases[i].verdict);
        scene_close(&s);
    }
}

static void a_key_of_a_report_and_of_the_wire_is_one_key(void **state)
{
    (void)state;
    for (int with_epid = 0; with_epid < 2; with_epid++) {
        struct scene s;
        scene_open(&s);
        struct kms_facts *key = add_key(&s.report, WINDOWS, "VOLUME_KMS_WS19", KMS_LICENSE_LICENSED,
                                        30);
        kms_facts_set_text(key, KMS_FACT_ACTIVATION_ID, "11111111-1111-1111-1111-111111111111");
        if (with_epid) {
            kms_facts_set_text(key, KMS_FACT_EPID, EPID_2019);
        }
        source_good(&s, &s.report);
        answered(&s, EPID_2019, 31, 0);
        judge(&s);
        assert_int_equal(s.judgement.key_count, 1);
        assert_int_equal(s.judgement.key[0].source, KMS_SOURCE_REPORT);
        assert_string_equal(kms_facts_text(&s.judgement.key[0].facts, KMS_FACT_EPID), EPID_2019);
        int64_t own = 0;
        assert_true(kms_facts_number(&s.judgement.key[0].facts, KMS_FACT_OWN_ENTRY, &own));
        assert_int_equal(own, 1);
        assert_string_equal(s.judgement.drift, "");
        scene_close(&s);
    }
}

static void a_report_of_before_our_first_request_counts_without_us(void **state)
{
    (void)state;
    static const struct {
        int64_t report_s, report_max_s, since_s; /* 0: not known */
        int32_t headroom;
    } cases[] = {
        {1000, 1000, 1001, 0}, {1000, 1000, 1000, -1}, {1000, 1000, 500, -1},
        {1000, 1000, 0, -1},   {0, 1000, 1001, 0},     {0, 1000, 500, -1},
        {0, 0, 1001, -1},      {1000, 60000, 1001, 0},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        struct scene s;
        scene_open(&s);
        add_key(&s.report, WINDOWS, "VOLUME_KMS_WS19", KMS_LICENSE_LICENSED, 5);
        source_good(&s, &s.report);
        s.report.data_s = s.report.data_s_min = cases[i].report_s;
        s.report.data_s_max = cases[i].report_max_s;
        struct kms_facts *key = answered(&s, EPID_2019, 30, 0); /* the report's stands before */
        if (cases[i].since_s != 0) {
            kms_facts_set_number(key, KMS_FACT_OWN_ENTRY_SINCE, cases[i].since_s);
        }
        judge(&s);
        assert_int_equal(s.judgement.key_count, 1);
        assert_int_equal(s.judgement.cls[KMS_CLASS_SERVER].headroom, cases[i].headroom);
        int64_t own = -1;
        assert_true(kms_facts_number(&s.judgement.key[0].facts, KMS_FACT_OWN_ENTRY, &own));
        assert_int_equal(own, cases[i].headroom < 0);
        bool told = strstr(s.judgement.summary, "1 of them this monitor") != NULL;
        assert_int_equal(told, own);
        scene_close(&s);
    }
}

static void a_count_that_only_the_wire_tells_is_with_us(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    add_key(&s.report, WINDOWS, "VOLUME_KMS_WS19", KMS_LICENSE_LICENSED, ABSENT);
    source_good(&s, &s.report);
    s.report.data_s = 1000;
    struct kms_facts *key = answered(&s, EPID_2019, 5, 0);
    kms_facts_set_number(key, KMS_FACT_OWN_ENTRY_SINCE, s.activation.data_s);
    judge(&s);
    assert_int_equal(s.judgement.key_count, 1);
    assert_int_equal(s.judgement.key[0].source, KMS_SOURCE_REPORT);
    assert_int_equal(s.judgement.cls[KMS_CLASS_SERVER].headroom, -1);
    scene_close(&s);
}

static void two_applications_of_the_wire_are_judged_by_their_own_ages(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    struct kms_facts *key = answered(&s, EPID_2019, 30, 0);
    kms_facts_set_number(key, KMS_FACT_ANSWERED, s.activation.data_s);
    key = answered(&s, "03612-00206-558-123727-03-1033-17763.0000-2972018", 9, 0);
    kms_facts_set_text(key, KMS_FACT_APPLICATION_ID, OFFICE);
    kms_facts_set_number(key, KMS_FACT_ANSWERED, s.activation.data_s - 1800);
    judge(&s);
    assert_int_equal(s.judgement.key_count, 2);
    assert_int_equal(s.judgement.key[0].data_s, s.activation.data_s);
    assert_int_equal(s.judgement.key[1].data_s, s.activation.data_s - 1800);
    assert_int_equal(s.judgement.data_s, s.activation.data_s - 1800);
    assert_int_equal(s.judgement.cls[KMS_CLASS_OFFICE].verdict, KMS_VERDICT_CAN_ACTIVATE);
    assert_int_equal(s.judgement.cls[KMS_CLASS_OFFICE].headroom, 3);
    assert_int_equal(s.judgement.cls[KMS_CLASS_CLIENT].verdict, KMS_VERDICT_CAN_ACTIVATE);
    assert_int_equal(s.judgement.state, KMS_STATE_OK);
    scene_close(&s);
}

static void two_hints_make_a_host_suspicious_and_one_does_not(void **state)
{
    (void)state;
    static const struct {
        const char *epid;
        uint32_t hints;
        int64_t authenticity;
    } cases[] = {
        {EPID_2019, 0, KMS_AUTHENTICITY_CONSISTENT},
        {EPID_2019, KMS_BIT(KMS_HINT_IV_REUSED), KMS_AUTHENTICITY_CONSISTENT},
        {EPID_2019, KMS_BIT(KMS_HINT_IV_REUSED) | KMS_BIT(KMS_HINT_HARDWARE_ID),
         KMS_AUTHENTICITY_SUSPICIOUS},
        {EPID_2019, KMS_BIT(KMS_HINT_ASSOCIATION) | KMS_BIT(KMS_HINT_EPID_CHANGED),
         KMS_AUTHENTICITY_SUSPICIOUS},
        {EPID_MADE, 0, KMS_AUTHENTICITY_SUSPICIOUS},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        struct scene s;
        scene_open(&s);
        answered(&s, cases[i].epid, 51, cases[i].hints);
        judge(&s);
        bool suspicious = cases[i].authenticity == KMS_AUTHENTICITY_SUSPICIOUS;
        assert_int_equal(authenticity(&s), cases[i].authenticity);
        assert_int_equal(s.judgement.state, suspicious ? KMS_STATE_WARNING : KMS_STATE_OK);
        assert_int_equal(s.judgement.reasons, suspicious ? KMS_BIT(KMS_REASON_SUSPICIOUS) : 0);
        assert_int_equal(strstr(s.judgement.summary, "looks like no genuine host: ") != NULL,
                         suspicious);
        scene_close(&s);
    }
}

/* The build of the ePID says whether the host's age takes NDR64. */
static void a_refusal_of_ndr64_contradicts_a_build_that_takes_it(void **state)
{
    (void)state;
    static const char *const epid_2008r2 = "55041-00168-305-190595-03-1033-7601.0000-0162011";
    static const char *const epid_2012 = "05426-00206-152-000001-03-1033-9200.0000-3002012";
    static const struct {
        int64_t taken; /* -1: not asked */
        bool build_takes_it, hinted;
    } cases[] = {
        {-1, true, false},  {1, true, false},  {0, true, true},
        {-1, false, false}, {1, false, false}, {0, false, false},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        struct scene s;
        scene_open(&s);
        answered(&s, cases[i].build_takes_it ? epid_2012 : epid_2008r2, 51,
                 KMS_BIT(KMS_HINT_CLOSED));
        if (cases[i].taken >= 0) {
            kms_facts_set_number(&s.rpc.host, KMS_FACT_NDR64, cases[i].taken);
        }
        source_good(&s, &s.rpc);
        judge(&s);
        assert_int_equal(authenticity(&s), cases[i].hinted ? KMS_AUTHENTICITY_SUSPICIOUS
                                                           : KMS_AUTHENTICITY_CONSISTENT);
        assert_string_equal(kms_facts_text(&s.judgement.host, KMS_FACT_AUTHENTICITY_REASONS),
                            cases[i].hinted ? "closes after one call; refuses NDR64"
                                            : "closes after one call");
        scene_close(&s);
    }
}

static void a_count_at_its_ceiling_speaks_against_nobody(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    answered(&s, EPID_2019, 50, 0);
    judge(&s);
    assert_int_equal(authenticity(&s), KMS_AUTHENTICITY_CONSISTENT);
    assert_null(kms_facts_text(&s.judgement.host, KMS_FACT_AUTHENTICITY_REASONS));
    scene_close(&s);
}

static void an_epid_that_changed_and_another_hint_are_two(void **state)
{
    (void)state;
    const struct kms_epid_change change = {
        .application = KMS_APPLICATION_WINDOWS, .was = EPID_MADE, .is = EPID_2019};
    struct scene s;
    scene_open(&s);
    answered(&s, EPID_2019, 50, KMS_BIT(KMS_HINT_IV_REUSED));
    s.evidence.epid_change = &change;
    judge(&s);
    assert_int_equal(authenticity(&s), KMS_AUTHENTICITY_SUSPICIOUS);
    assert_string_equal(kms_facts_text(&s.judgement.host, KMS_FACT_AUTHENTICITY_REASONS),
                        "repeats the IV of requests; ePID changed within a day");
    scene_close(&s);
}

static void without_an_answer_authenticity_is_not_known(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    struct kms_facts *key = add_key(&s.report, WINDOWS, "VOLUME_KMS_WS19", KMS_LICENSE_LICENSED,
                                    30);
    kms_facts_set_text(key, KMS_FACT_EPID, EPID_2019);
    source_good(&s, &s.report);
    judge(&s);
    assert_false(kms_facts_has(&s.judgement.host, KMS_FACT_AUTHENTICITY));
    scene_close(&s);
}

static void publication_is_judged_as_the_rules_say(void **state)
{
    (void)state;
    struct kms_publication_evidence e = {.expected = true};
    struct kms_publication_judgement j = kms_judge_publication(&e);
    assert_int_equal(j.publication, KMS_PUBLICATION_UNKNOWN);
    e.looked_up = true;
    e.lookup_failed = true;
    j = kms_judge_publication(&e);
    assert_int_equal(j.publication, KMS_PUBLICATION_LOOKUP_FAILED);
    assert_int_equal(j.state, KMS_STATE_UNKNOWN);
    e.lookup_failed = false;
    j = kms_judge_publication(&e);
    assert_int_equal(j.publication, KMS_PUBLICATION_MISSING);
    assert_int_equal(j.state, KMS_STATE_CRITICAL);
    e.other_healthy = true;
    assert_int_equal(kms_judge_publication(&e).state, KMS_STATE_WARNING);
    e.host_flag = KMS_PUBLISHING_DISABLED;
    assert_int_equal(kms_judge_publication(&e).publication, KMS_PUBLICATION_DISABLED);
    /* A record made by hand on a host that does not publish is a supported set-up. */
    e.found = e.port_right = e.resolves = true;
    j = kms_judge_publication(&e);
    assert_int_equal(j.publication, KMS_PUBLICATION_PUBLISHED);
    assert_int_equal(j.state, KMS_STATE_OK);
    e.port_right = false;
    assert_int_equal(kms_judge_publication(&e).publication, KMS_PUBLICATION_WRONG_PORT);
    e.port_right = true;
    e.resolves = false;
    assert_int_equal(kms_judge_publication(&e).publication, KMS_PUBLICATION_UNRESOLVABLE);
    e.resolves = true;
    e.expected = false;
    assert_int_equal(kms_judge_publication(&e).publication, KMS_PUBLICATION_NOT_EXPECTED);
    e.found = false;
    assert_int_equal(kms_judge_publication(&e).state, KMS_STATE_OK);
}

/* The port answers, and a lookup said this. */
static void look_up(struct scene *s, enum kms_outcome outcome, const char *detail,
                    enum kms_publication_state publication, enum kms_state judged)
{
    kms_facts_set_number(&s->rpc.host, KMS_FACT_RPC_STATE, KMS_RPC_ACCEPTED);
    source_good(s, &s->rpc);
    source_good(s, &s->dns);
    s->dns.outcome = outcome;
    kms_text_copy(s->dns.detail, sizeof s->dns.detail, detail);
    kms_facts_set_number(&s->dns.host, KMS_FACT_PUBLICATION, publication);
    kms_facts_set_number(&s->dns.host, KMS_FACT_PUBLICATION_JUDGED, judged);
    judge(s);
}

static void publication_worsens_the_host_and_stands_in_its_line(void **state)
{
    (void)state;
    const uint32_t both = KMS_BIT(KMS_COVERAGE_REACHABILITY) | KMS_BIT(KMS_COVERAGE_PUBLICATION);
    struct scene s;
    scene_open(&s);
    look_up(&s, KMS_OUTCOME_OK, "published in example.com", KMS_PUBLICATION_PUBLISHED,
            KMS_STATE_OK);
    assert_int_equal(s.judgement.state, KMS_STATE_OK);
    assert_int_equal(s.judgement.reasons, 0);
    assert_int_equal(s.judgement.coverage, both);
    assert_string_equal(s.judgement.summary, "port answers; published in example.com");
    look_up(&s, KMS_OUTCOME_OK, "not published in example.com", KMS_PUBLICATION_MISSING,
            KMS_STATE_CRITICAL);
    assert_int_equal(s.judgement.state, KMS_STATE_CRITICAL);
    assert_int_equal(s.judgement.reasons, KMS_BIT(KMS_REASON_NOT_PUBLISHED));
    assert_int_equal(s.judgement.coverage, both);
    assert_string_equal(s.judgement.summary, "port answers; not published in example.com");
    look_up(&s, KMS_OUTCOME_OK, "", KMS_PUBLICATION_WRONG_PORT, KMS_STATE_WARNING);
    assert_int_equal(s.judgement.state, KMS_STATE_WARNING);
    assert_string_equal(s.judgement.summary,
                        "port answers; The record has another port than the host listens on.");
    /* beside what the report says, only what is wrong is told */
    add_key(&s.report, WINDOWS, "VOLUME_KMS_R2_B", KMS_LICENSE_LICENSED, 50);
    source_good(&s, &s.report);
    look_up(&s, KMS_OUTCOME_OK, "not published in example.com", KMS_PUBLICATION_MISSING,
            KMS_STATE_WARNING);
    assert_non_null(strstr(s.judgement.summary, "key licensed; not published in example.com"));
    look_up(&s, KMS_OUTCOME_OK, "published in example.com", KMS_PUBLICATION_PUBLISHED,
            KMS_STATE_OK);
    assert_null(strstr(s.judgement.summary, "published"));
    scene_close(&s);
}

static void a_failed_lookup_is_unknown_and_an_old_one_proves_nothing(void **state)
{
    (void)state;
    struct kms_result good;
    kms_result_init(&good, KMS_SOURCE_DNS);
    good.outcome = KMS_OUTCOME_OK;
    kms_facts_set_number(&good.host, KMS_FACT_PUBLICATION, KMS_PUBLICATION_PUBLISHED);
    kms_facts_set_number(&good.host, KMS_FACT_PUBLICATION_JUDGED, KMS_STATE_OK);
    struct scene s;
    scene_open(&s);
    look_up(&s, KMS_OUTCOME_DNS_SERVFAIL, "example.com could not be looked up: SERVFAIL",
            KMS_PUBLICATION_LOOKUP_FAILED, KMS_STATE_UNKNOWN);
    s.evidence.good[KMS_SOURCE_DNS] = &good;
    judge(&s);
    int64_t publication = 0;
    assert_true(kms_facts_number(&s.judgement.host, KMS_FACT_PUBLICATION, &publication));
    assert_int_equal(publication, KMS_PUBLICATION_LOOKUP_FAILED);
    assert_int_equal(s.judgement.state, KMS_STATE_UNKNOWN);
    assert_int_equal(s.judgement.reasons, KMS_BIT(KMS_REASON_STALE));
    assert_true(s.judgement.source[KMS_SOURCE_DNS].stale);
    assert_int_equal(s.judgement.coverage, KMS_BIT(KMS_COVERAGE_REACHABILITY));
    assert_string_equal(s.judgement.summary, "example.com could not be looked up: SERVFAIL");
    /* the same when nothing tells whose fault it was, or only an address could not be looked up */
    look_up(&s, KMS_OUTCOME_TIMEOUT, "", KMS_PUBLICATION_LOOKUP_FAILED, KMS_STATE_UNKNOWN);
    assert_int_equal(s.judgement.state, KMS_STATE_UNKNOWN);
    assert_int_equal(s.judgement.coverage, KMS_BIT(KMS_COVERAGE_REACHABILITY));
    look_up(&s, KMS_OUTCOME_OK, "", KMS_PUBLICATION_LOOKUP_FAILED, KMS_STATE_UNKNOWN);
    assert_int_equal(s.judgement.state, KMS_STATE_UNKNOWN);
    assert_int_equal(s.judgement.coverage, KMS_BIT(KMS_COVERAGE_REACHABILITY));
    /* another domain was looked up, and the host is missing there */
    look_up(&s, KMS_OUTCOME_DNS_SERVFAIL, "not published in b.example", KMS_PUBLICATION_MISSING,
            KMS_STATE_CRITICAL);
    assert_int_equal(s.judgement.state, KMS_STATE_CRITICAL);
    assert_int_equal(s.judgement.reasons,
                     KMS_BIT(KMS_REASON_STALE) | KMS_BIT(KMS_REASON_NOT_PUBLISHED));
    /* a verdict that is older than its limit is none */
    s.target.source[KMS_SOURCE_DNS].max_age_ms = 30000;
    look_up(&s, KMS_OUTCOME_OK, "not published in b.example", KMS_PUBLICATION_MISSING,
            KMS_STATE_CRITICAL);
    assert_int_equal(s.judgement.state, KMS_STATE_UNKNOWN);
    assert_int_equal(s.judgement.coverage, KMS_BIT(KMS_COVERAGE_REACHABILITY));
    scene_close(&s);
    kms_result_done(&good);
}

static void texts_say_what_an_administrator_wants_to_read(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    struct kms_facts *key = add_key(&s.report, WINDOWS, "VOLUME_KMS_R2_B", KMS_LICENSE_LICENSED, 6);
    kms_facts_set_number(key, KMS_FACT_TOTAL_REQUESTS, 20);
    kms_facts_set_number(key, KMS_FACT_FAILED_REQUESTS, 0);
    source_good(&s, &s.report);
    judge(&s);
    char text[160];
    kms_judge_count_text(&s.judgement, 0, text, sizeof text);
    assert_string_equal(text, "count 6: servers ok (5), clients below 25");
    kms_judge_requests_text(&s.judgement.key[0], text, sizeof text);
    assert_string_equal(text, "20 requests, 0 failed");
    assert_string_equal(s.judgement.summary,
                        "count 6: servers ok (5), clients below 25, key licensed");
    kms_facts_set_number(key, KMS_FACT_LICENSE_STATUS, KMS_LICENSE_NOTIFICATION);
    kms_facts_set_number(key, KMS_FACT_LICENSE_REASON, 0xC004F035);
    judge(&s);
    kms_judge_key_text(&s.judgement.key[0], text, sizeof text);
    assert_non_null(strstr(text, "notification, 0xC004F035"));
    kms_facts_remove(key, KMS_FACT_LICENSE_STATUS);
    kms_facts_set_text(key, KMS_FACT_LICENSE_WORD, "Lizenz unklar");
    judge(&s);
    kms_judge_key_text(&s.judgement.key[0], text, sizeof text);
    assert_true(kms_text_starts(text, "state unknown ('Lizenz unklar')"));
    assert_int_equal(s.judgement.state,
                     KMS_STATE_WARNING); /* clients below 25 is worse than unknown */
    scene_close(&s);
}

static void a_source_that_was_not_asked_yet_leaves_the_host_unknown(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    kms_facts_set_number(&s.rpc.host, KMS_FACT_RPC_STATE, KMS_RPC_ACCEPTED);
    source_good(&s, &s.rpc);
    judge(&s);
    assert_int_equal(s.judgement.state, KMS_STATE_OK);
    s.target.source[KMS_SOURCE_REPORT].enabled = true;
    judge(&s);
    assert_int_equal(s.judgement.state, KMS_STATE_UNKNOWN);
    assert_int_equal(s.judgement.reasons, KMS_BIT(KMS_REASON_NO_DATA));
    assert_string_equal(s.judgement.summary,
                        "port answers, nothing else is known; no result of report yet");
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_judged_by_class_and_declaration),
        cmocka_unit_test(our_own_entry_is_taken_from_the_verdict_not_from_the_count),
        cmocka_unit_test(license_states_are_judged_as_windows_numbers_them),
        cmocka_unit_test(an_expiring_key_warns_then_is_critical),
        cmocka_unit_test(a_superseded_key_never_outranks_a_licensed_one),
        cmocka_unit_test(a_key_of_unknown_state_is_not_excused_by_a_licensed_one),
        cmocka_unit_test(keys_that_nothing_tells_apart_keep_rows_of_their_own),
        cmocka_unit_test(a_licensed_key_supersedes_only_what_it_serves_itself),
        cmocka_unit_test(stale_data_proves_no_missing_key_either),
        cmocka_unit_test(several_keys_are_judged_each_by_its_application),
        cmocka_unit_test(a_wanted_class_without_a_key_is_not_served_or_unknown),
        cmocka_unit_test(failed_requests_need_number_and_ratio),
        cmocka_unit_test(stale_replaces_the_verdict_by_unknown),
        cmocka_unit_test(a_failed_attempt_keeps_the_last_good_facts_as_stale),
        cmocka_unit_test(a_host_without_any_answer_is_unknown),
        cmocka_unit_test(a_host_of_which_only_the_port_is_known_is_ok_for_reachability),
        cmocka_unit_test(an_unreachable_port_is_critical_with_its_name),
        cmocka_unit_test(a_probe_that_failed_here_says_nothing_about_the_host),
        cmocka_unit_test(the_highest_source_that_is_not_stale_wins),
        cmocka_unit_test(a_source_that_is_silent_takes_no_identity_along),
        cmocka_unit_test(port_key_and_epid_can_contradict),
        cmocka_unit_test(service_clock_and_authenticity_are_judged),
        cmocka_unit_test(of_three_sources_the_highest_that_is_not_stale_gives_each_fact),
        cmocka_unit_test(a_licensed_key_has_no_end_that_an_older_report_knew_of),
        cmocka_unit_test(a_key_is_as_old_as_the_oldest_fact_that_decides),
        cmocka_unit_test(a_stale_source_contradicts_nobody),
        cmocka_unit_test(a_contradiction_names_who_told_the_value),
        cmocka_unit_test(what_is_blacked_out_contradicts_nothing),
        cmocka_unit_test(a_key_that_only_an_older_report_shows_is_gone),
        cmocka_unit_test(where_wsman_fails_the_others_still_speak),
        cmocka_unit_test(
            a_machine_whose_windows_is_no_kms_host_is_critical_unless_requests_are_answered),
        cmocka_unit_test(a_machine_that_never_was_a_kms_host_has_an_answer_too),
        cmocka_unit_test(settings_that_changed_are_drift_and_named),
        cmocka_unit_test(a_service_that_was_stopped_and_a_clock_that_was_wrong_are_no_verdict_now),
        cmocka_unit_test(a_stopped_service_and_a_wrong_clock_stand_in_the_line),
        cmocka_unit_test(the_count_of_the_wire_is_judged_without_our_own_entry),
        cmocka_unit_test(a_key_of_a_report_and_of_the_wire_is_one_key),
        cmocka_unit_test(a_report_of_before_our_first_request_counts_without_us),
        cmocka_unit_test(a_count_that_only_the_wire_tells_is_with_us),
        cmocka_unit_test(two_applications_of_the_wire_are_judged_by_their_own_ages),
        cmocka_unit_test(two_hints_make_a_host_suspicious_and_one_does_not),
        cmocka_unit_test(a_refusal_of_ndr64_contradicts_a_build_that_takes_it),
        cmocka_unit_test(a_count_at_its_ceiling_speaks_against_nobody),
        cmocka_unit_test(an_epid_that_changed_and_another_hint_are_two),
        cmocka_unit_test(without_an_answer_authenticity_is_not_known),
        cmocka_unit_test(publication_is_judged_as_the_rules_say),
        cmocka_unit_test(publication_worsens_the_host_and_stands_in_its_line),
        cmocka_unit_test(a_failed_lookup_is_unknown_and_an_old_one_proves_nothing),
        cmocka_unit_test(texts_say_what_an_administrator_wants_to_read),
        cmocka_unit_test(a_source_that_was_not_asked_yet_leaves_the_host_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
