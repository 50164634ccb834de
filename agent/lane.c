/* Two queues and a list of those that run: who may run next, in constant time. */
#include "agent/lane.h"

/* Known slow ones have their turn after that many others, however many of those wait. */
#define BRISK_IN_A_ROW 8

static void append(struct kms_places *places, struct kms_place *place)
{
    place->before = places->last;
    place->next = NULL;
    if (places->last) {
        places->last->next = place;
    } else {
        places->first = place;
    }
    places->last = place;
    places->count++;
}

static void prepend(struct kms_places *places, struct kms_place *place)
{
    place->before = NULL;
    place->next = places->first;
    if (places->first) {
        places->first->before = place;
    } else {
        places->last = place;
    }
    places->first = place;
    places->count++;
}

static void take_out(struct kms_places *places, struct kms_place *place)
{
    if (place->before) {
        place->before->next = place->next;
    } else {
        places->first = place->next;
    }
    if (place->next) {
        place->next->before = place->before;
    } else {
        places->last = place->before;
    }
    place->before = place->next = NULL;
    places->count--;
}

static struct kms_places *queue_of(struct kms_lane *lane, const struct kms_place *place)
{
    return place->known_slow ? &lane->slow_waiting : &lane->waiting;
}

void kms_lane_ask(struct kms_lane *lane, struct kms_place *place, bool known_slow, bool urgent,
                  int64_t now_us)
{
    place->known_slow = known_slow;
    place->state = KMS_PLACE_WAITS;
    place->since_us = now_us;
    if (urgent) {
        prepend(queue_of(lane, place), place);
    } else {
        append(queue_of(lane, place), place);
    }
}

static struct kms_place *run(struct kms_lane *lane, struct kms_place *place, int64_t now_us)
{
    take_out(queue_of(lane, place), place);
    place->since_us = now_us;
    lane->running++;
    if (place->known_slow) {
        place->state = KMS_PLACE_SLOW;
        lane->slow_running++;
        lane->brisk_in_a_row = 0;
    } else {
        place->state = KMS_PLACE_COUNTS;
        append(&lane->counting, place);
        lane->brisk_in_a_row++;
    }
    return place;
}

static bool may_start_brisk(const struct kms_lane *lane)
{
    return lane->waiting.first && lane->counting.count < lane->brisk_max &&
           lane->running < lane->most;
}

static bool may_start_slow(const struct kms_lane *lane)
{
    return lane->slow_waiting.first && lane->slow_running < lane->slow_max &&
           lane->running < lane->most;
}

bool kms_lane_may_start(const struct kms_lane *lane)
{
    return may_start_brisk(lane) || may_start_slow(lane);
}

struct kms_place *kms_lane_next(struct kms_lane *lane, int64_t now_us)
{
    bool brisk = may_start_brisk(lane);
    bool slow = may_start_slow(lane);
    if (slow && (!brisk || lane->brisk_in_a_row >= BRISK_IN_A_ROW)) {
        return run(lane, lane->slow_waiting.first, now_us);
    }
    return brisk ? run(lane, lane->waiting.first, now_us) : NULL;
}

void kms_lane_leave(struct kms_lane *lane, struct kms_place *place)
{
    if (place->state == KMS_PLACE_WAITS) {
        take_out(queue_of(lane, place), place);
    } else if (place->state != KMS_PLACE_NONE) {
        lane->running--;
        lane->slow_running -= place->known_slow ? 1 : 0;
        if (place->state == KMS_PLACE_COUNTS) {
            take_out(&lane->counting, place);
        }
    }
    place->state = KMS_PLACE_NONE;
}

int64_t kms_lane_make_way(struct kms_lane *lane, int64_t now_us)
{
    if (lane->patience_us == 0) {
        return INT64_MAX;
    }
    while (lane->counting.first && now_us - lane->counting.first->since_us >= lane->patience_us) {
        struct kms_place *place = lane->counting.first;
        take_out(&lane->counting, place);
        place->state = KMS_PLACE_SLOW;
    }
    return lane->counting.first ? lane->counting.first->since_us + lane->patience_us : INT64_MAX;
}
