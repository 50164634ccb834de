/* One host, probed, and its two forms: a row of a table for people, an object of JSON. */
#ifndef KMS_CHECKS_PROBED_H
#define KMS_CHECKS_PROBED_H

#include <stddef.h>

#include "base/bytes.h"
#include "listing.h"
#include "model/result.h"
#include "model/target.h"

struct kms_probed {
    const char *host; /* as given on the command line */
    struct kms_target target;
    struct kms_result result;
};

/* A row a host, then what each kind of failure means and what to do. */
enum kms_status kms_probed_table(const struct kms_probed *probed, size_t count,
                                 const struct kms_listing_style *style, struct kms_buf *out);
/* An array with an object a host. */
enum kms_status kms_probed_json(const struct kms_probed *probed, size_t count, struct kms_buf *out);

#endif
