/* preview.h - a sweep planned in this process alone, without MPI: for `plan` and `verify`. */
#ifndef SEEDBED_SWEEP_PREVIEW_H
#define SEEDBED_SWEEP_PREVIEW_H

#include "sweep/plan.h"
#include "sweep/schema.h"
#include "sweep/sweep_file.h"

struct preview {
    struct sweep_file file;
    struct plan *plan; /* resolved */
    struct dataset **datasets;
    struct schema *schema; /* declared only */
};

/* Reads the file, loads its data, resolves the plan. Close also after a failure. */
enum status preview_open(const char *path, const char *const *sets, int set_count, struct preview *out,
                         struct faults *faults, struct error *error);
/* The same for a sweep's text, which must outlive the preview. */
enum status preview_plan(const struct plan_request *request, struct preview *out, struct faults *faults,
                         struct error *error);
void preview_close(struct preview *preview);

/* Loads one of the plan's data sets; a failure names the place in the sweep file. */
enum status preview_load_source(const struct plan_source *source, struct dataset **out, struct error *error);

/* Layer by layer, network by network. */
enum status preview_models(const struct plan *plan, struct text *out, struct error *error);

/* One line a trial: number, axis values, network, work, identity, and seconds [trials] that it will take (NULL: not).
 */
enum status preview_trials(const struct plan *plan, const double *seconds, struct text *out, struct error *error);

#endif
