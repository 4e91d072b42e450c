#include "base/memory.h"
#include "data/data.h"
#include "sweep/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct made {
    struct plan *plan;
    struct dataset *dataset;
    struct schema *schema;
};

static struct made make(const char *text, bool with_data)
{
    struct made made = {0};
    struct faults faults = {0};
    struct error error = {0};
    const struct plan_request request = {.name = "s.yaml", .text = text, .bytes = strlen(text), .base_directory = "."};
    assert_int_equal(plan_create(&request, &made.plan, &faults, &error), STATUS_OK);
    const struct plan_source *source = plan_source(made.plan, 0);
    assert_int_equal(data_load(&source->config, source->data_seed, &made.dataset, &error), STATUS_OK);
    const struct dataset *const datasets[] = {made.dataset};
    assert_int_equal(plan_resolve(made.plan, datasets, &faults, &error), STATUS_OK);
    const struct schema_request schema = {.plan = made.plan, .yaml = text, .with_data = with_data};
    assert_int_equal(schema_create(&schema, &made.schema, &error), STATUS_OK);
    return made;
}

static void unmake(struct made *made)
{
    schema_destroy(&made->schema);
    plan_destroy(&made->plan);
    dataset_destroy(&made->dataset);
    assert_int_equal(memory_balance(), 0);
}

#define SMALL "data: {source: gaussians, dimensions: 4, classes: 3, train_count: 60, test_count: 30}\n"

static const struct results_array *find(const struct made *made, const char *group, const char *name)
{
    const struct results_schema *schema = schema_results(made->schema);
    for (int i = 0; i < schema->array_count; i++)
        if (strcmp(schema->arrays[i].group, group) == 0 && strcmp(schema->arrays[i].name, name) == 0)
            return &schema->arrays[i];
    return NULL;
}

/* Every key may be an axis, whole sections too: none may take the name of a column of the engine's. */
static void an_axis_of_any_name_has_its_own_column(void **state)
{
    (void)state;
    static const char *const sweeps[] = {
        SMALL
        "grid: {model: [{kind: mlp, hidden: [3]}, {kind: mlp, hidden: [4]}]}\nmetrics: {margins: {}, weights: {}}\n",
        SMALL "model: {hidden: [3]}\ngrid: {seed: [1, 2], train: [{epochs: 1}, {epochs: 2}], seeds: [{init: 3}]}\n",
        "model: {hidden: [3]}\ngrid: {data: [{source: gaussians, train_count: 60, test_count: 30}]}\n",
    };
    for (size_t i = 0; i < sizeof sweeps / sizeof *sweeps; i++) {
        struct made made = make(sweeps[i], false);
        struct error error = {0};
        int64_t bytes = 0;
        if (results_measure(schema_results(made.schema), &bytes, &error) != STATUS_OK)
            fail_msg("%s", error.text);
        assert_true(bytes > 0);
        for (int axis = 0; axis < plan_axis_count(made.plan); axis++)
            assert_non_null(find(&made, "trials", plan_axis_name(made.plan, axis)));
        unmake(&made);
    }
}

static void axes_have_the_narrowest_type_that_holds_their_values(void **state)
{
    (void)state;
    struct made made = make(SMALL "model: {hidden: [3]}\n"
                                  "grid:\n"
                                  "  - {seed: [1, 2], train.learning_rate: [1, 1e-3]}\n"
                                  "  - {train.loss: [mse], train.optimizer.momentum: [0]}\n",
                            true);
    const struct results_array *seed = find(&made, "trials", "seed"),
                               *rate = find(&made, "trials", "train.learning_rate");
    const struct results_array *loss = find(&made, "trials", "train.loss");
    assert_int_equal(seed->type, RESULTS_INT64);
    assert_int_equal(((const int64_t *)seed->data)[2], 2);
    assert_int_equal(rate->type, RESULTS_FLOAT64);
    assert_true(((const double *)rate->data)[1] == 1e-3 && ((const double *)rate->data)[4] == 0.05);
    assert_int_equal(loss->type, RESULTS_TEXT);
    assert_string_equal((const char *)loss->data, "cross_entropy");
    assert_string_equal((const char *)loss->data + 4 * loss->text_bytes, "mse");
    unmake(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_axis_of_any_name_has_its_own_column),
        cmocka_unit_test(axes_have_the_narrowest_type_that_holds_their_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
