/* One product of a report, from its first line to its last: a host key or not, and whole or not. */
#include "report/block.h"

#include "vocab/key_facts.h"

#define ALL_REQUESTS 0xFFU /* one bit for each of the eight lines */

/* /dlv all lists the host keys that could be installed, too; they are not in use. */
static bool is_host_key(const struct kms_block *product)
{
    if (product->host_block) {
        return true;
    }
    if (!product->host_channel || product->not_in_use) {
        return false;
    }
    int64_t status = KMS_LICENSE_UNLICENSED;
    kms_facts_number(&product->facts, KMS_FACT_LICENSE_STATUS, &status);
    return kms_facts_has(&product->facts, KMS_FACT_PARTIAL_KEY) || status != KMS_LICENSE_UNLICENSED;
}

static void find_gaps(struct kms_reading *r, const struct kms_block *product)
{
    if (r->incomplete != KMS_NO_LINE) {
        return;
    }
    if (product->host_block && !product->count_seen) {
        r->missing = "the host block ends before its count";
    } else if (product->host_block && !product->port_seen) {
        r->missing = "the host block ends before its port";
    } else if (product->requests_begun && product->requests != ALL_REQUESTS) {
        r->missing = "the list of requests is not complete";
    } else {
        return;
    }
    r->incomplete = product->last_line;
}

void kms_block_end(struct kms_reading *r)
{
    struct kms_report *report = r->report;
    struct kms_block *product = &r->product;
    if (!product->open) {
        return;
    }
    find_gaps(r, product);
    report->products += product->described || product->host_block;
    int index = -1;
    r->host_keys += is_host_key(product);
    if (is_host_key(product) && report->key_count < KMS_REPORT_KEYS_MAX) {
        kms_reading_keep(r, kms_key_facts_complete(&product->facts, &report->host));
        index = (int)report->key_count;
        report->key[report->key_count++] = product->facts;
        product->facts = (struct kms_facts){0};
    }
    kms_reading_settle_notes(report, index);
    bool licensed = true;
    int64_t status;
    const struct kms_facts *facts = index >= 0 ? &report->key[index] : &product->facts;
    if (kms_facts_number(facts, KMS_FACT_LICENSE_STATUS, &status)) {
        licensed = status == KMS_LICENSE_LICENSED;
    }
    kms_facts_done(&product->facts);
    r->last = *product;
    r->last.facts = (struct kms_facts){0};
    /* Windows leaves the block of an activated host key out only when it is no host at all. */
    r->last.status_seen = product->status_seen && (!licensed || product->host_block || index < 0);
    *product = (struct kms_block){0};
}

void kms_block_begin(struct kms_reading *r)
{
    kms_block_end(r);
    r->product.open = true;
}
