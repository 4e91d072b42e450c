#include "seedbed/field.h"

#include <string.h>

const struct kind *kind_find(const struct kind_table *table, const char *name)
{
    for (const struct kind *const *kind = table->kinds; *kind != NULL; kind++)
        if (strcmp((*kind)->name, name) == 0)
            return *kind;
    return NULL;
}
