/* Which product a KMS host is asked for. */
#include "vocab/product.h"

#include <string.h>

#include "base/text.h"
#include "vocab/hostkey.h"

static const struct kms_product rows[] = {
#include "products.inc"
};

struct generation_row {
    const char *key_name;
    const char *sku_name;
};

static const struct generation_row generations[] = {
#define KMS_GENERATION(key_name, sku_name) {key_name, sku_name},
#include "vocab/generation.def"
#undef KMS_GENERATION
};

struct step_row {
    enum kms_application application;
    uint32_t protocol;
    const char *sku_name;
};

/* What an application is asked for where nothing better is known, and one version of the protocol
 * back, oldest first; all need 5 clients. */
static const struct step_row steps[] = {
    {KMS_APPLICATION_WINDOWS, 4, "Windows Server 2008 R2 Standard"},
    {KMS_APPLICATION_WINDOWS, 5, "Windows Server 2012 Standard"},
    {KMS_APPLICATION_OFFICE2010, 4, "Office Professional Plus 2010"},
    {KMS_APPLICATION_OFFICE, 5, "Office Professional Plus 2013"},
};

const struct kms_product *kms_product_rows(size_t *ret_count)
{
    *ret_count = KMS_COUNT_OF(rows);
    return rows;
}

static const struct kms_product *find_sku(const struct kms_product *row, size_t count,
                                          const char *sku_name)
{
    for (size_t i = 0; i < count; i++) {
        if (kms_text_equal_nocase(row[i].sku_name, sku_name)) {
            return &row[i];
        }
    }
    return NULL;
}

/* By the name as the tables here write it. */
static const struct kms_product *compiled(const char *sku_name)
{
    for (size_t i = 0; i < KMS_COUNT_OF(rows); i++) {
        if (kms_text_equal(rows[i].sku_name, sku_name)) {
            return &rows[i];
        }
    }
    return NULL;
}

static bool ends_in(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t end_len = strlen(end);
    return len >= end_len && kms_text_equal_nocase(text + (len - end_len), end);
}

/* How well an edition stands for its product: 0 not at all. Embedded Standard is no server. */
static int standing(const struct kms_product *product)
{
    if (ends_in(product->sku_name, " Standard") && strstr(product->sku_name, "Server")) {
        return 3;
    }
    if (ends_in(product->sku_name, " Enterprise")) {
        return 2;
    }
    return strstr(product->sku_name, "Professional Plus") ? 1 : 0;
}

/* Of two editions of one kind the plain one, which is not "MultiPoint" or "Embedded Industry". */
static bool stands_better(const struct kms_product *a, const struct kms_product *b)
{
    if (standing(a) != standing(b)) {
        return standing(a) > standing(b);
    }
    return standing(a) > 0 && strlen(a->sku_name) < strlen(b->sku_name);
}

struct names {
    const char *name;            /* of a product, or NULL */
    const struct kms_guid *guid; /* a SKU or counted id, or NULL */
};

static bool is_meant(const struct kms_product *product, const struct names *by)
{
    return by->guid ? kms_guid_equal(&product->counted, by->guid)
                    : kms_text_equal_nocase(product->name, by->name);
}

static const struct kms_product *find_best(const struct kms_product *row, size_t count,
                                           const struct names *by)
{
    const struct kms_product *best = NULL;
    for (size_t i = 0; i < count; i++) {
        if (is_meant(&row[i], by) && (!best || stands_better(&row[i], best))) {
            best = &row[i];
        }
    }
    return best;
}

static const struct kms_product *find_in(const struct kms_product *row, size_t count,
                                         const char *text)
{
    struct kms_guid guid;
    if (!kms_guid_parse(text, &guid)) {
        const struct kms_product *sku = find_sku(row, count, text);
        return sku ? sku : find_best(row, count, &(struct names){.name = text});
    }
    for (size_t i = 0; i < count; i++) {
        if (kms_guid_equal(&row[i].sku, &guid)) {
            return &row[i];
        }
    }
    return find_best(row, count, &(struct names){.guid = &guid});
}

const struct kms_product *kms_product_find(const struct kms_products *site, const char *text)
{
    const struct kms_product *found = site ? find_in(site->row, site->count, text) : NULL;
    found = found ? found : find_in(rows, KMS_COUNT_OF(rows), text);
    for (size_t i = 0; !found && i < KMS_COUNT_OF(generations); i++) {
        if (kms_text_equal_nocase(generations[i].key_name, text)) {
            found = compiled(generations[i].sku_name);
        }
    }
    return found;
}

const char *kms_product_refusal(const struct kms_product *product)
{
    if (!kms_text_equal_nocase(product->kind, "volume")) {
        return "a KMS host refuses retail and preview products";
    }
    if (product->protocol < 4 || product->protocol > 6) {
        return "the KMS protocol has versions 4, 5 and 6";
    }
    if (product->n_policy != 5 && product->n_policy != 25) {
        return "a product needs 5 or 25 clients; any other number may harm the host";
    }
    if (kms_product_application(product) == KMS_APPLICATION_UNKNOWN) {
        return "its application is not Windows, Office 2010 or Office";
    }
    return NULL;
}

enum kms_application kms_product_application(const struct kms_product *product)
{
    char text[KMS_GUID_TEXT];
    kms_guid_text(&product->application, text);
    return kms_application_of(text);
}

const struct kms_product *kms_product_of_application(enum kms_application application)
{
    for (size_t i = 0; i < KMS_COUNT_OF(steps); i++) {
        if (steps[i].application == application) {
            return compiled(steps[i].sku_name);
        }
    }
    return NULL;
}

const struct kms_product *kms_product_preset(void)
{
    return kms_product_of_application(KMS_APPLICATION_WINDOWS);
}

const struct kms_product *kms_product_older(const struct kms_product *product)
{
    enum kms_application application = kms_product_application(product);
    for (size_t i = 0; i < KMS_COUNT_OF(steps); i++) {
        if (steps[i].application == application && steps[i].protocol + 1 == product->protocol) {
            return compiled(steps[i].sku_name);
        }
    }
    return NULL;
}

const struct kms_product *kms_product_of_key(const char *key_name)
{
    for (size_t i = 0; i < KMS_COUNT_OF(generations); i++) {
        if (kms_text_starts(key_name, generations[i].key_name)) {
            return compiled(generations[i].sku_name);
        }
    }
    return NULL;
}

const struct kms_product *kms_product_of_epid(const char *epid)
{
    struct kms_key_kind kind;
    bool known = kms_key_kind_of(KMS_APPLICATION_UNKNOWN, NULL, epid, &kind) && kind.name;
    return known ? kms_product_of_key(kind.name) : NULL;
}
