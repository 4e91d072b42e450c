/* width.h - how wide vectors are: those that this build was made for, and the widest that this CPU has.
 * A portable x86-64 build is made once for each width (tools/cmake/Compiler.cmake); cli/dispatch.c starts the fitting
 * one. Bits depend on it. */
#ifndef SEEDBED_KERNELS_WIDTH_H
#define SEEDBED_KERNELS_WIDTH_H

#include "seedbed/status.h"

/* Each has all of those before it. WIDTH_BASELINE: what every CPU of the architecture has. */
enum width { WIDTH_BASELINE, WIDTH_AVX2, WIDTH_AVX512, WIDTH_COUNT };

/* "baseline", "avx2", "avx512". Static text. */
const char *width_name(enum width width);

enum width width_of_build(void);
/* What the CPU has and the operating system saves. */
enum width width_of_cpu(void);

/* asked: a name, or NULL or "" for the widest, which is cpu. STATUS_USAGE when it is none that such a CPU runs. */
enum status width_choose(const char *asked, enum width cpu, enum width *out, struct error *error);

#endif
