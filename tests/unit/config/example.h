/* example.h - a small configuration with every type of field, and reading it from text. */
#ifndef SEEDBED_TEST_EXAMPLE_H
#define SEEDBED_TEST_EXAMPLE_H

#include <string.h>

#include "base/memory.h"
#include "config/config.h"

struct example_inner {
    double rate;
    bool careful;
    int64_t pinned;
};

struct example {
    char title[FIELD_TEXT_BYTES];
    char path[FIELD_TEXT_BYTES];
    int64_t count;
    int64_t later;
    double wait;
    struct integer_list sizes;
    struct real_list weights;
    struct real_matrix table;
    const struct kind *colour;
    struct name_list colours;
    struct choice tool;
    struct choice other;
    struct choices extras;
    struct example_inner inner;
    struct item_list rack;
    struct item_list steps;
};

struct example_step {
    bool loud;
    int64_t times;
    struct choice with;
};

struct example_box {
    struct item_list tools;
    struct item_list shelves;
};

struct example_drill {
    double speed;
    struct integer_list bits;
};

struct example_hammer {
    int64_t weight;
};

static const struct field drill_fields[] = {{.name = "speed",
                                             .type = FIELD_REAL,
                                             .offset = offsetof(struct example_drill, speed),
                                             .default_text = "1.5",
                                             .maximum = 10,
                                             .flags = FIELD_ABOVE_MINIMUM | FIELD_BELOW_MAXIMUM},
                                            {.name = "bits",
                                             .type = FIELD_INTEGERS,
                                             .offset = offsetof(struct example_drill, bits),
                                             .default_text = "[3, 5..7]",
                                             .flags = FIELD_SPACED},
                                            {.name = NULL}};
static const struct field hammer_fields[] = {
    {.name = "weight", .type = FIELD_INTEGER, .offset = offsetof(struct example_hammer, weight), .default_text = NULL},
    {.name = NULL}};
static const struct kind kind_drill = {.name = "drill", .summary = "turns", .fields = drill_fields};
static const struct kind kind_hammer = {.name = "hammer", .summary = "hits", .fields = hammer_fields};
static const struct kind kind_tape = {.name = "tape", .summary = "holds"};
static const struct kind *const tools[] = {&kind_drill, &kind_hammer, &kind_tape, NULL};
static const struct kind_table tool_table = {.what = "tool", .plural = "tools", .kinds = tools};

/* A list of tools may hold boxes, which hold lists of tools and lists of such. */
static const struct kind_table rack_table;
static const struct field rack_item = {.name = "tool", .type = FIELD_CHOICE, .kinds = &rack_table};
static const struct field shelf_item = {.name = "shelf", .type = FIELD_LIST, .item = &rack_item};
static const struct field box_fields[] = {
    {.name = "tools", .type = FIELD_LIST, .offset = offsetof(struct example_box, tools), .item = &rack_item},
    {.name = "shelves",
     .type = FIELD_LIST,
     .offset = offsetof(struct example_box, shelves),
     .default_text = "[]",
     .item = &shelf_item},
    {.name = NULL}};
static const struct kind kind_box = {.name = "box", .summary = "keeps", .fields = box_fields};
static const struct kind *const rack_kinds[] = {&kind_drill, &kind_hammer, &kind_tape, &kind_box, NULL};
static const struct kind_table rack_table = {.what = "tool", .plural = "tools", .kinds = rack_kinds};

static const struct field step_fields[] = {
    {.name = "loud", .type = FIELD_FLAG, .offset = offsetof(struct example_step, loud), .default_text = "false"},
    {.name = "times",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct example_step, times),
     .minimum = 1,
     .maximum = 9},
    {.name = "with",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct example_step, with),
     .default_text = "tape",
     .flags = FIELD_INLINE,
     .kinds = &tool_table},
    {.name = NULL}};
static const struct field step_item = {.name = "step", .type = FIELD_SECTION, .section = step_fields};

static const struct kind kind_red = {.name = "red", .summary = "warm"};
static const struct kind kind_no = {.name = "no", .summary = "none: not a flag"};
static const struct kind *const colours[] = {&kind_red, &kind_no, NULL};
static const struct kind_table colour_table = {.what = "colour", .plural = "colours", .kinds = colours};

