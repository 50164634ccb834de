/* What one line of a report says, as facts about the host and the product that it is part of. */
#include "report/line_facts.h"

#include <string.h>

#include "base/text.h"
#include "report/block.h"
#include "report/moment.h"
#include "vocab/hostkey.h"

#define KMS_PORT 1688

/* Lower case, blacked-out digits as x. */
static void put_guid(struct kms_reading *r, enum kms_fact_id id, const struct kms_line *line)
{
    char text[64];
    kms_reading_value(r, line, text, sizeof(text));
    for (char *c = text; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z') {
            *c = (char)(*c + ('a' - 'A'));
        } else if (*c == '*') {
            *c = 'x';
        }
    }
    kms_reading_put_text(r, &r->product.facts, id, text);
}

static void put_counter(struct kms_reading *r, enum kms_fact_id id, const struct kms_line *line)
{
    if (line->is_number && !line->is_none) {
        kms_reading_put_number(r, &r->product.facts, id, line->number_value);
    }
}

/* The number a value begins with: "120 minutes", "243720 minute(s) (169 day(s))". */
static void put_leading_number(struct kms_reading *r, enum kms_fact_id id,
                               const struct kms_line *line)
{
    size_t len;
    const char *value = kms_line_value(&r->lines, line, &len);
    size_t digits = 0;
    uint64_t number;
    while (digits < len && value[digits] >= '0' && value[digits] <= '9') {
        digits++;
    }
    if (kms_text_u64_len(value, digits, &number) && number < UINT32_MAX) {
        kms_reading_put_number(r, &r->product.facts, id, (int64_t)number);
    }
}

static void meet_client(struct kms_reading *r, size_t index)
{
    if (!r->client_seen) {
        r->client_seen = true;
        r->client_at = index;
    }
}

static void read_description(struct kms_reading *r, const struct kms_line *line)
{
    char text[512];
    char channel[64];
    if (r->product.described) {
        kms_block_begin(r);
    }
    r->product.open = true;
    kms_reading_value(r, line, text, sizeof(text));
    kms_reading_put_text(r, &r->product.facts, KMS_FACT_KEY_DESCRIPTION, text);
    if (!kms_channel_of(text, channel, sizeof(channel))) {
        return;
    }
    r->product.described = true;
    r->product.host_channel = kms_channel_is_host(channel);
    r->product.client_channel = kms_channel_is_client(channel);
    r->product.described_at = (size_t)(line - r->lines.line);
    if (r->product.client_channel) {
        meet_client(r, r->product.described_at);
    }
    kms_reading_put_text(r, &r->product.facts, KMS_FACT_KEY_CHANNEL, channel);
}

/* Is this the word of another status than the one that was read? Unlisted words (-1) are compared
 * as text. */
static bool says_otherwise(const struct kms_reading *r, const struct kms_line *line, int status)
{
    char word[512];
    int64_t before = -1;
    const char *first = kms_facts_text(&r->product.facts, KMS_FACT_LICENSE_WORD);
    kms_facts_number(&r->product.facts, KMS_FACT_LICENSE_STATUS, &before);
    kms_reading_value(r, line, word, sizeof(word));
    return status != before || (status < 0 && (!first || strcmp(first, word) != 0));
}

static void read_status(struct kms_reading *r, const struct kms_line *line)
{
    size_t len;
    const char *word = kms_line_value(&r->lines, line, &len);
    int status;
    if (len == 0) {
        return;
    }
    bool known = kms_label_status(r->book, word, len, &status) ||
                 kms_status_words_find(&r->learned, word, len, &status);
    if (r->product.status_seen && says_otherwise(r, line, known ? status : -1)) {
        r->product.status_unsure = true;
        kms_facts_remove(&r->product.facts, KMS_FACT_LICENSE_STATUS);
    }
    r->product.status_seen = true;
    kms_reading_put_value(r, &r->product.facts, KMS_FACT_LICENSE_WORD, line);
    if (known && !r->product.status_unsure) {
        kms_reading_put_number(r, &r->product.facts, KMS_FACT_LICENSE_STATUS, status);
    }
}

static void read_reason(struct kms_reading *r, const struct kms_line *line)
{
    uint32_t code;
    if (kms_line_code(&r->lines, line, &code)) {
        kms_reading_put_number(r, &r->product.facts, KMS_FACT_LICENSE_REASON, code);
    }
}

static void read_trusted_time(struct kms_reading *r, const struct kms_line *line)
{
    size_t len;
    int64_t when;
    const char *value = kms_line_value(&r->lines, line, &len);
    if (len == 0) {
        return;
    }
    if (kms_moment_read(value, len, r->is_english, &when) == KMS_MOMENT_SURE) {
        kms_reading_put_number(r, &r->report->host, KMS_FACT_TRUSTED_TIME, when);
    } else {
        kms_reading_note(r, line);
    }
}

static void read_port(struct kms_reading *r, const struct kms_line *line)
{
    r->product.port_seen = true;
    if (line->is_number && !line->is_none && line->number_value <= UINT16_MAX) {
        kms_reading_put_number(r, &r->report->host, KMS_FACT_LISTENING_PORT,
                               line->number_value == 0 ? KMS_PORT : line->number_value);
    }
}

