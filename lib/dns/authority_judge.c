/* Compares what the servers of a zone, and the resolver, know. */
#include <string.h>

#include "base/text.h"
#include "dns/authority.h"

enum { RECORDS_SHOWN = 3, TEXT_SIZE = 400 };

/* What one of them knows. */
struct knowledge {
    const struct kms_srv *srv;
    size_t count;
    const char *alias; /* NULL: not as an alias only */
    bool answered;
};

static bool is_answer(enum kms_outcome outcome)
{
    return outcome == KMS_OUTCOME_OK || outcome == KMS_OUTCOME_DNS_NXDOMAIN ||
           outcome == KMS_OUTCOME_DNS_NODATA || outcome == KMS_OUTCOME_DNS_NO_SERVICE;
}

bool kms_authority_answered(const struct kms_authority_server *server)
{
    return is_answer(server->outcome) && server->text[0] != '\0';
}

/* Index count: the resolver. */
static struct knowledge knowledge_of(const struct kms_authority *authority,
                                     const struct kms_dns_domain *resolver, size_t index)
{
    if (index < authority->count) {
        const struct kms_authority_server *server = &authority->server[index];
        return (struct knowledge){.srv = server->set.srv,
                                  .count = server->set.count,
                                  .alias = server->alias[0] != '\0' ? server->alias : NULL,
                                  .answered = kms_authority_answered(server)};
    }
    if (!resolver) {
        return (struct knowledge){.answered = false};
    }
    return (struct knowledge){.srv = resolver->set.srv,
                              .count = resolver->set.count,
                              .answered = is_answer(resolver->outcome)};
}

static bool same_record(const struct kms_srv *a, const struct kms_srv *b)
{
    return a->priority == b->priority && a->weight == b->weight && a->port == b->port &&
           kms_dns_name_equal(a->target, b->target);
}

static bool has(const struct knowledge *of, const struct kms_srv *srv)
{
    for (size_t i = 0; i < of->count; i++) {
        if (same_record(&of->srv[i], srv)) {
            return true;
        }
    }
    return false;
}

static bool has_all(const struct knowledge *of, const struct knowledge *other)
{
    for (size_t i = 0; i < other->count; i++) {
        if (!has(of, &other->srv[i])) {
            return false;
        }
    }
    return true;
}

/* A server that has but the alias need not have the zone that it leads to. */
static bool same(const struct knowledge *a, const struct knowledge *b)
{
    if (a->alias && b->alias) {
        return kms_dns_name_equal(a->alias, b->alias);
    }
    return a->alias || b->alias || (has_all(a, b) && has_all(b, a));
}

/* Of the names of servers: one address that answers is enough. */
static bool is_first_of_name(const struct kms_authority *authority, size_t index)
{
    const char *name = authority->server[index].name;
    for (size_t i = 0; name[0] != '\0' && i < index; i++) {
        if (kms_dns_name_equal(authority->server[i].name, name)) {
            return false;
        }
    }
    return true;
}

static bool name_answers(const struct kms_authority *authority, size_t index)
{
    const char *name = authority->server[index].name;
    for (size_t i = 0; name[0] != '\0' && i < authority->count; i++) {
        if (kms_dns_name_equal(authority->server[i].name, name) &&
            kms_authority_answered(&authority->server[i])) {
            return true;
        }
    }
    return kms_authority_answered(&authority->server[index]);
}

static bool is_silent(const struct kms_authority *authority, size_t index)
{
    return is_first_of_name(authority, index) && !name_answers(authority, index);
}

void kms_authority_judge(const struct kms_authority *authority,
                         const struct kms_dns_domain *resolver, struct kms_authority_verdict *ret)
{
    struct kms_authority_verdict verdict = {.answered = 0};
    const struct knowledge of_resolver = knowledge_of(authority, resolver, authority->count);
    for (size_t i = 0; i < authority->count; i++) {
        const struct knowledge mine = knowledge_of(authority, resolver, i);
        verdict.silent += is_silent(authority, i) ? 1 : 0;
        if (!mine.answered) {
            continue;
        }
        verdict.answered++;
        for (size_t k = i + 1; k < authority->count; k++) {
            const struct knowledge other = knowledge_of(authority, resolver, k);
            verdict.differ = verdict.differ || (other.answered && !same(&mine, &other));
        }
        if (of_resolver.answered && !same(&mine, &of_resolver)) {
            verdict.resolver_differs = true;
        }
    }
    verdict.known = verdict.answered > 1 || (verdict.answered == 1 && of_resolver.answered);
    *ret = verdict;
}

static bool is_listed(const struct kms_authority *authority, const struct kms_dns_domain *resolver,
                      size_t before, size_t at, const struct kms_srv *srv)
{
    const struct knowledge last = knowledge_of(authority, resolver, before);
    for (size_t i = 0; i < at; i++) {
        if (same_record(&last.srv[i], srv)) {
            return true;
        }
    }
    for (size_t i = 0; i < before; i++) {
        const struct knowledge of = knowledge_of(authority, resolver, i);
        if (of.answered && has(&of, srv)) {
            return true;
        }
    }
    return false;
}

void kms_authority_lacks(const struct kms_authority *authority,
                         const struct kms_dns_domain *resolver, size_t index, char *dst,
                         size_t size)
{
    const struct knowledge mine = knowledge_of(authority, resolver, index);
    size_t lacking = 0;
    kms_text_copy(dst, size, "");
    if (!mine.answered || mine.alias) {
        return;
    }
    for (size_t i = 0; i <= authority->count; i++) {
        const struct knowledge other = knowledge_of(authority, resolver, i);
        for (size_t k = 0; other.answered && k < other.count; k++) {
            const struct kms_srv *srv = &other.srv[k];
            if (has(&mine, srv) || is_listed(authority, resolver, i, k, srv)) {
                continue;
            }
            if (lacking++ < RECORDS_SHOWN) {
                kms_text_append(dst, size, "%s%s:%u (priority %u, weight %u)",
                                lacking > 1 ? ", " : "lacks ", srv->target, (unsigned)srv->port,
                                (unsigned)srv->priority, (unsigned)srv->weight);
            }
        }
    }
    if (lacking > RECORDS_SHOWN) {
        kms_text_append(dst, size, " and %zu more", lacking - RECORDS_SHOWN);
    }
}

void kms_authority_text(const struct kms_authority *authority,
                        const struct kms_dns_domain *resolver, char *dst, size_t size)
{
    char text[TEXT_SIZE];
    const char *between = "";
    kms_text_copy(dst, size, "");
    if (authority->outcome != KMS_OUTCOME_OK) {
        kms_text_format(dst, size, "the zone's servers are not known: %s", authority->detail);
        return;
    }
    for (size_t i = 0; i <= authority->count; i++) {
        bool is_resolver = i == authority->count;
        kms_authority_lacks(authority, resolver, i, text, sizeof text);
        if (text[0] != '\0') {
            kms_text_append(dst, size, "%s%s %s", between,
                            is_resolver ? resolver->server : authority->server[i].text, text);
            between = "; ";
        } else if (!is_resolver && is_silent(authority, i)) {
            kms_text_append(dst, size, "%s%s", between, authority->server[i].detail);
            between = "; ";
        }
    }
}
