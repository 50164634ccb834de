/* From the bytes of a report to UTF-8: which encoding they are in, and the text. */
#include <errno.h>
#include <iconv.h>
#include <string.h>

#include "base/text.h"
#include "report/fold.h"
#include "report/labels.h"
#include "report/parse.h"

#define INPUT_MAX ((size_t)64 << 20)
#define SAMPLE_MAX \
    ((size_t)16 << 10) /* of lines that are not ASCII: enough to tell the code page */

/* What Windows consoles and editors use, the likeliest first: earlier ones win a draw. */
static const char *const code_pages[] = {"CP850",  "CP1252", "CP437",  "CP1251", "CP866",  "CP852",
                                         "CP1250", "CP932",  "CP936",  "CP949",  "CP950",  "CP1253",
                                         "CP737",  "CP857",  "CP1254", "CP775",  "CP1257", "CP865",
                                         "CP1255", "CP862",  "CP874"};

struct profile {
    size_t nul_even, nul_odd;
    size_t controls;
    size_t high;
};

static bool is_control(uint32_t c)
{
    /* 0x1A ends the text files of DOS; form feeds come from printers. */
    return (c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1A) || c == 0x7F;
}

static struct profile profile_of(const uint8_t *bytes, size_t len)
{
    struct profile p = {0};
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == 0) {
            p.nul_even += i % 2 == 0;
            p.nul_odd += i % 2 == 1;
        } else if (bytes[i] >= 0x80) {
            p.high++;
        } else if (is_control(bytes[i])) {
            p.controls++;
        }
    }
    return p;
}

static bool too_many(size_t bad, size_t of)
{
    return bad > 4 + of / 100;
}

static enum kms_outcome outcome_of(enum kms_status status)
{
    switch (status) {
    case KMS_OK:
        return KMS_OUTCOME_OK;
    case KMS_ETOOBIG:
        return KMS_OUTCOME_REPORT_TOO_BIG;
    default:
        return KMS_OUTCOME_NO_MEMORY;
    }
}

/* Lone surrogates and a last half unit become U+FFFD. */
static enum kms_outcome decode_utf16(const uint8_t *bytes, size_t len, bool little,
                                     struct kms_buf *text)
{
    struct kms_rd rd = kms_rd_over(bytes, len);
    rd.little = little;
    size_t units = 0;
    size_t bad = 0;
    uint16_t unit;
    enum kms_status status = KMS_OK;
    while (status == KMS_OK && kms_rd_u16(&rd, &unit)) {
        uint32_t c = unit;
        if (c >= 0xD800 && c <= 0xDFFF) {
            struct kms_rd ahead = rd;
            uint16_t low = 0;
            bool pair = c < 0xDC00 && kms_rd_u16(&ahead, &low) && low >= 0xDC00 && low <= 0xDFFF;
            c = pair ? 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00U) : 0xFFFD;
            if (pair) {
                rd = ahead;
            }
        }
        units++;
        bad += is_control(c) || c == 0xFFFD || c == 0xFFFE || c == 0xFFFF;
        status = kms_buf_add_utf8(text, c == 0 ? 0xFFFD : c);
    }
    if (status == KMS_OK && kms_rd_left(&rd) > 0) {
        status = kms_buf_add_utf8(text, 0xFFFD);
    }
    if (status == KMS_OK && too_many(bad, units)) {
        return KMS_OUTCOME_REPORT_BINARY;
    }
    return outcome_of(status);
}

/* How many characters of two or more bytes are there, and how many bytes are none. A sequence that
 * the end of the bytes cuts is no fault. */
static void count_utf8(const uint8_t *bytes, size_t len, size_t *ret_valid, size_t *ret_invalid)
{
    struct kms_rd rd = kms_rd_over(bytes, len);
    size_t valid = 0;
    size_t invalid = 0;
    uint32_t c;
    while (rd.at < len) {
        size_t before = rd.at;
        if (!kms_rd_utf8(&rd, &c)) {
            break;
        }
        if (rd.at - before > 1) {
            valid++;
        } else if (c == 0xFFFD && (len - before > 3 || bytes[before] < 0xC2)) {
            bool tail = false;
            for (size_t back = 1; back <= 2 && back <= before && bytes[before] < 0xC0; back++) {
                tail = tail || (len - (before - back) <= 3 && bytes[before - back] >= 0xC2);
            }
            invalid += !tail;
        }
    }
    *ret_valid = valid;
    *ret_invalid = invalid;
}

