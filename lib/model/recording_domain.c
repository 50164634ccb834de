/* Domains of a recording and what was looked up, as text and back. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/recording_parts.h"
#include "model/zone_parts.h"

#define TTL         3600 /* of the records that a KMS host registers */
#define HOSTS_MAX   1000 /* wanted ones, as in the configuration */
#define DETAIL_SIZE (sizeof((struct kms_zone *)0)->detail)
#define TEXT_SIZE   (sizeof((struct kms_zone_servers *)0)->text)

static const char *const servers_words[] = {[KMS_RECORDED_SERVERS_UNKNOWN] = "unknown",
                                            [KMS_RECORDED_SERVERS_AGREE] = "agree",
                                            [KMS_RECORDED_SERVERS_DIFFER] = "differ",
                                            [KMS_RECORDED_SERVERS_RESOLVER] = "resolver-differs"};

/* ---- writing ---- */

static enum kms_status add_record(struct kms_buf *buf, const struct kms_recorded_record *record)
{
    enum kms_status status = kms_buf_add_str(buf, "  record ");
    if (status == KMS_OK) {
        status = kms_script_write_text(buf, record->target);
    }
    if (status == KMS_OK) {
        status = kms_buf_addf(buf, " port %u priority %u weight %u ttl %u\n",
                              (unsigned)record->port, (unsigned)record->priority,
                              (unsigned)record->weight, (unsigned)record->ttl);
    }
    for (size_t i = 0; status == KMS_OK && i < record->address.count; i++) {
        status = kms_recording_add_text(buf, "    address", record->address.text[i]);
    }
    if (status == KMS_OK && record->found != KMS_OUTCOME_NONE && record->found != KMS_OUTCOME_OK) {
        status = kms_buf_addf(buf, "    target %s\n", kms_outcome_row(record->found)->token);
    }
    if (status == KMS_OK && record->bind != KMS_RPC_UNKNOWN) {
        status = kms_buf_addf(buf, "    bind %s\n",
                              kms_word_label(kms_words_rpc_state(), (int)record->bind));
    }
    return status;
}

static enum kms_status add_servers(struct kms_buf *buf, const struct kms_recorded_lookup *lookup)
{
    if (lookup->servers == KMS_RECORDED_SERVERS_UNTOLD) {
        return KMS_OK;
    }
    enum kms_status status = kms_buf_addf(buf, "  servers %s", servers_words[lookup->servers]);
    if (status == KMS_OK) {
        return lookup->servers_text ? kms_recording_add_text(buf, "", lookup->servers_text)
                                    : kms_buf_add(buf, "\n", 1);
    }
    return status;
}

static enum kms_status add_lookup(struct kms_buf *buf, const struct kms_recorded_lookup *lookup)
{
    enum kms_status status = kms_buf_addf(buf, "lookup %s\n",
                                          kms_outcome_row(lookup->outcome)->token);
    if (status == KMS_OK) {
        status = kms_recording_add_text(buf, "  detail", lookup->detail);
    }
    for (size_t i = 0; status == KMS_OK && i < lookup->record_count; i++) {
        status = add_record(buf, &lookup->record[i]);
    }
    if (status == KMS_OK) {
        status = add_servers(buf, lookup);
    }
    return status == KMS_OK ? kms_buf_add_str(buf, "end\n") : status;
}

static enum kms_status add_time(struct kms_buf *buf, const char *word, int64_t ms)
{
    char text[32];
    kms_text_duration(text, sizeof text, ms);
    return kms_buf_addf(buf, "%s %s\n", word, text);
}

static enum kms_status add_head(struct kms_buf *buf, const struct kms_recorded_domain *domain)
{
    enum kms_status status = kms_recording_add_text(buf, "domain", domain->name);
    if (status == KMS_OK && domain->want_hosts != 1) {
        status = kms_buf_addf(buf, "want-hosts %lld\n", (long long)domain->want_hosts);
    }
    for (size_t i = 0; status == KMS_OK && i < domain->expect.count; i++) {
        status = kms_recording_add_text(buf, "expect", domain->expect.text[i]);
    }
    return status == KMS_OK && domain->discover ? kms_buf_add_str(buf, "discover\n") : status;
}

