/* Stands before malloc, calloc and realloc, which the linker hands over (--wrap). */
#include "unit/scarce.h"

#include <stdbool.h>
#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static int64_t left = -1;
static bool is_drawn;
static uint32_t seed = 7;

static bool draw_fails(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % 3 == 0;
}

static bool may_allocate(void)
{
    if (left == 0 || (is_drawn && draw_fails())) {
        return false;
    }
    left -= left > 0 ? 1 : 0;
    return true;
}

void scarce_left(int64_t allocations)
{
    left = allocations;
    is_drawn = false;
}

void scarce_now_and_then(void)
{
    left = -1;
    is_drawn = true;
}

void scarce_over(void)
{
    scarce_left(-1);
}

void *__wrap_malloc(size_t size)
{
    return may_allocate() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return may_allocate() ? __real_calloc(count, size) : NULL;
}

void *__wrap_realloc(void *old, size_t size)
{
    return may_allocate() ? __real_realloc(old, size) : NULL;
}
