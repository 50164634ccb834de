/* Forks, and holds the parent until the child serves or ends. */
#include "agent/detach.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void wait_for_child(pid_t child, int from)
{
    char byte;
    ssize_t got;
    do {
        got = read(from, &byte, 1);
    } while (got < 0 && errno == EINTR);
    if (got == 1) {
        _exit(0);
    }
    int how = 0;
    while (waitpid(child, &how, 0) < 0 && errno == EINTR) {
    }
    _exit(WIFEXITED(how) && WEXITSTATUS(how) != 0 ? WEXITSTATUS(how) : 1);
}

bool kms_detach_begin(int *ret_ready)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return false;
    }
    pid_t child = fork();
    if (child < 0) {
        int error = errno;
        (void)close(ends[0]);
        (void)close(ends[1]);
        errno = error;
        return false;
    }
    if (child > 0) {
        (void)close(ends[1]);
        wait_for_child(child, ends[0]);
    }
    (void)close(ends[0]);
    (void)setsid();
    *ret_ready = ends[1];
    return true;
}

void kms_detach_ready(int ready)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++) {
        (void)dup2(null, fd);
    }
    if (null > STDERR_FILENO) {
        (void)close(null);
    }
    /* Nothing is opened by a relative name from here on; a mount may go away. */
    (void)!chdir("/");
    (void)!write(ready, "", 1);
    (void)close(ready);
}
