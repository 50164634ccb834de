/* Watched domains: records, hosts that are published or not, what changed, and numbers that stay.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "model/zone.h"

#define DOMAIN "example.com"
#define START  INT64_C(1400000000)

struct told {
    unsigned lookups, records, publications, numbers_out, watched, hosts;
    size_t more;
    size_t servers;
    struct kms_zone_news last;
    char target[KMS_ZONE_NAME_SIZE]; /* of the last record */
};

/* A board, the zones of it, and what they told. */
struct stage {
    int64_t wall_us;
    struct kms_clock clock;
    struct kms_policy policy;
    struct kms_board *board;
    struct kms_zones *zones;
    struct told told;
    char name[1100][300]; /* what was numbered */
    size_t named;
};

static int64_t stage_time(void *arg)
{
    return ((struct stage *)arg)->wall_us;
}

static uint32_t number(void *arg, const char *space, const char *name)
{
    struct stage *stage = arg;
    char full[300];
    kms_text_format(full, sizeof full, "%s|%s", space, name);
    for (size_t i = 0; i < stage->named; i++) {
        if (kms_text_equal(stage->name[i], full)) {
            return (uint32_t)i + 100;
        }
    }
    assert_true(stage->named < KMS_COUNT_OF(stage->name));
    kms_text_copy(stage->name[stage->named], sizeof stage->name[0], full);
    return (uint32_t)stage->named++ + 100;
}

static void hear(void *arg, const struct kms_zone_news *news)
{
    struct told *told = &((struct stage *)arg)->told;
    told->last = *news;
    switch (news->what) {
    case KMS_ZONE_NEWS_LOOKUP:
        told->lookups++;
        break;
    case KMS_ZONE_NEWS_RECORD:
        told->records++;
        told->watched += news->record->host_known ? 1 : 0;
        kms_text_copy(told->target, sizeof told->target, news->record->record.target);
        break;
    case KMS_ZONE_NEWS_RECORDS_MORE:
        told->more += news->more;
        break;
    case KMS_ZONE_NEWS_NUMBERS_OUT:
        told->numbers_out++;
        break;
    case KMS_ZONE_NEWS_PUBLICATION:
        told->publications++;
        break;
    case KMS_ZONE_NEWS_SERVERS:
        told->servers++;
        break;
    case KMS_ZONE_NEWS_HOSTS:
        told->hosts++;
        break;
    }
}

static struct stage *stage_open_as(bool site_lists)
{
    struct stage *stage = calloc(1, sizeof *stage);
    assert_non_null(stage);
    stage->wall_us = START * 1000000;
    stage->clock = (struct kms_clock){stage_time, stage_time, stage};
    kms_policy_preset(&stage->policy);
    stage->board = kms_board_new(&stage->policy, &stage->clock, NULL, NULL);
    assert_non_null(stage->board);
    stage->zones = kms_zones_new(stage->board, &stage->clock, site_lists, number, stage, hear,
                                 stage);
    assert_non_null(stage->zones);
    return stage;
}

static struct stage *stage_open(void)
{
    return stage_open_as(true);
}

static void stage_close(struct stage *stage)
{
    kms_zones_free(stage->zones);
    kms_board_free(stage->board);
    free(stage);
}

static size_t add_target(struct stage *stage, struct kms_target *target)
{
    size_t slot;
    target->source[KMS_SOURCE_DNS].enabled = true;
    target->source[KMS_SOURCE_RPC].enabled = true;
    assert_int_equal(
        kms_board_add(stage->board, target, (uint32_t)kms_board_count(stage->board) + 1, &slot),
        KMS_OK);
    return slot;
}

static size_t add_host(struct stage *stage, const char *name, const char *address, int64_t port)
{
    char name_copy[300], address_copy[300];
    kms_text_copy(name_copy, sizeof name_copy, name);
    kms_text_copy(address_copy, sizeof address_copy, address ? address : "");
    struct kms_target target = {.name = name_copy,
                                .address = address ? address_copy : NULL,
                                .port = port,
                                .origin = KMS_ORIGIN_CONFIGURED};
    return add_target(stage, &target);
}

static size_t watch(struct stage *stage, const char *domain)
{
    size_t zone;
    assert_int_equal(kms_zones_add(stage->zones, domain, &zone), KMS_OK);
    return zone;
}

/* What the bind probe of a host met. */
static void probe(struct stage *stage, size_t slot, enum kms_rpc_state rpc,
                  enum kms_outcome outcome)
{
    struct kms_result result;
    kms_result_init(&result, KMS_SOURCE_RPC);
    result.outcome = outcome;
    assert_int_equal(kms_facts_set_number(&result.host, KMS_FACT_RPC_STATE, rpc), KMS_OK);
    struct kms_change change;
    assert_int_equal(kms_board_publish(stage->board, slot, &result, &change), KMS_OK);
    kms_result_done(&result);
}

static void answers(struct stage *stage, size_t slot)
{
    probe(stage, slot, KMS_RPC_ACCEPTED, KMS_OUTCOME_OK);
}

static void refuses(struct stage *stage, size_t slot)
{
    probe(stage, slot, KMS_RPC_REFUSED, KMS_OUTCOME_RPC_REFUSED);
}

/* What the host's own report says of it. */
static void tell(struct stage *stage, size_t slot, enum kms_source source, enum kms_fact_id fact,
                 int64_t value)
{
    struct kms_result result;
    kms_result_init(&result, source);
    result.outcome = KMS_OUTCOME_OK;
    assert_int_equal(kms_facts_set_number(&result.host, fact, value), KMS_OK);
    struct kms_change change;
    assert_int_equal(kms_board_publish(stage->board, slot, &result, &change), KMS_OK);
    kms_result_done(&result);
}

static void report(struct stage *stage, size_t slot, enum kms_fact_id fact, int64_t value)
{
    tell(stage, slot, KMS_SOURCE_REPORT, fact, value);
}

static struct kms_zone_record record(const char *target, uint16_t port)
{
    struct kms_zone_record made = {.port = port,
                                   .weight = 10,
                                   .ttl = 3600,
                                   .resolution = KMS_ZONE_RESOLVES,
                                   .address_count = 1};
    kms_text_copy(made.target, sizeof made.target, target);
    kms_text_copy(made.address[0], sizeof made.address[0], "192.0.2.200");
    return made;
}

static void publish_as(struct stage *stage, size_t zone, enum kms_outcome outcome,
                       const struct kms_zone_record *records, size_t count)
{
    stage->wall_us += 60000000;
    struct kms_zone_lookup lookup = {.outcome = outcome,
                                     .wall_s = stage->wall_us / 1000000,
                                     .record = records,
                                     .record_count = count};
    kms_text_copy(lookup.detail, sizeof lookup.detail,
                  outcome == KMS_OUTCOME_OK ? "" : kms_outcome_row(outcome)->meaning);
    assert_int_equal(kms_zones_publish(stage->zones, zone, &lookup), KMS_OK);
}

static const struct kms_zone *publish(struct stage *stage, size_t zone,
                                      const struct kms_zone_record *records, size_t count)
{
    publish_as(stage, zone, KMS_OUTCOME_OK, records, count);
    return kms_zones_get(stage->zones, zone);
}

static const struct kms_zone *refresh(struct stage *stage, size_t zone)
{
    assert_int_equal(kms_zones_refresh(stage->zones), KMS_OK);
    return kms_zones_get(stage->zones, zone);
}

/* ---- zones ---- */

