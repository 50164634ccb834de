/* The course of what is recorded for some times: what the next poll tells. */
#ifndef KMS_AGENT_COURSE_H
#define KMS_AGENT_COURSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* {0} has nothing to tell. A group is recorded for one time. */
struct kms_course {
    int64_t *at_ms; /* when each is told; never goes back */
    size_t count;
    int64_t repeat_ms; /* it begins again so long after it began; 0: it ends */
    size_t group;      /* where the one that was told last begins */
    size_t next;       /* to be told */
    int64_t round;
};

/* Room for count times, which the caller adds with kms_course_add. False: out of memory. */
bool kms_course_init(struct kms_course *course, size_t count, int64_t repeat_ms);
void kms_course_add(struct kms_course *course, int64_t at_ms);
void kms_course_done(struct kms_course *course);

/* What a poll tells so long after the course began: what is recorded last up to this moment; what
 * is recorded for the same time poll by poll, the last of it from then on. The first counts from
 * the beginning. Not when there is nothing to tell. *ret_due_ms: when it became due. */
size_t kms_course_turn(struct kms_course *course, int64_t gone_ms, int64_t *ret_due_ms);

#endif
