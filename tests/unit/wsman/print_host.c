/* Prints what a host of tests/fakes/hosts tells without a wire between, in the words of
 * wsman_talk_driver: print_host NAME. */
#include <inttypes.h>
#include <stdio.h>

#include "host_file.h"

static void print_facts(const char *whose, const struct kms_facts *facts)
{
    size_t count;
    const struct kms_fact_row *row = kms_fact_rows(&count);
    for (size_t i = 0; i < count; i++) {
        int64_t number;
        if (kms_facts_text(facts, row[i].id)) {
            (void)printf("%s %s=%s\n", whose, row[i].token, kms_facts_text(facts, row[i].id));
        } else if (kms_facts_number(facts, row[i].id, &number)) {
            (void)printf("%s %s=%" PRId64 "\n", whose, row[i].token, number);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    struct kms_result result;
    host_file_result(argv[1], 1790000000, &result);
    (void)printf("outcome=%s keys=%zu\n", kms_outcome_row(result.outcome)->token, result.key_count);
    print_facts("host", &result.host);
    for (size_t i = 0; i < result.key_count; i++) {
        print_facts("key", &result.key[i]);
    }
    kms_result_done(&result);
    return 0;
}
