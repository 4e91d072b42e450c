#include "sweep/provenance.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "kernels/blas.h"
#include "kernels/width.h"
#include "seedbed/version.h"
#include "sweep/build.h"

/* The first "model name" of /proc/cpuinfo; empty where there is none. */
static void read_cpu(char *text, size_t bytes)
{
    char line[256];
    FILE *stream = fopen("/proc/cpuinfo", "r");
    text[0] = '\0';
    while (stream != NULL && text[0] == '\0' && fgets(line, sizeof line, stream) != NULL) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || colon == NULL)
            continue;
        line[strcspn(line, "\n")] = '\0';
        snprintf(text, bytes, "%s", colon + 2);
    }
    if (stream != NULL)
        fclose(stream);
}

static void set(struct provenance_item *item, const char *name, const char *text)
{
    item->name = name;
    snprintf(item->text, sizeof item->text, "%s", text);
}

const char *provenance_engine(void)
{
    static char text[PROVENANCE_ENGINE_BYTES];
    snprintf(text, sizeof text, "%s (%s, %s)", SEEDBED_VERSION, SEEDBED_REVISION, width_name(width_of_build()));
    return text;
}

void provenance_fill(const char *mpi, struct provenance_item items[PROVENANCE_ITEMS])
{
    char text[512];
    struct utsname system;
    int i = 0;
    set(&items[i++], "engine", SEEDBED_VERSION);
    set(&items[i++], "revision", SEEDBED_REVISION);
    snprintf(text, sizeof text, "%d", SEEDBED_NUMERICS_VERSION);
    set(&items[i++], "numerics_version", text);
    set(&items[i++], "compiler", SEEDBED_COMPILER);
    set(&items[i++], "flags", SEEDBED_FLAGS);
    set(&items[i++], "vectors", width_name(width_of_build()));
    set(&items[i++], "mpi", mpi);
    results_library(text, sizeof text);
    set(&items[i++], "hdf5", text);
    snprintf(text, sizeof text, "%s, kernel %s", blas_config(), blas_kernel());
    set(&items[i++], "blas", text);
    read_cpu(text, sizeof text);
    set(&items[i++], "cpu", text);
    if (uname(&system) == 0)
        snprintf(text, sizeof text, "%.120s %.120s %.120s", system.sysname, system.release, system.machine);
    set(&items[i++], "system", text);
}

uint64_t provenance_build(void)
{
    const char *const texts[] = {provenance_engine(), SEEDBED_COMPILER, SEEDBED_FLAGS, blas_config(), blas_kernel()};
    const int numerics = SEEDBED_NUMERICS_VERSION;
    uint64_t hash = hash_bytes64(&numerics, sizeof numerics, 0);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        hash = hash_bytes64(texts[i], strlen(texts[i]), hash);
    return hash;
}

enum status provenance_compare(const struct results_reader *reader, struct text *out, struct error *error)
{
    static const char *const names[] = {"revision", "numerics_version", "compiler", "flags", "vectors", "blas", "cpu"};
    struct provenance_item now[PROVENANCE_ITEMS];
    provenance_fill("", now);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[64];
        char *then = NULL;
        size_t bytes = 0;
        int64_t count = 0;
        snprintf(path, sizeof path, "/provenance/%s", names[i]);
        if (!results_reader_has(reader, path))
            continue;
        TRY(results_read_texts(reader, path, &then, &bytes, &count, error));
        for (int j = 0; j < PROVENANCE_ITEMS; j++)
            if (strcmp(now[j].name, names[i]) == 0 && strcmp(now[j].text, then) != 0)
                text_add(out, "%s: '%s' made it, here it is '%s'\n", names[i], then, now[j].text);
        memory_free(then);
    }
    return text_status(out, error);
}

void provenance_warn(const char *path, const struct text *differences)
{
    if (differences->length > 0)
        log_warning("%s: its trials may have other bits than this engine's:\n%s", path, differences->data);
}
