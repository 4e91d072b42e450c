/* interpolation_settings.c - the paths that `interpolation` may go, and its other settings. */
#include <stddef.h>

#include "metrics/interpolation.h"
#include "metrics/metrics.h"

static const struct mode_ops mode_linear = {
    .kind = {.name = "linear", .summary = "all parameters on the straight line"}, .share = share_linear};
static const struct mode_ops mode_homogeneous = {
    .kind = {.name = "homogeneous",
             .summary = "weights on the line; the bias of the h-th layer at (1 - a^h) b(0) + a^h b(T)"},
    .share = share_homogeneous};
static const struct mode_ops mode_weights_only = {
    .kind = {.name = "weights_only", .summary = "weights on the line, biases as trained"}, .share = share_weights_only};
static const struct mode_ops mode_biases_only = {
    .kind = {.name = "biases_only", .summary = "biases on the line, weights as trained"}, .share = share_biases_only};
static const struct mode_ops mode_last_bias_fixed = {
    .kind = {.name = "last_bias_fixed", .summary = "all on the line but the last layer's bias, which is as trained"},
    .share = share_last_bias_fixed};
const struct kind mode_layers = {.name = "layers",
                                 .summary = "one layer with weights after the other on the line, all else as trained"};
const struct kind_table interpolation_mode_table = {
    .what = "mode of interpolation",
    .plural = "modes",
    .kinds = (const struct kind *const[]){&mode_linear.kind, &mode_homogeneous.kind, &mode_weights_only.kind,
                                          &mode_biases_only.kind, &mode_last_bias_fixed.kind, &mode_layers, NULL}};

static const struct kind statistics_interpolated = {
    .name = "interpolated", .summary = "on the line, with the weights of the layer before them"};
const struct kind statistics_estimated = {.name = "estimated",
                                          .summary = "made anew at each alpha, from the training samples"};
static const struct kind_table statistics_table = {
    .what = "treatment of running statistics",
    .plural = "treatments of running statistics",
    .kinds = (const struct kind *const[]){&statistics_interpolated, &statistics_estimated, NULL}};

#define SETTING(member) .offset = offsetof(struct interpolation_settings, member), .flags = FIELD_NO_GRID

const struct field interpolation_fields[] = {
    METRIC_WHEN_FIELDS(struct interpolation_settings, "[end]"),
    {.name = "modes",
     .type = FIELD_NAMES,
     SETTING(modes),
     .default_text = "[linear]",
     .kinds = &interpolation_mode_table,
     .summary = "Ways from the parameters before training to those now: linear, homogeneous, weights_only, "
                "biases_only, last_bias_fixed, layers."},
    {.name = "parts",
     .type = FIELD_NAMES,
     SETTING(parts),
     .default_text = "[train]",
     .kinds = &part_table,
     .summary = "What is passed through the networks on the way."},
    {.name = "points",
     .type = FIELD_INTEGER,
     SETTING(points),
     .default_text = "50",
     .minimum = 2,
     .maximum = 10000,
     .summary = "Networks on the way, both ends among them."},
    {.name = "samples",
     .type = FIELD_INTEGER,
     SETTING(samples),
     .default_text = "0",
     .maximum = 1 << 30,
     .unit = "samples",
     .summary = "Training samples to use, drawn by the `metric` stream; 0 for all."},
    {.name = "running_statistics",
     .type = FIELD_NAME,
     SETTING(running_statistics),
     .default_text = "interpolated",
     .kinds = &statistics_table,
     .summary = "Batch normalisation on the way: interpolated, or estimated anew at each network."},
    {.name = "tau",
     .type = FIELD_REAL,
     SETTING(tolerance),
     .default_text = "0.05",
     .maximum = 1,
     .summary = "A plateau goes as far as loss or error is at least (1 - tau) times that at its start."},
    {.name = NULL}};

bool interpolation_names(const struct name_list *list, const struct kind *kind)
{
    for (int i = 0; i < list->count; i++)
        if (list->values[i] == kind)
            return true;
    return false;
}

bool interpolation_names_part(const struct interpolation_settings *settings, int part)
{
    return interpolation_names(&settings->parts, part_table.kinds[part]);
}

int interpolation_mode_count(const struct interpolation_settings *settings)
{
    return settings->modes.count - interpolation_names(&settings->modes, &mode_layers);
}

const struct mode_ops *interpolation_mode(const struct interpolation_settings *settings, int i)
{
    int at = 0;
    while (settings->modes.values[at] == &mode_layers || i-- > 0)
        at++;
    return (const struct mode_ops *)settings->modes.values[at];
}
