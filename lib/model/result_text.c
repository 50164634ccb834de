/* Writes a result as lines of text and reads it back to the same. */
#include "model/result_text.h"

#include <string.h>

#include "base/text.h"
#include "model/script.h"

#define TIME_MAX (INT64_C(1) << 40) /* seconds: sums of a few never overflow */
#define SPAN_MAX (INT64_C(1) << 60) /* microseconds */

/* ---- what the facts can be ---- */

struct limits {
    int64_t min, max;
};

static struct limits limits_of(enum kms_fact_type type)
{
    switch (type) {
    case KMS_TYPE_UINT:
    case KMS_TYPE_HRESULT:
        return (struct limits){0, UINT32_MAX};
    case KMS_TYPE_BOOL:
        return (struct limits){0, 1};
    case KMS_TYPE_WORD:
        return (struct limits){0, UINT16_MAX};
    case KMS_TYPE_INT:
    case KMS_TYPE_TIME:
    case KMS_TYPE_TEXT:
        break;
    }
    return (struct limits){-TIME_MAX, TIME_MAX};
}

static bool within(int64_t number, struct limits limits)
{
    return number >= limits.min && number <= limits.max;
}

/* ---- writing ---- */

static enum kms_status write_word(struct kms_buf *buf, const char *set_name, int64_t number)
{
    const struct kms_word_set *set = kms_word_set_find(set_name);
    const char *label = set ? kms_word_label(set, (int)number) : "";
    int known = 0;

    if (set && kms_word_number(set, label, &known) && known == number) {
        return kms_buf_add_str(buf, label);
    }
    return kms_buf_addf(buf, "%lld", (long long)number);
}

static enum kms_status write_value(struct kms_buf *buf, const struct kms_fact_row *row,
                                   const struct kms_fact *fact)
{
    switch (row->type) {
    case KMS_TYPE_TEXT:
        return kms_script_write_text(buf, fact->text);
    case KMS_TYPE_WORD:
        return write_word(buf, row->unit, fact->number);
    case KMS_TYPE_BOOL:
        return kms_buf_add_str(buf, fact->number ? "yes" : "no");
    case KMS_TYPE_HRESULT:
        return kms_buf_addf(buf, "0x%08llX", (unsigned long long)fact->number);
    case KMS_TYPE_UINT:
    case KMS_TYPE_INT:
    case KMS_TYPE_TIME:
        break;
    }
    return kms_buf_addf(buf, "%lld", (long long)fact->number);
}

static enum kms_status write_facts(struct kms_buf *buf, const char *word,
                                   const struct kms_facts *facts)
{
    enum kms_status status = KMS_OK;

    for (size_t i = 0; status == KMS_OK && i < facts->count; i++) {
        const struct kms_fact *fact = &facts->fact[i];
        const struct kms_fact_row *row = kms_fact_row(fact->id);
        bool fits = row && (row->type == KMS_TYPE_TEXT) == (fact->text != NULL);
        if (!fits || (!fact->text && !within(fact->number, limits_of(row->type)))) {
            continue;
        }
        status = kms_buf_addf(buf, "%s %s ", word, row->token);
        if (status == KMS_OK) {
            status = write_value(buf, row, fact);
        }
        if (status == KMS_OK) {
            status = kms_buf_add(buf, "\n", 1);
        }
    }
    return status;
}

static int64_t bounded(int64_t number, int64_t max)
{
    if (number < 0) {
        return 0;
    }
    return number > max ? max : number;
}

static enum kms_status write_number(struct kms_buf *buf, const char *word, int64_t number,
                                    int64_t max)
{
    number = bounded(number, max);
    return number != 0 ? kms_buf_addf(buf, "%s %lld\n", word, (long long)number) : KMS_OK;
}

static enum kms_status write_data(struct kms_buf *buf, const struct kms_result *result)
{
    if (!result->data_s && !result->data_s_min && !result->data_s_max) {
        return KMS_OK;
    }
    return kms_buf_addf(buf, "data %lld %lld %lld\n", (long long)bounded(result->data_s, TIME_MAX),
                        (long long)bounded(result->data_s_min, TIME_MAX),
                        (long long)bounded(result->data_s_max, TIME_MAX));
}

static enum kms_status write_head(struct kms_buf *buf, const struct kms_result *result)
{
    enum kms_status status = kms_buf_addf(buf, "result %s %s\n",
                                          kms_word_label(kms_words_source(), (int)result->source),
                                          kms_outcome_row(result->outcome)->token);