enum kms_status kms_recording_write_domain(const struct kms_recorded_domain *domain,
                                           struct kms_buf *buf)
{
    size_t before = buf->len;
    int64_t at_ms = 0;
    enum kms_status status = add_head(buf, domain);
    for (size_t i = 0; status == KMS_OK && i < domain->lookup_count; i++) {
        const struct kms_recorded_lookup *lookup = &domain->lookup[i];
        status = lookup->at_ms != at_ms ? add_time(buf, "at", lookup->at_ms) : KMS_OK;
        at_ms = lookup->at_ms;
        status = status == KMS_OK ? add_lookup(buf, lookup) : status;
    }
    if (status == KMS_OK && domain->repeat_ms > 0) {
        status = add_time(buf, "repeat", domain->repeat_ms);
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

static enum kms_status no_memory(struct kms_recording_reader *reader)
{
    return kms_script_no_memory(&reader->script);
}

/* Room for one more, in an array that doubles when it is full: whenever the count is a power of
 * two. */
static void *grown(void *array, size_t count, size_t size)
{
    if ((count & (count - 1)) != 0) {
        return array;
    }
    return reallocarray(array, count == 0 ? 1 : 2 * count, size);
}

static bool is_domain(const struct kms_recording *recording, const char *name)
{
    for (size_t i = 0; i < recording->domain_count; i++) {
        if (kms_text_equal_nocase(recording->domain[i].name, name)) {
            return true;
        }
    }
    return false;
}

static struct kms_recorded_domain *add_domain(struct kms_recording *recording, char *name)
{
    struct kms_recorded_domain *domain = grown(recording->domain, recording->domain_count,
                                               sizeof *domain);
    if (!name || !domain) {
        recording->domain = domain ? domain : recording->domain;
        free(name);
        return NULL;
    }
    recording->domain = domain;
    domain += recording->domain_count++;
    *domain = (struct kms_recorded_domain){.name = name, .want_hosts = 1};
    return domain;
}

/* As DNS has it, and short enough for what is asked for in it. */
static bool is_domain_name(const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (name[i] <= ' ' || name[i] > '~' || name[i] == '\\') {
            return false;
        }
    }
    return len > 0 && name[0] != '.' && len + sizeof "_vlmcs._tcp." <= KMS_ZONE_NAME_SIZE;
}

enum kms_status kms_recording_line_domain(struct kms_recording_reader *reader)
{
    enum kms_status status = kms_script_text(&reader->script);
    if (status != KMS_OK) {
        return status;
    }
    char *name = kms_text_dup(kms_buf_str(&reader->script.text));
    size_t len = name ? strlen(name) : 0;
    if (len > 1 && name[len - 1] == '.') {
        name[--len] = '\0';
    }
    if (name && !is_domain_name(name, len)) {
        status = wrong(reader, "no domain is called so:", name);
    } else if (name && is_domain(&reader->recording, name)) {
        status = wrong(reader, "there is a domain of this name already:", name);
    }
    if (status != KMS_OK) {
        free(name);
        return status;
    }
    reader->host = NULL;
    reader->at_ms = 0;
    reader->domain = add_domain(&reader->recording, name);
    return reader->domain ? KMS_OK : no_memory(reader);
}

enum kms_status kms_recording_line_want_hosts(struct kms_recording_reader *reader)
{
    return kms_script_number(&reader->script, 0, HOSTS_MAX, &reader->domain->want_hosts);
}

enum kms_status kms_recording_line_expect(struct kms_recording_reader *reader)
{
    struct kms_zone_expected ignored;
    enum kms_status status = kms_script_text(&reader->script);
    const char *text = kms_buf_str(&reader->script.text);
    if (status != KMS_OK) {
        return status;
    }
    if (!kms_zone_expected_parse(text, &ignored)) {
        return wrong(reader, "a host is expected as \"HOST\" or \"HOST:PORT\", not", text);
    }
    return kms_texts_add(&reader->domain->expect, text) == KMS_OK ? KMS_OK : no_memory(reader);
}

enum kms_status kms_recording_line_discover(struct kms_recording_reader *reader)
{
    reader->domain->discover = true;
    return KMS_OK;
}

/* ---- one lookup ---- */

struct lookup_reader {
    struct kms_recording_reader *all;
    struct kms_recorded_lookup made;
    size_t line;  /* of the last record */
    bool is_told; /* its target was named before, and told about */
};

static bool is_dns(enum kms_outcome outcome)
{
    return outcome == KMS_OUTCOME_OK || kms_text_starts(kms_outcome_row(outcome)->token, "dns-");
}

static enum kms_status read_outcome(struct kms_recording_reader *reader, enum kms_outcome *ret)
{
    char word[KMS_SCRIPT_WORD_MAX];
    size_t count;
    const struct kms_outcome_row *rows = kms_outcome_rows(&count);
    kms_script_word(&reader->script, word);
    for (size_t i = 0; i < count; i++) {
        if (is_dns(rows[i].number) && kms_text_equal(rows[i].token, word)) {
            *ret = rows[i].number;
            return KMS_OK;
        }
    }
    return wrong(reader, "no outcome of a lookup is called", word);
}

/* A text that fits into size. */
static enum kms_status read_text(struct kms_recording_reader *reader, size_t size, char **text)
{
    enum kms_status status = kms_script_text(&reader->script);
    if (status != KMS_OK) {
        return status;
    }
    if (reader->script.text.len >= size) {
        return wrong(reader, "this text is too long", "");
    }
    free(*text);
    *text = kms_text_dup(kms_buf_str(&reader->script.text));
    return *text ? KMS_OK : no_memory(reader);
}

static struct kms_recorded_record *last_record(const struct lookup_reader *reader)
{
    return &reader->made.record[reader->made.record_count - 1];
}

static bool is_no_name(const char *target)
{
    return kms_text_equal(target, ".") || kms_zone_is_address(target);
}

/* Clients and the daemon look a target up once, whatever its records are. */
static bool is_told(const struct kms_recorded_lookup *lookup, const char *target)
{
    for (size_t i = 0; i < lookup->record_count; i++) {
        if (kms_text_equal_nocase(lookup->record[i].target, target)) {
            return true;
        }
    }
    return false;
}

static bool is_complete(const struct lookup_reader *reader)
{
    const struct kms_recorded_record *record = last_record(reader);
    return reader->is_told || record->found != KMS_OUTCOME_NONE || is_no_name(record->target);
}

/* The record before is over. */
static enum kms_status end_record(const struct lookup_reader *reader)
{
    if (reader->made.record_count == 0 || is_complete(reader)) {
        return KMS_OK;
    }
    return kms_fault_set(reader->all->script.fault, KMS_EINVAL, reader->line,
                         "the record has no address, and no word on why: 'target dns-nxdomain'");
}

static enum kms_status read_numbers(struct lookup_reader *reader, struct kms_recorded_record *ret)
{
    struct kms_script *script = &reader->all->script;
    static const char *const names[] = {"port", "priority", "weight", "ttl"};
    static const int64_t max[] = {UINT16_MAX, UINT16_MAX, UINT16_MAX, UINT32_MAX};
    int64_t number[] = {KMS_DEFAULT_PORT, 0, 0, TTL};
    enum kms_status status = KMS_OK;
    while (status == KMS_OK && !kms_script_at_end(script)) {
        char word[KMS_SCRIPT_WORD_MAX];
        size_t i = 0;
        kms_script_word(script, word);
        while (i < KMS_COUNT_OF(names) && !kms_text_equal(names[i], word)) {
            i++;
        }
        status = i < KMS_COUNT_OF(names)
                     ? kms_script_number(script, 0, max[i], &number[i])
                     : wrong(reader->all, "a record has port, priority, weight and ttl, not", word);
    }
    ret->port = (uint16_t)number[0];
    ret->priority = (uint16_t)number[1];
    ret->weight = (uint16_t)number[2];
    ret->ttl = (uint32_t)number[3];
    return status;
}

static enum kms_status line_record(struct lookup_reader *reader)
{
    struct kms_recorded_lookup *made = &reader->made;
    struct kms_recorded_record record = {.found = KMS_OUTCOME_NONE, .bind = KMS_RPC_UNKNOWN};
    enum kms_status status = end_record(reader);
    if (status == KMS_OK && made->record_count == KMS_ZONE_RECORDS_MAX) {
        status = wrong(reader->all, "a lookup has no more than 512 records", "");
    }
    if (status == KMS_OK) {
        status = read_text(reader->all, KMS_ZONE_NAME_SIZE, &record.target);
    }
    if (status == KMS_OK && reader->all->script.text.len == 0) {
        status = wrong(reader->all, "a record has a target, if only \".\"", "");
    }
    if (status == KMS_OK) {
        status = read_numbers(reader, &record);
    }
    struct kms_recorded_record *array = status == KMS_OK
                                            ? grown(made->record, made->record_count, sizeof record)
                                            : NULL;
    if (!array) {
        free(record.target);
        return status == KMS_OK ? no_memory(reader->all) : status;
    }
    made->record = array;
    reader->is_told = is_told(made, record.target);
    reader->line = reader->all->script.number;
    made->record[made->record_count++] = record;
    return KMS_OK;
}

/* Whether the last record may have a line about its target's lookup. */
static enum kms_status want_target(struct lookup_reader *reader)
{
    if (reader->made.record_count == 0) {
        return wrong(reader->all, "this stands below a record", "");
    }
    if (reader->is_told) {
        return wrong(reader->all, "what became of this target is told above", "");
    }
    if (is_no_name(last_record(reader)->target)) {
        return wrong(reader->all, "this target is no name, and has no address", "");
    }
    return KMS_OK;
}

static enum kms_status line_address(struct lookup_reader *reader)
{
    enum kms_status status = want_target(reader);
    status = status == KMS_OK ? kms_script_text(&reader->all->script) : status;
    if (status != KMS_OK) {
        return status;
    }
    struct kms_recorded_record *record = last_record(reader);
    const char *text = kms_buf_str(&reader->all->script.text);
    if (!kms_zone_is_address(text)) {
        return wrong(reader->all, "not an address:", text);
    }
    if (record->address.count == KMS_ZONE_ADDRESSES_MAX) {
        return wrong(reader->all, "a target has no more than 8 addresses", "");
    }
    if (record->found == KMS_OUTCOME_NONE) {
        record->found = KMS_OUTCOME_OK;
    }
    return kms_texts_add(&record->address, text) == KMS_OK ? KMS_OK : no_memory(reader->all);
}

static enum kms_status line_target(struct lookup_reader *reader)
{
    enum kms_outcome outcome = KMS_OUTCOME_OK;
    enum kms_status status = want_target(reader);
    status = status == KMS_OK ? read_outcome(reader->all, &outcome) : status;
    if (status == KMS_OK && outcome == KMS_OUTCOME_OK) {
        return wrong(reader->all, "a target that is ok has addresses", "");
    }
    if (status == KMS_OK) {
        last_record(reader)->found = outcome;
    }
    return status;
}

static enum kms_status line_bind(struct lookup_reader *reader)
{
    int state = 0;
    if (reader->made.record_count == 0) {
        return wrong(reader->all, "this stands below a record", "");
    }
    enum kms_status status = kms_recording_read_word(reader->all, kms_words_rpc_state(),
                                                     "no answer to a bind is called", &state);
    if (status == KMS_OK) {
        last_record(reader)->bind = (enum kms_rpc_state)state;
    }
    return status;
}

static enum kms_status line_servers(struct lookup_reader *reader)
{
    struct kms_recorded_lookup *made = &reader->made;
    char word[KMS_SCRIPT_WORD_MAX];
    size_t i = KMS_RECORDED_SERVERS_UNKNOWN;
    kms_script_word(&reader->all->script, word);
    while (i < KMS_COUNT_OF(servers_words) && !kms_text_equal(servers_words[i], word)) {
        i++;
    }
    if (i == KMS_COUNT_OF(servers_words)) {
        return wrong(reader->all, "servers agree, differ, resolver-differs or unknown, not", word);
    }
    made->servers = (enum kms_recorded_servers)i;
    return kms_script_at_end(&reader->all->script)
               ? KMS_OK
               : read_text(reader->all, TEXT_SIZE, &made->servers_text);
}

static enum kms_status line_detail(struct lookup_reader *reader)
{
    return read_text(reader->all, DETAIL_SIZE, &reader->made.detail);
}

static enum kms_status read_line(struct lookup_reader *reader, const char *word)
{
    static const struct {
        const char *word;
        enum kms_status (*read)(struct lookup_reader *reader);
    } lines[] = {{"detail", line_detail}, {"record", line_record}, {"address", line_address},
                 {"target", line_target}, {"bind", line_bind},     {"servers", line_servers}};

