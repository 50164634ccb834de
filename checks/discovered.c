/* Shows which KMS hosts domains publish and what their ports did. */
#include "discovered.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/text.h"
#include "model/zone_share.h"
#include "table.h"

enum { TEXT_SIZE = 600 };

/* ---- what clients do ---- */

/* A port that was not probed, and a target that could not be looked up, may serve. */
static struct kms_zone_choice choice_of(const struct kms_discovered *of,
                                        const struct kms_discovered_record *record)
{
    return (struct kms_zone_choice){.priority = record->srv.priority,
                                    .weight = record->srv.weight,
                                    .usable = kms_srv_usable(&record->srv),
                                    .lost = kms_record_lost(kms_discovered_state(record, of))};
}

static bool tolls_of(const struct kms_discovered *found, struct kms_zone_toll *ret_rfc,
                     struct kms_zone_toll *ret_uniform)
{
    struct kms_zone_choice *choice = calloc(found->record_count + 1, sizeof(*choice));

    if (choice == NULL) {
        return false;
    }
    for (size_t i = 0; i < found->record_count; i++) {
        choice[i] = choice_of(found, &found->record[i]);
    }
    *ret_rfc = kms_zone_toll_of(choice, found->record_count, KMS_ZONE_CLIENTS_RFC);
    *ret_uniform = kms_zone_toll_of(choice, found->record_count, KMS_ZONE_CLIENTS_UNIFORM);
    free(choice);
    return true;
}

/* ---- from the lookup ---- */

static bool add_shares(struct kms_discovered *found)
{
    size_t room = found->record_count + 1;
    struct kms_zone_choice *choice = calloc(room, sizeof(*choice));
    uint32_t *share = calloc(2 * room, sizeof(*share));
    bool ok = choice != NULL && share != NULL;

    for (size_t i = 0; ok && i < found->record_count; i++) {
        choice[i] = choice_of(found, &found->record[i]);
    }
    if (ok) {
        kms_zone_choice_shares(choice, found->record_count, KMS_ZONE_CLIENTS_RFC, share);
        kms_zone_choice_shares(choice, found->record_count, KMS_ZONE_CLIENTS_UNIFORM, share + room);
    }
    for (size_t i = 0; ok && i < found->record_count; i++) {
        found->record[i].share = share[i];
        found->record[i].share_uniform = share[room + i];
    }
    free(choice);
    free(share);
    return ok;
}

/* A host that is there on another port only is no longer missing: its record tells. */
static bool note_expected(struct kms_discovered *found, const struct kms_dns_domain *domain)
{
    const struct kms_expected_list *list = found->expected;

    found->missing = calloc(list->count + 1, sizeof(*found->missing));
    for (size_t i = 0; found->missing != NULL && i < list->count; i++) {
        found->missing[i] = true;
        for (size_t k = 0; k < domain->set.count; k++) {
            if (kms_dns_names_host(domain, &domain->set.srv[k], list->entry[i].host)) {
                found->missing[i] = false;
            }
        }
    }
    return found->missing != NULL;
}

bool kms_discovered_take(struct kms_discovered *found, const struct kms_dns_domain *domain)
{
    found->outcome = domain->outcome;
    found->lookup_us = domain->lookup_us;
    found->left_out = domain->set.left_out;
    kms_text_copy(found->detail, sizeof(found->detail), domain->detail);
    found->record = calloc(domain->set.count + 1, sizeof(*found->record));
    if (found->record == NULL) {
        return false;
    }
    for (size_t i = 0; i < domain->set.count; i++) {
        const struct kms_srv *srv = &domain->set.srv[i];
        const struct kms_dns_target *target = kms_dns_target_of(domain, srv);
        struct kms_discovered_record *record = &found->record[found->record_count];
        if (srv->flaw == KMS_SRV_DUPLICATE) {
            continue;
        }
        record->srv = *srv;
        record->match = kms_expected_match(found->expected, domain, srv);
        if (target != NULL) {
            record->target = *target;
        }
        found->record_count++;
    }
    return note_expected(found, domain) && add_shares(found);
}

void kms_discovered_done(struct kms_discovered *found)
{
    kms_dns_domain_done(&found->answer);
    kms_authority_done(&found->authority);
    free(found->missing);
    found->missing = NULL;
    free(found->record);
    found->record = NULL;
    found->record_count = 0;
}

bool kms_discovered_usable(const struct kms_discovered_record *record)
{
    return kms_srv_usable(&record->srv) && record->target.outcome == KMS_OUTCOME_OK;
}

