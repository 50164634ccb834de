/* Four queries over one conversation, and the result they make. */
#include "wsman/probe.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "wsman/facts.h"
#include "wsman/talk.h"

#define TIMEOUT_PRESET_MS 45000
#define RESERVE_MS        1000 /* the conversation ends before the probe's deadline, and says why */

struct kms_probe {
    struct kms_env *env;
    kms_done_fn *done;
    void *arg;
    struct kms_talk *talk;
    struct kms_timer *timer; /* tells what was known inside start, and frees what called us */
    int64_t deadline_us;
    enum kms_wsman_query query;
    struct kms_wsman_facts facts;
    int64_t answered_s; /* wall clock of the last answer */
    char mechanism[16];
    char remark[120]; /* what could not be had, although the rest could */
    enum kms_outcome outcome;
    char detail[200];
};

static void free_probe(struct kms_probe *probe)
{
    kms_talk_free(probe->talk);
    kms_timer_free(probe->timer);
    kms_wsman_facts_done(&probe->facts);
    free(probe);
}

/* ---- the result ---- */

/* The facts change hands. */
static enum kms_status move_facts(struct kms_probe *probe, struct kms_result *result)
{
    result->host = probe->facts.host;
    probe->facts.host = (struct kms_facts){0};
    for (size_t i = 0; i < probe->facts.key_count; i++) {
        struct kms_facts *key = kms_result_add_key(result);
        if (!key) {
            return KMS_ENOMEM;
        }
        *key = probe->facts.key[i];
        probe->facts.key[i] = (struct kms_facts){0};
    }
    return kms_facts_set_text(&result->host, KMS_FACT_WSMAN_MECHANISM, probe->mechanism);
}

static void describe(const struct kms_probe *probe, struct kms_result *result)
{
    kms_text_copy(result->detail, sizeof result->detail, probe->detail);
    if (probe->facts.malformed[0]) {
        kms_text_append(result->detail, sizeof result->detail, "%s%s could not be read",
                        result->detail[0] ? "; " : "", probe->facts.malformed);
    }
    if (probe->remark[0]) {
        kms_text_append(result->detail, sizeof result->detail, "%s%s",
                        result->detail[0] ? "; " : "", probe->remark);
    }
}

static void fill_result(struct kms_probe *probe, struct kms_result *result)
{
    result->outcome = probe->outcome;
    describe(probe, result);
    bool told = kms_outcome_good(probe->outcome) || probe->outcome == KMS_OUTCOME_WSMAN_NOT_A_HOST;
    if (!told) {
        return;
    }
    if (move_facts(probe, result) != KMS_OK) {
        kms_result_done(result);
        kms_result_init(result, KMS_SOURCE_WSMAN);
        result->outcome = KMS_OUTCOME_NO_MEMORY;
        return;
    }
    result->data_s = probe->answered_s;
    result->data_s_min = probe->answered_s;
    result->data_s_max = probe->answered_s;
}

/* Every way but the deadline and a cancel ends here, once; never from inside the conversation. */
static void finish(void *arg)
{
    struct kms_probe *probe = arg;
    struct kms_result result;
    kms_result_init(&result, KMS_SOURCE_WSMAN);
    fill_result(probe, &result);
    kms_done_fn *done = probe->done;
    void *done_arg = probe->arg;
    free_probe(probe);
    done(done_arg, &result);
    kms_result_done(&result);
}

static void end_with(struct kms_probe *probe, enum kms_outcome outcome, const char *detail)
{
    probe->outcome = outcome;
    kms_text_copy(probe->detail, sizeof probe->detail, detail);
    kms_timer_set(probe->timer, 0);
}

/* ---- the queries ---- */

static void ask(struct kms_probe *probe);

static enum kms_status take_row(void *arg, struct kms_wsman_row *row)
{
    struct kms_probe *probe = arg;
    return kms_wsman_take(&probe->facts, probe->query, row, kms_clock_wall_s(&probe->env->clock));
}

/* The enumeration begins anew: its keys are counted anew. Other queries have one row, which
 * overwrites. */
static void forget_rows(void *arg)
{
    struct kms_wsman_facts *facts = &((struct kms_probe *)arg)->facts;
    for (size_t i = 0; i < facts->key_count; i++) {
        kms_facts_done(&facts->key[i]);
    }
    facts->key_count = 0;
    facts->products = 0;
}

static void next(struct kms_probe *probe)
{
    if (probe->query == KMS_WSMAN_Q_PRODUCT) {
        enum kms_outcome outcome = kms_wsman_settle(&probe->facts);
        end_with(probe, outcome, "");
        return;
    }
    probe->query = (enum kms_wsman_query)(probe->query + 1);
    ask(probe);
}

