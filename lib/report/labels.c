/* What kind of line a line of slmgr's text is, by the labels of every language that is listed. */
#include "report/labels.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "report/fold.h"
#include "vocab/label.h"
#include "vocab/vocab.h"

struct kind_row {
    const char *key;
    enum kms_line_kind kind;
};

/* By the name that slmgr gives the string; what is not listed here is known and ignored. */
static const struct kind_row kind_rows[] = {
    {"L_MsgServiceVersion", KMS_LINE_SERVICE_VERSION},
    {"L_MsgProductName", KMS_LINE_NAME},
    {"L_MsgProductDesc", KMS_LINE_DESCRIPTION},
    {"L_MsgActID", KMS_LINE_ACTIVATION_ID},
    {"L_MsgAppID", KMS_LINE_APPLICATION_ID},
    {"L_MsgPID4", KMS_LINE_EPID},
    {"L_MsgPartialPKey", KMS_LINE_PARTIAL_KEY},
    {"L_MsgErrorLicenseNotInUse", KMS_LINE_NOT_IN_USE},
    {"L_MsgLicenseStatusVL_1", KMS_LINE_EXPIRES},
    {"L_MsgLicenseStatusTBL_1", KMS_LINE_EXPIRES},
    {"L_MsgLicenseStatusAVMA_1", KMS_LINE_EXPIRES},
    {"L_MsgLicenseStatusTimeRemaining", KMS_LINE_EXPIRES},
    {"L_MsgNotificationErrorReasonExpiration", KMS_LINE_REASON},
    {"L_MsgNotificationErrorReasonNonGenuine", KMS_LINE_REASON},
    {"L_MsgNotificationErrorReasonOther", KMS_LINE_REASON},
    {"L_MsgRemainingWindowsRearmCount", KMS_LINE_REARM},
    {"L_MsgCurrentTrustedTime", KMS_LINE_TRUSTED_TIME},
    {"L_MsgActivationInterval", KMS_LINE_ACTIVATION_INTERVAL},
    {"L_MsgRenewalInterval", KMS_LINE_RENEWAL_INTERVAL},
    {"L_MsgKmsEnabled", KMS_LINE_ENABLED},
    {"L_MsgKmsCurrentCount", KMS_LINE_COUNT},
    {"L_MsgKmsListeningOnPort", KMS_LINE_PORT},
    {"L_MsgKmsDnsPublishingEnabled", KMS_LINE_DNS_ON},
    {"L_MsgKmsDnsPublishingDisabled", KMS_LINE_DNS_OFF},
    {"L_MsgKmsPriNormal", KMS_LINE_PRIORITY_NORMAL},
    {"L_MsgKmsPriLow", KMS_LINE_PRIORITY_LOW},
    {"L_MsgKmsCumulativeRequestsFromClients", KMS_LINE_HEADING},
    {"L_MsgKmsTotalRequestsRecieved", KMS_LINE_REQ_TOTAL},
    {"L_MsgKmsFailedRequestsReceived", KMS_LINE_REQ_FAILED},
    {"L_MsgKmsRequestsWithStatusUnlicensed", KMS_LINE_REQ_UNLICENSED},
    {"L_MsgKmsRequestsWithStatusLicensed", KMS_LINE_REQ_LICENSED},
    {"L_MsgKmsRequestsWithStatusInitialGrace", KMS_LINE_REQ_OOB},
    {"L_MsgKmsRequestsWithStatusLicenseExpiredOrHwidOot", KMS_LINE_REQ_OOT},
    {"L_MsgKmsRequestsWithStatusNonGenuineGrace", KMS_LINE_REQ_NON_GENUINE},
    {"L_MsgKmsRequestsWithStatusNotification", KMS_LINE_REQ_NOTIFICATION},
    {"L_MsgCmid", KMS_LINE_CLIENT},
    {"L_MsgKmsFromDns", KMS_LINE_CLIENT},
    {"L_MsgKmsFromDnsUnavailable", KMS_LINE_CLIENT},
    {"L_MsgKmsHostCachingEnabled", KMS_LINE_CLIENT},
    {"L_MsgKmsHostCachingDisabled", KMS_LINE_CLIENT},
    {"L_MsgKmsInfo", KMS_LINE_CLIENT},
    {"L_MsgKmsIpAddress", KMS_LINE_CLIENT},
    {"L_MsgKmsIpAddressUnavailable", KMS_LINE_CLIENT},
    {"L_MsgKmsPID4", KMS_LINE_CLIENT},
    {"L_MsgRegisteredKmsName", KMS_LINE_CLIENT},
    {"L_MsgErrorActivationID", KMS_LINE_ERROR},
    {"L_MsgErrorConnection", KMS_LINE_ERROR},
    {"L_MsgErrorPKey", KMS_LINE_ERROR},
    {"L_MsgErrorProductNotFound", KMS_LINE_ERROR},
    {"L_MsgRemoteWmiVersionMismatch", KMS_LINE_ERROR},
};

