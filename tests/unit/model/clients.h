/* Clients that choose among SRV records as RFC 2782 says, one after the other, with made-up luck.
 */
#ifndef KMS_TESTS_UNIT_MODEL_CLIENTS_H
#define KMS_TESTS_UNIT_MODEL_CLIENTS_H

#include "model/zone_share.h"

#define CLIENTS_RECORDS_MAX 64

struct clients_tally {
    uint64_t clients;
    uint64_t first[CLIENTS_RECORDS_MAX]; /* clients that chose the record first */
    uint64_t dead_first;                 /* whose first one was lost */
    uint64_t served, tries;              /* clients that were served, and the records they tried */
};

/* The same seed gives the same tally. count: at most CLIENTS_RECORDS_MAX. */
void clients_run(const struct kms_zone_choice *choice, size_t count, enum kms_zone_clients kind,
                 uint64_t clients, uint64_t *seed, struct clients_tally *ret);
/* From 0 to below bound. */
uint64_t clients_luck(uint64_t *seed, uint64_t bound);

#endif
