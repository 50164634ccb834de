/* What the records of a domain do to its clients: which one they choose first, and how many they
 * must try. Pure. */
#ifndef KMS_MODEL_ZONE_SHARE_H
#define KMS_MODEL_ZONE_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Clients that follow RFC 2782 take the lowest priority first and draw within it by weight. Records
 * of equal rank stand in any order in an answer, each order as often as the others.
 * Windows Vista and Windows Server 2008 ignore both numbers: all records are drawn alike. */
enum kms_zone_clients { KMS_ZONE_CLIENTS_RFC, KMS_ZONE_CLIENTS_UNIFORM };

/* A record as clients see it. */
struct kms_zone_choice {
    uint16_t priority, weight;
    bool usable; /* false: no client ever chooses it, it counts for nothing */
    bool lost;   /* a client that tries it must try the next one */
};

/* The shares of clients that choose each record first, in per mille: the largest remainders are
 * rounded up, so that the sum is 1000 unless no record is usable. */
void kms_zone_choice_shares(const struct kms_zone_choice *choice, size_t count,
                            enum kms_zone_clients clients, uint32_t *ret_share);

struct kms_zone_toll {
    bool known;          /* there is a usable record */
    uint32_t dead_share; /* per mille of clients whose first choice is lost */
    bool ends;           /* some usable record is not lost */
    uint32_t tries; /* when ends: records that a client tries until one serves it, on average, in
                       thousandths; 1000 when the first one always does */
};

/* With more than KMS_ZONE_TOLL_STATES different ways to meet lost records of one priority, tries is
 * an estimate: off by less than one in a hundred. */
#define KMS_ZONE_TOLL_STATES 1024
struct kms_zone_toll kms_zone_toll_of(const struct kms_zone_choice *choice, size_t count,
                                      enum kms_zone_clients clients);

#endif
