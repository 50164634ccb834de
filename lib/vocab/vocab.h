/* The words that leave the program, as enumerations and tables. Made from state.def, outcome.def
 * and fact.def. */
#ifndef KMS_VOCAB_VOCAB_H
#define KMS_VOCAB_VOCAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One C enum for each set: enum kms_state { KMS_STATE_OK = 1, ... }. */
#define KMS_WORDS(set, tc, description) \
    enum kms_##set                      \
    {
#define KMS_WORD(set, symbol, number, label, meaning) KMS_##symbol = (number),
#define KMS_WORDS_END(set) \
    }                      \
    ;
#define KMS_BITS(set, tc, description) KMS_WORDS(set, tc, description)
#include "vocab/state.def"
#undef KMS_WORDS
#undef KMS_BITS
#undef KMS_WORD
#undef KMS_WORDS_END

#define KMS_CLASS_MAX       4 /* highest number of enum kms_client_class */
#define KMS_SOURCE_MAX      6
#define KMS_APPLICATION_MAX 4
#define KMS_BIT(number)     (UINT32_C(1) << (number))
#define KMS_CLASS_BIT(cls)  KMS_BIT(cls) /* masks of classes use bit 1 to 4 */

struct kms_word {
    int number;
    const char *label;
    const char *meaning;
};

struct kms_word_set {
    const char *name; /* "state" */
    const char *tc;   /* textual convention in KMSMON-TC-MIB */
    const char *description;
    bool bits;
    const struct kms_word *words;
    size_t count;
};

/* All sets in the order of state.def. */
const struct kms_word_set *kms_word_sets(size_t *ret_count);
/* By its name ("license_status", as fact rows give it); NULL when there is none. */
const struct kms_word_set *kms_word_set_find(const char *name);
/* kms_words_state() and so on. */
#define KMS_WORDS(set, tc, description) const struct kms_word_set *kms_words_##set(void);
#define KMS_BITS(set, tc, description)  KMS_WORDS(set, tc, description)
#define KMS_WORD(set, symbol, number, label, meaning)
#define KMS_WORDS_END(set)
#include "vocab/state.def"
#undef KMS_WORDS
#undef KMS_BITS
#undef KMS_WORD
#undef KMS_WORDS_END

/* "unknown" for a number the set does not have. Never NULL. */
const char *kms_word_label(const struct kms_word_set *set, int number);
const char *kms_word_meaning(const struct kms_word_set *set, int number);
bool kms_word_number(const struct kms_word_set *set, const char *label, int *ret);
/* "countLow, stale" for a bit set; "" for none. */
void kms_word_bits(const struct kms_word_set *set, uint32_t bits, char *dst, size_t size);

/* CRITICAL > WARNING > UNKNOWN > OK: the only place that orders states. */
enum kms_state kms_state_worse(enum kms_state a, enum kms_state b);
/* Exit code of a plugin: 0, 1, 2, 3. */
int kms_state_exit(enum kms_state state);
/* "OK", "WARNING", "CRITICAL", "UNKNOWN". */
const char *kms_state_upper(enum kms_state state);

/* What a probe met. Numbers are never reused. */
enum kms_outcome {
#define KMS_OUTCOME(number, symbol, token, kind, meaning, hint) KMS_OUTCOME_##symbol = (number),
#include "vocab/outcome.def"
#undef KMS_OUTCOME
};

enum kms_outcome_kind {
    KMS_OUTCOME_IS_GOOD,   /* the source gave facts */
    KMS_OUTCOME_IS_TARGET, /* the host or what stands for it is at fault */
    KMS_OUTCOME_IS_OURS,   /* the monitor or its configuration is at fault */
    KMS_OUTCOME_IS_NONE    /* not tried yet */
};

struct kms_outcome_row {
    enum kms_outcome number;
    const char *token; /* "report-missing" */
    enum kms_outcome_kind kind;
    const char *meaning; /* one sentence */
    const char *hint;    /* the next step, one sentence */
};

const struct kms_outcome_row *kms_outcome_rows(size_t *ret_count);
/* Never NULL; an unlisted number gives the row of "internal". */
const struct kms_outcome_row *kms_outcome_row(enum kms_outcome outcome);
bool kms_outcome_good(enum kms_outcome outcome);

/* Facts: what a source can say about a host or about one of its keys. */
enum kms_fact_id {
#define KMS_FACT(number, symbol, token, scope, type, unit, meaning, source) \
    KMS_FACT_##symbol = (number),
#include "vocab/fact.def"
#undef KMS_FACT
};

enum kms_fact_scope { KMS_SCOPE_HOST, KMS_SCOPE_KEY };
enum kms_fact_type {
    KMS_TYPE_UINT, /* 0..4294967295 */
    KMS_TYPE_INT,
    KMS_TYPE_BOOL,
    KMS_TYPE_WORD,    /* a number of a word set; which one is the row's unit */
    KMS_TYPE_HRESULT, /* unsigned 32 bits, printed as 0xC004F06C */
    KMS_TYPE_TIME,    /* seconds since 1970; of the host's own clock where the meaning says so */
    KMS_TYPE_TEXT     /* UTF-8, cleaned */
};

struct kms_fact_row {
    enum kms_fact_id id;
    const char *token; /* key in JSON and in text: "current-count" */
    enum kms_fact_scope scope;
    enum kms_fact_type type;
    const char *unit; /* UNITS of the MIB; name of the word set for KMS_TYPE_WORD; "" */
    const char *meaning;
    const char *source; /* WMI property, protocol field or slmgr line it is read from */
};

const struct kms_fact_row *kms_fact_rows(size_t *ret_count);
/* NULL for an id that has no row. */
const struct kms_fact_row *kms_fact_row(enum kms_fact_id id);

#endif
