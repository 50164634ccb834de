/* One bind: look the name up, connect, send the bind, judge the first PDU that comes back. */
#include "rpc/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "net/address.h"
#include "net/resolve.h"
#include "net/tcp.h"
#include "rpc/bind.h"
#include "rpc/pdu.h"

#define TIMEOUT_PRESET_MS 10000
#define SHOWN_MAX         40 /* bytes of an answer that is no RPC */

struct kms_probe {
    struct kms_env *env;
    const struct kms_target *target;
    kms_done_fn *done;
    void *arg;
    struct kms_timer *timer;       /* tells what was known inside start */
    struct kms_question *question; /* NULL: none is open */
    struct kms_tcp *tcp;           /* NULL: not connecting yet */
    int64_t start_us;              /* of the connect */
    int64_t connected_us;          /* 0: not connected */
    int64_t answered_us;           /* 0: no answer that is DCE/RPC */
    uint8_t bind[KMS_RPC_BIND_SIZE];
    uint8_t answer[KMS_RPC_PDU_MAX];
    size_t answer_len;
    enum kms_outcome outcome;
    char detail[200];
};

static void free_probe(struct kms_probe *probe)
{
    kms_question_cancel(probe->question);
    kms_tcp_free(probe->tcp);
    kms_timer_free(probe->timer);
    free(probe);
}

