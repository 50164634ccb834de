/* A question from its start to its one call back: deadline, delivery, cancelling. */
#include "net/question.h"

#include <stdlib.h>

#include "base/text.h"

void kms_question_free(struct kms_question *question)
{
    kms_timer_free(question->timer);
    free(question->address);
    free(question->bytes);
    free(question->name);
    free(question);
}

/* What a channel still holds is freed when it calls back. */
static void let_go(struct kms_question *question)
{
    if (question->pending) {
        kms_timer_free(question->timer);
        question->timer = NULL;
        question->dropped = true;
    } else {
        kms_question_free(question);
    }
}

void kms_question_settle(struct kms_question *question, enum kms_outcome outcome)
{
    question->settled = true;
    question->outcome = outcome;
    kms_timer_set(question->timer, 0);
}

static void deliver_addresses(struct kms_question *question)
{
    struct kms_address *address = question->address;
    struct kms_resolved resolved = {question->outcome, address, question->count};
    kms_resolved_fn *done = question->resolved;
    void *arg = question->arg;
    question->address = NULL;
    let_go(question);
    done(arg, &resolved);
    free(address);
}

static void deliver_reply(struct kms_question *question)
{
    uint8_t *bytes = question->bytes;
    struct kms_dns_reply reply = {question->outcome, bytes, question->len, ""};
    kms_text_copy(reply.server, sizeof reply.server, question->server);
    kms_dns_reply_fn *done = question->replied;
    void *arg = question->arg;
    question->bytes = NULL;
    let_go(question);
    done(arg, &reply);
    free(bytes);
}

/* The deadline, or the turn after it was settled. */
static void question_fired(void *arg)
{
    struct kms_question *question = arg;
    if (!question->settled && question->outcome == KMS_OUTCOME_NONE) {
        question->outcome = KMS_OUTCOME_DNS_TIMEOUT;
    }
    if (question->resolved) {
        deliver_addresses(question);
    } else {
        deliver_reply(question);
    }
}

struct kms_question *kms_question_new(struct kms_resolver *resolver, const char *name,
                                      int64_t timeout_ms, void *arg)
{
    struct kms_question *question = calloc(1, sizeof *question);
    if (!question) {
        return NULL;
    }
    question->resolver = resolver;
    question->call.arg = question;
    question->arg = arg;
    question->name = kms_text_dup(name);
    question->timer = kms_timer_new(resolver->servers.loop, question_fired, question);
    if (!question->name || !question->timer) {
        kms_question_free(question);
        return NULL;
    }
    kms_timer_set(question->timer, timeout_ms > 0 ? timeout_ms : 1);
    return question;
}

void kms_question_cancel(struct kms_question *question)
{
    if (question) {
        let_go(question);
    }
}
