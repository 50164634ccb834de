/* The one event loop of a program: timers, file descriptors, signals, wake-ups from threads, and
 * guests. */
#ifndef KMS_BASE_LOOP_H
#define KMS_BASE_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

struct kms_loop;

/* Everything that is opened on the loop is closed by its owner before kms_loop_free. Callbacks run
 * on the thread that runs the loop; a callback may close its own timer, watch or signal. NULL: out
 * of memory. */
struct kms_loop *kms_loop_new(const struct kms_clock *clock);
void kms_loop_free(struct kms_loop *loop);
const struct kms_clock *kms_loop_clock(const struct kms_loop *loop);

/* Runs until kms_loop_stop; a stop asked for before the run ends it at once. */
void kms_loop_run(struct kms_loop *loop);
void kms_loop_stop(struct kms_loop *loop);
/* Waits at most wait_ms for something to happen, runs what is due, and returns. */
void kms_loop_once(struct kms_loop *loop, int64_t wait_ms);

/* Timers fire once; setting one again moves it. They run on the system's monotonic clock. */
/* Timers fire as if time ran so many times as fast; for a clock that does, kms_quick_clock. Timers
 * that are set already keep their time. 1 to start with. */
void kms_loop_set_speed(struct kms_loop *loop, int64_t speed);
int64_t kms_loop_speed(const struct kms_loop *loop);

struct kms_timer;
typedef void kms_timer_fn(void *arg);
struct kms_timer *kms_timer_new(struct kms_loop *loop, kms_timer_fn *fire, void *arg);
void kms_timer_set(struct kms_timer *timer, int64_t delay_ms);
/* In the machine's own time whatever the speed, for what people and other programs wait for. */
void kms_timer_set_real(struct kms_timer *timer, int64_t delay_ms);
void kms_timer_stop(struct kms_timer *timer);
void kms_timer_free(struct kms_timer *timer);

enum { KMS_READABLE = 1, KMS_WRITABLE = 2 };

/* Watches a descriptor that the caller owns; level triggered. */
struct kms_watch;
typedef void kms_watch_fn(void *arg, int fd, unsigned ready);
struct kms_watch *kms_watch_new(struct kms_loop *loop, int fd, unsigned wanted, kms_watch_fn *fire,
                                void *arg);
void kms_watch_free(struct kms_watch *watch);

struct kms_signal;
typedef void kms_signal_fn(void *arg, int number);
struct kms_signal *kms_signal_new(struct kms_loop *loop, int number, kms_signal_fn *fire,
                                  void *arg);
void kms_signal_free(struct kms_signal *signal);

/* A way for other threads to run something on the loop's thread. kms_wake_up may be called from any
 * thread and from several at once; the callback runs once or more after the last call. */
struct kms_wake;
typedef void kms_wake_fn(void *arg);
struct kms_wake *kms_wake_new(struct kms_loop *loop, kms_wake_fn *fire, void *arg);
void kms_wake_up(struct kms_wake *wake);
void kms_wake_free(struct kms_wake *wake);

/* A foreign library that owns its descriptors (Net-SNMP) and may close one and open another with
 * the same number behind our back. It is asked afresh before every turn and nothing is remembered:
 * prepare adds its descriptors with kms_guest_add and gives the longest wait in microseconds
 * (negative: as long as you like); turn runs after every turn, whether or not one of them became
 * ready. */
struct kms_guest;
struct kms_guest_turn;
typedef int64_t kms_guest_prepare_fn(void *arg, struct kms_guest_turn *turn);
typedef void kms_guest_turn_fn(void *arg, const int *ready_fds, size_t ready_count);
struct kms_guest *kms_guest_new(struct kms_loop *loop, kms_guest_prepare_fn *prepare,
                                kms_guest_turn_fn *turn, void *arg);
void kms_guest_add(struct kms_guest_turn *turn, int fd);
void kms_guest_free(struct kms_guest *guest);

#endif
