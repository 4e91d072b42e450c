#include <hdf5.h>
#include <stdio.h>

#include "results/results.h"

void results_library(char *text, size_t bytes)
{
    unsigned major = 0, minor = 0, release = 0;
    H5get_libversion(&major, &minor, &release);
    snprintf(text, bytes, "HDF5 %u.%u.%u", major, minor, release);
}
