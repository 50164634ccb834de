/* Resolvers that were replaced: kept until whatever began with them must have ended. */
#ifndef KMS_AGENT_RESOLVERS_H
#define KMS_AGENT_RESOLVERS_H

#include "base/loop.h"
#include "net/resolve.h"

/* The longest time limit of a probe or a lookup that the configuration allows, twice. */
#define KMS_RESOLVERS_KEEP_MS INT64_C(1200000)

struct kms_resolvers;

/* NULL: out of memory. */
struct kms_resolvers *kms_resolvers_new(struct kms_loop *loop);
/* Once nothing asks any of them any more. NULL is fine. */
void kms_resolvers_free(struct kms_resolvers *resolvers);

/* Room for one more, so that keep cannot fail. KMS_OK or KMS_ENOMEM. */
enum kms_status kms_resolvers_reserve(struct kms_resolvers *resolvers);
/* Takes the resolver over: nothing begins with it any more. */
void kms_resolvers_keep(struct kms_resolvers *resolvers, struct kms_resolver *resolver);

/* Both ask the same servers, and search the same domains. */
bool kms_resolvers_alike(const struct kms_resolver *a, const struct kms_resolver *b);

#endif
