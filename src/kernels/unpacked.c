/* unpacked.c - a tile of c stays in registers. Two forms:
 * dots:  b is transposed, so that an element of c is the product of two rows. Vectors run along the sum; at its end
 *        their lanes are added.
 * outer: rows of b are added to rows of c, each times one number of a. Vectors run along the rows.
 * Rows whose length is no multiple of a vector end with one that overlaps the one before. */
#include "kernels/unpacked.h"

#include <stddef.h>

#include "kernels/vector.h"

/* Tiles that fit the registers. UNPACKED_BY_BLAS: multiplications up to which BLAS does not pack either.
 * OUTER_SUMS: numbers in c up to which rows that lie apart are no trouble. */
enum { DOT_COLUMNS = 4, CACHED = 1 << 17 /* floats */ };
#ifdef __AVX512F__
enum { DOT_ROWS = 4, OUTER_ROWS = 6, OUTER_VECTORS = 4, UNPACKED_BY_BLAS = 1000000, OUTER_SUMS = 4 * CACHED };
#else
enum { DOT_ROWS = 3, OUTER_ROWS = 6, OUTER_VECTORS = 2, UNPACKED_BY_BLAS = 0, OUTER_SUMS = CACHED };
#endif

typedef float quad __attribute__((vector_size(4 * sizeof(float)), aligned(sizeof(float)), may_alias));

/* Ones in the last `count` lanes. */
static vector_bits last_lanes(int count)
{
    vector_bits mask;
    for (int l = 0; l < LANES; l++)
        mask[l] = l < LANES - count ? 0 : -1;
    return mask;
}

INLINE vector choose(vector_bits mask, vector where_set, vector elsewhere)
{
    return (vector)((mask & (vector_bits)where_set) | (~mask & (vector_bits)elsewhere));
}

/* From each four lanes of a the even or the odd two, then those of b. */
INLINE vector halves(vector a, vector b, int odd)
{
#ifdef __clang__
    vector out;
    UNROLL for (int l = 0; l < LANES; l++) out[l] = (l % 4 < 2 ? a : b)[l / 4 * 4 + 2 * (l % 2) + odd];
    return out;
#else
    vector_bits from;
    UNROLL for (int l = 0; l < LANES; l++) from[l] = (l % 4 < 2 ? 0 : LANES) + l / 4 * 4 + 2 * (l % 2) + odd;
    return __builtin_shuffle(a, b, from);
#endif
}

INLINE vector add_pairs(vector a, vector b)
{
    return halves(a, b, 0) + halves(a, b, 1);
}

/* The sum of the lanes of each of four vectors. */
INLINE quad sums_of_lanes(const vector v[DOT_COLUMNS])
{
    float lanes[LANES];
    quad sum[LANES / 4];
    store(add_pairs(add_pairs(v[0], v[1]), add_pairs(v[2], v[3])), lanes);
    UNROLL for (int q = 0; q < LANES / 4; q++) sum[q] = *(const quad *)(const void *)(lanes + 4 * q);
    UNROLL for (int half = LANES / 8; half > 0; half /= 2) UNROLL for (int q = 0; q < half; q++) sum[q] +=
        sum[q + half];
    return sum[0];
}

/* Operands and result of one product; rest: the lanes of a row's last vector that those before it do not have, all
 * zeros when there is none. */
struct product {
    int m, n, k;
    const float *a, *b;
    size_t a_row, a_step; /* floats from one row of A to the next, and from one column */
    float beta, *c;
    vector_bits rest;
};

INLINE float updated(float sum, float beta, float before)
{
    return beta == 0.0f ? sum : sum + beta * before;
}

/* From (i, j) on. */
INLINE void dot_tile(int rows, int columns, const struct product *p, int i, int j)
{
    const size_t k = (size_t)p->k;
    const float *a = p->a + (size_t)i * k, *b = p->b + (size_t)j * k;
    vector sums[DOT_ROWS][DOT_COLUMNS];
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int s = 0; s < DOT_COLUMNS; s++) sums[r][s] = (vector){0};
    for (size_t l = 0; l + LANES <= k; l += LANES, a += LANES, b += LANES) {
        vector x[DOT_ROWS];
        UNROLL for (int r = 0; r < rows; r++) x[r] = load(a + (size_t)r * k);
        UNROLL for (int s = 0; s < columns; s++)
        {
            const vector y = load(b + (size_t)s * k);
            UNROLL for (int r = 0; r < rows; r++) sums[r][s] += x[r] * y;
        }
    }
    if (k % LANES != 0) {
        const size_t back = LANES - k % LANES;
        UNROLL for (int r = 0; r < rows; r++)
        {
            const vector x = choose(p->rest, load(a + (size_t)r * k - back), (vector){0});
            UNROLL for (int s = 0; s < columns; s++) sums[r][s] +=
                x * choose(p->rest, load(b + (size_t)s * k - back), (vector){0});
        }
    }
    UNROLL for (int r = 0; r < rows; r++)
    {
        float *const c = p->c + (size_t)(i + r) * (size_t)p->n + j;
        const quad sum = sums_of_lanes(sums[r]);
        UNROLL for (int s = 0; s < columns; s++) c[s] = updated(sum[s], p->beta, c[s]);
    }
}

