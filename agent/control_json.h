/* What answers of the control socket are made of: texts, times, words and facts as JSON. */
#ifndef KMS_AGENT_CONTROL_JSON_H
#define KMS_AGENT_CONTROL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vocab/facts.h"

struct json_t;

/* Objects are made member by member, and one flag tells at the end whether memory ran out: ok
 * becomes false, and all goes on with what there is. */
void kms_json_put(struct json_t *object, const char *name, struct json_t *value, bool *ok);
void kms_json_append(struct json_t *array, struct json_t *value, bool *ok);
void kms_json_text(struct json_t *object, const char *name, const char *text, bool *ok);
/* The text, or nothing where it is NULL or "". */
void kms_json_some(struct json_t *object, const char *name, const char *text, bool *ok);
void kms_json_number(struct json_t *object, const char *name, int64_t number, bool *ok);
void kms_json_flag(struct json_t *object, const char *name, bool flag, bool *ok);
/* Seconds since 1970; nothing for 0. */
void kms_json_time(struct json_t *object, const char *name, int64_t wall_s, bool *ok);
void kms_json_word(struct json_t *object, const char *name, const struct kms_word_set *set,
                   int number, bool *ok);
/* An array of labels. */
void kms_json_bits(struct json_t *object, const char *name, const struct kms_word_set *set,
                   uint32_t bits, bool *ok);
/* An object with a member a fact: numbers and truths as such, all else as people read it. */
void kms_json_facts(struct json_t *object, const char *name, const struct kms_facts *facts,
                    bool *ok);
/* object, or NULL when memory ran out. */
struct json_t *kms_json_whole(struct json_t *object, bool ok);

#endif
