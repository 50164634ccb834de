/* Addresses of a name: what is one already, else the hosts file and DNS, completed if it is short.
 */
#include "net/resolve.h"

#include <stdlib.h>
#include <string.h>

#include "net/query.h"

static enum kms_outcome keep_addresses(struct kms_question *question,
                                       const struct kms_address *address, size_t count)
{
    question->address = calloc(count, sizeof *question->address);
    if (!question->address) {
        return KMS_OUTCOME_NO_MEMORY;
    }
    memcpy(question->address, address, count * sizeof *address);
    question->count = count;
    return KMS_OUTCOME_OK;
}

static void addresses_found(void *arg, enum kms_outcome outcome, const struct kms_address *address,
                            size_t count)
{
    struct kms_question *question = arg;
    question->pending = false;
    if (question->dropped) {
        kms_question_free(question);
    } else if (outcome == KMS_OUTCOME_OK) {
        kms_question_settle(question, keep_addresses(question, address, count));
    } else if (outcome == KMS_OUTCOME_DNS_UNREACHABLE || outcome == KMS_OUTCOME_DNS_TIMEOUT) {
        kms_query_why(question);
    } else {
        kms_question_settle(question, outcome);
    }
}

/* A dot at the end has said what it says: the hosts file knows no name with one, and DNS none of
 * 254 characters. */
static bool cut_last_dot(char *name)
{
    size_t len = strlen(name);
    bool has_one = len > 0 && name[len - 1] == '.';
    if (has_one) {
        name[len - 1] = '\0';
    }
    return has_one;
}

static void find(struct kms_question *question)
{
    const struct kms_resolver *resolver = question->resolver;
    bool is_complete = cut_last_dot(question->name) || strchr(question->name, '.');
    if (question->name[0] == '\0') {
        kms_question_settle(question, KMS_OUTCOME_DNS_NAME);
        return;
    }
    question->pending = true;
    question->call.found = addresses_found;
    kms_dns_channel_find(is_complete ? resolver->complete_names : resolver->short_names,
                         question->name, &question->call);
}

struct kms_question *kms_resolve_start(struct kms_resolver *resolver, const char *name,
                                       int64_t timeout_ms, kms_resolved_fn *done, void *arg)
{
    struct kms_question *question = kms_question_new(resolver, name, timeout_ms, arg);
    if (!question) {
        return NULL;
    }
    struct kms_address own;
    question->resolved = done;
    if (kms_address_parse(name, 0, &own)) {
        kms_question_settle(question, keep_addresses(question, &own, 1));
    } else {
        find(question);
    }
    return question;
}
