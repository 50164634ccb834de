/* Reads and prints the block activation of a host and the file of the site's own products. */
#include "agent/site_activation.h"

#include <errno.h>
#include <string.h>

#include "base/bind.h"
#include "agent/site_check.h"
#include "agent/site_print.h"
#include "base/file.h"
#include "base/text.h"

#define MINUTE_MS         INT64_C(60000)
#define DAY_MS            INT64_C(86400000)
#define PRODUCTS_FILE_MAX ((size_t)2 << 20)
#define NEAR              3 /* letters that may be wrong in a name for which another one is suggested */

#define ROW(name, kind, member)                                  \
    .section = "host.activation", .key = (name), .type = (kind), \
    .offset = offsetof(struct kms_source_config, member), .given_offset = KMS_OPT_NO_GIVEN

static const struct kms_opt rows[] = {
    {ROW("product", KMS_OPT_TEXT, product), .arg = "NAME",
     .help =
         "what is asked for, by a name or id of a product; default: what the host's key serves"},
    {ROW("interval", KMS_OPT_DURATION, interval_ms), .min = 15 * MINUTE_MS, .max = DAY_MS,
     .preset = "30m", .arg = "TIME", .help = "least time between two activation requests"},
    {ROW("timeout", KMS_OPT_DURATION, timeout_ms), .min = 100, .max = 10 * MINUTE_MS,
     .preset = "10s", .arg = "TIME", .help = "the request must have been answered after this long"},
    KMS_OPT_END,
};

static const struct kms_bind in_activation = {rows, "host.activation", NULL};

/* ---- products ---- */

static void refuse_file(const struct kms_conf_node *root, const char *path, enum kms_status status,
                        int error, struct kms_conf_errors *errors)
{
    if (status == KMS_ENOMEM) {
        kms_conf_out_of_memory(errors);
        return;
    }
    char wrong[200];
    const char *why = status == KMS_EINVAL      ? "it is no regular file"
                      : status == KMS_ENOTFOUND ? "No such file or directory"
                      : status == KMS_ETOOBIG   ? "it is larger than 2 MiB"
                      : status == KMS_EIO       ? strerrordesc_np(error)
                                                : kms_status_text(status);
    kms_text_format(wrong, sizeof wrong,
                    "cannot be read (%s); allowed: a CSV file with the columns of products.csv",
                    why);
    kms_bind_wrong(root, "products", path, wrong, errors);
}

/* The fault says "line 3: ..." and its offset is that line. */
static void refuse_row(const char *path, const struct kms_fault *fault,
                       struct kms_conf_errors *errors)
{
    const char *colon = strchr(fault->text, ':');
    const char *what = colon && colon[1] == ' ' ? colon + 2 : fault->text;
    kms_conf_error(errors, path, (unsigned)fault->offset, "%s", what);
}

void kms_site_read_products(const struct kms_conf_node *root, const char *path,
                            struct kms_products *products, struct kms_conf_errors *errors)
{
    size_t before = errors->count;
    kms_site_check_path(root, "products", path, errors);
    if (!path || errors->count != before) {
        return;
    }
    struct kms_buf text;
    struct kms_fault fault = {.text = ""};
    int error = 0;
    kms_buf_init(&text, PRODUCTS_FILE_MAX);
    enum kms_status status = kms_file_read(path, &text, NULL, &error);
    if (status != KMS_OK) {
        refuse_file(root, path, status, error, errors);
    } else {
        status = kms_products_read(kms_buf_str(&text), text.len, products, &fault);
        if (status == KMS_ENOMEM) {
            kms_conf_out_of_memory(errors);
        } else if (status != KMS_OK) {
            refuse_row(path, &fault, errors);
        }
    }
    kms_buf_done(&text);
}

static void consider(const char *wanted, const char *name, const char **best, size_t *best_distance)
{
    size_t distance = kms_bind_distance(wanted, name);
    if (distance < *best_distance) {
        *best = name;
        *best_distance = distance;
    }
}

static void consider_rows(const char *wanted, const struct kms_product *row, size_t count,
                          const char **best, size_t *best_distance)
{
    for (size_t i = 0; i < count; i++) {
        consider(wanted, row[i].name, best, best_distance);
        consider(wanted, row[i].sku_name, best, best_distance);
    }
}

/* The product that was probably meant; NULL: none is near. */
static const char *nearest(const struct kms_products *products, const char *wanted)
{
    const char *best = NULL;
    size_t best_distance = NEAR + 1;
    size_t count;
    const struct kms_product *known = kms_product_rows(&count);
    consider_rows(wanted, products->row, products->count, &best, &best_distance);
    consider_rows(wanted, known, count, &best, &best_distance);
    return best;
}

static void check_product(const struct kms_conf_node *block, const struct kms_products *products,
                          const char *name, struct kms_conf_errors *errors)
{
    if (!name) {
        return;
    }
    char wrong[320];
    const struct kms_product *product = kms_product_find(products, name);
    if (!product) {
        const char *near = nearest(products, name);
        kms_text_format(wrong, sizeof wrong,
                        "is no product that is known%s%.80s%s; allowed: a name such as 'Windows "
                        "Server 2019', an id, or a product of the file that products names",
                        near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
        kms_bind_wrong(block, "product", name, wrong, errors);
        return;
    }
    const char *refusal = kms_product_refusal(product);
    if (refusal) {
        kms_text_format(wrong, sizeof wrong, "cannot be asked for: %s; allowed: volume products",
                        refusal);
        kms_bind_wrong(block, "product", name, wrong, errors);
    }
}

/* ---- the block ---- */

void kms_site_read_activation(const struct kms_conf_node *block,
                              const struct kms_products *products, struct kms_source_config *source,
                              struct kms_conf_errors *errors)
{
    source->enabled = true;
    if (kms_opts_preset(rows, source) != KMS_OK) {
        kms_conf_out_of_memory(errors);
        return;
    }
    kms_bind_apply(&in_activation, block, source, errors);
    check_product(block, products, source->product, errors);
}

enum kms_status kms_site_print_activation(const struct kms_source_config *source,
                                          struct kms_buf *buf)
{
    if (!source->enabled) {
        return KMS_OK;
    }
    enum kms_status status = kms_buf_add_str(buf, "    activation {\n");
    if (status == KMS_OK) {
        status = kms_site_print_rows(rows, "host.activation", source, "        ", buf);
    }
    return status == KMS_OK ? kms_buf_add_str(buf, "    }\n") : status;
}

enum kms_status kms_site_activation_keys(struct kms_buf *buf)
{
    return kms_site_list_keys(&in_activation, buf);
}
