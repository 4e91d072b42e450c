/* reduction.c - samples are ranked by a number each, and those with the least are kept; equal numbers by position.
 * Draws depend on the seed and on which choice it is, not on the epoch or on how training went. */
#include "training/reduction.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/reduce.h"
#include "seedbed/random.h"

struct candidate {
    double rank;
    int32_t position;
};

/* All that it keeps from look to look. */
struct choices_made {
    int choices, first_epoch;
    int count;
    int32_t kept[]; /* [count] */
};

struct reduction {
    const struct reduction_config *config;
    int train_count, classes;
    uint64_t seed;
    struct choices_made *made;    /* and behind it room for [train_count] */
    int32_t *order;               /* [train_count] drawn */
    int32_t *of_class;            /* [classes] */
    bool *eligible;               /* [train_count] */
    struct candidate *candidates; /* [train_count] by position, then sorted */
};

struct by_ops {
    struct kind kind;
    /* Into candidates, by position. NULL: no reduction. */
    void (*rank)(struct reduction *reduction, const struct evaluation *train);
};

static double margin_of(const struct reduction *reduction, const struct evaluation *train, int i)
{
    return label_margin(reduction->classes, train->logits + (size_t)i * (size_t)reduction->classes, train->labels[i]);
}

static void rank_by_margin(struct reduction *reduction, const struct evaluation *train)
{
    for (int i = 0; i < reduction->train_count; i++)
        reduction->candidates[i].rank = margin_of(reduction, train, i);
}

static void rank_by_margin_downwards(struct reduction *reduction, const struct evaluation *train)
{
    for (int i = 0; i < reduction->train_count; i++)
        reduction->candidates[i].rank = -margin_of(reduction, train, i);
}

/* From substreams of the order stream beyond those of epochs. */
static void draw_order(struct reduction *reduction)
{
    const uint32_t substream = UINT32_C(1) << 31 | (uint32_t)reduction->made->choices;
    struct random random = random_start(STREAM_ORDER, reduction->seed, substream);
    random_permutation(&random, reduction->train_count, reduction->order);
}

static void rank_at_random(struct reduction *reduction, const struct evaluation *train)
{
    (void)train;
    draw_order(reduction);
    for (int i = 0; i < reduction->train_count; i++)
        reduction->candidates[reduction->order[i]].rank = i;
}

/* One of each class trained on in turn, at random within it. */
static void rank_balanced(struct reduction *reduction, const struct evaluation *train)
{
    const int n = reduction->train_count;
    draw_order(reduction);
    memset(reduction->of_class, 0, (size_t)reduction->classes * sizeof *reduction->of_class);
    for (int i = 0; i < n; i++) {
        const int32_t position = reduction->order[i];
        if (reduction->eligible[position])
            reduction->candidates[position].rank = (double)reduction->of_class[train->labels[position]]++ * n + i;
    }
}

static const struct by_ops by_none = {.kind = {.name = "none", .summary = "training keeps all its samples"}};
static const struct by_ops by_smallest_margin = {
    .kind = {.name = "smallest_margin", .summary = "those nearest to being classified otherwise"},
    .rank = rank_by_margin};
static const struct by_ops by_largest_margin = {
    .kind = {.name = "largest_margin", .summary = "those farthest from being classified otherwise"},
    .rank = rank_by_margin_downwards};
static const struct by_ops by_random = {.kind = {.name = "random", .summary = "drawn by the `order` stream"},
                                        .rank = rank_at_random};
static const struct by_ops by_balanced_random = {
    .kind = {.name = "balanced_random", .summary = "drawn, of each label trained on as many as of the others"},
    .rank = rank_balanced};
const struct kind_table reduction_table = {
    .what = "choice of samples",
    .plural = "choices",
    .kinds = (const struct kind *const[]){&by_none.kind, &by_smallest_margin.kind, &by_largest_margin.kind,
                                          &by_random.kind, &by_balanced_random.kind, NULL}};

static const struct kind when_separated = {
    .name = "separated", .summary = "after the first epoch at whose end every training sample is right"};
static const struct kind when_start = {.name = "start", .summary = "before the first epoch"};
static const struct kind_table when_table = {.what = "moment of reduction",
                                             .plural = "moments of reduction",
                                             .kinds = (const struct kind *const[]){&when_separated, &when_start, NULL}};

