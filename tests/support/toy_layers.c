#include "toy_layers.h"

#include <string.h>

#include "settings.h"

enum { ROOM = 32 };

static struct choice room[ROOM];
static struct item_list lists[2];
static int used;

/* Keeps a layer: "convolution channels=4". */
static const void *layer(const struct kind_table *items, const char *text)
{
    room[used] = choice_spelled(items, text);
    return &room[used++];
}

static const void *residual(const struct kind_table *items, int count, const void *const *layers, int shortcut_count,
                            const void *const *shortcut)
{
    room[used] = choice_spelled(items, "residual");
    choice_items(&room[used], "layers", count, layers);
    choice_items(&room[used], "shortcut", shortcut_count, shortcut);
    return &room[used++];
}

static const void *concatenate(const struct kind_table *items, const void *const *branches)
{
    room[used] = choice_spelled(items, "concatenate");
    choice_items(&room[used], "branches", 2, branches);
    return &room[used++];
}

struct choice toy_layers(const struct kind_table *models, const struct kind_table *items)
{
    static const void *same[2], *changed[1], *projection[1], *narrow[2], *branches[2], *all[9];
    used = 0;
    same[0] = layer(items, "convolution channels=4 padding=1");
    same[1] = layer(items, "batch_norm");
    changed[0] = layer(items, "convolution channels=5 stride=2 padding=1");
    projection[0] = layer(items, "convolution channels=5 kernel=1 stride=2 bias=false");
    narrow[0] = layer(items, "convolution channels=3 kernel=1");
    narrow[1] = layer(items, "tanh");
    lists[0] = (struct item_list){0};
    lists[1] = (struct item_list){.count = 2, .items = narrow};
    branches[0] = &lists[0];
    branches[1] = &lists[1];
    all[0] = layer(items, "convolution channels=4 padding=1");
    all[1] = layer(items, "gelu");
    all[2] = residual(items, 2, same, 0, NULL);
    all[3] = layer(items, "sigmoid");
    all[4] = residual(items, 1, changed, 1, projection);
    all[5] = concatenate(items, branches);
    all[6] = layer(items, "softplus");
    all[7] = layer(items, "dropout rate=0.25");
    all[8] = layer(items, "dense");
    struct choice model = choice_of(models, "layers");
    choice_items(&model, "layers", 9, all);
    return model;
}

struct choice toy_layer(const struct kind_table *layers, const char *name, const char *activation)
{
    struct choice layer = choice_of(layers, name);
    if (strcmp(name, "dense") == 0)
        choice_integer(&layer, "units", 5);
    if (strcmp(name, "convolution") == 0) {
        choice_integer(&layer, "channels", 5);
        choice_integer(&layer, "stride", 2);
        choice_integer(&layer, "padding", 1);
    }
    choice_name(&layer, "activation", activation);
    return layer;
}
