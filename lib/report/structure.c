/* Lines whose label is in no list get their kind from their place: slmgr prints the same order in
 * every language. */
#include "report/structure.h"

#include <string.h>

#include "base/text.h"
#include "report/fold.h"
#include "vocab/hostkey.h"

#define REQUEST_LINES 8

static void give(struct kms_line *line, enum kms_line_kind kind)
{
    line->kind = kind;
    line->by_structure = true;
}

static bool is_open(const struct kms_line *line)
{
    return line->kind == KMS_LINE_UNKNOWN;
}

static bool is_counter(const struct kms_line *line)
{
    return line->has_colon && line->is_number;
}

/* Descriptions are never translated: they end in their channel. */
static bool describes_product(const struct kms_lines *lines, const struct kms_line *line)
{
    static const char tail[] = " channel";
    char description[512];
    char channel[64];
    size_t len;
    const char *value = kms_line_value(lines, line, &len);
    if (!line->has_colon || len == 0) {
        return false;
    }
    kms_fold_plain(description, sizeof(description), value, len);
    size_t end = strlen(description);
    return end > strlen(tail) && kms_text_equal(description + end - strlen(tail), tail) &&
           kms_channel_of(description, channel, sizeof(channel));
}

static bool is_guid(const char *value, size_t len)
{
    if (len != 36) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        bool hex = (value[i] >= '0' && value[i] <= '9') || (value[i] >= 'a' && value[i] <= 'f') ||
                   (value[i] >= 'A' && value[i] <= 'F') || value[i] == 'x' || value[i] == 'X' ||
                   value[i] == '*';
        if (dash ? value[i] != '-' : !hex) {
            return false;
        }
    }
    return true;
}

static bool is_epid(const char *value, size_t len)
{
    char text[96];
    struct kms_epid epid;
    if (len >= sizeof(text)) {
        return false;
    }
    memcpy(text, value, len);
    text[len] = '\0';
    return kms_epid_parse(text, &epid);
}

/* The last five characters of a product key, blacked out or not. */
static bool is_partial_key(const char *value, size_t len)
{
    if (len != 5) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!((value[i] >= '0' && value[i] <= '9') || (value[i] >= 'A' && value[i] <= 'Z') ||
              value[i] == 'x' || value[i] == '*')) {
            return false;
        }
    }
    return true;
}

static bool is_error_code(const char *value, size_t len)
{
    uint32_t code;
    return len >= 10 && value[0] == '0' && (value[1] == 'x' || value[1] == 'X') &&
           kms_text_hex32(value + 2, 8, &code);
}

/* "243720 minutes (169 days)": a number and more. */
static bool is_duration(const struct kms_line *line, const char *value, size_t len)
{
    return len > 1 && value[0] >= '0' && value[0] <= '9' && !line->is_number &&
           memchr(value, '(', len) != NULL;
}

static bool is_moment(const char *value, size_t len)
{
    size_t digits = 0;
    size_t colons = 0;
    for (size_t i = 0; i < len; i++) {
        digits += value[i] >= '0' && value[i] <= '9';
        colons += value[i] == ':';
    }
    return len < 40 && digits >= 8 && colons >= 1;
}

static bool is_host_line(const struct kms_line *line)
{
    return line->kind >= KMS_LINE_ENABLED && line->kind <= KMS_LINE_REQ_NOTIFICATION;
}

/* A sentence without a value, then two numbers of which the second can be a port: how the host
 * block begins. */
static bool begins_host_block(const struct kms_lines *lines, size_t i)
{
    if (i + 2 >= lines->count) {
        return false;
    }
    const struct kms_line *line = &lines->line[i];
    bool sentence = line->kind == KMS_LINE_ENABLED || (is_open(line) && !line->has_colon);
    bool count = line[1].kind == KMS_LINE_COUNT || is_open(&line[1]);
    bool port = line[2].kind == KMS_LINE_PORT || is_open(&line[2]);
    bool ends = i + 3 == lines->count || !is_counter(&line[3]);
    return sentence && count && port && ends && is_counter(&line[1]) && is_counter(&line[2]) &&
           (line[2].is_none || line[2].number_value <= UINT16_MAX);
}

/* What the walk through one product has already met. */
struct place {
    bool in_product, activation, application, epid, partial, status, rearm;
    bool foreign; /* the labels of the product are in no list */
};

static void note_known(struct place *place, const struct kms_line *line)
{
    switch (line->kind) {
    case KMS_LINE_ACTIVATION_ID:
        place->activation = true;
        break;
    case KMS_LINE_APPLICATION_ID:
        place->application = true;
        break;
    case KMS_LINE_EPID:
        place->epid = true;
        break;
    case KMS_LINE_PARTIAL_KEY:
        place->partial = true;
        break;
    case KMS_LINE_STATUS:
        place->status = true;
        break;
    case KMS_LINE_REARM:
        place->rearm = true;
        break;
    default:
        break;
    }
}

static void place_product_line(const struct kms_lines *lines, struct place *place,
                               struct kms_line *line)
{
    size_t len;
    const char *value = kms_line_value(lines, line, &len);
    if (is_guid(value, len) && !place->application) {
        give(line, place->activation ? KMS_LINE_APPLICATION_ID : KMS_LINE_ACTIVATION_ID);
    } else if (!place->epid && is_epid(value, len)) {
        give(line, KMS_LINE_EPID);
    } else if (!place->partial && is_partial_key(value, len)) {
        give(line, KMS_LINE_PARTIAL_KEY);
    } else if (place->partial && !place->status && !line->is_number && len > 0) {
        give(line, KMS_LINE_STATUS);
    } else if (place->status && is_error_code(value, len)) {
        give(line, KMS_LINE_REASON);
    } else if (place->status && !place->rearm && is_duration(line, value, len)) {
        give(line, KMS_LINE_EXPIRES);
    } else if (place->status && is_moment(value, len)) {
        give(line, KMS_LINE_TRUSTED_TIME);
    }
}

