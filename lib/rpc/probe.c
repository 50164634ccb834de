/* One bind: opens a session, tells how long it took, and closes it; on request one more bind, with
 * NDR64. */
#include "rpc/probe.h"

#include <stdlib.h>

#include "base/text.h"
#include "net/address.h"
#include "rpc/session.h"

/* What the second bind may take: the first one was answered, so a host that takes longer holds the
 * probe up for something that is not its purpose. */
#define NDR64_WAIT_MS 2000

/* NDR64_OPEN: not asked, or not told by what came. */
enum ndr64 { NDR64_OPEN, NDR64_TAKEN, NDR64_REFUSED };

struct kms_probe {
    struct kms_env *env;
    kms_done_fn *done;
    void *arg;
    bool ndr64_wanted;
    struct kms_session *session; /* NULL: none is open */
    struct kms_timer *timer;     /* of the second bind; NULL: none is wanted */
    /* Of the first session, once it ended. */
    bool ended;
    struct kms_session_times times;
    char peer[KMS_ADDRESS_TEXT + 8];
    enum kms_outcome outcome;
    char detail[KMS_SESSION_DETAIL];
    enum ndr64 ndr64;
};

static void free_probe(struct kms_probe *probe)
{
    kms_session_free(probe->session);
    kms_timer_free(probe->timer);
    free(probe);
}

/* ---- the result ---- */

static const struct {
    enum kms_outcome outcome;
    enum kms_rpc_state state;
} states[] = {
    {KMS_OUTCOME_OK, KMS_RPC_ACCEPTED},
    {KMS_OUTCOME_RPC_REFUSED, KMS_RPC_REFUSED},
    {KMS_OUTCOME_RPC_TIMEOUT, KMS_RPC_TIMEOUT},
    {KMS_OUTCOME_RPC_RESET, KMS_RPC_RESET},
    {KMS_OUTCOME_RPC_UNREACHABLE, KMS_RPC_UNREACHABLE},
    {KMS_OUTCOME_RPC_UNRESOLVED, KMS_RPC_UNRESOLVED},
    {KMS_OUTCOME_RPC_NOT_RPC, KMS_RPC_NOT_RPC},
    {KMS_OUTCOME_RPC_NOT_KMS, KMS_RPC_NOT_KMS},
    {KMS_OUTCOME_RPC_BIND_NAK, KMS_RPC_BIND_NAK},
};

static enum kms_rpc_state state_of(enum kms_outcome outcome)
{
    for (size_t i = 0; i < KMS_COUNT_OF(states); i++) {
        if (states[i].outcome == outcome) {
            return states[i].state;
        }
    }
    return KMS_RPC_UNKNOWN;
}

