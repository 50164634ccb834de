/* What one probe brought home: a plain value with an owner, copied when it is kept. */
#ifndef KMS_MODEL_RESULT_H
#define KMS_MODEL_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vocab/facts.h"
#include "vocab/vocab.h"

#define KMS_KEYS_MAX \
    32 /* host keys of one host; more are dropped and the result says so in detail */
#define KMS_NOTES_MAX 32
/* Of what a probe says of its outcome: the longest known error whole, and with the outcome's word
 * before it no more than the 255 that SNMP carries. */
#define KMS_DETAIL_SIZE 232

/* A line of a report whose label was not recognised: kept and shown, never judged. */
struct kms_note {
    char *label;
    char *value;
    int key; /* index into result.key, -1: about the host */
};

struct kms_result {
    enum kms_source source;
    enum kms_outcome outcome;
    int64_t duration_us; /* start to finish, without waited_us */
    int64_t waited_us;   /* how long the probe watched on when it had its answer */
    int64_t wall_s;      /* when it finished */
    /* When the facts were true, by the best evidence (seconds since 1970, UTC); 0: not known, e.g.
     * standard input without a readable date. data_s_min is the oldest and data_s_max the youngest
     * time that evidence allows: a report's own time has no zone. */
    int64_t data_s, data_s_min, data_s_max;
    uint64_t fingerprint; /* of the content: equal means nothing new was said; 0: not applicable */
    struct kms_facts host;
    struct kms_facts *key; /* key_count of them */
    size_t key_count;
    struct kms_note *note;
    size_t note_count;
    char detail[KMS_DETAIL_SIZE]; /* one line for people, cleaned: what happened, with the place */
};

void kms_result_init(struct kms_result *result, enum kms_source source);
void kms_result_done(struct kms_result *result);
enum kms_status kms_result_copy(struct kms_result *ret, const struct kms_result *from);
/* Appends an empty key and returns it; NULL when there are KMS_KEYS_MAX or memory ran out. */
struct kms_facts *kms_result_add_key(struct kms_result *result);
/* Keeps an unrecognised line; more than KMS_NOTES_MAX are dropped silently. Cleans both texts. */
enum kms_status kms_result_add_note(struct kms_result *result, int key, const char *label,
                                    const char *value);

#endif
