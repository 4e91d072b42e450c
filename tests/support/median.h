/* median.h - the middle of what a benchmark measured. */
#ifndef SEEDBED_TESTS_MEDIAN_H
#define SEEDBED_TESTS_MEDIAN_H

/* Of an even count the mean of the two in the middle. Sorts the values [count], 1 at least. */
double median(int count, double *values);

#endif