enum kms_srv_state kms_discovered_state(const struct kms_discovered_record *record,
                                        const struct kms_discovered *of)
{
    const struct kms_record_evidence evidence = {
        .srv = &record->srv,
        .address = record->target.outcome,
        .match = record->match,
        .site_lists = of->expected->count > 0,
        .probe = record->probed != NULL ? record->probed->result.outcome : KMS_OUTCOME_NONE};

    return kms_record_state(&evidence);
}

bool kms_discovered_good(const struct kms_discovered *found)
{
    struct kms_authority_verdict verdict;

    if (found->outcome != KMS_OUTCOME_OK) {
        return false;
    }
    for (size_t i = 0; i < found->expected->count; i++) {
        if (found->missing[i]) {
            return false;
        }
    }
    for (size_t i = 0; i < found->record_count; i++) {
        const struct kms_discovered_record *record = &found->record[i];
        enum kms_srv_state state = kms_discovered_state(record, found);
        bool unprobed = state == KMS_SRV_UNKNOWN && kms_discovered_healthy(record);
        if (state != KMS_SRV_HEALTHY && !unprobed) {
            return false;
        }
    }
    if (!found->asked) {
        return true;
    }
    kms_authority_judge(&found->authority, &found->answer, &verdict);
    return verdict.answered > 0 && !verdict.differ && verdict.silent == 0;
}

bool kms_discovered_healthy(const struct kms_discovered_record *record)
{
    return kms_discovered_usable(record) &&
           (record->probed == NULL || kms_outcome_good(record->probed->result.outcome));
}

/* Why clients cannot use it; "" when they can. */
static const char *fault_of(const struct kms_discovered_record *record)
{
    if (!kms_srv_usable(&record->srv)) {
        return kms_srv_flaw_text(record->srv.flaw);
    }
    switch (record->target.outcome) {
    case KMS_OUTCOME_OK:
        return "";
    case KMS_OUTCOME_NONE:
        return "not looked up: too many records";
    case KMS_OUTCOME_DNS_NXDOMAIN:
        return "the target does not exist";
    case KMS_OUTCOME_DNS_NODATA:
        return "the target has no address";
    case KMS_OUTCOME_DNS_LOOP:
        return "the aliases of the target lead in a circle";
    default:
        return "the target could not be looked up";
    }
}

/* ---- table ---- */

enum {
    COLUMN_DOMAIN,
    COLUMN_TARGET,
    COLUMN_PORT,
    COLUMN_PRIORITY,
    COLUMN_WEIGHT,
    COLUMN_TTL,
    COLUMN_SHARE,
    COLUMN_STATE,
    COLUMN_PROBE,
    COLUMN_LATENCY,
    COLUMN_ADDRESS,
    COLUMNS
};

#define ADDRESS_MIN 15
#define PROBE_MIN   16

static void add_number(struct kms_table *table, uint32_t number)
{
    char text[16];

    kms_text_format(text, sizeof(text), "%lu", (unsigned long)number);
    kms_table_add(table, KMS_COLOUR_NONE, text);
}

static void add_state(struct kms_table *table, const struct kms_discovered_record *record,
                      const struct kms_discovered *of)
{
    enum kms_srv_state state = kms_discovered_state(record, of);
    enum kms_colour colour = state == KMS_SRV_HEALTHY   ? KMS_COLOUR_GREEN
                             : state == KMS_SRV_UNKNOWN ? KMS_COLOUR_NONE
                                                        : KMS_COLOUR_RED;
    const char *fault = fault_of(record);
    char latency[32] = "-";

    kms_table_add(table, colour, kms_word_label(kms_words_srv_state(), (int)state));
    if (fault[0] != '\0') {
        kms_table_add(table, KMS_COLOUR_RED, fault);
    } else if (record->probed == NULL) {
        kms_table_add(table, KMS_COLOUR_NONE, "not probed");
    } else {
        kms_table_add(table, kms_probed_colour(&record->probed->result),
                      kms_probed_state(&record->probed->result));
        kms_probed_latency(&record->probed->result, latency, sizeof(latency));
    }
    kms_table_add(table, KMS_COLOUR_NONE, latency);
}

