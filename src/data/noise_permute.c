/* noise_permute.c - the labels of a share of the training subset, permuted among themselves.
 * Every sample has a random number by position. The share with the smallest numbers is chosen; in the order of the
 * samples they take their labels in the order of the numbers, which is a uniform permutation. The subset's class counts
 * are kept, so a label depends on the subset; a smaller share's samples are among a larger one's. */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/memory.h"
#include "data/noise.h"

struct ticket {
    double number;
    int32_t sample;
};

static int compare(double a, double b)
{
    return (a > b) - (a < b);
}

static int by_number(const void *left, const void *right)
{
    const struct ticket *const a = left, *const b = right;
    const int order = compare(a->number, b->number);
    return order != 0 ? order : compare(a->sample, b->sample);
}

static void permute(const struct label_noise_request *request, struct ticket *tickets, bool *chosen, int16_t *labels)
{
    const int count = (int)lrint(((const struct rate_settings *)request->settings)->rate * request->n);
    for (int i = 0; i < request->n; i++) {
        uint32_t words[4];
        tickets[i] = (struct ticket){.number = noise_unit(request, i, words), .sample = i};
    }
    qsort(tickets, (size_t)request->n, sizeof *tickets, by_number);
    for (int i = 0; i < count; i++)
        chosen[tickets[i].sample] = true;
    for (int i = 0, next = 0; i < request->n; i++)
        labels[i] = request->true_labels[chosen[i] ? tickets[next++].sample : i];
}

static enum status permute_draw(const struct label_noise_request *request, int16_t *labels, struct error *error)
{
    void *memory = NULL;
    TRY(memory_allocate(&memory, (size_t)request->n, sizeof(struct ticket) + sizeof(bool), "label noise", error));
    struct ticket *const tickets = memory;
    permute(request, tickets, (bool *)(tickets + request->n), labels);
    memory_free(memory);
    return STATUS_OK;
}

static const struct field permute_fields[] = {
    {.name = "rate",
     .type = FIELD_REAL,
     .offset = offsetof(struct rate_settings, rate),
     .default_text = "1",
     .maximum = 1,
     .summary = "Share of the training subset whose labels are permuted, rounded to whole samples."},
    {.name = NULL}};

const struct label_noise_ops label_noise_permute = {
    .kind = {.name = "permute",
             .summary = "labels of a share `rate` of the subset permuted among themselves: class counts are kept",
             .fields = permute_fields},
    .draw = permute_draw};
