/* Wall time of commands that take turns, so that each meets the same machine. Usage: wall JOBS RUNS
 * COMMAND...; prints a line for each: median in us, runs a second, failures. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define WORDS_MAX 32
#define JOBS_MAX  16

extern char **environ;

struct command {
    char *word[WORDS_MAX + 1];
    int64_t *took_us; /* of every run that ended */
    size_t ended, failed;
};

struct job {
    pid_t pid; /* 0: free */
    struct command *command;
    int64_t start_us;
};

struct bench {
    struct kms_clock clock;
    posix_spawn_file_actions_t quiet;
    struct command *command;
    size_t command_count, jobs, runs, running;
    struct job job[JOBS_MAX];
};

static void die(const char *text)
{
    (void)fprintf(stderr, "wall: %s\n", text);
    exit(2);
}

static void split(char *text, struct command *command)
{
    size_t count = 0;
    for (char *at = text; *at;) {
        if (*at == ' ') {
            *at++ = 0;
            continue;
        }
        if (count == WORDS_MAX) {
            die("too many words in a command");
        }
        command->word[count++] = at;
        at += strcspn(at, " ");
    }
    if (count == 0) {
        die("an empty command");
    }
}

static void reap_one(struct bench *bench)
{
    int status = 0;
    pid_t pid;
    do {
        pid = waitpid(-1, &status, 0);
    } while (pid < 0 && errno == EINTR);
    int64_t now_us = kms_clock_mono_us(&bench->clock);
    for (size_t i = 0; i < bench->jobs; i++) {
        struct job *job = &bench->job[i];
        if (pid > 0 && job->pid == pid) {
            job->command->took_us[job->command->ended++] = now_us - job->start_us;
            job->command->failed += status == 0 ? 0 : 1;
            job->pid = 0;
            bench->running--;
            return;
        }
    }
    die("a process was lost");
}

static void start_one(struct bench *bench, struct command *command)
{
    struct job *job = bench->job;
    while (job->pid != 0) {
        job++;
    }
    job->command = command;
    job->start_us = kms_clock_mono_us(&bench->clock);
    if (posix_spawnp(&job->pid, command->word[0], &bench->quiet, NULL, command->word, environ) !=
        0) {
        die(command->word[0]);
    }
    bench->running++;
}

static int by_size(const void *a, const void *b)
{
    const int64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static void run(struct bench *bench)
{
    for (size_t i = 0; i < bench->runs * bench->command_count; i++) {
        if (bench->running == bench->jobs) {
            reap_one(bench);
        }
        start_one(bench, &bench->command[i % bench->command_count]);
    }
    while (bench->running > 0) {
        reap_one(bench);
    }
}

int main(int argc, char **argv)
{
    struct bench bench = {.clock = kms_clock_system()};
    uint64_t jobs = 0, runs = 0;
    if (argc < 4 || !kms_text_u64(argv[1], &jobs) || jobs < 1 || jobs > JOBS_MAX ||
        !kms_text_u64(argv[2], &runs) || runs < 1 || runs > 100000) {
        die("usage: wall JOBS RUNS COMMAND...");
    }
    bench.jobs = (size_t)jobs;
    bench.runs = (size_t)runs;
    bench.command_count = (size_t)argc - 3;
    bench.command = calloc(bench.command_count, sizeof *bench.command);
    if (!bench.command || posix_spawn_file_actions_init(&bench.quiet) != 0 ||
        posix_spawn_file_actions_addopen(&bench.quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) !=
            0) {
        die("out of memory");
    }
    for (size_t i = 0; i < bench.command_count; i++) {
        bench.command[i].took_us = calloc(bench.runs, sizeof *bench.command[i].took_us);
        if (!bench.command[i].took_us) {
            die("out of memory");
        }
        split(argv[3 + i], &bench.command[i]);
    }
    int64_t start_us = kms_clock_mono_us(&bench.clock);
    run(&bench);
    double seconds = (double)(kms_clock_mono_us(&bench.clock) - start_us) / 1000000;
    for (size_t i = 0; i < bench.command_count; i++) {
        struct command *command = &bench.command[i];
        qsort(command->took_us, command->ended, sizeof *command->took_us, by_size);
        (void)printf("%lld %.0f %zu\n", (long long)command->took_us[command->ended / 2],
                     (double)command->ended / seconds, command->failed);
        free(command->took_us);
    }
    free(bench.command);
    (void)posix_spawn_file_actions_destroy(&bench.quiet);
    return 0;
}