static void a_domain_is_watched_once_and_unknown_at_first(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    add_host(stage, "kms1.example.com", NULL, 1688);
    size_t zone = watch(stage, "Example.COM.");
    assert_int_equal(watch(stage, "example.com"), zone);
    assert_int_equal(kms_zones_count(stage->zones), 1);
    const struct kms_zone *shown = kms_zones_get(stage->zones, zone);
    assert_string_equal(shown->name, DOMAIN);
    assert_string_equal(stage->name[0], "domain|example.com");
    assert_int_equal(shown->index, 100);
    assert_int_equal(shown->state, KMS_STATE_UNKNOWN);
    assert_int_equal(shown->reasons, KMS_BIT(KMS_REASON_NO_DATA));
    assert_int_equal(shown->wanted_hosts, 1);
    assert_int_equal(shown->publication_count, 1);
    assert_int_equal(shown->publication[0].publication, KMS_PUBLICATION_UNKNOWN);
    assert_false(shown->publication[0].missing_known);
    struct kms_result result;
    assert_false(kms_zones_host_result(stage->zones, 0, &result));
    assert_int_equal(stage->told.publications, 0);
    char big[400];
    memset(big, 'a', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    assert_int_equal(kms_zones_add(stage->zones, big, &zone), KMS_ETOOBIG);
    stage_close(stage);
}

static void a_published_host_that_answers_is_healthy(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    size_t slot = add_host(stage, "kms1.example.com", NULL, 1688);
    size_t zone = watch(stage, DOMAIN);
    answers(stage, slot);
    struct kms_zone_record one = record("KMS1.Example.com.", 1688);
    const struct kms_zone *shown = publish(stage, zone, &one, 1);
    assert_int_equal(shown->state, KMS_STATE_OK);
    assert_int_equal(shown->reasons, 0);
    assert_int_equal(shown->records, 1);
    assert_int_equal(shown->healthy_hosts, 1);
    assert_true(shown->shares_known);
    assert_int_equal(shown->dead_share, 0);
    assert_int_equal(shown->record[0].state, KMS_SRV_HEALTHY);
    assert_true(shown->record[0].host_known);
    assert_int_equal(shown->record[0].share, 1000);
    assert_string_equal(stage->name[1], "record/100|kms1.example.com:1688");
    assert_int_equal(shown->publication[0].publication, KMS_PUBLICATION_PUBLISHED);
    assert_string_equal(shown->publication[0].reason,
                        "published: KMS1.Example.com:1688, priority 0, weight 10, TTL 3600");
    assert_true(shown->publication[0].missing_known);
    assert_int_equal(shown->publication[0].missing_since_s, 0);
    stage_close(stage);
}

/* ---- records ---- */

static enum kms_srv_state state_of(const struct kms_zone *zone, const char *target, uint16_t port)
{
    for (size_t i = 0; i < zone->record_count; i++) {
        const struct kms_zone_record *at = &zone->record[i].record;
        if (kms_text_equal(at->target, target) && at->port == port) {
            return zone->record[i].state;
        }
    }
    fail_msg("no row for %s:%u", target, (unsigned)port);
    return KMS_SRV_UNKNOWN;
}

static void every_record_has_the_state_of_what_it_leads_to(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    size_t healthy = add_host(stage, "healthy.example.com", NULL, 1688);
    size_t dead = add_host(stage, "dead.example.com", NULL, 1688);
    add_host(stage, "moved.example.com", NULL, 1700);
    size_t says = add_host(stage, "says.example.com", NULL, 1688);
    size_t broken = add_host(stage, "broken.example.com", NULL, 1688);
    add_host(stage, "silent.example.com", NULL, 1688);
    size_t zone = watch(stage, DOMAIN);
    answers(stage, healthy);
    refuses(stage, dead);
    report(stage, says, KMS_FACT_LISTENING_PORT, 1800);
    probe(stage, broken, KMS_RPC_UNKNOWN, KMS_OUTCOME_RPC_NO_SOCKET);
    struct kms_zone_record list[] = {
        record("healthy.example.com", 1688),
        record("dead.example.com", 1688),
        record("moved.example.com", 1688),
        record("says.example.com", 1688),
        record("broken.example.com", 1688),
        record("silent.example.com", 1688),
        record("stranger.example.com", 1688),
        record("nowhere.example.com", 1688),
        record("says.example.com", 1800),
        record("healthy.example.com", 0),
        record("192.0.2.1", 1688),
        record(".", 1688),
        record("stranger.example.com", 0),
    };
    list[7].resolution = KMS_ZONE_RESOLVES_NOT;
    list[7].address_count = 0;
    list[9].flaw = list[12].flaw = "port 0";
    list[10].flaw = list[11].flaw = "no name";
    const struct kms_zone *shown = publish(stage, zone, list, KMS_COUNT_OF(list));
    assert_int_equal(shown->records, KMS_COUNT_OF(list));
    assert_int_equal(state_of(shown, "healthy.example.com", 1688), KMS_SRV_HEALTHY);
    assert_int_equal(state_of(shown, "dead.example.com", 1688), KMS_SRV_DEAD);
    assert_int_equal(state_of(shown, "moved.example.com", 1688), KMS_SRV_WRONG_PORT);
    assert_int_equal(state_of(shown, "says.example.com", 1688), KMS_SRV_WRONG_PORT);
    assert_int_equal(state_of(shown, "says.example.com", 1800), KMS_SRV_UNKNOWN);
    assert_int_equal(state_of(shown, "broken.example.com", 1688), KMS_SRV_UNKNOWN);
    assert_int_equal(state_of(shown, "silent.example.com", 1688), KMS_SRV_UNKNOWN);
    assert_int_equal(state_of(shown, "stranger.example.com", 1688), KMS_SRV_UNKNOWN);
    assert_int_equal(state_of(shown, "nowhere.example.com", 1688), KMS_SRV_UNRESOLVABLE);
    assert_int_equal(state_of(shown, "healthy.example.com", 0), KMS_SRV_WRONG_PORT);
    assert_int_equal(state_of(shown, "192.0.2.1", 1688), KMS_SRV_UNRESOLVABLE);
    assert_int_equal(state_of(shown, ".", 1688), KMS_SRV_UNRESOLVABLE);
    assert_int_equal(state_of(shown, "stranger.example.com", 0), KMS_SRV_DEAD);
    assert_int_equal(shown->state, KMS_STATE_WARNING);
    assert_int_equal(shown->healthy_hosts, 1);
    assert_int_equal(shown->rogue, 0);
    refuses(stage, healthy);
    shown = refresh(stage, zone);
    assert_int_equal(state_of(shown, "healthy.example.com", 1688), KMS_SRV_DEAD);
    /* it says 1800, but answers on 1688 all the same */
    answers(stage, says);
    shown = refresh(stage, zone);
    assert_int_equal(state_of(shown, "says.example.com", 1688), KMS_SRV_HEALTHY);
    shown = publish(stage, zone, list, 1);
    assert_int_equal(state_of(shown, "says.example.com", 1688), KMS_SRV_GONE);
    assert_int_equal(shown->records, 1);
    assert_int_equal(shown->record_count, KMS_COUNT_OF(list));
    assert_string_equal(shown->record[0].record.target, "healthy.example.com");
    stage_close(stage);
}

static void a_record_leads_to_hosts_by_name_short_name_and_address(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    size_t by_name = add_host(stage, "Monitor's first", "KMS1.example.com.", 1688);
    size_t by_short = add_host(stage, "kms2", NULL, 1688);
    size_t by_v4 = add_host(stage, "third", "192.0.2.3", 1688);
    size_t by_v6 = add_host(stage, "fourth", "2001:DB8:0:0::4", 1688);
    add_host(stage, "kms5.other", NULL, 1688);
    size_t zone = watch(stage, DOMAIN);
    struct kms_zone_record list[] = {
        record("kms1.EXAMPLE.com", 1688), record("kms2.example.com", 1688),
        record("kms3.example.com", 1688), record("kms4.example.com", 1688),
        record("kms5.other.example.com", 1688)};
    list[2].address_count = 2;
    kms_text_copy(list[2].address[1], sizeof list[2].address[1], "192.0.2.3");
    kms_text_copy(list[3].address[0], sizeof list[3].address[0], "2001:db8::4");
    const size_t leads_to[] = {by_name, by_short, by_v4, by_v6};
    const struct kms_zone *shown = publish(stage, zone, list, KMS_COUNT_OF(list));
    for (size_t i = 0; i < KMS_COUNT_OF(leads_to); i++) {
        assert_true(shown->record[i].host_known);
        assert_int_equal(shown->record[i].host_slot, leads_to[i]);
    }
    assert_false(shown->record[4].host_known);
    /* hosts that are known by a name without a domain are found, but nobody expects them there */
    assert_int_equal(shown->publication_count, 4);
    assert_int_equal(shown->wanted_hosts, 1);
    assert_int_equal(shown->publication[by_name].publication, KMS_PUBLICATION_PUBLISHED);
    assert_int_equal(shown->publication[by_v6].publication, KMS_PUBLICATION_NOT_EXPECTED);
    assert_non_null(strstr(shown->publication[by_v6].reason, "publish-in"));
    assert_int_equal(shown->publication[by_v6].state, KMS_STATE_OK);
    assert_int_equal(shown->state, KMS_STATE_OK);
    stage_close(stage);
}

static void hosts_on_one_address_are_told_apart_by_their_port(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    size_t slots[200];
    for (size_t i = 0; i < KMS_COUNT_OF(slots); i++) {
        char name[32];
        kms_text_format(name, sizeof name, "host%zu", i);
        slots[i] = add_host(stage, name, "127.0.0.1", (int64_t)(2000 + i));
    }
    size_t zone = watch(stage, DOMAIN);
    answers(stage, slots[150]);
    struct kms_zone_record list[] = {record("a.example.com", 2150), record("b.example.com", 2151),
                                     record("c.example.com", 3000)};
    for (size_t i = 0; i < KMS_COUNT_OF(list); i++) {
        kms_text_copy(list[i].address[0], sizeof list[i].address[0], "127.0.0.1");
    }
    const struct kms_zone *shown = publish(stage, zone, list, 2);
    assert_int_equal(shown->record[0].host_slot, slots[150]);
    assert_int_equal(shown->record[0].state, KMS_SRV_HEALTHY);
    assert_int_equal(shown->record[1].host_slot, slots[151]);
    assert_int_equal(shown->record[1].state, KMS_SRV_UNKNOWN);
    assert_int_equal(shown->publication_count, 2);
    shown = publish(stage, zone, list, 3);
    assert_int_equal(state_of(shown, "c.example.com", 3000), KMS_SRV_WRONG_PORT);
    stage_close(stage);
}

static void only_a_discovered_host_that_answers_is_a_rogue_of_a_listed_site(void **state)
{
    (void)state;
    for (int lists = 0; lists < 2; lists++) {
        struct stage *stage = stage_open_as(lists == 1);
        char name[] = "stranger.example.com";
        struct kms_target target = {.name = name, .port = 1688, .origin = KMS_ORIGIN_DISCOVERED};
        size_t slot = add_target(stage, &target);
        size_t zone = watch(stage, DOMAIN);
        answers(stage, slot);
        struct kms_zone_record one = record(name, 1688);
        const struct kms_zone *shown = publish(stage, zone, &one, 1);
        assert_int_equal(shown->record[0].state, lists ? KMS_SRV_ROGUE : KMS_SRV_HEALTHY);
        assert_int_equal(shown->rogue, lists);
        assert_int_equal(shown->state, lists ? KMS_STATE_WARNING : KMS_STATE_OK);
        assert_int_equal(shown->reasons,
                         lists ? KMS_BIT(KMS_REASON_SUSPICIOUS) | KMS_BIT(KMS_REASON_FEW_HOSTS)
                               : 0);
        refuses(stage, slot);
        assert_int_equal(refresh(stage, zone)->record[0].state, KMS_SRV_DEAD);
        stage_close(stage);
    }
}

/* What is known of strangers: those called "a..." answer, those called "d..." refuse. */
static enum kms_rpc_state stranger_state(void *arg, const struct kms_zone_record *of)
{
    (*(unsigned *)arg)++;
    switch (kms_text_lower(of->target[0])) {
    case 'a':
        return KMS_RPC_ACCEPTED;
    case 'd':
        return KMS_RPC_REFUSED;
    default:
        return KMS_RPC_UNKNOWN;
    }
}

static void a_stranger_has_the_state_of_its_own_probe(void **state)
{
    (void)state;
    for (int lists = 0; lists < 2; lists++) {
        struct stage *stage = stage_open_as(lists == 1);
        unsigned asked = 0;
        size_t host = add_host(stage, "kms1.example.com", NULL, 1688);
        size_t zone = watch(stage, DOMAIN);
        answers(stage, host);
        kms_zones_set_strangers(stage->zones, stranger_state, &asked);
        struct kms_zone_record list[] = {
            record("alive.example.com", 1688), record("ALIVE.example.com.", 1689),
            record("dead.example.com", 1688),  record("new.example.com", 1688),
            record("kms1.example.com", 1688),  record("a-none.example.com", 1688),
            record("a-flaw.example.com", 0)};
        list[5].resolution = KMS_ZONE_RESOLVES_NOT;
        list[5].address_count = 0;
        list[6].flaw = "port 0";
        const struct kms_zone *shown = publish(stage, zone, list, KMS_COUNT_OF(list));
        enum kms_srv_state alive = lists ? KMS_SRV_ROGUE : KMS_SRV_HEALTHY;
        assert_int_equal(state_of(shown, "alive.example.com", 1688), alive);
        assert_int_equal(state_of(shown, "dead.example.com", 1688), KMS_SRV_DEAD);
        assert_int_equal(state_of(shown, "new.example.com", 1688), KMS_SRV_UNKNOWN);
        assert_int_equal(state_of(shown, "kms1.example.com", 1688), KMS_SRV_HEALTHY);
        assert_int_equal(state_of(shown, "a-none.example.com", 1688), KMS_SRV_UNRESOLVABLE);
        assert_int_equal(state_of(shown, "a-flaw.example.com", 0), KMS_SRV_DEAD);
        /* one host of two ports is one host */
        assert_int_equal(shown->healthy_hosts, lists ? 1 : 2);
        assert_int_equal(shown->rogue, lists ? 2 : 0);
        assert_int_equal(asked, 4);
        for (size_t i = 0; i < shown->record_count; i++) {
            const struct kms_zone_record_view *view = &shown->record[i];
            bool expected = !view->record.flaw && view->state != KMS_SRV_UNRESOLVABLE &&
                            !view->host_known;
            assert_int_equal(view->stranger, expected);
        }
        shown = publish(stage, zone, &list[4], 1);
        assert_int_equal(state_of(shown, "alive.example.com", 1688), KMS_SRV_GONE);
        assert_false(shown->record[1].stranger);
        kms_zones_set_strangers(stage->zones, NULL, NULL);
        shown = publish(stage, zone, list, 1);
        assert_int_equal(state_of(shown, "alive.example.com", 1688), KMS_SRV_UNKNOWN);
        stage_close(stage);
    }
}

static void a_host_without_a_probe_has_records_that_are_probed_for_themselves(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    unsigned asked = 0;
    char name[] = "alone.example.com";
    struct kms_target target = {.name = name, .port = 1688, .origin = KMS_ORIGIN_CONFIGURED};
    target.source[KMS_SOURCE_DNS].enabled = true;
    size_t slot;
    assert_int_equal(kms_board_add(stage->board, &target, 1, &slot), KMS_OK);
    size_t zone = watch(stage, DOMAIN);
    kms_zones_set_strangers(stage->zones, stranger_state, &asked);
    struct kms_zone_record list[] = {record(name, 1688), record(name, 1700)};
    const struct kms_zone *shown = publish(stage, zone, list, KMS_COUNT_OF(list));
    const struct kms_zone_record_view *right = &shown->record[0];
    assert_true(right->host_known);
    assert_true(right->stranger);
    assert_int_equal(right->state, KMS_SRV_HEALTHY); /* the site lists it: no rogue */
    assert_int_equal(shown->record[1].state, KMS_SRV_WRONG_PORT);
    assert_false(shown->record[1].stranger);
    assert_int_equal(shown->healthy_hosts, 1);
    assert_int_equal(shown->publication[0].publication, KMS_PUBLICATION_PUBLISHED);
    stage_close(stage);
}

static void a_listed_host_is_no_rogue_and_each_other_one_is(void **state)
{
    (void)state;
    struct stage *stage = stage_open_as(false);
    unsigned asked = 0;
    size_t host = add_host(stage, "kms1.example.com", NULL, 1688);
    char name[] = "a-found.example.com";
    struct kms_target target = {.name = name, .port = 1688, .origin = KMS_ORIGIN_DISCOVERED};
    size_t found = add_target(stage, &target);
    size_t zone = watch(stage, DOMAIN);
    answers(stage, host);
    answers(stage, found);
    kms_zones_set_strangers(stage->zones, stranger_state, &asked);
    const struct kms_zone_expected expect[] = {
        {"A-Listed.example.com", 1688}, {"Dead", 1688}, {"nowhere.example.com", 1688}};
    struct kms_zone_record list[] = {
        record("a-listed.EXAMPLE.com.", 1688), record("a-listed.example.com", 1700),
        record("dead.example.com", 1700),      record("a-rogue.example.com", 1688),
        record("kms1.example.com", 1688),      record("a-found.example.com", 1688)};
    const struct kms_zone *shown = publish(stage, zone, list, KMS_COUNT_OF(list));
    assert_int_equal(shown->rogue, 0);
    assert_int_equal(kms_zones_wish(stage->zones, zone, 1, expect, KMS_COUNT_OF(expect)), KMS_OK);
    shown = refresh(stage, zone);
    assert_int_equal(state_of(shown, "a-listed.example.com", 1700), KMS_SRV_HEALTHY);
    assert_int_equal(state_of(shown, "dead.example.com", 1700), KMS_SRV_WRONG_PORT);
    assert_int_equal(state_of(shown, "a-rogue.example.com", 1688), KMS_SRV_ROGUE);
    assert_int_equal(state_of(shown, "kms1.example.com", 1688), KMS_SRV_HEALTHY);
    assert_int_equal(state_of(shown, "a-found.example.com", 1688), KMS_SRV_ROGUE);
    assert_int_equal(shown->rogue, 2);
    assert_int_equal(shown->healthy_hosts, 2);
    assert_int_equal(shown->unmet, 1);
    assert_int_equal(stage->told.hosts, 1);
    assert_string_equal(shown->summary, "6 records, 2 healthy hosts of 1 wanted, 1 expected host "
                                        "in no record, 2 rogue records");
    assert_int_equal(shown->reasons & KMS_BIT(KMS_REASON_NOT_PUBLISHED),
                     KMS_BIT(KMS_REASON_NOT_PUBLISHED));
    assert_int_equal(kms_zones_wish(stage->zones, zone, 1, expect, 2), KMS_OK);
    shown = refresh(stage, zone);
    assert_int_equal(shown->unmet, 0);
    assert_int_equal(stage->told.hosts, 2);
    stage_close(stage);
}

static void fewer_healthy_hosts_than_wanted_are_a_warning(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    size_t first = add_host(stage, "kms1.example.com", NULL, 1688);
    size_t second = add_host(stage, "kms2.example.com", NULL, 1688);
    size_t zone = watch(stage, DOMAIN);
    assert_int_equal(kms_zones_get(stage->zones, zone)->wanted_hosts, 1);
    assert_string_equal(kms_zones_get(stage->zones, zone)->summary, "not looked up yet");
    assert_int_equal(kms_zones_wish(stage->zones, zone, 2, NULL, 0), KMS_OK);
    struct kms_zone_record list[] = {record("kms1.example.com", 1688),
                                     record("kms1.example.com", 1689),
                                     record("kms2.example.com", 1688)};
    answers(stage, first);
    /* who was not probed yet may be healthy */
    const struct kms_zone *shown = publish(stage, zone, list, 3);
    assert_int_equal(shown->wanted_hosts, 2);
    assert_int_equal(shown->healthy_hosts, 1);
    assert_false(shown->few_hosts);
    answers(stage, second);
    shown = publish(stage, zone, list, 3);
    assert_false(shown->few_hosts);
    assert_int_equal(shown->reasons & KMS_BIT(KMS_REASON_FEW_HOSTS), 0);
    assert_int_equal(stage->told.hosts, 0);
    refuses(stage, second);
    shown = refresh(stage, zone);
    assert_true(shown->few_hosts);
    assert_int_equal(shown->state, KMS_STATE_WARNING);
    assert_true(shown->reasons & KMS_BIT(KMS_REASON_FEW_HOSTS));
    assert_int_equal(stage->told.hosts, 1);
    assert_string_equal(shown->summary, "3 records, 1 healthy host of 2 wanted");
    /* an answer that does not come is no news of hosts */
    publish_as(stage, zone, KMS_OUTCOME_DNS_TIMEOUT, NULL, 0);
    assert_false(kms_zones_get(stage->zones, zone)->few_hosts);
    publish_as(stage, zone, KMS_OUTCOME_DNS_NODATA, NULL, 0);
    shown = kms_zones_get(stage->zones, zone);
    assert_true(shown->few_hosts);
    assert_int_equal(shown->state, KMS_STATE_CRITICAL);
    assert_int_equal(stage->told.hosts, 1);
    answers(stage, second);
    shown = publish(stage, zone, list, 3);
    assert_false(shown->few_hosts);
    assert_int_equal(stage->told.hosts, 2);
    assert_int_equal(kms_zones_wish(stage->zones, zone, 0, NULL, 0), KMS_OK);
    publish_as(stage, zone, KMS_OUTCOME_DNS_NODATA, NULL, 0);
    assert_false(kms_zones_get(stage->zones, zone)->few_hosts);
    stage_close(stage);
}

static void an_expected_host_is_a_name_with_or_without_a_port(void **state)
{
    (void)state;
    struct kms_zone_expected host;
    assert_true(kms_zone_expected_parse("kms1.example.com", &host));
    assert_string_equal(host.name, "kms1.example.com");
    assert_int_equal(host.port, 1688);
    assert_true(kms_zone_expected_parse("kms1.example.com.:65535", &host));
    assert_string_equal(host.name, "kms1.example.com");
    assert_int_equal(host.port, 65535);
    static const char *const wrong[] = {"", ":1688", "a:", "a:0", "a:65536", "a:x", "a:1:2", "::1"};
    for (size_t i = 0; i < KMS_COUNT_OF(wrong); i++) {
        assert_false(kms_zone_expected_parse(wrong[i], &host));
    }
    char big[400];
    memset(big, 'a', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    assert_false(kms_zone_expected_parse(big, &host));
}

static void records_that_are_gone_long_enough_are_forgotten(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    size_t zone = watch(stage, DOMAIN);
    kms_zones_forget_after(stage->zones, 150); /* lookups are 60 seconds apart */
    struct kms_zone_record list[] = {record("a.x", 1), record("b.x", 1)};
    (void)publish(stage, zone, list, 2);
    const struct kms_zone *shown = publish(stage, zone, list, 1);
    assert_int_equal(state_of(shown, "b.x", 1), KMS_SRV_GONE);
    shown = publish(stage, zone, list, 1);
    assert_int_equal(shown->record_count, 2);
    uint64_t shape = kms_zones_shape(stage->zones);
    /* while nobody answers nothing is forgotten */
    publish_as(stage, zone, KMS_OUTCOME_DNS_TIMEOUT, NULL, 0);
    assert_int_equal(kms_zones_get(stage->zones, zone)->record_count, 2);
    assert_int_equal(kms_zones_shape(stage->zones), shape);
    shown = publish(stage, zone, list, 1);
    assert_int_equal(shown->record_count, 1);
    assert_true(kms_zones_shape(stage->zones) > shape);
    assert_int_equal(shown->record[0].first_seen_s, START + 60);
    shown = publish(stage, zone, list, 2); /* it is new again */
    assert_int_equal(shown->record[1].first_seen_s, shown->last_success_s);
    stage_close(stage);
}

static void what_an_earlier_process_saw_is_recalled(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    size_t slot = add_host(stage, "kms1.example.com", NULL, 1688);
    size_t zone = watch(stage, DOMAIN);
    answers(stage, slot);
    struct kms_zone_past past[] = {{record("Old.example.com.", 1688), START - 5000, START - 900},
                                   {record("kms1.example.com", 1688), START - 7000, START - 100},
                                   {record("old.example.com", 1688), START - 9, START - 9}};
    assert_int_equal(kms_zones_recall(stage->zones, zone, past, KMS_COUNT_OF(past)), KMS_OK);
    const struct kms_zone *shown = kms_zones_get(stage->zones, zone);
    assert_int_equal(shown->record_count, 2);
    assert_int_equal(shown->state, KMS_STATE_UNKNOWN);
    assert_int_equal(shown->records, 0);
    assert_int_equal(state_of(shown, "Old.example.com", 1688), KMS_SRV_UNKNOWN);
    assert_int_equal(state_of(shown, "kms1.example.com", 1688), KMS_SRV_UNKNOWN);
    kms_zones_recall_missing(stage->zones, zone, "KMS1.example.com", START - 4000);
    kms_zones_recall_missing(stage->zones, zone, "nobody", START - 4000);
    assert_true(shown->publication[0].missing_known);
    publish_as(stage, zone, KMS_OUTCOME_DNS_TIMEOUT, NULL, 0);
    shown = kms_zones_get(stage->zones, zone);
    assert_int_equal(state_of(shown, "kms1.example.com", 1688), KMS_SRV_UNKNOWN);
    assert_int_equal(shown->publication[0].missing_since_s, START - 4000);
    publish_as(stage, zone, KMS_OUTCOME_DNS_NXDOMAIN, NULL, 0);
    shown = kms_zones_get(stage->zones, zone);
    assert_int_equal(state_of(shown, "kms1.example.com", 1688), KMS_SRV_GONE);
    assert_int_equal(shown->publication[0].publication, KMS_PUBLICATION_MISSING);
    assert_int_equal(shown->publication[0].missing_since_s, START - 4000);
    shown = publish(stage, zone, &past[1].record, 1);
    assert_int_equal(shown->record[0].state, KMS_SRV_HEALTHY);
    assert_int_equal(shown->record[0].first_seen_s, START - 7000);
    assert_int_equal(state_of(shown, "Old.example.com", 1688), KMS_SRV_GONE);
    assert_int_equal(shown->record[1].last_seen_s, START - 900);
    assert_int_equal(shown->publication[0].missing_since_s, 0);
    /* what is known is known better */
    assert_int_equal(kms_zones_recall(stage->zones, zone, past, 2), KMS_OK);
    assert_int_equal(kms_zones_get(stage->zones, zone)->record_count, 2);
    assert_int_equal(kms_zones_get(stage->zones, zone)->record[0].state, KMS_SRV_HEALTHY);
    stage_close(stage);
}

static void a_retired_host_is_neither_expected_nor_found(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    size_t first = add_host(stage, "kms1.example.com", NULL, 1688);
    size_t second = add_host(stage, "kms2.example.com", NULL, 1688);
    size_t zone = watch(stage, DOMAIN);
    answers(stage, first);
    answers(stage, second);
    struct kms_zone_record list[] = {record("kms1.example.com", 1688),
                                     record("kms2.example.com", 1688)};
    const struct kms_zone *shown = publish(stage, zone, &list[1], 1);
    assert_int_equal(shown->publication_count, 2);
    assert_true(shown->publication[0].missing_since_s > 0);
    uint64_t shape = kms_zones_shape(stage->zones);
    assert_int_equal(kms_board_retire(stage->board, first), KMS_OK);
    shown = refresh(stage, zone);
    assert_true(kms_zones_shape(stage->zones) > shape);
    assert_int_equal(shown->publication_count, 1);
    assert_int_equal(shown->publication[0].host_slot, second);
    assert_int_equal(shown->state, KMS_STATE_OK);
    shown = publish(stage, zone, list, 2);
    assert_false(shown->record[0].host_known);
    /* the slot is another host's now, which has missed nothing yet */
    assert_int_equal(kms_board_retire(stage->board, second), KMS_OK);
    publish_as(stage, zone, KMS_OUTCOME_DNS_NXDOMAIN, NULL, 0);
    char name[] = "kms3.example.com";
    struct kms_target target = {.name = name, .port = 1688, .origin = KMS_ORIGIN_CONFIGURED};
    target.source[KMS_SOURCE_DNS].enabled = true;
    size_t slot;
    assert_int_equal(kms_board_add(stage->board, &target, 77, &slot), KMS_OK);
    assert_true(slot == first || slot == second);
    shown = refresh(stage, zone);
    assert_int_equal(shown->publication_count, 1);
    assert_int_equal(shown->publication[0].host_index, 77);
    assert_true(shown->publication[0].missing_since_s == stage->wall_us / 1000000);
    stage_close(stage);
}

static void a_dropped_domain_leaves_a_place_that_another_one_takes(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    size_t host = add_host(stage, "kms1.b.example", NULL, 1688);
    answers(stage, host);
    size_t a = watch(stage, "a.example"), b = watch(stage, "b.example"),
           c = watch(stage, "c.example");
    const struct kms_zone_record list[] = {record("kms1.b.example", 1688)};
    (void)publish(stage, a, list, 1);
    const struct kms_zone *kept = publish(stage, b, list, 1);
    uint32_t index = kms_zones_get(stage->zones, a)->index;
    uint64_t shape = kms_zones_shape(stage->zones);
    kms_zones_drop(stage->zones, a);
    assert_true(kms_zones_shape(stage->zones) > shape);
    assert_int_equal(kms_zones_count(stage->zones), 3);
    const struct kms_zone *gone = kms_zones_get(stage->zones, a);
    assert_int_equal(gone->index, 0); /* no row shows it */
    assert_string_equal(gone->name, "");
    assert_int_equal(gone->record_count + gone->publication_count, 0);
    assert_int_equal(kms_zones_refresh(stage->zones), KMS_OK);
    assert_ptr_equal(kms_zones_get(stage->zones, b), kept); /* in its place, with all it has */
    assert_int_equal(kept->record_count, 1);
    assert_int_equal(kept->publication[0].publication, KMS_PUBLICATION_PUBLISHED);
    struct kms_result result;
    assert_true(kms_zones_host_result(stage->zones, host, &result));
    kms_result_done(&result);
    assert_int_equal(watch(stage, "d.example"), a);
    assert_int_equal(watch(stage, "C.example."), c);
    assert_int_equal(watch(stage, "a.example"), 3);
    assert_int_equal(kms_zones_get(stage->zones, 3)->index, index); /* the number is the name's */
    assert_int_equal(kms_zones_get(stage->zones, 3)->record_count, 0);
    stage_close(stage);
}

static void a_host_with_another_target_is_expected_where_that_says(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    size_t slot = add_host(stage, "kms1.a.example", NULL, 1688);
    (void)add_host(stage, "kms2.b.example", NULL, 1688);
    size_t a = watch(stage, "a.example"), b = watch(stage, "b.example");
    assert_int_equal(kms_zones_get(stage->zones, a)->publication_count, 1);
    assert_int_equal(kms_zones_get(stage->zones, b)->publication_count, 1);
    char name[] = "kms1.a.example", domain[] = "B.example";
    struct kms_target target = {.name = name,
                                .port = 1688,
                                .origin = KMS_ORIGIN_CONFIGURED,
                                .publish_in = {.text = (char *[]){domain}, .count = 1}};
    target.source[KMS_SOURCE_DNS].enabled = true;
    struct kms_target *was;
    struct kms_change change;
    assert_int_equal(kms_board_retarget(stage->board, slot, &target, 0, &was, &change), KMS_OK);
    kms_target_done(was);
    free(was);
    assert_int_equal(kms_zones_refresh_one(stage->zones, b), KMS_OK);
    assert_int_equal(kms_zones_get(stage->zones, b)->publication_count, 2);
    target.source[KMS_SOURCE_DNS].enabled = false;
    assert_int_equal(kms_board_retarget(stage->board, slot, &target, 0, &was, &change), KMS_OK);
    kms_target_done(was);
    free(was);
    assert_int_equal(kms_zones_refresh(stage->zones), KMS_OK);
    assert_int_equal(kms_zones_get(stage->zones, a)->publication_count, 0);
    assert_int_equal(kms_zones_get(stage->zones, b)->publication_count, 1);
    stage_close(stage);
}

static void records_stand_in_the_order_in_which_clients_try_them(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    size_t zone = watch(stage, DOMAIN);
    struct kms_zone_record list[] = {record("c.x", 1), record("b.x", 1), record("a.x", 2),
                                     record("a.x", 1), record("d.x", 1)};
    list[0].priority = 1;
    list[4].weight = 20;
    const struct kms_zone *shown = publish(stage, zone, list, KMS_COUNT_OF(list));
    static const char *const order[] = {"d.x", "a.x", "a.x", "b.x", "c.x"};
    for (size_t i = 0; i < KMS_COUNT_OF(order); i++) {
        assert_string_equal(shown->record[i].record.target, order[i]);
    }
    assert_int_equal(shown->record[1].record.port, 1);
    assert_int_equal(shown->record[0].share, 397);
    assert_int_equal(shown->record[4].share, 0);
    assert_int_equal(shown->record[4].share_uniform, 200);
    stage_close(stage);
}

static void two_records_for_one_target_and_port_are_one_row_with_both_shares(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    size_t zone = watch(stage, DOMAIN);
    struct kms_zone_record list[] = {record("a.x", 1), record("A.x.", 1), record("b.x", 1),
                                     record("a.x", 1)};
    list[1].weight = 20;
    list[3].flaw = "the same as one before it";
    const struct kms_zone *shown = publish(stage, zone, list, KMS_COUNT_OF(list));
    assert_int_equal(shown->record_count, 2);
    assert_int_equal(shown->records, 2);
    assert_int_equal(shown->record[0].record.weight, 20);
    assert_null(shown->record[0].record.flaw);
    assert_int_equal(shown->record[0].share, 748); /* 30.5 and 10.5 of 41 draws, 1 rounded away */
    assert_int_equal(shown->record[1].share, 252);
    stage_close(stage);
}

static void rows_keep_their_numbers_and_grow_the_shape_only_when_they_come_or_go(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    size_t slot = add_host(stage, "kms1.example.com", NULL, 1688);
    size_t zone = watch(stage, DOMAIN);
    struct kms_zone_record list[] = {record("kms1.example.com", 1688), record("b.x", 1)};
    uint64_t shape = kms_zones_shape(stage->zones);
    const struct kms_zone *shown = publish(stage, zone, list, 2);
    assert_true(kms_zones_shape(stage->zones) > shape);
    shape = kms_zones_shape(stage->zones);
    assert_string_equal(shown->record[0].record.target, "b.x");
    uint32_t b = shown->record[0].index, a = shown->record[1].index;
    int64_t first = shown->record[0].first_seen_s;
    assert_int_equal(first, stage->wall_us / 1000000);
    shown = publish(stage, zone, list, 1); /* b is gone, its row stays */
    assert_int_equal(shown->record_count, 2);
    assert_int_equal(shown->record[1].index, b);
    assert_int_equal(shown->record[1].state, KMS_SRV_GONE);
    assert_int_equal(shown->record[1].share, 0);
    assert_int_equal(shown->record[1].last_seen_s, first);
    publish_as(stage, zone, KMS_OUTCOME_DNS_NXDOMAIN, NULL, 0);
    publish_as(stage, zone, KMS_OUTCOME_DNS_TIMEOUT, NULL, 0);
    answers(stage, slot);
    (void)refresh(stage, zone);
    list[0].weight = 99;
    list[1].ttl = 5;
    shown = publish(stage, zone, list, 2);
    assert_int_equal(shown->record[0].index, a);
    assert_int_equal(shown->record[1].index, b);
    assert_int_equal(shown->record[1].first_seen_s, first);
    assert_int_equal(kms_zones_shape(stage->zones), shape);
    assert_int_equal(stage->named, 3);
    add_host(stage, "kms2.example.com", NULL, 1688);
    shown = refresh(stage, zone);
    assert_true(kms_zones_shape(stage->zones) > shape);
    assert_int_equal(shown->publication_count, 2);
    assert_int_equal(shown->publication[1].publication, KMS_PUBLICATION_MISSING);
    stage_close(stage);
}

static void the_records_longest_gone_give_way(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    size_t zone = watch(stage, DOMAIN);
    static struct kms_zone_record list[KMS_ZONE_RECORDS_MAX];
    const struct kms_zone *shown = NULL;
    for (unsigned turn = 0; turn < 3; turn++) {
        for (unsigned i = 0; i < 300; i++) {
            char name[32];
            kms_text_format(name, sizeof name, "t%u-%u.example.com", turn, i);
            list[i] = record(name, 1688);
        }
        shown = publish(stage, zone, list, 300);
    }
    assert_int_equal(shown->record_count, KMS_ZONE_RECORDS_MAX);
    assert_int_equal(shown->records, 300);
    for (size_t i = 0; i < shown->record_count; i++) {
        const char *target = shown->record[i].record.target;
        assert_true(kms_text_starts(target, i < 300 ? "t2-" : "t1-"));
    }
    uint64_t shape = kms_zones_shape(stage->zones);
    (void)publish(stage, zone, list, 299);
    assert_int_equal(kms_zones_shape(stage->zones), shape);
    stage_close(stage);
}

static void more_records_than_are_kept_are_counted(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    size_t zone = watch(stage, DOMAIN);
    static struct kms_zone_record list[KMS_ZONE_RECORDS_MAX + 8];
    for (unsigned i = 0; i < KMS_COUNT_OF(list); i++) {
        char name[32];
        kms_text_format(name, sizeof name, "t%u.example.com", i);
        list[i] = record(name, 1688);
    }
    struct kms_zone_lookup lookup = {.outcome = KMS_OUTCOME_OK,
                                     .wall_s = START,
                                     .record = list,
                                     .record_count = KMS_COUNT_OF(list),
                                     .left_out = 5};
    assert_int_equal(kms_zones_publish(stage->zones, zone, &lookup), KMS_OK);
    const struct kms_zone *shown = kms_zones_get(stage->zones, zone);
    assert_int_equal(shown->record_count, KMS_ZONE_RECORDS_MAX);
    assert_int_equal(shown->records, KMS_ZONE_RECORDS_MAX + 13);
    stage_close(stage);
}

static void numbers_without_a_numberer_are_positions(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    struct kms_zones *zones = kms_zones_new(stage->board, &stage->clock, false, NULL, NULL, NULL,
                                            NULL);
    assert_non_null(zones);
    size_t a, b;
    assert_int_equal(kms_zones_add(zones, "a.example", &a), KMS_OK);
    assert_int_equal(kms_zones_add(zones, "b.example", &b), KMS_OK);
    assert_int_equal(kms_zones_get(zones, a)->index, 1);
    assert_int_equal(kms_zones_get(zones, b)->index, 2);
    struct kms_zone_record list[] = {record("a.x", 1), record("b.x", 1)};
    struct kms_zone_lookup lookup = {.record = list, .record_count = 1};
    lookup.outcome = KMS_OUTCOME_OK;
    assert_int_equal(kms_zones_publish(zones, b, &lookup), KMS_OK);
    lookup.record_count = 2;
    assert_int_equal(kms_zones_publish(zones, b, &lookup), KMS_OK);
    assert_int_equal(kms_zones_get(zones, b)->record[0].index, 1);
    assert_int_equal(kms_zones_get(zones, b)->record[1].index, 2);
    assert_int_equal(kms_zones_get(zones, a)->record_count, 0);
    kms_zones_free(zones);
    stage_close(stage);
}

/* ---- the state of a domain ---- */

static void a_domain_without_records_is_critical_and_one_not_looked_up_unknown(void **state)
{
    (void)state;
    static const struct {
        enum kms_outcome outcome;
        enum kms_state state;
        enum kms_reason reason;
    } cases[] = {
        {KMS_OUTCOME_DNS_NXDOMAIN, KMS_STATE_CRITICAL, KMS_REASON_NOT_PUBLISHED},
        {KMS_OUTCOME_DNS_NODATA, KMS_STATE_CRITICAL, KMS_REASON_NOT_PUBLISHED},
        {KMS_OUTCOME_DNS_NO_SERVICE, KMS_STATE_CRITICAL, KMS_REASON_NOT_PUBLISHED},
        {KMS_OUTCOME_OK, KMS_STATE_CRITICAL, KMS_REASON_NOT_PUBLISHED},
        {KMS_OUTCOME_DNS_SERVFAIL, KMS_STATE_UNKNOWN, KMS_REASON_STALE},
        {KMS_OUTCOME_DNS_REFUSED, KMS_STATE_UNKNOWN, KMS_REASON_STALE},
        {KMS_OUTCOME_DNS_TIMEOUT, KMS_STATE_UNKNOWN, KMS_REASON_STALE},
        {KMS_OUTCOME_TIMEOUT, KMS_STATE_UNKNOWN, KMS_REASON_STALE},
        {KMS_OUTCOME_NO_MEMORY, KMS_STATE_UNKNOWN, KMS_REASON_STALE},
    };
    struct stage *stage = stage_open();
    size_t zone = watch(stage, DOMAIN);
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        publish_as(stage, zone, cases[i].outcome, NULL, 0);
        const struct kms_zone *shown = kms_zones_get(stage->zones, zone);
        assert_int_equal(shown->state, cases[i].state);
        bool is_answered = cases[i].reason == KMS_REASON_NOT_PUBLISHED;
        assert_int_equal(shown->reasons, KMS_BIT(cases[i].reason) |
                                             (is_answered ? KMS_BIT(KMS_REASON_FEW_HOSTS) : 0));
        assert_int_equal(shown->outcome, cases[i].outcome);
        assert_int_equal(shown->last_lookup_s, stage->wall_us / 1000000);
        assert_false(shown->shares_known);
    }
    assert_int_equal(kms_zones_get(stage->zones, zone)->last_success_s, START + 4 * 60);
    stage_close(stage);
}

static void a_domain_is_critical_only_when_every_record_leads_nowhere(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    size_t a = add_host(stage, "a.example.com", NULL, 1688);
    size_t b = add_host(stage, "b.example.com", NULL, 1688);
    size_t zone = watch(stage, DOMAIN);
    struct kms_zone_record list[] = {record("a.example.com", 1688), record("b.example.com", 1688)};
    list[1].weight = 30;
    answers(stage, a);
    answers(stage, b);
    const struct kms_zone *shown = publish(stage, zone, list, 2);
    assert_int_equal(shown->state, KMS_STATE_OK);
    assert_int_equal(shown->healthy_hosts, 2);
    refuses(stage, b);
    shown = refresh(stage, zone);
    assert_int_equal(shown->state, KMS_STATE_WARNING);
    assert_int_equal(shown->reasons, KMS_BIT(KMS_REASON_UNREACHABLE));
    assert_int_equal(shown->dead_share, 744);
    assert_int_equal(shown->dead_share_uniform, 500);
    assert_true(shown->tries_known);
    assert_int_equal(shown->tries, 1744);
    assert_int_equal(shown->tries_uniform, 1500);
    refuses(stage, a);
    shown = refresh(stage, zone);
    assert_int_equal(shown->state, KMS_STATE_CRITICAL);
    assert_int_equal(shown->reasons,
                     KMS_BIT(KMS_REASON_UNREACHABLE) | KMS_BIT(KMS_REASON_FEW_HOSTS));
    assert_int_equal(shown->dead_share, 1000);
    assert_false(shown->tries_known);
    assert_int_equal(shown->healthy_hosts, 0);
    stage_close(stage);
}

static void a_wanted_host_without_a_record_is_a_warning_of_the_domain(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    size_t a = add_host(stage, "a.example.com", NULL, 1688);
    add_host(stage, "b.example.com", NULL, 1688);
    size_t zone = watch(stage, DOMAIN);
    struct kms_zone_record one = record("a.example.com", 1688);
    answers(stage, a);
    const struct kms_zone *shown = publish(stage, zone, &one, 1);
    assert_int_equal(shown->state, KMS_STATE_WARNING);
    assert_int_equal(shown->reasons, KMS_BIT(KMS_REASON_NOT_PUBLISHED));
    assert_int_equal(shown->wanted_hosts, 1);
    assert_int_equal(shown->publication_count, 2);
    stage_close(stage);
}

static void a_failed_lookup_keeps_the_records_and_says_nothing_new_of_hosts(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    size_t a = add_host(stage, "a.example.com", NULL, 1688);
    add_host(stage, "b.example.com", NULL, 1688);
    size_t zone = watch(stage, DOMAIN);
    struct kms_zone_record one = record("a.example.com", 1688);
    answers(stage, a);
    (void)publish(stage, zone, &one, 1);
    int64_t since = stage->wall_us / 1000000;
    publish_as(stage, zone, KMS_OUTCOME_DNS_SERVFAIL, NULL, 0);
    const struct kms_zone *shown = kms_zones_get(stage->zones, zone);
    assert_int_equal(shown->records, 1);
    assert_int_equal(shown->record[0].state, KMS_SRV_HEALTHY);
    assert_int_equal(shown->healthy_hosts, 1);
    assert_int_equal(shown->last_success_s, since);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(shown->publication[i].publication, KMS_PUBLICATION_LOOKUP_FAILED);
        assert_int_equal(shown->publication[i].state, KMS_STATE_UNKNOWN);
        assert_non_null(strstr(shown->publication[i].reason, "could not be looked up: The DNS"));
    }
    assert_true(shown->publication[1].missing_known);
    assert_int_equal(shown->publication[1].missing_since_s, since);
    assert_int_equal(shown->publication[0].missing_since_s, 0);
    refuses(stage, a); /* hosts are watched all the same */
    assert_int_equal(refresh(stage, zone)->record[0].state, KMS_SRV_DEAD);
    stage_close(stage);
}

