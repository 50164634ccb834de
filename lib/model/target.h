/* A KMS host to watch and how: plain data, made from the configuration, a command line or DNS. */
#ifndef KMS_MODEL_TARGET_H
#define KMS_MODEL_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/texts.h"
#include "model/credentials.h"
#include "vocab/vocab.h"

#define KMS_DEFAULT_PORT \
    1688 /* SoftwareLicensingService.KeyManagementServiceListeningPort: 0 means 1688 */

/* How one source of one host is asked. */
struct kms_source_config {
    bool enabled;
    char *url;     /* report: a path, "-", file://, http:// or https://; wsman: NULL:
                      https://<address>:5986/wsman */
    char *ca_file; /* over https: PEM file; NULL: the system's */
    char *product; /* activation: what is asked for, by any name; NULL: found out */
    int64_t port;  /* rpc: the port probed; 0: the target's */
    bool ndr64;    /* rpc: a second bind shows whether the host takes NDR64 */
    char *service; /* wsman: service of the principal's name; NULL: HTTP */
    char *pin;     /* wsman: SHA-256 of the server's public key, 64 hexadecimal digits, instead
                      of a chain to a CA; NULL: none */
    /* wsman: who asks; NULL: the source is off. Held by the target, a copy of the site's block. */
    struct kms_credentials *credentials;
    int64_t interval_ms; /* between attempts; 0: the site's interval */
    int64_t timeout_ms;  /* one attempt, from start to result */
    int64_t max_age_ms;  /* older data is stale; 0: no limit */
    int64_t size_max;    /* bytes */
};

struct kms_target {
    char *name;    /* as the site calls it; unique in a board */
    char *address; /* NULL: the name */
    int64_t port;  /* that clients are expected to use; 1688 unless given */
    bool port_given;
    enum kms_origin origin;
    uint32_t
        classes; /* KMS_CLASS_BIT mask of the classes the site relies on here; 0: not declared */
    struct kms_texts
        publish_in; /* domains that must publish it, beside its own; no dot at the end */
    struct kms_source_config source[KMS_SOURCE_MAX + 1]; /* by enum kms_source; [0] unused */
};

/* Frees what the target holds, not the struct. */
void kms_target_done(struct kms_target *target);
enum kms_status kms_target_copy(struct kms_target *ret, const struct kms_target *from);

/* Where the host is: the address that was given, else the name. */
const char *kms_target_address(const struct kms_target *target);
/* The name among address and name: the address unless it is an IP address; the IP address when
 * both are. */
const char *kms_target_dns_name(const struct kms_target *target);
/* The DNS domain of that name, a pointer into it; NULL for an IP address and for a name without a
 * dot. */
const char *kms_target_domain(const struct kms_target *target);
/* Whether a record is expected there: the host's own domain, or one of publish_in. Only hosts whose
 * source dns is enabled are expected anywhere. */
bool kms_target_expected_in(const struct kms_target *target, const char *domain);

#endif
