/* Option rows meet the configuration tree: every key of a block is set by its row, or is an error.
 */
#ifndef KMS_BASE_BIND_H
#define KMS_BASE_BIND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/conf.h"
#include "base/opt.h"

/* A kind of block that may stand in another. */
struct kms_bind_block {
    const char *name;  /* NULL ends the list */
    const char *usage; /* for messages: "host \"NAME\" { ... }" */
    bool titled;
    bool repeated; /* may stand there more than once */
};

/* What may stand in a block: the rows of one section, and blocks. */
struct kms_bind {
    const struct kms_opt *opts;
    const char *section;
    const struct kms_bind_block *blocks; /* NULL: none */
};

/* Sets base from the settings of block. Reports unknown, repeated and wrong ones; blocks inside are
 * checked for name, title and repetition, not entered. */
void kms_bind_apply(const struct kms_bind *bind, const struct kms_conf_node *block, void *base,
                    struct kms_conf_errors *errors);

/* The next block of that name among node and those after it; NULL: none. */
const struct kms_conf_node *kms_bind_find(const struct kms_conf_node *node, const char *name);

/* Reports "KEY: 'VALUE' WRONG" at the line of the key, or of the block when the key is not there.
 */
void kms_bind_wrong(const struct kms_conf_node *block, const char *key, const char *value,
                    const char *wrong, struct kms_conf_errors *errors);
/* Whether the key stands in the block. */
bool kms_bind_is_set(const struct kms_conf_node *block, const char *key);

/* Letters to insert, delete or change between the two (Levenshtein), for short names; else a large
 * number. */
size_t kms_bind_distance(const char *a, const char *b);

#endif
