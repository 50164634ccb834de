/* Names and texts of the records of what hosts told. */
#include "agent/memories_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/result_text.h"
#include "store/store.h"
#include "store/word.h"

#define HEAD       "place "
#define HEAD_DIGIT 16

/* ---- places ---- */

static uint64_t add_text(uint64_t hash, const char *text)
{
    const char *at = text ? text : "\n";
    do {
        hash = (hash ^ (uint8_t)*at) * UINT64_C(1099511628211);
    } while (*at++);
    return hash;
}

static uint64_t add_source(uint64_t hash, const struct kms_target *target, enum kms_source source)
{
    const struct kms_source_config *config = &target->source[source];
    char port[64];
    kms_text_format(port, sizeof port, "%d %" PRId64 " %" PRId64, (int)source, target->port,
                    config->port);
    return add_text(add_text(hash, port), config->url);
}

uint64_t kms_memories_place(const struct kms_target *target, enum kms_source source)
{
    uint64_t hash = add_text(UINT64_C(14695981039346656037), kms_target_address(target));
    for (int i = 1; i <= KMS_SOURCE_MAX; i++) {
        if (i == (int)source || source == 0) {
            hash = add_source(hash, target, (enum kms_source)i);
        }
    }
    return hash;
}

static bool read_place(struct kms_rd *rd, uint64_t *ret)
{
    const uint8_t *digits;
    uint32_t high;
    uint32_t low;
    if (!kms_rd_match(rd, HEAD, strlen(HEAD)) || !kms_rd_span(rd, HEAD_DIGIT, &digits) ||
        !kms_text_hex32((const char *)digits, 8, &high) ||
        !kms_text_hex32((const char *)digits + 8, 8, &low)) {
        return false;
    }
    *ret = (uint64_t)high << 32 | low;
    return true;
}

/* ---- names ---- */

static enum kms_status write_host(struct kms_buf *name, const char *host)
{
    char *lower = kms_text_dup(host);
    if (!lower) {
        return KMS_ENOMEM;
    }
    for (char *c = lower; *c; c++) {
        *c = kms_text_lower(*c);
    }
    enum kms_status status = kms_word_write(name, lower);
    free(lower);
    return status;
}

enum kms_status kms_memories_name_host(const char *host, struct kms_buf *word)
{
    kms_buf_clear(word);
    return write_host(word, host);
}

static enum kms_status write_name(struct kms_buf *name, const char *host, const char *rest)
{
    kms_buf_clear(name);
    enum kms_status status = write_host(name, host);
    return status == KMS_OK ? kms_buf_addf(name, " %s", rest) : status;
}

/* ---- results ---- */

enum kms_status kms_memories_write_result(const struct kms_target *target,
                                          const struct kms_result *result, struct kms_buf *name,
                                          struct kms_buf *text)
{
    const char *source = kms_word_label(kms_words_source(), (int)result->source);
    enum kms_status status = write_name(name, target->name, source);
    kms_buf_clear(text);
    if (status == KMS_OK) {
        status = kms_buf_addf(text, HEAD "%016" PRIx64 "\n",
                              kms_memories_place(target, result->source));
    }
    return status == KMS_OK ? kms_result_text_write(result, text) : status;
}

enum kms_status kms_memories_read_result(const char *text, size_t len, uint64_t *ret_place,
                                         struct kms_result *ret)
{
    struct kms_rd rd = kms_rd_over(text, len);
    size_t used = 0;
    if (!read_place(&rd, ret_place) || !kms_rd_match(&rd, "\n", 1)) {
        return KMS_ESYNTAX;
    }
    return kms_result_text_read(text + rd.at, len - rd.at, ret, &used, NULL);
}

/* Lines that say when and how long, and no more; the detail of what went well has such words. */
static bool is_time(const char *line)
{
    static const char *const words[] = {"wall ",
                                        "data ",
                                        "duration ",
                                        "waited ",
                                        "detail ",
                                        "fingerprint ",
                                        "host-fact rpc-latency ",
                                        "host-fact rpc-connect ",
                                        "host-fact rpc-bind ",
                                        "host-fact clock-skew ",
                                        "fact answered "};
    for (size_t i = 0; i < KMS_COUNT_OF(words); i++) {
        if (kms_text_starts(line, words[i])) {
            return true;
        }
    }
    return false;
}