static int64_t now_us(const struct kms_probe *probe)
{
    return kms_clock_mono_us(&probe->env->clock);
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

static enum kms_status add_times(const struct kms_probe *probe, struct kms_facts *host)
{
    enum kms_status status = KMS_OK;
    if (probe->connected_us == 0) {
        return status;
    }
    status = kms_facts_set_number(host, KMS_FACT_RPC_CONNECT,
                                  probe->connected_us - probe->start_us);
    if (status == KMS_OK && probe->answered_us != 0) {
        status = kms_facts_set_number(host, KMS_FACT_RPC_BIND,
                                      probe->answered_us - probe->connected_us);
    }
    if (status == KMS_OK && probe->answered_us != 0) {
        status = kms_facts_set_number(host, KMS_FACT_RPC_LATENCY,
                                      probe->answered_us - probe->start_us);
    }
    return status;
}

static enum kms_status add_peer(const struct kms_probe *probe, struct kms_facts *host)
{
    const struct kms_address *peer = probe->tcp ? kms_tcp_peer(probe->tcp) : NULL;
    char text[KMS_ADDRESS_TEXT + 8];
    if (!peer) {
        return KMS_OK;
    }
    kms_address_port_text(peer, text, sizeof text);
    return kms_facts_set_text(host, KMS_FACT_RPC_ADDRESS, text);
}

static void add_facts(const struct kms_probe *probe, struct kms_result *result)
{
    enum kms_status status = kms_facts_set_number(&result->host, KMS_FACT_RPC_STATE,
                                                  state_of(result->outcome));
    if (status == KMS_OK) {
        status = add_times(probe, &result->host);
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

/* Behind "192.0.2.1:1688: " when there is a peer. */
static void describe(struct kms_probe *probe, enum kms_outcome outcome, const char *what)
{
    const struct kms_address *peer = probe->tcp ? kms_tcp_peer(probe->tcp) : NULL;
    char text[KMS_ADDRESS_TEXT + 8] = "";
    if (peer) {
        kms_address_port_text(peer, text, sizeof text);
    }
    probe->outcome = outcome;
    kms_text_format(probe->detail, sizeof probe->detail, "%s%s%s", text, peer ? ": " : "", what);
}

/* ---- the answer ---- */

static bool is_text(const uint8_t *bytes, size_t len)
{
    size_t printable = 0;
    while (printable < len && bytes[printable] >= 0x20 && bytes[printable] < 0x7F) {
        printable++;
    }
    return printable > 0 &&
           (printable == len || bytes[printable] == '\r' || bytes[printable] == '\n');
}

/* A banner names what listens: its first line is worth showing. */
static void describe_foreign(struct kms_probe *probe)
{
    struct kms_rd rd = kms_rd_over(probe->answer, probe->answer_len);
    const char *line = "";
    size_t len = 0;
    char shown[SHOWN_MAX + 1] = "";
    char text[120];
    (void)kms_rd_line(&rd, &line, &len);
    len = len < SHOWN_MAX ? len : SHOWN_MAX;
    if (is_text((const uint8_t *)line, len)) {
        kms_text_clean(shown, sizeof shown, line, len);
        kms_text_format(text, sizeof text, "answered '%s'", shown);
    } else {
        for (size_t i = 0; i < probe->answer_len && i < 8; i++) {
            kms_text_append(shown, sizeof shown, " %02x", (unsigned)probe->answer[i]);
        }
        kms_text_format(text, sizeof text, "answered with bytes that are no DCE/RPC:%s", shown);
    }
    describe(probe, KMS_OUTCOME_RPC_NOT_RPC, text);
}

static void describe_accepted(struct kms_probe *probe)
{
    char story[120];
    char text[100];
    double connect_ms = (double)(probe->connected_us - probe->start_us) / 1000;
    double bind_ms = (double)(probe->answered_us - probe->connected_us) / 1000;
    kms_text_format(text, sizeof text, "connect %.2f ms, bind %.2f ms", connect_ms, bind_ms);
    describe(probe, KMS_OUTCOME_OK, text);
    kms_tcp_story(probe->tcp, story, sizeof story);
    if (story[0]) {
        kms_text_append(probe->detail, sizeof probe->detail, "; %s", story);
    }
}

static void judge_answer(struct kms_probe *probe, size_t len)
{
    struct kms_rpc_answer answer = kms_rpc_bind_read(probe->answer, len);
    if (answer.outcome != KMS_OUTCOME_RPC_NOT_RPC) {
        probe->answered_us = now_us(probe);
    }
    if (answer.outcome == KMS_OUTCOME_OK) {
        describe_accepted(probe);
    } else {
        describe(probe, answer.outcome, answer.detail);
    }
    finish(probe);
}

static void received(void *arg, const uint8_t *bytes, size_t len)
{
    struct kms_probe *probe = arg;
    struct kms_rpc_header header;
    size_t room = sizeof probe->answer - probe->answer_len;
    size_t taken = len < room ? len : room;
    memcpy(probe->answer + probe->answer_len, bytes, taken);
    probe->answer_len += taken;
    switch (kms_rpc_read_header(probe->answer, probe->answer_len, &header)) {
    case KMS_RPC_FOREIGN:
        describe_foreign(probe);
        finish(probe);
        return;
    case KMS_RPC_WHOLE:
        if (probe->answer_len >= header.frag_length) {
            judge_answer(probe, header.frag_length);
        }
        return;
    case KMS_RPC_PARTIAL:
        return;
    }
}

/* ---- the connection ---- */

static void connected(void *arg)
{
    struct kms_probe *probe = arg;
    probe->connected_us = now_us(probe);
    kms_rpc_bind_write(probe->bind);
    kms_tcp_send(probe->tcp, probe->bind, sizeof probe->bind);
}

static enum kms_outcome outcome_of_error(int error)
{
    switch (error) {
    case 0:
    case ECONNRESET:
    case EPIPE:
        return KMS_OUTCOME_RPC_RESET;
    case ECONNREFUSED:
        return KMS_OUTCOME_RPC_REFUSED;
    case ETIMEDOUT:
        return KMS_OUTCOME_RPC_TIMEOUT;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
    case EADDRNOTAVAIL: /* no address of that family here */
        return KMS_OUTCOME_RPC_UNREACHABLE;
    case ENOMEM:
        return KMS_OUTCOME_NO_MEMORY;
    default:
        return KMS_OUTCOME_RPC_NO_SOCKET;
    }
}

static void describe_end(struct kms_probe *probe, int error)
{
    char text[160];
    if (!kms_tcp_peer(probe->tcp)) {
        kms_tcp_story(probe->tcp, text, sizeof text);
    } else {
        kms_text_format(text, sizeof text, "connection %s",
                        error == 0            ? "closed"
                        : error == ECONNRESET ? "reset"
                                              : strerrordesc_np(error));
        if (probe->answer_len > 0) {
            kms_text_append(text, sizeof text, " after %zu bytes of an answer", probe->answer_len);
        } else {
            kms_text_append(text, sizeof text, " without an answer to the bind");
        }
    }
    describe(probe, outcome_of_error(error), text);
}

static void ended(void *arg, int error)
{
    struct kms_probe *probe = arg;
    describe_end(probe, error);
    finish(probe);
}

static bool begin_connect(struct kms_probe *probe, const struct kms_address *address, size_t count)
{
    static const struct kms_tcp_calls calls = {connected, received, ended};
    probe->start_us = now_us(probe);
    probe->tcp = kms_tcp_connect(probe->env->loop, address, count, &calls, probe);
    return probe->tcp != NULL;
}

/* ---- the name ---- */

static uint16_t port_of(const struct kms_target *target)
{
    int64_t own = target->source[KMS_SOURCE_RPC].port;
    return (uint16_t)(own != 0 ? own : target->port);
}

static const char *name_of(const struct kms_target *target)
{
    return target->address ? target->address : target->name;
}

static void connect_to_all(struct kms_probe *probe, const struct kms_resolved *resolved)
{
    struct kms_address address[KMS_TCP_ADDRESSES_MAX];
    size_t count = 0;
    while (count < resolved->count && count < KMS_TCP_ADDRESSES_MAX) {
        address[count] = resolved->address[count];
        kms_address_set_port(&address[count++], port_of(probe->target));
    }
    if (!begin_connect(probe, address, count)) {
        describe(probe, KMS_OUTCOME_NO_MEMORY, "not enough memory to connect");
        finish(probe);
    }
}

/* That there is no address is about the host. A lookup that failed says nothing about it. */
static void describe_unresolved(struct kms_probe *probe, enum kms_outcome outcome)
{
    const char *meaning = kms_outcome_row(outcome)->meaning;
    bool none = outcome == KMS_OUTCOME_DNS_NXDOMAIN || outcome == KMS_OUTCOME_DNS_NODATA;
    char text[sizeof probe->detail];
    if (none) {
        kms_text_format(text, sizeof text, "'%s' has no address (%s)", name_of(probe->target),
                        outcome == KMS_OUTCOME_DNS_NODATA ? "NODATA" : "NXDOMAIN");
    } else {
        kms_text_format(text, sizeof text, "'%s' was not looked up: %.*s", name_of(probe->target),
                        (int)strcspn(meaning, "."), meaning);
    }
    describe(probe, none ? KMS_OUTCOME_RPC_UNRESOLVED : outcome, text);
}

static void resolved(void *arg, const struct kms_resolved *answer)
{
    struct kms_probe *probe = arg;
    probe->question = NULL;
    if (kms_outcome_good(answer->outcome) && answer->count > 0) {
        connect_to_all(probe, answer);
        return;
    }
    describe_unresolved(probe, answer->outcome);
    finish(probe);
}

static bool ask_name(struct kms_probe *probe)
{
    if (!probe->env->resolver) {
        describe(probe, KMS_OUTCOME_INTERNAL, "this program looks up no names");
        kms_timer_set(probe->timer, 0);
        return true;
    }
    int64_t timeout_ms = probe->target->source[KMS_SOURCE_RPC].timeout_ms;
    probe->question = kms_resolve_start(probe->env->resolver, name_of(probe->target),
                                        timeout_ms > 0 ? timeout_ms : TIMEOUT_PRESET_MS, resolved,
                                        probe);
    return probe->question != NULL;
}

/* ---- start and end ---- */

static void timer_fired(void *arg)
{
    finish(arg);
}

static bool begin(struct kms_probe *probe)
{
    struct kms_address address;
    if (kms_address_parse(name_of(probe->target), port_of(probe->target), &address)) {
        return begin_connect(probe, &address, 1);
    }
    return ask_name(probe);
}

static struct kms_probe *start(struct kms_env *env, const struct kms_target *target,
                               kms_done_fn *done, void *arg)
{
    struct kms_probe *probe = calloc(1, sizeof *probe);
    if (!probe) {
        return NULL;
    }
    probe->env = env;
    probe->target = target;
    probe->done = done;
    probe->arg = arg;
    probe->timer = kms_timer_new(env->loop, timer_fired, probe);
    if (!probe->timer || !begin(probe)) {
        free_probe(probe);
        return NULL;
    }
    return probe;
}

static void late(const struct kms_probe *probe, struct kms_result *result)
{
    char text[120];
    result->outcome = KMS_OUTCOME_RPC_TIMEOUT;
    if (!probe->tcp) {
        result->outcome = KMS_OUTCOME_DNS_TIMEOUT;
        kms_text_format(text, sizeof text, "no answer from DNS for '%s'", name_of(probe->target));
    } else if (!kms_tcp_peer(probe->tcp)) {
        kms_tcp_story(probe->tcp, text, sizeof text);
    } else if (probe->answer_len > 0) {
        kms_text_format(text, sizeof text, "connected, but only %zu byte%s of an answer came",
                        probe->answer_len, probe->answer_len == 1 ? "" : "s");
    } else {
        kms_text_copy(text, sizeof text, "connected, but the bind was not answered");
    }
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
