/* blas.h - the state of the BLAS library: threads, kernel, and where its numbers come from. */
#ifndef SEEDBED_KERNELS_BLAS_H
#define SEEDBED_KERNELS_BLAS_H

/* Holds OpenBLAS to one thread, and to the kernels that fit this CPU. Cheap to call again; network_create does.
 * Returns the number of threads in force: anything but 1 means that the library did not obey. Any rank. */
int blas_setup(void);

/* For the provenance of results: how the library was built, and the name of the kernels in force. Static text. */
const char *blas_config(void);
const char *blas_kernel(void);

/* Turns flushing of subnormal numbers to zero on or off for this thread; returns whether it was on before. */
int flush_subnormals(int on);

#endif
