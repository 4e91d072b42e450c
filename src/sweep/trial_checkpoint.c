#include "sweep/trial_checkpoint.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

static const double slow_disk = 1e8; /* bytes a second */

/* The parts of a file. */
enum { PART_MEMORY, PART_PLACE, PART_PARAMETERS, PART_OPTIMIZER, PART_ROW, PART_METRICS, PART_CHOICES, PARTS };

static void describe_parts(struct trial_checkpoint *c, struct checkpoint_part parts[PARTS])
{
    const int64_t values = network_parameter_count(c->network) + network_state_count(c->network);
    parts[PART_MEMORY] = (struct checkpoint_part){.data = &c->kept, .bytes = sizeof c->kept};
    parts[PART_PLACE] = (struct checkpoint_part){.data = &c->training->place, .bytes = sizeof c->training->place};
    parts[PART_PARAMETERS] =
        (struct checkpoint_part){.data = network_parameters(c->network), .bytes = (size_t)values * sizeof(float)};
    parts[PART_OPTIMIZER] = (struct checkpoint_part){.data = c->training->optimizer,
                                                     .bytes = (size_t)c->training->optimizer_count * sizeof(float)};
    parts[PART_ROW].data = results_row_bytes(c->row, &parts[PART_ROW].bytes);
    parts[PART_METRICS].data = trial_metrics_kept(c->metrics, &parts[PART_METRICS].bytes);
    (void)reduction_state(c->reduction, &parts[PART_CHOICES].bytes);
    parts[PART_CHOICES].data = c->kept_choices;
}

enum status trial_checkpoint_open(struct trial_checkpoint *c, struct error *error)
{
    struct error why = {0};
    c->started = c->saved = clock_monotonic();
    if (c->store == NULL)
        return STATUS_OK;
    if (checkpoint_open(c->store, &c->mark, &c->file, &why) != STATUS_OK) {
        log_warning("%s: its trial begins anew", why.text);
        c->has_file = true;
    }
    if (c->file == NULL)
        return STATUS_OK;
    c->has_file = true;
    TRY(checkpoint_read(c->file, PART_MEMORY, 1,
                        &(struct checkpoint_part){.data = &c->memory, .bytes = sizeof c->memory}, error));
    c->started -= c->memory.seconds;
    return STATUS_OK;
}

void trial_checkpoint_close(struct trial_checkpoint *c)
{
    checkpoint_close(&c->file);
    memory_free(c->kept_choices);
    c->kept_choices = NULL;
}

enum status trial_checkpoint_prepare(struct trial_checkpoint *c, struct error *error)
{
    size_t bytes = 0;
    (void)reduction_state(c->reduction, &bytes);
    return memory_allocate(&c->kept_choices, bytes, 1, "kept samples", error);
}

/* Before any has been written. */
static void expect_time(struct trial_checkpoint *c, const struct checkpoint_part parts[PARTS])
{
    double bytes = 0;
    for (int i = 0; i < PARTS; i++)
        bytes += (double)parts[i].bytes;
    if (c->store != NULL && c->store->slowest < bytes / slow_disk)
        c->store->slowest = bytes / slow_disk;
}

enum status trial_checkpoint_begin(struct trial_checkpoint *c, struct training_state *state, struct error *error)
{
    struct checkpoint_part parts[PARTS];
    size_t bytes = 0;
    c->training = state;
    describe_parts(c, parts);
    expect_time(c, parts);
    if (c->file == NULL)
        return STATUS_OK;
    TRY(checkpoint_read(c->file, 0, PARTS, parts, error));
    checkpoint_close(&c->file);
    c->memory = c->kept;
    memcpy(reduction_state(c->reduction, &bytes), c->kept_choices, parts[PART_CHOICES].bytes);
    trial_metrics_restore(c->metrics);
    return STATUS_OK;
}

/* What it costs not to have one is time: a failure is said, and training goes on. */
static void save(struct trial_checkpoint *c)
{
    struct error why = {0};
    struct checkpoint_part parts[PARTS];
    if (c->store == NULL)
        return;
    c->kept.seconds = clock_monotonic() - c->started;
    describe_parts(c, parts);
    if (checkpoint_write(c->store, &c->mark, PARTS, parts, &why) == STATUS_OK)
        c->has_file = true;
    else
        log_warning("%s: the trial goes on without a checkpoint", why.text);
    c->saved = clock_monotonic();
}

static bool is_due(const struct trial_checkpoint *c)
{
    return c->store != NULL && c->store->interval > 0 && clock_monotonic() - c->saved > c->store->interval;
}

void trial_checkpoint_rest(struct trial_checkpoint *c)
{
    if (is_due(c))
        save(c);
}

enum status trial_checkpoint_step(struct trial_checkpoint *c, enum status yielded)
{
    if (yielded == STATUS_STOPPED || (yielded == STATUS_OK && is_due(c))) {
        trial_checkpoint_enter(c);
        save(c);
    }
    return yielded;
}

void trial_checkpoint_enter(struct trial_checkpoint *c)
{
    size_t bytes = 0;
    const void *const choices = reduction_state(c->reduction, &bytes);
    c->kept = c->memory;
    memcpy(c->kept_choices, choices, bytes);
    trial_metrics_keep(c->metrics);
}

enum status trial_checkpoint_leave(struct trial_checkpoint *c, enum status passed)
{
    if (passed == STATUS_STOPPED)
        save(c);
    return passed;
}
