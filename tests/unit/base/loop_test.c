/* The loop's promises: order, wake-ups, signals, self-destruction, and guests that swap
 * descriptors. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/loop.h"

struct fixture {
    struct kms_loop *loop;
    char order[16];
    size_t count;
};

static int open_loop(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    struct kms_clock clock = kms_clock_system();
    f->loop = kms_loop_new(&clock);
    assert_non_null(f->loop);
    *state = f;
    return 0;
}

static int close_loop(void **state)
{
    struct fixture *f = *state;
    kms_loop_free(f->loop);
    free(f);
    return 0;
}

struct mark {
    struct fixture *f;
    char letter;
    bool stops;
};

static void note(struct mark *mark)
{
    mark->f->order[mark->f->count++] = mark->letter;
    if (mark->stops) {
        kms_loop_stop(mark->f->loop);
    }
}

static void timer_marks(void *arg)
{
    note(arg);
}

static void timers_fire_in_the_order_of_their_time(void **state)
{
    struct fixture *f = *state;
    struct mark a = {f, 'a', false}, b = {f, 'b', false}, c = {f, 'c', true};
    struct kms_timer *tc = kms_timer_new(f->loop, timer_marks, &c);
    struct kms_timer *ta = kms_timer_new(f->loop, timer_marks, &a);
    struct kms_timer *tb = kms_timer_new(f->loop, timer_marks, &b);
    kms_timer_set(tc, 60);
    kms_timer_set(ta, 90);
    kms_timer_set(tb, 40);
    kms_timer_set(ta, 20); /* setting again moves it */
    kms_loop_run(f->loop);
    assert_string_equal(f->order, "abc");
    kms_timer_free(ta);
    kms_timer_free(tb);
    kms_timer_free(tc);
}

static void a_stopped_timer_does_not_fire(void **state)
{
    struct fixture *f = *state;
    struct mark a = {f, 'a', false}, b = {f, 'b', true};
    struct kms_timer *ta = kms_timer_new(f->loop, timer_marks, &a);
    struct kms_timer *tb = kms_timer_new(f->loop, timer_marks, &b);
    kms_timer_set(ta, 5);
    kms_timer_set(tb, 20);
    kms_timer_stop(ta);
    kms_loop_run(f->loop);
    assert_string_equal(f->order, "b");
    kms_timer_free(ta);
    kms_timer_free(tb);
}

static void timers_of_a_quick_loop_fire_sooner(void **state)
{
    struct fixture *f = *state;
    struct mark a = {f, 'a', false}, b = {f, 'b', true};
    struct kms_timer *tb = kms_timer_new(f->loop, timer_marks, &b);
    struct kms_timer *ta = kms_timer_new(f->loop, timer_marks, &a);
    kms_timer_set(tb, 500);
    kms_loop_set_speed(f->loop, 3600);
    kms_timer_set(ta, 100000);
    kms_loop_run(f->loop);
    assert_string_equal(f->order, "ab");
    kms_timer_free(ta);
    kms_timer_free(tb);
}

static void real_timers_keep_the_time_of_the_machine(void **state)
{
    struct fixture *f = *state;
    struct mark a = {f, 'a', false}, b = {f, 'b', false}, c = {f, 'c', true};
    struct kms_timer *ta = kms_timer_new(f->loop, timer_marks, &a);
    struct kms_timer *tb = kms_timer_new(f->loop, timer_marks, &b);
    struct kms_timer *tc = kms_timer_new(f->loop, timer_marks, &c);
    kms_loop_set_speed(f->loop, 3600);
    kms_timer_set_real(tc, 400);
    kms_timer_set_real(tb, 100);
    kms_timer_set(ta, 1000);
    kms_loop_run(f->loop);
    assert_string_equal(f->order, "abc");
    kms_timer_free(ta);
    kms_timer_free(tb);
    kms_timer_free(tc);
}

static int64_t told_us(void *arg)
{
    return *(int64_t *)arg;
}

