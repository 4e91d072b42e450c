/* cifar.c - the binary versions of CIFAR-10 and CIFAR-100 (Krizhevsky 2009), files as they are downloaded.
 * Training files follow each other in the order of their names. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "data/cifar_records.h"
#include "data/kinds.h"

enum { SIDE = 32, CLASSES_MAX = 100, FILES_MAX = 5, FILE_PATH_BYTES = FIELD_TEXT_BYTES + 64 };

struct cifar10_settings {
    char path[FIELD_TEXT_BYTES];
};

struct cifar100_settings {
    char path[FIELD_TEXT_BYTES];
    const struct kind *labels; /* struct label_set */
};

struct label_set {
    struct kind kind;
    struct cifar_layout layout;
};

static const struct label_set labels_fine = {
    .kind = {.name = "fine", .summary = "100 classes"},
    .layout = {.side = SIDE, .label_count = 2, .classes = {20, 100}, .label = 1, .grouped = true}};
static const struct label_set labels_coarse = {
    .kind = {.name = "coarse", .summary = "20 classes of five fine ones each"},
    .layout = {.side = SIDE, .label_count = 2, .classes = {20, 100}, .label = 0}};
static const struct kind_table label_set_table = {
    .what = "label set",
    .plural = "label_sets",
    .kinds = (const struct kind *const[]){&labels_fine.kind, &labels_coarse.kind, NULL}};

static const struct field cifar10_fields[] = {
    {.name = "path",
     .type = FIELD_PATH,
     .offset = offsetof(struct cifar10_settings, path),
     .summary = "Folder with data_batch_1.bin to data_batch_5.bin, as many as are there, and test_batch.bin, each raw "
                "or .gz."},
    {0}};

static const struct field cifar100_fields[] = {{.name = "path",
                                                .type = FIELD_PATH,
                                                .offset = offsetof(struct cifar100_settings, path),
                                                .summary = "Folder with train.bin and test.bin, each raw or .gz."},
                                               {.name = "labels",
                                                .type = FIELD_NAME,
                                                .offset = offsetof(struct cifar100_settings, labels),
                                                .default_text = "fine",
                                                .kinds = &label_set_table,
                                                .summary = "Which labels: fine (100 classes) or coarse (20)."},
                                               {0}};

/* What one of the two sets is made of. */
struct cifar {
    const char *folder;
    const struct cifar_layout *layout;
    const char *names[DATASET_PARTS][FILES_MAX]; /* without .gz; at least one of a part must be there */
};

