/* patient.h - files that HDF5 writes and that may fail to be written.
 * HDF5 1.10 does not survive a failed write: its cache is left in disorder, the file cannot be closed, and the program
 * crashes at its end. This driver keeps a failure to itself until the file is closed. */
#ifndef SEEDBED_RESULTS_PATIENT_H
#define SEEDBED_RESULTS_PATIENT_H

#include <hdf5.h>

/* Makes a new file, one at a time; negative when it cannot be opened. properties, access: as of H5Fcreate. */
hid_t patient_create(const char *path, hid_t properties, hid_t access);

/* errno of the first write since then that failed; 0: none did. */
int patient_failure(void);

#endif
