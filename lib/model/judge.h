/* The one pure module that decides what is ok, warning, critical or unknown. No clock, no I/O, no
 * memory of its own. */
#ifndef KMS_MODEL_JUDGE_H
#define KMS_MODEL_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/policy.h"
#include "model/result.h"
#include "model/target.h"
#include "model/window.h"

/* Identity of a key across sources: application and activation id, else ePID, else partial key and
 * channel. */
#define KMS_KEY_IDENTITY_SIZE 160
void kms_key_identity(const struct kms_facts *key, char *dst, size_t size);
struct kms_key_judgement;
/* What its request window is called: a window has one source, so it goes by what that one says. */
const char *kms_key_window_name(const struct kms_key_judgement *key);

/* The host key of an application was another one in the result before, by the same source. */
struct kms_epid_change {
    enum kms_application application;
    const char *was, *is; /* ePIDs */
};

/* A setting of the host or of its key of an application had another value in the result before, by
 * the same source. */
struct kms_setting_change {
    enum kms_fact_id fact;
    enum kms_application application; /* 0: the host's own */
    const char *was, *is;             /* as kms_fact_print writes them */
};

/* What is known about one host before it is judged. */
struct kms_evidence {
    const struct kms_target *target;
    /* By enum kms_source; NULL: never tried / never succeeded. last and good may be the same. */
    const struct kms_result *last[KMS_SOURCE_MAX + 1];
    const struct kms_result *good[KMS_SOURCE_MAX + 1];
    /* Request window of a key, by identity; NULL function: no windows. Returns NULL when there is
     * none. */
    const struct kms_window *(*window)(void *arg, const char *identity);
    void *window_arg;
    const struct kms_epid_change *epid_change;       /* the latest of the last day; NULL: none */
    const struct kms_setting_change *setting_change; /* those of the last day */
    size_t setting_change_count;
};

struct kms_key_judgement {
    /* By the highest source that knows the key, whether its data is fresh or stale: one that is
     * silent for a while makes no other key of it. */
    char identity[KMS_KEY_IDENTITY_SIZE];
    char *told;     /* heap: identity by the source that speaks; NULL: the same */
    uint32_t index; /* stable number in the MIB; filled by the board, 0 in plugins */
    struct kms_facts
        facts; /* merged over the sources that are not stale, else the last good ones */
    enum kms_application application;
    enum kms_source source; /* the highest that spoke of this key */
    int64_t data_s;         /* of the oldest fact that verdicts rest on; see kms_result */
    int64_t count_s;        /* when its count was told; 0: not known */
    bool stale;             /* no source that is not stale spoke of it */
    uint32_t classes;       /* it serves */
    bool kind_known;
    bool superseded;      /* another key of the same application is licensed and this one is not */
    enum kms_state state; /* activation, expiry and failed requests together */
    enum kms_state key_state;      /* activation and expiry alone */
    enum kms_state requests_state; /* failed requests alone; UNKNOWN when there are no counters */
    uint32_t reasons;              /* KMS_BIT(KMS_REASON_...) */
    struct kms_window_view window;
    int64_t discontinuity_s;
};

struct kms_class_judgement {
    bool present; /* a key serves it, or the site relies on it */
    bool wanted;  /* declared by the site */
    enum kms_client_class client_class;
    int key; /* index into judgement.key, -1: none known */
    uint32_t required;
    bool headroom_known;
    int32_t headroom; /* count, less our own entry, less required */
    enum kms_verdict verdict;
    enum kms_state state;
    uint32_t reasons;
};

struct kms_source_judgement {
    bool enabled;
    bool stale; /* too old, or the last attempt failed; only where there ever was an attempt */
    bool age_known;
    int64_t age_s; /* of the data of the last success */
};

struct kms_judgement {
    enum kms_state state;
    uint32_t reasons;
    uint32_t coverage; /* KMS_BIT(KMS_COVERAGE_...) */
    char drift[160];   /* what contradicts what, with both values; "" */
    char summary[160]; /* one short line: "count 6: servers ok (5), clients below 25; key licensed"
                        */
    struct kms_facts host; /* merged */
    struct kms_key_judgement *key;
    size_t key_count;
    struct kms_class_judgement cls[KMS_CLASS_MAX + 1]; /* by enum kms_client_class; [0] unused */
    struct kms_source_judgement source[KMS_SOURCE_MAX + 1];
    enum kms_state clock_state; /* of the clock alone; UNKNOWN when nothing fresh tells it */
    enum kms_state count_state; /* of all classes together; UNKNOWN when no class is present */
    bool data_known;
    int64_t data_s; /* of the oldest fact that decided */
    int64_t data_age_s;
};

/* Judges. ret is overwritten and owned by the caller (kms_judgement_done). KMS_ENOMEM leaves it
 * empty. */
enum kms_status kms_judge(const struct kms_evidence *evidence, const struct kms_policy *policy,
                          int64_t now_s, struct kms_judgement *ret);
void kms_judgement_done(struct kms_judgement *judgement);

/* One host in one DNS domain. */
struct kms_publication_evidence {
    bool expected;      /* the host's own domain, or publish-in */
    bool looked_up;     /* false: not asked yet */
    bool lookup_failed; /* no answer to the question; NXDOMAIN and NODATA are answers */
    bool found;         /* a record names the host */
    bool port_right;    /* of the record found */
    bool resolves;      /* its target has an address */
    enum kms_publishing host_flag;
    bool other_healthy; /* another host is published in the domain that is healthy, or may be: its
                           record is sound and has an address, but its port was not probed yet */
};

struct kms_publication_judgement {
    enum kms_publication_state publication;
    enum kms_state state;
};

struct kms_publication_judgement
kms_judge_publication(const struct kms_publication_evidence *evidence);

/* Texts that plugins, MIB and pages share. */
/* "count 6: servers ok (5), clients below 25" for the classes of one application. */
void kms_judge_count_text(const struct kms_judgement *judgement, size_t key, char *dst,
                          size_t size);
/* "service stopped; clock 90 min fast": what is wrong with the machine, whatever its counts; "". */
void kms_judge_machine_text(const struct kms_judgement *judgement, char *dst, size_t size);
/* "servers ok (5)", "clients below 25". */
void kms_judge_class_text(const struct kms_class_judgement *cls, char *dst, size_t size);
/* ", the site relies on it" or that it does not, to be put behind it; "" where the site has
 * declared (a mask as that of the target) nothing. */
const char *kms_judge_reliance_text(const struct kms_class_judgement *cls, uint32_t declared);
/* "licensed", "licensed, expires in 12 days", "notification: 0xC004F035 ...". */
void kms_judge_key_text(const struct kms_key_judgement *key, char *dst, size_t size);
/* The same on little room: "notification (0xC004F035)". */
void kms_judge_key_short(const struct kms_key_judgement *key, char *dst, size_t size);
/* "20 requests, 0 failed; in the last 60 min 4 requests, 0 failed". */
void kms_judge_requests_text(const struct kms_key_judgement *key, char *dst, size_t size);
/* "Windows", "Office 2010", with the key's group when known. */
void kms_judge_key_name(const struct kms_key_judgement *key, char *dst, size_t size);
/* "data of 2013-02-21 14:50 (13 years old)"; "" when no date is known. */
void kms_judge_date_text(const struct kms_judgement *judgement, char *dst, size_t size);

#endif
