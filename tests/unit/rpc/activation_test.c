/* The activation probe where it is cut off, kept out, or refused: what stays in the memory, and
 * that the lock is given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <ftw.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "probe/worker.h"
#include "rpc/activation.h"
#include "rpc/bind.h"
#include "rpc/memory.h"

#define LONG_MS  20000 /* never reached */
#define SHORT_MS 400   /* always reached */
#define GRACE_MS 20000

static const uint8_t ack[] = {
    5,    0,    12,   3,    0x10, 0,    0,    0,    60,   0,    0,    0,    2,    0,    0,
    0,    0xd0, 0x16, 0xd0, 0x16, 0x34, 0x12, 0,    0,    5,    0,    '1',  '6',  '8',  '8',
    0,    0,    1,    0,    0,    0,    0,    0,    0,    0,    0x04, 0x5d, 0x88, 0x8a, 0xeb,
    0x1c, 0xc9, 0x11, 0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60, 0x02, 0x00, 0x00, 0x00,
};

struct fixture {
    char state_dir[64];
    struct kms_env env;
    struct kms_target target;
    int listener;
    uint16_t port;
    pthread_t thread;
    bool serving;
    size_t request_len; /* what the server got behind the bind */
    struct kms_result result;
    int calls;
};

static int remove_one(const char *path, const struct stat *stat, int flag, struct FTW *ftw)
{
    (void)stat;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    assert_non_null(f);
    kms_text_copy(f->state_dir, sizeof f->state_dir, "/tmp/kmsmon-activation-XXXXXX");
    assert_non_null(mkdtemp(f->state_dir));
    f->env.clock = kms_clock_system();
    f->env.loop = kms_loop_new(&f->env.clock);
    f->env.worker = kms_worker_new(f->env.loop, 1);
    f->env.state_dir = f->state_dir;
    f->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(f->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(f->listener, 4), 0);
    assert_int_equal(getsockname(f->listener, (struct sockaddr *)&address, &len), 0);
    f->port = ntohs(address.sin_port);
    f->target.name = kms_text_dup("127.0.0.1");
    f->target.port = f->port;
    f->target.source[KMS_SOURCE_ACTIVATION].enabled = true;
    f->target.source[KMS_SOURCE_ACTIVATION].timeout_ms = LONG_MS;
    kms_result_init(&f->result, KMS_SOURCE_ACTIVATION);
    *state = f;
    return 0;
}