    for (size_t i = 0; i < KMS_COUNT_OF(lines); i++) {
        if (kms_text_equal(lines[i].word, word)) {
            return lines[i].read(reader);
        }
    }
    return wrong(reader->all, "no line of a lookup begins with", word);
}

static enum kms_status end_lookup(struct lookup_reader *reader)
{
    bool is_ok = reader->made.outcome == KMS_OUTCOME_OK;
    enum kms_status status = end_record(reader);
    if (status == KMS_OK && is_ok != (reader->made.record_count > 0)) {
        return wrong(reader->all,
                     is_ok ? "a lookup that is ok has records; else it is dns-nodata"
                           : "only a lookup that is ok has records",
                     "");
    }
    return status;
}

static enum kms_status read_lookup(struct lookup_reader *reader)
{
    struct kms_script *script = &reader->all->script;
    enum kms_status status = read_outcome(reader->all, &reader->made.outcome);
    size_t first_line = script->number;
    for (;;) {
        if (status == KMS_OK && !kms_script_at_end(script)) {
            status = wrong(reader->all, "too much on this line", "");
        }
        if (status != KMS_OK) {
            return status;
        }
        if (!kms_script_next(script)) {
            return kms_fault_set(script->fault, KMS_EINVAL, first_line, "the lookup has no 'end'");
        }
        char word[KMS_SCRIPT_WORD_MAX];
        kms_script_word(script, word);
        if (kms_text_equal(word, "end")) {
            return end_lookup(reader);
        }
        status = read_line(reader, word);
    }
}

static void free_lookup(struct kms_recorded_lookup *lookup)
{
    for (size_t i = 0; i < lookup->record_count; i++) {
        free(lookup->record[i].target);
        kms_texts_done(&lookup->record[i].address);
    }
    free(lookup->record);
    free(lookup->detail);
    free(lookup->servers_text);
}

enum kms_status kms_recording_line_lookup(struct kms_recording_reader *reader)
{
    struct kms_recorded_domain *domain = reader->domain;
    struct lookup_reader lookup = {.all = reader, .made = {.at_ms = reader->at_ms}};
    enum kms_status status = read_lookup(&lookup);
    struct kms_recorded_lookup *array =
        status == KMS_OK ? grown(domain->lookup, domain->lookup_count, sizeof *array) : NULL;
    if (!array) {
        free_lookup(&lookup.made);
        return status == KMS_OK ? no_memory(reader) : status;
    }
    domain->lookup = array;
    domain->lookup[domain->lookup_count++] = lookup.made;
    return KMS_OK;
}

void kms_recorded_domain_done(struct kms_recorded_domain *domain)
{
    for (size_t i = 0; i < domain->lookup_count; i++) {
        free_lookup(&domain->lookup[i]);
    }
    free(domain->lookup);
    kms_texts_done(&domain->expect);
    free(domain->name);
    *domain = (struct kms_recorded_domain){0};
}