const struct field reduction_fields[] = {
    {.name = "by",
     .type = FIELD_NAME,
     .offset = offsetof(struct reduction_config, by),
     .default_text = "none",
     .kinds = &reduction_table,
     .summary = "Which samples training goes on with."},
    {.name = "when",
     .type = FIELD_NAME,
     .offset = offsetof(struct reduction_config, when),
     .default_text = "separated",
     .kinds = &when_table,
     .summary = "When they are chosen first."},
    {.name = "keep",
     .type = FIELD_REAL,
     .offset = offsetof(struct reduction_config, keep),
     .default_text = "0.01",
     .maximum = 1 << 30,
     .flags = FIELD_ABOVE_MINIMUM,
     .summary = "How many: up to 1 a share of the training samples, above 1 a number of them."},
    {.name = "shrink",
     .type = FIELD_REAL,
     .offset = offsetof(struct reduction_config, shrink),
     .default_text = "0",
     .maximum = 1,
     .flags = FIELD_BELOW_MAXIMUM,
     .summary = "Each choice keeps this share of what the one before kept, down to 'keep'; 0: 'keep' at once."},
    {.name = "every",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct reduction_config, every),
     .default_text = "0",
     .maximum = 1e6,
     .unit = "epochs",
     .summary = "Samples are chosen anew every so many epochs; 0: once."},
    {.name = "nested",
     .type = FIELD_FLAG,
     .offset = offsetof(struct reduction_config, nested),
     .default_text = "true",
     .summary = "Whether each choice is among those kept so far, or among all training samples."},
    {.name = "freeze",
     .type = FIELD_FLAG,
     .offset = offsetof(struct reduction_config, freeze),
     .default_text = "false",
     .summary = "A control: from the first choice on no step is taken, while epochs pass and are measured."},
    {.name = NULL}};

enum status reduction_check(const void *settings, struct error *error)
{
    const struct reduction_config *const config = settings;
    if (config->keep > 1 && config->keep != floor(config->keep))
        return fail(error, STATUS_BAD_SWEEP,
                    "keep is %g; above 1 it is a number of samples and must be whole, up to 1 a share", config->keep);
    if (config->shrink > 0 && config->every == 0)
        return fail(error, STATUS_BAD_SWEEP,
                    "shrink is %g and every is 0: there would be one choice only; give every, or leave out shrink",
                    config->shrink);
    if (config->freeze && config->by == &by_none.kind)
        return fail(error, STATUS_BAD_SWEEP,
                    "freeze is true and by is none: nothing would ever be frozen; say how samples are chosen, such as "
                    "'by: random', or leave out freeze");
    return STATUS_OK;
}

static int64_t share_of(double share, int64_t train_count)
{
    const int64_t count = llround(share * (double)train_count);
    return count > 1 ? count : 1;
}

/* Samples kept by choice 0, 1, .... */
static int kept_by(const struct reduction_config *config, int train_count, int choice)
{
    int64_t kept = config->keep > 1 ? (int64_t)config->keep : share_of(config->keep, train_count);
    if (config->shrink > 0) {
        const int64_t shrunk = share_of(pow(config->shrink, choice + 1), train_count);
        kept = shrunk > kept ? shrunk : kept;
    }
    return (int)(kept < train_count ? kept : train_count);
}

void reduction_extend(struct reduction_extent *extent, const struct reduction_config *config, int64_t epochs)
{
    if (config->by == &by_none.kind)
        return;
    const int64_t choices = config->every == 0 ? 1 : 1 + epochs / config->every;
    extent->choices = choices > extent->choices ? choices : extent->choices;
    extent->share = fmax(extent->share, fmax(config->shrink, config->keep > 1 ? 0 : config->keep));
    if (config->keep > 1 && (int64_t)config->keep > extent->number)
        extent->number = (int64_t)config->keep;
}

int64_t reduction_most_kept(const struct reduction_extent *extent, int64_t train_count)
{
    const int64_t number = extent->number < train_count ? extent->number : train_count;
    const int64_t share = share_of(extent->share, train_count);
    if (extent->choices == 0)
        return 0;
    return number > share ? number : share;
}

