/* Feeds each file of the folders given to a fuzz harness: what was once found stays fixed. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "fuzz/fuzz.h"

#define INPUT_MAX ((size_t)16 << 20)

/* A copy of exactly that size, so that a read past its end is seen. */
static int feed(const char *path)
{
    struct kms_buf buf;
    struct kms_file_stamp stamp;
    kms_buf_init(&buf, INPUT_MAX);
    enum kms_status status = kms_file_read(path, &buf, &stamp, NULL);
    if (status != KMS_OK) {
        fprintf(stderr, "%s: %s\n", path, kms_status_text(status));
        return -1;
    }
    uint8_t *exact = malloc(buf.len > 0 ? buf.len : 1);
    if (exact) {
        for (size_t i = 0; i < buf.len; i++) {
            exact[i] = (uint8_t)buf.data[i];
        }
        LLVMFuzzerTestOneInput(exact, buf.len);
    }
    int result = exact ? 0 : -1;
    free(exact);
    kms_buf_done(&buf);
    return result;
}

static int feed_folder(const char *folder, size_t *fed)
{
    DIR *dir = opendir(folder);
    if (!dir) {
        fprintf(stderr, "%s: cannot be opened\n", folder);
        return -1;
    }
    int result = 0;
    const struct dirent *entry;
    while (result == 0 && (entry = readdir(dir)) != NULL) {
        char path[4096];
        if (entry->d_name[0] == '.') {
            continue;
        }
        if (!kms_text_format(path, sizeof(path), "%s/%s", folder, entry->d_name)) {
            result = -1;
            break;
        }
        result = feed(path);
        *fed += result == 0;
    }
    closedir(dir);
    return result;
}

int main(int argc, char **argv)
{
    size_t fed = 0;
    for (int i = 1; i < argc; i++) {
        if (feed_folder(argv[i], &fed) != 0) {
            return 1;
        }
    }
    printf("%zu inputs replayed\n", fed);
    return fed > 0 ? 0 : 1;
}
