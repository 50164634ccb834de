/* A queue for turns and a grid of times, for all that is asked again and again. */
#include "agent/turns.h"

#define LEAST_REST_US INT64_C(60000000)

static struct kms_turn *take_first(struct kms_turns *turns)
{
    struct kms_turn *turn = turns->first;
    turns->first = turn->next;
    if (!turns->first) {
        turns->last = NULL;
    }
    turn->next = NULL;
    return turn;
}

static void start_waiting(struct kms_turns *turns)
{
    while (turns->first && turns->running < turns->max) {
        struct kms_turn *turn = take_first(turns);
        turns->running++;
        if (!turn->start(turn->arg)) {
            turns->running--;
        }
    }
}

void kms_turns_ask(struct kms_turns *turns, struct kms_turn *turn)
{
    if (turns->last) {
        turns->last->next = turn;
    } else {
        turns->first = turn;
    }
    turns->last = turn;
    start_waiting(turns);
}

void kms_turns_forget(struct kms_turns *turns, struct kms_turn *turn)
{
    struct kms_turn *before = NULL;
    struct kms_turn *at = turns->first;
    while (at && at != turn) {
        before = at;
        at = at->next;
    }
    if (!at) {
        return;
    }
    if (before) {
        before->next = at->next;
    } else {
        turns->first = at->next;
    }
    turns->last = turns->last == at ? before : turns->last;
    at->next = NULL;
}

void kms_turns_end(struct kms_turns *turns)
{
    turns->running--;
    start_waiting(turns);
}

int64_t kms_turn_next_ms(int64_t *due_us, int64_t interval_us, int64_t now_us)
{
    *due_us += interval_us;
    if (*due_us < now_us) {
        int64_t missed = (now_us - *due_us + interval_us - 1) / interval_us;
        *due_us += missed * interval_us;
    }
    return (*due_us - now_us) / 1000;
}

int64_t kms_turn_rest_us(int64_t interval_us, int64_t age_s)
{
    int64_t longest_us = interval_us + 1000000;
    if (age_s <= 0) {
        return longest_us; /* a clock that was set back must not stretch it */
    }
    int64_t interval_s = interval_us / 1000000;
    int64_t rest_us = age_s < interval_s ? longest_us - age_s * 1000000 : 0;
    return rest_us < LEAST_REST_US ? LEAST_REST_US : rest_us;
}

int64_t kms_turn_longer_us(int64_t interval_us, int64_t rest_us)
{
    int64_t longer_us = 2 * (rest_us > 0 ? rest_us : interval_us);
    longer_us = longer_us < KMS_TURN_LONGEST_US ? longer_us : KMS_TURN_LONGEST_US;
    return longer_us > interval_us ? longer_us : interval_us;
}
