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
    double wait;
    struct integer_list sizes;
    struct real_list weights;
    const struct kind *colour;
    struct name_list colours;
    struct choice tool;
    struct choice other;
    struct choices extras;
    struct example_inner inner;
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
                                             .default_text = "[3, 5..7]"},
                                            {.name = NULL}};
static const struct field hammer_fields[] = {
    {.name = "weight", .type = FIELD_INTEGER, .offset = offsetof(struct example_hammer, weight), .default_text = NULL},
    {.name = NULL}};
static const struct kind kind_drill = {.name = "drill", .summary = "turns", .fields = drill_fields};
static const struct kind kind_hammer = {.name = "hammer", .summary = "hits", .fields = hammer_fields};
static const struct kind kind_tape = {.name = "tape", .summary = "holds"};
static const struct kind *const tools[] = {&kind_drill, &kind_hammer, &kind_tape, NULL};
static const struct kind_table tool_table = {.what = "tool", .plural = "tools", .kinds = tools};

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
    {.name = "wait", .type = FIELD_DURATION, .offset = offsetof(struct example, wait), .default_text = "10m"},
    {.name = "sizes",
     .type = FIELD_INTEGERS,
     .offset = offsetof(struct example, sizes),
     .default_text = "[1, 2]",
     .maximum = 50},
    {.name = "weights", .type = FIELD_REALS, .offset = offsetof(struct example, weights), .default_text = "[]"},
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
    {.name = NULL}};

/* A text read by example_fields, with its faults printed. Free with example_end. */
struct example_reading {
    struct tree_arena *arena;
    struct faults faults;
    struct text printed;
    bool good;
    struct example config;
};

static inline void example_read(struct example_reading *reading, const char *text)
{
    memset(reading, 0, sizeof *reading);
    if (tree_arena_create(&reading->arena, NULL) != STATUS_OK)
        return;
    const struct tree_node *root = tree_parse(reading->arena, "s", text, strlen(text), &reading->faults);
    reading->good = root != NULL && config_bind(root, example_fields, "base", &reading->config, &reading->faults);
    faults_print(&reading->faults, &reading->printed);
}

static inline void example_end(struct example_reading *reading)
{
    tree_arena_destroy(&reading->arena);
    faults_free(&reading->faults);
    text_free(&reading->printed);
}

#endif
