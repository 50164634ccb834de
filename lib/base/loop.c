/* Turns of one libevent base: the only file that knows libevent. */
#include "base/loop.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>

/* How long a turn waits at most when a guest's descriptor could not be watched. */
enum { BLIND_WAIT_US = 10000 };

/* How often a guest may go on at once with what its own work made ready, before others have their
 * turn. */
enum { GUEST_ROUNDS_MAX = 16 };

/* How long a turn goes on with what is ready when there are guests: thousands of answers may come
 * at once, and what is left is the next turn's. */
enum { SLICE_US = 2000 };

/* Guests are looked at before the rest, so that what is left over does not hide them. */
enum { PRIORITY_GUEST, PRIORITY_PRESET, PRIORITIES };

struct kms_loop {
    struct event_base *base;
    struct event *deadline; /* ends a turn that nothing else ends */
    struct kms_clock clock;
    struct kms_guest *guests;
    int64_t speed;
    int64_t slice_end_us; /* of this turn */
    bool running;
    bool stopping;
    bool turning;
};

struct kms_timer {
    struct kms_loop *loop;
    struct event *event;
    kms_timer_fn *fire;
    void *arg;
};

struct kms_watch {
    struct kms_loop *loop;
    struct event *event;
    kms_watch_fn *fire;
    void *arg;
};

struct kms_signal {
    struct event *event;
    kms_signal_fn *fire;
    void *arg;
};

struct kms_wake {
    struct kms_loop *loop;
    struct event *event;
    int fd;
    kms_wake_fn *fire;
    void *arg;
};

/* One descriptor of a guest during one turn. */
struct guest_slot {
    struct event *event;
    int fd;
    bool ready;
};

struct kms_guest {
    struct kms_loop *loop;
    struct kms_guest *next;
    kms_guest_prepare_fn *prepare;
    kms_guest_turn_fn *turn;
    void *arg;
    struct guest_slot **slots; /* slots that exist; the first used ones belong to this turn */
    int *ready_fds;            /* as many as slots */
    struct pollfd *polled;     /* the same */
    size_t slot_count, used;
    bool prepared;
    bool dead; /* freed while a turn walks the list */
};

struct kms_guest_turn {
    struct kms_guest *guest;
    bool blind; /* a descriptor could not be watched: do not wait long */
    bool brief; /* nothing is registered: the descriptors are looked at, not waited for */
};

/* libevent prints to stderr unless told otherwise. */
static void discard_message(int severity, const char *message)
{
    (void)severity;
    (void)message;
}

static void deadline_fired(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
}

/* No cached time: a timer set at the end of a long callback counts from then. The environment must
 * not choose another backend, and above all not epoll's change list, which would undo the
 * re-registering of guests. */
static struct event_base *open_base(void)
{
    struct event_config *config = event_config_new();
    if (!config) {
        return NULL;
    }
    struct event_base *base = NULL;
    if (event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV) == 0 &&
        event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME) == 0 &&
        event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER) == 0) {
        base = event_base_new_with_config(config);
    }
    if (base && event_base_priority_init(base, PRIORITIES) != 0) {
        event_base_free(base);
        base = NULL;
    }
    event_config_free(config);
    return base;
}

struct kms_loop *kms_loop_new(const struct kms_clock *clock)
{
    event_set_log_callback(discard_message);
    struct kms_loop *loop = calloc(1, sizeof *loop);
    if (!loop) {
        return NULL;
    }
    loop->clock = *clock;
    loop->speed = 1;
    loop->base = open_base();
    if (loop->base) {
        loop->deadline = event_new(loop->base, -1, 0, deadline_fired, NULL);
    }
    if (!loop->deadline) {
        kms_loop_free(loop);
        return NULL;
    }
    return loop;
}

static void destroy_guest(struct kms_guest *guest)
{
    for (size_t i = 0; i < guest->slot_count; i++) {
        event_free(guest->slots[i]->event);
        free(guest->slots[i]);
    }
    free(guest->slots);
    free(guest->ready_fds);
    free(guest->polled);
    free(guest);
}

static void sweep_guests(struct kms_loop *loop)
{
    struct kms_guest **at = &loop->guests;
    while (*at) {
        struct kms_guest *guest = *at;
        if (guest->dead) {
            *at = guest->next;
            destroy_guest(guest);
        } else {
            at = &guest->next;
        }
    }
}

void kms_loop_free(struct kms_loop *loop)
{
    if (!loop) {
        return;
    }
    if (loop->deadline) {
        event_free(loop->deadline);
    }
    if (loop->base) {
        event_base_free(loop->base);
    }
    free(loop);
}

void kms_loop_set_speed(struct kms_loop *loop, int64_t speed)
{
    loop->speed = speed > 1 ? speed : 1;
}

