/* A binary heap, whose members know their place in it. */
#include "agent/due.h"

#include <stdlib.h>

void kms_dues_done(struct kms_dues *dues)
{
    free(dues->due);
    *dues = (struct kms_dues){0};
}

bool kms_dues_reserve(struct kms_dues *dues, size_t count)
{
    if (count <= dues->room) {
        return true;
    }
    size_t room = dues->room * 2 > count ? dues->room * 2 : count + 16;
    struct kms_due **due = realloc(dues->due, room * sizeof(struct kms_due *));
    if (!due) {
        return false;
    }
    dues->due = due;
    dues->room = room;
    return true;
}

static void set(struct kms_dues *dues, size_t place, struct kms_due *due)
{
    dues->due[place - 1] = due;
    due->place = place;
}

static struct kms_due *get(const struct kms_dues *dues, size_t place)
{
    return dues->due[place - 1];
}

static void rise(struct kms_dues *dues, size_t place, struct kms_due *due)
{
    while (place > 1 && get(dues, place / 2)->at_us > due->at_us) {
        set(dues, place, get(dues, place / 2));
        place /= 2;
    }
    set(dues, place, due);
}

static void sink(struct kms_dues *dues, size_t place, struct kms_due *due)
{
    for (;;) {
        size_t child = 2 * place;
        if (child > dues->count) {
            break;
        }
        if (child < dues->count && get(dues, child + 1)->at_us < get(dues, child)->at_us) {
            child++;
        }
        if (get(dues, child)->at_us >= due->at_us) {
            break;
        }
        set(dues, place, get(dues, child));
        place = child;
    }
    set(dues, place, due);
}

void kms_dues_put(struct kms_dues *dues, struct kms_due *due)
{
    rise(dues, ++dues->count, due);
}

void kms_dues_take(struct kms_dues *dues, struct kms_due *due)
{
    size_t place = due->place;
    if (place == 0) {
        return;
    }
    struct kms_due *last = get(dues, dues->count--);
    due->place = 0;
    if (last == due) {
        return;
    }
    if (place > 1 && get(dues, place / 2)->at_us > last->at_us) {
        rise(dues, place, last);
    } else {
        sink(dues, place, last);
    }
}

struct kms_due *kms_dues_first(const struct kms_dues *dues)
{
    return dues->count > 0 ? dues->due[0] : NULL;
}
