/* Hosts and what they told, as text and back; the lines of a recording. */
#include "model/recording.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/recording_parts.h"
#include "model/result_text.h"

#define NUMBER_MAX        (INT64_C(1) << 40)
#define MAX_AGE_OF_REPORT (26 * INT64_C(3600000))

/* ---- writing ---- */

enum kms_status kms_recording_add_text(struct kms_buf *buf, const char *word, const char *text)
{
    enum kms_status status = text ? kms_buf_addf(buf, "%s ", word) : KMS_OK;

    if (text && status == KMS_OK) {
        status = kms_script_write_text(buf, text);
    }
    return text && status == KMS_OK ? kms_buf_add(buf, "\n", 1) : status;
}

static enum kms_status add_classes(struct kms_buf *buf, uint32_t classes)
{
    enum kms_status status = classes ? kms_buf_add_str(buf, "classes") : KMS_OK;

    for (int c = 1; status == KMS_OK && c <= KMS_CLASS_MAX; c++) {
        if (classes & KMS_CLASS_BIT(c)) {
            status = kms_buf_addf(buf, " %s", kms_word_label(kms_words_client_class(), c));
        }
    }
    return classes && status == KMS_OK ? kms_buf_add(buf, "\n", 1) : status;
}

static enum kms_status add_duration(struct kms_buf *buf, const char *word, int64_t ms)
{
    char text[32];

    if (ms <= 0) {
        return KMS_OK;
    }
    kms_text_duration(text, sizeof text, ms);
    return kms_buf_addf(buf, " %s %s", word, text);
}

static enum kms_status add_source(struct kms_buf *buf, int number,
                                  const struct kms_source_config *source)
{
    enum kms_status status = kms_buf_addf(buf, "source %s",
                                          kms_word_label(kms_words_source(), number));

    if (status == KMS_OK) {
        status = add_duration(buf, "interval", source->interval_ms);
    }
    if (status == KMS_OK) {
        status = add_duration(buf, "max-age", source->max_age_ms);
    }
    /* Where people say nothing, a report has a limit. */
    if (status == KMS_OK && number == KMS_SOURCE_REPORT && source->max_age_ms == 0) {
        status = kms_buf_add_str(buf, " max-age 0s");
    }
    return status == KMS_OK ? kms_buf_add(buf, "\n", 1) : status;
}

static enum kms_status add_target(struct kms_buf *buf, const struct kms_target *target)
{
    enum kms_status status = kms_recording_add_text(buf, "host", target->name);

    if (status == KMS_OK) {
        status = kms_recording_add_text(buf, "address", target->address);
    }
    if (status == KMS_OK && target->port_given) {
        status = kms_buf_addf(buf, "port %lld\n", (long long)target->port);
    }
    if (status == KMS_OK && target->origin == KMS_ORIGIN_DISCOVERED) {
        status = kms_buf_add_str(buf, "origin discovered\n");
    }
    if (status == KMS_OK) {
        status = add_classes(buf, target->classes);
    }
    for (size_t i = 0; status == KMS_OK && i < target->publish_in.count; i++) {
        status = kms_recording_add_text(buf, "publish-in", target->publish_in.text[i]);
    }
    for (int i = 1; status == KMS_OK && i <= KMS_SOURCE_MAX; i++) {
        if (target->source[i].enabled) {
            status = add_source(buf, i, &target->source[i]);
        }
    }
    return status;
}

static enum kms_status add_tally(struct kms_buf *buf, int source, const struct kms_tally *tally)
{
    if (tally->attempts == 0) {
        return KMS_OK;
    }
    return kms_buf_addf(buf, "tally %s %u %u %u %lld %lld\n",
                        kms_word_label(kms_words_source(), source), tally->attempts,
                        tally->failures, tally->consecutive_failures,
                        (long long)tally->last_attempt_s, (long long)tally->last_success_s);
}

enum kms_status kms_recording_write_host(const struct kms_snapshot *snapshot, struct kms_buf *buf)
{
    size_t before = buf->len;
    enum kms_status status = add_target(buf, snapshot->target);

