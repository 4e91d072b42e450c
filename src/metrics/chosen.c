/* chosen.c - a balanced, fixed choice of samples. */
#include <stdlib.h>

#include "base/memory.h"
#include "data/data.h"
#include "metrics/gram.h"
#include "seedbed/random.h"

enum { SUBSTREAM_CHOICE = 1 << 16 }; /* and the part */

struct candidate {
    uint64_t key;
    int32_t position;
    int16_t label;
};

static int by_class_and_key(const void *a, const void *b)
{
    const struct candidate *const first = a, *const second = b;
    if (first->label != second->label)
        return first->label < second->label ? -1 : 1;
    if (first->key != second->key)
        return first->key < second->key ? -1 : 1;
    return (first->position > second->position) - (first->position < second->position);
}

static int by_key_and_class(const void *a, const void *b)
{
    const struct candidate *const first = a, *const second = b;
    if (first->key != second->key)
        return first->key < second->key ? -1 : 1;
    return (first->label > second->label) - (first->label < second->label);
}

static int by_position(const void *a, const void *b)
{
    const struct candidate *const first = a, *const second = b;
    return (first->position > second->position) - (first->position < second->position);
}

static void draw_candidates(const struct samples *samples, uint64_t seed, struct candidate *candidates)
{
    for (int i = 0; i < samples->count; i++) {
        uint32_t words[4];
        random_block(STREAM_METRIC, seed, SUBSTREAM_CHOICE + (uint32_t)samples->part, (uint64_t)samples->index[i],
                     words);
        candidates[i] =
            (struct candidate){.key = (uint64_t)words[0] << 32 | words[1], .position = i, .label = samples->labels[i]};
    }
    qsort(candidates, (size_t)samples->count, sizeof *candidates, by_class_and_key);
}

/* Puts those taken in front, in the order of their positions; returns how many. The k-th of every class is taken before
 * the next of any. */
static int take(struct candidate *candidates, int count, int64_t samples)
{
    const int taken = (int)chosen_most(samples, count);
    int rank = 0;
    for (int i = 0; i < count; i++) {
        rank = i > 0 && candidates[i].label == candidates[i - 1].label ? rank + 1 : 0;
        candidates[i].key = (uint64_t)rank;
    }
    qsort(candidates, (size_t)count, sizeof *candidates, by_key_and_class);
    qsort(candidates, (size_t)taken, sizeof *candidates, by_position);
    return taken;
}

int64_t chosen_most(int64_t samples, int64_t part_samples)
{
    return samples < part_samples ? samples : part_samples;
}

int chosen_part(const struct chosen *chosen, int i)
{
    return i < chosen->train_count ? PART_TRAIN : chosen->held_out;
}

static enum status choose_part(const struct samples *samples, uint64_t seed, int64_t most, struct chosen *chosen,
                               struct error *error)
{
    void *block = NULL;
    TRY(memory_allocate(&block, (size_t)samples->count, sizeof(struct candidate), "choice of samples", error));
    struct candidate *const candidates = block;
    draw_candidates(samples, seed, candidates);
    const int taken = take(candidates, samples->count, most);
    for (int i = 0; i < taken; i++) {
        chosen->position[chosen->count] = candidates[i].position;
        chosen->labels[chosen->count++] = candidates[i].label;
    }
    memory_free(block);
    return STATUS_OK;
}

enum status chosen_draw(const struct measurement *at, int64_t samples, bool held_out, struct chosen *out,
                        struct error *error)
{
    const int held_out_part = at->samples[PART_VALIDATION].count > 0 ? PART_VALIDATION : PART_TEST;
    const struct samples *const train = &at->samples[PART_TRAIN], *const others = &at->samples[held_out_part];
    const size_t room = (size_t)(chosen_most(samples, train->count) + chosen_most(samples, others->count));
    void *position = NULL, *labels = NULL;
    *out = (struct chosen){.held_out = held_out_part};
    TRY(memory_allocate(&position, room, sizeof *out->position, "choice of samples", error));
    out->position = position;
    TRY(memory_allocate(&labels, room, sizeof *out->labels, "choice of samples", error));
    out->labels = labels;
    TRY(choose_part(train, at->metric_seed, samples, out, error));
    out->train_count = out->count;
    return held_out ? choose_part(others, at->metric_seed, samples, out, error) : STATUS_OK;
}

void chosen_free(struct chosen *chosen)
{
    memory_free(chosen->position);
    memory_free(chosen->labels);
    *chosen = (struct chosen){0};
}