int64_t kms_loop_speed(const struct kms_loop *loop)
{
    return loop->speed;
}

const struct kms_clock *kms_loop_clock(const struct kms_loop *loop)
{
    return &loop->clock;
}

static void forget_slots(struct kms_guest *guest)
{
    for (size_t i = 0; i < guest->used; i++) {
        (void)event_del(guest->slots[i]->event);
    }
}

static int64_t shorter_wait(int64_t a, int64_t b)
{
    if (a < 0) {
        return b;
    }
    return b < 0 || a < b ? a : b;
}

/* Asks every guest for its descriptors and gives the longest wait they all allow. */
static int64_t prepare_guests(struct kms_loop *loop, int64_t wait_us)
{
    for (struct kms_guest *guest = loop->guests; guest; guest = guest->next) {
        if (guest->dead) {
            continue;
        }
        struct kms_guest_turn turn = {.guest = guest};
        guest->used = 0;
        guest->prepared = true;
        wait_us = shorter_wait(wait_us, guest->prepare(guest->arg, &turn));
        if (turn.blind) {
            wait_us = shorter_wait(wait_us, BLIND_WAIT_US);
        }
    }
    return wait_us;
}

/* What is ready at this moment, without waiting and without a registration. */
static size_t look_at_guest(struct kms_guest *guest)
{
    struct kms_guest_turn turn = {.guest = guest, .brief = true};
    guest->used = 0;
    (void)guest->prepare(guest->arg, &turn);
    size_t count = guest->used, ready_count = 0;
    guest->used = 0; /* they are not registered, so there is nothing to forget */
    for (size_t i = 0; i < count; i++) {
        guest->polled[i] = (struct pollfd){.fd = guest->slots[i]->fd, .events = POLLIN};
    }
    if (poll(guest->polled, count, 0) <= 0) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (guest->polled[i].revents & (POLLIN | POLLHUP | POLLERR)) {
            guest->ready_fds[ready_count++] = guest->polled[i].fd;
        }
    }
    return ready_count;
}

/* The registrations go before the guest may close a descriptor, so the next turn's are new to the
 * kernel. Registering costs more than all the rest of a turn, so a guest that had news goes on as
 * long as there is more: Net-SNMP writes to itself twice for every request. */
static void turn_guest(struct kms_guest *guest)
{
    size_t ready_count = 0;
    for (size_t i = 0; i < guest->used; i++) {
        if (guest->slots[i]->ready) {
            guest->ready_fds[ready_count++] = guest->slots[i]->fd;
        }
    }
    forget_slots(guest);
    guest->used = 0;
    guest->prepared = false;
    guest->turn(guest->arg, guest->ready_fds, ready_count);
    for (int round = 0; ready_count > 0 && round < GUEST_ROUNDS_MAX && !guest->dead; round++) {
        ready_count = look_at_guest(guest);
        if (ready_count > 0) {
            guest->turn(guest->arg, guest->ready_fds, ready_count);
        }
    }
}

static void turn_guests(struct kms_loop *loop)
{
    for (struct kms_guest *guest = loop->guests; guest; guest = guest->next) {
        if (guest->prepared && !guest->dead) {
            turn_guest(guest);
        }
    }
}

/* One turn: ask the guests, wait, run what is due, let the guests work. False: the system refused
 * to wait. */
static bool run_turn(struct kms_loop *loop, int64_t wait_us)
{
    loop->turning = true;
    wait_us = prepare_guests(loop, wait_us);
    if (loop->running && loop->stopping) {
        wait_us = 0;
    }
    int flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY;
    if (wait_us == 0) {
        flags = EVLOOP_NONBLOCK;
    } else if (wait_us > 0) {
        struct timeval tv = {.tv_sec = (time_t)(wait_us / 1000000),
                             .tv_usec = (suseconds_t)(wait_us % 1000000)};
        if (event_add(loop->deadline, &tv) != 0) {
            flags = EVLOOP_NONBLOCK;
        }
    }
    loop->slice_end_us = 0;
    bool ok = event_base_loop(loop->base, flags) >= 0;
    (void)event_del(loop->deadline);
    turn_guests(loop);
    loop->turning = false;
    sweep_guests(loop);
    return ok;
}

void kms_loop_run(struct kms_loop *loop)
{
    loop->running = true;
    while (!loop->stopping && run_turn(loop, -1)) {
    }
    loop->running = false;
    loop->stopping = false;
}

void kms_loop_stop(struct kms_loop *loop)
{
    loop->stopping = true;
}

void kms_loop_once(struct kms_loop *loop, int64_t wait_ms)
{
    const int64_t one_day_ms = 86400000;
    int64_t bounded_ms = wait_ms < 0 ? 0 : wait_ms;
    (void)run_turn(loop, (bounded_ms < one_day_ms ? bounded_ms : one_day_ms) * 1000);
}

