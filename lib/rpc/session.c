/* The way to a bound connection, and the whole PDUs out of the bytes that come on it. */
#include "rpc/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "net/address.h"
#include "net/resolve.h"
#include "net/tcp.h"
#include "rpc/bind.h"
#include "rpc/pdu.h"

#define TIMEOUT_PRESET_MS 10000
#define SHOWN_MAX         40 /* bytes of an answer that is no RPC */
#define COMPLETE_SIZE     256

enum stage { STAGE_BIND, STAGE_CALL };

struct kms_session {
    struct kms_env *env;
    const struct kms_target *target;
    enum kms_source source;
    struct kms_session_calls calls;
    void *arg;
    enum stage stage;
    enum kms_ndr ndr;
    struct kms_timer *timer;       /* tells what was known inside open */
    struct kms_question *question; /* NULL: none is open */
    struct kms_tcp *tcp;           /* NULL: not connecting yet */
    struct kms_session_times times;
    uint32_t association;
    bool syntax_refused, closed; /* why it failed */
    uint8_t bind[KMS_RPC_BIND_SIZE];
    uint8_t answer[KMS_RPC_PDU_MAX];
    size_t answer_len;
    bool *gone; /* set when the session is freed inside a callback; NULL outside of one */
};

void kms_session_free(struct kms_session *session)
{
    if (!session) {
        return;
    }
    if (session->gone) {
        *session->gone = true;
    }
    kms_question_cancel(session->question);
    kms_tcp_free(session->tcp);
    kms_timer_free(session->timer);
    free(session);
}

static int64_t now_us(const struct kms_session *session)
{
    return kms_clock_mono_us(&session->env->clock);
}

void kms_session_peer(const struct kms_session *session, char *dst, size_t size)
{
    const struct kms_address *peer = session->tcp ? kms_tcp_peer(session->tcp) : NULL;
    if (peer) {
        kms_address_port_text(peer, dst, size);
    } else {
        kms_text_copy(dst, size, "");
    }
}

/* Behind "192.0.2.1:1688: " when there is a peer. */
static void fail(struct kms_session *session, enum kms_outcome outcome, const char *what)
{
    char peer[KMS_ADDRESS_TEXT + 8];
    char detail[KMS_SESSION_DETAIL];
    kms_session_peer(session, peer, sizeof peer);
    kms_text_format(detail, sizeof detail, "%s%s%s", peer, peer[0] ? ": " : "", what);
    session->calls.failed(session->arg, outcome, detail);
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
static void fail_foreign(struct kms_session *session)
{
    struct kms_rd rd = kms_rd_over(session->answer, session->answer_len);
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
        for (size_t i = 0; i < session->answer_len && i < 8; i++) {
            kms_text_append(shown, sizeof shown, " %02x", (unsigned)session->answer[i]);
        }
        kms_text_format(text, sizeof text, "answered with bytes that are no DCE/RPC:%s", shown);
    }
    fail(session, session->stage == STAGE_BIND ? KMS_OUTCOME_RPC_NOT_RPC : KMS_OUTCOME_RPC_PROTOCOL,
         text);
}

static void judge_bind(struct kms_session *session, size_t len)
{
    struct kms_rpc_answer answer = kms_rpc_bind_read(session->ndr, session->answer, len);
    if (answer.outcome != KMS_OUTCOME_RPC_NOT_RPC) {
        session->times.answered_us = now_us(session);
    }
    if (answer.outcome != KMS_OUTCOME_OK) {
        session->syntax_refused = answer.syntax_refused;
        fail(session, answer.outcome, answer.detail);
        return;
    }
    session->stage = STAGE_CALL;
    session->association = answer.association;
    session->calls.bound(session->arg);
}

/* One whole PDU of len bytes; false when the session is gone after it. */
static bool hand_over(struct kms_session *session, size_t len)
{
    bool gone = false;
    session->gone = &gone;
    if (session->stage == STAGE_BIND) {
        judge_bind(session, len);
    } else {
        session->calls.pdu(session->arg, session->answer, len);
    }
    if (gone) {
        return false;
    }
    session->gone = NULL;
    session->answer_len -= len;
    memmove(session->answer, session->answer + len, session->answer_len);
    return true;
}