    for (int i = 1; status == KMS_OK && i <= KMS_SOURCE_MAX; i++) {
        status = add_tally(buf, i, &snapshot->tally[i]);
    }
    if (status != KMS_OK) {
        kms_buf_cut(buf, before);
    }
    return status;
}

enum kms_status kms_recording_write_window(const char *identity, struct kms_buf *buf)
{
    return kms_recording_add_text(buf, "window", identity);
}

const struct kms_result *kms_recording_result(const struct kms_snapshot *snapshot, size_t number)
{
    size_t source = number / 2 + 1;
    const struct kms_result *last = snapshot->last[source];

    if (number % 2 == 1) {
        return last;
    }
    return snapshot->good[source] != last ? snapshot->good[source] : NULL;
}

enum kms_status kms_recording_write(const struct kms_snapshot *snapshot, struct kms_buf *buf)
{
    size_t before = buf->len;
    enum kms_status status = kms_recording_write_host(snapshot, buf);

    for (size_t i = 0; status == KMS_OK && i < KMS_RECORDING_RESULTS; i++) {
        const struct kms_result *result = kms_recording_result(snapshot, i);
        status = result ? kms_result_text_write(result, buf) : KMS_OK;
    }
    if (status != KMS_OK) {
        kms_buf_cut(buf, before);
    }
    return status;
}

/* ---- reading ---- */

static enum kms_status wrong(struct kms_recording_reader *reader, const char *what,
                             const char *word)
{
    return kms_script_wrong(&reader->script, what, word);
}

static enum kms_status read_duration(struct kms_recording_reader *reader, int64_t *ret_ms)
{
    char word[KMS_SCRIPT_WORD_MAX];

    kms_script_word(&reader->script, word);
    return kms_text_duration_ms(word, ret_ms) && *ret_ms <= KMS_RECORDING_AT_MAX_MS
               ? KMS_OK
               : wrong(reader, "not a duration:", word);
}

enum kms_status kms_recording_read_word(struct kms_recording_reader *reader,
                                        const struct kms_word_set *set, const char *what, int *ret)
{
    char word[KMS_SCRIPT_WORD_MAX];

    kms_script_word(&reader->script, word);
    return kms_word_number(set, word, ret) ? KMS_OK : wrong(reader, what, word);
}

static bool is_host(const struct kms_recording_reader *reader, const char *name)
{
    for (size_t i = 0; i < reader->recording.host_count; i++) {
        if (kms_text_equal_nocase(reader->recording.host[i].target.name, name)) {
            return true;
        }
    }
    return false;
}

static struct kms_recorded_host *add_host(struct kms_recording *recording)
{
    size_t count = recording->host_count;
    /* The array doubles when it is full: whenever the count is a power of two. */
    if ((count & (count - 1)) == 0) {
        size_t cap = count == 0 ? 1 : 2 * count;
        struct kms_recorded_host *host = realloc(recording->host, cap * sizeof *host);
        if (!host) {
            return NULL;
        }
        recording->host = host;
    }
    recording->host[count] = (struct kms_recorded_host){
        .target = {.port = KMS_DEFAULT_PORT, .origin = KMS_ORIGIN_CONFIGURED}};
    recording->host_count++;
    return &recording->host[count];
}

static enum kms_status line_host(struct kms_recording_reader *reader)
{
    enum kms_status status = kms_script_text(&reader->script);
    const char *name = kms_buf_str(&reader->script.text);

    if (status != KMS_OK) {
        return status;
    }
    if (!*name || is_host(reader, name)) {
        return wrong(reader, *name ? "there is a host of this name already:" : "a host has a name",
                     name);
    }
    reader->host = add_host(&reader->recording);
    if (!reader->host) {
        return kms_script_no_memory(&reader->script);
    }
    reader->domain = NULL;
    reader->at_ms = 0;
    reader->host->target.name = kms_text_dup(name);
    return reader->host->target.name ? KMS_OK : kms_script_no_memory(&reader->script);
}

static enum kms_status line_address(struct kms_recording_reader *reader)
{
    struct kms_target *target = &reader->host->target;
    enum kms_status status = kms_script_text(&reader->script);

