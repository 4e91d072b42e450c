/* stiffness.c - whether a step for one sample helps another (Fort et al. 2019).
 * g_i is the gradient of sample i's loss over all parameters, in evaluation mode. Signs and cosines are those of the
 * gradients divided by a positive number each, so that none underflows; what float32 makes of the plain ones is
 * recorded beside them. */
#include "metrics/stiffness.h"

#include <math.h>

#include "base/memory.h"
#include "base/yield.h"
#include "data/data.h"
#include "metrics/kinds.h"
#include "network/network.h"

/* Own dimensions. */
enum { PAIR, SPACE, BIN, SAMPLE, OTHER_SAMPLE, OTHER_CLASS, OWN_DIMENSIONS };

static int64_t pair_count(const void *settings, const struct metric_sizes *sizes)
{
    (void)sizes;
    return ((const struct stiffness_settings *)settings)->pairs.count;
}

static const char *pair_name(const void *settings, int64_t i)
{
    return ((const struct stiffness_settings *)settings)->pairs.values[i]->name;
}

static int64_t space_count(const void *settings, const struct metric_sizes *sizes)
{
    const struct stiffness_settings *const s = settings;
    return s->distances ? 1 + (s->layers ? sizes->layers : 0) : 0;
}

static int64_t bin_count(const void *settings, const struct metric_sizes *sizes)
{
    const struct stiffness_settings *const s = settings;
    (void)sizes;
    return s->distances ? s->edges.count - 1 : 0;
}

static double bin_centre(const void *settings, int64_t i)
{
    const struct stiffness_settings *const s = settings;
    return (s->edges.values[i] + s->edges.values[i + 1]) / 2;
}

static bool has_held_out(const struct stiffness_settings *s)
{
    for (int i = 0; i < s->pairs.count; i++)
        if (s->pairs.values[i] != &stiffness_pair_train)
            return true;
    return false;
}

static int64_t sample_count(const void *settings, const struct metric_sizes *sizes)
{
    const struct stiffness_settings *const s = settings;
    const int64_t test = sizes->test_samples, validation = sizes->validation_samples;
    return chosen_most(s->samples, sizes->train_samples) +
           (has_held_out(s) ? chosen_most(s->samples, validation > test ? validation : test) : 0);
}

static int64_t other_sample_count(const void *settings, const struct metric_sizes *sizes)
{
    return ((const struct stiffness_settings *)settings)->gram ? sample_count(settings, sizes) : 0;
}

static int64_t class_count(const void *settings, const struct metric_sizes *sizes)
{
    (void)settings;
    return sizes->classes;
}

static const struct metric_dimension stiffness_dimensions[OWN_DIMENSIONS] = {
    [PAIR] =
        {.name = "pair", .units = "1", .long_name = "which pairs of samples", .size = pair_count, .text = pair_name},
    [SPACE] = {.name = "space",
               .units = "1",
               .long_name = "where distance is measured: 0 between inputs, l between outputs of the l-th layer",
               .size = space_count},
    [BIN] = {.name = "bin",
             .units = "1",
             .long_name = "centre of the bin of distance 1 - cos",
             .size = bin_count,
             .number = bin_centre},
    [SAMPLE] = {.name = "sample",
                .units = "1",
                .long_name = "chosen samples: of the training part, then held out",
                .size = sample_count},
    [OTHER_SAMPLE] = {.name = "other_sample",
                      .units = "1",
                      .long_name = "the chosen samples once more",
                      .size = other_sample_count},
    [OTHER_CLASS] = {
        .name = "other_class", .units = "1", .long_name = "class of the pair's other sample", .size = class_count}};

