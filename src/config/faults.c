/* faults.c - a growing list, with a hash table of indices beside it so that a fault met at every point of a large grid
 * costs one look-up. */
#include "config/faults.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

static uint64_t fault_hash(const struct fault *fault)
{
    return hash_bytes64(fault->text, strlen(fault->text), hash_bytes64(fault->place, strlen(fault->place), 0));
}

/* The slot that holds an equal fault, or the free one where it belongs. */
static int *find_slot(const struct faults *faults, uint64_t hash)
{
    const uint64_t slot_count = 2 * (uint64_t)faults->capacity;
    uint64_t slot = hash % slot_count;
    while (faults->slots[slot] != 0 && faults->items[faults->slots[slot] - 1].hash != hash)
        slot = (slot + 1) % slot_count;
    return &faults->slots[slot];
}

static bool faults_grow(struct faults *faults)
{
    const int capacity = faults->capacity == 0 ? 16 : 2 * faults->capacity;
    void *items = NULL, *slots = NULL;
    if (memory_allocate(&items, (size_t)capacity, sizeof *faults->items, "faults", NULL) != STATUS_OK)
        return false;
    if (memory_allocate(&slots, 2 * (size_t)capacity, sizeof *faults->slots, "faults", NULL) != STATUS_OK) {
        memory_free(items);
        return false;
    }
    if (faults->count > 0)
        memcpy(items, faults->items, (size_t)faults->count * sizeof *faults->items);
    memory_free(faults->items);
    memory_free(faults->slots);
    *faults = (struct faults){.items = items, .count = faults->count, .capacity = capacity, .slots = slots};
    for (int i = 0; i < faults->count; i++)
        *find_slot(faults, faults->items[i].hash) = i + 1;
    return true;
}

static void faults_keep(struct faults *faults, struct fault *fault)
{
    if (faults->count == faults->capacity && !faults_grow(faults)) {
        if (faults->count > 0)
            snprintf(faults->items[faults->count - 1].text, ERROR_TEXT_BYTES, "no memory for the faults after this");
        return;
    }
    fault->hash = fault_hash(fault);
    int *slot = find_slot(faults, fault->hash);
    if (*slot != 0)
        return;
    faults->items[faults->count++] = *fault;
    *slot = faults->count;
}

void faults_add(struct faults *faults, const char *place, const char *format, ...)
{
    struct fault fault;
    snprintf(fault.place, sizeof fault.place, "%s", place);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(fault.text, sizeof fault.text, format, arguments);
    va_end(arguments);
    faults_keep(faults, &fault);
}

/* Reads the two numbers that end "file:line:column". */
static void place_numbers(const char *place, long numbers[2])
{
    const char *last = strrchr(place, ':');
    const char *before = last;
    while (before != NULL && before > place && before[-1] != ':')
        before--;
    numbers[0] = last == NULL ? 0 : strtol(before, NULL, 10);
    numbers[1] = last == NULL ? 0 : strtol(last + 1, NULL, 10);
}

static int compare_places(const void *a, const void *b)
{
    const struct fault *first = *(const struct fault *const *)a;
    const struct fault *second = *(const struct fault *const *)b;
    long p[2], q[2];
    place_numbers(first->place, p);
    place_numbers(second->place, q);
    for (int i = 0; i < 2; i++)
        if (p[i] != q[i])
            return p[i] < q[i] ? -1 : 1;
    return first < second ? -1 : first > second;
}

void faults_print(const struct faults *faults, struct text *out)
{
    void *room = NULL;
    if (memory_allocate(&room, (size_t)faults->count, sizeof(struct fault *), "faults", NULL) != STATUS_OK)
        out->failed = 1;
    if (room == NULL)
        return;
    const struct fault **order = room;
    for (int i = 0; i < faults->count; i++)
        order[i] = &faults->items[i];
    qsort(order, (size_t)faults->count, sizeof *order, compare_places);
    for (int i = 0; i < faults->count; i++)
        text_add(out, "%s: %s\n", order[i]->place, order[i]->text);
    memory_free(room);
}

void faults_free(struct faults *faults)
{
    memory_free(faults->items);
    memory_free(faults->slots);
    *faults = (struct faults){0};
}