    if (status == KMS_OK) {
        status = write_number(buf, "wall", result->wall_s, TIME_MAX);
    }
    if (status == KMS_OK) {
        status = write_data(buf, result);
    }
    if (status == KMS_OK) {
        status = write_number(buf, "duration", result->duration_us, SPAN_MAX);
    }
    if (status == KMS_OK) {
        status = write_number(buf, "waited", result->waited_us, SPAN_MAX);
    }
    if (status == KMS_OK && result->fingerprint != 0) {
        status = kms_buf_addf(buf, "fingerprint %016llx\n",
                              (unsigned long long)result->fingerprint);
    }
    return status;
}

/* word, texts in quotes, the end of the line. */
static enum kms_status write_texts(struct kms_buf *buf, const char *word, const char *first,
                                   const char *second)
{
    enum kms_status status = kms_buf_addf(buf, "%s ", word);

    if (status == KMS_OK) {
        status = kms_script_write_text(buf, first);
    }
    if (status == KMS_OK && second) {
        status = kms_buf_add(buf, " ", 1);
    }
    if (status == KMS_OK && second) {
        status = kms_script_write_text(buf, second);
    }
    return status == KMS_OK ? kms_buf_add(buf, "\n", 1) : status;
}

static enum kms_status write_result(struct kms_buf *buf, const struct kms_result *result)
{
    enum kms_status status = write_head(buf, result);

    if (status == KMS_OK && result->detail[0]) {
        status = write_texts(buf, "detail", result->detail, NULL);
    }
    if (status == KMS_OK) {
        status = write_facts(buf, "host-fact", &result->host);
    }
    for (size_t i = 0; status == KMS_OK && i < result->key_count; i++) {
        status = kms_buf_add_str(buf, "key\n");
        if (status == KMS_OK) {
            status = write_facts(buf, "fact", &result->key[i]);
        }
    }
    for (size_t i = 0; status == KMS_OK && i < result->note_count; i++) {
        const struct kms_note *note = &result->note[i];
        char word[KMS_SCRIPT_WORD_MAX];
        kms_text_format(word, sizeof word, "note %d", note->key);
        status = write_texts(buf, word, note->label, note->value);
    }
    return status == KMS_OK ? kms_buf_add_str(buf, "end\n") : status;
}

enum kms_status kms_result_text_write(const struct kms_result *result, struct kms_buf *buf)
{
    size_t before = buf->len;
    enum kms_status status = write_result(buf, result);

    if (status == KMS_OK && buf->len - before > KMS_RESULT_TEXT_MAX) {
        status = KMS_ETOOBIG;
    }
    if (status != KMS_OK) {
        kms_buf_cut(buf, before);
    }
    return status;
}

/* ---- reading ---- */

struct reader {
    struct kms_script script;
    struct kms_result result;
    struct kms_facts *key; /* the facts that follow are its */
    bool strict;
};

static enum kms_status wrong(struct reader *reader, const char *what, const char *word)
{
    return kms_script_wrong(&reader->script, what, word);
}

static enum kms_status no_memory(struct reader *reader)
{
    return kms_script_no_memory(&reader->script);
}

static bool value_of(const struct kms_fact_row *row, const char *word, int64_t *ret)
{
    const struct kms_word_set *set;
    uint32_t hex;
    int labelled;

    if (row->type == KMS_TYPE_BOOL) {
        *ret = kms_text_equal(word, "yes");
        return *ret || kms_text_equal(word, "no");
    }
    if (row->type == KMS_TYPE_HRESULT && kms_text_starts(word, "0x")) {
        bool read = kms_text_hex32(word, strlen(word), &hex);
        *ret = read ? hex : 0;
        return read;
    }
    set = row->type == KMS_TYPE_WORD ? kms_word_set_find(row->unit) : NULL;
    if (set && kms_word_number(set, word, &labelled)) {
        *ret = labelled;
        return true;
    }
    return kms_text_i64(word, ret) && within(*ret, limits_of(row->type));
}

static enum kms_status read_value(struct reader *reader, const struct kms_fact_row *row,
                                  struct kms_facts *facts)
{
    char word[KMS_SCRIPT_WORD_MAX];
    int64_t number;
    enum kms_status status;

