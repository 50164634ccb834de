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

/* Words that stand in messages, and in Microsoft's names of its products, identify nobody; without
 * them a message would not mean the same. */
static bool is_common(const char *name, size_t len)
{
    static const char *const words[] = {
        "0",         "1",         "com",        "net",        "org",          "local",
        "lan",       "test",      "example",    "internal",   "http",         "https",
        "schemas",   "microsoft", "xmlsoap",    "dmtf",       "w3",           "www",
        "wbem",      "wsman",     "wsmid",      "identity",   "root",         "cimv2",
        "cim",       "xsd",       "xsi",        "uuid",       "soap",         "role",
        "anonymous", "ws",        "windows",    "server",     "office",       "operating",
        "system",    "edition",   "volume",     "kms",        "key",          "channel",
        "client",    "host",      "standard",   "center",     "data",         "retail",
        "mak",       "oem",       "name",       "id",         "version",      "type",
        "state",     "running",   "stopped",    "auto",       "manual",       "disabled",
        "sppsvc",    "slsvc",     "select",     "from",       "where",        "is",
        "not",       "null",      "true",       "false",      "os",           "sp",
        "stack",     "en",        "us",         "amp",        "lt",           "gt",
        "quot",      "apos",      "enterprise", "datacenter", "professional",
    };
    for (size_t i = 0; i < KMS_COUNT_OF(words); i++) {
        if (strlen(words[i]) == len && strncasecmp(words[i], name, len) == 0) {
            return true;
        }
    }
    return false;
}

static enum kms_status mask_one(struct kms_recorder *recorder, const char *kind, const char *name,
                                size_t len)
{
    char substitute[24];
    char *plain = kms_text_dup_len(name, len);
    if (!plain) {
        return KMS_ENOMEM;
    }
    bool numbers_only = strspn(plain, "0123456789") == len;
    if (len < 2 || numbers_only || is_common(plain, len) || known(recorder, plain)) {
        free(plain);
        return KMS_OK;
    }
    kms_text_format(substitute, sizeof substitute, "%.12s-%u", kind, ++recorder->count);
    return add_mask(recorder, plain, substitute);
}

static bool is_address(const char *name, size_t len)
{
    return memchr(name, ':', len) || strspn(name, "0123456789.") >= len;
}

/* "kms01.ad.corp.example": the whole, kms01; ad.corp.example, ad; corp.example, corp. The last
 * label alone is nobody's. */
static enum kms_status mask_dotted(struct kms_recorder *recorder, const char *kind,
                                   const char *name, size_t len)
{
    enum kms_status status = mask_one(recorder, kind, name, len);
    if (is_address(name, len)) {
        return status;
    }
    const char *dot = memchr(name, '.', len);
    while (dot && status == KMS_OK) {
        status = mask_one(recorder, kind, name, (size_t)(dot - name));
        len -= (size_t)(dot - name) + 1;
        name = dot + 1;
        dot = memchr(name, '.', len);
        kind = "domain";
        if (dot && status == KMS_OK) {
            status = mask_one(recorder, kind, name, len);
        }
    }
    return status;
}

enum kms_status kms_recorder_mask(struct kms_recorder *recorder, const char *kind, const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > NAME_MAX_BYTES) {
        return len == 0 ? KMS_OK : KMS_ETOOBIG;
    }
    size_t at = strcspn(name, "\\@");
    if (name[at] == '\0') {
        return mask_dotted(recorder, kind, name, len);
    }
    bool domain_first = name[at] == '\\';
    const char *rest = name + at + 1;
    const char *domain = domain_first ? name : rest;
    const char *user = domain_first ? rest : name;
    enum kms_status status = mask_one(recorder, kind, name, len);
    if (status == KMS_OK) {
        status = mask_one(recorder, kind, user, domain_first ? len - at - 1 : at);
    }
    return status == KMS_OK
               ? mask_dotted(recorder, "domain", domain, domain_first ? at : len - at - 1)
               : status;
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

/* ---- characters ---- */

/* One character of a text, which XML may have escaped. */
struct unit {
    size_t len; /* bytes of the text */
    uint32_t code;
};

