/* One bind: opens a session, tells how long it took, and closes it. */
#include "rpc/probe.h"

#include <stdlib.h>

#include "base/text.h"
#include "net/address.h"
#include "rpc/session.h"

struct kms_probe {
    struct kms_env *env;
    kms_done_fn *done;
    void *arg;
    struct kms_session *session;
    enum kms_outcome outcome;
    char detail[KMS_SESSION_DETAIL];
};

static void free_probe(struct kms_probe *probe)
{
    kms_session_free(probe->session);
    free(probe);
}

/* ---- the result ---- */

static enum kms_rpc_state state_of(enum kms_outcome outcome)
{
    switch (outcome) {
    case KMS_OUTCOME_OK:
        return KMS_RPC_ACCEPTED;
    case KMS_OUTCOME_RPC_REFUSED:
        return KMS_RPC_REFUSED;
    case KMS_OUTCOME_RPC_TIMEOUT:
        return KMS_RPC_TIMEOUT;
    case KMS_OUTCOME_RPC_RESET:
        return KMS_RPC_RESET;
    case KMS_OUTCOME_RPC_UNREACHABLE:
        return KMS_RPC_UNREACHABLE;
    case KMS_OUTCOME_RPC_UNRESOLVED:
        return KMS_RPC_UNRESOLVED;
    case KMS_OUTCOME_RPC_NOT_RPC:
        return KMS_RPC_NOT_RPC;
    case KMS_OUTCOME_RPC_NOT_KMS:
        return KMS_RPC_NOT_KMS;
    case KMS_OUTCOME_RPC_BIND_NAK:
        return KMS_RPC_BIND_NAK;
    default:
        return KMS_RPC_UNKNOWN;
    }
}

static enum kms_status add_times(const struct kms_session_times *times, struct kms_facts *host)
{
    enum kms_status status = KMS_OK;
    if (times->connected_us == 0) {
        return status;
    }
    status = kms_facts_set_number(host, KMS_FACT_RPC_CONNECT,
                                  times->connected_us - times->start_us);
    if (status == KMS_OK && times->answered_us != 0) {
        status = kms_facts_set_number(host, KMS_FACT_RPC_BIND,
                                      times->answered_us - times->connected_us);
    }
    if (status == KMS_OK && times->answered_us != 0) {
        status = kms_facts_set_number(host, KMS_FACT_RPC_LATENCY,
                                      times->answered_us - times->start_us);
    }
    return status;
}

static enum kms_status add_peer(const struct kms_probe *probe, struct kms_facts *host)
{
    char text[KMS_ADDRESS_TEXT + 8];
    kms_session_peer(probe->session, text, sizeof text);
    return text[0] ? kms_facts_set_text(host, KMS_FACT_RPC_ADDRESS, text) : KMS_OK;
}

static void add_facts(const struct kms_probe *probe, struct kms_result *result)
{
    enum kms_status status = kms_facts_set_number(&result->host, KMS_FACT_RPC_STATE,
                                                  state_of(result->outcome));
    if (status == KMS_OK) {
        status = add_times(kms_session_times(probe->session), &result->host);
    }
    if (status == KMS_OK) {
        status = add_peer(probe, &result->host);
    }
    if (status != KMS_OK) {
        kms_result_done(result);
        result->outcome = KMS_OUTCOME_NO_MEMORY;
    }
    result->data_s = kms_clock_wall_s(&probe->env->clock);
    result->data_s_min = result->data_s;
    result->data_s_max = result->data_s;
}

/* Every way but the deadline and a cancel ends here, once. */
static void finish(struct kms_probe *probe)
{
    struct kms_result result;
    kms_result_init(&result, KMS_SOURCE_RPC);
    result.outcome = probe->outcome;
    kms_text_copy(result.detail, sizeof result.detail, probe->detail);
    add_facts(probe, &result);
    kms_done_fn *done = probe->done;
    void *arg = probe->arg;
    free_probe(probe);
    done(arg, &result);
    kms_result_done(&result);
}

/* ---- what the session tells ---- */

static void bound(void *arg)
{
    struct kms_probe *probe = arg;
    const struct kms_session_times *times = kms_session_times(probe->session);
    double connect_ms = (double)(times->connected_us - times->start_us) / 1000;
    double bind_ms = (double)(times->answered_us - times->connected_us) / 1000;
    char peer[KMS_ADDRESS_TEXT + 8];
    char story[120];
    kms_session_peer(probe->session, peer, sizeof peer);
    kms_session_story(probe->session, story, sizeof story);
    probe->outcome = KMS_OUTCOME_OK;
    kms_text_format(probe->detail, sizeof probe->detail, "%s: connect %.2f ms, bind %.2f ms%s%s",
                    peer, connect_ms, bind_ms, story[0] ? "; " : "", story);
    finish(probe);
}

static void failed(void *arg, enum kms_outcome outcome, const char *detail)
{
    struct kms_probe *probe = arg;
    probe->outcome = outcome;
    kms_text_copy(probe->detail, sizeof probe->detail, detail);
    finish(probe);
}

/* ---- start and end ---- */

static struct kms_probe *start(struct kms_env *env, const struct kms_target *target,
                               kms_done_fn *done, void *arg)
{
    static const struct kms_session_calls calls = {bound, NULL, failed};
    struct kms_probe *probe = calloc(1, sizeof *probe);
    if (!probe) {
        return NULL;
    }
    probe->env = env;
    probe->done = done;
    probe->arg = arg;
    probe->session = kms_session_open(env, target, KMS_SOURCE_RPC, &calls, probe);
    if (!probe->session) {
        free_probe(probe);
        return NULL;
    }
    return probe;
}

static void late(const struct kms_probe *probe, struct kms_result *result)
{
    char text[120];
    result->outcome = kms_session_late(probe->session, text, sizeof text);
    kms_text_append(result->detail, sizeof result->detail, ": %s", text);
    add_facts(probe, result);
}

const struct kms_probe_type *kms_rpc_probe(void)
{
    static const struct kms_probe_type type = {.name = "rpc",
                                               .source = KMS_SOURCE_RPC,
                                               .start = start,
                                               .cancel = free_probe,
                                               .late = late};
    return &type;
}
