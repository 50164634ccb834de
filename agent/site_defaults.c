/* Two blocks become one, as copies of their nodes: whoever reads them need not know of it. */
#include "agent/site_defaults.h"

#include <stdlib.h>

#include "base/text.h"

/* As deep as the parser goes. */
static size_t count_nodes(const struct kms_conf_node *block)
{
    size_t count = 0;
    for (const struct kms_conf_node *node = block->child; node; node = node->next) {
        count += 1 + (node->block ? count_nodes(node) : 0);
    }
    return count;
}

static const struct kms_conf_node *find(const struct kms_conf_node *block,
                                        const struct kms_conf_node *like)
{
    const struct kms_conf_node *node = block ? block->child : NULL;
    while (node && !(node->block == like->block && kms_text_equal(node->name, like->name))) {
        node = node->next;
    }
    return node;
}

struct copy {
    struct kms_conf_node *node;
    size_t used;
};

static struct kms_conf_node *append(struct copy *copy, struct kms_conf_node *to,
                                    const struct kms_conf_node *node)
{
    struct kms_conf_node *made = &copy->node[copy->used++];
    *made = *node;
    made->next = NULL;
    if (to->last) {
        to->last->next = made;
    } else {
        to->child = made;
    }
    to->last = made;
    return made;
}

static void merge(struct copy *copy, struct kms_conf_node *to, const struct kms_conf_node *own,
                  const struct kms_conf_node *shared)
{
    to->child = to->last = NULL;
    for (const struct kms_conf_node *node = own->child; node; node = node->next) {
        struct kms_conf_node *made = append(copy, to, node);
        if (node->block) {
            merge(copy, made, node, find(shared, node));
        }
    }
    for (const struct kms_conf_node *node = shared ? shared->child : NULL; node;
         node = node->next) {
        if (!node->block && !find(own, node)) {
            (void)append(copy, to, node);
        }
    }
}

struct kms_conf_node *kms_site_with_defaults(const struct kms_conf_node *host,
                                             const struct kms_conf_node *defaults)
{
    size_t most = 1 + count_nodes(host);
    most += defaults ? count_nodes(defaults) * most : 0; /* a block may stand there twice */
    struct copy copy = {.node = calloc(most, sizeof *copy.node), .used = 1};
    if (!copy.node) {
        return NULL;
    }
    copy.node[0] = *host;
    merge(&copy, &copy.node[0], host, defaults);
    return copy.node;
}
