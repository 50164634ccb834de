/* Keeps exchanges, and writes them without what must not be seen. */
#include "wsman/record.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

enum { NAME_MAX_BYTES = 256 };

struct mask {
    struct mask *next; /* the longest first, so that no part is masked before its whole */
    char *name;
    char substitute[24];
};

struct exchange {
    struct exchange *next;
    struct kms_buf request, answer;
    long status;
    char content_type[160];
};

struct kms_recorder {
    struct mask *masks;
    unsigned count; /* of substitutes */
    struct exchange *first, *last;
    size_t size, size_max;
    size_t left_out;
};

struct kms_recorder *kms_recorder_new(size_t size_max)
{
    struct kms_recorder *recorder = calloc(1, sizeof *recorder);
    if (recorder) {
        recorder->size_max = size_max;
    }
    return recorder;
}

static void free_exchange(struct exchange *exchange)
{
    kms_buf_done(&exchange->request);
    kms_buf_done(&exchange->answer);
    free(exchange);
}

void kms_recorder_free(struct kms_recorder *recorder)
{
    if (!recorder) {
        return;
    }
    while (recorder->first) {
        struct exchange *exchange = recorder->first;
        recorder->first = exchange->next;
        free_exchange(exchange);
    }
    while (recorder->masks) {
        struct mask *mask = recorder->masks;
        recorder->masks = mask->next;
        free(mask->name);
        free(mask);
    }
    free(recorder);
}

/* ---- names ---- */

static bool known(const struct kms_recorder *recorder, const char *name)
{
    for (const struct mask *mask = recorder->masks; mask; mask = mask->next) {
        if (kms_text_equal_nocase(mask->name, name)) {
            return true;
        }
    }
    return false;
}

/* The name is the list's from here on, also when it cannot be kept. */
static enum kms_status add_mask(struct kms_recorder *recorder, char *name, const char *substitute)
{
    struct mask *mask = name ? calloc(1, sizeof *mask) : NULL;
    if (!mask) {
        free(name);
        return KMS_ENOMEM;
    }
    mask->name = name;
    kms_text_copy(mask->substitute, sizeof mask->substitute, substitute);
    struct mask **at = &recorder->masks;
    while (*at && strlen((*at)->name) > strlen(name)) {
        at = &(*at)->next;
    }
    mask->next = *at;
    *at = mask;
    return KMS_OK;
}

static char *escaped(const char *name, size_t len)
{
    static const struct {
        char plain;
        const char *escape;
    } escapes[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&apos;"}};
    struct kms_buf buf;
    kms_buf_init(&buf, (size_t)8 * NAME_MAX_BYTES);
    enum kms_status status = KMS_OK;
    for (size_t i = 0; i < len && status == KMS_OK; i++) {
        const char *escape = NULL;
        for (size_t k = 0; k < KMS_COUNT_OF(escapes); k++) {
            escape = name[i] == escapes[k].plain ? escapes[k].escape : escape;
        }
        status = escape ? kms_buf_add_str(&buf, escape) : kms_buf_add(&buf, name + i, 1);
    }
    char *text = status == KMS_OK ? kms_buf_take(&buf) : NULL;
    kms_buf_done(&buf);
    return text;
}

static enum kms_status mask_one(struct kms_recorder *recorder, const char *kind, const char *name,
                                size_t len)
{
    char substitute[24];
    char *plain = kms_text_dup_len(name, len);
    char *in_xml = escaped(name, len);
    bool numbers_only = plain && strspn(plain, "0123456789") == len;
    if (!plain || !in_xml) {
        free(plain);
        free(in_xml);
        return KMS_ENOMEM;
    }
    if (len < 2 || numbers_only || known(recorder, plain)) {
        free(plain);
        free(in_xml);
        return KMS_OK;
    }
    kms_text_format(substitute, sizeof substitute, "%.12s-%u", kind, ++recorder->count);
    if (kms_text_equal(plain, in_xml)) {
        free(in_xml);
        return add_mask(recorder, plain, substitute);
    }
    enum kms_status status = add_mask(recorder, in_xml, substitute);
    if (status != KMS_OK) {
        free(plain);
        return status;
    }
    return add_mask(recorder, plain, substitute);
}

enum kms_status kms_recorder_mask(struct kms_recorder *recorder, const char *kind, const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > NAME_MAX_BYTES) {
        return len == 0 ? KMS_OK : KMS_ETOOBIG;
    }
    enum kms_status status = mask_one(recorder, kind, name, len);
    size_t at = strcspn(name, "\\@");
    if (status == KMS_OK && name[at] != '\0') {
        bool domain_first = name[at] == '\\';
        const char *domain = domain_first ? name : name + at + 1;
        size_t domain_len = domain_first ? at : len - at - 1;
        const char *user = domain_first ? name + at + 1 : name;
        status = mask_one(recorder, kind, user, domain_first ? len - at - 1 : at);
        status = status == KMS_OK ? mask_one(recorder, "domain", domain, domain_len) : status;
        const char *dot = memchr(domain, '.', domain_len);
        if (status == KMS_OK && dot) {
            status = mask_one(recorder, "domain", domain, (size_t)(dot - domain));
        }
        return status;
    }
    const char *dot = strchr(name, '.');
    if (status == KMS_OK && dot) {
        status = mask_one(recorder, kind, name, (size_t)(dot - name));
        status = status == KMS_OK ? mask_one(recorder, "domain", dot + 1, strlen(dot + 1)) : status;
    }
    return status;
}

