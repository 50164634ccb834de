/* What the rates share: processors, memory and descriptors of this process. */
#ifndef KMS_BENCH_MACHINE_H
#define KMS_BENCH_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

_Noreturn void bench_die(const char *what);

/* The first processor is the client's with all its threads. The endpoint, which begins with what is
 * set here, has the others; with one processor they share it. */
void bench_stay_on(bool first);
void bench_allow_many_files(void);

int64_t bench_processor_us(void); /* of this process so far */
int64_t bench_rss_kb(void);
int64_t bench_heap(void); /* bytes in use */

#endif
