/* Commands of the control socket: each is a table row with a file of its own, and answers a call
 * when and in as many pieces as it likes. */
#ifndef KMS_AGENT_CONTROL_COMMAND_H
#define KMS_AGENT_CONTROL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/control.h"

struct json_t; /* of jansson */

/* Longest line of an answer; one that is longer is left out, and the call fails. */
#define KMS_CONTROL_LINE_MAX ((size_t)1 << 20)

/* One request of one peer. A call that has ended, by kms_control_end or kms_control_fail, is not to
 * be touched again, but in done. */
struct kms_control_call;
typedef void kms_control_step_fn(struct kms_control_call *call);

struct kms_control_command {
    const char *name; /* "probe-now" */
    bool changes;     /* for operators; else for whoever may read */
    /* Looks at the request. Whatever it does not answer at once it answers from a step, or from a
     * call back of its own. */
    kms_control_step_fn *start;
    /* Once for each call, at its end: it was answered, or the peer went away, or the program ends.
     * Frees what kms_control_keep was given, and forgets what runs. NULL: there is nothing. */
    kms_control_step_fn *done;
};

/* The request, an object; owned by the call. */
const struct json_t *kms_control_request(const struct kms_control_call *call);
/* A text member of the request; NULL: there is none. */
const char *kms_control_request_text(const struct kms_control_call *call, const char *member);
const struct kms_control_parts *kms_control_parts(const struct kms_control_call *call);
/* What the command remembers from step to step. */
void kms_control_keep(struct kms_control_call *call, void *state);
void *kms_control_kept(const struct kms_control_call *call);

/* The first line, {"ok":true} and the members of head (NULL: none), whose reference is taken. */
void kms_control_ok(struct kms_control_call *call, struct json_t *head);
/* One line more; the reference of item is taken. NULL stands for memory that ran out: the call
 * breaks off. */
void kms_control_put(struct kms_control_call *call, struct json_t *item);
/* step is called when the peer has taken most of what was put, again and again until the call has
 * ended or another step, or NULL, is set. It puts one item, which takes well under a millisecond,
 * and returns: the server does as many as the loop has time for. */
void kms_control_step(struct kms_control_call *call, kms_control_step_fn *step);
/* The last line, {"end":true}. */
void kms_control_end(struct kms_control_call *call);
/* {"ok":false,"error":...,"hint":...} and the end; after kms_control_ok {"error":...,"hint":...}
 * and no end, so that nobody takes the answer for a whole one. hint "": none. */
void kms_control_fail(struct kms_control_call *call, const char *hint, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Every command, ended by NULL. */
const struct kms_control_command *const *kms_control_commands(void);

extern const struct kms_control_command kms_control_facts;
extern const struct kms_control_command kms_control_lookup;
extern const struct kms_control_command kms_control_status;
extern const struct kms_control_command kms_control_show;
extern const struct kms_control_command kms_control_probe_now;
extern const struct kms_control_command kms_control_reload;
extern const struct kms_control_command kms_control_dump;
extern const struct kms_control_command kms_control_history;

#endif