    if (status != KMS_OK) {
        return status;
    }
    free(target->address);
    target->address = kms_text_dup(kms_buf_str(&reader->script.text));
    return target->address ? KMS_OK : kms_script_no_memory(&reader->script);
}

static enum kms_status line_port(struct kms_recording_reader *reader)
{
    reader->host->target.port_given = true;
    return kms_script_number(&reader->script, 1, 65535, &reader->host->target.port);
}

static enum kms_status line_origin(struct kms_recording_reader *reader)
{
    int origin = 0;
    enum kms_status status = kms_recording_read_word(
        reader, kms_words_origin(), "an origin is configured or discovered, not", &origin);

    if (status == KMS_OK) {
        reader->host->target.origin = (enum kms_origin)origin;
    }
    return status;
}

static enum kms_status line_classes(struct kms_recording_reader *reader)
{
    enum kms_status status = KMS_OK;

    do {
        int cls = 0;
        status = kms_recording_read_word(reader, kms_words_client_class(), "no class is called",
                                         &cls);
        if (status == KMS_OK) {
            reader->host->target.classes |= KMS_CLASS_BIT(cls);
        }
    } while (status == KMS_OK && !kms_script_at_end(&reader->script));
    return status;
}

static enum kms_status line_publish_in(struct kms_recording_reader *reader)
{
    enum kms_status status = kms_script_text(&reader->script);

    if (status == KMS_OK && kms_texts_add(&reader->host->target.publish_in,
                                          kms_buf_str(&reader->script.text)) != KMS_OK) {
        return kms_script_no_memory(&reader->script);
    }
    return status;
}

static struct kms_source_config *enable(struct kms_recording_reader *reader, int source)
{
    struct kms_source_config *config = &reader->host->target.source[source];

    if (!config->enabled && source == KMS_SOURCE_REPORT && reader->strict) {
        config->max_age_ms = MAX_AGE_OF_REPORT;
    }
    config->enabled = true;
    return config;
}

static enum kms_status line_source(struct kms_recording_reader *reader)
{
    int source = 0;
    enum kms_status status = kms_recording_read_word(reader, kms_words_source(),
                                                     "no source is called", &source);
    struct kms_source_config *config = status == KMS_OK ? enable(reader, source) : NULL;

    while (status == KMS_OK && !kms_script_at_end(&reader->script)) {
        char word[KMS_SCRIPT_WORD_MAX];
        kms_script_word(&reader->script, word);
        if (kms_text_equal(word, "interval")) {
            status = read_duration(reader, &config->interval_ms);
        } else if (kms_text_equal(word, "max-age")) {
            status = read_duration(reader, &config->max_age_ms);
        } else {
            status = wrong(reader, "a source has interval and max-age, not", word);
        }
    }
    return status;
}

static enum kms_status line_tally(struct kms_recording_reader *reader)
{
    int source = 0;
    int64_t number[5] = {0};
    enum kms_status status = kms_recording_read_word(reader, kms_words_source(),
                                                     "no source is called", &source);

    for (size_t i = 0; status == KMS_OK && i < KMS_COUNT_OF(number); i++) {
        status = kms_script_number(&reader->script, 0, i < 3 ? UINT32_MAX : NUMBER_MAX, &number[i]);
    }
    if (status == KMS_OK) {
        reader->host->tally[source] = (struct kms_tally){
            .attempts = (uint32_t)number[0],
            .failures = (uint32_t)number[1],
            .consecutive_failures = (uint32_t)number[2],
            .last_attempt_s = number[3],
            .last_success_s = number[4]};
    }
    return status;
}

static enum kms_status line_at(struct kms_recording_reader *reader)
{
    int64_t at_ms = 0;
    enum kms_status status = read_duration(reader, &at_ms);

    if (status == KMS_OK && at_ms < reader->at_ms) {
        return wrong(reader, "this is before the time above", "");
    }
    reader->at_ms = at_ms;
    return status;
}

