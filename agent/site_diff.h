/* What another configuration means to the hosts: who comes, who goes, and which sources of those
 * that stay look elsewhere. Pure. */
#ifndef KMS_AGENT_SITE_DIFF_H
#define KMS_AGENT_SITE_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/site.h"

/* Of one host, as KMS_BIT masks of its sources. */
struct kms_site_turn {
    uint32_t elsewhere; /* they look at another place, or are gone: what they told is void */
    uint32_t anew;      /* they are asked at once, since what is asked or how is another thing */
};

/* False: nothing is different. How often and how long DNS is asked for a host is not the host's,
 * and makes no difference. */
bool kms_site_compare(const struct kms_target *was, const struct kms_target *now,
                      struct kms_site_turn *ret);

struct kms_site_changed {
    size_t was, now; /* positions */
    struct kms_site_turn turn;
};

struct kms_site_diff {
    size_t *removed; /* positions in was, ascending */
    size_t removed_count;
    size_t *added; /* positions in now, ascending */
    size_t added_count;
    struct kms_site_changed *changed; /* ascending by now */
    size_t changed_count;
    size_t unchanged;
};

/* A host is the same as long as its name is, whatever the case of its letters; a name is there once
 * in each list. ret is written on KMS_OK only; the other is KMS_ENOMEM. */
enum kms_status kms_site_diff(const struct kms_target *const *was, size_t was_count,
                              const struct kms_target *now, size_t now_count,
                              struct kms_site_diff *ret);
void kms_site_diff_done(struct kms_site_diff *diff);

/* Both log in alike; NULL is like NULL alone. */
bool kms_site_same_credentials(const struct kms_credentials *a, const struct kms_credentials *b);
/* The rows of both are the same. */
bool kms_site_same_products(const struct kms_products *a, const struct kms_products *b);

/* Appends the keys that another site has other values for and that a program that runs cannot take
 * over: "agentx, state-dir". with_port: those of the agent's own port count. */
enum kms_status kms_site_unmoved(const struct kms_site *was, const struct kms_site *now,
                                 bool with_port, struct kms_buf *buf);

#endif