/* The numbers of these strings are those of enum kms_license_status. */
static const struct kind_row status_rows[] = {
    {"L_MsgLicenseStatusUnlicensed_1", KMS_LINE_STATUS},
    {"L_MsgLicenseStatusLicensed_1", KMS_LINE_STATUS},
    {"L_MsgLicenseStatusInitialGrace_1", KMS_LINE_STATUS},
    {"L_MsgLicenseStatusAdditionalGrace_1", KMS_LINE_STATUS},
    {"L_MsgLicenseStatusNonGenuineGrace_1", KMS_LINE_STATUS},
    {"L_MsgLicenseStatusNotification_1", KMS_LINE_STATUS},
    {"L_MsgLicenseStatusExtendedGrace_1", KMS_LINE_STATUS},
    {"L_MsgLicenseStatusUnknown", KMS_LINE_STATUS},
};

/* Wordings that real output has and that the list of strings lacks. */
static const struct kms_label more_labels[] = {
    {"L_MsgKmsEnabled", "en", "Key Management Service is enabled on this computer"},
};

/* Entries are found by their first character. */
#define BUCKETS  64
#define NO_ENTRY SIZE_MAX

struct entry {
    size_t at;   /* of its folded characters in the book's c */
    size_t next; /* entry of the same bucket, NO_ENTRY: the last */
    size_t count;
    enum kms_line_kind kind;
    uint32_t lang; /* one bit */
    bool open;     /* a placeholder follows at once: anything may come next */
    int status;    /* of a license status word; -1: the entry is a label */
};

struct kms_label_book {
    struct entry *entry;
    size_t count, cap;
    uint32_t *c; /* the folded characters of all entries, one after the other */
    size_t c_count, c_cap;
    size_t head[BUCKETS];
    const char *lang[KMS_LABEL_LANGS_MAX];
    size_t lang_count;
    /* The request labels of each language, which name the status words too. */
    struct kms_status_words words[KMS_LABEL_LANGS_MAX];
};

static size_t lang_of(struct kms_label_book *book, const char *lang)
{
    for (size_t i = 0; i < book->lang_count; i++) {
        if (kms_text_equal(book->lang[i], lang)) {
            return i;
        }
    }
    if (book->lang_count < KMS_LABEL_LANGS_MAX) {
        book->lang[book->lang_count++] = lang;
    }
    return book->lang_count - 1;
}

/* Makes room for one more entry and for count more characters. */
static enum kms_status make_room(struct kms_label_book *book, size_t count)
{
    if (book->count == book->cap) {
        size_t cap = book->cap == 0 ? 256 : book->cap * 2;
        struct entry *grown = realloc(book->entry, cap * sizeof(*grown));
        if (!grown) {
            return KMS_ENOMEM;
        }
        book->entry = grown;
        book->cap = cap;
    }
    if (book->c_cap - book->c_count < count) {
        size_t cap = book->c_cap * 2 + 8192 + count;
        uint32_t *grown = realloc(book->c, cap * sizeof(*grown));
        if (!grown) {
            return KMS_ENOMEM;
        }
        book->c = grown;
        book->c_cap = cap;
    }
    return KMS_OK;
}

static enum kms_status add(struct kms_label_book *book, const uint32_t *c, size_t count,
                           struct entry entry)
{
    while (count > 0 && (c[count - 1] == ':' || c[count - 1] == '.')) {
        count--;
    }
    if (count == 0) {
        return KMS_OK;
    }
    enum kms_status status = make_room(book, count);
    if (status != KMS_OK) {
        return status;
    }
    memcpy(book->c + book->c_count, c, count * sizeof(*c));
    entry.at = book->c_count;
    entry.count = count;
    entry.next = book->head[c[0] % BUCKETS];
    book->head[c[0] % BUCKETS] = book->count;
    book->c_count += count;
    book->entry[book->count++] = entry;
    return KMS_OK;
}

static size_t index_of(const struct kms_folded *folded, uint32_t wanted)
{
    size_t i = 0;
    while (i < folded->count && folded->c[i] != wanted) {
        i++;
    }
    return i;
}

static const struct kind_row *row_of(const struct kind_row *rows, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++) {
        if (kms_text_equal(rows[i].key, key)) {
            return &rows[i];
        }
    }
    return NULL;
}

