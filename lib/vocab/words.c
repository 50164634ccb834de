/* The word sets of state.def as tables, their lookups, and the one order of states. */
#include "vocab/vocab.h"

#include "base/text.h"

#define KMS_WORDS(set, tc, description)               static const struct kms_word words_##set[] = {
#define KMS_BITS(set, tc, description)                KMS_WORDS(set, tc, description)
#define KMS_WORD(set, symbol, number, label, meaning) {number, label, meaning},
#define KMS_WORDS_END(set) \
    }                      \
    ;
#include "vocab/state.def"
#undef KMS_WORDS
#undef KMS_BITS
#undef KMS_WORD
#undef KMS_WORDS_END

#define SET(set, tc, description, bits) \
    {#set, tc, description, bits, words_##set, KMS_COUNT_OF(words_##set)},
#define KMS_WORDS(set, tc, description) SET(set, tc, description, false)
#define KMS_BITS(set, tc, description)  SET(set, tc, description, true)
#define KMS_WORD(set, symbol, number, label, meaning)
#define KMS_WORDS_END(set)
static const struct kms_word_set sets[] = {
#include "vocab/state.def"
};
#undef KMS_WORDS
#undef KMS_BITS
#undef KMS_WORDS_END

enum set_number {
#define KMS_WORDS(set, tc, description) SET_##set,
#define KMS_BITS(set, tc, description)  SET_##set,
#define KMS_WORDS_END(set)
#include "vocab/state.def"
#undef KMS_WORDS
#undef KMS_BITS
#undef KMS_WORDS_END
};

#define KMS_WORDS(set, tc, description)              \
    const struct kms_word_set *kms_words_##set(void) \
    {                                                \
        return &sets[SET_##set];                     \
    }
#define KMS_BITS(set, tc, description) KMS_WORDS(set, tc, description)
#define KMS_WORDS_END(set)
#include "vocab/state.def"
#undef KMS_WORDS
#undef KMS_BITS
#undef KMS_WORD
#undef KMS_WORDS_END

const struct kms_word_set *kms_word_sets(size_t *ret_count)
{
    *ret_count = KMS_COUNT_OF(sets);
    return sets;
}

const struct kms_word_set *kms_word_set_find(const char *name)
{
    for (size_t i = 0; i < KMS_COUNT_OF(sets); i++) {
        if (kms_text_equal(sets[i].name, name)) {
            return &sets[i];
        }
    }
    return NULL;
}

static const struct kms_word *find(const struct kms_word_set *set, int number)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->words[i].number == number) {
            return &set->words[i];
        }
    }
    return NULL;
}

const char *kms_word_label(const struct kms_word_set *set, int number)
{
    const struct kms_word *word = find(set, number);
    return word ? word->label : "unknown";
}

const char *kms_word_meaning(const struct kms_word_set *set, int number)
{
    const struct kms_word *word = find(set, number);
    return word ? word->meaning : "A number that this version does not know.";
}

bool kms_word_number(const struct kms_word_set *set, const char *label, int *ret)
{
    for (size_t i = 0; i < set->count; i++) {
        if (kms_text_equal(set->words[i].label, label)) {
            *ret = set->words[i].number;
            return true;
        }
    }
    return false;
}

void kms_word_bits(const struct kms_word_set *set, uint32_t bits, char *dst, size_t size)
{
    dst[0] = '\0';
    for (size_t i = 0; i < set->count; i++) {
        if (bits & KMS_BIT(set->words[i].number)) {
            kms_text_append(dst, size, "%s%s", dst[0] ? ", " : "", set->words[i].label);
        }
    }
}

static int severity(enum kms_state state)
{
    switch (state) {
    case KMS_STATE_CRITICAL:
        return 3;
    case KMS_STATE_WARNING:
        return 2;
    case KMS_STATE_UNKNOWN:
        return 1;
    case KMS_STATE_OK:
        break;
    }
    return 0;
}

enum kms_state kms_state_worse(enum kms_state a, enum kms_state b)
{
    return severity(b) > severity(a) ? b : a;
}

int kms_state_exit(enum kms_state state)
{
    switch (state) {
    case KMS_STATE_OK:
        return 0;
    case KMS_STATE_WARNING:
        return 1;
    case KMS_STATE_CRITICAL:
        return 2;
    case KMS_STATE_UNKNOWN:
        break;
    }
    return 3;
}

const char *kms_state_upper(enum kms_state state)
{
    static const char *const names[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
    return names[kms_state_exit(state)];
}