/* "10.0.17763.5328": four numbers with dots between them. */
static bool is_version(const char *value, size_t len)
{
    size_t dots = 0;
    for (size_t i = 0; i < len; i++) {
        dots += value[i] == '.';
        if (value[i] != '.' && (value[i] < '0' || value[i] > '9')) {
            return false;
        }
    }
    return dots == 3 && len < 24;
}

static void place_version(const struct kms_lines *lines, struct kms_line *line)
{
    size_t len;
    const char *value = kms_line_value(lines, line, &len);
    if (line->has_colon && is_version(value, len)) {
        give(line, KMS_LINE_SERVICE_VERSION);
    }
}

/* The line above a description is the name; the label of either may be listed. */
static void place_name(struct kms_lines *lines, size_t i)
{
    if (i + 1 >= lines->count) {
        return;
    }
    struct kms_line *name = &lines->line[i];
    struct kms_line *description = name + 1;
    bool named = name->kind == KMS_LINE_NAME || (is_open(name) && name->has_colon);
    bool described = description->kind == KMS_LINE_DESCRIPTION || is_open(description);
    if (!named || !described || !describes_product(lines, description)) {
        return;
    }
    if (is_open(name)) {
        give(name, KMS_LINE_NAME);
    }
    if (is_open(description)) {
        give(description, KMS_LINE_DESCRIPTION);
    }
}

static void place_product_lines(struct kms_lines *lines)
{
    struct place place = {0};
    for (size_t i = 0; i < lines->count; i++) {
        struct kms_line *line = &lines->line[i];
        place_name(lines, i);
        if (is_open(line) && !place.in_product) {
            place_version(lines, line);
        }
        if (line->kind == KMS_LINE_NAME) {
            place = (struct place){.in_product = true, .foreign = line->by_structure};
        } else if (is_open(line) && place.in_product && line->has_colon) {
            place_product_line(lines, &place, line);
        } else if (is_open(line) && place.foreign && !place.partial && !place.status &&
                   !begins_host_block(lines, i)) {
            /* A sentence where the partial key would be: the product is not in use. */
            give(line, KMS_LINE_NOT_IN_USE);
            place.partial = true;
        }
        note_known(&place, line);
    }
}

static void place_host_lines(struct kms_lines *lines)
{
    bool in_product = false;
    for (size_t i = 0; i < lines->count; i++) {
        struct kms_line *line = &lines->line[i];
        in_product = in_product || line->kind == KMS_LINE_DESCRIPTION;
        if (in_product && begins_host_block(lines, i)) {
            for (size_t k = 0; k < 3; k++) {
                if (is_open(&line[k])) {
                    give(&line[k], (enum kms_line_kind)(KMS_LINE_ENABLED + k));
                }
            }
        }
    }
}

/* A run fits when it has all eight lines and no label contradicts their order. Says whether it has
 * labels at all. */
static bool run_has_labels(const struct kms_line *run, size_t count, bool *ret_fits)
{
    bool known = false;
    *ret_fits = count == REQUEST_LINES;
    for (size_t i = 0; i < count; i++) {
        if (is_open(&run[i])) {
            continue;
        }
        known = true;
        if ((size_t)run[i].kind != KMS_LINE_REQ_TOTAL + i) {
            *ret_fits = false;
        }
    }
    return known;
}

/* The requests: numbers one after the other, behind a host block. A run that the end of the text
 * cuts keeps its order, so that what is missing is seen. */
static void place_request_lines(struct kms_lines *lines)
{
    bool in_host = false;
    for (size_t i = 0; i < lines->count; i++) {
        struct kms_line *line = &lines->line[i];
        in_host = line->kind == KMS_LINE_NAME ? false : in_host || line->kind == KMS_LINE_PORT;
        bool starts = line->kind == KMS_LINE_REQ_TOTAL || is_open(line);
        if (!in_host || !starts || !is_counter(line)) {
            continue;
        }
        size_t count = 0;
        while (count < REQUEST_LINES && i + count < lines->count && is_counter(&line[count]) &&
               (is_open(&line[count]) || is_host_line(&line[count]))) {
            count++;
        }
        bool fits;
        bool known = run_has_labels(line, count, &fits);
        bool cut = i + count == lines->count && count > 0 && !known;
        if (fits || cut) {
            for (size_t k = 0; k < count; k++) {
                if (is_open(&line[k])) {
                    give(&line[k], (enum kms_line_kind)(KMS_LINE_REQ_TOTAL + k));
                }
            }
        }
        i += count > 0 ? count - 1 : 0;
    }
}

/* Behind the status and before the host block, the first bare number is the rearm count of Windows.
 */
static void place_rearm_lines(struct kms_lines *lines)
{
    bool wanted = false;
    for (size_t i = 0; i < lines->count; i++) {
        struct kms_line *line = &lines->line[i];
        if (line->kind == KMS_LINE_STATUS) {
            wanted = true;
        } else if (line->kind == KMS_LINE_NAME || line->kind == KMS_LINE_REARM ||
                   is_host_line(line)) {
            wanted = false;
        } else if (wanted && is_open(line) && is_counter(line) && line[-1].by_structure) {
            give(line, KMS_LINE_REARM);
            wanted = false;
        }
    }
}

void kms_structure_apply(struct kms_lines *lines)
{
    place_product_lines(lines);
    place_host_lines(lines);
    place_request_lines(lines);
    place_rearm_lines(lines);
}