/* "License Status: Licensed" is a label and a word; without a colon it is the label alone. */
static enum kms_status add_status(struct kms_label_book *book, const struct kms_folded *folded,
                                  uint32_t lang, int status)
{
    size_t colon = index_of(folded, ':');
    struct entry label = {.kind = KMS_LINE_STATUS, .lang = lang, .status = -1};
    enum kms_status added = add(book, folded->c, colon, label);
    if (added != KMS_OK || colon == folded->count || status > KMS_LICENSE_EXTENDED_GRACE) {
        return added;
    }
    struct entry word = {.kind = KMS_LINE_STATUS, .lang = lang, .status = status};
    return add(book, folded->c + colon + 1, folded->count - colon - 1, word);
}

static enum kms_status add_label(struct kms_label_book *book, const struct kms_label *label)
{
    struct kms_folded folded;
    kms_fold(label->text, strlen(label->text), &folded);
    size_t lang = lang_of(book, label->lang);
    struct entry entry = {.lang = UINT32_C(1) << lang, .kind = KMS_LINE_IGNORED, .status = -1};

    const struct kind_row *row = row_of(status_rows, KMS_COUNT_OF(status_rows), label->key);
    if (row) {
        return add_status(book, &folded, entry.lang, (int)(row - status_rows));
    }
    row = row_of(kind_rows, KMS_COUNT_OF(kind_rows), label->key);
    entry.kind = row ? row->kind : KMS_LINE_IGNORED;
    if (entry.kind >= KMS_LINE_REQ_UNLICENSED && entry.kind <= KMS_LINE_REQ_NOTIFICATION) {
        size_t at = (size_t)(entry.kind - KMS_LINE_REQ_UNLICENSED);
        book->words[lang].label[at] = label->text;
        book->words[lang].len[at] = strlen(label->text);
    }

    size_t colon = index_of(&folded, ':');
    size_t hole = index_of(&folded, '%');
    if (hole < colon) {
        entry.open = true;
        return add(book, folded.c, hole, entry);
    }
    if (hole == folded.count) {
        enum kms_status added = add(book, folded.c, folded.count, entry);
        if (added != KMS_OK) {
            return added;
        }
    }
    if (colon + 1 >= folded.count) {
        return KMS_OK;
    }
    bool priority = entry.kind == KMS_LINE_PRIORITY_NORMAL || entry.kind == KMS_LINE_PRIORITY_LOW;
    entry.kind = priority ? KMS_LINE_PRIORITY : entry.kind;
    return add(book, folded.c, colon, entry);
}

enum kms_status kms_label_book_new(struct kms_label_book **ret)
{
    struct kms_label_book *book = calloc(1, sizeof(*book));
    if (!book) {
        return KMS_ENOMEM;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        book->head[i] = NO_ENTRY;
    }
    size_t count;
    const struct kms_label *labels = kms_labels(&count);
    enum kms_status status = KMS_OK;
    for (size_t i = 0; i < count && status == KMS_OK; i++) {
        status = add_label(book, &labels[i]);
    }
    for (size_t i = 0; i < KMS_COUNT_OF(more_labels) && status == KMS_OK; i++) {
        status = add_label(book, &more_labels[i]);
    }
    if (status != KMS_OK) {
        kms_label_book_free(book);
        return status;
    }
    *ret = book;
    return KMS_OK;
}

void kms_label_book_free(struct kms_label_book *book)
{
    if (!book) {
        return;
    }
    free(book->c);
    free(book->entry);
    free(book);
}

/* The first character tells most of them apart. */
static bool same(const uint32_t *a, const uint32_t *b, size_t count)
{
    return a[0] == b[0] && memcmp(a, b, count * sizeof(*a)) == 0;
}

static const struct entry *entry_at(const struct kms_label_book *book, size_t index)
{
    return index == NO_ENTRY ? NULL : &book->entry[index];
}

static const struct entry *bucket(const struct kms_label_book *book,
                                  const struct kms_folded *folded)
{
    return folded->count == 0 ? NULL : entry_at(book, book->head[folded->c[0] % BUCKETS]);
}

static const struct entry *next(const struct kms_label_book *book, const struct entry *entry)
{
    return entry_at(book, entry->next);
}

static bool begins(const struct kms_label_book *book, const struct entry *entry,
                   const struct kms_folded *folded)
{
    return entry->count <= folded->count && same(book->c + entry->at, folded->c, entry->count);
}

static bool goes_on(const struct entry *entry, const struct kms_folded *folded)
{
    if (entry->open || entry->count == folded->count) {
        return true;
    }
    uint32_t next = folded->c[entry->count];
    return next == ':' || (next == '.' && entry->count + 1 == folded->count);
}

static size_t skip_blanks(const char *text, size_t len, size_t at)
{
    struct kms_rd rd = kms_rd_over(text, len);
    uint32_t c;
    if (!kms_rd_skip(&rd, at)) {
        return len;
    }
    while (kms_rd_utf8(&rd, &c) && kms_fold_is_blank(c)) {
        at = rd.at;
    }
    return at;
}