static void a_quick_clock_begins_with_the_other_one(void **state)
{
    (void)state;
    int64_t now_us = 5000000;
    const struct kms_clock other = {.mono_us = told_us, .wall_us = told_us, .arg = &now_us};
    struct kms_quick_clock quick;
    const struct kms_clock clock = kms_clock_quick(&quick, &other, 60);
    assert_int_equal(kms_clock_mono_us(&clock), 5000000);
    now_us += 1000000;
    assert_int_equal(kms_clock_mono_us(&clock), 65000000);
    assert_int_equal(kms_clock_wall_s(&clock), 65);
}

struct suicidal {
    struct fixture *f;
    struct kms_timer *timer;
    struct kms_watch *watch;
    struct kms_signal *sig;
    struct kms_wake *wake;
    int fires;
};

static void timer_frees_itself(void *arg)
{
    struct suicidal *s = arg;
    s->fires++;
    kms_timer_free(s->timer);
    kms_loop_stop(s->f->loop);
}

static void a_timer_may_free_itself(void **state)
{
    struct suicidal s = {.f = *state};
    s.timer = kms_timer_new(s.f->loop, timer_frees_itself, &s);
    kms_timer_set(s.timer, -5);
    kms_loop_run(s.f->loop);
    assert_int_equal(s.fires, 1);
}

static void watch_frees_itself(void *arg, int fd, unsigned ready)
{
    struct suicidal *s = arg;
    char byte;
    assert_int_equal(ready, KMS_READABLE);
    assert_int_equal(read(fd, &byte, 1), 1);
    s->fires++;
    kms_watch_free(s->watch);
    kms_loop_stop(s->f->loop);
}

static void a_watch_hears_its_descriptor_and_may_free_itself(void **state)
{
    struct suicidal s = {.f = *state};
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    s.watch = kms_watch_new(s.f->loop, fds[0], KMS_READABLE, watch_frees_itself, &s);
    kms_loop_once(s.f->loop, 0);
    assert_int_equal(s.fires, 0);
    assert_int_equal(write(fds[1], "xy", 2), 2);
    kms_loop_run(s.f->loop);
    kms_loop_once(s.f->loop, 0);
    assert_int_equal(s.fires, 1);
    close(fds[0]);
    close(fds[1]);
}

static void watch_counts(void *arg, int fd, unsigned ready)
{
    (void)fd;
    assert_int_equal(ready, KMS_WRITABLE);
    ++*(int *)arg;
}

static void a_watch_is_level_triggered(void **state)
{
    struct fixture *f = *state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    int fires = 0;
    struct kms_watch *watch = kms_watch_new(f->loop, fds[1], KMS_WRITABLE, watch_counts, &fires);
    kms_loop_once(f->loop, 1000);
    kms_loop_once(f->loop, 1000);
    assert_int_equal(fires, 2);
    kms_watch_free(watch);
    close(fds[0]);
    close(fds[1]);
}

static void wake_counts(void *arg)
{
    struct suicidal *s = arg;
    s->fires++;
    kms_loop_stop(s->f->loop);
}

static void *wakes_often(void *arg)
{
    for (int i = 0; i < 1000; i++) {
        kms_wake_up(arg);
    }
    return NULL;
}

static void a_thread_wakes_the_loop(void **state)
{
    struct suicidal s = {.f = *state};
    s.wake = kms_wake_new(s.f->loop, wake_counts, &s);
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, wakes_often, s.wake), 0);
    }
    kms_loop_run(s.f->loop);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    /* A call after the last callback is never lost. */
    kms_loop_once(s.f->loop, 0);
    int before = s.fires;
    kms_wake_up(s.wake);
    kms_loop_once(s.f->loop, 1000);
    assert_int_equal(s.fires, before + 1);
    kms_wake_free(s.wake);
}

static void signal_frees_itself(void *arg, int number)
{
    struct suicidal *s = arg;
    assert_int_equal(number, SIGUSR1);
    s->fires++;
    kms_signal_free(s->sig);
    kms_loop_stop(s->f->loop);
}

static void a_signal_reaches_its_callback(void **state)
{
    struct suicidal s = {.f = *state};
    s.sig = kms_signal_new(s.f->loop, SIGUSR1, signal_frees_itself, &s);
    assert_int_equal(raise(SIGUSR1), 0);
    kms_loop_run(s.f->loop);
    assert_int_equal(s.fires, 1);
}

