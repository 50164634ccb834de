/* kmsmonClassTable: one row per host and class of clients that it serves or should serve. */
#include "agent/mib_table.h"

#include <string.h>

enum judged { NAME, KEY_INDEX, REQUIRED, HEADROOM, VERDICT, REASONS, WANTED };

static uint32_t key_index(const struct kms_judgement *judgement, int key)
{
    return key >= 0 && (size_t)key < judgement->key_count ? judgement->key[key].index : 0;
}

/* "Windows Server editions": what the vocabulary says of the class before it comes to the
 * threshold. */
static bool class_name(int cls, struct kms_mib_value *ret)
{
    char name[KMS_MIB_TEXT_MAX + 1];
    (void)kms_text_copy(name, sizeof name, kms_word_meaning(kms_words_client_class(), cls));
    name[strcspn(name, ":")] = '\0';
    return kms_mib_text(ret, name);
}

static bool get_judged(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    const struct kms_class_judgement *cls = &view->snapshot->judgement.cls[view->index[1]];
    switch ((enum judged)what) {
    case NAME:
        return class_name((int)cls->client_class, ret);
    case KEY_INDEX:
        return kms_mib_number(ret, key_index(&view->snapshot->judgement, cls->key));
    case REQUIRED:
        return kms_mib_number(ret, cls->required);
    case HEADROOM:
        return cls->headroom_known && kms_mib_number(ret, cls->headroom);
    case VERDICT:
        return kms_mib_number(ret, cls->verdict);
    case REASONS:
        return kms_mib_bits(ret, cls->reasons, kms_words_reason());
    case WANTED:
        return kms_mib_truth(ret, cls->wanted);
    }
    return false;
}

static const struct kms_mib_column columns[] = {
    {2, ASN_OCTET_STR, NAME, get_judged},    {3, ASN_UNSIGNED, KEY_INDEX, get_judged},
    {4, ASN_UNSIGNED, REQUIRED, get_judged}, {5, ASN_INTEGER, HEADROOM, get_judged},
    {6, ASN_INTEGER, VERDICT, get_judged},   {7, ASN_OCTET_STR, REASONS, get_judged},
    {8, ASN_INTEGER, WANTED, get_judged},    {9, ASN_GAUGE, 0, NULL}, /* Runway */
};

static void lay_out(const struct kms_snapshot *snapshot, size_t slot, struct kms_mib_rows *rows)
{
    for (uint32_t cls = 1; cls <= KMS_CLASS_MAX; cls++) {
        if (snapshot->judgement.cls[cls].present) {
            kms_mib_rows_add(rows, slot, 0, snapshot->index, cls);
        }
    }
}

static bool find(struct kms_mib_view *view)
{
    return view->snapshot->judgement.cls[view->index[1]].present;
}

const struct kms_mib_table kms_mib_class_table = {.number = 4,
                                                  .index_len = 2,
                                                  .column = columns,
                                                  .column_count = KMS_COUNT_OF(columns),
                                                  .lay_out = lay_out,
                                                  .find = find};
