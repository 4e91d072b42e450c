/* sample_gradients.c - rows layer by layer, products tile by tile.
 * A tile of products stays in cache while layers add to it; of a symmetric matrix only the lower tiles are computed. */
#include "network/sample_gradients.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/gemm.h"
#include "network/graph.h"

enum { TILE = 128, ROW_KINDS = 2 };

struct layer_rows {
    enum gradient_form form;
    size_t width[ROW_KINDS];  /* floats of a sample's row; 0: none */
    float *rows[ROW_KINDS];   /* [capacity, width] */
    bool bias;                /* of GRADIENT_OUTER */
    size_t parameters, count; /* place and number of the layer's parameters in the flat block */
};

struct sample_gradients {
    int capacity, count, layer_count;
    struct layer_rows *layers; /* [layer_count] */
    float *block;              /* all rows */
    float *tiles;              /* [2, TILE, TILE] */
    double *sums;              /* [TILE, TILE] */
    float *room;               /* for moments: one layer's parameters, and a tile of its rows */
    float **next;              /* [layer_count, ROW_KINDS] where the next samples' rows go */
};

static struct layer_rows rows_of(const struct graph_node *node)
{
    struct layer_rows rows = {.form = node->plan.gradient_form, .count = graph_layer_parameters(node)};
    if (rows.count == 0)
        return rows;
    rows.parameters = node->parameters[0];
    rows.bias = node->plan.tensor_count > 1;
    for (int kind = 0; kind < ROW_KINDS; kind++)
        rows.width[kind] = layer_gradient_width(node, kind);
    return rows;
}

size_t graph_gradient_bytes(const struct graph *graph)
{
    size_t floats = 0;
    for (int i = 0; i < graph->layers.count; i++) {
        const struct layer_rows rows = rows_of(&graph->nodes[i]);
        floats += rows.width[0] + rows.width[1];
    }
    return floats * sizeof(float);
}

size_t sample_gradients_bytes(const struct network *network)
{
    return graph_gradient_bytes(network_graph(network));
}

/* Floats that a layer's moments need. */
static size_t moment_floats(const struct layer_rows *rows)
{
    return rows->count + TILE * (rows->width[0] + rows->width[1]);
}

size_t graph_gradient_room(const struct graph *graph)
{
    const size_t layers = (size_t)graph->layers.count;
    size_t largest = 0;
    for (size_t i = 0; i < layers; i++) {
        const struct layer_rows rows = rows_of(&graph->nodes[i]);
        largest = moment_floats(&rows) > largest ? moment_floats(&rows) : largest;
    }
    return sizeof(struct sample_gradients) + layers * (sizeof(struct layer_rows) + ROW_KINDS * sizeof(float *)) +
           (size_t)TILE * TILE * (2 * sizeof(float) + sizeof(double)) + largest * sizeof(float);
}

static enum status allocate(struct sample_gradients *gradients, size_t bytes, struct error *error)
{
    void *block = NULL, *tiles = NULL, *sums = NULL, *room = NULL, *next = NULL;
    size_t largest = 0;
    for (int i = 0; i < gradients->layer_count; i++) {
        const size_t needed = moment_floats(&gradients->layers[i]);
        largest = needed > largest ? needed : largest;
    }
    TRY(memory_allocate(&block, (size_t)gradients->capacity, bytes, "gradients of samples", error));
    gradients->block = block;
    TRY(memory_allocate(&tiles, (size_t)2 * TILE * TILE, sizeof(float), "gradients of samples", error));
    gradients->tiles = tiles;
    TRY(memory_allocate(&sums, (size_t)TILE * TILE, sizeof(double), "gradients of samples", error));
    gradients->sums = sums;
    TRY(memory_allocate(&room, largest, sizeof(float), "gradients of samples", error));
    gradients->room = room;
    TRY(memory_allocate(&next, (size_t)gradients->layer_count * ROW_KINDS, sizeof(float *), "gradients of samples",
                        error));
    gradients->next = next;
    return STATUS_OK;
}

