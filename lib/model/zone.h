/* The DNS domains that are watched: what the last lookup of each said, set against the watched
 * hosts. Pure but for the clock; the DNS records come as plain data. */
#ifndef KMS_MODEL_ZONE_H
#define KMS_MODEL_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "model/board.h"

#define KMS_ZONE_NAME_SIZE     256
#define KMS_ZONE_ADDRESS_SIZE  48
#define KMS_ZONE_ADDRESSES_MAX 8
#define KMS_ZONE_RECORDS_MAX   512   /* of one domain, those that are gone included */
#define KMS_ZONE_NUMBERS_MAX   4096  /* given to records of one domain in the life of the process */
#define KMS_ZONE_PUBLISH_S     86400 /* a KMS host registers its records again once a day */
#define KMS_ZONE_NEWS_MAX      20 /* about records after one publish or refresh; more are counted */

/* Whether the target of a record has an address. */
enum kms_zone_resolution {
    KMS_ZONE_RESOLUTION_UNKNOWN, /* its lookup failed */
    KMS_ZONE_RESOLVES,
    KMS_ZONE_RESOLVES_NOT
};

/* One SRV record as DNS gave it. */
struct kms_zone_record {
    char target[KMS_ZONE_NAME_SIZE]; /* without the last dot */
    uint16_t port, priority, weight;
    uint32_t ttl;
    const char
        *flaw; /* static text: why no client can use it, whatever its target does; NULL: sound */
    enum kms_zone_resolution resolution;
    char address[KMS_ZONE_ADDRESSES_MAX][KMS_ZONE_ADDRESS_SIZE]; /* without a port */
    size_t address_count;
};

/* What one lookup of a domain said. The lists stay the caller's. */
struct kms_zone_lookup {
    enum kms_outcome outcome; /* OK: there are records; DNS_NXDOMAIN, DNS_NODATA, DNS_NO_SERVICE:
                                 there are none; else nothing is known */
    char detail[200];
    int64_t wall_s;
    const struct kms_zone_record *record;
    size_t record_count;
    size_t left_out; /* records beyond what was read */
};

/* Where a record stands among the others of its domain. */
struct kms_zone_draw {
    uint16_t priority, weight;
};
#define KMS_ZONE_DRAWS_MAX 4 /* sound records for one target and port; the others are left out */

/* A record and what it is worth: its identity is its target and port. The state is that of the
 * watched host that it leads to. A host that answers on the record's port is right there whatever
 * port it says that it listens on. Where no rpc source watches what it leads to, it is a stranger,
 * and its state is what kms_zone_stranger_fn says. Rogue is what answers, though the site lists its
 * hosts and this is none of them. Of the flaws a target that
 * is no name is unresolvable, a port that the watched host does not listen on (0 above all) is
 * wrongPort, anything else is dead. */
struct kms_zone_record_view {
    uint32_t index; /* stable number among the records of its domain; 0: there were too many, and
                       it has no row */
    struct kms_zone_record record;                 /* as last seen */
    bool present;                                  /* in the last lookup that succeeded */
    struct kms_zone_draw draw[KMS_ZONE_DRAWS_MAX]; /* while present: priority and weight of every
                                                      sound record for the target and port */
    size_t draw_count;
    enum kms_srv_state state;
    bool host_known;
    size_t host_slot;              /* of the board, when host_known */
    bool stranger;                 /* its state is that of a probe of its own */
    uint32_t share, share_uniform; /* per mille of clients that choose it first; while present */
    int64_t first_seen_s, last_seen_s; /* wall clock */
    bool first_kept, last_kept;        /* an earlier process named that time */
    enum kms_srv_state told;           /* of the last news about it; 0: none yet */
};

/* A record that was seen: target, port, priority, weight and ttl of it count. */
struct kms_zone_past {
    struct kms_zone_record record;
    int64_t first_seen_s, last_seen_s;
};

/* One host in one domain: expected there, or found there. That it is missing is critical unless
 * another record may serve its clients: one that is healthy, or one that is sound, has an address
 * and was not probed. A dead, unresolvable, wrongPort, gone or rogue one is no help. */
struct kms_zone_publication {
    size_t host_slot;
    uint32_t host_index; /* its number: another host may have had the slot before */
    bool expected;
    enum kms_publication_state publication;
    enum kms_state state;
    bool missing_known;
    int64_t missing_since_s; /* 0: it is published as it should be */
    bool since_kept;         /* an earlier process named that time */
    bool overdue;     /* no record for longer than a host takes to register its own again, though
                         it does so */
    char reason[256]; /* one line for people */
    enum kms_publication_state told; /* of the last news about it; 0: none yet */
    bool told_overdue;
};

