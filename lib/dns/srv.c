/* The set of SRV records in an answer, without any I/O. */
#include "dns/srv.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum {
    TYPE_A = 1,
    TYPE_NS = 2,
    TYPE_CNAME = 5,
    TYPE_AAAA = 28,
    TYPE_SRV = 33,
    ALIASES_MAX = 16 /* of one name; more is a loop or nonsense */
};

static enum kms_outcome outcome_of_rcode(unsigned rcode)
{
    switch (rcode) {
    case KMS_DNS_NOERROR:
        return KMS_OUTCOME_OK;
    case KMS_DNS_SERVFAIL:
        return KMS_OUTCOME_DNS_SERVFAIL;
    case KMS_DNS_NXDOMAIN:
        return KMS_OUTCOME_DNS_NXDOMAIN;
    case KMS_DNS_REFUSED:
        return KMS_OUTCOME_DNS_REFUSED;
    default:
        return KMS_OUTCOME_DNS_NOT_SUPPORTED;
    }
}

/* Opens a message that answers a question for name. */
static enum kms_outcome open_answer(struct kms_dns_message *message, const uint8_t *bytes,
                                    size_t len, const char *name, struct kms_fault *fault)
{
    if (!kms_dns_open(message, bytes, len, fault)) {
        return KMS_OUTCOME_DNS_MALFORMED;
    }
    if (message->asked_type != 0 && !kms_dns_name_equal(message->asked, name)) {
        (void)kms_fault_set(fault, KMS_ESYNTAX, 12, "it answers another question: '%.100s'",
                            message->asked);
        return KMS_OUTCOME_DNS_MALFORMED;
    }
    return message->truncated ? KMS_OUTCOME_DNS_TRUNCATED : outcome_of_rcode(message->rcode);
}

/* Where the aliases of name lead: the records may stand in any order, so every step walks all of
 * them. */
static enum kms_outcome follow_aliases(const struct kms_dns_message *message, const char *name,
                                       char ret[KMS_DNS_NAME_SIZE], size_t *ret_steps,
                                       struct kms_fault *fault)
{
    kms_text_copy(ret, KMS_DNS_NAME_SIZE, name);
    *ret_steps = 0;
    for (size_t step = 0; step <= ALIASES_MAX; step++) {
        struct kms_dns_message walk = *message;
        struct kms_dns_record record;
        bool is_broken = false, moved = false;
        while (!moved && kms_dns_next(&walk, &record, &is_broken, fault)) {
            if (record.type == TYPE_CNAME && kms_dns_name_equal(record.owner, ret)) {
                struct kms_rd rd = kms_dns_data(&walk, &record);
                if (!kms_dns_name(&rd, ret) || kms_rd_left(&rd) > 0) {
                    (void)kms_fault_set(fault, KMS_ESYNTAX, record.data_at,
                                        "an alias at byte %zu is wrong", record.data_at);
                    return KMS_OUTCOME_DNS_MALFORMED;
                }
                moved = true;
            }
        }
        if (is_broken) {
            return KMS_OUTCOME_DNS_MALFORMED;
        }
        if (!moved) {
            *ret_steps = step;
            return KMS_OUTCOME_OK;
        }
    }
    return KMS_OUTCOME_DNS_LOOP;
}

/* No name ends in a number (RFC 1123, 2.1); an IPv6 address would be one label. */
static bool is_address(const char *name)
{
    struct kms_address ignored;
    bool numbers = name[strspn(name, "0123456789.")] == '\0' && name[0] != '.';
    return numbers || kms_address_parse(name, 0, &ignored);
}

static enum kms_srv_flaw flaw_of(const struct kms_srv *srv)
{
    if (kms_text_equal(srv->target, ".")) {
        return KMS_SRV_ROOT;
    }
    if (srv->port == 0) {
        return KMS_SRV_NO_PORT;
    }
    return is_address(srv->target) ? KMS_SRV_ADDRESS : KMS_SRV_SOUND;
}

