/* A recording: watched hosts with what their sources told, and domains with what was looked up, and
 * when. The daemon hands it to plugins and dumps it, and plays it again. */
#ifndef KMS_MODEL_RECORDING_H
#define KMS_MODEL_RECORDING_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "model/board.h"
#include "model/result.h"
#include "model/target.h"
#include "model/zone.h"

#define KMS_RECORDING_AT_MAX_MS INT64_C(31536000000) /* of a course: a year */

struct kms_told {
    int64_t at_ms; /* since the course began */
    struct kms_result result;
};

/* A request window of one of its keys. */
struct kms_recorded_window {
    char *identity; /* of the key */
    char *text;     /* as kms_window_write writes it */
};

struct kms_recorded_host {
    struct kms_target target;
    struct kms_tally tally[KMS_SOURCE_MAX + 1];
    struct kms_told *told; /* in the order of the text; at_ms never goes back */
    size_t told_count;
    struct kms_recorded_window *window;
    size_t window_count;
    int64_t repeat_ms; /* the course begins again this long after it began; 0: it ends */
};

/* An SRV record, and what its target is worth. */
struct kms_recorded_record {
    char *target;
    uint16_t port, priority, weight;
    uint32_t ttl;
    /* Of the target's lookup: OK: there are addresses. NONE: an earlier record of the lookup has
     * the same target, or it is no name. */
    enum kms_outcome found;
    struct kms_texts address;
    enum kms_rpc_state bind; /* what a bind probe meets; UNKNOWN: that is not told */
};

/* What the zone's servers said beside a lookup. */
enum kms_recorded_servers {
    KMS_RECORDED_SERVERS_UNTOLD,
    KMS_RECORDED_SERVERS_UNKNOWN,
    KMS_RECORDED_SERVERS_AGREE,
    KMS_RECORDED_SERVERS_DIFFER,
    KMS_RECORDED_SERVERS_RESOLVER /* they agree, and the resolver says something else */
};

struct kms_recorded_lookup {
    int64_t at_ms; /* since the course began */
    enum kms_outcome outcome;
    char *detail; /* NULL: none */
    struct kms_recorded_record *record;
    size_t record_count;
    enum kms_recorded_servers servers;
    char *servers_text; /* NULL: none */
};

struct kms_recorded_domain {
    char *name; /* no dot at the end */
    int64_t want_hosts;
    struct kms_texts expect;            /* for kms_zone_expected_parse */
    bool discover;                      /* its records become watched hosts */
    struct kms_recorded_lookup *lookup; /* in the order of the text; at_ms never goes back */
    size_t lookup_count;
    int64_t repeat_ms; /* as of a host */
};

struct kms_recording {
    struct kms_recorded_host *host;
    size_t host_count;
    struct kms_recorded_domain *domain;
    size_t domain_count;
};

/* Appends a host as it is on the board: its last results, and the last good ones before them. The
 * lines are
 *
 *   host "kms1.example.com"                 begins a host
 *   address "192.0.2.1"                     each of these only where it is given
 *   port 1688
 *   origin discovered                       else configured
 *   classes windowsClient windowsServer
 *   publish-in "example.com"
 *   source report interval 1h max-age 26h   for every source that is asked
 *   tally report 12 1 0 1764000000 1764000000
 *                                           attempts, failures, failures in a row, last attempt,
 *                                           last success
 *   at 30s                                  what follows is told from then on; written by people
 *   result report ok                        as in model/result_text.h
 *   ...
 *   end
 *   window "IDENTITY"                       a key's request window, as kms_window_write writes it;
 *   ...                                     only in what plugins are told
 *   end
 *   repeat 1h                               the course begins again; written by people
 */
enum kms_status kms_recording_write(const struct kms_snapshot *snapshot, struct kms_buf *buf);

/* The same in pieces: what comes before the results, and each result, in this order; NULL: there is
 * none of this number. */
#define KMS_RECORDING_RESULTS ((size_t)2 * KMS_SOURCE_MAX)
enum kms_status kms_recording_write_host(const struct kms_snapshot *snapshot, struct kms_buf *buf);
const struct kms_result *kms_recording_result(const struct kms_snapshot *snapshot, size_t number);
/* The line before a window, whose text is written with this in the place of the machine's boot: it
 * is read at the same moment of the same clock. */
#define KMS_RECORDING_BOOT "told"
enum kms_status kms_recording_write_window(const char *identity, struct kms_buf *buf);

/* Appends a domain, or nothing. The lines are
 *
 *   domain "example.com"                    begins a domain
 *   want-hosts 2                            as in the block domain of the configuration; each of
 *   expect "kms1.example.com:1689"          these only where it is given
 *   discover                                hosts are found in its records
 *   at 30s                                  as of a host; written by people
 *   lookup ok                               what it gave: ok or dns-..., the token of the outcome
 *     detail "one line"
 *     record "kms1.example.com" port 1688 priority 0 weight 0 ttl 3600
 *       address "192.0.2.1"                 of its target; several
 *       target dns-nxdomain                 or why it has none, or none is known at present
 *       bind accepted                       what a bind probe meets that no host's rpc source makes
 *     servers differ "one line"             or agree, resolver-differs, unknown
 *   end
 *   repeat 1h
 *
 * Port, priority, weight and ttl are those above where they are not given. The addresses of a
 * target stand where it is named first. */
enum kms_status kms_recording_write_domain(const struct kms_recorded_domain *domain,
                                           struct kms_buf *buf);

/* A watched domain as lookups that lead to what is known of it: records that are gone are in the
 * first one only, without their binds, and one that failed comes after one that gave the records.
 * KMS_ENOTFOUND: it was not looked up yet. ret is the caller's to free with
 * kms_recorded_domain_done. */
enum kms_status kms_recording_take_zone(const struct kms_zones *zones, size_t zone, bool discover,
                                        struct kms_recorded_domain *ret);
void kms_recorded_domain_done(struct kms_recorded_domain *domain);

/* Reads a whole text. A source that tells something is enabled without a line of its own. strict:
 * for what people write, see kms_result_text_read_strictly; a report of theirs without max-age has
 * the limit that a configuration gives it, and what a program wrote without has none. On failure
 * the fault names the line, and nothing is returned. */
enum kms_status kms_recording_read(const char *text, size_t len, bool strict,
                                   struct kms_recording *ret, struct kms_fault *fault);
void kms_recording_done(struct kms_recording *recording);

/* Moves all times of the facts and of the data by so many seconds; those that are not known stay
 * so. */
void kms_result_move(struct kms_result *result, int64_t by_s);

#endif
