/* provenance.h - what made the numbers: engine, build, libraries, machine. */
#ifndef SEEDBED_SWEEP_PROVENANCE_H
#define SEEDBED_SWEEP_PROVENANCE_H

#include <stdint.h>

#include "sweep/schema.h"

enum { PROVENANCE_ITEMS = 11, PROVENANCE_ENGINE_BYTES = 64 };

/* mpi: the MPI library's own version text. Any rank. */
void provenance_fill(const char *mpi, struct provenance_item items[PROVENANCE_ITEMS]);

/* A line for each thing that may change bits (engine, compiler, flags, vectors, BLAS, CPU) and that is not what made
 * the file, as far as that says it. */
enum status provenance_compare(const struct results_reader *reader, struct text *out, struct error *error);

/* A warning with those lines, if there are any. */
void provenance_warn(const char *path, const struct text *differences);

/* A hash of what may change bits and is the same for every rank of a build and BLAS kernel. */
uint64_t provenance_build(void);

/* "0.1.0 (abc1234, avx2)": version and revision of the engine, and the vectors it is for. Static text. */
const char *provenance_engine(void);

#endif
