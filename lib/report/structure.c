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

static bool is_sentence(const struct kms_line *line)
{
    return is_open(line) && !line->has_colon;
}

static bool is_port(const struct kms_line *line)
{
    return line->kind == KMS_LINE_PORT ||
           (is_open(line) && line->number_value >= 1 && line->number_value <= UINT16_MAX);
}

/* A sentence without a value, two numbers of which the second can be a port, and a sentence again:
 * how the host block begins. The end of the text may stand for the second sentence. */
static bool begins_host_block(const struct kms_lines *lines, size_t i)
{
    if (i + 2 >= lines->count) {
        return false;
    }
    const struct kms_line *line = &lines->line[i];
    bool sentence = line->kind == KMS_LINE_ENABLED || is_sentence(line);
    bool count = line[1].kind == KMS_LINE_COUNT || is_open(&line[1]);
    bool ends = i + 3 == lines->count || line[3].kind == KMS_LINE_DNS_ON ||
                line[3].kind == KMS_LINE_DNS_OFF || is_sentence(&line[3]);
    return sentence && count && ends && is_counter(&line[1]) && is_counter(&line[2]) &&
           is_port(&line[2]);
}

/* What the walk through one product has already met. */
struct place {
    bool in_product, activation, application, epid, partial, status, rearm;
    bool status_elsewhere; /* a label says which line of the product it is */
    bool foreign;          /* the labels of the product are in no list */
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
    } else if (place->partial && !place->status && !place->status_elsewhere && !line->is_number &&
               len > 0) {
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

static bool has_labelled_status(const struct kms_lines *lines, size_t begin)
{
    for (size_t i = begin; i < lines->count && lines->line[i].kind != KMS_LINE_NAME; i++) {
        if (lines->line[i].kind == KMS_LINE_STATUS) {
            return true;
        }
    }
    return false;
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
            place.status_elsewhere = has_labelled_status(lines, i + 1);
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

/* The lines of one product: [begin, end). */
struct span {
    size_t begin, end;
};

/* A product begins with its name, or with its description where the name is missing. */
static struct span next_product(const struct kms_lines *lines, size_t begin)
{
    bool described = false;
    size_t end = begin;
    for (; end < lines->count; end++) {
        enum kms_line_kind kind = lines->line[end].kind;
        if (end > begin && (kind == KMS_LINE_NAME || kind == KMS_LINE_SERVICE_VERSION ||
                            (kind == KMS_LINE_DESCRIPTION && described))) {
            break;
        }
        described = described || kind == KMS_LINE_DESCRIPTION;
    }
    return (struct span){begin, end};
}

static bool has_kind(const struct kms_lines *lines, struct span span, enum kms_line_kind kind)
{
    for (size_t i = span.begin; i < span.end; i++) {
        if (lines->line[i].kind == kind) {
            return true;
        }
    }
    return false;
}

/* Gives the open lines of a run their kinds, but none that another line's label has. */
static void give_run(struct kms_lines *lines, struct span span, struct span run,
                     enum kms_line_kind first)
{
    for (size_t i = run.begin; i < run.end; i++) {
        enum kms_line_kind kind = (enum kms_line_kind)(first + (i - run.begin));
        if (is_open(&lines->line[i]) && !has_kind(lines, span, kind)) {
            give(&lines->line[i], kind);
        }
    }
}

/* Of several places that could be the host block none is taken. */
static void place_host_lines(struct kms_lines *lines, struct span span)
{
    bool described = false;
    size_t found = 0;
    size_t at = 0;
    for (size_t i = span.begin; i < span.end; i++) {
        described = described || lines->line[i].kind == KMS_LINE_DESCRIPTION;
        if (described && i + 3 <= span.end && begins_host_block(lines, i)) {
            found++;
            at = i;
        }
    }
    if (found == 1) {
        give_run(lines, span, (struct span){at, at + 3}, KMS_LINE_ENABLED);
    }
}

static bool is_request(const struct kms_line *line)
{
    return is_counter(line) && (is_open(line) || (line->kind >= KMS_LINE_REQ_TOTAL &&
                                                  line->kind <= KMS_LINE_REQ_NOTIFICATION));
}

/* The whole run of numbers that begins here. */
static struct span request_run(const struct kms_lines *lines, struct span span, size_t begin)
{
    size_t end = begin;
    while (end < span.end && is_request(&lines->line[end])) {
        end++;
    }
    return (struct span){begin, end};
}

/* A run fits when it has all eight lines, no label contradicts their order, and a heading or a
 * label says that it is the one. Says whether it has labels at all. */
static bool run_fits(const struct kms_lines *lines, struct span run, bool *ret_known)
{
    bool known = false;
    bool fits = run.end - run.begin == REQUEST_LINES;
    for (size_t i = run.begin; i < run.end; i++) {
        const struct kms_line *line = &lines->line[i];
        known = known || !is_open(line);
        fits = fits &&
               (is_open(line) || (size_t)line->kind == KMS_LINE_REQ_TOTAL + (i - run.begin));
    }
    *ret_known = known;
    const struct kms_line *before = run.begin > 0 ? &lines->line[run.begin - 1] : NULL;
    bool headed = before && (before->kind == KMS_LINE_HEADING || is_sentence(before));
    return fits && (known || headed);
}

/* The requests: exactly eight numbers one after the other, behind a host block; a ninth would leave
 * open which of them is new. A run that the end of the text cuts, behind a number or in the line
 * after it, keeps its order, so that what is missing is seen. */
static void place_request_lines(struct kms_lines *lines, struct span span)
{
    bool in_host = false;
    size_t found = 0;
    struct span taken = {0};
    for (size_t i = span.begin; i < span.end; i++) {
        in_host = in_host || lines->line[i].kind == KMS_LINE_PORT;
        if (!in_host || !is_request(&lines->line[i])) {
            continue;
        }
        struct span run = request_run(lines, span, i);
        bool known;
        bool fits = run_fits(lines, run, &known);
        bool cut = run.end + 1 >= lines->count && run.end - run.begin < REQUEST_LINES && !known;
        if (fits || cut) {
            found++;
            taken = run;
        }
        i = run.end - 1;
    }
    if (found == 1) {
        give_run(lines, span, taken, KMS_LINE_REQ_TOTAL);
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
    struct span span = {0};
    for (size_t i = 0; i < lines->count; i = span.end) {
        span = next_product(lines, i);
        place_host_lines(lines, span);
        place_request_lines(lines, span);
    }
    place_rearm_lines(lines);
}