/* One byte of input that the code page does not have becomes U+FFFD. */
static enum kms_outcome decode_page(const char *page, const uint8_t *bytes, size_t len,
                                    struct kms_buf *text)
{
    iconv_t conversion = iconv_open("UTF-8", page);
    if ((intptr_t)conversion == -1) {
        return errno == ENOMEM ? KMS_OUTCOME_NO_MEMORY : KMS_OUTCOME_REPORT_ENCODING;
    }
    /* iconv takes a char ** for historical reasons and writes only through the other one. */
    union {
        const uint8_t *from;
        char *to;
    } in = {.from = bytes};
    size_t left = len;
    enum kms_status status = KMS_OK;
    while (left > 0 && status == KMS_OK) {
        char chunk[4096];
        char *out = chunk;
        size_t space = sizeof(chunk);
        size_t before = left;
        size_t converted = iconv(conversion, &in.to, &left, &out, &space);
        int error = errno;
        status = kms_buf_add(text, chunk, sizeof(chunk) - space);
        if (converted != (size_t)-1 || status != KMS_OK) {
            continue;
        }
        bool stuck = error == E2BIG && left == before && space == sizeof(chunk);
        if (error == E2BIG && !stuck) {
            continue;
        }
        in.to++;
        left--;
        status = kms_buf_add_utf8(text, 0xFFFD);
        iconv(conversion, NULL, NULL, NULL, NULL);
    }
    iconv_close(conversion);
    return outcome_of(status);
}

enum script { SCRIPT_NONE, SCRIPT_LATIN, SCRIPT_GREEK, SCRIPT_CYRILLIC, SCRIPT_EAST, SCRIPT_OTHER };

static enum script script_of(uint32_t c)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= 0xC0 && c <= 0x24F)) {
        return c == 0xD7 || c == 0xF7 ? SCRIPT_NONE : SCRIPT_LATIN;
    }
    if (c >= 0x370 && c <= 0x3FF) {
        return SCRIPT_GREEK;
    }
    if (c >= 0x400 && c <= 0x4FF) {
        return SCRIPT_CYRILLIC;
    }
    if ((c >= 0x3041 && c <= 0x9FFF) || (c >= 0xAC00 && c <= 0xD7A3)) {
        return SCRIPT_EAST;
    }
    return (c >= 0x590 && c <= 0xE7F) ? SCRIPT_OTHER : SCRIPT_NONE;
}

/* What does not look like writing: no letter inside or at the edge of a word, a capital behind a
 * small letter, two scripts in one word. */
static size_t oddness(const char *text, size_t len)
{
    struct kms_rd rd = kms_rd_over(text, len);
    size_t odd = 0;
    uint32_t before = ' ';
    uint32_t c;
    while (kms_rd_utf8(&rd, &c)) {
        enum script now = script_of(c);
        enum script then = script_of(before);
        bool is_small = kms_fold_lower(before) == before;
        if (c >= 0x80 && now == SCRIPT_NONE) {
            bool box = (c >= 0x2500 && c <= 0x25FF) || (c >= 0xFF61 && c <= 0xFF9F);
            odd += c < 0xA0 || c == 0xFFFD || c >= 0xE000 || box ? 2 : then != SCRIPT_NONE;
        } else if (now != SCRIPT_NONE && then != SCRIPT_NONE) {
            odd += now != then && (c >= 0x80 || before >= 0x80);
            odd += now == then && is_small && kms_fold_lower(c) != c &&
                   (c >= 0x80 || before >= 0x80);
        } else if (now != SCRIPT_NONE && before >= 0x80) {
            odd += before != 0xA0 && c < 0x80;
        }
        before = c;
    }
    return odd;
}

static size_t labels_in(const struct kms_label_book *book, const char *text, size_t len)
{
    struct kms_rd rd = kms_rd_over(text, len);
    const char *line;
    size_t line_len;
    size_t known = 0;
    while (kms_rd_line(&rd, &line, &line_len)) {
        struct kms_label_hit hit;
        known += kms_label_find(book, line, line_len, &hit);
    }
    return known;
}

/* Lines in ASCII read the same in every code page; only the others can tell. */
static enum kms_status telling_lines(const uint8_t *bytes, size_t len, struct kms_buf *sample)
{
    struct kms_rd rd = kms_rd_over(bytes, len);
    const char *line;
    size_t line_len;
    enum kms_status status = KMS_OK;
    while (status == KMS_OK && kms_rd_line(&rd, &line, &line_len)) {
        bool high = false;
        for (size_t i = 0; i < line_len && !high; i++) {
            high = (uint8_t)line[i] >= 0x80;
        }
        size_t space = sample->max - sample->len;
        if (!high || space < 2) {
            continue;
        }
        status = kms_buf_add(sample, line, line_len < space ? line_len : space - 1);
        if (status == KMS_OK) {
            status = kms_buf_add(sample, "\n", 1);
        }
    }
    return status;
}

struct page_score {
    const char *page; /* NULL: none yet */
    size_t known, odd;
};