/* ---- publication ---- */

/* WS-Man's word on publishing counts before the report's, and its port is the one that a record
 * must have. */
static void publication_goes_by_what_windows_itself_says(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    size_t off = add_host(stage, "off.example.com", NULL, 1688);
    size_t on = add_host(stage, "on.example.com", NULL, 1688);
    size_t sole = add_host(stage, "sole.example.com", NULL, 1688);
    size_t zone = watch(stage, DOMAIN);
    report(stage, off, KMS_FACT_DNS_PUBLISHING, KMS_PUBLISHING_ENABLED);
    tell(stage, off, KMS_SOURCE_WSMAN, KMS_FACT_DNS_PUBLISHING, KMS_PUBLISHING_DISABLED);
    report(stage, on, KMS_FACT_DNS_PUBLISHING, KMS_PUBLISHING_DISABLED);
    tell(stage, on, KMS_SOURCE_WSMAN, KMS_FACT_DNS_PUBLISHING, KMS_PUBLISHING_ENABLED);
    tell(stage, sole, KMS_SOURCE_WSMAN, KMS_FACT_DNS_PUBLISHING, KMS_PUBLISHING_DISABLED);
    const struct kms_zone *shown = publish(stage, zone, NULL, 0);
    assert_int_equal(shown->publication[off].publication, KMS_PUBLICATION_DISABLED);
    assert_int_equal(shown->publication[on].publication, KMS_PUBLICATION_MISSING);
    assert_int_equal(shown->publication[sole].publication, KMS_PUBLICATION_DISABLED);

    struct kms_zone_record list[] = {record("sole.example.com", 1688)};
    shown = publish(stage, zone, list, KMS_COUNT_OF(list));
    /* A record made by hand is a supported set-up. */
    assert_int_equal(shown->publication[sole].publication, KMS_PUBLICATION_PUBLISHED);
    assert_int_equal(shown->publication[sole].state, KMS_STATE_OK);
    stage_close(stage);
}

