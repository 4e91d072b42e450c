/* schema_stages.c - what is recorded of the stages before the main training. */
#include "sweep/schema_build.h"

static const struct column stage_columns[STAGE_COLUMN_COUNT] = {
    [STAGE_NOISE_RATE] = {.name = "noise_rate",
                          .type = COLUMN_FLOAT64,
                          .units = "1",
                          .long_name = "share of the labels of the stage that differ from the true ones"},
    [STAGE_EPOCHS_RUN] = {.name = "epochs_run",
                          .type = COLUMN_INT32,
                          .units = "epoch",
                          .long_name = "epochs run in the stage; its rules may have cut the last one short"},
    [STAGE_STEPS] = {.name = "steps",
                     .type = COLUMN_INT64,
                     .units = "step",
                     .long_name = "optimizer steps of the stage"},
    [STAGE_TRAIN_LOSS] = {.name = "train_loss",
                          .type = COLUMN_FLOAT64,
                          .units = "1",
                          .long_name = "mean of the stage's loss at its end, on the labels of the stage"},
    [STAGE_TRAIN_ACCURACY] = {.name = "train_accuracy",
                              .type = COLUMN_FLOAT64,
                              .units = "1",
                              .long_name = "accuracy at the stage's end on the labels of the stage"},
};

enum status schema_add_stages(struct schema *schema, const struct schema_request *request, struct error *error)
{
    struct results_dimension stage = {.name = "stage",
                                      .type = RESULTS_INT64,
                                      .size = plan_most_stages(request->plan),
                                      .units = "1",
                                      .long_name = "stage before the main training, as in train.stages"};
    int dimensions[] = {DIM_TRIAL, 0};
    for (int i = 0; i < STAGE_COLUMN_COUNT; i++)
        schema->stages[i] = -1;
    if (stage.size == 0)
        return STATUS_OK;
    TRY(schema_add_dimension(schema, &stage, &dimensions[1], error));
    for (int i = 0; i < STAGE_COLUMN_COUNT; i++) {
        schema->stages[i] = schema->results.array_count;
        TRY(schema_add_column(schema, "stages", &stage_columns[i], 2, dimensions, error));
        schema_mark_optional(schema);
    }
    return STATUS_OK;
}
