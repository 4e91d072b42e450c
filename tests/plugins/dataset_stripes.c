/* dataset_stripes.c - a data source from the public headers alone: two channels of stripes, tilted by class. */
#include <stddef.h>

#include "seedbed/dataset.h"
#include "seedbed/random.h"

struct stripes_settings {
    int64_t side, count;
};

static const struct field stripes_fields[] = {{.name = "side",
                                               .type = FIELD_INTEGER,
                                               .offset = offsetof(struct stripes_settings, side),
                                               .default_text = "6",
                                               .minimum = 1,
                                               .maximum = 64,
                                               .summary = "Pixels along an edge."},
                                              {.name = "count",
                                               .type = FIELD_INTEGER,
                                               .offset = offsetof(struct stripes_settings, count),
                                               .default_text = "30",
                                               .minimum = 1,
                                               .maximum = 1000,
                                               .summary = "Samples of each part."},
                                              {0}};

enum { CLASSES = 3, CHANNELS = 2 };

static void stripes_draw(struct random *random, int side, int class, float *x)
{
    const int shift = (int)random_below(random, 4);
    for (int row = 0; row < side; row++)
        for (int column = 0; column < side; column++, x += CHANNELS) {
            x[0] = (float)((row * class + column + shift) % 4);
            x[1] = (float)(10 + random_uniform(random));
        }
}

static enum status stripes_load(const struct dataset_request *request, struct dataset **out, struct error *error)
{
    const struct stripes_settings *settings = request->settings;
    const int side = (int)settings->side, count = (int)settings->count;
    const struct dataset_shape shape = {.sample = {.height = side, .width = side, .channels = CHANNELS},
                                        .type = SAMPLE_FLOAT32,
                                        .classes = CLASSES,
                                        .count = {count, count}};
    struct dataset *dataset = NULL;
    TRY(dataset_allocate(&shape, &dataset, error));
    for (int part = 0; part < DATASET_PARTS; part++) {
        float *values = dataset_values(dataset, part);
        struct random random = random_start(STREAM_DATA, request->data_seed, (uint32_t)part);
        for (int i = 0; i < count; i++) {
            dataset_labels(dataset, part)[i] = (int16_t)(i % CLASSES);
            stripes_draw(&random, side, i % CLASSES, values);
            values += side * side * CHANNELS;
        }
    }
    dataset_seal(dataset);
    *out = dataset;
    return STATUS_OK;
}

const struct dataset_ops dataset_stripes = {
    .kind = {.name = "stripes", .summary = "stripes tilted by class", .fields = stripes_fields},
    .synthetic = true,
    .load = stripes_load};
