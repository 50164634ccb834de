/* Raw answers of DNS: one question, sent to server after server until one answers it. */
#include "net/query.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* ---- what an answer says ---- */

/* What says more about the servers: an answer, then silence, then no server at all. */
static int weight_of(enum kms_outcome outcome)
{
    switch (outcome) {
    case KMS_OUTCOME_NONE:
        return 0;
    case KMS_OUTCOME_DNS_UNREACHABLE:
        return 1;
    case KMS_OUTCOME_DNS_TIMEOUT:
        return 2;
    default:
        return 3;
    }
}

static bool is_final(enum kms_outcome outcome)
{
    return outcome == KMS_OUTCOME_OK || outcome == KMS_OUTCOME_DNS_NXDOMAIN ||
           outcome == KMS_OUTCOME_DNS_NODATA || outcome == KMS_OUTCOME_DNS_NAME ||
           outcome == KMS_OUTCOME_NO_MEMORY || outcome == KMS_OUTCOME_INTERNAL;
}

static enum kms_outcome keep_bytes(struct kms_question *question, enum kms_outcome outcome,
                                   const uint8_t *bytes, size_t len)
{
    free(question->bytes);
    question->bytes = NULL;
    question->len = 0;
    if (!bytes || len == 0) {
        return outcome;
    }
    question->bytes = malloc(len);
    if (!question->bytes) {
        return KMS_OUTCOME_NO_MEMORY;
    }
    memcpy(question->bytes, bytes, len);
    question->len = len;
    return outcome;
}

/* A lookup of addresses failed although a server answers this question: it failed on a search
 * domain, or on the other kind of address. */
static enum kms_outcome why_of(enum kms_outcome outcome)
{
    bool is_answer = outcome == KMS_OUTCOME_OK || outcome == KMS_OUTCOME_DNS_NXDOMAIN ||
                     outcome == KMS_OUTCOME_DNS_NODATA;
    return is_answer ? KMS_OUTCOME_DNS_SERVFAIL : outcome;
}

enum {
    FLAG_AUTHORITY = 0x04, /* of the third byte */
    FLAG_CUT = 0x02,
    FLAG_RESOLVES = 0x80 /* of the fourth: it would look elsewhere */
};

static bool is_cut(const uint8_t *bytes, size_t len)
{
    return bytes && len >= 4 && (bytes[2] & FLAG_CUT);
}

/* What the header says beyond what the channel makes of it. */
static enum kms_outcome outcome_of_header(const struct kms_question *question,
                                          enum kms_outcome outcome, const uint8_t *bytes,
                                          size_t len)
{
    bool is_answer = outcome == KMS_OUTCOME_OK || outcome == KMS_OUTCOME_DNS_NXDOMAIN ||
                     outcome == KMS_OUTCOME_DNS_NODATA;
    if (!bytes || len < 4) {
        bool no_whole = question->over_tcp && outcome != KMS_OUTCOME_NO_MEMORY;
        return no_whole ? KMS_OUTCOME_DNS_TRUNCATED : outcome;
    }
    if (!is_answer || (bytes[2] & FLAG_AUTHORITY)) {
        return is_answer && is_cut(bytes, len) ? KMS_OUTCOME_DNS_TRUNCATED : outcome;
    }
    bool refers = outcome == KMS_OUTCOME_DNS_NODATA && !(bytes[3] & FLAG_RESOLVES);
    if (question->turn.only || refers) {
        return KMS_OUTCOME_DNS_LAME;
    }
    return is_cut(bytes, len) ? KMS_OUTCOME_DNS_TRUNCATED : outcome;
}

/* ---- asking ---- */

static void ask(struct kms_question *question);
static void ask_server(struct kms_question *question, struct kms_dns_server *server, bool over_tcp);