static void every_publication_has_its_state_and_a_reason_with_a_next_step(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    size_t missing = add_host(stage, "missing.example.com", NULL, 1688);
    size_t off = add_host(stage, "off.example.com", NULL, 1688);
    size_t port = add_host(stage, "port.example.com", NULL, 1700);
    size_t nowhere = add_host(stage, "nowhere.example.com", NULL, 1688);
    size_t zero = add_host(stage, "zero.example.com", NULL, 1688);
    size_t both = add_host(stage, "both.example.com", NULL, 1688);
    size_t zone = watch(stage, DOMAIN);
    report(stage, off, KMS_FACT_DNS_PUBLISHING, KMS_PUBLISHING_DISABLED);
    struct kms_zone_record list[] = {record("port.example.com", 1688),
                                     record("nowhere.example.com", 1688),
                                     record("zero.example.com", 0), record("both.example.com", 9),
                                     record("both.example.com", 1688)};
    list[1].resolution = KMS_ZONE_RESOLVES_NOT;
    list[1].address_count = 0;
    list[2].flaw = "port 0";
    const struct kms_zone *shown = publish(stage, zone, list, KMS_COUNT_OF(list));
    const struct kms_zone_publication *of = shown->publication;
    assert_int_equal(of[missing].publication, KMS_PUBLICATION_MISSING);
    assert_string_equal(of[missing].reason,
                        "no record of _vlmcs._tcp.example.com names missing.example.com; run "
                        "'slmgr.vbs /sdns' on the host and restart its service sppsvc, or add the "
                        "record by hand");
    assert_int_equal(of[off].publication, KMS_PUBLICATION_DISABLED);
    assert_non_null(strstr(of[off].reason, "publishing is off: run 'slmgr.vbs /sdns'"));
    assert_int_equal(of[port].publication, KMS_PUBLICATION_WRONG_PORT);
    assert_non_null(strstr(of[port].reason, "the host listens on port 1700"));
    assert_int_equal(of[nowhere].publication, KMS_PUBLICATION_UNRESOLVABLE);
    assert_non_null(strstr(of[nowhere].reason, "add its A or AAAA record"));
    assert_int_equal(of[zero].publication, KMS_PUBLICATION_WRONG_PORT);
    assert_non_null(strstr(of[zero].reason, "no client can use"));
    assert_int_equal(of[both].publication, KMS_PUBLICATION_PUBLISHED);
    assert_int_equal(shown->reasons,
                     KMS_BIT(KMS_REASON_UNREACHABLE) | KMS_BIT(KMS_REASON_NOT_PUBLISHED));
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(of[i].missing_since_s, stage->wall_us / 1000000);
    }
    refuses(stage, both); /* nobody else is there to serve */
    shown = refresh(stage, zone);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(shown->publication[i].state, KMS_STATE_CRITICAL);
    }
    answers(stage, both);
    shown = refresh(stage, zone);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(shown->publication[i].state, KMS_STATE_WARNING);
    }
    stage_close(stage);
}