enum stiffness_column {
    COLUMN_CLASS,                                 /* AGREE_COUNT */
    COLUMN_ALL = COLUMN_CLASS + AGREE_COUNT,      /* AGREE_COUNT */
    COLUMN_WITHIN = COLUMN_ALL + AGREE_COUNT,     /* AGREE_COUNT */
    COLUMN_BETWEEN = COLUMN_WITHIN + AGREE_COUNT, /* AGREE_COUNT */
    COLUMN_SAME = COLUMN_BETWEEN + AGREE_COUNT,   /* AGREE_COUNT */
    COLUMN_OTHER = COLUMN_SAME + AGREE_COUNT,     /* AGREE_COUNT */
    COLUMN_NAIVE_WITHIN = COLUMN_OTHER + AGREE_COUNT,
    COLUMN_NAIVE_BETWEEN,
    COLUMN_ZERO_SHARE,
    COLUMN_CURVE,                                     /* AGREE_COUNT */
    COLUMN_WITHIN_CURVE = COLUMN_CURVE + AGREE_COUNT, /* AGREE_COUNT */
    COLUMN_PAIRS = COLUMN_WITHIN_CURVE + AGREE_COUNT,
    COLUMN_WITHIN_PAIRS,
    COLUMN_CROSSING,
    COLUMN_WITHIN_CROSSING,
    COLUMN_SLOPE,
    COLUMN_INTERCEPT,
    COLUMN_LENGTH,
    COLUMN_PART,
    COLUMN_POSITION,
    COLUMN_LABEL,
    COLUMN_SCALE,
    COLUMN_GRAM,
    STIFFNESS_COLUMNS
};

#define OWN(dimension) ((enum column_dimension)(DIMENSION_OWN + (dimension)))
#define COLUMN(column_name, column_type, text, ...)                                                          \
    {                                                                                                        \
        .name = column_name, .type = column_type, .units = "1", .long_name = text, .dimensions = __VA_ARGS__ \
    }
#define BY_PAIR                    \
    {                              \
        DIMENSION_POINT, OWN(PAIR) \
    }
#define BY_SPACE                               \
    {                                          \
        DIMENSION_POINT, OWN(PAIR), OWN(SPACE) \
    }
#define BY_BIN                                           \
    {                                                    \
        DIMENSION_POINT, OWN(PAIR), OWN(SPACE), OWN(BIN) \
    }
#define BY_CLASS                                                      \
    {                                                                 \
        DIMENSION_POINT, OWN(PAIR), DIMENSION_CLASS, OWN(OTHER_CLASS) \
    }

/* clang-format off */
static const struct column stiffness_columns[STIFFNESS_COLUMNS] = {
    COLUMN("class_sign", COLUMN_FLOAT32, "mean of sign(g_i.g_j), i of the class, j of the other, i != j", BY_CLASS),
    COLUMN("class_cosine", COLUMN_FLOAT32, "mean of cos(g_i, g_j), i of the class, j of the other, i != j", BY_CLASS),
    COLUMN("sign", COLUMN_FLOAT64, "mean of sign(g_i.g_j) over all pairs", BY_PAIR),
    COLUMN("cosine", COLUMN_FLOAT64, "mean of cos(g_i, g_j) over all pairs", BY_PAIR),
    COLUMN("within_sign", COLUMN_FLOAT64, "mean of class_sign's diagonal", BY_PAIR),
    COLUMN("within_cosine", COLUMN_FLOAT64, "mean of class_cosine's diagonal", BY_PAIR),
    COLUMN("between_sign", COLUMN_FLOAT64, "mean of class_sign off its diagonal", BY_PAIR),
    COLUMN("between_cosine", COLUMN_FLOAT64, "mean of class_cosine off its diagonal", BY_PAIR),
    COLUMN("same_super_sign", COLUMN_FLOAT64, "mean of class_sign over two classes of one super-class", BY_PAIR),
    COLUMN("same_super_cosine", COLUMN_FLOAT64, "mean of class_cosine over two classes of one super-class", BY_PAIR),
    COLUMN("other_super_sign", COLUMN_FLOAT64, "mean of class_sign over classes of two super-classes", BY_PAIR),
    COLUMN("other_super_cosine", COLUMN_FLOAT64, "mean of class_cosine over classes of two super-classes", BY_PAIR),
    COLUMN("naive_within_sign", COLUMN_FLOAT64, "within_sign by products of float32 gradients, which underflow", BY_PAIR),
    COLUMN("naive_between_sign", COLUMN_FLOAT64, "between_sign by products of float32 gradients, which underflow", BY_PAIR),
    COLUMN("zero_share", COLUMN_FLOAT64, "share of pairs whose product of float32 gradients is exactly zero", BY_PAIR),
    COLUMN("distance_sign", COLUMN_FLOAT64, "mean of sign(g_i.g_j) over the bin's pairs", BY_BIN),
    COLUMN("distance_cosine", COLUMN_FLOAT64, "mean of cos(g_i, g_j) over the bin's pairs", BY_BIN),
    COLUMN("distance_within_sign", COLUMN_FLOAT64, "the same over its pairs of one class", BY_BIN),
    COLUMN("distance_within_cosine", COLUMN_FLOAT64, "the same over its pairs of one class", BY_BIN),
    COLUMN("distance_pairs", COLUMN_INT64, "pairs in the bin", BY_BIN),
    COLUMN("distance_within_pairs", COLUMN_INT64, "pairs of one class in the bin", BY_BIN),
    COLUMN("crossing", COLUMN_FLOAT64, "distance at which distance_sign first falls through zero", BY_SPACE),
    COLUMN("within_crossing", COLUMN_FLOAT64, "distance at which distance_within_sign first falls through zero", BY_SPACE),
    COLUMN("fit_slope", COLUMN_FLOAT64, "slope of the line fitted to the signs of pairs of one class", BY_SPACE),
    COLUMN("fit_intercept", COLUMN_FLOAT64, "that line at distance 0", BY_SPACE),
    COLUMN("fit_length", COLUMN_FLOAT64, "critical length: distance at which that line falls through zero", BY_SPACE),
    COLUMN("sample_part", COLUMN_INT16, "part of the chosen sample: 0 training, 1 test, 2 validation", {OWN(SAMPLE)}),
    COLUMN("sample_position", COLUMN_INT32, "its position in the part", {OWN(SAMPLE)}),
    COLUMN("sample_label", COLUMN_INT16, "its label: the one trained on, or of the part held out", {OWN(SAMPLE)}),
    COLUMN("scale", COLUMN_FLOAT64, "s_i > 0: the sample's gradient is s_i g_i", {DIMENSION_POINT, OWN(SAMPLE)}),
    COLUMN("gram", COLUMN_FLOAT32, "g_i.g_j; the product of the gradients is s_i s_j g_i.g_j",
           {DIMENSION_POINT, OWN(SAMPLE), OWN(OTHER_SAMPLE)}),
};
/* clang-format on */

