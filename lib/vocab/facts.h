/* A set of facts: what one source said about a host or about one key. A fact that is not in the set
 * is not known. */
#ifndef KMS_VOCAB_FACTS_H
#define KMS_VOCAB_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "vocab/vocab.h"

struct kms_fact {
    enum kms_fact_id id;
    int64_t number; /* every type but text */
    char *text;     /* heap; only KMS_TYPE_TEXT */
};

/* Sorted by id, at most one of each. Zeroed is empty. */
struct kms_facts {
    struct kms_fact *fact;
    size_t count;
    size_t cap;
};

void kms_facts_done(struct kms_facts *facts);
/* Replaces ret (which must be empty or initialised) by a copy. */
enum kms_status kms_facts_copy(struct kms_facts *ret, const struct kms_facts *from);
/* Adds every fact of from that facts does not have. */
enum kms_status kms_facts_fill(struct kms_facts *facts, const struct kms_facts *from);

enum kms_status kms_facts_set_number(struct kms_facts *facts, enum kms_fact_id id, int64_t number);
/* Copies the text. */
enum kms_status kms_facts_set_text(struct kms_facts *facts, enum kms_fact_id id, const char *text);
void kms_facts_remove(struct kms_facts *facts, enum kms_fact_id id);

bool kms_facts_has(const struct kms_facts *facts, enum kms_fact_id id);
bool kms_facts_number(const struct kms_facts *facts, enum kms_fact_id id, int64_t *ret);
/* NULL when absent; owned by the set. */
const char *kms_facts_text(const struct kms_facts *facts, enum kms_fact_id id);
/* The value as people read it ("licensed", "0xC004F06C", "6", "2013-02-21 14:50:58"); "" when
 * absent. */
void kms_fact_print(const struct kms_fact *fact, char *dst, size_t size);
bool kms_facts_equal(const struct kms_facts *a, const struct kms_facts *b);

#endif