static void a_host_that_was_not_probed_yet_may_serve_in_place_of_a_missing_one(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    add_host(stage, "missing.example.com", NULL, 1688);
    size_t other = add_host(stage, "other.example.com", NULL, 1688);
    size_t zone = watch(stage, DOMAIN);
    struct kms_zone_record one = record("other.example.com", 1688);
    assert_int_equal(publish(stage, zone, &one, 1)->publication[0].state, KMS_STATE_WARNING);
    /* an address that cannot be looked up for once is what it was */
    one.resolution = KMS_ZONE_RESOLUTION_UNKNOWN;
    one.address_count = 0;
    assert_int_equal(publish(stage, zone, &one, 1)->publication[0].state, KMS_STATE_WARNING);
    refuses(stage, other);
    assert_int_equal(refresh(stage, zone)->publication[0].state, KMS_STATE_CRITICAL);
    answers(stage, other);
    assert_int_equal(refresh(stage, zone)->publication[0].state, KMS_STATE_WARNING);
    publish_as(stage, zone, KMS_OUTCOME_DNS_NODATA, NULL, 0); /* gone */
    assert_int_equal(kms_zones_get(stage->zones, zone)->publication[0].state, KMS_STATE_CRITICAL);
    /* strangers: without an address that is known, with a flaw, without an address, sound */
    struct kms_zone_record strange = record("strange.example.com", 1688);
    strange.resolution = KMS_ZONE_RESOLUTION_UNKNOWN;
    strange.address_count = 0;
    assert_int_equal(publish(stage, zone, &strange, 1)->publication[0].state, KMS_STATE_CRITICAL);
    strange = record("strange.example.com", 0);
    strange.flaw = "port 0";
    assert_int_equal(publish(stage, zone, &strange, 1)->publication[0].state, KMS_STATE_CRITICAL);
    strange = record("strange.example.com", 1688);
    strange.resolution = KMS_ZONE_RESOLVES_NOT;
    strange.address_count = 0;
    assert_int_equal(publish(stage, zone, &strange, 1)->publication[0].state, KMS_STATE_CRITICAL);
    strange = record("strange.example.com", 1688);
    assert_int_equal(publish(stage, zone, &strange, 1)->publication[0].state, KMS_STATE_WARNING);
    stage_close(stage);
}