static void add_record(struct kms_table *table, const struct kms_discovered *of,
                       const struct kms_discovered_record *record)
{
    const struct kms_dns_addresses *found = &record->target.found;
    char text[TEXT_SIZE] = "";

    kms_table_add(table, KMS_COLOUR_NONE, of->domain);
    kms_table_add(table, KMS_COLOUR_NONE, record->srv.target);
    add_number(table, record->srv.port);
    add_number(table, record->srv.priority);
    add_number(table, record->srv.weight);
    add_number(table, record->srv.ttl);
    kms_text_format(text, sizeof(text), "%lu.%lu %%", (unsigned long)(record->share / 10),
                    (unsigned long)(record->share % 10));
    kms_table_add(table, KMS_COLOUR_NONE, text);
    add_state(table, record, of);
    kms_text_copy(text, sizeof(text), found->count == 0 ? "-" : "");
    for (size_t i = 0; i < found->count; i++) {
        char address[KMS_ADDRESS_TEXT];
        kms_address_text(&found->address[i], address, sizeof(address));
        kms_text_append(text, sizeof(text), "%s%s", i > 0 ? ", " : "", address);
    }
    kms_table_add(table, KMS_COLOUR_NONE, text);
}

/* On a narrow terminal the target, what is wrong with it and where it is stay to the last. */
static void spare_columns(struct kms_table *table)
{
    static const size_t out[] = {COLUMN_LATENCY, COLUMN_TTL, COLUMN_WEIGHT, COLUMN_PRIORITY};

    table->shrink = COLUMN_ADDRESS;
    table->shrink_min = ADDRESS_MIN;
    for (size_t i = 0; i < KMS_COUNT_OF(out); i++) {
        table->spare[i].column = out[i];
    }
    table->spare[KMS_COUNT_OF(out)].column = COLUMN_PROBE;
    table->spare[KMS_COUNT_OF(out)].least = PROBE_MIN;
    table->spare[KMS_COUNT_OF(out) + 1].column = COLUMN_SHARE;
}

static enum kms_status add_table(const struct kms_discovered *found, size_t count,
                                 const struct kms_listing_style *style, struct kms_buf *out)
{
    static const char *const heads[COLUMNS] = {"DOMAIN", "TARGET",  "PORT",   "PRIORITY",
                                               "WEIGHT", "TTL",     "SHARE",  "STATE",
                                               "PROBE",  "LATENCY", "ADDRESS"};
    enum kms_status status = KMS_OK;
    struct kms_table table;
    size_t rows = 0;

    kms_table_init(&table, COLUMNS);
    spare_columns(&table);
    for (size_t i = 0; i < COLUMNS; i++) {
        table.right[i] = (i >= COLUMN_PORT && i <= COLUMN_SHARE) || i == COLUMN_LATENCY;
        kms_table_add(&table, KMS_COLOUR_BOLD, heads[i]);
    }
    for (size_t d = 0; d < count; d++) {
        for (size_t i = 0; i < found[d].record_count; i++) {
            add_record(&table, &found[d], &found[d].record[i]);
            rows++;
        }
    }
    if (rows > 0) {
        status = kms_table_render(&table, 0, style->width, style->colours, out);
    }
    kms_table_done(&table);
    return status;
}

static void add_toll_text(const struct kms_zone_toll *toll, char *dst, size_t size)
{
    kms_text_append(dst, size, "%lu.%lu %% meet a dead record first",
                    (unsigned long)(toll->dead_share / 10), (unsigned long)(toll->dead_share % 10));
    if (toll->ends) {
        uint32_t hundredths = (toll->tries + 5) / 10;
        kms_text_append(dst, size, ", %lu.%02lu records tried on average",
                        (unsigned long)(hundredths / 100), (unsigned long)(hundredths % 100));
    }
}

/* What dead records cost clients; nothing where there is none. */
static enum kms_status add_toll(const struct kms_discovered *found, struct kms_buf *out)
{
    struct kms_zone_toll rfc, uniform;
    char of_rfc[TEXT_SIZE] = "", of_uniform[TEXT_SIZE] = "";

    if (!tolls_of(found, &rfc, &uniform)) {
        return KMS_ENOMEM;
    }
    if (!rfc.known || (rfc.ends && rfc.tries == 1000 && uniform.tries == 1000)) {
        return KMS_OK;
    }
    add_toll_text(&rfc, of_rfc, sizeof(of_rfc));
    add_toll_text(&uniform, of_uniform, sizeof(of_uniform));
    return kms_buf_addf(out, "%s: of the clients %s; of Windows Vista and 2008 %s\n", found->domain,
                        of_rfc, of_uniform);
}

static bool was_answered(enum kms_outcome outcome)
{
    return outcome == KMS_OUTCOME_OK || outcome == KMS_OUTCOME_DNS_NXDOMAIN ||
           outcome == KMS_OUTCOME_DNS_NODATA || outcome == KMS_OUTCOME_DNS_NO_SERVICE;
}

static enum kms_status add_servers(const struct kms_discovered *found, struct kms_buf *out)
{
    struct kms_authority_verdict verdict;
    char text[TEXT_SIZE], silent[64] = "";

