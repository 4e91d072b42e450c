/* stop.c - whether training ends at an evaluation. Limits on steps are the loop's own. */
#include "training/training.h"

bool stop_at_loss(const struct stop_config *stop, double train_loss)
{
    return stop->train_loss > 0 && train_loss <= stop->train_loss;
}

bool stop_at_epoch(const struct stop_config *stop, struct stop_memory *memory, int epoch,
                   const struct evaluation *parts)
{
    const int watched = parts[PART_VALIDATION].count > 0 ? PART_VALIDATION : PART_TEST;
    const double loss = parts[watched].mean_loss;
    if (epoch == 0 || loss < memory->least_loss)
        *memory = (struct stop_memory){.least_loss = loss, .epoch = epoch};
    if (stop->patience > 0 && epoch - memory->epoch >= stop->patience)
        return true;
    if (stop->separated && epoch > 0 && parts[PART_TRAIN].accuracy >= 1)
        return true;
    return stop_at_loss(stop, parts[PART_TRAIN].mean_loss);
}