static void a_host_is_no_help_to_itself(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    size_t slot = add_host(stage, "a.example.com", NULL, 1688);
    size_t zone = watch(stage, DOMAIN);
    answers(stage, slot);
    struct kms_zone_record one = record("a.example.com", 1688);
    one.resolution = KMS_ZONE_RESOLVES_NOT;
    const struct kms_zone *shown = publish(stage, zone, &one, 1);
    assert_int_equal(shown->publication[0].publication, KMS_PUBLICATION_UNRESOLVABLE);
    assert_int_equal(shown->publication[0].state, KMS_STATE_CRITICAL);
    stage_close(stage);
}

static void missing_counts_from_the_lookup_that_missed_it_first(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    add_host(stage, "a.example.com", NULL, 1688);
    size_t zone = watch(stage, DOMAIN);
    struct kms_zone_record one = record("a.example.com", 1688);
    publish_as(stage, zone, KMS_OUTCOME_DNS_TIMEOUT, NULL, 0);
    assert_false(kms_zones_get(stage->zones, zone)->publication[0].missing_known);
    publish_as(stage, zone, KMS_OUTCOME_DNS_NXDOMAIN, NULL, 0);
    int64_t since = stage->wall_us / 1000000;
    publish_as(stage, zone, KMS_OUTCOME_DNS_TIMEOUT, NULL, 0);
    publish_as(stage, zone, KMS_OUTCOME_DNS_NODATA, NULL, 0);
    assert_int_equal(refresh(stage, zone)->publication[0].missing_since_s, since);
    one.port = 5; /* wrong is as bad as missing */
    assert_int_equal(publish(stage, zone, &one, 1)->publication[0].missing_since_s, since);
    one.port = 1688;
    assert_int_equal(publish(stage, zone, &one, 1)->publication[0].missing_since_s, 0);
    publish_as(stage, zone, KMS_OUTCOME_DNS_NXDOMAIN, NULL, 0);
    assert_int_equal(kms_zones_get(stage->zones, zone)->publication[0].missing_since_s,
                     stage->wall_us / 1000000);
    stage_close(stage);
}