static struct cifar cifar10_of(const void *settings)
{
    static const struct cifar_layout layout = {.side = SIDE, .label_count = 1, .classes = {10}};
    return (struct cifar){
        .folder = ((const struct cifar10_settings *)settings)->path,
        .layout = &layout,
        .names = {{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"},
                  {"test_batch.bin"}}};
}

static struct cifar cifar100_of(const void *settings)
{
    const struct cifar100_settings *cifar100 = settings;
    return (struct cifar){.folder = cifar100->path,
                          .layout = &((const struct label_set *)(const void *)cifar100->labels)->layout,
                          .names = {{"train.bin"}, {"test.bin"}}};
}

static enum status fail_missing(const struct cifar *cifar, int part, struct error *error)
{
    if (access(cifar->folder, F_OK) != 0)
        return fail(error, STATUS_BAD_DATA, "data.path: folder '%s': %s", cifar->folder, strerror(errno));
    struct text names = {0};
    for (int i = 0; i < FILES_MAX && cifar->names[part][i] != NULL; i++)
        text_add(&names, "%s%s, %s.gz", i == 0 ? "" : ", ", cifar->names[part][i], cifar->names[part][i]);
    const enum status status = fail(error, STATUS_BAD_DATA, "data.path: folder '%s' has none of %s", cifar->folder,
                                    names.data == NULL ? cifar->names[part][0] : names.data);
    text_free(&names);
    return status;
}

/* The raw file if it is there, else the gzipped one; false: neither. */
static bool find_file(const char *folder, const char *name, char path[FILE_PATH_BYTES])
{
    snprintf(path, FILE_PATH_BYTES, "%s/%s", folder, name);
    if (access(path, F_OK) == 0)
        return true;
    snprintf(path, FILE_PATH_BYTES, "%s/%s.gz", folder, name);
    return access(path, F_OK) == 0;
}

static enum status read_part(const struct cifar *cifar, int part, struct cifar_sink *sink, struct error *error)
{
    bool found = false;
    for (int i = 0; i < FILES_MAX && cifar->names[part][i] != NULL; i++) {
        char path[FILE_PATH_BYTES];
        if (!find_file(cifar->folder, cifar->names[part][i], path))
            continue;
        found = true;
        TRY(cifar_read(path, cifar->layout, sink, error));
    }
    return found ? STATUS_OK : fail_missing(cifar, part, error);
}

static enum status cifar_measure(const struct cifar *cifar, struct dataset_shape *out, struct error *error)
{
    const struct cifar_layout *layout = cifar->layout;
    struct dataset_shape shape = {.sample = {.height = layout->side, .width = layout->side, .channels = CIFAR_CHANNELS},
                                  .type = SAMPLE_UINT8,
                                  .classes = layout->classes[layout->label],
                                  .superclasses = layout->grouped};
    for (int part = 0; part < DATASET_PARTS; part++) {
        struct cifar_sink sink = {0};
        TRY(read_part(cifar, part, &sink, error));
        shape.count[part] = sink.count;
    }
    *out = shape;
    return STATUS_OK;
}

/* supers [classes] of a grouped layout */
static enum status fill_part(const struct cifar *cifar, struct dataset *dataset, int part, int16_t *supers,
                             struct error *error)
{
    struct cifar_sink sink = {.values = dataset_values(dataset, part),
                              .labels = dataset_labels(dataset, part),
                              .supers = supers,
                              .room = dataset->shape.count[part]};
    TRY(read_part(cifar, part, &sink, error));
    if (sink.count < sink.room)
        return fail(error, STATUS_BAD_DATA, "%s: its files had %d records and now have %d: they change while read",
                    cifar->folder, sink.room, sink.count);
    return STATUS_OK;
}

/* Super-classes are written behind the seal: they follow from the labels. */
static enum status fill(const struct cifar *cifar, struct dataset *dataset, struct error *error)
{
    int16_t supers[CLASSES_MAX];
    memset(supers, 0xff, sizeof supers);
    for (int part = 0; part < DATASET_PARTS; part++)
        TRY(fill_part(cifar, dataset, part, supers, error));
    dataset_seal(dataset);
    for (int i = 0; cifar->layout->grouped && i < dataset->shape.classes; i++)
        dataset_superclasses(dataset)[i] = supers[i] == CIFAR_DISPUTED ? -1 : supers[i];
    return STATUS_OK;
}

static enum status cifar_load(const struct cifar *cifar, struct dataset **out, struct error *error)
{
    struct dataset_shape shape;
    struct dataset *dataset = NULL;
    TRY(cifar_measure(cifar, &shape, error));
    TRY(dataset_allocate(&shape, &dataset, error));
    const enum status status = fill(cifar, dataset, error);
    if (status != STATUS_OK) {
        dataset_destroy(&dataset);
        return status;
    }
    *out = dataset;
    return STATUS_OK;
}

static enum status cifar10_load(const struct dataset_request *request, struct dataset **out, struct error *error)
{
    const struct cifar cifar = cifar10_of(request->settings);
    return cifar_load(&cifar, out, error);
}

static enum status cifar100_load(const struct dataset_request *request, struct dataset **out, struct error *error)
{
    const struct cifar cifar = cifar100_of(request->settings);
    return cifar_load(&cifar, out, error);
}

const struct dataset_ops dataset_cifar10 = {
    .kind = {.name = "cifar10", .summary = "CIFAR-10, binary version: 32 x 32 x 3", .fields = cifar10_fields},
    .load = cifar10_load};

const struct dataset_ops dataset_cifar100 = {
    .kind = {.name = "cifar100", .summary = "CIFAR-100, binary version: 32 x 32 x 3", .fields = cifar100_fields},
    .load = cifar100_load};
