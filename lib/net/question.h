/* A question that waits for its answer: only for the files behind net/resolve.h. */
#ifndef KMS_NET_QUESTION_H
#define KMS_NET_QUESTION_H

#include "net/resolver.h"

struct kms_question {
    struct kms_resolver *resolver;
    struct kms_timer *timer; /* the deadline; once settled, the way out of everybody's callbacks */
    struct kms_dns_call call;
    bool pending; /* a channel holds the call and will call back */
    bool settled;
    bool dropped; /* nobody waits for it any more */
    enum kms_outcome outcome;
    char *name;
    void *arg;

    /* For addresses; NULL: for a raw answer. */
    kms_resolved_fn *resolved;
    struct kms_address *address;
    size_t count;

    /* For a raw answer, and to learn why there is no address. */
    kms_dns_reply_fn *replied;
    int type;
    struct kms_dns_turn turn;
    struct kms_dns_server *asked;
    bool over_tcp;
    uint8_t *bytes;
    size_t len;
    char server[KMS_DNS_SERVER_TEXT];
};

/* Its call's functions are still to be set. NULL: out of memory. */
struct kms_question *kms_question_new(struct kms_resolver *resolver, const char *name,
                                      int64_t timeout_ms, void *arg);
/* Who waits is called in the loop's next turn. */
void kms_question_settle(struct kms_question *question, enum kms_outcome outcome);
/* What a channel holds (pending) must not be freed. */
void kms_question_free(struct kms_question *question);

#endif