static void place_rows(struct sample_gradients *gradients)
{
    float *place = gradients->block;
    for (int i = 0; i < gradients->layer_count; i++)
        for (int kind = 0; kind < ROW_KINDS; kind++) {
            gradients->layers[i].rows[kind] = place;
            place += (size_t)gradients->capacity * gradients->layers[i].width[kind];
        }
}

enum status sample_gradients_create(const struct network *network, int capacity, struct sample_gradients **out,
                                    struct error *error)
{
    const struct graph *const graph = network_graph(network);
    void *memory = NULL, *layers = NULL;
    TRY(memory_allocate(&memory, 1, sizeof(struct sample_gradients), "gradients of samples", error));
    struct sample_gradients *gradients = memory;
    *gradients = (struct sample_gradients){.capacity = capacity, .layer_count = graph->layers.count};
    enum status status =
        memory_allocate(&layers, (size_t)graph->layers.count, sizeof *gradients->layers, "gradients of samples", error);
    gradients->layers = layers;
    for (int i = 0; status == STATUS_OK && i < graph->layers.count; i++)
        gradients->layers[i] = rows_of(&graph->nodes[i]);
    if (status == STATUS_OK)
        status = allocate(gradients, sample_gradients_bytes(network), error);
    if (status != STATUS_OK) {
        sample_gradients_destroy(&gradients);
        return status;
    }
    place_rows(gradients);
    *out = gradients;
    return STATUS_OK;
}

void sample_gradients_destroy(struct sample_gradients **gradients)
{
    if (*gradients == NULL)
        return;
    memory_free((*gradients)->layers);
    memory_free((*gradients)->block);
    memory_free((*gradients)->tiles);
    memory_free((*gradients)->sums);
    memory_free((*gradients)->room);
    memory_free((void *)(*gradients)->next);
    memory_free(*gradients);
    *gradients = NULL;
}

void sample_gradients_clear(struct sample_gradients *gradients)
{
    gradients->count = 0;
}

void sample_gradients_add(struct sample_gradients *gradients, struct network *network, float *dlogits, int n)
{
    assert(gradients->count + n <= gradients->capacity);
    for (int i = 0; i < gradients->layer_count; i++)
        for (int kind = 0; kind < ROW_KINDS; kind++)
            gradients->next[i * ROW_KINDS + kind] =
                gradients->layers[i].rows[kind] + (size_t)gradients->count * gradients->layers[i].width[kind];
    network_backward_each(network, dlogits, n, gradients->next);
    gradients->count += n;
}

/* tile [m,n] = products of the rows from sample i of a and j of b on */
static void multiply_rows(const struct layer_rows *a, int i, int m, const struct layer_rows *b, int j, int n, int kind,
                          float *tile)
{
    const size_t width = a->width[kind];
    gemm(AS_IS, TRANSPOSED, m, n, (int)width, a->rows[kind] + (size_t)i * width, b->rows[kind] + (size_t)j * width,
         0.0f, tile);
}

/* sums [count] += x */
static void add_tile(int count, const float *restrict x, double *restrict sums)
{
    for (int i = 0; i < count; i++)
        sums[i] += (double)x[i];
}

/* sums [count] += (inner + bias) outer */
static void add_outer(int count, double bias, const float *restrict inner, const float *restrict outer,
                      double *restrict sums)
{
    for (int i = 0; i < count; i++)
        sums[i] += ((double)inner[i] + bias) * (double)outer[i];
}