static bool read_srv(const struct kms_dns_message *message, const struct kms_dns_record *record,
                     struct kms_srv *ret)
{
    struct kms_rd rd = kms_dns_data(message, record);
    struct kms_srv srv = {.ttl = record->ttl};
    if (!kms_rd_u16(&rd, &srv.priority) || !kms_rd_u16(&rd, &srv.weight) ||
        !kms_rd_u16(&rd, &srv.port) || !kms_dns_name(&rd, srv.target) || kms_rd_left(&rd) > 0) {
        return false;
    }
    *ret = srv;
    return true;
}

static bool add_srv(struct kms_srv_set *set, size_t *cap, const struct kms_srv *srv)
{
    if (set->count == KMS_SRV_MAX) {
        set->left_out++;
        return true;
    }
    if (set->count == *cap) {
        size_t more = *cap > 0 ? *cap * 2 : 8;
        struct kms_srv *grown = realloc(set->srv, more * sizeof *grown);
        if (!grown) {
            return false;
        }
        set->srv = grown;
        *cap = more;
    }
    set->srv[set->count++] = *srv;
    return true;
}

static enum kms_outcome collect(const struct kms_dns_message *message, const char *owner,
                                struct kms_srv_set *set, struct kms_fault *fault)
{
    struct kms_dns_message walk = *message;
    struct kms_dns_record record;
    bool is_broken = false;
    size_t cap = 0;
    while (kms_dns_next(&walk, &record, &is_broken, fault)) {
        struct kms_srv srv;
        if (record.type != TYPE_SRV || !kms_dns_name_equal(record.owner, owner)) {
            continue;
        }
        if (!read_srv(&walk, &record, &srv)) {
            (void)kms_fault_set(fault, KMS_ESYNTAX, record.data_at,
                                "the SRV record at byte %zu is wrong", record.data_at);
            return KMS_OUTCOME_DNS_MALFORMED;
        }
        if (!add_srv(set, &cap, &srv)) {
            return KMS_OUTCOME_NO_MEMORY;
        }
    }
    return is_broken ? KMS_OUTCOME_DNS_MALFORMED : KMS_OUTCOME_OK;
}

static int folded(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (int)(unsigned char)c;
}

static int compare_names(const char *a, const char *b)
{
    while (*a != '\0' && folded(*a) == folded(*b)) {
        a++;
        b++;
    }
    return folded(*a) - folded(*b);
}

static int compare(const void *left, const void *right)
{
    const struct kms_srv *a = left, *b = right;
    if (a->priority != b->priority) {
        return a->priority < b->priority ? -1 : 1;
    }
    if (a->weight != b->weight) {
        return a->weight > b->weight ? -1 : 1;
    }
    int names = compare_names(a->target, b->target);
    if (names != 0) {
        return names;
    }
    return a->port == b->port ? 0 : (a->port < b->port ? -1 : 1);
}

static void sort(struct kms_srv_set *set)
{
    qsort(set->srv, set->count, sizeof *set->srv, compare);
    for (size_t i = 1; i < set->count; i++) {
        if (set->srv[i].flaw == KMS_SRV_SOUND && compare(&set->srv[i - 1], &set->srv[i]) == 0) {
            set->srv[i].flaw = KMS_SRV_DUPLICATE;
        }
    }
}

enum kms_outcome kms_srv_set_judge(struct kms_srv_set *set)
{
    if (set->count == 0) {
        return KMS_OUTCOME_DNS_NODATA;
    }
    for (size_t i = 0; i < set->count; i++) {
        set->srv[i].flaw = flaw_of(&set->srv[i]);
    }
    sort(set);
    /* RFC 2782: the only record, with the root as its target, says that there is no such service.
     */
    return set->count == 1 && set->srv[0].flaw == KMS_SRV_ROOT ? KMS_OUTCOME_DNS_NO_SERVICE
                                                               : KMS_OUTCOME_OK;
}