static void a_stop_before_the_run_is_remembered(void **state)
{
    struct fixture *f = *state;
    kms_loop_stop(f->loop);
    kms_loop_run(f->loop);
    struct mark a = {f, 'a', true};
    struct kms_timer *timer = kms_timer_new(f->loop, timer_marks, &a);
    kms_timer_set(timer, 1);
    kms_loop_run(f->loop); /* and only once */
    assert_string_equal(f->order, "a");
    kms_timer_free(timer);
}

/* A library as Net-SNMP is one: it keeps its descriptor to itself. */
struct library {
    struct kms_guest *guest;
    int fd;
    int64_t wait_us;
    int turns;
    size_t ready;
    int last_ready;
    bool free_in_turn;
};

static int64_t library_prepare(void *arg, struct kms_guest_turn *turn)
{
    struct library *lib = arg;
    kms_guest_add(turn, lib->fd);
    return lib->wait_us;
}

static void library_turn(void *arg, const int *ready_fds, size_t ready_count)
{
    struct library *lib = arg;
    lib->turns++;
    lib->ready = ready_count;
    if (ready_count > 0) {
        lib->last_ready = ready_fds[0];
        char bytes[8];
        (void)!read(lib->fd, bytes, sizeof bytes);
    }
    if (lib->free_in_turn) {
        kms_guest_free(lib->guest);
    }
}

/* Closes one and puts a new socket under the same number; the old peer stays open, so that the
 * kernel has nothing to report about it. */
static void swap_socket(int fd, int *ret_peer)
{
    close(fd);
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    if (pair[1] == fd) {
        int other = pair[0];
        pair[0] = pair[1];
        pair[1] = other;
    }
    assert_int_equal(pair[0], fd);
    *ret_peer = pair[1];
}

static void a_guest_that_reopens_the_same_number_is_still_heard(void **state)
{
    struct fixture *f = *state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct library lib = {.fd = pair[0], .wait_us = -1};
    lib.guest = kms_guest_new(f->loop, library_prepare, library_turn, &lib);
    int old_peer = pair[1];
    for (int round = 0; round < 5; round++) {
        int peer;
        kms_loop_once(f->loop, 0);
        swap_socket(lib.fd, &peer);
        kms_loop_once(f->loop, 0);
        assert_int_equal(lib.ready, 0);
        assert_int_equal(write(peer, "x", 1), 1);
        kms_loop_once(f->loop, 10000);
        assert_int_equal(lib.ready, 1);
        assert_int_equal(lib.last_ready, lib.fd);
        close(old_peer);
        old_peer = peer;
    }
    kms_guest_free(lib.guest);
    close(lib.fd);
    close(old_peer);
}

struct thief {
    struct fixture *f;
    struct library *lib;
    struct kms_watch *watch;
    int peer, heard;
};

static void thief_hears(void *arg, int fd, unsigned ready)
{
    struct thief *thief = arg;
    char bytes[8];
    (void)ready;
    (void)!read(fd, bytes, sizeof bytes);
    thief->heard++;
}

/* In the middle of a turn: the guest's descriptor is closed and its number goes to a watch. */
static void thief_takes_the_number(void *arg)
{
    struct thief *thief = arg;
    int fd = thief->lib->fd;
    swap_socket(fd, &thief->peer);
    thief->lib->fd = -1;
    thief->watch = kms_watch_new(thief->f->loop, fd, KMS_READABLE, thief_hears, thief);
}

static void a_watch_on_a_number_that_a_guest_just_closed_is_heard(void **state)
{
    struct fixture *f = *state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct library lib = {.fd = pair[0], .wait_us = -1};
    lib.guest = kms_guest_new(f->loop, library_prepare, library_turn, &lib);
    struct thief thief = {.f = f, .lib = &lib};
    struct kms_timer *timer = kms_timer_new(f->loop, thief_takes_the_number, &thief);
    kms_timer_set(timer, 1);
    kms_loop_once(f->loop, 10000);
    assert_non_null(thief.watch);
    assert_int_equal(write(thief.peer, "x", 1), 1);
    /* The guest's closed descriptor counts as ready, so turns are short: take a few. */
    for (int i = 0; i < 100 && thief.heard == 0; i++) {
        kms_loop_once(f->loop, 100);
    }
    assert_int_equal(thief.heard, 1);
    kms_watch_free(thief.watch);
    kms_timer_free(timer);
    kms_guest_free(lib.guest);
    close(pair[0]);
    close(pair[1]);
    close(thief.peer);
}