/* Whether the servers of a domain's zone, and the resolver, know the same records. */
struct kms_zone_servers {
    bool known;     /* two of them answered */
    bool differ;    /* the zone's own servers */
    bool disagree;  /* any two, the resolver included, which may remember what was so before */
    char text[400]; /* who lacks what, and who gives no answer; "" */
};

struct kms_zone {
    char name[KMS_ZONE_NAME_SIZE]; /* no dot at the end */
    uint32_t index;                /* stable */
    enum kms_state state;
    uint32_t reasons;         /* KMS_BIT(KMS_REASON_...) */
    enum kms_outcome outcome; /* of the last lookup; NONE: not looked up yet */
    char detail[200];
    struct kms_zone_servers servers;
    int64_t last_lookup_s, last_success_s;  /* 0: never */
    uint32_t records, healthy_hosts, rogue; /* of the last lookup that succeeded */
    uint32_t wanted_hosts;                  /* healthy hosts that the site wants here */
    bool few_hosts;    /* there are fewer, and none that may turn out to be healthy */
    uint32_t unmet;    /* hosts of kms_zones_wish that no record names */
    char summary[256]; /* one line for people */
    bool shares_known; /* there is at least one record */
    uint32_t dead_share, dead_share_uniform; /* per mille of clients whose first choice is dead */
    bool tries_known;                        /* some record may serve, unknown ones included */
    uint32_t tries, tries_uniform; /* records that a client tries until one serves it, on average,
                                      in thousandths */
    struct kms_zone_record_view *record; /* by priority, then the higher weight, then by name;
                                            those that are gone last */
    size_t record_count;
    struct kms_zone_publication *publication; /* by slot */
    size_t publication_count;
};

/* What the last bind probe of a stranger met; UNKNOWN: it was not probed. Asked while zones are
 * judged. */
typedef enum kms_rpc_state kms_zone_stranger_fn(void *arg, const struct kms_zone_record *record);

/* The stable number of a name in a space ("domain", "record/3"); 0: out of memory. */
typedef uint32_t kms_zone_index_fn(void *arg, const char *space, const char *name);

/* A host that the site expects in the records of a domain. */
struct kms_zone_expected {
    char name[KMS_ZONE_NAME_SIZE]; /* no dot at the end */
    uint16_t port;
};
/* "kms1.example.com", "kms1.example.com:1689"; the port is 1688 where none is given. False:
 * neither, or not in ASCII. */
bool kms_zone_expected_parse(const char *text, struct kms_zone_expected *ret);

/* What changed, for the log: called once for each line-worthy change after a publish or a refresh,
 * never for what is not known for once: a record that becomes unknown and then what it was, or the
 * hosts of a domain whose lookup failed, which is told as LOOKUP. Of records, those that lead to a
 * watched host come first; those that are new and not judged are counted apart. */
struct kms_zone_news {
    enum {
        KMS_ZONE_NEWS_LOOKUP,
        KMS_ZONE_NEWS_RECORD,
        KMS_ZONE_NEWS_RECORDS_MORE, /* after KMS_ZONE_NEWS_MAX of them */
        KMS_ZONE_NEWS_NUMBERS_OUT,  /* once: records that come from now on have no number */
        KMS_ZONE_NEWS_PUBLICATION,
        KMS_ZONE_NEWS_SERVERS, /* they disagree now, in other records, or no longer */
        KMS_ZONE_NEWS_HOSTS    /* few_hosts or unmet; zone->summary says it */
    } what;
    const struct kms_zone *zone;
    enum kms_outcome was_outcome;              /* LOOKUP */
    const struct kms_zone_record_view *record; /* RECORD */
    bool record_is_new;
    enum kms_srv_state was_record;
    size_t more;                                    /* RECORDS_MORE */
    bool more_unjudged;                             /* new ones that nobody probed yet */
    const struct kms_zone_publication *publication; /* PUBLICATION */
    bool publication_is_new;
    enum kms_publication_state was_publication;
};
typedef void kms_zone_news_fn(void *arg, const struct kms_zone_news *news);

struct kms_zones;

/* All must live as long as the zones. number NULL: positions are the numbers (plugins). site_lists:
 * the configuration names hosts and nothing is discovered, so that a stranger that answers is a
 * rogue. NULL when memory ran out. */
struct kms_zones *kms_zones_new(const struct kms_board *board, const struct kms_clock *clock,
                                bool site_lists, kms_zone_index_fn *number, void *number_arg,
                                kms_zone_news_fn *news, void *news_arg);
void kms_zones_free(struct kms_zones *zones);

/* Who knows strangers from now on; NULL: nobody. Nothing is judged by it before the next publish or
 * refresh. */
void kms_zones_set_strangers(struct kms_zones *zones, kms_zone_stranger_fn *stranger, void *arg);
bool kms_zones_know_strangers(const struct kms_zones *zones); /* somebody does */