static void note_answer(struct kms_question *question, enum kms_outcome outcome,
                        const uint8_t *bytes, size_t len)
{
    enum kms_outcome told = outcome_of_header(question, outcome, bytes, len);
    bool is_best = is_final(told) || weight_of(told) > weight_of(question->outcome);
    if (is_best) {
        told = keep_bytes(question, told, bytes, len);
        question->outcome = told;
        kms_text_copy(question->server, sizeof question->server, question->asked->text);
    }
    if (is_final(told)) {
        kms_question_settle(question, question->resolved ? why_of(told) : told);
        return;
    }
    bool was_silent = told == KMS_OUTCOME_DNS_TIMEOUT;
    if (!was_silent) {
        kms_dns_turn_spend(&question->turn);
    }
    if (was_silent || !question->turn.only) {
        ask(question);
    } else {
        kms_question_settle(question, question->outcome);
    }
}

static void answered(void *arg, enum kms_outcome outcome, const uint8_t *bytes, size_t len)
{
    struct kms_question *question = arg;
    struct kms_dns_server *server = question->asked;
    question->pending = false;
    server->pending--;
    kms_dns_server_note(&question->resolver->servers, server, outcome, bytes != NULL);
    if (question->dropped || outcome == KMS_OUTCOME_NONE) {
        kms_question_free(question);
    } else if (!question->over_tcp && is_cut(bytes, len)) {
        ask_server(question, server, true);
    } else {
        note_answer(question, outcome, bytes, len);
    }
}

/* To learn why there is no address the servers have one more chance, a short one. */
static bool is_patient(const struct kms_question *question)
{
    return !question->resolved &&
           kms_dns_turn_is_late(&question->turn, &question->resolver->servers);
}

static void ask_server(struct kms_question *question, struct kms_dns_server *server, bool over_tcp)
{
    struct kms_dns_channel *channel = kms_dns_server_channel(&question->resolver->servers, server,
                                                             over_tcp, is_patient(question));
    if (!channel) {
        kms_question_settle(question, KMS_OUTCOME_NO_MEMORY);
        return;
    }
    question->over_tcp = over_tcp;
    question->asked = server;
    question->pending = true;
    server->pending++;
    question->call.answered = answered;
    kms_dns_channel_ask(channel, question->name, question->type, &question->call);
}

static void ask(struct kms_question *question)
{
    struct kms_dns_server *server = kms_dns_turn_next(&question->turn,
                                                      &question->resolver->servers);
    if (server) {
        ask_server(question, server, false);
    } else {
        kms_question_settle(question, question->outcome != KMS_OUTCOME_NONE
                                          ? question->outcome
                                          : KMS_OUTCOME_DNS_UNREACHABLE);
    }
}

void kms_query_why(struct kms_question *question)
{
    question->type = KMS_DNS_A;
    kms_dns_turn_skip_to_last(&question->turn, &question->resolver->servers);
    ask(question);
}

/* ---- questions ---- */

/* first: the server that is named until one was asked. */
static struct kms_question *start(struct kms_question *question, enum kms_dns_type type,
                                  kms_dns_reply_fn *done, const char *first)
{
    question->replied = done;
    question->type = (int)type;
    kms_text_copy(question->server, sizeof question->server, first);
    if (question->name[0] == '\0') {
        kms_question_settle(question, KMS_OUTCOME_DNS_NAME);
    } else {
        ask(question);
    }
    return question;
}

struct kms_question *kms_resolve_query(struct kms_resolver *resolver, const char *name,
                                       enum kms_dns_type type, int64_t timeout_ms,
                                       kms_dns_reply_fn *done, void *arg)
{
    struct kms_question *question = kms_question_new(resolver, name, timeout_ms, arg);
    const struct kms_dns_servers *servers = &resolver->servers;
    const char *first = servers->count > 0 ? servers->own[0].text : "";
    return question ? start(question, type, done, first) : NULL;
}

struct kms_question *kms_resolve_query_at(struct kms_resolver *resolver,
                                          const struct kms_address *server, const char *name,
                                          enum kms_dns_type type, int64_t timeout_ms,
                                          kms_dns_reply_fn *done, void *arg)
{
    struct kms_dns_server *only = kms_dns_servers_other(&resolver->servers, server);
    struct kms_question *question = only ? kms_question_new(resolver, name, timeout_ms, arg) : NULL;
    if (!question) {
        return NULL;
    }
    question->turn.only = only;
    return start(question, type, done, only->text);
}
