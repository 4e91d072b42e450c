/* flow.c - recursive descent over one short line. Uses room without clearing it. */
#include "config/flow.h"

#include <string.h>

struct flow {
    const char *at;
    struct flow_room *room;
};

static const struct tree_node *read_value(struct flow *flow, const char *ends, int depth);

static struct tree_node *new_node(struct flow *flow, enum tree_type type)
{
    if (flow->room->node_count == FLOW_NODES)
        return NULL;
    struct tree_node *node = &flow->room->nodes[flow->room->node_count++];
    *node = (struct tree_node){.type = type, .file = "a default", .text = ""};
    return node;
}

static void skip_spaces(struct flow *flow)
{
    flow->at += strspn(flow->at, " ");
}

static const struct tree_node *read_scalar(struct flow *flow, const char *ends)
{
    const bool quoted = *flow->at == '"' || *flow->at == '\'';
    const char quote[] = {*flow->at, '\0'};
    const char *start = flow->at + quoted;
    const size_t length = strcspn(start, quoted ? quote : ends);
    struct tree_node *node = new_node(flow, TREE_SCALAR);
    if (node == NULL || flow->room->text_count + length + 1 > FLOW_TEXT_BYTES || (quoted && start[length] == '\0'))
        return NULL;
    char *copy = flow->room->text + flow->room->text_count;
    memcpy(copy, start, length);
    copy[length] = '\0';
    flow->room->text_count += length + 1;
    node->text = copy;
    node->quoted = quoted;
    flow->at = start + length + quoted;
    return node;
}

/* Reads the items after an opening bracket; a map's keys stand behind all its items. */
static const struct tree_node *read_items(struct flow *flow, struct tree_node *node, int depth)
{
    enum { ITEMS_MAX = 64 };
    const struct tree_node *items[ITEMS_MAX], *keys[ITEMS_MAX];
    const char close = node->type == TREE_MAP ? '}' : ']';
    skip_spaces(flow);
    while (*flow->at != close) {
        if (node->count == ITEMS_MAX)
            return NULL;
        keys[node->count] = node->type == TREE_MAP ? read_scalar(flow, ":") : node;
        flow->at += node->type == TREE_MAP && *flow->at == ':';
        skip_spaces(flow);
        items[node->count] = read_value(flow, ",]}", depth + 1);
        if (keys[node->count] == NULL || items[node->count] == NULL || *flow->at == '\0')
            return NULL;
        node->count++;
        flow->at += *flow->at == ',';
        skip_spaces(flow);
    }
    flow->at++;
    if (flow->room->child_count + 2 * node->count > 2 * FLOW_NODES)
        return NULL;
    const struct tree_node **children = flow->room->children + flow->room->child_count;
    flow->room->child_count += 2 * node->count;
    memcpy(children, items, (size_t)node->count * sizeof *items);
    memcpy(children + node->count, keys, (size_t)node->count * sizeof *keys);
    node->items = children;
    node->keys = children + node->count;
    return node;
}

static const struct tree_node *read_value(struct flow *flow, const char *ends, int depth)
{
    enum { DEPTH_MAX = 8 };
    if (*flow->at != '[' && *flow->at != '{')
        return read_scalar(flow, ends);
    struct tree_node *node = new_node(flow, *flow->at == '{' ? TREE_MAP : TREE_LIST);
    flow->at++;
    return node == NULL || depth == DEPTH_MAX ? NULL : read_items(flow, node, depth);
}

const struct tree_node *flow_parse(const char *text, struct flow_room *room)
{
    struct flow flow = {.at = text, .room = room};
    room->node_count = 0;
    room->child_count = 0;
    room->text_count = 0;
    const struct tree_node *node = read_value(&flow, "", 0);
    return node != NULL && *flow.at == '\0' ? node : NULL;
}