static uint32_t code_of_escape(const char *name, size_t len)
{
    static const struct {
        const char *name;
        uint32_t code;
    } escapes[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    if (len > 1 && name[0] == '#') {
        bool hex = kms_text_lower(name[1]) == 'x';
        uint32_t code = 0;
        for (size_t i = hex ? 2 : 1; i < len; i++) {
            static const char digits[] = "0123456789abcdef";
            const char *digit = memchr(digits, kms_text_lower(name[i]), hex ? 16 : 10);
            if (!digit || code > 0x10FFFF) {
                return 0;
            }
            code = code * (hex ? 16 : 10) + (uint32_t)(digit - digits);
        }
        return code;
    }
    for (size_t i = 0; i < KMS_COUNT_OF(escapes); i++) {
        if (strlen(escapes[i].name) == len && memcmp(name, escapes[i].name, len) == 0) {
            return escapes[i].code;
        }
    }
    return 0;
}

/* Bytes that are no UTF-8 stand for themselves. */
static struct unit unit_of_utf8(const char *text, size_t len)
{
    uint8_t first = (uint8_t)text[0];
    size_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC2 ? 1 : 0;
    uint32_t code = more == 0 ? first : first & (0x3FU >> more);
    if (more >= len) {
        return (struct unit){1, first};
    }
    for (size_t i = 1; i <= more; i++) {
        if (((uint8_t)text[i] & 0xC0) != 0x80) {
            return (struct unit){1, first};
        }
        code = code << 6 | ((uint8_t)text[i] & 0x3FU);
    }
    return (struct unit){more + 1, code};
}

static struct unit unit_at(const char *text, size_t len)
{
    enum { ESCAPE_MAX = 32 }; /* zeros in front of a number are allowed */
    if (text[0] == '&') {
        const char *end = memchr(text, ';', len < ESCAPE_MAX ? len : ESCAPE_MAX);
        uint32_t code = end ? code_of_escape(text + 1, (size_t)(end - text) - 1) : 0;
        if (code != 0) {
            return (struct unit){(size_t)(end - text) + 1, code};
        }
    }
    return unit_of_utf8(text, len);
}

static bool is_word(uint32_t code)
{
    return (code >= '0' && code <= '9') || (code >= 'A' && code <= 'Z') ||
           (code >= 'a' && code <= 'z');
}

/* Small letters of Latin, Greek and Cyrillic: what names of hosts and people are mostly made of. */
static uint32_t fold(uint32_t code)
{
    bool by_32 = (code >= 'A' && code <= 'Z') || (code >= 0xC0 && code <= 0xDE && code != 0xD7) ||
                 (code >= 0x391 && code <= 0x3A9) || (code >= 0x410 && code <= 0x42F);
    if (by_32) {
        return code + 32;
    }
    if (code >= 0x400 && code <= 0x40F) {
        return code + 80;
    }
    return code >= 0x100 && code <= 0x137 ? code | 1 : code;
}

/* ---- sanitising ---- */

/* The bytes of the text that are the name; 0: it does not stand there. */
static size_t match(const char *text, size_t len, const char *name)
{
    size_t name_left = strlen(name);
    size_t at = 0;
    uint32_t last = 0;
    while (name_left > 0) {
        if (at == len) {
            return 0;
        }
        struct unit wanted = unit_of_utf8(name, name_left);
        struct unit found = unit_at(text + at, len - at);
        if (fold(wanted.code) != fold(found.code)) {
            return 0;
        }
        last = found.code;
        at += found.len;
        name += wanted.len;
        name_left -= wanted.len;
    }
    bool ends = at == len || !is_word(last) || !is_word(unit_at(text + at, len - at).code);
    return ends ? at : 0;
}

static enum kms_status write_masked(const struct kms_recorder *recorder, const char *text,
                                    size_t len, struct kms_buf *ret)
{
    enum kms_status status = KMS_OK;
    size_t from = 0;
    uint32_t before = 0;
    for (size_t at = 0; at < len && status == KMS_OK;) {
        struct unit unit = unit_at(text + at, len - at);
        const struct mask *mask = is_word(before) && is_word(unit.code) ? NULL : recorder->masks;
        size_t hit = 0;
        while (mask && (hit = match(text + at, len - at, mask->name)) == 0) {
            mask = mask->next;
        }
        before = hit > 0 ? ' ' : unit.code;
        if (hit > 0) {
            status = kms_buf_add(ret, text + from, at - from);
            status = status == KMS_OK ? kms_buf_add_str(ret, mask->substitute) : status;
            from = at + hit;
        }
        at += hit > 0 ? hit : unit.len;
    }
    return status == KMS_OK ? kms_buf_add(ret, text + from, len - from) : status;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Everything that is not a blank becomes c. */
static enum kms_status write_same(char c, const char *text, size_t len, struct kms_buf *ret)
{
    enum kms_status status = KMS_OK;
    for (size_t i = 0; i < len && status == KMS_OK; i++) {
        status = kms_buf_add(ret, is_blank(text[i]) ? text + i : &c, 1);
    }
    return status;
}

/* "55041-00168-305-246209-03-1033-7600.0000-0522010": digits 4 to 6 of the fourth group. What is
 * written in another way is crossed out. */
static enum kms_status write_epid(const char *text, size_t len, struct kms_buf *ret)
{
    enum kms_status status = KMS_OK;
    unsigned group = 0;
    size_t digit = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\0' || !strchr("0123456789-. \t\r\n", text[i])) {
            return write_same('X', text, len, ret);
        }
    }
    for (size_t i = 0; i < len && status == KMS_OK; i++) {
        group += text[i] == '-' ? 1 : 0;
        digit = text[i] == '-' ? 0 : digit + 1;
        bool hidden = group == 3 && digit > 3 && !is_blank(text[i]);
        status = kms_buf_add(ret, hidden ? "0" : text + i, 1);
    }
    return status;
}

