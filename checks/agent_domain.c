/* Reads the lines of a lookup. */
#include "agent_domain.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/script.h"

#define TEXT_MAX ((size_t)8 << 20)

struct reader {
    struct kms_script script;
    struct kms_agent_domain made;
    int64_t looked_up_s;
    size_t cap;
    struct kms_dns_target *target; /* of the last record */
};

static enum kms_status wrong(struct reader *reader)
{
    return kms_script_wrong(&reader->script, "not understood", "");
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

static enum kms_status read_lookup(struct reader *reader)
{
    struct kms_dns_domain *domain = &reader->made.domain;
    char word[KMS_SCRIPT_WORD_MAX];
    enum kms_status status;

    kms_script_word(&reader->script, word);
    if (!outcome_by_token(word, &domain->outcome)) {
        return wrong(reader);
    }
    status = kms_script_number(&reader->script, 0, INT64_C(1) << 40, &reader->looked_up_s);
    if (status == KMS_OK) {
        status = kms_script_text(&reader->script);
    }
    if (status == KMS_OK) {
        (void)kms_text_copy(domain->detail, sizeof(domain->detail),
                            kms_buf_str(&reader->script.text));
    }
    return status;
}

/* ---- records ---- */

static bool grow(struct reader *reader)
{
    struct kms_srv_set *set = &reader->made.domain.set;
    size_t cap = reader->cap == 0 ? 16 : 2 * reader->cap;
    struct kms_srv *srv;
    enum kms_outcome *port;
    struct kms_dns_target *target;

    if (set->count < reader->cap) {
        return true;
    }
    srv = realloc(set->srv, cap * sizeof(*srv));
    set->srv = srv != NULL ? srv : set->srv;
    port = realloc(reader->made.port, cap * sizeof(*port));
    reader->made.port = port != NULL ? port : reader->made.port;
    target = realloc(reader->made.domain.target, cap * sizeof(*target));
    reader->made.domain.target = target != NULL ? target : reader->made.domain.target;
    reader->cap = srv != NULL && port != NULL && target != NULL ? cap : reader->cap;
    return reader->cap == cap;
}

static enum kms_srv_flaw flaw_of(const char *text)
{
    static const enum kms_srv_flaw flaws[] = {KMS_SRV_NO_PORT, KMS_SRV_ROOT, KMS_SRV_ADDRESS};

    for (size_t i = 0; i < KMS_COUNT_OF(flaws); i++) {
        if (kms_text_equal(kms_srv_flaw_text(flaws[i]), text)) {
            return flaws[i];
        }
    }
    return KMS_SRV_SOUND;
}

/* Whether the port answered is all that conditions ask; what a dead one did is not told. */
static enum kms_outcome port_of(int state)
{
    switch (state) {
    case KMS_SRV_HEALTHY:
    case KMS_SRV_ROGUE:
        return KMS_OUTCOME_OK;
    case KMS_SRV_DEAD:
        return KMS_OUTCOME_TIMEOUT;
    default:
        return KMS_OUTCOME_NONE;
    }
}

static struct kms_dns_target *need_target(struct kms_dns_domain *domain, const char *name,
                                          const char *resolution)
{
    struct kms_dns_target *target = domain->target;

    for (size_t i = 0; i < domain->target_count; i++) {
        if (kms_dns_name_equal(target[i].name, name)) {
            return &target[i];
        }
    }
    target += domain->target_count++;
    *target = (struct kms_dns_target){.outcome = KMS_OUTCOME_DNS_TIMEOUT};
    (void)kms_text_copy(target->name, sizeof(target->name), name);
    if (kms_text_equal(resolution, "yes")) {
        target->outcome = KMS_OUTCOME_OK;
    } else if (kms_text_equal(resolution, "no")) {
        target->outcome = KMS_OUTCOME_DNS_NXDOMAIN;
    }
    return target;
}

static enum kms_status read_record(struct reader *reader)
{
    struct kms_script *script = &reader->script;
    struct kms_dns_domain *domain = &reader->made.domain;
    struct kms_srv srv = {.flaw = KMS_SRV_SOUND};
    char resolution[KMS_SCRIPT_WORD_MAX], state[KMS_SCRIPT_WORD_MAX];
    static const int64_t max[] = {UINT16_MAX, UINT16_MAX, UINT16_MAX, UINT32_MAX};
    int64_t number[] = {0, 0, 0, 0};
    int srv_state;
    enum kms_status status = kms_script_text(script);

    (void)kms_text_copy(srv.target, sizeof(srv.target), kms_buf_str(&script->text));
    for (size_t i = 0; status == KMS_OK && i < KMS_COUNT_OF(number); i++) {
        status = kms_script_number(script, 0, max[i], &number[i]);
    }
    if (status != KMS_OK) {
        return status;
    }
    srv.port = (uint16_t)number[0];
    srv.priority = (uint16_t)number[1];
    srv.weight = (uint16_t)number[2];
    srv.ttl = (uint32_t)number[3];
    kms_script_word(script, resolution);
    kms_script_word(script, state);
    if (!kms_word_number(kms_words_srv_state(), state, &srv_state)) {
        return wrong(reader);
    }
    status = kms_script_text(script);
    if (status != KMS_OK) {
        return status;
    }
    srv.flaw = flaw_of(kms_buf_str(&script->text));
    if (!grow(reader)) {
        return kms_script_no_memory(script);
    }
    reader->made.port[domain->set.count] = port_of(srv_state);
    domain->set.srv[domain->set.count++] = srv;
    reader->target = need_target(domain, srv.target, resolution);
    return KMS_OK;
}

/* Of the record before; of a name that several records have, each address once. */
static enum kms_status read_address(struct reader *reader)
{
    char word[KMS_SCRIPT_WORD_MAX], known[KMS_ADDRESS_TEXT];
    struct kms_address address;
    struct kms_dns_addresses *found = reader->target != NULL ? &reader->target->found : NULL;