/* sums [m,n]: the products of samples i.. of a and j.. of b */
static void tile_products(const struct sample_gradients *a, int i, int m, const struct sample_gradients *b, int j,
                          int n, double *sums)
{
    float *const first = a->tiles, *const second = a->tiles + TILE * TILE;
    memset(sums, 0, (size_t)m * (size_t)n * sizeof *sums);
    for (int layer = 0; layer < a->layer_count; layer++) {
        const struct layer_rows *const rows_a = &a->layers[layer], *const rows_b = &b->layers[layer];
        if (rows_a->count == 0)
            continue;
        multiply_rows(rows_a, i, m, rows_b, j, n, 0, first);
        if (rows_a->form == GRADIENT_WHOLE) {
            add_tile(m * n, first, sums);
            continue;
        }
        multiply_rows(rows_a, i, m, rows_b, j, n, 1, second);
        add_outer(m * n, rows_a->bias ? 1 : 0, first, second, sums);
    }
}

static int tile_size(const struct sample_gradients *gradients, int first)
{
    return gradients->count - first < TILE ? gradients->count - first : TILE;
}

void sample_gradients_products(const struct sample_gradients *a, const struct sample_gradients *b, double *products,
                               size_t stride)
{
    double *const sums = a->sums;
    for (int i = 0; i < a->count; i += TILE)
        for (int j = 0; j < b->count && (a != b || j <= i); j += TILE) {
            const int m = tile_size(a, i), n = tile_size(b, j);
            tile_products(a, i, m, b, j, n, sums);
            for (int row = 0; row < m; row++)
                for (int column = 0; column < n; column++) {
                    if (a == b && j + column > i + row)
                        break;
                    const double product = sums[row * n + column];
                    products[(size_t)(i + row) * stride + (size_t)(j + column)] = product;
                    if (a == b)
                        products[(size_t)(j + column) * stride + (size_t)(i + row)] = product;
                }
        }
}

/* out [n,width] = (w x)^power, power 1 or 2      x [n,width]   weights w [n], or NULL: 1 */
static void weigh(int n, size_t width, const float *restrict x, const double *weights, int power, float *restrict out)
{
    for (int i = 0; i < n; i++)
        for (size_t k = 0; k < width; k++) {
            const float value = (weights == NULL ? 1.0f : (float)weights[i]) * x[(size_t)i * width + k];
            out[(size_t)i * width + k] = power == 2 ? value * value : value;
        }
}

/* total [count] += sum over n samples of (w g)^power */
static void add_moment(const struct layer_rows *layer, int first, int n, const double *weights, int power, float *room,
                       double *total)
{
    float *const sum = room, *const weighted = room + layer->count, *const plain = weighted + TILE * layer->width[0];
    const size_t skipped = (size_t)first;
    memset(sum, 0, layer->count * sizeof *sum);
    if (layer->form == GRADIENT_WHOLE) {
        weigh(n, layer->count, layer->rows[0] + skipped * layer->count, weights, power, weighted);
        for (int i = 0; i < n; i++)
            for (size_t k = 0; k < layer->count; k++)
                sum[k] += weighted[(size_t)i * layer->count + k];
    } else {
        const size_t in = layer->width[0], out = layer->width[1];
        weigh(n, in, layer->rows[0] + skipped * in, NULL, power, weighted);
        weigh(n, out, layer->rows[1] + skipped * out, weights, power, plain);
        gemm(TRANSPOSED, AS_IS, (int)out, (int)in, n, plain, weighted, 0.0f, sum);
        for (int i = 0; layer->bias && i < n; i++)
            for (size_t k = 0; k < out; k++)
                sum[in * out + k] += plain[(size_t)i * out + k];
    }
    for (size_t k = 0; k < layer->count; k++)
        total[layer->parameters + k] += (double)sum[k];
}

void sample_gradients_moments(const struct sample_gradients *gradients, const double *weights, double *sums,
                              double *squares)
{
    for (int layer = 0; layer < gradients->layer_count; layer++)
        for (int i = 0; gradients->layers[layer].count > 0 && i < gradients->count; i += TILE) {
            const int n = tile_size(gradients, i);
            add_moment(&gradients->layers[layer], i, n, weights + i, 1, gradients->room, sums);
            add_moment(&gradients->layers[layer], i, n, weights + i, 2, gradients->room, squares);
        }
}