/* A column that this version does not have: the generation before it may do. */
static bool step_back(struct kms_probe *probe, const struct kms_talk_end *end)
{
    bool licensing = probe->query == KMS_WSMAN_Q_SERVICE || probe->query == KMS_WSMAN_Q_PRODUCT;
    if (end->reaction != KMS_WSMAN_TRY_OLDER || !licensing ||
        probe->facts.tier == KMS_WSMAN_TIER_60) {
        return false;
    }
    const char *failed = kms_wsman_query(probe->query, probe->facts.tier);
    enum kms_wsman_tier tier = probe->facts.tier;
    while (tier != KMS_WSMAN_TIER_60 &&
           kms_text_equal(kms_wsman_query(probe->query, tier), failed)) {
        tier = (enum kms_wsman_tier)(tier - 1);
    }
    if (kms_text_equal(kms_wsman_query(probe->query, tier), failed)) {
        return false;
    }
    probe->facts.tier = tier;
    ask(probe);
    return true;
}

/* Sites seldom grant remote users the service manager; the rest says enough without it. */
static bool can_do_without(const struct kms_probe *probe, const struct kms_talk_end *end)
{
    return probe->query == KMS_WSMAN_Q_SERVICE_STATE && end->fault_known &&
           end->reaction != KMS_WSMAN_BACK_OFF;
}

static void answered(void *arg, const struct kms_talk_end *end)
{
    struct kms_probe *probe = arg;
    probe->answered_s = kms_clock_wall_s(&probe->env->clock);
    kms_text_copy(probe->mechanism, sizeof probe->mechanism, end->mechanism);
    if (end->outcome == KMS_OUTCOME_OK) {
        if (kms_wsman_take_date(&probe->facts, end->date_s, probe->answered_s) != KMS_OK) {
            end_with(probe, KMS_OUTCOME_NO_MEMORY, "");
            return;
        }
        next(probe);
    } else if (can_do_without(probe, end)) {
        kms_text_copy(probe->remark, sizeof probe->remark,
                      "the service's state may not be read (Win32_Service)");
        next(probe);
    } else if (!step_back(probe, end)) {
        end_with(probe, end->outcome, end->detail);
    }
}

static void ask(struct kms_probe *probe)
{
    int64_t now_us = kms_clock_mono_us(&probe->env->clock);
    int64_t left_ms = (probe->deadline_us - now_us) / 1000;
    const struct kms_talk_query query = {
        .wql = kms_wsman_query(probe->query, probe->facts.tier),
        .timeout_ms = left_ms > 0 ? left_ms : 1,
        .row = take_row,
        .restart = forget_rows,
        .done = answered,
        .arg = probe,
    };
    if (kms_talk_enumerate(probe->talk, &query) != KMS_OK) {
        end_with(probe, KMS_OUTCOME_NO_MEMORY, "");
    }
}

/* ---- the contract ---- */

static struct kms_probe *start(struct kms_env *env, const struct kms_target *target,
                               kms_done_fn *done, void *arg)
{
    int64_t timeout_ms = target->source[KMS_SOURCE_WSMAN].timeout_ms;
    timeout_ms = timeout_ms > 0 ? timeout_ms : TIMEOUT_PRESET_MS;
    int64_t reserve_ms = timeout_ms / 10 < RESERVE_MS ? timeout_ms / 10 : RESERVE_MS;
    struct kms_probe *probe = calloc(1, sizeof *probe);
    if (!probe) {
        return NULL;
    }
    probe->env = env;
    probe->done = done;
    probe->arg = arg;
    probe->facts.tier = KMS_WSMAN_TIER_63;
    probe->deadline_us = kms_clock_mono_us(&env->clock) + (timeout_ms - reserve_ms) * 1000;
    probe->timer = kms_timer_new(env->loop, finish, probe);
    probe->talk = kms_talk_new(env, target, env->recorder);
    if (!probe->timer || !probe->talk) {
        free_probe(probe);
        return NULL;
    }
    if (target->origin != KMS_ORIGIN_CONFIGURED) {
        end_with(probe, KMS_OUTCOME_WSMAN_NO_CREDENTIALS,
                 "a host that was discovered is never given credentials");
    } else {
        ask(probe);
    }
    return probe;
}

static void cancel(struct kms_probe *probe)
{
    free_probe(probe);
}

static void late(const struct kms_probe *probe, struct kms_result *result)
{
    (void)probe;
    result->outcome = KMS_OUTCOME_WSMAN_TIMEOUT;
}

const struct kms_probe_type *kms_wsman_probe(void)
{
    static const struct kms_probe_type type = {.name = "wsman",
                                               .source = KMS_SOURCE_WSMAN,
                                               .start = start,
                                               .cancel = cancel,
                                               .late = late};
    return &type;
}
