/* The site: everything that the configuration says, checked and complete. */
#ifndef KMS_AGENT_SITE_H
#define KMS_AGENT_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/conf.h"
#include "base/status.h"
#include "base/texts.h"
#include "model/alarm.h"
#include "model/credentials.h"
#include "model/policy.h"
#include "model/target.h"
#include "vocab/product.h"

/* What the site wants of a DNS domain. */
struct kms_site_domain {
    char *name;              /* no dot at the end */
    int64_t want_hosts;      /* healthy ones that are published there */
    struct kms_texts expect; /* "HOST[:PORT]": no other host may answer there; empty: any may */
};

/* How names and records are looked up. */
struct kms_site_dns {
    char *servers;       /* "192.0.2.53, [2001:db8::53]:5353"; NULL: the system's */
    int64_t interval_ms; /* 0: the site's interval */
    int64_t timeout_ms;
    struct kms_site_domain *domain; /* in the order of the file */
    size_t domain_count;
    int64_t forget_after_ms; /* records and discovered hosts that DNS names no more */
    int64_t discovered_max;  /* hosts; forged records must not fill the machine */
    bool probe_records;      /* bind probes of what records lead to beside the watched hosts */
    bool all_authoritative;  /* the servers of the zones are asked as well */
    char *authoritative;     /* these; NULL: those of the NS records */
};

/* SNMPv3 user of the agent's own port (RFC 3414, RFC 7860, RFC 3826): always authenticated, read
 * only. Pass phrases are read from files that only their owner may read, when the agent starts. */
struct kms_site_user {
    char *name;
    int64_t auth;    /* enum kms_site_auth */
    char *auth_file; /* first line: the pass phrase, 8 characters at least */
    int64_t priv;    /* enum kms_site_priv */
    char *priv_file; /* NULL with KMS_SITE_PRIV_NONE */
};
enum kms_site_auth {
    KMS_SITE_AUTH_SHA1 = 1,
    KMS_SITE_AUTH_SHA224,
    KMS_SITE_AUTH_SHA256,
    KMS_SITE_AUTH_SHA384,
    KMS_SITE_AUTH_SHA512
};
enum kms_site_priv { KMS_SITE_PRIV_NONE, KMS_SITE_PRIV_AES };

/* The port of the agent's own that --standalone opens; complete without a block in the file. */
struct kms_site_snmp {
    struct kms_texts listen; /* "udp:127.0.0.1:1161"; never empty */
    char *community;         /* v1 and v2c read it; NULL: see community_file */
    char *community_file;    /* first line; both NULL and no user: "public", for loopback only */
    struct kms_site_user *user;
    size_t user_count;
};

/* Who may ask the daemon, and where. */
struct kms_site_control {
    char *socket;    /* "off": nowhere; NULL: the first of the usual places that can be had */
    char *group;     /* its members may read; NULL: root and the agent's own user alone */
    char *operators; /* its members may also change; NULL: as above */
};

/* What outlives the process. */
struct kms_site_store {
    int64_t history_ms; /* of hours */
    int64_t size_max;   /* bytes of the file: the oldest hours give way */
};

#define KMS_SITE_PER_MINUTE_MAX 10000

/* Alarms of one type. */
struct kms_site_alarm {
    bool enabled;
    int64_t confirm; /* 0: that of all types */
};

/* What is told, after how many polls, and how much in a minute. */
struct kms_site_alarms {
    int64_t confirm;
    int64_t per_minute;                                 /* notifications */
    struct kms_site_alarm type[KMS_ALARM_TYPE_MAX + 1]; /* by enum kms_alarm_type */
};

struct kms_site {
    char *agentx; /* address of the AgentX master */
    int64_t ping_ms;
    int64_t interval_ms;
    int64_t back_off_max; /* intervals */
    char *state_dir;
    char *user;        /* to become when started as root; NULL: none */
    char *group;       /* NULL: that of the user */
    int64_t log_level; /* enum kms_log_level */
    struct kms_policy policy;
    struct kms_target *host; /* in the order of the file; NULL: forgotten, or none */
    size_t host_count;
    struct kms_site_dns dns;
    struct kms_texts discover; /* domains whose SRV targets become watched hosts */
    char *products_file;       /* NULL: the site adds no products */
    struct kms_products products;
    bool discover_search; /* no host and no discover: the machine's search domains */
    struct kms_site_snmp snmp;
    struct kms_site_alarms alarms;
    struct kms_site_control control;
    struct kms_site_store store;
    struct kms_credentials *credentials; /* in the order of the file; names are unique */
    size_t credentials_count;
};

/* The site of an empty file: what the machine's search domains publish. KMS_OK or KMS_ENOMEM. */
enum kms_status kms_site_preset(struct kms_site *ret_site);
/* Reads the file and what it includes. KMS_EINVAL: errors holds all that is wrong, a line each. On
 * failure ret_site is not written. */
enum kms_status kms_site_load(const char *path, struct kms_site *ret_site, struct kms_buf *errors);
/* The same from a tree (errors of reading it are in errors already). */
enum kms_status kms_site_build(const struct kms_conf *conf, struct kms_site *ret_site,
                               struct kms_conf_errors *errors);
void kms_site_free(struct kms_site *site);
/* Frees the hosts, but for how many there are: the board has copies. */
void kms_site_forget_hosts(struct kms_site *site);

/* Appends the effective configuration, defaults included, in the syntax that kms_site_load reads.
 * Only the passwords of web addresses and the community are not in it: a place to listen that needs
 * one is refused until it is written in again. */
enum kms_status kms_site_print(const struct kms_site *site, struct kms_buf *buf);
/* Appends a line for every key there is: name with its blocks, what is allowed, the default, what
 * it is for. */
enum kms_status kms_site_keys(struct kms_buf *buf);

#endif
