/* A host of the daemon's answer as people read it. */
#ifndef KMS_CHECKS_ASKED_HOST_H
#define KMS_CHECKS_ASKED_HOST_H

#include "asking.h"
#include "listing.h"
#include "table.h"

/* Everything about one host. */
enum kms_status kms_asked_host_details(const struct json_t *host,
                                       const struct kms_listing_style *style, struct kms_buf *out);
/* Its state and summary, and what each source met. */
enum kms_status kms_asked_host_sources(const struct json_t *host,
                                       const struct kms_listing_style *style, struct kms_buf *out);

/* The overview, a row a host; brief, for a terminal: nothing is said twice. */
void kms_asked_hosts_init(struct kms_table *table);
void kms_asked_hosts_add(struct kms_table *table, const struct json_t *host, bool brief);

#endif