    kms_script_word(&reader->script, word);
    if (found == NULL || !kms_address_parse(word, 0, &address)) {
        return wrong(reader);
    }
    for (size_t i = 0; i < found->count; i++) {
        kms_address_text(&found->address[i], known, sizeof(known));
        if (kms_text_equal(known, word)) {
            return KMS_OK;
        }
    }
    if (found->count < KMS_DNS_ADDR_MAX) {
        found->address[found->count++] = address;
    }
    return KMS_OK;
}

static enum kms_status read_line(struct reader *reader)
{
    char word[KMS_SCRIPT_WORD_MAX];

    kms_script_word(&reader->script, word);
    if (kms_text_equal(word, "lookup")) {
        return read_lookup(reader);
    }
    if (kms_text_equal(word, "record")) {
        return read_record(reader);
    }
    return kms_text_equal(word, "address") ? read_address(reader) : wrong(reader);
}

static enum kms_status read_lines(struct reader *reader, const struct kms_buf *text)
{
    enum kms_status status = KMS_OK;

    kms_script_init(&reader->script, kms_buf_str(text), text->len, NULL);
    while (status == KMS_OK && kms_script_next(&reader->script)) {
        status = read_line(reader);
    }
    kms_script_done(&reader->script);
    return status;
}

/* ---- the whole ---- */

static enum kms_agent_end cannot(struct kms_agent *agent, const char *next)
{
    kms_text_copy(agent->next, sizeof(agent->next), next);
    return KMS_AGENT_CANNOT;
}

/* A lookup that is to come, or should have been made again, says nothing of now. */
static enum kms_agent_end look_at_age(struct kms_agent *agent, const char *domain,
                                      int64_t looked_up_s)
{
    char age[32], every[32];

    if (looked_up_s == 0) {
        kms_text_format(agent->why, sizeof(agent->why), "kmsmond has not looked %s up yet", domain);
        return cannot(agent, "wait for its first lookup");
    }
    if (!kms_agent_overdue(agent->now.wall_s - looked_up_s, agent->interval_s)) {
        return KMS_AGENT_TOLD;
    }
    kms_text_age(age, sizeof(age), agent->now.wall_s - looked_up_s);
    kms_text_duration(every, sizeof(every), agent->interval_s * 1000);
    kms_text_format(agent->why, sizeof(agent->why),
                    "kmsmond looked %s up %s ago, although it should every %s", domain, age, every);
    return cannot(agent, "look at 'kmsmon status' and into the log of kmsmond");
}

static void complete(const struct kms_agent *agent, const char *name, int64_t looked_up_s,
                     struct kms_dns_domain *domain)
{
    int64_t age_s = agent->now.wall_s - looked_up_s;
    char age[32];

    domain->name = name;
    domain->lookup_us = -1;
    (void)kms_text_format(domain->query, sizeof(domain->query), KMS_SRV_PREFIX ".%s", name);
    kms_text_age(age, sizeof(age), age_s > 0 ? age_s : 0);
    (void)kms_text_format(domain->server, sizeof(domain->server), "kmsmond's lookup %s ago%s", age,
                          agent->simulated ? " in a simulation" : "");
}

enum kms_agent_end kms_agent_domain_ask(struct kms_agent *agent, const char *socket,
                                        const char *domain, int64_t time_ms,
                                        struct kms_agent_domain *ret)
{
    struct reader reader = {.looked_up_s = 0};
    struct kms_buf text;
    enum kms_agent_end end;
    enum kms_status status = KMS_OK;

    kms_buf_init(&text, TEXT_MAX);
    end = kms_agent_ask_domain(agent, socket, domain, time_ms, &text);
    if (end == KMS_AGENT_TOLD) {
        status = read_lines(&reader, &text);
        end = status == KMS_OK ? look_at_age(agent, domain, reader.looked_up_s) : KMS_AGENT_CANNOT;
    }
    kms_buf_done(&text);
    if (status != KMS_OK) {
        kms_text_copy(agent->why, sizeof(agent->why), "the answer of kmsmond cannot be read");
        kms_text_copy(agent->next, sizeof(agent->next),
                      "let kmsmond and the plugins be of the same release");
    }
    if (end != KMS_AGENT_TOLD) {
        kms_agent_domain_done(&reader.made);
        return status == KMS_ENOMEM ? KMS_AGENT_NO_MEMORY : end;
    }
    complete(agent, domain, reader.looked_up_s, &reader.made.domain);
    *ret = reader.made;
    return KMS_AGENT_TOLD;
}

void kms_agent_domain_done(struct kms_agent_domain *domain)
{
    free(domain->port);
    free(domain->domain.set.srv);
    free(domain->domain.target);
    *domain = (struct kms_agent_domain){.port = NULL};
}