    kms_authority_judge(&found->authority, &found->answer, &verdict);
    kms_authority_text(&found->authority, &found->answer, text, sizeof(text));
    if (found->authority.outcome != KMS_OUTCOME_OK) {
        return kms_buf_addf(out, "%s: %s\n", found->domain, text);
    }
    if (verdict.silent > 0) {
        kms_text_format(silent, sizeof(silent), ", %zu give%s no answer", verdict.silent,
                        verdict.silent == 1 ? "s" : "");
    }
    if (verdict.differ) {
        return kms_buf_addf(out, "%s: the servers of the zone disagree%s: %s\n", found->domain,
                            silent, text);
    }
    return kms_buf_addf(out, "%s: %zu server%s of the zone agree%s%s%s%s\n", found->domain,
                        verdict.answered, verdict.answered == 1 ? "" : "s",
                        verdict.answered == 1 ? "s" : "", silent, text[0] != '\0' ? ": " : "",
                        text);
}

/* Domains without a record, and records that were left out. */
static enum kms_status add_remarks(const struct kms_discovered *found, struct kms_buf *out)
{
    const struct kms_outcome_row *row = kms_outcome_row(found->outcome);
    enum kms_status status = KMS_OK;

    if (found->outcome != KMS_OUTCOME_OK) {
        status = kms_buf_addf(out, "%s: %s: %s\n", found->domain, row->token, found->detail);
        if (status == KMS_OK && row->hint[0] != '\0') {
            status = kms_buf_addf(out, "  next step: %s\n", row->hint);
        }
    }
    for (size_t i = 0; i < found->expected->count && status == KMS_OK; i++) {
        if (found->missing[i] && was_answered(found->outcome)) {
            status = kms_buf_addf(out, "%s: %s:%u is expected and not published\n", found->domain,
                                  found->expected->entry[i].host,
                                  (unsigned)found->expected->entry[i].port);
        }
    }
    if (status == KMS_OK && found->asked) {
        status = add_servers(found, out);
    }
    if (status == KMS_OK && found->left_out > 0) {
        status = kms_buf_addf(out, "%s: %zu more records are not shown\n", found->domain,
                              found->left_out);
    }
    return status == KMS_OK ? add_toll(found, out) : status;
}

enum kms_status kms_discovered_table(const struct kms_discovered *found, size_t count,
                                     const struct kms_probed *probed, size_t probed_count,
                                     const struct kms_listing_style *style, struct kms_buf *out)
{
    enum kms_status status = add_table(found, count, style, out);

    for (size_t i = 0; i < count && status == KMS_OK; i++) {
        status = add_remarks(&found[i], out);
    }
    for (size_t i = 0; i < probed_count && status == KMS_OK; i++) {
        if (!kms_outcome_good(probed[i].result.outcome)) {
            status = kms_buf_addf(out, "%s: %s\n", probed[i].host,
                                  kms_probed_happened(&probed[i].result));
        }
    }
    return status == KMS_OK ? kms_probed_meanings(probed, probed_count, out) : status;
}

/* ---- JSON ---- */

/* jansson takes the reference in any case, and refuses NULL. */
static void put(json_t *object, const char *key, json_t *value, bool *ok)
{
    if (json_object_set_new(object, key, value) != 0) {
        *ok = false;
    }
}

static void append(json_t *array, json_t *value, bool *ok)
{
    if (json_array_append_new(array, value) != 0) {
        *ok = false;
    }
}

static json_t *addresses_array(const struct kms_dns_addresses *found, bool *ok)
{
    json_t *array = json_array();

    for (size_t i = 0; i < found->count; i++) {
        char text[KMS_ADDRESS_TEXT];
        kms_address_text(&found->address[i], text, sizeof(text));
        append(array, json_string(text), ok);
    }
    return array;
}

static json_t *record_object(const struct kms_discovered_record *record,
                             const struct kms_discovered *of, bool *ok)
{
    int state = (int)kms_discovered_state(record, of);
    json_t *object = json_object();
    const char *fault = fault_of(record);

    put(object, "target", json_string(record->srv.target), ok);
    put(object, "port", json_integer(record->srv.port), ok);
    put(object, "priority", json_integer(record->srv.priority), ok);
    put(object, "weight", json_integer(record->srv.weight), ok);
    put(object, "ttl", json_integer(record->srv.ttl), ok);
    put(object, "share-per-mille", json_integer(record->share), ok);
    put(object, "share-uniform-per-mille", json_integer(record->share_uniform), ok);
    put(object, "addresses", addresses_array(&record->target.found, ok), ok);
    put(object, "state", json_string(kms_word_label(kms_words_srv_state(), state)), ok);
    put(object, "healthy", json_boolean(kms_discovered_healthy(record)), ok);
    if (fault[0] != '\0') {
        put(object, "fault", json_string(fault), ok);
    }
    if (record->probed != NULL) {
        put(object, "probe", kms_probed_object(record->probed, ok), ok);
    }
    return object;
}

