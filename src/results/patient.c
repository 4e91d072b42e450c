/* patient.c - a driver for HDF5: one file by pwrite and pread, which makes the same bytes as HDF5's own. */
#include "results/patient.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#if H5_VERSION_GE(1, 13, 2)
#include <H5FDdevelop.h>
#endif

#include "base/memory.h"

struct patient_file {
    H5FD_t public;
    int descriptor;
    haddr_t allocated; /* by HDF5: where the next object goes */
    haddr_t end;       /* of what was written */
};

static int first_failure;

static void note_failure(void)
{
    if (first_failure == 0)
        first_failure = errno == 0 ? EIO : errno;
}

static H5FD_t *driver_open(const char *name, unsigned flags, hid_t access, haddr_t largest)
{
    (void)flags, (void)access, (void)largest;
    void *memory = NULL;
    first_failure = 0;
    if (memory_allocate(&memory, 1, sizeof(struct patient_file), "file", NULL) != STATUS_OK) {
        first_failure = ENOMEM;
        return NULL;
    }
    struct patient_file *file = memory;
    file->descriptor = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file->descriptor < 0) {
        note_failure();
        memory_free(file);
        return NULL;
    }
    return &file->public;
}

static herr_t driver_close(H5FD_t *public)
{
    struct patient_file *file = (struct patient_file *)public;
    if (close(file->descriptor) != 0)
        note_failure();
    memory_free(file);
    return 0;
}

/* As HDF5's own driver: the same features make the same layout. */
static herr_t driver_query(const H5FD_t *public, unsigned long *features)
{
    (void)public;
    *features = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
                H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
    return 0;
}

static haddr_t driver_get_eoa(const H5FD_t *public, H5FD_mem_t type)
{
    (void)type;
    return ((const struct patient_file *)public)->allocated;
}

static herr_t driver_set_eoa(H5FD_t *public, H5FD_mem_t type, haddr_t address)
{
    (void)type;
    ((struct patient_file *)public)->allocated = address;
    return 0;
}

static haddr_t driver_get_eof(const H5FD_t *public, H5FD_mem_t type)
{
    (void)type;
    return ((const struct patient_file *)public)->end;
}

/* Beyond the end of the file there are zeros. */
static herr_t driver_read(H5FD_t *public, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t size, void *buffer)
{
    (void)type, (void)transfer;
    const struct patient_file *file = (const struct patient_file *)public;
    memset(buffer, 0, size);
    for (size_t done = 0; done < size;) {
        const ssize_t got = pread(file->descriptor, (char *)buffer + done, size - done, (off_t)(address + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            return 0;
        done += (size_t)got;
    }
    return 0;
}

static herr_t driver_write(H5FD_t *public, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t size,
                           const void *buffer)
{
    (void)type, (void)transfer;
    struct patient_file *file = (struct patient_file *)public;
    for (size_t done = 0; done < size && first_failure == 0;) {
        errno = 0;
        const ssize_t put = pwrite(file->descriptor, (const char *)buffer + done, size - done, (off_t)(address + done));
        if (put > 0)
            done += (size_t)put;
        else if (errno != EINTR)
            note_failure();
    }
    if (address + size > file->end)
        file->end = address + size;
    return 0;
}

static herr_t driver_truncate(H5FD_t *public, hid_t transfer, hbool_t closing)
{
    (void)transfer, (void)closing;
    struct patient_file *file = (struct patient_file *)public;
    if (file->end == file->allocated)
        return 0;
    if (first_failure == 0 && ftruncate(file->descriptor, (off_t)file->allocated) != 0)
        note_failure();
    file->end = file->allocated;
    return 0;
}

static const H5FD_class_t driver = {
#if H5_VERSION_GE(1, 13, 2)
    .version = H5FD_CLASS_VERSION,
    .value = (H5FD_class_value_t)600, /* of those that HDF5 leaves to others */
#endif
    .name = "seedbed",
    .maxaddr = HADDR_MAX,
    .fc_degree = H5F_CLOSE_STRONG,
    .open = driver_open,
    .close = driver_close,
    .query = driver_query,
    .get_eoa = driver_get_eoa,
    .set_eoa = driver_set_eoa,
    .get_eof = driver_get_eof,
    .read = driver_read,
    .write = driver_write,
    .truncate = driver_truncate,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

hid_t patient_create(const char *path, hid_t properties, hid_t access)
{
    const hid_t registered = H5FDregister(&driver);
    hid_t file = H5I_INVALID_HID;
    if (H5Pset_driver(access, registered, NULL) >= 0)
        file = H5Fcreate(path, H5F_ACC_TRUNC, properties, access);
    H5FDunregister(registered);
    return file;
}

int patient_failure(void)
{
    return first_failure;
}