static enum kms_status line_repeat(struct kms_recording_reader *reader)
{
    int64_t *repeat_ms = reader->domain ? &reader->domain->repeat_ms : &reader->host->repeat_ms;
    enum kms_status status = read_duration(reader, repeat_ms);

    if (status == KMS_OK && *repeat_ms <= reader->at_ms) {
        return wrong(reader, "a course that begins again does so after its last time", "");
    }
    return status;
}

static enum kms_status keep_told(struct kms_recording_reader *reader, struct kms_result *result)
{
    struct kms_recorded_host *host = reader->host;
    struct kms_told *told = realloc(host->told, (host->told_count + 1) * sizeof *told);

    if (!told) {
        kms_result_done(result);
        return kms_script_no_memory(&reader->script);
    }
    host->told = told;
    host->told[host->told_count++] = (struct kms_told){reader->at_ms, *result};
    (void)enable(reader, (int)result->source);
    return KMS_OK;
}

/* From the start of its first line. */
static enum kms_status read_result(struct kms_recording_reader *reader)
{
    struct kms_script *script = &reader->script;
    const char *text = (const char *)script->rd.p + script->start;
    size_t left = script->rd.len - script->start;
    struct kms_result result;
    struct kms_fault fault = {.text = ""};
    size_t used = 0;
    enum kms_status status = reader->strict
                                 ? kms_result_text_read_strictly(text, left, &result, &used, &fault)
                                 : kms_result_text_read(text, left, &result, &used, &fault);

    if (status != KMS_OK) {
        return kms_fault_set(script->fault, status, script->number - 1 + fault.offset, "%s",
                             fault.text);
    }
    script->number--;
    script->rd.at = script->start;
    while (script->rd.at < script->start + used) {
        const char *line;
        size_t len;
        (void)kms_rd_line(&script->rd, &line, &len);
        script->number++;
    }
    script->line = kms_rd_over("", 0);
    return keep_told(reader, &result);
}

static struct kms_recorded_window *add_window(struct kms_recorded_host *host)
{
    struct kms_recorded_window *window = realloc(host->window,
                                                 (host->window_count + 1) * sizeof *window);

    if (!window) {
        return NULL;
    }
    host->window = window;
    host->window[host->window_count] = (struct kms_recorded_window){0};
    return &host->window[host->window_count++];
}

/* Its lines are kept as they are. */
static enum kms_status line_window(struct kms_recording_reader *reader)
{
    struct kms_script *script = &reader->script;
    enum kms_status status = kms_script_text(script);
    struct kms_recorded_window *window = status == KMS_OK ? add_window(reader->host) : NULL;
    size_t from = script->rd.at;
    bool ended = false;

    if (status != KMS_OK) {
        return status;
    }
    if (window) {
        window->identity = kms_text_dup(kms_buf_str(&script->text));
    }
    while (!ended && kms_script_next(script)) {
        char word[KMS_SCRIPT_WORD_MAX];
        kms_script_word(script, word);
        ended = kms_text_equal(word, "end");
    }
    if (!ended) {
        return wrong(reader, "the window has no 'end'", "");
    }
    script->line = kms_rd_over("", 0);
    if (window) {
        window->text = kms_text_dup_len((const char *)script->rd.p + from, script->rd.at - from);
    }
    return window && window->identity && window->text ? KMS_OK : kms_script_no_memory(script);
}

/* What a line may be about. */
enum about { ABOUT_NONE, ABOUT_HOST, ABOUT_DOMAIN, ABOUT_EITHER };

static enum kms_status check_about(struct kms_recording_reader *reader, enum about about,
                                   const char *word)
{
    if (about == ABOUT_HOST && !reader->host) {
        return wrong(reader, "a host must be named before", word);
    }
    if (about == ABOUT_DOMAIN && !reader->domain) {
        return wrong(reader, "a domain must be named before", word);
    }
    if (about == ABOUT_EITHER && !reader->host && !reader->domain) {
        return wrong(reader, "a host or a domain must be named before", word);
    }
    return KMS_OK;
}