static const struct field inner_fields[] = {
    {.name = "rate", .type = FIELD_REAL, .offset = offsetof(struct example_inner, rate), .default_text = "0.1"},
    {.name = "careful", .type = FIELD_FLAG, .offset = offsetof(struct example_inner, careful), .default_text = "true"},
    {.name = "pinned",
     .type = FIELD_SEED,
     .offset = offsetof(struct example_inner, pinned),
     .default_text = "seed",
     .flags = FIELD_NO_IDENTITY},
    {.name = NULL}};

static const struct field example_fields[] = {
    {.name = "title", .type = FIELD_TEXT, .offset = offsetof(struct example, title), .default_text = "\"no: title\""},
    {.name = "path", .type = FIELD_PATH, .offset = offsetof(struct example, path), .default_text = "here"},
    {.name = "count",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct example, count),
     .default_text = "4",
     .minimum = 1,
     .maximum = 100},
    {.name = "later",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct example, later),
     .default_text = "0",
     .flags = FIELD_LATER},
    {.name = "wait", .type = FIELD_DURATION, .offset = offsetof(struct example, wait), .default_text = "10m"},
    {.name = "sizes",
     .type = FIELD_INTEGERS,
     .offset = offsetof(struct example, sizes),
     .default_text = "[1, 2]",
     .maximum = 50},
    {.name = "weights", .type = FIELD_REALS, .offset = offsetof(struct example, weights), .default_text = "[]"},
    {.name = "table",
     .type = FIELD_MATRIX,
     .offset = offsetof(struct example, table),
     .default_text = "[]",
     .minimum = -9,
     .maximum = 9},
    {.name = "colour",
     .type = FIELD_NAME,
     .offset = offsetof(struct example, colour),
     .default_text = "red",
     .kinds = &colour_table},
    {.name = "colours",
     .type = FIELD_NAMES,
     .offset = offsetof(struct example, colours),
     .default_text = "[red]",
     .kinds = &colour_table},
    {.name = "tool",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct example, tool),
     .default_text = "tape",
     .flags = FIELD_INLINE,
     .kinds = &tool_table},
    {.name = "other",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct example, other),
     .default_text = "{kind: drill, speed: 2}",
     .kinds = &tool_table},
    {.name = "extras",
     .type = FIELD_CHOICES,
     .offset = offsetof(struct example, extras),
     .default_text = "{}",
     .kinds = &tool_table},
    {.name = "inner", .type = FIELD_SECTION, .offset = offsetof(struct example, inner), .section = inner_fields},
    {.name = "rack",
     .type = FIELD_LIST,
     .offset = offsetof(struct example, rack),
     .default_text = "[tape, {kind: drill, speed: 3}]",
     .item = &rack_item},
    {.name = "steps",
     .type = FIELD_LIST,
     .offset = offsetof(struct example, steps),
     .default_text = "[]",
     .item = &step_item,
     .item_bytes = sizeof(struct example_step)},
    {.name = NULL}};

/* Of all readings, so that equal configs have equal bytes. */
static struct config_lists example_lists;

/* A text read by example_fields, with its faults printed. Free with example_end. */
struct example_reading {
    struct tree_arena *arena;
    struct faults faults;
    struct text printed;
    bool good;
    struct example config;
};

static inline bool example_bind(struct example_reading *reading, const struct tree_node *root)
{
    const struct config_reading with = {.base_directory = "base", .lists = &example_lists, .faults = &reading->faults};
    return config_bind(root, example_fields, &with, &reading->config);
}

static inline void example_read(struct example_reading *reading, const char *text)
{
    memset(reading, 0, sizeof *reading);
    if (tree_arena_create(&reading->arena, NULL) != STATUS_OK)
        return;
    const struct tree_node *root = tree_parse(reading->arena, "s", text, strlen(text), &reading->faults);
    reading->good = root != NULL && example_bind(reading, root);
    faults_print(&reading->faults, &reading->printed);
}

static inline void example_end(struct example_reading *reading)
{
    config_lists_free(&example_lists);
    tree_arena_destroy(&reading->arena);
    faults_free(&reading->faults);
    text_free(&reading->printed);
}

#endif
