/* What the parts of the watched domains share: names of hosts, judging, texts. */
#ifndef KMS_MODEL_ZONE_PARTS_H
#define KMS_MODEL_ZONE_PARTS_H

#include "model/zone.h"

/* ---- watched hosts by what DNS knows them by ---- */

struct kms_zone_host_name {
    char *name; /* lower case, no last dot; an IP address in its usual form */
    int64_t port;
    size_t slot;
};

/* A domain that a host is expected in. */
struct kms_zone_host_domain {
    const char *domain; /* the target's text, to which case and a last dot do not count */
    size_t slot;
};

struct kms_zone_hosts {
    const struct kms_board *board;
    struct kms_zone_host_name *name; /* by name, port and slot */
    size_t count, cap;
    struct kms_zone_host_domain *domain; /* by domain and slot */
    size_t domain_count, domain_cap;
    uint64_t version;  /* grows with every change; from 1 on */
    size_t slots;      /* of the board that are in the list, from the first on */
    uint64_t turnover; /* of the board, when they were put there */
};

/* A record that leads to a watched host. */
struct kms_zone_match {
    size_t record, slot;
    bool port_right; /* the host listens there, or was seen to answer there */
};

#define KMS_ZONE_MATCHES_MAX 64 /* hosts that one record is taken to lead to */

void kms_zone_hosts_done(struct kms_zone_hosts *hosts);
/* Takes in the hosts that were added to the board, and all again when some were retired. */
enum kms_status kms_zone_hosts_sync(struct kms_zone_hosts *hosts);
/* The first of the places in hosts->domain that are of the domain, and how many there are. */
size_t kms_zone_hosts_in(const struct kms_zone_hosts *hosts, const char *domain, size_t *ret_count);
/* The hosts that the record leads to: by name, by a name without a dot in this domain, or by
 * address; a host whose configured address is an IP address has a name too. Where some of them
 * listen on its port, only those; they are many on one address when ports are forwarded. */
size_t kms_zone_hosts_match(const struct kms_zone_hosts *hosts, const char *domain,
                            const struct kms_zone_record *record,
                            struct kms_zone_match ret[KMS_ZONE_MATCHES_MAX]);
/* "192.0.2.1", "2001:db8::1" */
bool kms_zone_is_address(const char *text);

/* What the last bind probe says of this port of the host: UNKNOWN when another one was probed, or
 * nothing recent is known. */
enum kms_rpc_state kms_zone_port_state(const struct kms_snapshot *snapshot, uint16_t port);
/* As the host says itself, else as the site expects. */
int64_t kms_zone_listens_on(const struct kms_snapshot *snapshot);

/* ---- judging ---- */

/* The lookup told whether there are records. */
bool kms_zone_answered(enum kms_outcome outcome);
/* The record leads clients nowhere. */
bool kms_zone_is_lost(enum kms_srv_state state);
/* A client that follows it is served, or nobody knows yet that it is not. */
bool kms_zone_may_serve(const struct kms_zone_record_view *view);
/* Expected, but clients do not find the host there. */
bool kms_zone_is_missing(const struct kms_zone_publication *publication);
/* NULL: the host is neither expected nor found. */
struct kms_zone_publication *kms_zone_publication_of(const struct kms_zone *zone, size_t slot);

struct kms_zone_wanted {
    size_t *slot; /* hosts that are expected in the domain, ascending */
    size_t count, cap;
    uint64_t version; /* of the list of hosts, when they were found there; 0: never */
    uint32_t hosts;   /* healthy ones, of whatever name */
    struct kms_zone_expected *expect;
    size_t expect_count;
};

/* Whether the site lists the host of the record: NULL when it does not. */
const struct kms_zone_expected *kms_zone_listed(const struct kms_zone_wanted *wanted,
                                                const struct kms_zone_record *record);
/* Sets few_hosts, unmet, and state and reasons by them; the records are judged. */
void kms_zone_judge_wish(const struct kms_zone_wanted *wanted, struct kms_zone *zone);
void kms_zone_summary_text(struct kms_zone *zone);

/* What all domains are judged by. */
struct kms_zone_law {
    struct kms_zone_hosts hosts;
    bool site_lists;
    kms_zone_stranger_fn *stranger; /* NULL: nobody knows them */
    void *stranger_arg;
};

/* One domain while it is judged. */
struct kms_zone_court {
    const struct kms_board *board;
    const struct kms_zone_law *law;
    const struct kms_zone_wanted *wanted;
    int64_t now_s;
    struct kms_zone *zone;
    struct kms_zone_match *match; /* by record, later by slot */
    size_t match_count, match_cap;
    uint32_t may_serve; /* records */
    bool is_patchy;     /* the address of a target could not be looked up */
};

/* The record's target can have an address, and may have one. */
bool kms_zone_has_address(const struct kms_zone_record *record);
/* Walks the hosts that are expected and those that are found, once the records are judged. made has
 * room for all; returns how many there are. Leaves the matches in the order of the hosts. */
size_t kms_zone_judge_publications(struct kms_zone_court *court, struct kms_zone_publication *made);

/* Judges the records of zone and gives it a new list of publications; the old one is read and left
 * alone. KMS_ENOMEM changes nothing. */
enum kms_status kms_zone_judge(const struct kms_zone_law *law, const struct kms_zone_wanted *wanted,
                               int64_t now_s, struct kms_zone *zone);

/* ---- texts ---- */

struct kms_zone_reason {
    const struct kms_zone *zone;
    const struct kms_snapshot *host;
    const struct kms_zone_record *record; /* the best that names the host; NULL: none */
    enum kms_publication_state publication;
    bool overdue;
    int64_t missing_s; /* when overdue */
};
void kms_zone_reason_text(const struct kms_zone_reason *reason, char *dst, size_t size);

/* ---- a wall clock that was set ---- */

/* By how many seconds since the times of lookups were named. */
int64_t kms_zones_set_by_s(const struct kms_zones *zones);

#endif