static enum kms_status read_line(struct kms_recording_reader *reader, const char *word)
{
    static const struct {
        const char *word;
        enum kms_status (*read)(struct kms_recording_reader *reader);
        enum about about;
    } lines[] = {
        {"host", line_host, ABOUT_NONE},
        {"domain", kms_recording_line_domain, ABOUT_NONE},
        {"address", line_address, ABOUT_HOST},
        {"port", line_port, ABOUT_HOST},
        {"origin", line_origin, ABOUT_HOST},
        {"classes", line_classes, ABOUT_HOST},
        {"publish-in", line_publish_in, ABOUT_HOST},
        {"source", line_source, ABOUT_HOST},
        {"tally", line_tally, ABOUT_HOST},
        {"result", read_result, ABOUT_HOST},
        {"window", line_window, ABOUT_HOST},
        {"want-hosts", kms_recording_line_want_hosts, ABOUT_DOMAIN},
        {"expect", kms_recording_line_expect, ABOUT_DOMAIN},
        {"discover", kms_recording_line_discover, ABOUT_DOMAIN},
        {"lookup", kms_recording_line_lookup, ABOUT_DOMAIN},
        {"at", line_at, ABOUT_EITHER},
        {"repeat", line_repeat, ABOUT_EITHER},
    };

    for (size_t i = 0; i < KMS_COUNT_OF(lines); i++) {
        if (!kms_text_equal(lines[i].word, word)) {
            continue;
        }
        enum kms_status status = check_about(reader, lines[i].about, word);
        return status == KMS_OK ? lines[i].read(reader) : status;
    }
    return wrong(reader, "no line begins with", word);
}

static enum kms_status read_all(struct kms_recording_reader *reader)
{
    enum kms_status status = KMS_OK;

    while (status == KMS_OK && kms_script_next(&reader->script)) {
        char word[KMS_SCRIPT_WORD_MAX];
        kms_script_word(&reader->script, word);
        status = read_line(reader, word);
        if (status == KMS_OK && !kms_script_at_end(&reader->script)) {
            status = wrong(reader, "too much on this line", "");
        }
    }
    return status;
}

enum kms_status kms_recording_read(const char *text, size_t len, bool strict,
                                   struct kms_recording *ret, struct kms_fault *fault)
{
    struct kms_recording_reader reader = {.strict = strict};
    enum kms_status status;

    kms_script_init(&reader.script, text, len, fault);
    status = read_all(&reader);
    kms_script_done(&reader.script);
    if (status != KMS_OK) {
        kms_recording_done(&reader.recording);
        return status;
    }
    *ret = reader.recording;
    return KMS_OK;
}

void kms_recording_done(struct kms_recording *recording)
{
    for (size_t i = 0; i < recording->host_count; i++) {
        struct kms_recorded_host *host = &recording->host[i];
        kms_target_done(&host->target);
        for (size_t k = 0; k < host->told_count; k++) {
            kms_result_done(&host->told[k].result);
        }
        free(host->told);
        for (size_t k = 0; k < host->window_count; k++) {
            free(host->window[k].identity);
            free(host->window[k].text);
        }
        free(host->window);
    }
    free(recording->host);
    for (size_t i = 0; i < recording->domain_count; i++) {
        kms_recorded_domain_done(&recording->domain[i]);
    }
    free(recording->domain);
    *recording = (struct kms_recording){0};
}

/* ---- times ---- */

static void move_facts(struct kms_facts *facts, int64_t by_s)
{
    for (size_t i = 0; i < facts->count; i++) {
        const struct kms_fact_row *row = kms_fact_row(facts->fact[i].id);
        if (row && row->type == KMS_TYPE_TIME) {
            facts->fact[i].number += by_s;
        }
    }
}

static void move_time(int64_t *time_s, int64_t by_s)
{
    *time_s += *time_s != 0 ? by_s : 0;
}

void kms_result_move(struct kms_result *result, int64_t by_s)
{
    move_time(&result->data_s, by_s);
    move_time(&result->data_s_min, by_s);
    move_time(&result->data_s_max, by_s);
    move_facts(&result->host, by_s);
    for (size_t i = 0; i < result->key_count; i++) {
        move_facts(&result->key[i], by_s);
    }
}