/* ---- exchanges ---- */

enum kms_status kms_recorder_add(struct kms_recorder *recorder, const void *request,
                                 size_t request_len, long status, const char *content_type,
                                 const void *answer, size_t answer_len)
{
    size_t size = request_len + answer_len;
    if (size > recorder->size_max - recorder->size) {
        recorder->left_out++;
        return KMS_OK;
    }
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (!exchange) {
        return KMS_ENOMEM;
    }
    kms_buf_init(&exchange->request, request_len);
    kms_buf_init(&exchange->answer, answer_len);
    exchange->status = status;
    kms_text_copy(exchange->content_type, sizeof exchange->content_type, content_type);
    if (kms_buf_add(&exchange->request, request, request_len) != KMS_OK ||
        kms_buf_add(&exchange->answer, answer, answer_len) != KMS_OK) {
        free_exchange(exchange);
        return KMS_ENOMEM;
    }
    if (recorder->last) {
        recorder->last->next = exchange;
    } else {
        recorder->first = exchange;
    }
    recorder->last = exchange;
    recorder->size += size;
    return KMS_OK;
}

/* ---- sanitising ---- */

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (kms_text_lower(c) >= 'a' && kms_text_lower(c) <= 'z');
}

/* The name that stands at this place of the text; NULL: none. */
static const struct mask *mask_at(const struct kms_recorder *recorder, const char *text, size_t len,
                                  size_t at)
{
    if (at > 0 && is_word(text[at - 1]) && is_word(text[at])) {
        return NULL;
    }
    for (const struct mask *mask = recorder->masks; mask; mask = mask->next) {
        size_t name_len = strlen(mask->name);
        bool ends = at + name_len == len ||
                    (at + name_len < len &&
                     !(is_word(text[at + name_len]) && is_word(mask->name[name_len - 1])));
        if (ends && strncasecmp(text + at, mask->name, name_len) == 0) {
            return mask;
        }
    }
    return NULL;
}

static enum kms_status write_masked(const struct kms_recorder *recorder, const char *text,
                                    size_t len, struct kms_buf *ret)
{
    enum kms_status status = KMS_OK;
    size_t from = 0;
    for (size_t at = 0; at < len && status == KMS_OK;) {
        const struct mask *mask = mask_at(recorder, text, len, at);
        if (!mask) {
            at++;
            continue;
        }
        status = kms_buf_add(ret, text + from, at - from);
        status = status == KMS_OK ? kms_buf_add_str(ret, mask->substitute) : status;
        at += strlen(mask->name);
        from = at;
    }
    return status == KMS_OK ? kms_buf_add(ret, text + from, len - from) : status;
}

/* "55041-00168-305-246209-03-1033-7600.0000-0522010": digits 4 to 6 of the fourth group. */
static enum kms_status write_epid(const char *text, size_t len, struct kms_buf *ret)
{
    enum kms_status status = KMS_OK;
    unsigned group = 0;
    size_t digit = 0;
    for (size_t i = 0; i < len && status == KMS_OK; i++) {
        group += text[i] == '-' ? 1 : 0;
        digit = text[i] == '-' ? 0 : digit + 1;
        bool hidden = group == 3 && digit > 3;
        status = kms_buf_add(ret, hidden ? "0" : text + i, 1);
    }
    return status;
}

static enum kms_status write_same(char c, size_t len, struct kms_buf *ret)
{
    enum kms_status status = KMS_OK;
    for (size_t i = 0; i < len && status == KMS_OK; i++) {
        status = kms_buf_add(ret, &c, 1);
    }
    return status;
}

enum treatment { AS_IT_IS, CROSSED, ZEROED, EPID };

