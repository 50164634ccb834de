/* Fuzz harness of the products that a site adds: whatever is taken may be asked for. */
#include <stdint.h>
#include <stdlib.h>

#include "fuzz/fuzz.h"
#include "vocab/product.h"

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct kms_products site;
    struct kms_fault fault = {.text = ""};
    if (kms_products_read((const char *)bytes, len, &site, &fault) != KMS_OK) {
        require(site.count == 0 && site.row == NULL && fault.text[0] != '\0');
        return 0;
    }
    require(site.count <= KMS_PRODUCTS_MAX);
    for (size_t i = 0; i < site.count; i++) {
        require(kms_product_refusal(&site.row[i]) == NULL);
        require(site.row[i].n_policy == 5 || site.row[i].n_policy == 25);
        (void)kms_product_find(&site, site.row[i].sku_name);
    }
    kms_products_done(&site);
    return 0;
}