static void a_guest_shortens_the_wait_and_has_its_turn_without_news(void **state)
{
    struct fixture *f = *state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct library lib = {.fd = pair[0], .wait_us = 1000};
    lib.guest = kms_guest_new(f->loop, library_prepare, library_turn, &lib);
    kms_loop_once(f->loop, 86400000); /* the test's own time limit would end a wait this long */
    assert_int_equal(lib.turns, 1);
    assert_int_equal(lib.ready, 0);
    kms_guest_free(lib.guest);
    close(pair[0]);
    close(pair[1]);
}

/* Writes to itself in its turn, as often as it is told. */
struct talker {
    int read_fd, write_fd;
    int left, turns, heard;
};

static int64_t talker_prepare(void *arg, struct kms_guest_turn *turn)
{
    struct talker *talker = arg;
    kms_guest_add(turn, talker->read_fd);
    return -1;
}

static void talker_turn(void *arg, const int *ready_fds, size_t ready_count)
{
    struct talker *talker = arg;
    char byte;
    talker->turns++;
    if (ready_count > 0 && read(ready_fds[0], &byte, 1) == 1) {
        talker->heard++;
        if (talker->left-- > 0) {
            assert_int_equal(write(talker->write_fd, "x", 1), 1);
        }
    }
}

static void a_guest_hears_at_once_what_it_says_to_itself(void **state)
{
    struct fixture *f = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct talker talker = {.read_fd = ends[0], .write_fd = ends[1], .left = 2};
    struct kms_guest *guest = kms_guest_new(f->loop, talker_prepare, talker_turn, &talker);
    assert_int_equal(write(ends[1], "x", 1), 1);
    kms_loop_once(f->loop, 10000);
    assert_int_equal(talker.heard, 3);
    assert_int_equal(talker.turns, 3);
    kms_guest_free(guest);
    close(ends[0]);
    close(ends[1]);
}

static void a_guest_that_never_falls_silent_lets_timers_fire(void **state)
{
    struct fixture *f = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct talker talker = {.read_fd = ends[0], .write_fd = ends[1], .left = INT_MAX};
    struct kms_guest *guest = kms_guest_new(f->loop, talker_prepare, talker_turn, &talker);
    struct mark mark = {f, 'a', false};
    struct kms_timer *timer = kms_timer_new(f->loop, timer_marks, &mark);
    assert_int_equal(write(ends[1], "x", 1), 1);
    kms_loop_once(f->loop, 10000);
    assert_true(talker.heard > 1);
    kms_timer_set(timer, 0);
    kms_loop_once(f->loop, 10000);
    assert_string_equal(f->order, "a");
    kms_timer_free(timer);
    kms_guest_free(guest);
    close(ends[0]);
    close(ends[1]);
}

/* Every call back takes a millisecond of a made-up time. */
struct crowd {
    int64_t now_us;
    size_t fired, fired_when_heard;
    struct talker talker;
};

static int64_t crowd_time(void *arg)
{
    const struct crowd *crowd = arg;
    return crowd->now_us;
}

static void crowd_fires(void *arg)
{
    struct crowd *crowd = arg;
    crowd->fired++;
    crowd->now_us += 1000;
}

static int64_t crowd_prepare(void *arg, struct kms_guest_turn *turn)
{
    struct crowd *crowd = arg;
    return talker_prepare(&crowd->talker, turn);
}

static void crowd_turn(void *arg, const int *ready_fds, size_t ready_count)
{
    struct crowd *crowd = arg;
    talker_turn(&crowd->talker, ready_fds, ready_count);
    if (crowd->talker.heard > 0 && crowd->fired_when_heard == 0) {
        crowd->fired_when_heard = crowd->fired;
    }
}