static void a_host_that_publishes_in_vain_for_a_day_is_told_why(void **state)
{
    (void)state;
    static const struct {
        enum kms_publishing flag;
        enum kms_source source;
        bool overdue;
    } cases[] = {{KMS_PUBLISHING_ENABLED, KMS_SOURCE_REPORT, true},
                 {KMS_PUBLISHING_ENABLED, KMS_SOURCE_WSMAN, true},
                 {KMS_PUBLISHING_DISABLED, KMS_SOURCE_WSMAN, false},
                 {KMS_PUBLISHING_UNKNOWN, KMS_SOURCE_REPORT, false}};
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        struct stage *stage = stage_open();
        size_t slot = add_host(stage, "a.example.com", NULL, 1688);
        size_t zone = watch(stage, DOMAIN);
        tell(stage, slot, cases[i].source, KMS_FACT_DNS_PUBLISHING, cases[i].flag);
        publish_as(stage, zone, KMS_OUTCOME_DNS_NXDOMAIN, NULL, 0);
        const struct kms_zone_publication *of = kms_zones_get(stage->zones, zone)->publication;
        int64_t since = stage->wall_us / 1000000;
        assert_false(of->overdue);
        assert_null(strstr(of->reason, "0x80072338"));
        assert_int_equal(of->publication, cases[i].flag == KMS_PUBLISHING_DISABLED
                                              ? KMS_PUBLICATION_DISABLED
                                              : KMS_PUBLICATION_MISSING);
        stage->wall_us += INT64_C(86400000000) - 60000000;
        publish_as(stage, zone, KMS_OUTCOME_DNS_NXDOMAIN, NULL, 0);
        unsigned told = stage->told.publications;
        assert_false(kms_zones_get(stage->zones, zone)->publication[0].overdue);
        publish_as(stage, zone, KMS_OUTCOME_DNS_NXDOMAIN, NULL, 0);
        publish_as(stage, zone, KMS_OUTCOME_DNS_NXDOMAIN, NULL, 0);
        of = kms_zones_get(stage->zones, zone)->publication;
        assert_int_equal(of->overdue, cases[i].overdue);
        assert_int_equal(of->missing_since_s, since);
        assert_int_equal(strstr(of->reason, "event 12293 with 0x80072338") != NULL,
                         cases[i].overdue);
        assert_int_equal(strstr(of->reason, "for 24 h, though a.example.com publishes") != NULL,
                         cases[i].overdue);
        assert_int_equal(strstr(of->reason, "restart its sppsvc") != NULL, cases[i].overdue);
        assert_int_equal(stage->told.publications, told + (cases[i].overdue ? 1 : 0));
        struct kms_result result;
        assert_true(kms_zones_host_result(stage->zones, slot, &result));
        assert_int_equal(strstr(result.detail, "0x80072338") != NULL, cases[i].overdue);
        kms_result_done(&result);
        struct kms_zone_record one = record("a.example.com", 1688);
        assert_false(publish(stage, zone, &one, 1)->publication[0].overdue);
        stage_close(stage);
    }
}

static void a_host_known_by_address_is_not_missing_while_addresses_are_not_known(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    char name[] = "first", address[] = "192.0.2.200", domain[] = DOMAIN;
    char *domains[] = {domain};
    struct kms_target target = {
        .name = name, .address = address, .port = 1688, .publish_in = {domains, 1}};
    add_target(stage, &target);
    size_t zone = watch(stage, DOMAIN);
    struct kms_zone_record one = record("a.example.com", 1688);
    one.resolution = KMS_ZONE_RESOLUTION_UNKNOWN;
    one.address_count = 0;
    const struct kms_zone *shown = publish(stage, zone, &one, 1);
    assert_int_equal(shown->publication[0].publication, KMS_PUBLICATION_LOOKUP_FAILED);
    assert_non_null(strstr(shown->publication[0].reason, "is not known: the address of a target"));
    struct kms_zone_record known = record("a.example.com", 1688);
    shown = publish(stage, zone, &known, 1);
    assert_int_equal(shown->publication[0].publication, KMS_PUBLICATION_PUBLISHED);
    shown = publish(stage, zone, &one, 1); /* what it was */
    assert_int_equal(shown->publication[0].publication, KMS_PUBLICATION_PUBLISHED);
    assert_int_equal(shown->record[0].record.resolution, KMS_ZONE_RESOLUTION_UNKNOWN);
    kms_text_copy(known.address[0], sizeof known.address[0], "192.0.2.201");
    shown = publish(stage, zone, &known, 1);
    assert_int_equal(shown->publication[0].publication, KMS_PUBLICATION_MISSING);
    stage_close(stage);
}

static void a_host_with_an_ip_address_has_its_name_too(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    size_t full = add_host(stage, "a.example.com", "192.0.2.200", 1688);
    size_t brief = add_host(stage, "b", "192.0.2.201", 1688);
    size_t zone = watch(stage, DOMAIN);
    struct kms_zone_record list[] = {record("a.example.com", 1688), record("b.example.com", 1688)};
    kms_text_copy(list[1].address[0], sizeof list[1].address[0], "192.0.2.99");
    list[0].resolution = KMS_ZONE_RESOLVES_NOT;
    list[0].address_count = 0;
    const struct kms_zone *shown = publish(stage, zone, list, 2);
    assert_int_equal(shown->publication_count, 2);
    assert_int_equal(shown->publication[0].host_slot, full);
    assert_true(shown->publication[0].expected); /* in the domain of its name */
    assert_int_equal(shown->publication[0].publication, KMS_PUBLICATION_UNRESOLVABLE);
    assert_int_equal(shown->publication[1].host_slot, brief);
    assert_true(shown->record[0].host_known && shown->record[1].host_known);
    stage_close(stage);
}

/* ---- news ---- */

static void every_change_is_told_once(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    size_t slot = add_host(stage, "a.example.com", NULL, 1688);
    add_host(stage, "b.example.com", NULL, 1688);
    size_t zone = watch(stage, DOMAIN);
    struct told *told = &stage->told;
    answers(stage, slot);
    (void)refresh(stage, zone);
    assert_int_equal(told->lookups + told->records + told->publications, 0);
    struct kms_zone_record list[] = {record("a.example.com", 1688), record("c.example.com", 1688)};
    (void)publish(stage, zone, list, 1);
    assert_int_equal(told->lookups, 1);
    assert_int_equal(told->records, 1);
    assert_int_equal(told->publications, 2); /* published, missing */
    assert_true(told->last.publication_is_new);
    (void)publish(stage, zone, list, 1);
    (void)refresh(stage, zone);
    assert_int_equal(told->lookups + told->records + told->publications, 4);
    (void)publish(stage, zone, list, 2);
    assert_int_equal(told->records, 2);
    assert_true(told->last.record_is_new);
    assert_string_equal(told->target, "c.example.com");
    /* dead */
    refuses(stage, slot);
    (void)refresh(stage, zone);
    assert_int_equal(told->records, 3);
    assert_false(told->last.record_is_new);
    assert_int_equal(told->last.was_record, KMS_SRV_HEALTHY);
    /* not known for once, then dead still */
    probe(stage, slot, KMS_RPC_UNKNOWN, KMS_OUTCOME_RPC_NO_SOCKET);
    (void)refresh(stage, zone);
    refuses(stage, slot);
    (void)refresh(stage, zone);
    assert_int_equal(told->records, 3);
    /* a lookup that fails is one line, and so is its end */
    publish_as(stage, zone, KMS_OUTCOME_DNS_SERVFAIL, NULL, 0);
    assert_int_equal(told->lookups, 2);
    assert_int_equal(told->last.was_outcome, KMS_OUTCOME_OK);
    publish_as(stage, zone, KMS_OUTCOME_DNS_SERVFAIL, NULL, 0);
    (void)publish(stage, zone, list, 2);
    assert_int_equal(told->lookups, 3);
    assert_int_equal(told->records, 3);
    assert_int_equal(told->publications, 2);
    /* gone and back */
    publish_as(stage, zone, KMS_OUTCOME_DNS_NXDOMAIN, NULL, 0);
    assert_int_equal(told->lookups, 4);
    assert_int_equal(told->records, 5);
    assert_int_equal(told->publications, 3);
    assert_int_equal(told->last.was_publication, KMS_PUBLICATION_PUBLISHED);
    assert_false(told->last.publication_is_new);
    (void)publish(stage, zone, list, 1);
    assert_int_equal(told->records, 6);
    assert_int_equal(told->publications, 4);
    stage_close(stage);
}

static uint32_t count_numbers(void *arg, const char *space, const char *name)
{
    uint32_t *given = arg;
    assert_non_null(space);
    assert_non_null(name);
    return ++*given;
}

/* Names that nobody has seen before, all of them without an address. */
static void forge(struct kms_zone_record *list, size_t count, unsigned turn)
{
    for (size_t i = 0; i < count; i++) {
        char name[40];
        kms_text_format(name, sizeof name, "t%u-%zu.example.com", turn, i);
        list[i] = record(name, 1688);
        list[i].resolution = KMS_ZONE_RESOLVES_NOT;
        list[i].address_count = 0;
    }
}

static void
records_that_are_others_at_every_lookup_have_numbers_and_news_within_bounds(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    uint32_t given = 0;
    kms_zones_free(stage->zones);
    stage->zones = kms_zones_new(stage->board, &stage->clock, true, count_numbers, &given, hear,
                                 stage);
    assert_non_null(stage->zones);
    size_t zone = watch(stage, DOMAIN);
    static struct kms_zone_record list[500];
    struct told *told = &stage->told;
    size_t changes = 0;
    for (unsigned turn = 0; turn < 12; turn++) {
        forge(list, KMS_COUNT_OF(list), turn);
        const struct kms_zone *shown = publish(stage, zone, list, KMS_COUNT_OF(list));
        assert_int_equal(shown->records, KMS_COUNT_OF(list));
        assert_int_equal(told->records, (turn + 1) * KMS_ZONE_NEWS_MAX);
        assert_int_equal(told->numbers_out, turn < 8 ? 0 : 1);
        changes += turn == 0 ? 500 : 512; /* those that are gone too, as far as they are kept */
        assert_int_equal(told->more, changes - told->records);
    }
    assert_int_equal(given, 1 + KMS_ZONE_NUMBERS_MAX); /* the domain has one too */
    const struct kms_zone *shown = kms_zones_get(stage->zones, zone);
    for (size_t i = 0; i < shown->record_count; i++) {
        assert_int_equal(shown->record[i].index, 0);
    }
    /* no row comes or goes */
    uint64_t shape = kms_zones_shape(stage->zones);
    (void)publish(stage, zone, list, KMS_COUNT_OF(list));
    list[0] = record("another.example.com", 1688);
    (void)publish(stage, zone, list, 1);
    assert_int_equal(kms_zones_get(stage->zones, zone)->record[0].index, 0);
    assert_true(kms_zones_shape(stage->zones) <= shape + 1); /* the oldest gave way */
    stage_close(stage);
}

static void what_leads_to_a_watched_host_is_told_before_what_strangers_do(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    size_t slot = add_host(stage, "z.example.com", NULL, 1688);
    size_t zone = watch(stage, DOMAIN);
    answers(stage, slot);
    static struct kms_zone_record list[101];
    forge(list, 100, 0);
    list[100] = record("z.example.com", 1688);
    (void)publish(stage, zone, list, 100);
    unsigned before = stage->told.records;
    forge(list, 100, 1);
    stage->told.watched = 0;
    (void)publish(stage, zone, list, 101);
    assert_int_equal(stage->told.records - before, KMS_ZONE_NEWS_MAX);
    assert_int_equal(stage->told.watched, 1);
    stage_close(stage);
}

/* ---- one host in all domains ---- */

static void fact_is(const struct kms_result *result, enum kms_publication_state publication,
                    enum kms_state judged)
{
    int64_t value = 0;
    assert_true(kms_facts_number(&result->host, KMS_FACT_PUBLICATION, &value));
    assert_int_equal(value, publication);
    assert_true(kms_facts_number(&result->host, KMS_FACT_PUBLICATION_JUDGED, &value));
    assert_int_equal(value, judged);
}

