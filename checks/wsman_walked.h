/* A walk over WS-Management for people and for programs. */
#ifndef KMS_CHECKS_WSMAN_WALKED_H
#define KMS_CHECKS_WSMAN_WALKED_H

#include "base/bytes.h"
#include "listing.h"
#include "wsman_walk.h"

/* A row a stage, with its figures below it; then what is likely missing where it ended. user: of
 * the credentials; NULL: not known. */
enum kms_status kms_walked_table(const struct kms_walk *walk, const char *user,
                                 const struct kms_listing_style *style, struct kms_buf *out);
/* An object: host, good, and an array of stages. */
enum kms_status kms_walked_json(const struct kms_walk *walk, const char *user, struct kms_buf *out);

#endif