enum treatment { MASKED, KEPT, CROSSED, ZEROED, EPID };

static bool is_named(const char *name, size_t len, const char *local)
{
    const char *colon = memchr(name, ':', len);
    size_t prefix = colon ? (size_t)(colon - name) + 1 : 0;
    return strlen(local) == len - prefix && strncasecmp(name + prefix, local, len - prefix) == 0;
}

static size_t name_length(const char *tag, size_t len)
{
    size_t name_len = 0;
    while (name_len < len && !strchr(" \t\r\n/>=", tag[name_len])) {
        name_len++;
    }
    return name_len;
}

static enum treatment treatment_of(const char *tag, size_t len)
{
    static const struct {
        const char *name;
        enum treatment treatment;
    } elements[] = {{"Filter", KEPT}, /* our own query */
                    {"PartialProductKey", CROSSED},
                    {"OfflineInstallationId", CROSSED},
                    {"OA3xOriginalProductKey", CROSSED},
                    {"ClientMachineID", ZEROED},
                    {"ProductKeyID", EPID},
                    {"ProductKeyID2", EPID},
                    {"KeyManagementServiceProductKeyID", EPID}};
    size_t name_len = name_length(tag, len);
    for (size_t i = 0; i < KMS_COUNT_OF(elements); i++) {
        if (is_named(tag, name_len, elements[i].name)) {
            return elements[i].treatment;
        }
    }
    return MASKED;
}

/* A name of a schema: what a message means hangs on it. */
static bool is_schema(const char *text, size_t len)
{
    static const char *const starts[] = {"http://schemas.xmlsoap.org/", "http://schemas.dmtf.org/",
                                         "http://schemas.microsoft.com/", "http://www.w3.org/"};
    for (size_t i = 0; i < KMS_COUNT_OF(starts); i++) {
        size_t start_len = strlen(starts[i]);
        if (len >= start_len && memcmp(text, starts[i], start_len) == 0) {
            return !memchr(text, ' ', len) && !memchr(text, '&', len) && !memchr(text, '\n', len);
        }
    }
    return false;
}

static enum kms_status write_text(const struct kms_recorder *recorder, enum treatment treatment,
                                  const char *text, size_t len, struct kms_buf *ret)
{
    switch (treatment) {
    case CROSSED:
        return write_same('X', text, len, ret);
    case ZEROED:
        return write_same('0', text, len, ret);
    case EPID:
        return write_epid(text, len, ret);
    case KEPT:
        return kms_buf_add(ret, text, len);
    default:
        return is_schema(text, len) ? kms_buf_add(ret, text, len)
                                    : write_masked(recorder, text, len, ret);
    }
}

/* One attribute of a tag, up to the end of its value or of the tag: its length, and where the value
 * is; value_len 0: none, or it has no end. */
struct attribute {
    size_t len;
    size_t value, value_len;
};

static struct attribute attribute_at(const char *text, size_t len)
{
    size_t at = strcspn(text, "\"'>");
    at = at < len ? at : len;
    const char *end = at + 1 < len && text[at] != '>'
                          ? memchr(text + at + 1, text[at], len - at - 1)
                          : NULL;
    if (!end) {
        return (struct attribute){.len = len};
    }
    size_t whole = (size_t)(end - text) + 1;
    return (struct attribute){.len = whole, .value = at + 1, .value_len = whole - at - 2};
}

/* A body on its way into the file. */
struct copy {
    const struct kms_recorder *recorder;
    bool soap; /* names of elements and attributes are the schema's; else they may be anything */
    enum treatment treatment;
    struct kms_buf *to;
};

static enum kms_status write_name(const struct copy *copy, const char *name, size_t len)
{
    return copy->soap ? kms_buf_add(copy->to, name, len)
                      : write_masked(copy->recorder, name, len, copy->to);
}

