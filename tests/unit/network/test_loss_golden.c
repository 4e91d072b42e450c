/* Every loss and its gradient against the plain formulas in decimals of many digits, at ordinary and extreme logits. */
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "../../golden/losses.h"
#include "network/network.h"
#include "settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum {
    VARIANTS = sizeof golden_variants / sizeof *golden_variants,
    CASES = sizeof golden_losses / sizeof *golden_losses
};

static struct choice variant_choice(int number)
{
    const struct golden_variant *const variant = &golden_variants[number];
    struct choice choice = choice_of(&loss_table, variant->loss);
    for (int i = 0; i < GOLDEN_SETTINGS && variant->settings[i].key != NULL; i++)
        if (variant->settings[i].name != NULL)
            choice_name(&choice, variant->settings[i].key, variant->settings[i].name);
        else
            choice_real(&choice, variant->settings[i].key, variant->settings[i].value);
    if (variant->settings[0].name != NULL && strcmp(variant->settings[0].name, "class_conditional") == 0)
        choice_matrix(&choice, "matrix", GOLDEN_CLASSES, GOLDEN_CLASSES, golden_matrix);
    return choice;
}

static void values_are_those_of_the_plain_formulas(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        const struct golden_loss *const golden = &golden_losses[i];
        const struct golden_row *const row = &golden_rows[golden->row];
        const struct choice choice = variant_choice(golden->variant);
        double value;
        ((const struct loss_ops *)choice.kind)
            ->value(choice.settings, 1, GOLDEN_CLASSES, row->logits, &row->label, &value);
        if (!(fabs(value - golden->value) <= 1e-12 * golden->value + 1e-300))
            fail_msg("%s (variant %d), row %d: %.17g is not %.17g", choice.kind->name, golden->variant, golden->row,
                     value, golden->value);
    }
}

/* Errors are relative to the largest component; what a float cannot hold may be 0. */
static void gradients_are_those_of_the_plain_formulas(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        const struct golden_loss *const golden = &golden_losses[i];
        const struct golden_row *const row = &golden_rows[golden->row];
        const struct choice choice = variant_choice(golden->variant);
        float gradient[GOLDEN_CLASSES];
        double largest = 0;
        for (int j = 0; j < GOLDEN_CLASSES; j++)
            largest = fmax(largest, fabs(golden->gradient[j]));
        ((const struct loss_ops *)choice.kind)
            ->gradient(choice.settings, 1, GOLDEN_CLASSES, row->logits, &row->label, 1.0f, gradient);
        for (int j = 0; j < GOLDEN_CLASSES; j++)
            if (!(fabs((double)gradient[j] - golden->gradient[j]) <= 2e-6 * largest + 2 * (double)FLT_MIN))
                fail_msg("%s (variant %d), row %d, logit %d: %.9g is not %.9g", choice.kind->name, golden->variant,
                         golden->row, j, (double)gradient[j], golden->gradient[j]);
    }
}

static void every_loss_of_the_table_is_among_them(void **state)
{
    (void)state;
    for (const struct kind *const *kind = loss_table.kinds; *kind != NULL; kind++) {
        bool found = false;
        for (int i = 0; i < VARIANTS; i++)
            found = found || strcmp(golden_variants[i].loss, (*kind)->name) == 0;
        if (!found)
            fail_msg("%s has no golden numbers", (*kind)->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_those_of_the_plain_formulas),
        cmocka_unit_test(gradients_are_those_of_the_plain_formulas),
        cmocka_unit_test(every_loss_of_the_table_is_among_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
