#include "sweep/stored.h"

#include <string.h>

#include "base/memory.h"

static void split_lines(struct stored_sweep *stored)
{
    char *lines = stored->lines;
    while (*lines != '\0' && stored->set_count < STORED_SETS_MAX) {
        const size_t length = strcspn(lines, "\n");
        const bool last = lines[length] == '\0';
        lines[length] = '\0';
        stored->sets[stored->set_count++] = lines;
        lines += length + (last ? 0 : 1);
    }
}

enum status stored_sweep_read(const struct results_reader *reader, struct stored_sweep *out, struct error *error)
{
    size_t bytes = 0;
    int64_t count = 0;
    *out = (struct stored_sweep){0};
    enum status status = results_read_texts(reader, "/sweep/yaml", &out->yaml, &bytes, &count, error);
    if (status == STATUS_OK)
        status = results_read_texts(reader, "/sweep/set", &out->lines, &bytes, &count, error);
    if (status == STATUS_OK)
        split_lines(out);
    else
        stored_sweep_free(out);
    return status;
}

void stored_sweep_free(struct stored_sweep *stored)
{
    memory_free(stored->yaml);
    memory_free(stored->lines);
    *stored = (struct stored_sweep){0};
}

struct plan_request stored_sweep_request(const struct stored_sweep *stored, const char *folder)
{
    return (struct plan_request){.name = "/sweep/yaml",
                                 .text = stored->yaml,
                                 .bytes = strlen(stored->yaml),
                                 .base_directory = folder,
                                 .sets = stored->sets,
                                 .set_count = stored->set_count};
}
