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
    unsigned lookups, records, publications;
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
        kms_text_copy(told->target, sizeof told->target, news->record->record.target);
        break;
    case KMS_ZONE_NEWS_PUBLICATION:
        told->publications++;
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
static void report(struct stage *stage, size_t slot, enum kms_fact_id fact, int64_t value)
{
    struct kms_result result;
    kms_result_init(&result, KMS_SOURCE_REPORT);
    result.outcome = KMS_OUTCOME_OK;
    assert_int_equal(kms_facts_set_number(&result.host, fact, value), KMS_OK);
    struct kms_change change;
    assert_int_equal(kms_board_publish(stage->board, slot, &result, &change), KMS_OK);
    kms_result_done(&result);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_domain_is_watched_once_and_unknown_at_first),
        cmocka_unit_test(every_record_has_the_state_of_what_it_leads_to),
        cmocka_unit_test(a_published_host_that_answers_is_healthy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
