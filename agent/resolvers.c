/* A list in the order of their ends: a lookup goes on to its next question with the resolver that
 * it began with, so that a count of open questions would not tell when nobody needs it. */
#include "agent/resolvers.h"

#include <stdlib.h>

#include "base/text.h"

#define SERVERS_TEXT ((size_t)KMS_RESOLVER_SERVERS_MAX * 64)

struct kept {
    struct kept *next;
    struct kms_resolver *resolver;
    int64_t until_us;
};

struct kms_resolvers {
    const struct kms_clock *clock;
    struct kms_timer *timer;
    struct kept *first, *last;
    struct kept *spare; /* NULL: none */
};

static int64_t now_us(const struct kms_resolvers *resolvers)
{
    return kms_clock_mono_us(resolvers->clock);
}

static void free_first(struct kms_resolvers *resolvers)
{
    struct kept *first = resolvers->first;
    resolvers->first = first->next;
    resolvers->last = resolvers->first ? resolvers->last : NULL;
    kms_resolver_free(first->resolver);
    free(first);
}

static void over(void *arg)
{
    struct kms_resolvers *resolvers = arg;
    int64_t now = now_us(resolvers);
    while (resolvers->first && resolvers->first->until_us <= now) {
        free_first(resolvers);
    }
    if (resolvers->first) {
        kms_timer_set(resolvers->timer, (resolvers->first->until_us - now + 999) / 1000);
    }
}

struct kms_resolvers *kms_resolvers_new(struct kms_loop *loop)
{
    struct kms_resolvers *resolvers = calloc(1, sizeof *resolvers);
    if (!resolvers) {
        return NULL;
    }
    resolvers->clock = kms_loop_clock(loop);
    resolvers->timer = kms_timer_new(loop, over, resolvers);
    if (!resolvers->timer) {
        free(resolvers);
        return NULL;
    }
    return resolvers;
}

void kms_resolvers_free(struct kms_resolvers *resolvers)
{
    if (!resolvers) {
        return;
    }
    while (resolvers->first) {
        free_first(resolvers);
    }
    kms_timer_free(resolvers->timer);
    free(resolvers->spare);
    free(resolvers);
}

enum kms_status kms_resolvers_reserve(struct kms_resolvers *resolvers)
{
    if (!resolvers->spare) {
        resolvers->spare = malloc(sizeof *resolvers->spare);
    }
    return resolvers->spare ? KMS_OK : KMS_ENOMEM;
}

void kms_resolvers_keep(struct kms_resolvers *resolvers, struct kms_resolver *resolver)
{
    struct kept *kept = resolvers->spare;
    resolvers->spare = NULL;
    *kept = (struct kept){.resolver = resolver,
                          .until_us = now_us(resolvers) + KMS_RESOLVERS_KEEP_MS * 1000};
    if (resolvers->last) {
        resolvers->last->next = kept;
    } else {
        resolvers->first = kept;
        kms_timer_set(resolvers->timer, KMS_RESOLVERS_KEEP_MS);
    }
    resolvers->last = kept;
}

bool kms_resolvers_alike(const struct kms_resolver *a, const struct kms_resolver *b)
{
    char of_a[SERVERS_TEXT], of_b[SERVERS_TEXT];
    kms_resolver_servers(a, of_a, sizeof of_a);
    kms_resolver_servers(b, of_b, sizeof of_b);
    bool alike = kms_text_equal(of_a, of_b);
    for (size_t i = 0; alike; i++) {
        const char *domain = kms_resolver_domain(a, i);
        const char *other = kms_resolver_domain(b, i);
        if (!domain || !other) {
            return domain == other;
        }
        alike = kms_text_equal_nocase(domain, other);
    }
    return false;
}
