/* mnist.c - a folder of four IDX files named as those of MNIST: images and labels of a training and a test part.
 * Classes are counted: one more than the largest label of both parts. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "data/idx.h"
#include "data/kinds.h"

struct mnist_settings {
    char path[FIELD_TEXT_BYTES];
};

static const struct field mnist_fields[] = {
    {.name = "path",
     .type = FIELD_PATH,
     .offset = offsetof(struct mnist_settings, path),
     .summary = "Folder with train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and "
                "t10k-labels-idx1-ubyte, each raw or .gz."},
    {0}};

enum { IMAGES, LABELS, CONTENT_COUNT, FILE_PATH_BYTES = FIELD_TEXT_BYTES + 64 };

static const char *const stems[DATASET_PARTS][CONTENT_COUNT] = {{"train-images", "train-labels"},
                                                                {"t10k-images", "t10k-labels"}};
static const int ranks[CONTENT_COUNT] = {3, 1};

/* Some copies of MNIST have a dot before `idx`. */
static const struct spelling {
    char separator;
    const char *suffix;
} spellings[] = {{'-', ""}, {'-', ".gz"}, {'.', ""}, {'.', ".gz"}};
enum { SPELLINGS = sizeof spellings / sizeof spellings[0] };

static void file_path(const char *folder, int part, int content, const struct spelling *spelling,
                      char path[FILE_PATH_BYTES])
{
    snprintf(path, FILE_PATH_BYTES, "%s/%s%cidx%d-ubyte%s", folder, stems[part][content], spelling->separator,
             ranks[content], spelling->suffix);
}

static enum status fail_missing(const char *folder, int part, int content, struct error *error)
{
    if (access(folder, F_OK) != 0)
        return fail(error, STATUS_BAD_DATA, "data.path: folder '%s': %s", folder, strerror(errno));
    struct text names = {0};
    for (int i = 0; i < SPELLINGS; i++)
        text_add(&names, "%s%s%cidx%d-ubyte%s", i == 0 ? "" : ", ", stems[part][content], spellings[i].separator,
                 ranks[content], spellings[i].suffix);
    const enum status status = fail(error, STATUS_BAD_DATA, "data.path: folder '%s' has none of %s", folder,
                                    names.data == NULL ? stems[part][content] : names.data);
    text_free(&names);
    return status;
}

static enum status open_content(const char *folder, int part, int content, struct idx_file **out, struct error *error)
{
    for (int i = 0; i < SPELLINGS; i++) {
        char path[FILE_PATH_BYTES];
        file_path(folder, part, content, &spellings[i], path);
        if (access(path, F_OK) == 0)
            return idx_open(path, ranks[content], out, error);
    }
    return fail_missing(folder, part, content, error);
}

/* The four files, open, and the labels, read. */
struct mnist {
    struct idx_file *files[DATASET_PARTS][CONTENT_COUNT];
    uint8_t *labels[DATASET_PARTS];
    struct dataset_shape shape;
};

static void mnist_close(struct mnist *mnist)
{
    for (int part = 0; part < DATASET_PARTS; part++) {
        for (int content = 0; content < CONTENT_COUNT; content++)
            idx_close(&mnist->files[part][content]);
        memory_free(mnist->labels[part]);
    }
}

static enum status check_pair(const char *folder, const struct mnist *mnist, int part, struct error *error)
{
    const int images = idx_dimensions(mnist->files[part][IMAGES])[0];
    const int labels = idx_dimensions(mnist->files[part][LABELS])[0];
    if (images != labels)
        return fail(error, STATUS_BAD_DATA, "%s: byte 4: %s has %d images, but %s has %d labels", folder,
                    stems[part][IMAGES], images, stems[part][LABELS], labels);
    const int *train = idx_dimensions(mnist->files[PART_TRAIN][IMAGES]);
    const int *own = idx_dimensions(mnist->files[part][IMAGES]);
    if (train[1] != own[1] || train[2] != own[2])
        return fail(error, STATUS_BAD_DATA, "%s: byte 8: %s has images of %d x %d, but %s of %d x %d", folder,
                    stems[PART_TRAIN][IMAGES], train[1], train[2], stems[part][IMAGES], own[1], own[2]);
    return STATUS_OK;
}

static enum status read_labels(struct mnist *mnist, int part, int *largest, struct error *error)
{
    struct idx_file *file = mnist->files[part][LABELS];
    const size_t count = idx_bytes(file);
    TRY(memory_allocate((void **)&mnist->labels[part], count, 1, "labels", error));
    TRY(idx_read(file, mnist->labels[part], error));
    for (size_t i = 0; i < count; i++)
        if (mnist->labels[part][i] > *largest)
            *largest = mnist->labels[part][i];
    return STATUS_OK;
}

static enum status mnist_open(const char *folder, struct mnist *mnist, struct error *error)
{
    int largest = 0;
    for (int part = 0; part < DATASET_PARTS; part++) {
        for (int content = 0; content < CONTENT_COUNT; content++)
            TRY(open_content(folder, part, content, &mnist->files[part][content], error));
        TRY(check_pair(folder, mnist, part, error));
        TRY(read_labels(mnist, part, &largest, error));
        mnist->shape.count[part] = idx_dimensions(mnist->files[part][IMAGES])[0];
    }
    if (largest == 0)
        return fail(error, STATUS_BAD_DATA, "%s: every label is 0; at least two classes are needed", folder);
    const int *dimensions = idx_dimensions(mnist->files[PART_TRAIN][IMAGES]);
    mnist->shape.sample = (struct shape){.height = dimensions[1], .width = dimensions[2], .channels = 1};
    mnist->shape.type = SAMPLE_UINT8;
    mnist->shape.classes = largest + 1;
    return STATUS_OK;
}

static enum status mnist_fill(const struct mnist *mnist, struct dataset *dataset, struct error *error)
{
    for (int part = 0; part < DATASET_PARTS; part++) {
        int16_t *labels = dataset_labels(dataset, part);
        for (int i = 0; i < dataset->shape.count[part]; i++)
            labels[i] = mnist->labels[part][i];
        TRY(idx_read(mnist->files[part][IMAGES], dataset_values(dataset, part), error));
    }
    dataset_seal(dataset);
    return STATUS_OK;
}

static enum status mnist_load(const struct dataset_request *request, struct dataset **out, struct error *error)
{
    const struct mnist_settings *settings = request->settings;
    struct mnist mnist = {0};
    struct dataset *dataset = NULL;
    enum status status = mnist_open(settings->path, &mnist, error);
    if (status == STATUS_OK)
        status = dataset_allocate(&mnist.shape, &dataset, error);
    if (status == STATUS_OK)
        status = mnist_fill(&mnist, dataset, error);
    if (status == STATUS_OK)
        *out = dataset;
    else
        dataset_destroy(&dataset);
    mnist_close(&mnist);
    return status;
}

const struct dataset_ops dataset_mnist = {
    .kind = {.name = "mnist",
             .summary = "a folder of IDX files named as MNIST's: MNIST, Fashion-MNIST, or any other such set",
             .fields = mnist_fields},
    .load = mnist_load};