/* After a call that may have taken long, and may have freed what called it. The slice begins with
 * the first of a turn, since the wait before it is not work. */
static void end_slice(struct kms_loop *loop)
{
    if (!loop->guests) {
        return;
    }
    int64_t now_us = kms_clock_mono_us(&loop->clock);
    if (loop->slice_end_us == 0) {
        loop->slice_end_us = now_us + SLICE_US;
    } else if (now_us >= loop->slice_end_us) {
        (void)event_base_loopbreak(loop->base);
    }
}

static void timer_fired(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct kms_timer *timer = arg;
    struct kms_loop *loop = timer->loop;
    timer->fire(timer->arg);
    end_slice(loop);
}

struct kms_timer *kms_timer_new(struct kms_loop *loop, kms_timer_fn *fire, void *arg)
{
    struct kms_timer *timer = calloc(1, sizeof *timer);
    if (!timer) {
        return NULL;
    }
    timer->loop = loop;
    timer->fire = fire;
    timer->arg = arg;
    timer->event = event_new(loop->base, -1, 0, timer_fired, timer);
    if (!timer->event) {
        free(timer);
        return NULL;
    }
    return timer;
}

/* Without memory for the queue the timer fires at once: too early is repaired by its owner, never
 * is not. */
static void set_us(struct kms_timer *timer, int64_t delay_us)
{
    struct timeval tv = {.tv_sec = (time_t)(delay_us / 1000000),
                         .tv_usec = (suseconds_t)(delay_us % 1000000)};
    if (event_add(timer->event, &tv) != 0) {
        event_active(timer->event, EV_TIMEOUT, 0);
    }
}

void kms_timer_set(struct kms_timer *timer, int64_t delay_ms)
{
    set_us(timer, delay_ms < 0 ? 0 : delay_ms * 1000 / timer->loop->speed);
}

void kms_timer_set_real(struct kms_timer *timer, int64_t delay_ms)
{
    set_us(timer, delay_ms < 0 ? 0 : delay_ms * 1000);
}

void kms_timer_stop(struct kms_timer *timer)
{
    (void)event_del(timer->event);
}

void kms_timer_free(struct kms_timer *timer)
{
    if (!timer) {
        return;
    }
    event_free(timer->event);
    free(timer);
}

static void watch_fired(evutil_socket_t fd, short what, void *arg)
{
    struct kms_watch *watch = arg;
    unsigned ready = (what & EV_READ ? (unsigned)KMS_READABLE : 0U) |
                     (what & EV_WRITE ? (unsigned)KMS_WRITABLE : 0U);
    struct kms_loop *loop = watch->loop;
    watch->fire(watch->arg, fd, ready);
    end_slice(loop);
}

/* A guest may have closed this number in the middle of the turn; as long as its registration is
 * remembered, libevent believes that the kernel knows the new descriptor. */
static void forget_guest_fd(struct kms_loop *loop, int fd)
{
    for (struct kms_guest *guest = loop->guests; guest; guest = guest->next) {
        for (size_t i = 0; i < guest->used; i++) {
            if (guest->slots[i]->fd == fd) {
                (void)event_del(guest->slots[i]->event);
            }
        }
    }
}

struct kms_watch *kms_watch_new(struct kms_loop *loop, int fd, unsigned wanted, kms_watch_fn *fire,
                                void *arg)
{
    struct kms_watch *watch = calloc(1, sizeof *watch);
    if (!watch) {
        return NULL;
    }
    watch->loop = loop;
    watch->fire = fire;
    watch->arg = arg;
    int what = EV_PERSIST | (wanted & KMS_READABLE ? EV_READ : 0) |
               (wanted & KMS_WRITABLE ? EV_WRITE : 0);
    watch->event = event_new(loop->base, fd, (short)what, watch_fired, watch);
    forget_guest_fd(loop, fd);
    if (!watch->event || event_add(watch->event, NULL) != 0) {
        kms_watch_free(watch);
        return NULL;
    }
    return watch;
}

void kms_watch_free(struct kms_watch *watch)
{
    if (!watch) {
        return;
    }
    if (watch->event) {
        event_free(watch->event);
    }
    free(watch);
}

static void signal_fired(evutil_socket_t number, short what, void *arg)
{
    (void)what;
    struct kms_signal *sig = arg;
    sig->fire(sig->arg, (int)number);
}

struct kms_signal *kms_signal_new(struct kms_loop *loop, int number, kms_signal_fn *fire, void *arg)
{
    struct kms_signal *sig = calloc(1, sizeof *sig);
    if (!sig) {
        return NULL;
    }
    sig->fire = fire;
    sig->arg = arg;
    sig->event = event_new(loop->base, number, EV_SIGNAL | EV_PERSIST, signal_fired, sig);
    if (!sig->event || event_add(sig->event, NULL) != 0) {
        kms_signal_free(sig);
        return NULL;
    }
    return sig;
}