static void a_guest_has_its_turn_among_a_thousand_that_are_ready(void **state)
{
    (void)state;
    struct crowd crowd = {0};
    struct kms_clock clock = {.mono_us = crowd_time, .wall_us = crowd_time, .arg = &crowd};
    struct kms_loop *loop = kms_loop_new(&clock);
    assert_non_null(loop);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    crowd.talker = (struct talker){.read_fd = ends[0], .write_fd = ends[1]};
    struct kms_guest *guest = kms_guest_new(loop, crowd_prepare, crowd_turn, &crowd);
    static struct kms_timer *timer[1000];
    for (size_t i = 0; i < 1000; i++) {
        timer[i] = kms_timer_new(loop, crowd_fires, &crowd);
        kms_timer_set(timer[i], 0);
    }
    kms_loop_once(loop, 10000);
    assert_true(crowd.fired >= 2 && crowd.fired <= 4);
    /* In the middle of the others' work it is heard in the turn that it speaks in. */
    assert_int_equal(write(ends[1], "x", 1), 1);
    kms_loop_once(loop, 10000);
    assert_true(crowd.fired_when_heard > 0 && crowd.fired_when_heard <= 8);
    while (crowd.fired < 1000) {
        kms_loop_once(loop, 10000);
    }
    for (size_t i = 0; i < 1000; i++) {
        kms_timer_free(timer[i]);
    }
    kms_guest_free(guest);
    kms_loop_free(loop);
    close(ends[0]);
    close(ends[1]);
}

static void a_regular_file_counts_as_ready(void **state)
{
    struct fixture *f = *state;
    FILE *file = tmpfile();
    assert_non_null(file);
    struct library lib = {.fd = fileno(file), .wait_us = -1};
    lib.guest = kms_guest_new(f->loop, library_prepare, library_turn, &lib);
    kms_loop_once(f->loop, 86400000);
    assert_int_equal(lib.ready, 1);
    kms_guest_free(lib.guest);
    (void)fclose(file);
}

static void a_guest_may_free_itself_in_its_turn(void **state)
{
    struct fixture *f = *state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct library lib = {.fd = pair[0], .wait_us = 0, .free_in_turn = true};
    struct library other = {.fd = pair[1], .wait_us = 0};
    lib.guest = kms_guest_new(f->loop, library_prepare, library_turn, &lib);
    other.guest = kms_guest_new(f->loop, library_prepare, library_turn, &other);
    kms_loop_once(f->loop, 0);
    kms_loop_once(f->loop, 0);
    assert_int_equal(lib.turns, 1);
    assert_int_equal(other.turns, 2);
    kms_guest_free(other.guest);
    close(pair[0]);
    close(pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define LOOP_TEST(name) cmocka_unit_test_setup_teardown(name, open_loop, close_loop)
        LOOP_TEST(timers_fire_in_the_order_of_their_time),
        LOOP_TEST(timers_of_a_quick_loop_fire_sooner),
        LOOP_TEST(real_timers_keep_the_time_of_the_machine),
        cmocka_unit_test(a_quick_clock_begins_with_the_other_one),
        LOOP_TEST(a_stopped_timer_does_not_fire),
        LOOP_TEST(a_timer_may_free_itself),
        LOOP_TEST(a_watch_hears_its_descriptor_and_may_free_itself),
        LOOP_TEST(a_watch_is_level_triggered),
        LOOP_TEST(a_thread_wakes_the_loop),
        LOOP_TEST(a_signal_reaches_its_callback),
        LOOP_TEST(a_stop_before_the_run_is_remembered),
        LOOP_TEST(a_guest_that_reopens_the_same_number_is_still_heard),
        LOOP_TEST(a_watch_on_a_number_that_a_guest_just_closed_is_heard),
        LOOP_TEST(a_guest_shortens_the_wait_and_has_its_turn_without_news),
        LOOP_TEST(a_guest_hears_at_once_what_it_says_to_itself),
        LOOP_TEST(a_guest_that_never_falls_silent_lets_timers_fire),
        cmocka_unit_test(a_guest_has_its_turn_among_a_thousand_that_are_ready),
        LOOP_TEST(a_regular_file_counts_as_ready),
        LOOP_TEST(a_guest_may_free_itself_in_its_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
