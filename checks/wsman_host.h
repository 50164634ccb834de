/* The host that the commands over WS-Management are about: their common options, and what is
 * needed to ask it. */
#ifndef KMS_CHECKS_WSMAN_HOST_H
#define KMS_CHECKS_WSMAN_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/opt.h"
#include "model/credentials.h"
#include "probe/probe.h"

struct kms_wsman_options {
    char *credentials; /* the file; NULL: not given */
    char *url, *ca_file, *pin;
    int64_t timeout_ms;
};

/* The rows of these options, in a struct whose member of this type is named wsman. */
#define KMS_WSMAN_ROW(type_, member_, long_, letter_, kind_)                      \
    .key = (long_), .long_opt = (long_), .short_opt = (letter_), .type = (kind_), \
    .offset = offsetof(type_, wsman.member_), .given_offset = KMS_OPT_NO_GIVEN
/* clang-format off */
#define KMS_WSMAN_ROWS(type_)                                                               \
    {KMS_WSMAN_ROW(type_, credentials, "credentials", 'c', KMS_OPT_TEXT), .arg = "FILE",    \
     .help = "file with the credentials block, closed to others"},                          \
    {KMS_WSMAN_ROW(type_, url, "wsman-url", 'u', KMS_OPT_TEXT), .arg = "URL",               \
     .help = "the listener (default: https://HOST:5986/wsman)"},                            \
    {KMS_WSMAN_ROW(type_, ca_file, "ca-file", 0, KMS_OPT_TEXT), .arg = "FILE",              \
     .help = "CA certificates in PEM form for https (default: the system's)"},              \
    {KMS_WSMAN_ROW(type_, pin, "pin", 0, KMS_OPT_TEXT), .arg = "HEX",                       \
     .help = "SHA-256 of the listener's public key, instead of a CA"},                      \
    {KMS_WSMAN_ROW(type_, timeout_ms, "timeout", 't', KMS_OPT_DURATION), .min = 1000,       \
     .max = 3600000, .preset = "45s", .arg = "TIME",                                        \
     .help = "the host must have answered everything after this long"}
/* clang-format on */

struct kms_wsman_host {
    struct kms_env env; /* clock, loop, http and logins */
    struct kms_target target;
};

/* Reads the credentials and opens what asking needs; from here on the process writes no core.
 * KMS_EINVAL: errors holds lines for people, about what was given. KMS_ENOMEM. kms_wsman_host_close
 * in any case. */
enum kms_status kms_wsman_host_open(struct kms_wsman_host *host, const char *name,
                                    const struct kms_wsman_options *options,
                                    struct kms_buf *errors);
void kms_wsman_host_close(struct kms_wsman_host *host);

#endif