/* Its values may name a machine. */
static enum kms_status write_tag(const struct copy *copy, const char *tag, size_t len)
{
    size_t start = len > 1 && tag[1] == '/' ? 2 : 1;
    size_t at = start + name_length(tag + start, len - start);
    at = at < len ? at : len;
    enum kms_status status = write_name(copy, tag, at);
    while (at < len && status == KMS_OK) {
        const char *from = tag + at;
        struct attribute attribute = attribute_at(from, len - at);
        if (attribute.value == 0) {
            return write_masked(copy->recorder, from, len - at, copy->to);
        }
        size_t blanks = strspn(from, " \t\r\n");
        bool machine = attribute.value_len > 0 && blanks < attribute.value &&
                       is_named(from + blanks, name_length(from + blanks, attribute.value - blanks),
                                "Machine");
        status = write_name(copy, from, attribute.value);
        if (status == KMS_OK) {
            status = machine ? kms_buf_add_str(copy->to, "machine")
                             : write_text(copy->recorder, MASKED, from + attribute.value,
                                          attribute.value_len, copy->to);
        }
        status = status == KMS_OK ? kms_buf_add(copy->to, from + attribute.len - 1, 1) : status;
        at += attribute.len;
    }
    return status;
}

/* How long the tag is; 0: it has no end. */
static size_t tag_length(const char *text, size_t len)
{
    char quote = '\0';
    bool plain = len > 1 && (text[1] == '!' || text[1] == '?');
    for (size_t at = 0; at < len; at++) {
        char c = text[at];
        if (c == '>' && quote == '\0') {
            return at + 1;
        }
        if (!plain && (c == '"' || c == '\'') && (quote == '\0' || quote == c)) {
            bool opens = quote == '\0';
            quote = '\0';
            if (opens) {
                quote = c;
            }
        }
    }
    return 0;
}

static bool starts_with(const char *text, size_t len, const char *start)
{
    size_t start_len = strlen(start);
    return len >= start_len && memcmp(text, start, start_len) == 0;
}

/* One tag, one text or one CDATA section; what is no XML is a text. */
static enum kms_status write_piece(struct copy *copy, const char *from, size_t left,
                                   size_t *ret_len)
{
    static const char cdata[] = "<![CDATA[";
    const size_t cdata_len = sizeof cdata - 1;
    if (starts_with(from, left, cdata)) {
        const char *end = memmem(from, left, "]]>", 3);
        size_t inner = (end ? (size_t)(end - from) : left) - cdata_len;
        size_t tail = end ? 3 : 0;
        *ret_len = cdata_len + inner + tail;
        enum kms_status status = kms_buf_add(copy->to, cdata, cdata_len);
        if (status == KMS_OK) {
            status = write_text(copy->recorder, copy->treatment, from + cdata_len, inner, copy->to);
        }
        return status == KMS_OK ? kms_buf_add(copy->to, "]]>", tail) : status;
    }
    *ret_len = *from == '<' ? tag_length(from, left) : 0;
    if (*ret_len == 0) {
        const char *end = memchr(from + 1, '<', left - 1);
        *ret_len = end ? (size_t)(end - from) : left;
        return write_text(copy->recorder, copy->treatment, from, *ret_len, copy->to);
    }
    if (from[1] == '!' || from[1] == '?') {
        return write_masked(copy->recorder, from, *ret_len, copy->to);
    }
    copy->treatment = from[1] == '/' ? MASKED : treatment_of(from + 1, *ret_len - 1);
    return write_tag(copy, from, *ret_len);
}

/* Whether the first element is an Envelope. */
static bool is_soap(const char *text, size_t len)
{
    for (size_t at = 0; at < len && text[at] == '<';) {
        if (at + 1 < len && text[at + 1] != '?') {
            return is_named(text + at + 1, name_length(text + at + 1, len - at - 1), "Envelope");
        }
        size_t tag_len = tag_length(text + at, len - at);
        at = tag_len == 0 ? len : at + tag_len;
        while (at < len && is_blank(text[at])) {
            at++;
        }
    }
    return false;
}

static enum kms_status sanitise(const struct kms_recorder *recorder, const struct kms_buf *body,
                                struct kms_buf *ret)
{
    const char *text = kms_buf_str(body);
    struct copy copy = {.recorder = recorder, .soap = is_soap(text, body->len), .to = ret};
    enum kms_status status = KMS_OK;
    for (size_t at = 0; at < body->len && status == KMS_OK;) {
        size_t len = 0;
        status = write_piece(&copy, text + at, body->len - at, &len);
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