static enum kms_outcome score_page(const struct kms_label_book *book, const char *page,
                                   const struct kms_buf *sample, struct page_score *best)
{
    struct kms_buf text;
    kms_buf_init(&text, SAMPLE_MAX * 4);
    enum kms_outcome outcome = decode_page(page, (const uint8_t *)kms_buf_str(sample), sample->len,
                                           &text);
    if (outcome == KMS_OUTCOME_OK) {
        struct page_score score = {.page = page,
                                   .known = labels_in(book, kms_buf_str(&text), text.len),
                                   .odd = oddness(kms_buf_str(&text), text.len)};
        if (!best->page || score.known > best->known ||
            (score.known == best->known && score.odd < best->odd)) {
            *best = score;
        }
    }
    kms_buf_done(&text);
    return outcome;
}

static enum kms_outcome choose_page(const uint8_t *bytes, size_t len, const char **ret_page)
{
    struct kms_label_book *book;
    if (kms_label_book_new(&book) != KMS_OK) {
        return KMS_OUTCOME_NO_MEMORY;
    }
    struct kms_buf sample;
    struct page_score best = {0};
    kms_buf_init(&sample, SAMPLE_MAX);
    enum kms_outcome outcome = outcome_of(telling_lines(bytes, len, &sample));
    for (size_t i = 0; i < KMS_COUNT_OF(code_pages) && outcome != KMS_OUTCOME_NO_MEMORY; i++) {
        outcome = score_page(book, code_pages[i], &sample, &best);
    }
    bool nonsense = best.known == 0 && best.odd > sample.len / 4;
    kms_buf_done(&sample);
    kms_label_book_free(book);
    if (outcome == KMS_OUTCOME_NO_MEMORY) {
        return outcome;
    }
    if (!best.page || nonsense) {
        return KMS_OUTCOME_REPORT_ENCODING;
    }
    *ret_page = best.page;
    return KMS_OUTCOME_OK;
}

static enum kms_outcome decode_bytes(const uint8_t *bytes, size_t len, struct kms_buf *text,
                                     const char **ret_name)
{
    struct profile p = profile_of(bytes, len);
    if (p.nul_even + p.nul_odd > 0) {
        /* Blanks, digits and line ends have a zero byte on one side in UTF-16, in any language. */
        size_t most = p.nul_odd > p.nul_even ? p.nul_odd : p.nul_even;
        size_t least = p.nul_even + p.nul_odd - most;
        if (most < len / 40 || least > most / 8) {
            return KMS_OUTCOME_REPORT_BINARY;
        }
        bool little = p.nul_odd > p.nul_even;
        *ret_name = little ? "UTF-16LE" : "UTF-16BE";
        return decode_utf16(bytes, len, little, text);
    }
    if (too_many(p.controls, len)) {
        return KMS_OUTCOME_REPORT_BINARY;
    }
    size_t valid;
    size_t invalid;
    count_utf8(bytes, len, &valid, &invalid);
    if (p.high == 0 || invalid == 0 || invalid < valid / 8) {
        *ret_name = p.high == 0 ? "ASCII" : "UTF-8";
        return outcome_of(kms_buf_add(text, bytes, len));
    }
    const char *page = NULL;
    enum kms_outcome outcome = choose_page(bytes, len, &page);
    if (outcome != KMS_OUTCOME_OK) {
        return outcome;
    }
    *ret_name = page;
    return decode_page(page, bytes, len, text);
}

enum kms_outcome kms_report_decode(const uint8_t *bytes, size_t len, struct kms_buf *ret_text,
                                   const char **ret_name)
{
    if (len > INPUT_MAX) {
        return KMS_OUTCOME_REPORT_TOO_BIG;
    }
    struct kms_buf text;
    kms_buf_init(&text, len * 4 + 16);
    struct kms_rd rd = kms_rd_over(bytes, len);
    const char *name = "";
    enum kms_outcome outcome;
    if (kms_rd_match(&rd, "\xEF\xBB\xBF", 3)) {
        name = "UTF-8";
        bool binary = too_many(profile_of(bytes, len).controls, len) ||
                      memchr(bytes, 0, len) != NULL;
        outcome = binary ? KMS_OUTCOME_REPORT_BINARY
                         : outcome_of(kms_buf_add(&text, bytes + rd.at, len - rd.at));
    } else if (kms_rd_match(&rd, "\xFF\xFE", 2)) {
        name = "UTF-16LE";
        outcome = decode_utf16(bytes + 2, len - 2, true, &text);
    } else if (kms_rd_match(&rd, "\xFE\xFF", 2)) {
        name = "UTF-16BE";
        outcome = decode_utf16(bytes + 2, len - 2, false, &text);
    } else {
        outcome = decode_bytes(bytes, len, &text, &name);
    }
    if (outcome != KMS_OUTCOME_OK) {
        kms_buf_done(&text);
        return outcome;
    }
    kms_buf_done(ret_text);
    *ret_text = text;
    *ret_name = name;
    return KMS_OUTCOME_OK;
}
