/* Products that a KMS client asks for, from data/products.csv and from rows that a site adds. */
#ifndef KMS_VOCAB_PRODUCT_H
#define KMS_VOCAB_PRODUCT_H

#include <stddef.h>
#include <stdint.h>

#include "base/guid.h"
#include "base/status.h"
#include "vocab/vocab.h"

#define KMS_PRODUCTS_MAX 2048 /* rows that a site may add */

struct kms_product {
    struct kms_guid application; /* selects the counter of the host */
    struct kms_guid counted;     /* what the host matches against its key */
    struct kms_guid sku;
    const char *name;     /* "Windows Server 2019" */
    const char *kind;     /* "volume", "retail", "preview" */
    const char *sku_name; /* "Windows Server 2019 Standard" */
    uint32_t protocol;    /* 4, 5 or 6 */
    uint32_t n_policy;    /* clients that it needs: 5 or 25 */
    const char *sources;  /* where the row was taken from */
};

/* A site's own rows; {0} is none. */
struct kms_products {
    struct kms_product *row; /* count of them; heap, with their texts in text */
    size_t count;
    char **text; /* heap: one block a row */
};

/* Rows of a CSV file with the columns of data/products.csv, found by their names in the first line;
 * application and note may be left out. Empty lines and lines that begin with # are passed over.
 * KMS_ESYNTAX with the line for a row that cannot be read or could not be asked for. ret is empty
 * on failure. */
enum kms_status kms_products_read(const char *bytes, size_t len, struct kms_products *ret,
                                  struct kms_fault *fault);
void kms_products_done(struct kms_products *products);

/* All compiled-in rows. */
const struct kms_product *kms_product_rows(size_t *ret_count);

/* By SKU name, product name, name of a host key, SKU id or counted id, ASCII case ignored; NULL
 * when nothing is named so. site is looked into first and may be NULL. Where a name or an id stands
 * for several SKUs it is the Standard, Enterprise or Professional Plus edition, else the first row.
 */
const struct kms_product *kms_product_find(const struct kms_products *site, const char *text);

/* NULL when a KMS host can be asked for it; else why not, as a sentence without its full stop. */
const char *kms_product_refusal(const struct kms_product *product);

/* Windows, Office 2010 or Office. */
enum kms_application kms_product_application(const struct kms_product *product);

/* Windows Server 2008 R2 Standard: version 4, and 5 clients. Hosts of every age serve it. */
const struct kms_product *kms_product_preset(void);
/* What hosts of every age serve of an application; NULL for an unknown one. */
const struct kms_product *kms_product_of_application(enum kms_application application);
/* What a host key of this name ("Windows Server 2008 R2 B (Standard & Enterprise)") certainly
 * serves; NULL when its generation is not known. */
const struct kms_product *kms_product_of_key(const char *key_name);
/* The same by the host's ePID. */
const struct kms_product *kms_product_of_epid(const char *epid);
/* A product of the same application, one protocol version back; NULL when there is none. */
const struct kms_product *kms_product_older(const struct kms_product *product);

#endif