static bool stiffness_records(const void *settings, const struct metric_sizes *sizes, int column)
{
    const struct stiffness_settings *const s = settings;
    if (column >= COLUMN_SAME && column < COLUMN_NAIVE_WITHIN)
        return s->superclasses.count > 0 || sizes->superclasses;
    return column != COLUMN_SCALE || s->gram;
}

/* One measurement under way. */
struct look {
    const struct stiffness_settings *settings;
    const struct measurement *at;
    void *const *row;
    struct chosen chosen;
    struct gram gram;
    double *lengths; /* [count] as in struct pairs */
    double *room;    /* [5, classes, classes] */
    float *matrix;   /* [AGREE_COUNT, classes, classes] */
    float *cosines;  /* [count, count] */
    int64_t *supers; /* [super_count] */
    int super_count; /* classes, or 0 */
};

/* Those of the sweep file, else the data set's own, if it has some. */
static enum status find_supers(struct look *look, struct error *error)
{
    const struct integer_list *const listed = &look->settings->superclasses;
    const int16_t *const own = dataset_superclasses_const(look->at->samples[PART_TRAIN].dataset);
    void *supers = NULL;
    look->super_count = listed->count > 0 || own != NULL ? look->at->classes : 0;
    TRY(memory_allocate(&supers, (size_t)look->super_count, sizeof *look->supers, "super-classes", error));
    look->supers = supers;
    for (int c = 0; c < look->super_count; c++)
        look->supers[c] = listed->count > 0 ? listed->values[c] : own[c];
    return STATUS_OK;
}

static enum status look_begin(struct look *look, struct error *error)
{
    const struct measurement *const at = look->at;
    const size_t cells = (size_t)at->classes * (size_t)at->classes;
    void *lengths = NULL, *room = NULL, *matrix = NULL, *cosines = NULL;
    TRY(find_supers(look, error));
    TRY(chosen_draw(at, look->settings->samples, has_held_out(look->settings), &look->chosen, error));
    const size_t count = (size_t)look->chosen.count;
    TRY(memory_allocate(&lengths, count, sizeof(double), "stiffness", error));
    look->lengths = lengths;
    TRY(memory_allocate(&room, 5 * cells, sizeof(double), "stiffness", error));
    look->room = room;
    TRY(memory_allocate(&matrix, AGREE_COUNT * cells, sizeof(float), "stiffness", error));
    look->matrix = matrix;
    TRY(memory_allocate(&cosines, look->settings->distances ? count * count : 0, sizeof(float), "stiffness", error));
    look->cosines = cosines;
    return gram_compute(at, &look->chosen, &look->gram, NULL, error);
}