    if (kms_facts_has(facts, row->id)) {
        return wrong(reader, "given twice:", row->token);
    }
    if (row->type == KMS_TYPE_TEXT) {
        status = kms_script_text(&reader->script);
        if (status != KMS_OK) {
            return status;
        }
        status = kms_facts_set_text(facts, row->id, kms_buf_str(&reader->script.text));
        return status == KMS_OK ? KMS_OK : no_memory(reader);
    }
    kms_script_word(&reader->script, word);
    if (!value_of(row, word, &number)) {
        char what[KMS_SCRIPT_WORD_MAX + 32];
        kms_text_format(what, sizeof what, "not a value of %s:", row->token);
        return wrong(reader, what, word);
    }
    return kms_facts_set_number(facts, row->id, number) == KMS_OK ? KMS_OK : no_memory(reader);
}

static const struct kms_fact_row *fact_by_token(const char *token)
{
    size_t count;
    const struct kms_fact_row *rows = kms_fact_rows(&count);

    for (size_t i = 0; i < count; i++) {
        if (kms_text_equal(rows[i].token, token)) {
            return &rows[i];
        }
    }
    return NULL;
}

static enum kms_status read_fact(struct reader *reader, struct kms_facts *facts)
{
    const struct kms_fact_row *row;
    char token[KMS_SCRIPT_WORD_MAX];

    kms_script_word(&reader->script, token);
    if (!*token) {
        return wrong(reader, "the name of a fact is missing", "");
    }
    row = fact_by_token(token);
    if (row) {
        return read_value(reader, row, facts);
    }
    if (reader->strict) {
        return wrong(reader, "no fact is called", token);
    }
    reader->script.line.at = reader->script.line.len;
    return KMS_OK;
}

/* ---- one line each ---- */

static enum kms_status read_time(struct reader *reader, int64_t *ret)
{
    return kms_script_number(&reader->script, 0, TIME_MAX, ret);
}

static enum kms_status line_wall(struct reader *reader)
{
    return read_time(reader, &reader->result.wall_s);
}

static enum kms_status line_data(struct reader *reader)
{
    struct kms_result *result = &reader->result;
    enum kms_status status = read_time(reader, &result->data_s);

    if (status == KMS_OK) {
        status = read_time(reader, &result->data_s_min);
    }
    return status == KMS_OK ? read_time(reader, &result->data_s_max) : status;
}

static enum kms_status line_duration(struct reader *reader)
{
    return kms_script_number(&reader->script, 0, SPAN_MAX, &reader->result.duration_us);
}

static enum kms_status line_waited(struct reader *reader)
{
    return kms_script_number(&reader->script, 0, SPAN_MAX, &reader->result.waited_us);
}

static enum kms_status line_fingerprint(struct reader *reader)
{
    char word[KMS_SCRIPT_WORD_MAX];
    uint32_t high;
    uint32_t low;

    kms_script_word(&reader->script, word);
    if (strlen(word) != 16 || strspn(word, "0123456789abcdef") != 16 ||
        !kms_text_hex32(word, 8, &high) || !kms_text_hex32(word + 8, 8, &low)) {
        return wrong(reader, "not 16 hexadecimal digits in lower case:", word);
    }
    reader->result.fingerprint = (uint64_t)high << 32 | low;
    return KMS_OK;
}

static enum kms_status line_detail(struct reader *reader)
{
    enum kms_status status = kms_script_text(&reader->script);

    if (status == KMS_OK) {
        kms_text_copy(reader->result.detail, sizeof reader->result.detail,
                      kms_buf_str(&reader->script.text));
    }
    return status;
}

static enum kms_status line_host_fact(struct reader *reader)
{
    return read_fact(reader, &reader->result.host);
}

static enum kms_status line_key(struct reader *reader)
{
    if (reader->result.key_count >= KMS_KEYS_MAX) {
        return wrong(reader, "too many keys", "");
    }
    reader->key = kms_result_add_key(&reader->result);
    return reader->key ? KMS_OK : no_memory(reader);
}

static enum kms_status line_fact(struct reader *reader)
{
    return reader->key ? read_fact(reader, reader->key)
                       : wrong(reader, "a fact of a key, but no key yet", "");
}

static enum kms_status note_of(struct reader *reader, int key, const char *label)
{
    enum kms_status status = kms_script_text(&reader->script);

    if (status == KMS_OK && kms_result_add_note(&reader->result, key, label,
                                                kms_buf_str(&reader->script.text)) != KMS_OK) {
        return no_memory(reader);
    }
    return status;
}

static enum kms_status line_note(struct reader *reader)
{
    int64_t last = (int64_t)reader->result.key_count - 1;
    int64_t key = 0;
    enum kms_status status = kms_script_number(&reader->script, -1, last, &key);
    struct kms_buf label;

