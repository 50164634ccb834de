/* One host, probed, and its two forms: a row of a table for people, an object of JSON. */
#ifndef KMS_CHECKS_PROBED_H
#define KMS_CHECKS_PROBED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "listing.h"
#include "model/result.h"
#include "model/target.h"
#include "table.h"

struct kms_probed {
    const char *host; /* as given on the command line */
    struct kms_target target;
    struct kms_result result;
    bool asked; /* for an activation too */
    struct kms_result activation;
    struct kms_result wsman; /* KMS_OUTCOME_NONE: not asked for */
};

/* A row a host, then what each kind of failure means and what to do. */
enum kms_status kms_probed_table(const struct kms_probed *probed, size_t count,
                                 const struct kms_listing_style *style, struct kms_buf *out);
/* An array with an object a host. */
enum kms_status kms_probed_json(const struct kms_probed *probed, size_t count, struct kms_buf *out);

/* What came of the activation request, for people. */
enum kms_status kms_probed_activation(const struct kms_probed *probed, struct kms_buf *out);

/* What all sources tell of the hosts together, each fact with its source and age, for people;
 * nothing for hosts that were not asked over WS-Management. */
enum kms_status kms_probed_merged(const struct kms_probed *probed, size_t count,
                                  struct kms_buf *out);

/* The pieces of both, for other commands. */
struct json_t;
enum kms_colour kms_probed_colour(const struct kms_result *result);
const char *kms_probed_state(const struct kms_result *result);
void kms_probed_latency(const struct kms_result *result, char *dst, size_t size); /* "-": none */
const char *kms_probed_happened(const struct kms_result *result);
enum kms_status kms_probed_meanings(const struct kms_probed *probed, size_t count,
                                    struct kms_buf *out);
/* *ok becomes false when memory ran out. */
struct json_t *kms_probed_object(const struct kms_probed *probed, bool *ok);

#endif
