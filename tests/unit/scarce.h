/* Memory that runs out when a test says so (kms_unit_test with SCARCE). */
#ifndef KMS_TESTS_SCARCE_H
#define KMS_TESTS_SCARCE_H

#include <stdint.h>

/* So many allocations of malloc, calloc and realloc succeed, and all later ones fail. Negative, as
 * at the start: none fails. */
void scarce_left(int64_t allocations);
/* About every third allocation fails, by draws that are the same in
 * every run. */
void scarce_now_and_then(void);
/* Memory is there again. */
void scarce_over(void);

#endif
