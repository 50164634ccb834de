/* What the commands that ask the running daemon share: options, the question, and how it fails. */
#ifndef KMS_CHECKS_ASKING_H
#define KMS_CHECKS_ASKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "form.h"
#include "vocab/vocab.h"

struct json_t; /* of jansson */

/* Exit codes beside those of the command itself. */
#define KMS_ASKING_OK       0
#define KMS_ASKING_NOT_OK   1 /* the daemon answered, and something is not well */
#define KMS_ASKING_NO_REPLY 3 /* it cannot be asked, or it refused */

#define KMS_ASKING_OUTPUT_MAX ((size_t)1 << 30)

struct kms_asking_options {
    bool json, help, all;
    char *socket; /* NULL: the usual places */
};

/* What their struct kms_form has alike; its options are struct kms_asking_options, or a struct that
 * begins so. */
#define KMS_ASKING_FORM \
    .help = offsetof(struct kms_asking_options, help), .failed = KMS_ASKING_NO_REPLY

/* The rows that all have; more may stand beside them. */
#define KMS_ASKING_ROW(long_name, letter, kind, type_of, member)                        \
    .key = (long_name), .long_opt = (long_name), .short_opt = (letter), .type = (kind), \
    .offset = offsetof(struct type_of, member), .given_offset = KMS_OPT_NO_GIVEN
#define KMS_ASKING_SOCKET                                                            \
    {                                                                                \
        KMS_ASKING_ROW("socket", 's', KMS_OPT_TEXT, kms_asking_options, socket),     \
            .arg = "PATH",                                                           \
            .help = "control socket of kmsmond (default: /run/kmsmon/control, then " \
                    "/var/lib/kmsmon/control)"                                       \
    }
#define KMS_ASKING_HELP                                                      \
    {                                                                        \
        KMS_ASKING_ROW("help", 'h', KMS_OPT_FLAG, kms_asking_options, help), \
            .help = "print this help"                                        \
    }
#define KMS_ASKING_JSON(what)                                                               \
    {                                                                                       \
        KMS_ASKING_ROW("json", 'j', KMS_OPT_FLAG, kms_asking_options, json), .help = (what) \
    }

/* Asks, and gives every item to item; the first line is no item. Failures are printed. The
 * reference of request is taken; NULL: memory ran out. Waits wait_ms for each line at most. False
 * of item ends it, as memory that ran out. KMS_ASKING_OK or KMS_ASKING_NO_REPLY. */
typedef bool kms_asking_item_fn(void *arg, const struct json_t *item);
#define KMS_ASKING_WAIT_MS 20000
int kms_asking_run(const struct kms_form *form, const struct kms_asking_options *options,
                   struct json_t *request, kms_asking_item_fn *item, void *arg);
/* {"command":NAME} with the hosts that argv names from rest on, if any. */
struct json_t *kms_asking_request(const struct kms_form *form, int argc, char **argv, int rest);

/* A text member; "" where there is none. */
const char *kms_asking_text(const struct json_t *item, const char *name);
/* False: there is none. */
bool kms_asking_number(const struct json_t *item, const char *name, int64_t *ret);
/* Its member state as number; UNKNOWN where there is none. */
enum kms_state kms_asking_state(const struct json_t *item);

#endif
