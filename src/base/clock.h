/* clock.h - time. Never an input to anything that the bit guarantee covers. */
#ifndef SEEDBED_BASE_CLOCK_H
#define SEEDBED_BASE_CLOCK_H

/* Seconds since an arbitrary start; never goes back. */
double clock_monotonic(void);

/* Seconds since 1970-01-01 UTC. */
double clock_wall(void);

/* The same, when this process was started; now, where that cannot be known. */
double clock_process_start(void);

void clock_sleep(double seconds);

#endif
