/* A conversation with one host over WS-Management, on the loop: connect, authenticate, operations
 * one after the other. Whoever needs the host's word (probe, wsman-check, capture) asks here.
 *
 * One connection and one outstanding operation per host. A connection that the host closed between
 * two messages is made anew and authenticated anew, once for each message; a sealed message is
 * never sent twice. Contexts of enumerations that are given up are released. No redirects.
 */
#ifndef KMS_WSMAN_TALK_H
#define KMS_WSMAN_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/target.h"
#include "probe/probe.h"
#include "wsman/fault.h"
#include "wsman/soap.h"
#include "wsman/stage.h"

struct kms_talk;
struct kms_recorder; /* wsman/record.h */

/* How an operation ended. */
struct kms_talk_end {
    enum kms_outcome outcome;
    enum kms_talk_stage stage; /* where it failed; OPERATE when it did not */
    enum kms_wsman_reaction reaction;
    long status;                          /* of HTTP; 0: none */
    bool fault_known;                     /* the host answered with a fault */
    struct kms_soap_fault fault;          /* if so */
    int64_t date_s;                       /* header Date of the last answer; 0: not said */
    size_t rows;                          /* handed over */
    const struct kms_soap_message *reply; /* the last one; NULL: none. Valid during the call */
    char mechanism[16];                   /* "Kerberos", "NTLM", "Basic", "certificate"; "" */
    char detail[200];                     /* one line, cleaned, without secrets */
};
typedef void kms_talk_done_fn(void *arg, const struct kms_talk_end *end);

/* target must outlive it; its source wsman says where and who. recorder NULL: nothing is recorded.
 * NULL: out of memory. Nothing is sent yet. */
struct kms_talk *kms_talk_new(struct kms_env *env, const struct kms_target *target,
                              struct kms_recorder *recorder);
/* Ends it without a call back; never waits. Not from inside done; NULL is fine. */
void kms_talk_free(struct kms_talk *talk);

/* One operation at a time; done is called once and never from inside. timeout_ms covers all of it,
 * connecting and paging too; the host gets what is left of it as OperationTimeout (60 s at most).
 * KMS_ENOMEM: not started. */
/* Identify, without credentials (header WSMANIDENTIFY): stage HTTP shows whether WinRM is there. */
enum kms_status kms_talk_identify(struct kms_talk *talk, int64_t timeout_ms, kms_talk_done_fn *done,
                                  void *arg);
/* Enumerate with WQL and Pull until the end. An expired context is begun anew once: rows restart
 * with the call of restart (NULL: that is an error then). page 0: as many as fit in a message. */
struct kms_talk_query {
    const char *wql;
    uint32_t page;
    int64_t timeout_ms;
    kms_soap_row_fn *row;
    void (*restart)(void *arg); /* forget the rows so far */
    kms_talk_done_fn *done;
    void *arg;
};
enum kms_status kms_talk_enumerate(struct kms_talk *talk, const struct kms_talk_query *query);

#endif
