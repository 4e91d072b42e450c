/* blas.c - OpenBLAS's threads and kernels.
 * A release older than the CPU does not know its model and takes the SSE3 kernels ("Prescott"), a quarter as fast.
 * Where that happened, the kernels for the CPU's own instructions are chosen, through the library's dynamic set-up when
 * it has one. Whoever sets OPENBLAS_CORETYPE is obeyed. */
#include "kernels/blas.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/width.h"

#if defined(__x86_64__)
#include <xmmintrin.h>

#pragma weak gotoblas_dynamic_init
#pragma weak gotoblas_dynamic_quit
void gotoblas_dynamic_init(void);
void gotoblas_dynamic_quit(void);

static void choose_kernel(void)
{
    static const char *const fits[WIDTH_COUNT] = {[WIDTH_AVX2] = "Haswell", [WIDTH_AVX512] = "SkylakeX"};
    const char *const fitting = fits[width_of_cpu()];
    if (fitting == NULL || getenv("OPENBLAS_CORETYPE") != NULL || strcmp(openblas_get_corename(), "Prescott") != 0)
        return;
    if (gotoblas_dynamic_init == NULL || gotoblas_dynamic_quit == NULL)
        return;
    setenv("OPENBLAS_CORETYPE", fitting, 0);
    gotoblas_dynamic_quit();
    gotoblas_dynamic_init();
}

int flush_subnormals(int on)
{
    enum { FLUSH_TO_ZERO = 0x8000, SUBNORMALS_ARE_ZERO = 0x0040 };
    const unsigned state = _mm_getcsr();
    const unsigned both = FLUSH_TO_ZERO | SUBNORMALS_ARE_ZERO;
    _mm_setcsr(on ? state | both : state & ~both);
    return (state & both) == both;
}
#elif defined(__aarch64__)
static void choose_kernel(void)
{
}

int flush_subnormals(int on)
{
    const unsigned long long flush = 1ull << 24;
    unsigned long long state;
    __asm__ volatile("mrs %0, fpcr" : "=r"(state));
    __asm__ volatile("msr fpcr, %0" : : "r"(on ? state | flush : state & ~flush));
    return (state & flush) != 0;
}
#else
static void choose_kernel(void)
{
}

int flush_subnormals(int on)
{
    (void)on;
    return 0;
}
#endif

int blas_setup(void)
{
    choose_kernel();
    if (openblas_get_num_threads() != 1)
        openblas_set_num_threads(1);
    return openblas_get_num_threads();
}

const char *blas_config(void)
{
    return openblas_get_config();
}

const char *blas_kernel(void)
{
    blas_setup();
    return openblas_get_corename();
}