static enum treatment treatment_of(const char *tag, size_t len)
{
    static const struct {
        const char *name;
        enum treatment treatment;
    } elements[] = {{"PartialProductKey", CROSSED},
                    {"OfflineInstallationId", CROSSED},
                    {"OA3xOriginalProductKey", CROSSED},
                    {"ClientMachineID", ZEROED},
                    {"ProductKeyID", EPID},
                    {"ProductKeyID2", EPID},
                    {"KeyManagementServiceProductKeyID", EPID}};
    size_t name_len = 0;
    while (name_len < len && !strchr(" \t\r\n/>", tag[name_len])) {
        name_len++;
    }
    const char *colon = memchr(tag, ':', name_len);
    const char *local = colon ? colon + 1 : tag;
    size_t local_len = name_len - (size_t)(local - tag);
    for (size_t i = 0; i < KMS_COUNT_OF(elements); i++) {
        if (strlen(elements[i].name) == local_len &&
            strncasecmp(local, elements[i].name, local_len) == 0) {
            return elements[i].treatment;
        }
    }
    return AS_IT_IS;
}

/* A tag, with what it says of a machine. */
static enum kms_status write_tag(const struct kms_recorder *recorder, const char *tag, size_t len,
                                 struct kms_buf *ret)
{
    static const char machine[] = " Machine=\"";
    const char *at = memmem(tag, len, machine, sizeof machine - 1);
    const char *value = at ? at + sizeof machine - 1 : NULL;
    const char *end = value ? memchr(value, '"', len - (size_t)(value - tag)) : NULL;
    if (!end) {
        return write_masked(recorder, tag, len, ret);
    }
    enum kms_status status = write_masked(recorder, tag, (size_t)(value - tag), ret);
    status = status == KMS_OK ? kms_buf_add_str(ret, "machine") : status;
    return status == KMS_OK ? write_masked(recorder, end, len - (size_t)(end - tag), ret) : status;
}

static enum kms_status write_text(const struct kms_recorder *recorder, enum treatment treatment,
                                  const char *text, size_t len, struct kms_buf *ret)
{
    switch (treatment) {
    case CROSSED:
        return write_same('X', len, ret);
    case ZEROED:
        return write_same('0', len, ret);
    case EPID:
        return write_epid(text, len, ret);
    default:
        return write_masked(recorder, text, len, ret);
    }
}

/* Tag by tag, text by text; what is no XML is one text. */
static enum kms_status sanitise(const struct kms_recorder *recorder, const struct kms_buf *body,
                                struct kms_buf *ret)
{
    const char *text = kms_buf_str(body);
    enum treatment treatment = AS_IT_IS;
    enum kms_status status = KMS_OK;
    for (size_t at = 0; at < body->len && status == KMS_OK;) {
        const char *from = text + at;
        size_t left = body->len - at;
        bool tag = *from == '<';
        const char *end = memchr(from, tag ? '>' : '<', left);
        size_t len = end ? (size_t)(end - from) + (tag ? 1 : 0) : left;
        if (tag) {
            status = write_tag(recorder, from, len, ret);
            treatment = len > 1 && from[1] != '/' ? treatment_of(from + 1, len - 1) : AS_IT_IS;
        } else {
            status = write_text(recorder, treatment, from, len, ret);
        }
        at += len;
    }
    return status;
}

static enum kms_status write_exchange(const struct kms_recorder *recorder,
                                      const struct exchange *exchange, struct kms_buf *ret)
{
    struct kms_buf request;
    struct kms_buf answer;
    kms_buf_init(&request, SIZE_MAX / 2);
    kms_buf_init(&answer, SIZE_MAX / 2);
    enum kms_status status = sanitise(recorder, &exchange->request, &request);
    status = status == KMS_OK ? sanitise(recorder, &exchange->answer, &answer) : status;
    if (status == KMS_OK) {
        status = kms_buf_addf(ret, "request %zu\n", request.len);
    }
    status = status == KMS_OK ? kms_buf_add(ret, kms_buf_str(&request), request.len) : status;
    if (status == KMS_OK) {
        status = kms_buf_addf(ret, "\nanswer %ld %zu %s\n", exchange->status, answer.len,
                              exchange->content_type);
    }
    status = status == KMS_OK ? kms_buf_add(ret, kms_buf_str(&answer), answer.len) : status;
    status = status == KMS_OK ? kms_buf_add_str(ret, "\n") : status;
    kms_buf_done(&request);
    kms_buf_done(&answer);
    return status;
}

enum kms_status kms_recorder_write(const struct kms_recorder *recorder, struct kms_buf *ret)
{
    enum kms_status status = kms_buf_add_str(
        ret, "kmsmon-capture 1\n"
             "# Names, partial product keys and machine ids are masked. Look through it before it "
             "leaves the house.\n");
    if (status == KMS_OK && recorder->left_out > 0) {
        status = kms_buf_addf(ret, "# %zu exchanges did not fit and are left out.\n",
                              recorder->left_out);
    }
    for (const struct exchange *at = recorder->first; at && status == KMS_OK; at = at->next) {
        status = write_exchange(recorder, at, ret);
    }
    return status;
}
