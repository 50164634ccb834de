/* Who runs when: each at its interval, and not too many at once. */
#ifndef KMS_AGENT_TURNS_H
#define KMS_AGENT_TURNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Something that waits for its turn, inside of what runs. */
struct kms_turn {
    struct kms_turn *next;
    /* False: it could not start, and does not count among those that run. */
    bool (*start)(void *arg);
    void *arg;
};

/* First come, first served. {.max = ...} is empty. */
struct kms_turns {
    size_t max, running;
    struct kms_turn *first, *last; /* waiting */
};

/* Starts now or when others ended. Not while it waits or runs already. */
void kms_turns_ask(struct kms_turns *turns, struct kms_turn *turn);
/* It no longer waits, if it did. */
void kms_turns_forget(struct kms_turns *turns, struct kms_turn *turn);
/* One that ran is over: the next may start. */
void kms_turns_end(struct kms_turns *turns);

/* Moves *due_us to its next time on its own grid and returns the milliseconds until then: one that
 * was late does not move those after it, those missed are left out. */
int64_t kms_turn_next_ms(int64_t *due_us, int64_t interval_us, int64_t now_us);

/* How long something waits that may run once an interval, whoever ran it, and was run age_s ago: a
 * second more, since ages are whole seconds, and never less than a minute. */
int64_t kms_turn_rest_us(int64_t interval_us, int64_t age_s);

#define KMS_TURN_LONGEST_US INT64_C(3600000000)
/* How long something rests that shall be left alone more and more, after it rested for rest_us (0:
 * it did not): twice as long up to an hour, and never less than its interval. */
int64_t kms_turn_longer_us(int64_t interval_us, int64_t rest_us);

#endif
