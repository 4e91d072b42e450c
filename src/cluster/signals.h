/* signals.h - SIGTERM, SIGINT and SIGUSR1 ask for a stop in good order. */
#ifndef SEEDBED_CLUSTER_SIGNALS_H
#define SEEDBED_CLUSTER_SIGNALS_H

/* Any rank. signals_restore puts back what was there before. */
void signals_install(void);
void signals_restore(void);

#endif