void kms_signal_free(struct kms_signal *sig)
{
    if (!sig) {
        return;
    }
    if (sig->event) {
        event_free(sig->event);
    }
    free(sig);
}

static void wake_fired(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct kms_wake *wake = arg;
    uint64_t calls;
    /* Taking the count first: a call that comes while the callback runs wakes the loop again. */
    ssize_t got = read(fd, &calls, sizeof calls);
    (void)got;
    struct kms_loop *loop = wake->loop;
    wake->fire(wake->arg);
    end_slice(loop);
}

struct kms_wake *kms_wake_new(struct kms_loop *loop, kms_wake_fn *fire, void *arg)
{
    struct kms_wake *wake = calloc(1, sizeof *wake);
    if (!wake) {
        return NULL;
    }
    wake->loop = loop;
    wake->fire = fire;
    wake->arg = arg;
    wake->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake->fd >= 0) {
        forget_guest_fd(loop, wake->fd);
        wake->event = event_new(loop->base, wake->fd, EV_READ | EV_PERSIST, wake_fired, wake);
    }
    if (!wake->event || event_add(wake->event, NULL) != 0) {
        kms_wake_free(wake);
        return NULL;
    }
    return wake;
}

void kms_wake_up(struct kms_wake *wake)
{
    const uint64_t one = 1;
    /* It fails only when the counter is full, and then the loop is about to wake anyway. */
    ssize_t sent = write(wake->fd, &one, sizeof one);
    (void)sent;
}

void kms_wake_free(struct kms_wake *wake)
{
    if (!wake) {
        return;
    }
    if (wake->event) {
        event_free(wake->event);
    }
    if (wake->fd >= 0) {
        (void)close(wake->fd);
    }
    free(wake);
}

struct kms_guest *kms_guest_new(struct kms_loop *loop, kms_guest_prepare_fn *prepare,
                                kms_guest_turn_fn *turn, void *arg)
{
    struct kms_guest *guest = calloc(1, sizeof *guest);
    if (!guest) {
        return NULL;
    }
    guest->loop = loop;
    guest->prepare = prepare;
    guest->turn = turn;
    guest->arg = arg;
    struct kms_guest **end = &loop->guests;
    while (*end) {
        end = &(*end)->next;
    }
    *end = guest;
    return guest;
}

static void slot_fired(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct guest_slot *slot = arg;
    slot->ready = true;
}

static bool grow_slots(struct kms_guest *guest)
{
    size_t wanted = guest->slot_count + 1;
    struct guest_slot **slots = realloc(guest->slots, wanted * sizeof(struct guest_slot *));
    if (!slots) {
        return false;
    }
    guest->slots = slots;
    int *ready_fds = realloc(guest->ready_fds, wanted * sizeof *ready_fds);
    if (!ready_fds) {
        return false;
    }
    guest->ready_fds = ready_fds;
    struct pollfd *polled = realloc(guest->polled, wanted * sizeof *polled);
    if (!polled) {
        return false;
    }
    guest->polled = polled;
    struct guest_slot *slot = calloc(1, sizeof *slot);
    if (!slot) {
        return false;
    }
    slot->event = event_new(guest->loop->base, -1, 0, slot_fired, slot);
    if (!slot->event) {
        free(slot);
        return false;
    }
    guest->slots[guest->slot_count++] = slot;
    return true;
}

/* A descriptor that the kernel will not watch (a regular file, or one that is closed) counts as
 * ready, so that the guest finds out by itself. */
void kms_guest_add(struct kms_guest_turn *turn, int fd)
{
    struct kms_guest *guest = turn->guest;
    if (guest->used == guest->slot_count && !grow_slots(guest)) {
        turn->blind = true;
        return;
    }
    struct guest_slot *slot = guest->slots[guest->used++];
    slot->fd = fd;
    slot->ready = false;
    if (turn->brief) {
        return;
    }
    if (fd < 0 ||
        event_assign(slot->event, guest->loop->base, fd, EV_READ, slot_fired, slot) != 0 ||
        event_priority_set(slot->event, PRIORITY_GUEST) != 0 || event_add(slot->event, NULL) != 0) {
        slot->ready = true;
        turn->blind = true;
    }
}

void kms_guest_free(struct kms_guest *guest)
{
    if (!guest) {
        return;
    }
    struct kms_loop *loop = guest->loop;
    forget_slots(guest);
    guest->used = 0;
    guest->dead = true;
    if (!loop->turning) {
        sweep_guests(loop);
    }
}