uint64_t kms_memories_content(const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    while (*text) {
        size_t len = strcspn(text, "\n");
        bool counts = !is_time(text);
        for (size_t i = 0; counts && i < len; i++) {
            hash = (hash ^ (uint8_t)text[i]) * UINT64_C(1099511628211);
        }
        text += len + (text[len] ? 1 : 0);
    }
    return hash;
}

/* ---- windows ---- */

enum kms_status kms_memories_name_window(const struct kms_target *target, const char *identity,
                                         struct kms_buf *name)
{
    return write_name(name, target->name, identity);
}

enum kms_status kms_memories_write_window(const struct kms_target *target, const char *identity,
                                          const struct kms_window *window,
                                          const struct kms_now *now, const char *boot,
                                          struct kms_buf *name, struct kms_buf *text)
{
    enum kms_status status = write_name(name, target->name, identity);
    kms_buf_clear(text);
    if (status == KMS_OK) {
        status = kms_buf_addf(text, HEAD "%016" PRIx64 " %" PRId64 "\n",
                              kms_memories_place(target, 0), now->wall_s);
    }
    return status == KMS_OK ? kms_window_write(window, now, boot, text) : status;
}

static enum kms_status read_window_head(struct kms_rd *rd, uint64_t *ret_place, int64_t *ret_wall_s)
{
    const char *line;
    size_t line_len;
    uint64_t wall_s;
    if (!read_place(rd, ret_place) || !kms_rd_match(rd, " ", 1) ||
        !kms_rd_line(rd, &line, &line_len) || !kms_text_u64_len(line, line_len, &wall_s) ||
        wall_s > INT64_MAX) {
        return KMS_ESYNTAX;
    }
    *ret_wall_s = (int64_t)wall_s;
    return KMS_OK;
}

enum kms_status kms_memories_read_window_wall(const char *text, size_t len, int64_t *ret_wall_s)
{
    struct kms_rd rd = kms_rd_over(text, len);
    uint64_t place;
    return read_window_head(&rd, &place, ret_wall_s);
}

enum kms_status kms_memories_read_window(const char *text, size_t len, const struct kms_now *now,
                                         const char *boot, uint64_t *ret_place, int64_t *ret_wall_s,
                                         struct kms_window *ret)
{
    struct kms_rd rd = kms_rd_over(text, len);
    size_t used = 0;
    enum kms_status status = read_window_head(&rd, ret_place, ret_wall_s);
    if (status != KMS_OK) {
        return status;
    }
    return kms_window_read(text + rd.at, len - rd.at, now, boot, ret, &used, NULL);
}

/* ---- hosts ---- */

static int compare_hosts(const void *a, const void *b)
{
    const struct kms_memories_host *x = a;
    const struct kms_memories_host *y = b;
    return strcmp(x->word, y->word);
}

static char *word_of(const char *host)
{
    struct kms_buf word;
    kms_buf_init(&word, KMS_STORE_NAME_MAX);
    char *taken = write_host(&word, host) == KMS_OK ? kms_buf_take(&word) : NULL;
    kms_buf_done(&word);
    return taken;
}

bool kms_memories_list_hosts(const struct kms_board *board, struct kms_memories_host **ret,
                             size_t *ret_count)
{
    size_t count = kms_board_count(board);
    struct kms_memories_host *host = calloc(count + 1, sizeof *host);
    size_t listed = 0;
    for (size_t i = 0; host && i < count; i++) {
        const struct kms_snapshot *snapshot = kms_board_snapshot(board, i);
        char *word = snapshot->retired ? NULL : word_of(snapshot->target->name);
        if (word) {
            host[listed++] = (struct kms_memories_host){.word = word, .slot = i};
        }
    }
    if (!host) {
        return false;
    }
    qsort(host, listed, sizeof *host, compare_hosts);
    *ret = host;
    *ret_count = listed;
    return true;
}

void kms_memories_free_hosts(struct kms_memories_host *host, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(host[i].word);
    }
    free(host);
}

const struct kms_memories_host *kms_memories_find_host(const struct kms_memories_host *host,
                                                       size_t count, const char *name)
{
    char word[KMS_STORE_NAME_MAX + 1];
    struct kms_rd rd = kms_rd_over(name, strlen(name));
    if (!kms_rd_word(&rd, word, sizeof word)) {
        return NULL;
    }
    const struct kms_memories_host wanted = {.word = word};
    return bsearch(&wanted, host, count, sizeof *host, compare_hosts);
}