    if (status == KMS_OK && reader->result.note_count >= KMS_NOTES_MAX) {
        return wrong(reader, "too many notes", "");
    }
    if (status == KMS_OK) {
        status = kms_script_text(&reader->script);
    }
    if (status != KMS_OK) {
        return status;
    }
    label = reader->script.text;
    kms_buf_init(&reader->script.text, KMS_RESULT_TEXT_MAX);
    status = note_of(reader, (int)key, kms_buf_str(&label));
    kms_buf_done(&label);
    return status;
}

static enum kms_status read_line(struct reader *reader, const char *word)
{
    static const struct {
        const char *word;
        enum kms_status (*read)(struct reader *reader);
    } lines[] = {
        {"wall", line_wall},     {"data", line_data},           {"duration", line_duration},
        {"waited", line_waited}, {"detail", line_detail},       {"fingerprint", line_fingerprint},
        {"key", line_key},       {"host-fact", line_host_fact}, {"fact", line_fact},
        {"note", line_note},
    };

    for (size_t i = 0; i < KMS_COUNT_OF(lines); i++) {
        if (kms_text_equal(lines[i].word, word)) {
            return lines[i].read(reader);
        }
    }
    return wrong(reader, "no line of a result begins with", word);
}

static bool outcome_by_token(const char *token, enum kms_outcome *ret)
{
    size_t count;
    const struct kms_outcome_row *rows = kms_outcome_rows(&count);

    for (size_t i = 0; i < count; i++) {
        if (kms_text_equal(rows[i].token, token)) {
            *ret = rows[i].number;
            return true;
        }
    }
    return false;
}

static enum kms_status read_head(struct reader *reader)
{
    char word[KMS_SCRIPT_WORD_MAX];
    int source;
    enum kms_outcome outcome;

    if (!kms_script_next(&reader->script)) {
        return wrong(reader, "no result", "");
    }
    kms_script_word(&reader->script, word);
    if (!kms_text_equal(word, "result")) {
        return wrong(reader, "a result begins with 'result', not with", word);
    }
    kms_script_word(&reader->script, word);
    if (!kms_word_number(kms_words_source(), word, &source)) {
        return wrong(reader, "no source is called", word);
    }
    kms_script_word(&reader->script, word);
    if (!outcome_by_token(word, &outcome)) {
        return wrong(reader, "no outcome is called", word);
    }
    kms_result_init(&reader->result, (enum kms_source)source);
    reader->result.outcome = outcome;
    return kms_script_at_end(&reader->script) ? KMS_OK : wrong(reader, "too much on this line", "");
}

static enum kms_status read_result(struct reader *reader)
{
    enum kms_status status = read_head(reader);
    char word[KMS_SCRIPT_WORD_MAX];

    while (status == KMS_OK && kms_script_next(&reader->script)) {
        kms_script_word(&reader->script, word);
        if (kms_text_equal(word, "end") && kms_script_at_end(&reader->script)) {
            return KMS_OK;
        }
        status = read_line(reader, word);
        if (status == KMS_OK && !kms_script_at_end(&reader->script)) {
            status = wrong(reader, "too much on this line", "");
        }
    }
    return status == KMS_OK ? wrong(reader, "the result has no 'end'", "") : status;
}

static enum kms_status read_one(const char *text, size_t len, bool strict, struct kms_result *ret,
                                size_t *ret_used, struct kms_fault *fault)
{
    size_t max = len < KMS_RESULT_TEXT_MAX ? len : KMS_RESULT_TEXT_MAX;
    struct reader reader = {.strict = strict};
    enum kms_status status;

    kms_result_init(&reader.result, KMS_SOURCE_RPC);
    kms_script_init(&reader.script, text, max, fault);
    status = read_result(&reader);
    if (status == KMS_EINVAL && max < len && kms_rd_left(&reader.script.rd) == 0) {
        status = kms_fault_set(fault, KMS_ETOOBIG, reader.script.number,
                               "a result is longer than %zu KB", KMS_RESULT_TEXT_MAX >> 10);
    }
    kms_script_done(&reader.script);
    if (status != KMS_OK) {
        kms_result_done(&reader.result);
        return status;
    }
    *ret = reader.result;
    *ret_used = reader.script.rd.at;
    return KMS_OK;
}

enum kms_status kms_result_text_read(const char *text, size_t len, struct kms_result *ret,
                                     size_t *ret_used, struct kms_fault *fault)
{
    return read_one(text, len, false, ret, ret_used, fault);
}

enum kms_status kms_result_text_read_strictly(const char *text, size_t len, struct kms_result *ret,
                                              size_t *ret_used, struct kms_fault *fault)
{
    return read_one(text, len, true, ret, ret_used, fault);
}