enum kms_outcome kms_srv_read(const uint8_t *bytes, size_t len, const char *name,
                              struct kms_srv_set *ret, struct kms_fault *fault)
{
    struct kms_dns_message message;
    char owner[KMS_DNS_NAME_SIZE];
    size_t steps;
    enum kms_outcome outcome = open_answer(&message, bytes, len, name, fault);
    if (outcome != KMS_OUTCOME_OK) {
        return outcome;
    }
    outcome = follow_aliases(&message, name, owner, &steps, fault);
    if (outcome != KMS_OUTCOME_OK) {
        return outcome;
    }
    struct kms_srv_set set = {.srv = NULL};
    outcome = collect(&message, owner, &set, fault);
    if (outcome == KMS_OUTCOME_OK) {
        outcome = kms_srv_set_judge(&set);
    }
    if (outcome != KMS_OUTCOME_OK) {
        kms_srv_set_done(&set);
        return outcome;
    }
    if (steps > 0) {
        kms_text_copy(set.alias, sizeof set.alias, owner);
    }
    *ret = set;
    return KMS_OUTCOME_OK;
}

void kms_srv_set_done(struct kms_srv_set *set)
{
    free(set->srv);
    *set = (struct kms_srv_set){.srv = NULL};
}

bool kms_srv_set_copy(struct kms_srv_set *ret, const struct kms_srv_set *from)
{
    struct kms_srv *srv = NULL;
    if (from->count > 0) {
        srv = malloc(from->count * sizeof *srv);
        if (!srv) {
            return false;
        }
        memcpy(srv, from->srv, from->count * sizeof *srv);
    }
    *ret = *from;
    ret->srv = srv;
    return true;
}

const char *kms_srv_flaw_text(enum kms_srv_flaw flaw)
{
    switch (flaw) {
    case KMS_SRV_DUPLICATE:
        return "the same record twice";
    case KMS_SRV_NO_PORT:
        return "port 0";
    case KMS_SRV_ROOT:
        return "the target is the root";
    case KMS_SRV_ADDRESS:
        return "the target is an address where a name must stand";
    case KMS_SRV_SOUND:
        break;
    }
    return "";
}

bool kms_srv_usable(const struct kms_srv *srv)
{
    return srv->flaw == KMS_SRV_SOUND || srv->flaw == KMS_SRV_DUPLICATE;
}

/* ---- addresses ---- */

static bool read_address(const struct kms_dns_message *message, const struct kms_dns_record *record,
                         struct kms_address *ret)
{
    struct kms_rd rd = kms_dns_data(message, record);
    const uint8_t *bytes;
    bool is_v6 = record->type == TYPE_AAAA;
    if (!kms_rd_span(&rd, is_v6 ? 16 : 4, &bytes) || kms_rd_left(&rd) > 0) {
        return false;
    }
    *ret = is_v6 ? kms_address_v6(bytes, 0) : kms_address_v4(bytes, 0);
    return true;
}

