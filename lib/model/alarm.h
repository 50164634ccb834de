/* Alarms: conditions that hold become alarms, raised once and cleared once. Pure: no clock, no I/O;
 * who tells and who keeps them is elsewhere. */
#ifndef KMS_MODEL_ALARM_H
#define KMS_MODEL_ALARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "vocab/vocab.h"

#define KMS_ALARM_NAME_SIZE    300
#define KMS_ALARM_TEXT_SIZE    256   /* SnmpAdminString */
#define KMS_ALARM_RECORD_SIZE  4096  /* an alarm as text is never longer */
#define KMS_ALARM_TYPE_MAX     10    /* highest number of enum kms_alarm_type */
#define KMS_ALARMS_MAX         65536 /* raised, or on the way to it; of all owners */
#define KMS_ALARM_CONFIRM_MAX  100
#define KMS_ALARM_TYPE_BIT(of) (UINT32_C(1) << (of))

/* The row of the MIB that an alarm is about; stable numbers. */
struct kms_alarm_row {
    uint8_t table; /* below kmsmonObjects */
    uint8_t len;   /* parts of index */
    uint32_t index[2];
};

struct kms_alarm {
    uint32_t index; /* never given twice in the life of a store */
    enum kms_alarm_type type;
    enum kms_state severity;          /* warning, critical or unknown */
    char owner[KMS_ALARM_NAME_SIZE];  /* name of the host, or of the domain for rogue records */
    char object[KMS_ALARM_NAME_SIZE]; /* which part of it: "class windowsClient", "key IDENTITY"; ""
                                       */
    struct kms_alarm_row row;
    int64_t since_s;                /* wall clock when it was raised */
    char text[KMS_ALARM_TEXT_SIZE]; /* one line for people, with the numbers that decided */
    bool suppressed; /* nobody was told that it was raised: nor will be that it was cleared */
};

/* What was raised or cleared. The alarm of a clear is gone from the table; its severity is ok and
 * its text says what is so now. */
struct kms_alarm_news {
    bool cleared;
    struct kms_alarm alarm;
};

/* ---- what raises and clears them ---- */

struct kms_alarm_rule {
    bool enabled;
    uint32_t
        confirm; /* polls in a row that must agree before it is raised or cleared; at least 1 */
};

struct kms_alarm_policy {
    struct kms_alarm_rule type[KMS_ALARM_TYPE_MAX + 1]; /* by enum kms_alarm_type; [0] unused */
};

/* How one thing stands that an alarm may be about. */
struct kms_alarm_condition {
    enum kms_alarm_type type;
    const char *owner;  /* case does not count, and is shown as it is now */
    const char *object; /* unique with type and owner */
    struct kms_alarm_row row;
    enum kms_state severity; /* ok: it is as it should be; else how bad it is */
    bool frozen; /* it cannot be told: neither raised nor cleared, judged afresh later */
    bool polled; /* the update is a poll of what decides it: it counts for confirm */
    const char *text;
};

/* All that is known of a subject, which is a host or a domain, at one moment. What is as it should
 * be and not tracked (kms_alarms_tracks) may be left out. */
struct kms_alarm_update {
    const char *subject; /* unique among hosts and domains: "host kms1" */
    int64_t now_s;       /* wall clock */
    uint32_t types;      /* KMS_ALARM_TYPE_BIT: it speaks of those; a tracked object of such a type
                            without a condition is gone, and that is as it should be */
    uint32_t unsure; /* of these an object may be there unseen: without a condition it is frozen */
    uint32_t polled; /* of these it is a poll that would have shown an object that is gone */
    const struct kms_alarm_condition *condition;
    size_t count;
};

struct kms_alarms;

/* Called for every raise and clear, within the call that brought it about; the alarms must not be
 * changed from there, but for kms_alarms_suppress. A drift (KMS_ALARM_DRIFT) that is over is news
 * like any other: who tells leaves it out. */
typedef void kms_alarm_news_fn(void *arg, const struct kms_alarm_news *news);

/* policy is copied. NULL: out of memory. */
struct kms_alarms *kms_alarms_new(const struct kms_alarm_policy *policy, kms_alarm_news_fn *news,
                                  void *arg);
void kms_alarms_free(struct kms_alarms *alarms);

/* Takes in how a subject stands. Of each object, raises and clears alternate, beginning with a
 * raise. A condition that there is no room for (KMS_ENOMEM, KMS_ETOOBIG: KMS_ALARMS_MAX) is as if
 * it had not been named; the others are taken in all the same. */
enum kms_status kms_alarms_update(struct kms_alarms *alarms, const struct kms_alarm_update *update);

/* Whether anything of the subject is tracked: raised, or on the way to it. */
bool kms_alarms_tracks_any(const struct kms_alarms *alarms, const char *subject);
bool kms_alarms_tracks(const struct kms_alarms *alarms, const char *subject,
                       enum kms_alarm_type type, const char *owner, const char *object);

/* The subject is no longer watched: what was raised is cleared at once, with this text. */
void kms_alarms_drop(struct kms_alarms *alarms, const char *subject, const char *text);
/* Whether somebody still tells how the object stands. */
typedef bool kms_alarm_told_fn(void *arg, const char *subject, enum kms_alarm_type type,
                               const char *object);
/* Drops every object of which nobody tells any more. */
void kms_alarms_sweep(struct kms_alarms *alarms, kms_alarm_told_fn *is_told, void *arg,
                      const char *text);
/* From now on. Alarms of types that are off are cleared at once, with this text. */
void kms_alarms_set_policy(struct kms_alarms *alarms, const struct kms_alarm_policy *policy,
                           const char *text);

/* ---- what is raised ---- */

/* Valid until the alarms change. */
struct kms_alarm_view {
    uint32_t index;
    enum kms_alarm_type type;
    enum kms_state severity;
    const char *owner, *object, *text;
    struct kms_alarm_row row;
    int64_t since_s;
    bool suppressed;
};

size_t kms_alarms_count(const struct kms_alarms *alarms);
/* By ascending index; position is below the count. */
const struct kms_alarm_view *kms_alarms_at(const struct kms_alarms *alarms, size_t position);
/* NULL: not raised. */
const struct kms_alarm_view *kms_alarms_find(const struct kms_alarms *alarms, uint32_t index);
/* Grows with every raise and clear. */
uint64_t kms_alarms_shape(const struct kms_alarms *alarms);
/* Nobody was told of this one. */
void kms_alarms_suppress(struct kms_alarms *alarms, uint32_t index);

/* ---- the next process ---- */

/* The number that the next alarm gets; 0: there are no more, and nothing is raised. */
uint32_t kms_alarms_next(const struct kms_alarms *alarms);
/* No alarm gets a number below this one. Never goes back. */
void kms_alarms_begin_at(struct kms_alarms *alarms, uint32_t next);

/* Appends the state of a raised alarm as text. KMS_ENOTFOUND: it is not raised. */
enum kms_status kms_alarms_export(const struct kms_alarms *alarms, uint32_t index,
                                  struct kms_buf *buf);
/* Takes it in again, as it was and without news; its text is kept until the next update that names
 * it. KMS_ESYNTAX: not what kms_alarms_export writes, or there already. */
enum kms_status kms_alarms_import(struct kms_alarms *alarms, const char *bytes, size_t len,
                                  struct kms_fault *fault);

/* News as text, and back. */
enum kms_status kms_alarm_news_write(const struct kms_alarm_news *news, struct kms_buf *buf);
enum kms_status kms_alarm_news_read(const char *bytes, size_t len, struct kms_alarm_news *ret,
                                    struct kms_fault *fault);

#endif