static void read_request(struct kms_reading *r, const struct kms_line *line)
{
    static const enum kms_fact_id facts[] = {KMS_FACT_TOTAL_REQUESTS,
                                             KMS_FACT_FAILED_REQUESTS,
                                             KMS_FACT_REQUESTS_UNLICENSED,
                                             KMS_FACT_REQUESTS_LICENSED,
                                             KMS_FACT_REQUESTS_OOB_GRACE,
                                             KMS_FACT_REQUESTS_OOT_GRACE,
                                             KMS_FACT_REQUESTS_NON_GENUINE_GRACE,
                                             KMS_FACT_REQUESTS_NOTIFICATION};
    unsigned at = (unsigned)(line->kind - KMS_LINE_REQ_TOTAL);
    r->product.requests_begun = true;
    r->product.requests |= line->is_number ? 1U << at : 0;
    put_counter(r, facts[at], line);
}

static void read_host_line(struct kms_reading *r, const struct kms_line *line)
{
    struct kms_block *product = &r->product;
    struct kms_facts *host = &r->report->host;
    product->open = true;
    product->host_block = true;
    r->by_structure = r->by_structure || (line->by_structure && line->is_number);
    switch (line->kind) {
    case KMS_LINE_COUNT:
        product->count_seen = line->is_number || line->value < line->len;
        put_counter(r, KMS_FACT_CURRENT_COUNT, line);
        break;
    case KMS_LINE_PORT:
        read_port(r, line);
        break;
    case KMS_LINE_DNS_ON:
        kms_reading_put_number(r, host, KMS_FACT_DNS_PUBLISHING, KMS_PUBLISHING_ENABLED);
        break;
    case KMS_LINE_DNS_OFF:
        kms_reading_put_number(r, host, KMS_FACT_DNS_PUBLISHING, KMS_PUBLISHING_DISABLED);
        break;
    case KMS_LINE_PRIORITY_NORMAL:
        kms_reading_put_number(r, host, KMS_FACT_PRIORITY, KMS_PRIORITY_NORMAL);
        break;
    case KMS_LINE_PRIORITY_LOW:
        kms_reading_put_number(r, host, KMS_FACT_PRIORITY, KMS_PRIORITY_LOW);
        break;
    case KMS_LINE_HEADING:
        product->requests_begun = true;
        break;
    case KMS_LINE_PRIORITY:
        kms_reading_note(r, line);
        break;
    case KMS_LINE_ENABLED:
        break;
    default:
        read_request(r, line);
        break;
    }
}

static void read_product_line(struct kms_reading *r, const struct kms_line *line)
{
    struct kms_facts *facts = &r->product.facts;
    switch (line->kind) {
    case KMS_LINE_NAME:
        kms_block_begin(r);
        kms_reading_put_value(r, facts, KMS_FACT_KEY_NAME, line);
        break;
    case KMS_LINE_DESCRIPTION:
        read_description(r, line);
        break;
    case KMS_LINE_ACTIVATION_ID:
        put_guid(r, KMS_FACT_ACTIVATION_ID, line);
        break;
    case KMS_LINE_APPLICATION_ID:
        put_guid(r, KMS_FACT_APPLICATION_ID, line);
        break;
    case KMS_LINE_EPID:
        kms_reading_put_value(r, facts, KMS_FACT_EPID, line);
        break;
    case KMS_LINE_PARTIAL_KEY:
        kms_reading_put_value(r, facts, KMS_FACT_PARTIAL_KEY, line);
        break;
    case KMS_LINE_NOT_IN_USE:
        r->product.not_in_use = true;
        break;
    case KMS_LINE_STATUS:
        read_status(r, line);
        break;
    case KMS_LINE_EXPIRES:
        put_leading_number(r, KMS_FACT_LICENSE_EXPIRES, line);
        break;
    case KMS_LINE_REASON:
        read_reason(r, line);
        break;
    case KMS_LINE_REARM:
        put_counter(r, KMS_FACT_REARM_COUNT, line);
        break;
    case KMS_LINE_ACTIVATION_INTERVAL:
        put_leading_number(r, KMS_FACT_ACTIVATION_INTERVAL, line);
        break;
    case KMS_LINE_RENEWAL_INTERVAL:
        put_leading_number(r, KMS_FACT_RENEWAL_INTERVAL, line);
        break;
    default:
        break;
    }
}

void kms_line_facts(struct kms_reading *r, size_t index)
{
    const struct kms_line *line = &r->lines.line[index];
    switch (line->kind) {
    case KMS_LINE_UNKNOWN:
        /* Without a colon and before the first product: the banner of cscript. */
        if (line->has_colon || r->product.open) {
            kms_reading_note(r, line);
        }
        break;
    case KMS_LINE_IGNORED:
    case KMS_LINE_ERROR:
        break;
    case KMS_LINE_CLIENT:
        meet_client(r, index);
        break;
    case KMS_LINE_SERVICE_VERSION:
        kms_reading_put_value(r, &r->report->host, KMS_FACT_SERVICE_VERSION, line);
        break;
    case KMS_LINE_TRUSTED_TIME:
        read_trusted_time(r, line);
        break;
    default:
        if (line->kind >= KMS_LINE_ENABLED && line->kind <= KMS_LINE_REQ_NOTIFICATION) {
            read_host_line(r, line);
        } else {
            read_product_line(r, line);
        }
        break;
    }
    r->product.last_line = index;
}