static void a_host_is_told_the_worst_of_its_domains(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    char name[] = "a.example.com", other[] = "b.example", third[] = "c.example";
    char *domains[] = {other, third};
    struct kms_target target = {.name = name, .port = 1688, .publish_in = {domains, 2}};
    size_t slot = add_target(stage, &target);
    size_t stranger = add_host(stage, "elsewhere.example.org", NULL, 1688);
    size_t own = watch(stage, DOMAIN), b = watch(stage, other), c = watch(stage, third);
    struct kms_zone_record one = record("a.example.com", 1688);
    struct kms_result result;
    (void)publish(stage, own, &one, 1);
    assert_true(kms_zones_host_result(stage->zones, slot, &result));
    assert_int_equal(result.source, KMS_SOURCE_DNS);
    assert_int_equal(result.outcome, KMS_OUTCOME_OK);
    assert_int_equal(result.data_s, START + 60);
    assert_string_equal(result.detail, "published in example.com");
    fact_is(&result, KMS_PUBLICATION_PUBLISHED, KMS_STATE_OK);
    kms_result_done(&result);
    (void)publish(stage, b, &one, 1);
    (void)publish(stage, c, &one, 1);
    assert_true(kms_zones_host_result(stage->zones, slot, &result));
    assert_string_equal(result.detail, "published in example.com and 2 more");
    assert_int_equal(result.wall_s, START + 180);
    assert_int_equal(result.data_s, START + 60);
    kms_result_done(&result);
    publish_as(stage, b, KMS_OUTCOME_DNS_REFUSED, NULL, 0);
    assert_true(kms_zones_host_result(stage->zones, slot, &result));
    assert_int_equal(result.outcome, KMS_OUTCOME_DNS_REFUSED);
    assert_true(kms_text_starts(result.detail, "b.example could not be looked up"));
    fact_is(&result, KMS_PUBLICATION_LOOKUP_FAILED, KMS_STATE_UNKNOWN);
    kms_result_done(&result);
    publish_as(stage, c, KMS_OUTCOME_DNS_NXDOMAIN, NULL, 0);
    assert_true(kms_zones_host_result(stage->zones, slot, &result));
    assert_int_equal(result.outcome, KMS_OUTCOME_DNS_REFUSED);
    assert_string_equal(result.detail, "not published in c.example");
    fact_is(&result, KMS_PUBLICATION_MISSING, KMS_STATE_CRITICAL);
    kms_result_done(&result);
    publish_as(stage, b, KMS_OUTCOME_DNS_NODATA, NULL, 0); /* an answer */
    assert_true(kms_zones_host_result(stage->zones, slot, &result));
    assert_int_equal(result.outcome, KMS_OUTCOME_OK);
    kms_result_done(&result);
    assert_false(kms_zones_host_result(stage->zones, stranger, &result));
    stage_close(stage);
}

static void the_result_of_a_host_makes_its_verdict(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    size_t slot = add_host(stage, "a.example.com", NULL, 1688);
    size_t zone = watch(stage, DOMAIN);
    answers(stage, slot);
    struct kms_zone_record one = record("a.example.com", 5);
    (void)publish(stage, zone, &one, 1);
    struct kms_result result;
    struct kms_change change;
    assert_true(kms_zones_host_result(stage->zones, slot, &result));
    assert_int_equal(kms_board_publish(stage->board, slot, &result, &change), KMS_OK);
    kms_result_done(&result);
    assert_int_equal(change.was_state, KMS_STATE_UNKNOWN); /* dns had not answered */
    assert_int_equal(change.is_state, KMS_STATE_CRITICAL);
    assert_string_equal(kms_board_snapshot(stage->board, slot)->judgement.summary,
                        "port answers; published in example.com on the wrong port");
    stage_close(stage);
}

static void ten_thousand_hosts_are_judged_in_many_domains(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    for (unsigned i = 0; i < 10000; i++) {
        char name[40];
        kms_text_format(name, sizeof name, "kms%u.d%u.example", i, i % 10);
        add_host(stage, name, NULL, 1688);
    }
    static struct kms_zone_record list[KMS_ZONE_RECORDS_MAX];
    for (unsigned d = 0; d < 10; d++) {
        char domain[40];
        kms_text_format(domain, sizeof domain, "d%u.example", d);
        size_t zone = watch(stage, domain);
        for (unsigned i = 0; i < 50; i++) {
            char name[40];
            kms_text_format(name, sizeof name, "kms%u.d%u.example", i * 10 + d, d);
            list[i] = record(name, 1688);
        }
        const struct kms_zone *shown = publish(stage, zone, list, 50);
        assert_int_equal(shown->publication_count, 1000);
        assert_int_equal(shown->publication[49].publication, KMS_PUBLICATION_PUBLISHED);
        assert_int_equal(shown->publication[50].publication, KMS_PUBLICATION_MISSING);
    }
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(kms_zones_refresh(stage->zones), KMS_OK);
    }
    stage_close(stage);
}

static void servers_that_differ_are_a_warning_and_told_once(void **state)
{
    (void)state;
    struct stage *stage = stage_open();
    size_t slot = add_host(stage, "kms1.kms.lab", NULL, 1688);
    size_t zone = watch(stage, "kms.lab");
    const struct kms_zone_record records[] = {record("kms1.kms.lab", 1688)};
    struct kms_zone_servers servers = {.known = true};
    answers(stage, slot);
    (void)publish(stage, zone, records, 1);
    const struct kms_zone *of = kms_zones_get(stage->zones, zone);
    assert_false(of->servers.known);
    assert_int_equal(of->state, KMS_STATE_OK);
    stage->told.servers = 0;
    assert_int_equal(kms_zones_publish_servers(stage->zones, zone, &servers), KMS_OK);
    assert_int_equal(stage->told.servers, 0); /* they agree, as they should */
    servers.disagree = true;
    kms_text_copy(servers.text, sizeof servers.text, "the resolver lacks a");
    assert_int_equal(kms_zones_publish_servers(stage->zones, zone, &servers), KMS_OK);
    assert_int_equal(stage->told.servers, 1);
    assert_int_equal(of->state, KMS_STATE_OK); /* it may remember */
    servers.differ = true;
    kms_text_copy(servers.text, sizeof servers.text, "192.0.2.1 lacks a");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(kms_zones_publish_servers(stage->zones, zone, &servers), KMS_OK);
        (void)publish(stage, zone, records, 1); /* a lookup of the resolver changes nothing of it */
    }
    assert_int_equal(stage->told.servers, 2);
    assert_true(of->servers.differ);
    assert_int_equal(of->state, KMS_STATE_WARNING);
    assert_int_equal(of->reasons, KMS_BIT(KMS_REASON_CONFIG_DRIFT));
    assert_non_null(strstr(of->summary, ", the zone's servers disagree: 192.0.2.1 lacks a"));
    const struct kms_zone_servers unknown = {.known = false}, agree = {.known = true};
    assert_int_equal(kms_zones_publish_servers(stage->zones, zone, &unknown), KMS_OK);
    assert_int_equal(of->state, KMS_STATE_OK);
    assert_int_equal(stage->told.servers, 2); /* nobody knows whether it is over */
    assert_int_equal(kms_zones_publish_servers(stage->zones, zone, &agree), KMS_OK);
    assert_int_equal(stage->told.servers, 3);
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_that_differ_are_a_warning_and_told_once),
        cmocka_unit_test(a_dropped_domain_leaves_a_place_that_another_one_takes),
        cmocka_unit_test(a_host_with_another_target_is_expected_where_that_says),
        cmocka_unit_test(a_domain_is_watched_once_and_unknown_at_first),
        cmocka_unit_test(a_published_host_that_answers_is_healthy),
        cmocka_unit_test(every_record_has_the_state_of_what_it_leads_to),
        cmocka_unit_test(a_record_leads_to_hosts_by_name_short_name_and_address),
        cmocka_unit_test(hosts_on_one_address_are_told_apart_by_their_port),
        cmocka_unit_test(only_a_discovered_host_that_answers_is_a_rogue_of_a_listed_site),
        cmocka_unit_test(a_stranger_has_the_state_of_its_own_probe),
        cmocka_unit_test(a_host_without_a_probe_has_records_that_are_probed_for_themselves),
        cmocka_unit_test(a_listed_host_is_no_rogue_and_each_other_one_is),
        cmocka_unit_test(fewer_healthy_hosts_than_wanted_are_a_warning),
        cmocka_unit_test(an_expected_host_is_a_name_with_or_without_a_port),
        cmocka_unit_test(records_that_are_gone_long_enough_are_forgotten),
        cmocka_unit_test(what_an_earlier_process_saw_is_recalled),
        cmocka_unit_test(a_retired_host_is_neither_expected_nor_found),
        cmocka_unit_test(records_stand_in_the_order_in_which_clients_try_them),
        cmocka_unit_test(two_records_for_one_target_and_port_are_one_row_with_both_shares),
        cmocka_unit_test(rows_keep_their_numbers_and_grow_the_shape_only_when_they_come_or_go),
        cmocka_unit_test(the_records_longest_gone_give_way),
        cmocka_unit_test(more_records_than_are_kept_are_counted),
        cmocka_unit_test(numbers_without_a_numberer_are_positions),
        cmocka_unit_test(a_domain_without_records_is_critical_and_one_not_looked_up_unknown),
        cmocka_unit_test(a_domain_is_critical_only_when_every_record_leads_nowhere),
        cmocka_unit_test(a_wanted_host_without_a_record_is_a_warning_of_the_domain),
        cmocka_unit_test(a_failed_lookup_keeps_the_records_and_says_nothing_new_of_hosts),
        cmocka_unit_test(publication_goes_by_what_windows_itself_says),
        cmocka_unit_test(every_publication_has_its_state_and_a_reason_with_a_next_step),
        cmocka_unit_test(a_host_that_was_not_probed_yet_may_serve_in_place_of_a_missing_one),
        cmocka_unit_test(a_host_is_no_help_to_itself),
        cmocka_unit_test(missing_counts_from_the_lookup_that_missed_it_first),
        cmocka_unit_test(a_host_that_publishes_in_vain_for_a_day_is_told_why),
        cmocka_unit_test(a_host_known_by_address_is_not_missing_while_addresses_are_not_known),
        cmocka_unit_test(a_host_with_an_ip_address_has_its_name_too),
        cmocka_unit_test(every_change_is_told_once),
        cmocka_unit_test(
            records_that_are_others_at_every_lookup_have_numbers_and_news_within_bounds),
        cmocka_unit_test(what_leads_to_a_watched_host_is_told_before_what_strangers_do),
        cmocka_unit_test(a_host_is_told_the_worst_of_its_domains),
        cmocka_unit_test(the_result_of_a_host_makes_its_verdict),
        cmocka_unit_test(ten_thousand_hosts_are_judged_in_many_domains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