INLINE void dot_columns(int columns, const struct product *p, int first, int end, int j)
{
    int i = first;
    for (; i + DOT_ROWS <= end; i += DOT_ROWS)
        dot_tile(DOT_ROWS, columns, p, i, j);
    for (; i < end; i++)
        dot_tile(1, columns, p, i, j);
}

/* Some rows of a stay in the second cache while all of b passes, some of b in the first one while those of a do. */
static void multiply_dots(const struct product *p)
{
    const int block = p->k > CACHED / DOT_ROWS ? DOT_ROWS : CACHED / p->k / DOT_ROWS * DOT_ROWS;
    for (int first = 0; first < p->m; first += block) {
        const int end = p->m - first < block ? p->m : first + block;
        int j = 0;
        for (; j + 4 <= p->n; j += 4)
            dot_columns(4, p, first, end, j);
        for (; j + 2 <= p->n; j += 2)
            dot_columns(2, p, first, end, j);
        for (; j < p->n; j++)
            dot_columns(1, p, first, end, j);
    }
}

/* From (i, j) on. part: one vector, of which only the lanes of `rest` are stored. */
INLINE void outer_tile(int rows, int vectors, bool part, const struct product *p, int i, int j)
{
    const size_t n = (size_t)p->n;
    const float *a = p->a + (size_t)i * p->a_row, *b = p->b + j;
    vector sums[OUTER_ROWS][OUTER_VECTORS];
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < vectors; v++) sums[r][v] = (vector){0};
    for (int l = 0; l < p->k; l++, a += p->a_step, b += n) {
        vector y[OUTER_VECTORS];
        UNROLL for (int v = 0; v < vectors; v++) y[v] = load(b + v * LANES);
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < vectors; v++) sums[r][v] +=
            a[(size_t)r * p->a_row] * y[v];
    }
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < vectors; v++)
    {
        float *const c = p->c + (size_t)(i + r) * n + j + v * LANES;
        vector now = sums[r][v];
        if (p->beta != 0.0f)
            now += p->beta * load(c);
        store(part ? choose(p->rest, now, load(c)) : now, c);
    }
}

INLINE void outer_columns(int vectors, bool part, const struct product *p, int j)
{
    int i = 0;
    for (; i + OUTER_ROWS <= p->m; i += OUTER_ROWS)
        outer_tile(OUTER_ROWS, vectors, part, p, i, j);
    for (; i + 2 <= p->m; i += 2)
        outer_tile(2, vectors, part, p, i, j);
    for (; i < p->m; i++)
        outer_tile(1, vectors, part, p, i, j);
}

/* Some columns of b stay in cache while all of a passes. */
static void multiply_outer(const struct product *p)
{
    int j = 0;
    for (; j + OUTER_VECTORS * LANES <= p->n; j += OUTER_VECTORS * LANES)
        outer_columns(OUTER_VECTORS, false, p, j);
    for (; j + LANES <= p->n; j += LANES)
        outer_columns(1, false, p, j);
    if (j < p->n)
        outer_columns(1, true, p, p->n - LANES);
}

/* What follows was measured (tests/bench/bench_gemm.c). Packing costs some 22 multiplications for each number that is
 * packed, the addition of lanes some 100 for each sum. BLAS is slow at few columns of b that are to be transposed. */
static bool dots_fit(double m, double n, double k)
{
    const bool packs = m * n * k > UNPACKED_BY_BLAS || m > 64;
    return packs && k >= LANES && m * k <= 2 * CACHED && 22 / m + 22 / n > 100 / k + 0.05;
}

/* Rows of b that lie a multiple of 4096 bytes apart drive each other out of the cache. */
static bool outer_fits(double m, double n, double k)
{
    const bool cached = k <= 128 || (m <= 128 && n * k <= 3 * CACHED && (int)n % 1024 != 0);
    return m * n * k > UNPACKED_BY_BLAS && n >= LANES && m * n <= OUTER_SUMS && cached;
}

/* A build without wide vectors leaves all to BLAS, which chooses its kernels as it runs. */
bool unpacked_fits(enum operand a_is, enum operand b_is, int m, int n, int k)
{
    const bool wide = LANES > 4;
    return wide && (b_is == TRANSPOSED ? a_is == AS_IS && dots_fit(m, n, k) : outer_fits(m, n, k));
}

void unpacked_product(enum operand a_is, enum operand b_is, int m, int n, int k, const float *a, const float *b,
                      float beta, float *c)
{
    const bool dots = b_is == TRANSPOSED;
    const struct product p = {.m = m,
                              .n = n,
                              .k = k,
                              .a = a,
                              .b = b,
                              .a_row = a_is == TRANSPOSED ? 1 : (size_t)k,
                              .a_step = a_is == TRANSPOSED ? (size_t)m : 1,
                              .beta = beta,
                              .c = c,
                              .rest = last_lanes((dots ? k : n) % LANES)};
    if (dots)
        multiply_dots(&p);
    else
        multiply_outer(&p);
}