static enum status allocate(struct reduction *reduction, struct error *error)
{
    const size_t n = (size_t)reduction->train_count;
    void *made = NULL, *order = NULL, *of_class = NULL, *eligible = NULL, *candidates = NULL;
    TRY(memory_allocate(&made, sizeof *reduction->made + n * sizeof *reduction->made->kept, 1, "kept samples", error));
    reduction->made = made;
    TRY(memory_allocate(&order, n, sizeof *reduction->order, "kept samples", error));
    reduction->order = order;
    TRY(memory_allocate(&of_class, (size_t)reduction->classes, sizeof *reduction->of_class, "kept samples", error));
    reduction->of_class = of_class;
    TRY(memory_allocate(&eligible, n, sizeof *reduction->eligible, "kept samples", error));
    reduction->eligible = eligible;
    TRY(memory_allocate(&candidates, n, sizeof *reduction->candidates, "kept samples", error));
    reduction->candidates = candidates;
    return STATUS_OK;
}

enum status reduction_create(const struct reduction_config *config, int train_count, int classes, uint64_t seed,
                             struct reduction **out, struct error *error)
{
    void *block = NULL;
    TRY(memory_allocate(&block, 1, sizeof(struct reduction), "kept samples", error));
    struct reduction *reduction = block;
    *reduction = (struct reduction){.config = config, .train_count = train_count, .classes = classes, .seed = seed};
    const enum status status = allocate(reduction, error);
    if (status != STATUS_OK) {
        reduction_destroy(&reduction);
        return status;
    }
    reduction->made->count = train_count;
    for (int i = 0; i < train_count; i++)
        reduction->made->kept[i] = i;
    *out = reduction;
    return STATUS_OK;
}

void reduction_destroy(struct reduction **reduction)
{
    if (*reduction == NULL)
        return;
    memory_free((*reduction)->made);
    memory_free((*reduction)->order);
    memory_free((*reduction)->of_class);
    memory_free((*reduction)->eligible);
    memory_free((*reduction)->candidates);
    memory_free(*reduction);
    *reduction = NULL;
}

static bool is_due(const struct reduction *reduction, int epoch, bool separated)
{
    const struct reduction_config *const config = reduction->config;
    if (config->by == &by_none.kind)
        return false;
    if (reduction->made->choices == 0)
        return config->when == &when_start || separated;
    return config->every > 0 && (epoch - reduction->made->first_epoch) % config->every == 0;
}

static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *const first = a, *const second = b;
    if (first->rank != second->rank)
        return first->rank < second->rank ? -1 : 1;
    return (first->position > second->position) - (first->position < second->position);
}

static int compare_positions(const void *a, const void *b)
{
    const int32_t first = *(const int32_t *)a, second = *(const int32_t *)b;
    return (first > second) - (first < second);
}

/* Ranked, those that may be kept move to the front; returns how many they are. */
static int gather_candidates(struct reduction *reduction, const struct evaluation *train)
{
    const int n = reduction->train_count;
    int count = 0;
    for (int i = 0; i < n; i++)
        reduction->eligible[i] = !reduction->config->nested;
    for (int i = 0; reduction->config->nested && i < reduction->made->count; i++)
        reduction->eligible[reduction->made->kept[i]] = true;
    ((const struct by_ops *)reduction->config->by)->rank(reduction, train);
    for (int i = 0; i < n; i++)
        if (reduction->eligible[i])
            reduction->candidates[count++] = (struct candidate){.rank = reduction->candidates[i].rank, .position = i};
    return count;
}

void reduction_look(struct reduction *reduction, int epoch, bool separated, const struct evaluation *train)
{
    if (!is_due(reduction, epoch, separated))
        return;
    const int target = kept_by(reduction->config, reduction->train_count, reduction->made->choices);
    const int count = gather_candidates(reduction, train);
    qsort(reduction->candidates, (size_t)count, sizeof *reduction->candidates, compare_candidates);
    reduction->made->count = target < count ? target : count;
    for (int i = 0; i < reduction->made->count; i++)
        reduction->made->kept[i] = reduction->candidates[i].position;
    qsort(reduction->made->kept, (size_t)reduction->made->count, sizeof *reduction->made->kept, compare_positions);
    if (reduction->made->choices++ == 0)
        reduction->made->first_epoch = epoch;
}

void *reduction_state(struct reduction *reduction, size_t *bytes)
{
    *bytes = sizeof *reduction->made + (size_t)reduction->train_count * sizeof *reduction->made->kept;
    return reduction->made;
}

struct kept_samples reduction_kept(const struct reduction *reduction)
{
    return (struct kept_samples){.choices = reduction->made->choices,
                                 .count = reduction->made->count,
                                 .which = reduction->made->kept,
                                 .frozen = reduction->config->freeze && reduction->made->choices > 0};
}