enum kms_outcome kms_rpc_outcome_of(enum kms_rpc_state state)
{
    for (size_t i = 0; i < KMS_COUNT_OF(states); i++) {
        if (states[i].state == state) {
            return states[i].outcome;
        }
    }
    return KMS_OUTCOME_INTERNAL;
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

static enum kms_status add_ndr64(const struct kms_probe *probe, struct kms_facts *host)
{
    return probe->ndr64 != NDR64_OPEN
               ? kms_facts_set_number(host, KMS_FACT_NDR64, probe->ndr64 == NDR64_TAKEN)
               : KMS_OK;
}

static enum kms_status add_peer(const char *peer, struct kms_facts *host)
{
    return peer[0] ? kms_facts_set_text(host, KMS_FACT_RPC_ADDRESS, peer) : KMS_OK;
}

static void add_facts(const struct kms_probe *probe, struct kms_result *result)
{
    enum kms_status status = kms_facts_set_number(&result->host, KMS_FACT_RPC_STATE,
                                                  state_of(result->outcome));
    if (status == KMS_OK) {
        status = add_times(&probe->times, &result->host);
    }
    if (status == KMS_OK) {
        status = add_peer(probe->peer, &result->host);
    }
    if (status == KMS_OK) {
        status = add_ndr64(probe, &result->host);
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

/* ---- the second bind ---- */

static void end_ndr64(struct kms_probe *probe, enum ndr64 ndr64, const char *what)
{
    probe->ndr64 = ndr64;
    kms_text_append(probe->detail, sizeof probe->detail, "; NDR64 %s", what);
    finish(probe);
}

static void ndr64_bound(void *arg)
{
    end_ndr64(arg, NDR64_TAKEN, "accepted");
}

/* Only the word of the host itself is a refusal. */
static void ndr64_failed(void *arg, enum kms_outcome outcome, const char *detail)
{
    struct kms_probe *probe = arg;
    (void)detail;
    if (kms_session_syntax_refused(probe->session)) {
        end_ndr64(probe, NDR64_REFUSED, "refused");
    } else {
        char what[80];
        kms_text_format(what, sizeof what, "not known (%s)", kms_outcome_row(outcome)->token);
        end_ndr64(probe, NDR64_OPEN, what);
    }
}

static void ndr64_unanswered(void *arg)
{
    end_ndr64(arg, NDR64_OPEN, "not known (no answer)");
}

/* On a connection of its own: a host that does not know what to make of it spoils nothing. To the
 * address that answered, since a name may stand for several hosts. False: no memory. */
static bool ask_ndr64(struct kms_probe *probe)
{
    static const struct kms_session_calls calls = {ndr64_bound, NULL, ndr64_failed};
    struct kms_address address = *kms_session_address(probe->session);
    kms_session_free(probe->session);
    probe->session = kms_session_open_at(probe->env, &address, KMS_NDR64, &calls, probe);
    kms_timer_set(probe->timer, NDR64_WAIT_MS);
    return probe->session != NULL;
}

/* ---- what the session tells ---- */

static void keep_session(struct kms_probe *probe)
{
    probe->ended = true;
    probe->times = *kms_session_times(probe->session);
    kms_session_peer(probe->session, probe->peer, sizeof probe->peer);
}

static void bound(void *arg)
{
    struct kms_probe *probe = arg;
    char story[120];
    keep_session(probe);
    kms_session_story(probe->session, story, sizeof story);
    probe->outcome = KMS_OUTCOME_OK;
    kms_text_format(probe->detail, sizeof probe->detail, "%s: connect %.2f ms, bind %.2f ms%s%s",
                    probe->peer, (double)(probe->times.connected_us - probe->times.start_us) / 1000,
                    (double)(probe->times.answered_us - probe->times.connected_us) / 1000,
                    story[0] ? "; " : "", story);
    if (!probe->ndr64_wanted) {
        finish(probe);
    } else if (!ask_ndr64(probe)) {
        probe->outcome = KMS_OUTCOME_NO_MEMORY;
        finish(probe);
    }
}

static void failed(void *arg, enum kms_outcome outcome, const char *detail)
{
    struct kms_probe *probe = arg;
    keep_session(probe);
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
    probe->ndr64_wanted = target->source[KMS_SOURCE_RPC].ndr64;
    if (probe->ndr64_wanted) {
        probe->timer = kms_timer_new(env->loop, ndr64_unanswered, probe);
    }
    probe->session = kms_session_open(env, target, KMS_SOURCE_RPC, &calls, probe);
    if (!probe->session || (probe->ndr64_wanted && !probe->timer)) {
        free_probe(probe);
        return NULL;
    }
    return probe;
}

/* Once the first bind was accepted, only the second one is late. */
static void late(const struct kms_probe *probe, struct kms_result *result)
{
    char text[120];
    if (probe->ended) {
        result->outcome = probe->outcome;
        kms_text_format(result->detail, sizeof result->detail, "%s; NDR64 not known (no answer)",
                        probe->detail);
        add_facts(probe, result);
        return;
    }
    struct kms_probe met = {.env = probe->env, .session = probe->session};
    keep_session(&met);
    result->outcome = kms_session_late(probe->session, text, sizeof text);
    kms_text_append(result->detail, sizeof result->detail, ": %s", text);
    add_facts(&met, result);
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
