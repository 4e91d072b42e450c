/* kinds.h - the entries of this folder's tables. */
#ifndef SEEDBED_DATA_KINDS_H
#define SEEDBED_DATA_KINDS_H

#include "data/data.h"

extern const struct dataset_ops dataset_glyphs, dataset_gaussians, dataset_mnist, dataset_cifar10, dataset_cifar100,
    dataset_hdf5;
extern const struct label_noise_ops label_noise_observed, label_noise_none, label_noise_symmetric, label_noise_uniform,
    label_noise_pair, label_noise_permute, label_noise_class_conditional;
extern const struct kind normalisation_none, normalisation_unit, normalisation_standard, normalisation_sphere;
extern const struct kind validation_labels_observed, validation_labels_true;

#endif