static void look_end(struct look *look)
{
    chosen_free(&look->chosen);
    gram_free(&look->gram);
    memory_free(look->lengths);
    memory_free(look->room);
    memory_free(look->matrix);
    memory_free(look->cosines);
    memory_free(look->supers);
}

static void find_lengths(struct look *look)
{
    const size_t count = (size_t)look->gram.count;
    for (size_t i = 0; i < count; i++) {
        const double square = look->gram.products[i * count + i];
        look->lengths[i] = square > 0 ? 1 / sqrt(square) : 0;
    }
}

static struct pairs pairs_of(const struct look *look, const struct kind *kind)
{
    const struct side train = {.end = look->chosen.train_count};
    const struct side held_out = {.first = look->chosen.train_count, .end = look->chosen.count};
    return (struct pairs){.chosen = &look->chosen,
                          .gram = &look->gram,
                          .lengths = look->lengths,
                          .classes = look->at->classes,
                          .rows = kind == &stiffness_pair_held_out ? held_out : train,
                          .columns = kind == &stiffness_pair_train ? train : held_out};
}

static void store(const struct look *look, int column, int64_t place, double value)
{
    if (look->row[column] != NULL)
        ((double *)look->row[column])[place] = value;
}

static void store_classes(const struct look *look, int pair, float *const matrix[AGREE_COUNT])
{
    const int64_t width = look->at->sizes->classes, classes = look->at->classes;
    for (int kind = 0; kind < AGREE_COUNT; kind++)
        for (int64_t a = 0; a < classes; a++)
            for (int64_t b = 0; b < classes; b++)
                ((float *)look->row[COLUMN_CLASS + kind])[(pair * width + a) * width + b] =
                    matrix[kind][a * classes + b];
}

static void measure_classes(struct look *look, int pair)
{
    const struct pairs pairs = pairs_of(look, look->settings->pairs.values[pair]);
    float *const matrix[] = {look->matrix, look->matrix + look->at->classes * look->at->classes};
    struct stiffness_means means;
    stiffness_of_classes(&pairs, look->supers, look->super_count, look->room, matrix, &means);
    store_classes(look, pair, matrix);
    for (int kind = 0; kind < AGREE_COUNT; kind++) {
        store(look, COLUMN_ALL + kind, pair, means.all[kind]);
        store(look, COLUMN_WITHIN + kind, pair, means.within[kind]);
        store(look, COLUMN_BETWEEN + kind, pair, means.between[kind]);
        store(look, COLUMN_SAME + kind, pair, means.same_super[kind]);
        store(look, COLUMN_OTHER + kind, pair, means.other_super[kind]);
    }
    store(look, COLUMN_NAIVE_WITHIN, pair, means.naive_within);
    store(look, COLUMN_NAIVE_BETWEEN, pair, means.naive_between);
    store(look, COLUMN_ZERO_SHARE, pair, means.zero_share);
}

static void measure_distances(struct look *look, int pair, int space, int spaces)
{
    const struct pairs pairs = pairs_of(look, look->settings->pairs.values[pair]);
    const int bins = look->settings->edges.count - 1;
    const int64_t place = (int64_t)pair * spaces + space, bin = place * bins;
    void *const *const row = look->row;
    struct distance_curve curve = {.count = (int64_t *)row[COLUMN_PAIRS] + bin,
                                   .within_count = (int64_t *)row[COLUMN_WITHIN_PAIRS] + bin};
    for (int kind = 0; kind < AGREE_COUNT; kind++) {
        curve.all[kind] = (double *)row[COLUMN_CURVE + kind] + bin;
        curve.within[kind] = (double *)row[COLUMN_WITHIN_CURVE + kind] + bin;
    }
    stiffness_by_distance(&pairs, look->cosines, bins, look->settings->edges.values, &curve);
    store(look, COLUMN_CROSSING, place, curve.crossing);
    store(look, COLUMN_WITHIN_CROSSING, place, curve.within_crossing);
    store(look, COLUMN_SLOPE, place, curve.slope);
    store(look, COLUMN_INTERCEPT, place, curve.intercept);
    store(look, COLUMN_LENGTH, place, curve.length);
}

