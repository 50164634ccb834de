/* Reads and prints the block store. */
#include "agent/site_store.h"

#include "agent/site_print.h"
#include "base/bind.h"

#define DAY_MS INT64_C(86400000)

#define ROW(name, kind, member)                        \
    .section = "store", .key = (name), .type = (kind), \
    .offset = offsetof(struct kms_site_store, member), .given_offset = KMS_OPT_NO_GIVEN

static const struct kms_opt rows[] = {
    {ROW("history", KMS_OPT_DURATION, history_ms), .min = DAY_MS, .max = 3650 * DAY_MS,
     .preset = "400d", .arg = "TIME", .help = "hours of counts and requests are kept that long"},
    {ROW("size-max", KMS_OPT_BYTES, size_max), .min = INT64_C(4) << 20, .max = INT64_C(1) << 40,
     .preset = "512M", .arg = "SIZE", .help = "the oldest hours give way when the store is larger"},
    KMS_OPT_END,
};

static const struct kms_bind in_store = {rows, "store", NULL};

void kms_site_read_store(const struct kms_conf_node *block, struct kms_site_store *store,
                         struct kms_conf_errors *errors)
{
    if (kms_opts_preset(rows, store) != KMS_OK) {
        kms_conf_out_of_memory(errors);
    } else if (block) {
        kms_bind_apply(&in_store, block, store, errors);
    }
}

enum kms_status kms_site_print_store(const struct kms_site_store *store, struct kms_buf *buf)
{
    enum kms_status status = kms_buf_add_str(buf, "\nstore {\n");
    if (status == KMS_OK) {
        status = kms_site_print_rows(rows, "store", store, "    ", buf);
    }
    return status == KMS_OK ? kms_buf_add_str(buf, "}\n") : status;
}

enum kms_status kms_site_store_keys(struct kms_buf *buf)
{
    return kms_site_list_keys(&in_store, buf);
}