/* Every whole PDU that is there; false when the session is gone. */
static bool take_all(struct kms_session *session)
{
    for (;;) {
        struct kms_rpc_header header;
        switch (kms_rpc_read_header(session->answer, session->answer_len, &header)) {
        case KMS_RPC_FOREIGN:
            fail_foreign(session);
            return false;
        case KMS_RPC_PARTIAL:
            return true;
        case KMS_RPC_WHOLE:
            break;
        }
        if (session->answer_len < header.frag_length) {
            return true;
        }
        if (!hand_over(session, header.frag_length)) {
            return false;
        }
    }
}

static void received(void *arg, const uint8_t *bytes, size_t len)
{
    struct kms_session *session = arg;
    bool here = true;
    while (len > 0 && here) {
        size_t room = sizeof session->answer - session->answer_len;
        size_t taken = len < room ? len : room;
        memcpy(session->answer + session->answer_len, bytes, taken);
        session->answer_len += taken;
        bytes += taken;
        len -= taken;
        here = take_all(session);
    }
}

/* ---- the connection ---- */

static void connected(void *arg)
{
    struct kms_session *session = arg;
    session->times.connected_us = now_us(session);
    kms_rpc_bind_write(session->ndr, session->bind);
    kms_tcp_send(session->tcp, session->bind, sizeof session->bind);
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

static const char *asked(const struct kms_session *session)
{
    return session->stage == STAGE_BIND ? "bind" : "call";
}

static void ended(void *arg, int error)
{
    struct kms_session *session = arg;
    char text[160];
    session->closed = error == 0;
    if (!kms_tcp_peer(session->tcp)) {
        kms_tcp_story(session->tcp, text, sizeof text);
    } else {
        kms_text_format(text, sizeof text, "connection %s",
                        error == 0            ? "closed"
                        : error == ECONNRESET ? "reset"
                                              : strerrordesc_np(error));
        if (session->answer_len > 0) {
            kms_text_append(text, sizeof text, " after %zu bytes of an answer",
                            session->answer_len);
        } else {
            kms_text_append(text, sizeof text, " without an answer to the %s", asked(session));
        }
    }
    fail(session, outcome_of_error(error), text);
}

static bool begin_connect(struct kms_session *session, const struct kms_address *address,
                          size_t count)
{
    static const struct kms_tcp_calls calls = {connected, received, ended};
    session->times.start_us = now_us(session);
    session->tcp = kms_tcp_connect(session->env->loop, address, count, &calls, session);
    return session->tcp != NULL;
}

/* ---- the name ---- */

uint16_t kms_session_port(const struct kms_target *target, enum kms_source source)
{
    int64_t own = target->source[source].port;
    return (uint16_t)(own != 0 ? own : target->port);
}

static uint16_t port_of(const struct kms_session *session)
{
    return kms_session_port(session->target, session->source);
}

static const char *name_of(const struct kms_session *session)
{
    return kms_target_address(session->target);
}

static void connect_to_all(struct kms_session *session, const struct kms_resolved *resolved)
{
    struct kms_address address[KMS_TCP_ADDRESSES_MAX];
    size_t count = 0;
    while (count < resolved->count && count < KMS_TCP_ADDRESSES_MAX) {
        address[count] = resolved->address[count];
        kms_address_set_port(&address[count++], port_of(session));
    }
    if (!begin_connect(session, address, count)) {
        fail(session, KMS_OUTCOME_NO_MEMORY, "not enough memory to connect");
    }
}

/* That there is no address is about the host. A lookup that failed says nothing about it. */
static void fail_unresolved(struct kms_session *session, enum kms_outcome outcome)
{
    const char *meaning = kms_outcome_row(outcome)->meaning;
    bool none = outcome == KMS_OUTCOME_DNS_NXDOMAIN || outcome == KMS_OUTCOME_DNS_NODATA;
    char text[KMS_SESSION_DETAIL];
    if (none) {
        kms_text_format(text, sizeof text, "'%s' has no address (%s)", name_of(session),
                        outcome == KMS_OUTCOME_DNS_NODATA ? "NODATA" : "NXDOMAIN");
    } else {
        kms_text_format(text, sizeof text, "'%s' was not looked up: %.*s", name_of(session),
                        (int)strcspn(meaning, "."), meaning);
    }
    fail(session, none ? KMS_OUTCOME_RPC_UNRESOLVED : outcome, text);
}

static void resolved(void *arg, const struct kms_resolved *answer)
{
    struct kms_session *session = arg;
    session->question = NULL;
    if (kms_outcome_good(answer->outcome) && answer->count > 0) {
        connect_to_all(session, answer);
        return;
    }
    fail_unresolved(session, answer->outcome);
}

/* Nothing but this is known inside open and waits to be told. */
static void timer_fired(void *arg)
{
    fail(arg, KMS_OUTCOME_INTERNAL, "this program looks up no names");
}

/* A record names no host but that one, be its name as short as those that people type. */
static const char *complete_name(const struct kms_session *session, char whole[COMPLETE_SIZE])
{
    const char *name = name_of(session);
    bool is_of_record = session->target->origin == KMS_ORIGIN_DISCOVERED;
    if (is_of_record && !strchr(name, '.') && kms_text_format(whole, COMPLETE_SIZE, "%s.", name)) {
        return whole;
    }
    return name;
}

static bool ask_name(struct kms_session *session)
{
    if (!session->env->resolver) {
        session->timer = kms_timer_new(session->env->loop, timer_fired, session);
        if (session->timer) {
            kms_timer_set(session->timer, 0);
        }
        return session->timer != NULL;
    }
    int64_t timeout_ms = session->target->source[session->source].timeout_ms;
    char whole[COMPLETE_SIZE];
    session->question = kms_resolve_start(session->env->resolver, complete_name(session, whole),
                                          timeout_ms > 0 ? timeout_ms : TIMEOUT_PRESET_MS, resolved,
                                          session);
    return session->question != NULL;
}

/* ---- from outside ---- */

static struct kms_session *new_session(struct kms_env *env, const struct kms_session_calls *calls,
                                       void *arg)
{
    struct kms_session *session = calloc(1, sizeof *session);
    if (session) {
        session->env = env;
        session->calls = *calls;
        session->arg = arg;
    }
    return session;
}

struct kms_session *kms_session_open(struct kms_env *env, const struct kms_target *target,
                                     enum kms_source source, const struct kms_session_calls *calls,
                                     void *arg)
{
    struct kms_session *session = new_session(env, calls, arg);
    struct kms_address address;
    if (!session) {
        return NULL;
    }
    session->target = target;
    session->source = source;
    bool ok = kms_address_parse(name_of(session), port_of(session), &address)
                  ? begin_connect(session, &address, 1)
                  : ask_name(session);
    if (!ok) {
        kms_session_free(session);
        return NULL;
    }
    return session;
}

struct kms_session *kms_session_open_at(struct kms_env *env, const struct kms_address *address,
                                        enum kms_ndr ndr, const struct kms_session_calls *calls,
                                        void *arg)
{
    struct kms_session *session = new_session(env, calls, arg);
    if (!session) {
        return NULL;
    }
    session->ndr = ndr;
    if (!begin_connect(session, address, 1)) {
        kms_session_free(session);
        return NULL;
    }
    return session;
}

void kms_session_send(struct kms_session *session, const void *bytes, size_t len)
{
    session->times.sent_us = now_us(session);
    kms_tcp_send(session->tcp, bytes, len);
}

const struct kms_session_times *kms_session_times(const struct kms_session *session)
{
    return &session->times;
}

uint32_t kms_session_association(const struct kms_session *session)
{
    return session->association;
}

bool kms_session_syntax_refused(const struct kms_session *session)
{
    return session->syntax_refused;
}

bool kms_session_closed(const struct kms_session *session)
{
    return session->closed;
}

const struct kms_address *kms_session_address(const struct kms_session *session)
{
    return session->tcp ? kms_tcp_peer(session->tcp) : NULL;
}

void kms_session_story(const struct kms_session *session, char *dst, size_t size)
{
    if (session->tcp) {
        kms_tcp_story(session->tcp, dst, size);
    } else {
        kms_text_copy(dst, size, "");
    }
}

enum kms_outcome kms_session_late(const struct kms_session *session, char *dst, size_t size)
{
    if (!session->tcp) {
        kms_text_format(dst, size, "no answer from DNS for '%s'", name_of(session));
        return KMS_OUTCOME_DNS_TIMEOUT;
    }
    if (!kms_tcp_peer(session->tcp)) {
        kms_tcp_story(session->tcp, dst, size);
    } else if (session->answer_len > 0) {
        kms_text_format(dst, size, "%s, but only %zu byte%s of an answer came",
                        session->stage == STAGE_BIND ? "connected" : "bound", session->answer_len,
                        session->answer_len == 1 ? "" : "s");
    } else {
        kms_text_format(dst, size, "%s, but the %s was not answered",
                        session->stage == STAGE_BIND ? "connected" : "bound", asked(session));
    }
    return KMS_OUTCOME_RPC_TIMEOUT;
}