static enum status give_way(const struct look *look, struct error *error)
{
    return look->at->yield->call(look->at->yield->context, error);
}

static enum status measure_spaces(struct look *look, struct error *error)
{
    const int spaces = (int)space_count(look->settings, look->at->sizes);
    const int layers = network_layer_count(look->at->network);
    for (int space = 0; space < spaces && space <= layers; space++) {
        TRY(chosen_cosines(look->at, &look->chosen, space == 0 ? LAYER_INPUT : space - 1, look->cosines, error));
        for (int pair = 0; pair < look->settings->pairs.count; pair++) {
            TRY(give_way(look, error));
            measure_distances(look, pair, space, spaces);
        }
    }
    return STATUS_OK;
}

static void store_samples(const struct look *look)
{
    const size_t width = (size_t)sample_count(look->settings, look->at->sizes), count = (size_t)look->chosen.count;
    for (size_t i = 0; i < count; i++) {
        ((int16_t *)look->row[COLUMN_PART])[i] = (int16_t)chosen_part(&look->chosen, (int)i);
        ((int32_t *)look->row[COLUMN_POSITION])[i] = look->chosen.position[i];
        ((int16_t *)look->row[COLUMN_LABEL])[i] = look->chosen.labels[i];
        store(look, COLUMN_SCALE, (int64_t)i, look->gram.scales[i]);
        for (size_t j = 0; look->row[COLUMN_GRAM] != NULL && j < count; j++)
            ((float *)look->row[COLUMN_GRAM])[i * width + j] = (float)look->gram.products[i * count + j];
    }
}

static enum status stiffness_measure(const void *settings, const struct measurement *at, void *state, void *const *row,
                                     struct error *error)
{
    struct look look = {.settings = settings, .at = at, .row = row};
    (void)state;
    enum status status = look_begin(&look, error);
    if (status == STATUS_OK) {
        find_lengths(&look);
        store_samples(&look);
        for (int pair = 0; status == STATUS_OK && pair < look.settings->pairs.count; pair++) {
            measure_classes(&look, pair);
            status = give_way(&look, error);
        }
        if (status == STATUS_OK)
            status = measure_spaces(&look, error);
    }
    look_end(&look);
    return status;
}

static struct metric_cost stiffness_cost(const void *settings, const struct metric_trial *trial)
{
    const struct stiffness_settings *const s = settings;
    const int validation = trial->samples[PART_VALIDATION];
    const int others = validation > 0 ? validation : trial->samples[PART_TEST];
    const int64_t count =
        chosen_most(s->samples, trial->samples[PART_TRAIN]) + (has_held_out(s) ? chosen_most(s->samples, others) : 0);
    const double n = (double)count, cells = (double)trial->classes * trial->classes;
    const double inputs = (double)trial->inputs, outputs = s->layers ? (double)trial->outputs : 0;
    const double widest = s->layers ? fmax(inputs, (double)trial->largest_output) : inputs;
    const double matrices = 5 * cells * sizeof(double) + AGREE_COUNT * cells * sizeof(float);
    struct metric_cost cost = gram_cost(trial, count, false);
    if (s->distances) {
        cost.flops += 2 * n * n * (inputs + outputs) + (s->layers ? trial->layers * n * trial->forward_flops : 0);
        cost.bytes = fmax(cost.bytes, n * n * sizeof(double) + n * widest * sizeof(float)) + n * n * sizeof(float);
    }
    cost.bytes += matrices;
    return cost;
}

const struct metric_ops metric_stiffness = {
    .kind = {.name = "stiffness",
             .summary = "whether a step for one sample helps another: signs and cosines of products of gradients",
             .fields = stiffness_fields,
             .check = stiffness_check},
    .fit = stiffness_fit,
    .column_count = STIFFNESS_COLUMNS,
    .columns = stiffness_columns,
    .dimension_count = OWN_DIMENSIONS,
    .dimensions = stiffness_dimensions,
    .records = stiffness_records,
    .cost = stiffness_cost,
    .measure = stiffness_measure};
