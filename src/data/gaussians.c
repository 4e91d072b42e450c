/* gaussians.c - classes that are normal distributions with one covariance, so that the best possible classifier and
 * its error are known. Means are normal draws scaled to the wanted root-mean-square distance; the covariance has a
 * geometric spectrum turned by two random reflections. */
#include <math.h>
#include <stddef.h>

#include "base/memory.h"
#include "data/kinds.h"
#include "data/synthetic.h"

enum { REFLECTIONS = 2, DIMENSIONS_MAX = 65536 };

struct gaussians_settings {
    int64_t dimensions, classes, train_count, test_count;
    double separation, deviation, condition;
};

#define COUNT_FIELD(member, default_count, least, most, what)                                          \
    {                                                                                                  \
        .name = #member, .type = FIELD_INTEGER, .offset = offsetof(struct gaussians_settings, member), \
        .default_text = default_count, .minimum = least, .maximum = most, .summary = what              \
    }

static const struct field gaussians_fields[] = {
    COUNT_FIELD(dimensions, "20", 1, DIMENSIONS_MAX, "Values of a sample."),
    COUNT_FIELD(classes, "10", 2, SYNTHETIC_CLASSES_MAX, "Classes, each a normal distribution."),
    COUNT_FIELD(train_count, "10000", 1, 1e8, "Training samples; more leave the first ones as they are."),
    COUNT_FIELD(test_count, "2000", 1, 1e8, "Test samples; more leave the first ones as they are."),
    {.name = "separation",
     .type = FIELD_REAL,
     .offset = offsetof(struct gaussians_settings, separation),
     .default_text = "6",
     .maximum = 1e6,
     .summary = "Root-mean-square distance between two class means."},
    {.name = "deviation",
     .type = FIELD_REAL,
     .offset = offsetof(struct gaussians_settings, deviation),
     .default_text = "1",
     .maximum = 1e6,
     .flags = FIELD_ABOVE_MINIMUM,
     .summary = "Geometric mean of the standard deviations along the principal axes of a class."},
    {.name = "condition",
     .type = FIELD_REAL,
     .offset = offsetof(struct gaussians_settings, condition),
     .default_text = "1",
     .minimum = 1,
     .maximum = 1e6,
     .summary = "Largest over smallest standard deviation along the principal axes; 1 is round."},
    {0}};

/* What samples are drawn from, in one block of memory. */
struct mixture {
    int dimensions, classes;
    double *means;       /* [classes, dimensions] */
    double *axes;        /* [dimensions] standard deviations */
    double *reflections; /* [REFLECTIONS, dimensions] unit normals */
    double *point;       /* [dimensions] scratch */
};

static void normal_vector(uint64_t seed, uint32_t item, int n, double *out)
{
    struct random random = random_start(STREAM_DATA, seed, SUBSTREAM_SOURCE + item);
    for (int i = 0; i < n; i++)
        out[i] = random_normal(&random);
}

static double length_of(int n, const double *vector)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += vector[i] * vector[i];
    return sqrt(sum);
}

/* Substreams: reflections first, then one for each class. */
static void mixture_draw(const struct gaussians_settings *settings, uint64_t seed, struct mixture *mixture)
{
    const int n = mixture->dimensions;
    const double scale = settings->separation / sqrt(2.0 * n);
    for (int class = 0; class < mixture->classes; class ++) {
        double *mean = mixture->means + (size_t) class * (size_t)n;
        normal_vector(seed, (uint32_t)(REFLECTIONS + class), n, mean);
        for (int i = 0; i < n; i++)
            mean[i] *= scale;
    }
    for (int r = 0; r < REFLECTIONS; r++) {
        double *normal = mixture->reflections + (size_t)r * (size_t)n;
        normal_vector(seed, (uint32_t)r, n, normal);
        const double length = length_of(n, normal);
        for (int i = 0; i < n; i++)
            normal[i] /= length;
    }
    for (int i = 0; i < n; i++)
        mixture->axes[i] = settings->deviation * pow(settings->condition, n == 1 ? 0 : (double)i / (n - 1) - 0.5);
}

static enum status mixture_create(const struct gaussians_settings *settings, uint64_t seed, struct mixture *out,
                                  struct error *error)
{
    const size_t n = (size_t)settings->dimensions;
    const size_t classes = (size_t)settings->classes;
    void *memory = NULL;
    TRY(memory_allocate(&memory, n * (classes + 1 + REFLECTIONS + 1), sizeof(double), "class means", error));
    double *means = memory;
    *out = (struct mixture){.dimensions = (int)n,
                            .classes = (int)classes,
                            .means = means,
                            .axes = means + classes * n,
                            .reflections = means + (classes + 1) * n,
                            .point = means + (classes + 1 + REFLECTIONS) * n};
    mixture_draw(settings, seed, out);
    return STATUS_OK;
}

/* x = mean + R2 R1 (axes * normal)      x [dimensions] */
static void mixture_sample(const struct mixture *mixture, struct random *random, int class, float *x)
{
    const int n = mixture->dimensions;
    double *point = mixture->point;
    for (int i = 0; i < n; i++)
        point[i] = mixture->axes[i] * random_normal(random);
    for (int r = 0; r < REFLECTIONS; r++) {
        const double *normal = mixture->reflections + (size_t)r * (size_t)n;
        double along = 0;
        for (int i = 0; i < n; i++)
            along += normal[i] * point[i];
        for (int i = 0; i < n; i++)
            point[i] -= 2 * along * normal[i];
    }
    const double *mean = mixture->means + (size_t) class * (size_t)n;
    for (int i = 0; i < n; i++)
        x[i] = (float)(mean[i] + point[i]);
}

static void gaussians_fill(const struct mixture *mixture, uint64_t seed, struct dataset *dataset)
{
    for (int part = 0; part < DATASET_PARTS; part++) {
        const int count = dataset->shape.count[part];
        float *values = dataset_values(dataset, part);
        int16_t *labels = dataset_labels(dataset, part);
        synthetic_labels(seed, part, mixture->classes, count, labels);
        for (int i = 0; i < count; i++) {
            struct random random = synthetic_sample_random(seed, part, i);
            mixture_sample(mixture, &random, labels[i], values + (size_t)i * (size_t)mixture->dimensions);
        }
    }
    dataset_seal(dataset);
}

/* A row of values, not channels: one pair of normalisation constants for all. */
static enum status gaussians_load(const struct dataset_request *request, struct dataset **out, struct error *error)
{
    const struct gaussians_settings *settings = request->settings;
    const struct dataset_shape shape = {.sample = {.height = 1, .width = (int)settings->dimensions, .channels = 1},
                                        .type = SAMPLE_FLOAT32,
                                        .classes = (int)settings->classes,
                                        .count = {(int)settings->train_count, (int)settings->test_count}};
    struct dataset *dataset = NULL;
    TRY(dataset_allocate(&shape, &dataset, error));
    struct mixture mixture;
    const enum status status = mixture_create(settings, request->data_seed, &mixture, error);
    if (status != STATUS_OK) {
        dataset_destroy(&dataset);
        return status;
    }
    gaussians_fill(&mixture, request->data_seed, dataset);
    memory_free(mixture.means);
    *out = dataset;
    return STATUS_OK;
}

const struct dataset_ops dataset_gaussians = {
    .kind = {.name = "gaussians",
             .summary = "drawn: one normal distribution a class, with separation and covariance as settings",
             .fields = gaussians_fields},
    .synthetic = true,
    .load = gaussians_load};
