/* Fact rows, and sets of facts kept sorted by id. */
#include "vocab/facts.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "vocab/hresult.h"

static const struct kms_fact_row rows[] = {
#define KMS_FACT(number, symbol, token, scope, type, unit, meaning, source) \
    {KMS_FACT_##symbol, token, scope, type, unit, meaning, source},
#include "vocab/fact.def"
#undef KMS_FACT
};

const struct kms_fact_row *kms_fact_rows(size_t *ret_count)
{
    *ret_count = KMS_COUNT_OF(rows);
    return rows;
}

const struct kms_fact_row *kms_fact_row(enum kms_fact_id id)
{
    size_t low = 0;
    size_t high = KMS_COUNT_OF(rows);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rows[middle].id == id) {
            return &rows[middle];
        }
        if (rows[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

/* Where id is, or where it belongs. */
static size_t place_of(const struct kms_facts *facts, enum kms_fact_id id)
{
    size_t low = 0;
    size_t high = facts->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (facts->fact[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct kms_fact *find(const struct kms_facts *facts, enum kms_fact_id id)
{
    size_t place = place_of(facts, id);
    return place < facts->count && facts->fact[place].id == id ? &facts->fact[place] : NULL;
}

/* The fact with this id, made when it is missing; NULL when memory ran out. */
static struct kms_fact *need(struct kms_facts *facts, enum kms_fact_id id)
{
    struct kms_fact *have = find(facts, id);
    if (have) {
        return have;
    }
    if (facts->count == facts->cap) {
        size_t cap = facts->cap ? facts->cap * 2 : 8;
        struct kms_fact *fact = realloc(facts->fact, cap * sizeof *fact);
        if (!fact) {
            return NULL;
        }
        facts->fact = fact;
        facts->cap = cap;
    }
    size_t place = place_of(facts, id);
    memmove(&facts->fact[place + 1], &facts->fact[place],
            (facts->count - place) * sizeof *facts->fact);
    facts->fact[place] = (struct kms_fact){.id = id};
    facts->count++;
    return &facts->fact[place];
}

void kms_facts_done(struct kms_facts *facts)
{
    if (!facts) {
        return;
    }
    for (size_t i = 0; i < facts->count; i++) {
        free(facts->fact[i].text);
    }
    free(facts->fact);
    *facts = (struct kms_facts){0};
}

enum kms_status kms_facts_set_number(struct kms_facts *facts, enum kms_fact_id id, int64_t number)
{
    struct kms_fact *fact = need(facts, id);
    if (!fact) {
        return KMS_ENOMEM;
    }
    fact->number = number;
    return KMS_OK;
}

enum kms_status kms_facts_set_text(struct kms_facts *facts, enum kms_fact_id id, const char *text)
{
    char *copy = kms_text_dup(text);
    if (!copy) {
        return KMS_ENOMEM;
    }
    struct kms_fact *fact = need(facts, id);
    if (!fact) {
        free(copy);
        return KMS_ENOMEM;
    }
    free(fact->text);
    fact->text = copy;
    return KMS_OK;
}

void kms_facts_remove(struct kms_facts *facts, enum kms_fact_id id)
{
    struct kms_fact *fact = find(facts, id);
    if (!fact) {
        return;
    }
    free(fact->text);
    size_t after = (size_t)(facts->fact + facts->count - (fact + 1));
    memmove(fact, fact + 1, after * sizeof *fact);
    facts->count--;
}

static enum kms_status set_from(struct kms_facts *facts, const struct kms_fact *from)
{
    return from->text ? kms_facts_set_text(facts, from->id, from->text)
                      : kms_facts_set_number(facts, from->id, from->number);
}

/* Room for exactly what will come: sets that are copied are kept, by the ten thousand. */
static bool reserve_missing(struct kms_facts *facts, const struct kms_facts *from)
{
    size_t count = facts->count;
    for (size_t i = 0; i < from->count; i++) {
        count += find(facts, from->fact[i].id) ? 0 : 1;
    }
    if (count <= facts->cap) {
        return true;
    }
    struct kms_fact *fact = realloc(facts->fact, count * sizeof *fact);
    if (!fact) {
        return false;
    }
    facts->fact = fact;
    facts->cap = count;
    return true;
}

enum kms_status kms_facts_fill(struct kms_facts *facts, const struct kms_facts *from)
{
    if (!reserve_missing(facts, from)) {
        return KMS_ENOMEM;
    }
    for (size_t i = 0; i < from->count; i++) {
        if (!find(facts, from->fact[i].id) && set_from(facts, &from->fact[i]) != KMS_OK) {
            return KMS_ENOMEM;
        }
    }
    return KMS_OK;
}

enum kms_status kms_facts_copy(struct kms_facts *ret, const struct kms_facts *from)
{
    struct kms_facts copy = {0};
    if (kms_facts_fill(&copy, from) != KMS_OK) {
        kms_facts_done(&copy);
        return KMS_ENOMEM;
    }
    kms_facts_done(ret);
    *ret = copy;
    return KMS_OK;
}

bool kms_facts_has(const struct kms_facts *facts, enum kms_fact_id id)
{
    return find(facts, id) != NULL;
}

bool kms_facts_number(const struct kms_facts *facts, enum kms_fact_id id, int64_t *ret)
{
    const struct kms_fact *fact = find(facts, id);
    if (!fact || fact->text) {
        return false;
    }
    *ret = fact->number;
    return true;
}

const char *kms_facts_text(const struct kms_facts *facts, enum kms_fact_id id)
{
    const struct kms_fact *fact = find(facts, id);
    return fact ? fact->text : NULL;
}

static void print_word(const char *set_name, int64_t number, char *dst, size_t size)
{
    const struct kms_word_set *set = kms_word_set_find(set_name);
    kms_text_copy(dst, size, set ? kms_word_label(set, (int)number) : "unknown");
}

void kms_fact_print(const struct kms_fact *fact, char *dst, size_t size)
{
    const struct kms_fact_row *row = fact ? kms_fact_row(fact->id) : NULL;
    dst[0] = '\0';
    if (!row) {
        return;
    }
    switch (row->type) {
    case KMS_TYPE_TEXT:
        kms_text_copy(dst, size, fact->text ? fact->text : "");
        break;
    case KMS_TYPE_UINT:
    case KMS_TYPE_INT:
        kms_text_format(dst, size, "%lld", (long long)fact->number);
        break;
    case KMS_TYPE_BOOL:
        kms_text_copy(dst, size, fact->number ? "yes" : "no");
        break;
    case KMS_TYPE_WORD:
        print_word(row->unit, fact->number, dst, size);
        break;
    case KMS_TYPE_HRESULT:
        kms_text_format(dst, size, "0x%08X", (unsigned)fact->number);
        break;
    case KMS_TYPE_TIME:
        kms_date_text(dst, size, fact->number);
        break;
    }
}

bool kms_facts_equal(const struct kms_facts *a, const struct kms_facts *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        const struct kms_fact *x = &a->fact[i];
        const struct kms_fact *y = &b->fact[i];
        if (x->id != y->id || x->number != y->number || !kms_text_equal(x->text, y->text)) {
            return false;
        }
    }
    return true;
}
