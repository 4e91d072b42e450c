#include "kernels/width.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"

static const char *const names[WIDTH_COUNT] = {
    [WIDTH_BASELINE] = "baseline", [WIDTH_AVX2] = "avx2", [WIDTH_AVX512] = "avx512"};

const char *width_name(enum width width)
{
    return names[width];
}

enum width width_of_build(void)
{
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512CD__) && defined(__AVX512DQ__) && \
    defined(__AVX512VL__)
    return WIDTH_AVX512;
#elif defined(__AVX2__) && defined(__FMA__)
    return WIDTH_AVX2;
#else
    return WIDTH_BASELINE;
#endif
}

/* Single features: names of levels (x86-64-v3) are known to new compilers only. */
enum width width_of_cpu(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return WIDTH_BASELINE;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return WIDTH_AVX512;
    return WIDTH_AVX2;
#else
    return WIDTH_BASELINE;
#endif
}

static enum status refuse(const char *asked, enum width cpu, struct error *error)
{
    struct text allowed = {0};
    for (int i = 0; i <= (int)cpu; i++)
        text_add(&allowed, i == 0 ? "%s" : ", %s", names[i]);
    TRY(text_status(&allowed, error));
    const enum status status = fail(error, STATUS_USAGE,
                                    "SEEDBED_VECTORS: this CPU has no vectors '%s'; allowed here: %s. Without it the "
                                    "widest of them are taken",
                                    asked, allowed.data);
    text_free(&allowed);
    return status;
}

enum status width_choose(const char *asked, enum width cpu, enum width *out, struct error *error)
{
    assert(cpu < WIDTH_COUNT);
    *out = cpu;
    if (asked == NULL || *asked == '\0')
        return STATUS_OK;
    for (int i = 0; i <= (int)cpu; i++)
        if (strcmp(names[i], asked) == 0) {
            *out = (enum width)i;
            return STATUS_OK;
        }
    return refuse(asked, cpu, error);
}