enum kms_outcome kms_dns_addresses_read(const uint8_t *bytes, size_t len, const char *name,
                                        struct kms_dns_addresses *addresses,
                                        struct kms_fault *fault)
{
    struct kms_dns_message message;
    struct kms_dns_record record;
    char owner[KMS_DNS_NAME_SIZE];
    size_t steps, found = 0;
    bool is_broken = false;
    enum kms_outcome outcome = open_answer(&message, bytes, len, name, fault);
    if (outcome != KMS_OUTCOME_OK) {
        return outcome;
    }
    outcome = follow_aliases(&message, name, owner, &steps, fault);
    if (outcome != KMS_OUTCOME_OK) {
        return outcome;
    }
    addresses->alias = addresses->alias || steps > 0;
    while (kms_dns_next(&message, &record, &is_broken, fault)) {
        struct kms_address address;
        if ((record.type != TYPE_A && record.type != TYPE_AAAA) ||
            !kms_dns_name_equal(record.owner, owner)) {
            continue;
        }
        if (!read_address(&message, &record, &address)) {
            (void)kms_fault_set(fault, KMS_ESYNTAX, record.data_at,
                                "the address at byte %zu has a wrong length", record.data_at);
            return KMS_OUTCOME_DNS_MALFORMED;
        }
        found++;
        if (addresses->count < KMS_DNS_ADDR_MAX) {
            bool first = addresses->count == 0;
            addresses->ttl = first || record.ttl < addresses->ttl ? record.ttl : addresses->ttl;
            addresses->address[addresses->count++] = address;
        }
    }
    if (is_broken) {
        return KMS_OUTCOME_DNS_MALFORMED;
    }
    return found > 0 ? KMS_OUTCOME_OK : KMS_OUTCOME_DNS_NODATA;
}

/* ---- aliases and servers ---- */

bool kms_dns_alias_read(const uint8_t *bytes, size_t len, const char *name,
                        char ret[KMS_DNS_NAME_SIZE])
{
    struct kms_dns_message message;
    char owner[KMS_DNS_NAME_SIZE];
    size_t steps;
    if (open_answer(&message, bytes, len, name, NULL) != KMS_OUTCOME_OK ||
        follow_aliases(&message, name, owner, &steps, NULL) != KMS_OUTCOME_OK || steps == 0) {
        return false;
    }
    memcpy(ret, owner, sizeof owner);
    return true;
}

bool kms_dns_alias_loops(const uint8_t *bytes, size_t len, const char *name)
{
    struct kms_dns_message message;
    char owner[KMS_DNS_NAME_SIZE];
    size_t steps;
    return bytes && kms_dns_open(&message, bytes, len, NULL) &&
           follow_aliases(&message, name, owner, &steps, NULL) == KMS_OUTCOME_DNS_LOOP;
}

static bool has_server(const struct kms_ns_set *set, const char *name)
{
    for (size_t i = 0; i < set->count; i++) {
        if (kms_dns_name_equal(set->name[i], name)) {
            return true;
        }
    }
    return false;
}

static void add_server(struct kms_ns_set *set, const char *name)
{
    if (has_server(set, name)) {
        return;
    }
    if (set->count == KMS_NS_MAX) {
        set->left_out++;
        return;
    }
    kms_text_copy(set->name[set->count++], KMS_DNS_NAME_SIZE, name);
}

enum kms_outcome kms_ns_read(const uint8_t *bytes, size_t len, const char *name,
                             struct kms_ns_set *ret, struct kms_fault *fault)
{
    struct kms_dns_message message;
    struct kms_dns_record record;
    struct kms_ns_set set = {.count = 0};
    bool is_broken = false;
    enum kms_outcome outcome = open_answer(&message, bytes, len, name, fault);
    if (outcome != KMS_OUTCOME_OK) {
        return outcome;
    }
    while (kms_dns_next(&message, &record, &is_broken, fault)) {
        char server[KMS_DNS_NAME_SIZE];
        if (record.type != TYPE_NS || !kms_dns_name_equal(record.owner, name)) {
            continue;
        }
        struct kms_rd rd = kms_dns_data(&message, &record);
        if (!kms_dns_name(&rd, server) || kms_rd_left(&rd) > 0) {
            (void)kms_fault_set(fault, KMS_ESYNTAX, record.data_at,
                                "the NS record at byte %zu is wrong", record.data_at);
            return KMS_OUTCOME_DNS_MALFORMED;
        }
        add_server(&set, server);
    }
    if (is_broken) {
        return KMS_OUTCOME_DNS_MALFORMED;
    }
    if (set.count == 0) {
        return KMS_OUTCOME_DNS_NODATA;
    }
    *ret = set;
    return KMS_OUTCOME_OK;
}
