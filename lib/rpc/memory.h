/* What is remembered of one host between two activation requests, and the file that keeps it: with
 * it the interval holds whoever asks. */
#ifndef KMS_RPC_MEMORY_H
#define KMS_RPC_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/guid.h"
#include "base/status.h"
#include "model/result.h"
#include "rpc/reply.h"
#include "vocab/vocab.h"

#define KMS_ANSWERS_MAX          3 /* applications: Windows, Office 2010, Office */
#define KMS_REFUSALS_MAX         8
#define KMS_MEMORY_MAX           4000                  /* bytes of the text */
#define KMS_MEMORY_TIME_MAX      INT64_C(253402300799) /* the end of the year 9999 */
#define KMS_OWN_ENTRY_S          (INT64_C(30) * 86400) /* how long a host counts a client */
#define KMS_HRESULT_OTHER_KEY    UINT32_C(0xC004F042) /* the host's key does not serve the product */
#define KMS_HRESULT_CLOCK        UINT32_C(0xC004F06C) /* clocks differ by more than 4 h */
#define KMS_HRESULT_INVALID_DATA UINT32_C(0x8007000D) /* the protocol version above all */

/* The last answered request to an application. */
struct kms_answer {
    struct kms_guid application;
    int64_t wall_s;
    /* The first one since which the host has counted the monitor without a break; 0: in files of
     * old, which do not tell. */
    int64_t since_s;
    uint16_t protocol;
    uint32_t count; /* as the host said it: the monitor's own entry is one of them */
    uint32_t activation_minutes, renewal_minutes;
    char epid[KMS_EPID_MAX]; /* never empty; clean */
    bool has_hwid;
    uint8_t hwid[KMS_HWID_SIZE];
    uint32_t hints; /* bits of enum kms_hint that the prober saw; kept as they are */
    /* The ePID before this one and since when this one is there; "" and 0: no other was seen. */
    char epid_before[KMS_EPID_MAX];
    int64_t changed_s;
};

/* A product that the host's key does not serve. */
struct kms_refusal {
    struct kms_guid counted;
    int64_t wall_s;
    char epid[KMS_EPID_MAX]; /* of the host's key as it was known then; "": not known */
};

/* A plain value; {0}: never asked. */
struct kms_memory {
    int64_t asked_s; /* when the last request went out; 0: none ever did */
    /* Then on the clock that nobody sets, which begins anew when the machine does; 0: not known. */
    int64_t asked_up_s;
    /* The last attempt, whether a request went out or not. outcome KMS_OUTCOME_NONE while it is
     * under way, and for ever when it was cut off. */
    int64_t tried_s;
    struct kms_guid sku;
    uint16_t protocol; /* 0: never tried */
    enum kms_outcome outcome;
    uint32_t hresult;
    char detail[KMS_DETAIL_SIZE]; /* one line; clean */
    uint16_t ceiling;             /* the highest version that the host may know; 0: any */
    /* When the version above it was refused last, and the ePID of the host's key as it was known
     * then ("": not known). 0: in files of old, which do not tell. */
    int64_t ceiling_s;
    char ceiling_epid[KMS_EPID_MAX];
    struct kms_answer answer[KMS_ANSWERS_MAX]; /* youngest first */
    size_t answer_count;
    struct kms_refusal refusal[KMS_REFUSALS_MAX]; /* oldest first */
    size_t refusal_count;
};

/* Times ahead of now become now: a clock that was set back must neither hold the next request back
 * for ever nor let several out. True when one was changed: then save. */
bool kms_memory_settle(struct kms_memory *memory, int64_t now_s);
/* The last answer of an application; NULL when there is none. */
const struct kms_answer *kms_memory_answer(const struct kms_memory *memory,
                                           const struct kms_guid *application);

/* The text form. Reading is strict: KMS_ESYNTAX names the line in the fault, since a guess could
 * break the interval; *ret is untouched then. What is read and written again is the same text. */
enum kms_status kms_memory_read(const char *bytes, size_t len, struct kms_memory *ret,
                                struct kms_fault *fault);
enum kms_status kms_memory_write(const struct kms_memory *memory, struct kms_buf *buf);

/* How long the answer of one application stands while others are asked for: three of its turns,
 * since they take turns in the interval. */
int64_t kms_memory_fresh_s(const struct kms_memory *memory, int64_t interval_s);

/* The result of source activation by what is remembered: outcome and detail of the last attempt;
 * ACTIVATION_STATE, ACTIVATION_RESULT; a key for every application whose own entry the host still
 * counts (APPLICATION_ID, EPID, ANSWERED, OWN_ENTRY, OWN_ENTRY_SINCE); on the youngest of them,
 * when the outcome is OK, CURRENT_COUNT, ACTIVATION_INTERVAL and RENEWAL_INTERVAL, and on the
 * others as long as they are fresh, also when the last request was refused because the key does not
 * serve another application; HINTS of the youngest answer. data_s is the time of that answer, else
 * of the attempt. ret needs no initialising; kms_result_done frees it. KMS_ENOMEM leaves nothing.
 */
enum kms_status kms_memory_result(const struct kms_memory *memory, int64_t interval_s,
                                  int64_t now_s, struct kms_result *ret);

/* STATE/activation/<address>_<port>, mode 0600: two records of the text form, each with a number
 * and a hash. A save writes over the older one and leaves the younger one alone, so a write that
 * was cut off costs at most what it wanted to say. The file itself is what is locked; it is never
 * replaced. All of these block on the disk. */
struct kms_memory_file {
    char *path;      /* heap */
    int lock;        /* descriptor, -1: not locked */
    uint64_t number; /* of the record that holds; 0: not read yet */
};

/* Makes the folder; the state directory must be as kms_identity_folder wants it.
 * The address may be any text. */
enum kms_status kms_memory_open(const char *state_dir, const char *address, uint16_t port,
                                struct kms_memory_file *ret, struct kms_fault *fault);
/* Makes the file, with nothing in it to remember. KMS_EBUSY: another probe of this host is under
 * way, in this process or another. Held until kms_memory_close or the end of the process. */
enum kms_status kms_memory_lock(struct kms_memory_file *file, struct kms_fault *fault);
/* No file: KMS_OK, and a memory of nothing. One damaged record, as the power's failing leaves it:
 * the other one, but asked_s is ahead of now, so that the interval begins anew (kms_memory_settle).
 * Two: an error that says what to do; it must disable the probe. */
enum kms_status kms_memory_load(struct kms_memory_file *file, struct kms_memory *ret,
                                struct kms_fault *fault);
/* On the disk when it returns KMS_OK: what must be known before a request goes out. KMS_EINVAL
 * without the lock; an error too when the file was removed meanwhile. */
enum kms_status kms_memory_save(struct kms_memory_file *file, const struct kms_memory *memory,
                                struct kms_fault *fault);
/* Every process sees it at once, and the disk has it soon: what may be lost when the power fails,
 * since the record before it says that a request went out. */
enum kms_status kms_memory_save_soon(struct kms_memory_file *file, const struct kms_memory *memory,
                                     struct kms_fault *fault);
/* Gives the lock back. {NULL, -1} is fine. */
void kms_memory_close(struct kms_memory_file *file);

#endif
