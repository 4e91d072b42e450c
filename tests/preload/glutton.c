/* glutton.c - loaded before OpenBLAS: a product of matrices one of whose sizes is $GLUTTON takes all memory that there
 * is, until the kernel ends the process. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cblas.h>
#include <dlfcn.h>

typedef void sgemm(enum CBLAS_ORDER, enum CBLAS_TRANSPOSE, enum CBLAS_TRANSPOSE, blasint, blasint, blasint, float,
                   const float *, blasint, const float *, blasint, float, float *, blasint);

static void take_all_memory(void)
{
    const size_t bytes = (size_t)16 << 20;
    for (;;) {
        void *const more = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (more != MAP_FAILED)
            memset(more, 1, bytes);
    }
}

void cblas_sgemm(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE a_is, enum CBLAS_TRANSPOSE b_is, blasint m, blasint n,
                 blasint k, float alpha, const float *a, blasint lda, const float *b, blasint ldb, float beta, float *c,
                 blasint ldc)
{
    static sgemm *next;
    const char *const size = getenv("GLUTTON");
    const int wanted = size == NULL ? -1 : atoi(size);
    if (m == wanted || n == wanted || k == wanted)
        take_all_memory();
    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "cblas_sgemm");
    next(order, a_is, b_is, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
