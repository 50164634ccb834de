/* The process number as a line of text, under a name that holds wherever the process works. */
#include "agent/pid_file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"

#define NAME_MAX_SIZE ((size_t)64 << 10)
#define FILE_MODE     0644

static char *absolute(const char *path)
{
    if (path[0] == '/') {
        return kms_text_dup(path);
    }
    char *folder = getcwd(NULL, 0);
    if (!folder) {
        return NULL;
    }
    struct kms_buf whole;
    kms_buf_init(&whole, NAME_MAX_SIZE);
    char *result = NULL;
    if (kms_buf_addf(&whole, "%s/%s", folder, path) == KMS_OK) {
        result = kms_buf_take(&whole);
    }
    kms_buf_done(&whole);
    free(folder);
    return result;
}

char *kms_pid_file_write(const char *path, struct kms_fault *fault)
{
    char *whole = absolute(path);
    if (!whole) {
        (void)kms_fault_set(fault, KMS_EINVAL, 0, "its folder has no usable name");
        return NULL;
    }
    char text[32];
    kms_text_format(text, sizeof text, "%ld\n", (long)getpid());
    if (kms_file_replace(whole, text, strlen(text), FILE_MODE, fault) != KMS_OK) {
        free(whole);
        return NULL;
    }
    return whole;
}

void kms_pid_file_remove(char *path)
{
    if (path) {
        (void)unlink(path);
        free(path);
    }
}
