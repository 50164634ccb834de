/* Processors, memory and descriptors, as the kernel and the heap tell them. */
#include "machine.h"

#include <inttypes.h>
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/resource.h>

void bench_die(const char *what)
{
    perror(what);
    exit(1);
}

void bench_stay_on(bool first)
{
    static cpu_set_t all;
    cpu_set_t wanted;
    size_t cpu = 0;
    if (CPU_COUNT(&all) == 0 && sched_getaffinity(0, sizeof all, &all) != 0) {
        bench_die("affinity");
    }
    while (!CPU_ISSET(cpu, &all)) {
        cpu++;
    }
    CPU_ZERO(&wanted);
    if (!first) {
        wanted = all;
        CPU_CLR(cpu, &wanted);
    }
    if (CPU_COUNT(&wanted) == 0) {
        CPU_SET(cpu, &wanted);
    }
    if (sched_setaffinity(0, sizeof wanted, &wanted) != 0) {
        bench_die("affinity");
    }
}

void bench_allow_many_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int64_t bench_processor_us(void)
{
    struct rusage used;
    (void)getrusage(RUSAGE_SELF, &used);
    return (int64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
           used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

int64_t bench_rss_kb(void)
{
    int64_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file || fscanf(file, "%*d %" SCNd64, &pages) != 1) {
        bench_die("statm");
    }
    (void)fclose(file);
    return pages * sysconf(_SC_PAGESIZE) / 1024;
}

int64_t bench_heap(void)
{
    struct mallinfo2 info = mallinfo2();
    return (int64_t)(info.uordblks + info.hblkhd);
}
