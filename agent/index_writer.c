/* The file of row numbers, as its writer sees it. */
#include "agent/index_writer.h"

static bool unsaved(void *arg)
{
    return kms_index_unsaved(arg);
}

static enum kms_status render(void *arg, struct kms_buf *ret_text, uint64_t *ret_mark)
{
    return kms_index_render(arg, ret_text, ret_mark);
}

static void saved(void *arg, uint64_t mark)
{
    kms_index_saved(arg, mark);
}

struct kms_file_writer *kms_index_writer_open(struct kms_loop *loop, struct kms_worker *worker,
                                              struct kms_index *index, const struct kms_log *log)
{
    const struct kms_file_source source = {.name = "index",
                                           .kept = "new row numbers are",
                                           .path = kms_index_path(index),
                                           .unsaved = unsaved,
                                           .render = render,
                                           .saved = saved,
                                           .arg = index};
    return kms_file_writer_open(loop, worker, &source, log);
}
