/* Groups of what is recorded for one time, told one by one. */
#include "agent/course.h"

#include <stdlib.h>

bool kms_course_init(struct kms_course *course, size_t count, int64_t repeat_ms)
{
    *course = (struct kms_course){.repeat_ms = repeat_ms, .round = -1};
    course->at_ms = count > 0 ? calloc(count, sizeof *course->at_ms) : NULL;
    return course->at_ms || count == 0;
}

void kms_course_add(struct kms_course *course, int64_t at_ms)
{
    course->at_ms[course->count++] = at_ms;
}

void kms_course_done(struct kms_course *course)
{
    free(course->at_ms);
    *course = (struct kms_course){0};
}

/* Where the group begins that is due at this moment of the course. */
static size_t group_at(const struct kms_course *course, int64_t now_ms)
{
    size_t group = 0;
    for (size_t i = 1; i < course->count && course->at_ms[i] <= now_ms; i++) {
        if (course->at_ms[i] != course->at_ms[i - 1]) {
            group = i;
        }
    }
    return group;
}

static bool is_last_of_group(const struct kms_course *course, size_t at)
{
    return at + 1 == course->count || course->at_ms[at + 1] != course->at_ms[at];
}

size_t kms_course_turn(struct kms_course *course, int64_t gone_ms, int64_t *ret_due_ms)
{
    int64_t round = course->repeat_ms > 0 ? gone_ms / course->repeat_ms : 0;
    size_t group = group_at(course, gone_ms - round * course->repeat_ms);
    if (group != course->group || round != course->round) {
        course->group = course->next = group;
        course->round = round;
    }
    size_t told = course->next;
    if (!is_last_of_group(course, told)) {
        course->next++;
    }
    *ret_due_ms = round * course->repeat_ms + course->at_ms[told];
    return told;
}