/* Absent: no record is usable, and for tries no record serves. */
static void put_tolls(json_t *object, const struct kms_discovered *found, bool *ok)
{
    struct kms_zone_toll rfc, uniform;

    if (!tolls_of(found, &rfc, &uniform)) {
        *ok = false;
        return;
    }
    if (rfc.known) {
        put(object, "dead-share-per-mille", json_integer(rfc.dead_share), ok);
        put(object, "dead-share-uniform-per-mille", json_integer(uniform.dead_share), ok);
    }
    if (rfc.ends) {
        put(object, "tries", json_real((double)rfc.tries / 1000), ok);
        put(object, "tries-uniform", json_real((double)uniform.tries / 1000), ok);
    }
}

static json_t *missing_array(const struct kms_discovered *found, bool *ok)
{
    json_t *array = json_array();

    for (size_t i = 0; i < found->expected->count; i++) {
        const struct kms_expected *entry = &found->expected->entry[i];
        char text[KMS_EXPECTED_HOST_SIZE + 8];
        if (found->missing[i] && was_answered(found->outcome)) {
            kms_text_format(text, sizeof(text), "%s:%u", entry->host, (unsigned)entry->port);
            append(array, json_string(text), ok);
        }
    }
    return array;
}

static json_t *server_object(const struct kms_discovered *found, size_t index, bool *ok)
{
    const struct kms_authority_server *server = &found->authority.server[index];
    json_t *object = json_object();
    char lacks[TEXT_SIZE];

    kms_authority_lacks(&found->authority, &found->answer, index, lacks, sizeof(lacks));
    put(object, "name", json_string(server->name), ok);
    put(object, "address", json_string(server->text), ok);
    put(object, "outcome", json_string(kms_outcome_row(server->outcome)->token), ok);
    put(object, "detail", json_string(server->detail), ok);
    put(object, "records", json_integer((json_int_t)server->set.count), ok);
    put(object, "lacks", json_string(lacks), ok);
    return object;
}

static void put_servers(json_t *object, const struct kms_discovered *found, bool *ok)
{
    struct kms_authority_verdict verdict;
    json_t *array = json_array();

    kms_authority_judge(&found->authority, &found->answer, &verdict);
    for (size_t i = 0; i < found->authority.count; i++) {
        append(array, server_object(found, i, ok), ok);
    }
    put(object, "zone", json_string(found->authority.zone), ok);
    put(object, "zone-detail", json_string(found->authority.detail), ok);
    put(object, "servers-disagree", json_boolean(verdict.differ), ok);
    put(object, "resolver-differs", json_boolean(verdict.resolver_differs), ok);
    put(object, "servers", array, ok);
}

static json_t *domain_object(const struct kms_discovered *found, bool *ok)
{
    const struct kms_outcome_row *row = kms_outcome_row(found->outcome);
    json_t *object = json_object();
    json_t *records = json_array();
    char name[300];

    for (size_t i = 0; i < found->record_count; i++) {
        append(records, record_object(&found->record[i], found, ok), ok);
    }
    kms_text_clean(name, sizeof(name), found->domain, strlen(found->domain));
    put(object, "domain", json_string(name), ok);
    put(object, "outcome", json_string(row->token), ok);
    put(object, "detail", json_string(found->detail), ok);
    put(object, "next-step", json_string(row->hint), ok);
    put(object, "lookup-time", json_integer(found->lookup_us), ok);
    put(object, "records-left-out", json_integer((json_int_t)found->left_out), ok);
    put_tolls(object, found, ok);
    put(object, "records", records, ok);
    if (found->expected->count > 0) {
        put(object, "missing", missing_array(found, ok), ok);
    }
    if (found->asked) {
        put_servers(object, found, ok);
    }
    return object;
}

enum kms_status kms_discovered_json(const struct kms_discovered *found, size_t count,
                                    struct kms_buf *out)
{
    json_t *array = json_array();
    enum kms_status status = KMS_ENOMEM;
    bool ok = array != NULL;
    char *text;

    for (size_t i = 0; i < count && ok; i++) {
        append(array, domain_object(&found[i], &ok), &ok);
    }
    text = ok ? json_dumps(array, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(7))
              : NULL;
    if (text != NULL) {
        status = kms_buf_addf(out, "%s\n", text);
    }
    free(text);
    json_decref(array);
    return status;
}