/* Records that are gone for so many seconds are forgotten by the next lookup that succeeds; 0:
 * never, which is so from the start. */
void kms_zones_forget_after(struct kms_zones *zones, int64_t seconds);

/* Watches a domain; one that is watched already (ASCII case and a last dot do not count) keeps its
 * place. KMS_ETOOBIG: too long for a name. */
enum kms_status kms_zones_add(struct kms_zones *zones, const char *domain, size_t *ret_zone);
/* Watches a domain no longer: its records, its hosts and its wishes are forgotten. Its place stays,
 * with number 0, without a name and without rows, until another domain takes it. */
void kms_zones_drop(struct kms_zones *zones, size_t zone);
/* As told to kms_zones_new, from the next publish or refresh on. */
void kms_zones_set_site_lists(struct kms_zones *zones, bool site_lists);
/* Places, those of dropped domains too. */
size_t kms_zones_count(const struct kms_zones *zones);
/* Never NULL for a number below kms_zones_count; valid until the next publish, refresh or add. */
const struct kms_zone *kms_zones_get(const struct kms_zones *zones, size_t zone);

/* What an earlier process knew: records that no lookup has shown yet, whose state is unknown until
 * one is answered. Those that are known already, and what does not fit, are left out. */
enum kms_status kms_zones_recall(struct kms_zones *zones, size_t zone,
                                 const struct kms_zone_past *past, size_t count);
/* The same for a host that was missing since then; no host of that name there: nothing. */
void kms_zones_recall_missing(struct kms_zones *zones, size_t zone, const char *host,
                              int64_t since_s);

/* How many healthy hosts the site wants in the domain (1 unless told), and which hosts it lists
 * there: with any, each other host that answers is a rogue, and one that no record names is told. A
 * listed one is at the wrong port when another one is published and does not answer. expect is
 * copied; a name without a dot is one of the domain. Nothing is judged by it before the next
 * publish or refresh. */
enum kms_status kms_zones_wish(struct kms_zones *zones, size_t zone, uint32_t want_hosts,
                               const struct kms_zone_expected *expect, size_t expect_count);

/* What was wished last; the list stays the zones'. */
struct kms_zone_wish {
    uint32_t hosts;
    const struct kms_zone_expected *expect;
    size_t expect_count;
};
struct kms_zone_wish kms_zones_wished(const struct kms_zones *zones, size_t zone);
/* What is known of a stranger: as kms_zones_set_strangers was told whom to ask. */
enum kms_rpc_state kms_zones_stranger(const struct kms_zones *zones,
                                      const struct kms_zone_record *record);

/* Takes in a lookup. A failed one keeps the records of the last that succeeded. */
enum kms_status kms_zones_publish(struct kms_zones *zones, size_t zone,
                                  const struct kms_zone_lookup *lookup);
/* Calls published at the end of every kms_zones_publish that was taken in: one call for each
 * lookup. The zones must not be changed from there. NULL: nobody asks any more. */
typedef void kms_zones_published_fn(void *arg, const struct kms_zone *zone);
void kms_zones_watch(struct kms_zones *zones, kms_zones_published_fn *published, void *arg);
/* Takes in what the servers of the zone said beside the last lookup. */
enum kms_status kms_zones_publish_servers(struct kms_zones *zones, size_t zone,
                                          const struct kms_zone_servers *servers);
/* Judges all again: hosts were added, or answer or answer no longer. */
enum kms_status kms_zones_refresh(struct kms_zones *zones);
/* The same for one place, so that it can be done bit by bit. */
enum kms_status kms_zones_refresh_one(struct kms_zones *zones, size_t zone);

/* Now, as the times of lookups are named (mono_us: of the steady clock): their ages are those of
 * the steady clock, whoever set the wall clock meanwhile. The next publish or refresh names them
 * anew. */
int64_t kms_zones_now_s(const struct kms_zones *zones, int64_t mono_us);
/* How far the clocks were apart when these times were named: who keeps such a time elsewhere moves
 * it by as many whole seconds as this one changes. */
int64_t kms_zones_apart_us(const struct kms_zones *zones);
/* An earlier process named the time, which nobody moves: it is from before the zones were made. */
bool kms_zones_is_kept(const struct kms_zones *zones, int64_t time_s);

/* Grows whenever the rows of a table may have changed. */
uint64_t kms_zones_shape(const struct kms_zones *zones);

/* What the domains say of one host, as a result of source dns: outcome OK when every domain that it
 * is expected in was looked up, else the outcome of the one that failed; facts PUBLICATION and
 * PUBLICATION_JUDGED of the worst; detail names the domain. False: it is neither expected nor found
 * anywhere, nothing was looked up yet, or out of memory. The caller frees ret with kms_result_done.
 */
bool kms_zones_host_result(const struct kms_zones *zones, size_t host_slot, struct kms_result *ret);

#endif