bool kms_label_find(const struct kms_label_book *book, const char *text, size_t len,
                    struct kms_label_hit *ret)
{
    struct kms_folded folded;
    kms_fold(text, len, &folded);
    const struct entry *best = NULL;
    uint32_t langs = 0;
    for (const struct entry *entry = bucket(book, &folded); entry; entry = next(book, entry)) {
        if (entry->status >= 0 || !begins(book, entry, &folded) || !goes_on(entry, &folded)) {
            continue;
        }
        if (!best || entry->count > best->count) {
            best = entry;
            langs = 0;
        }
        if (entry->count == best->count) {
            langs |= entry->lang;
        }
    }
    if (!best) {
        return false;
    }
    size_t end = best->count;
    if (end < folded.count && folded.c[end] == ':') {
        end++;
    }
    *ret = (struct kms_label_hit){.kind = best->kind,
                                  .langs = langs,
                                  .length = best->count,
                                  .value = skip_blanks(text, len, folded.end[end - 1])};
    return true;
}

bool kms_label_is_cut(const struct kms_label_book *book, const char *text, size_t len)
{
    struct kms_folded folded;
    kms_fold(text, len, &folded);
    /* A cut inside a character leaves the mark of an invalid one. */
    while (folded.count > 0 && folded.c[folded.count - 1] == 0xFFFD) {
        folded.count--;
    }
    if (folded.count == 0) {
        return false;
    }
    for (const struct entry *entry = bucket(book, &folded); entry; entry = next(book, entry)) {
        if (entry->status < 0 && entry->count > folded.count &&
            same(book->c + entry->at, folded.c, folded.count)) {
            return true;
        }
    }
    return false;
}

static void trim_end(struct kms_folded *folded)
{
    while (folded->count > 0 &&
           (folded->c[folded->count - 1] == '.' || folded->c[folded->count - 1] == ':')) {
        folded->count--;
    }
}

bool kms_label_status(const struct kms_label_book *book, const char *word, size_t len, int *ret)
{
    struct kms_folded folded;
    kms_fold(word, len, &folded);
    trim_end(&folded);
    for (const struct entry *entry = bucket(book, &folded); entry; entry = next(book, entry)) {
        if (entry->status >= 0 && entry->count == folded.count && begins(book, entry, &folded)) {
            *ret = entry->status;
            return true;
        }
    }
    for (size_t i = 0; i < book->lang_count; i++) {
        if (kms_status_words_find(&book->words[i], word, len, ret)) {
            return true;
        }
    }
    return false;
}

const char *kms_label_lang(const struct kms_label_book *book, size_t bit)
{
    return bit < book->lang_count ? book->lang[bit] : "unknown";
}

/* So many first or last letters may all six words have in common. */
#define SHARED_MAX 8

/* How many characters all labels share at their beginning, or at their end. */
static size_t shared(const struct kms_folded *labels, bool at_end)
{
    for (size_t n = 0;; n++) {
        for (size_t i = 0; i < 6; i++) {
            if (n >= labels[i].count) {
                return n;
            }
            uint32_t c = labels[i].c[at_end ? labels[i].count - 1 - n : n];
            uint32_t first = labels[0].c[at_end ? labels[0].count - 1 - n : n];
            if (c != first) {
                return n;
            }
        }
    }
}

/* The word must cover everything in which the label differs from the others; words that happen to
 * begin or end alike make that part shorter than the word. */
static bool names(const struct kms_folded *label, size_t head, size_t tail,
                  const struct kms_folded *word)
{
    if (head + tail >= label->count || word->count > label->count) {
        return false;
    }
    size_t differing = label->count - head - tail;
    for (size_t at = head > SHARED_MAX ? head - SHARED_MAX : 0;
         at <= head && at + word->count <= label->count; at++) {
        if (at + word->count >= head + differing &&
            at + word->count <= head + differing + SHARED_MAX &&
            memcmp(label->c + at, word->c, word->count * sizeof(*word->c)) == 0) {
            return true;
        }
    }
    return false;
}

bool kms_status_words_find(const struct kms_status_words *words, const char *word, size_t len,
                           int *ret)
{
    struct kms_folded label[6];
    struct kms_folded folded;
    kms_fold(word, len, &folded);
    trim_end(&folded);
    if (folded.count < 2) {
        return false;
    }
    for (size_t i = 0; i < 6; i++) {
        if (words->len[i] == 0) {
            return false;
        }
        kms_fold(words->label[i], words->len[i], &label[i]);
        trim_end(&label[i]);
    }
    size_t head = shared(label, false);
    size_t tail = shared(label, true);
    int found = -1;
    for (int i = 0; i < 6; i++) {
        if (names(&label[i], head, tail, &folded)) {
            if (found >= 0) {
                return false;
            }
            found = i;
        }
    }
    if (found >= 0) {
        *ret = found;
    }
    return found >= 0;
}