static void close_worker(struct fixture *f)
{
    kms_worker_free(f->env.worker, GRACE_MS);
    f->env.worker = NULL;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    close_worker(f);
    if (f->serving) {
        assert_int_equal(pthread_join(f->thread, NULL), 0);
    }
    close(f->listener);
    kms_loop_free(f->env.loop);
    kms_target_done(&f->target);
    kms_result_done(&f->result);
    assert_int_equal(nftw(f->state_dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    free(f);
    return 0;
}

/* Takes one connection, accepts its bind, reads what comes, and never answers that. */
static void *serve(void *arg)
{
    struct fixture *f = arg;
    uint8_t bytes[2048];
    ssize_t got = 0;
    int fd = accept(f->listener, NULL, NULL);
    if (recv(fd, bytes, KMS_RPC_BIND_SIZE, MSG_WAITALL) == KMS_RPC_BIND_SIZE) {
        (void)send(fd, ack, sizeof ack, MSG_NOSIGNAL);
    }
    while ((got = recv(fd, bytes, sizeof bytes, 0)) > 0) {
        f->request_len += (size_t)got;
    }
    close(fd);
    return NULL;
}

static void start_server(struct fixture *f)
{
    assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
    f->serving = true;
}

static void done(void *arg, const struct kms_result *result)
{
    struct fixture *f = arg;
    f->calls++;
    kms_result_done(&f->result);
    assert_int_equal(kms_result_copy(&f->result, result), KMS_OK);
    kms_loop_stop(f->env.loop);
}

static struct kms_run *start(struct fixture *f)
{
    struct kms_run *run = kms_run_start(&f->env, kms_activation_probe(), &f->target, done, f);
    assert_non_null(run);
    assert_int_equal(f->calls, 0);
    return run;
}

static void run_to_end(struct fixture *f)
{
    (void)start(f);
    kms_loop_run(f->env.loop);
    assert_int_equal(f->calls, 1);
}

/* With the lock, which must be free. */
static struct kms_memory remembered(const struct fixture *f)
{
    struct kms_fault fault = {.text = ""};
    struct kms_memory_file file;
    struct kms_memory memory = {0};
    if (kms_memory_open(f->state_dir, "127.0.0.1", f->port, &file, &fault) != KMS_OK ||
        kms_memory_lock(&file, &fault) != KMS_OK ||
        kms_memory_load(&file, &memory, &fault) != KMS_OK) {
        fail_msg("%s", fault.text);
    }
    kms_memory_close(&file);
    return memory;
}

static void without_a_state_directory_nothing_is_sent(void **state)
{
    struct fixture *f = *state;
    f->env.state_dir = NULL;
    run_to_end(f);
    assert_int_equal(f->result.outcome, KMS_OUTCOME_ACTIVATION_NO_IDENTITY);
}

static void an_unknown_product_is_our_own_mistake(void **state)
{
    struct fixture *f = *state;
    f->target.source[KMS_SOURCE_ACTIVATION].product = kms_text_dup("Windows 3.11");
    run_to_end(f);
    assert_int_equal(f->result.outcome, KMS_OUTCOME_ACTIVATION_NO_IDENTITY);
    assert_non_null(strstr(f->result.detail, "Windows 3.11"));
}

static void a_refused_connection_costs_no_turn(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(shutdown(f->listener, SHUT_RDWR), 0);
    run_to_end(f);
    assert_int_equal(f->result.outcome, KMS_OUTCOME_RPC_REFUSED);
    struct kms_memory memory = remembered(f);
    assert_int_equal(memory.outcome, KMS_OUTCOME_RPC_REFUSED);
    assert_int_equal(memory.asked_s, 0);
}

static void an_unanswered_call_is_remembered_and_not_repeated(void **state)
{
    struct fixture *f = *state;
    start_server(f);
    f->target.source[KMS_SOURCE_ACTIVATION].timeout_ms = SHORT_MS;
    run_to_end(f);
    assert_int_equal(f->result.outcome, KMS_OUTCOME_RPC_TIMEOUT);
    assert_non_null(strstr(f->result.detail, "the call was not answered"));
    int64_t number = 0;
    assert_true(kms_facts_number(&f->result.host, KMS_FACT_ACTIVATION_STATE, &number));
    assert_int_equal(number, KMS_ACTIVATION_FAILED);
    close_worker(f);
    assert_int_equal(pthread_join(f->thread, NULL), 0);
    f->serving = false;
    assert_int_equal(f->request_len, 284); /* Windows Server 2008 R2 asks with version 4 */
    struct kms_memory memory = remembered(f);
    assert_int_equal(memory.outcome, KMS_OUTCOME_RPC_TIMEOUT);
    assert_int_not_equal(memory.asked_s, 0);

    f->env.worker = kms_worker_new(f->env.loop, 1);
    f->calls = 0;
    f->target.source[KMS_SOURCE_ACTIVATION].timeout_ms = LONG_MS;
    run_to_end(f); /* nobody would take a connection */
    assert_int_equal(f->result.outcome, KMS_OUTCOME_RPC_TIMEOUT);
}

static void a_late_bind_gives_its_turn_back(void **state)
{
    struct fixture *f = *state; /* nobody accepts: the bind is not answered */
    f->target.source[KMS_SOURCE_ACTIVATION].timeout_ms = SHORT_MS;
    run_to_end(f);
    assert_int_equal(f->result.outcome, KMS_OUTCOME_RPC_TIMEOUT);
    close_worker(f);
    assert_int_equal(remembered(f).asked_s, 0);
}

static void a_cancel_at_any_moment_gives_the_lock_back(void **state)
{
    struct fixture *f = *state;
    struct kms_fault fault = {.text = ""};
    struct kms_memory_file file;
    for (int turns = 0; turns < 12; turns++) {
        struct kms_run *run = start(f);
        int calls = f->calls;
        for (int i = 0; i < turns; i++) {
            kms_loop_once(f->env.loop, 5);
        }
        if (f->calls == calls) { /* else it is over, on a machine where turns are slow */
            kms_run_cancel(run);
        }
        close_worker(f);
        (void)remembered(f);
        /* Each from the beginning: the turn may be lost to the moment. */
        assert_int_equal(kms_memory_open(f->state_dir, "127.0.0.1", f->port, &file, &fault),
                         KMS_OK);
        (void)unlink(file.path);
        kms_memory_close(&file);
        f->env.worker = kms_worker_new(f->env.loop, 1);
        assert_non_null(f->env.worker);
    }
    assert_int_equal(f->calls, 0);
}

static void a_host_that_is_being_asked_is_not_asked_twice(void **state)
{
    struct fixture *f = *state;
    struct kms_fault fault = {.text = ""};
    struct kms_memory_file file;
    assert_int_equal(kms_memory_open(f->state_dir, "127.0.0.1", f->port, &file, &fault), KMS_OK);
    assert_int_equal(kms_memory_lock(&file, &fault), KMS_OK);
    run_to_end(f);
    assert_int_equal(f->result.outcome, KMS_OUTCOME_NONE);
    assert_non_null(strstr(f->result.detail, "another probe"));
    kms_memory_close(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_a_state_directory_nothing_is_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unknown_product_is_our_own_mistake, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refused_connection_costs_no_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unanswered_call_is_remembered_and_not_repeated, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_late_bind_gives_its_turn_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cancel_at_any_moment_gives_the_lock_back, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_host_that_is_being_asked_is_not_asked_twice, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
