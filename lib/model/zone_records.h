/* The records of a domain over time: those of a new lookup beside those seen before. */
#ifndef KMS_MODEL_ZONE_RECORDS_H
#define KMS_MODEL_ZONE_RECORDS_H

#include "model/zone.h"

/* Numbers of the records of one domain; number NULL: counted from 1. */
struct kms_zone_numbers {
    kms_zone_index_fn *number;
    void *arg;
    uint32_t given; /* so far: KMS_ZONE_NUMBERS_MAX at most */
    bool is_short;  /* a record got none */
};

/* Sets zone's record, record_count and records anew from a lookup that was answered; the old list
 * is read and left alone. Those that are gone for forget_after_s (0: whatever) are left out.
 * ret_rows: whether rows came or went. KMS_ENOMEM changes nothing but numbers. */
enum kms_status kms_zone_records_merge(struct kms_zone *zone, const struct kms_zone_lookup *lookup,
                                       int64_t forget_after_s, struct kms_zone_numbers *numbers,
                                       bool *ret_rows);
/* The same from what an earlier process saw: all but what is known already, as gone. It named the
 * times from before from_s. */
enum kms_status kms_zone_records_recall(struct kms_zone *zone, const struct kms_zone_past *past,
                                        size_t count, int64_t from_s,
                                        struct kms_zone_numbers *numbers, bool *ret_rows);

#endif
