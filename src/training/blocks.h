/* blocks.h - how many samples an evaluation passes at once. */
#ifndef SEEDBED_TRAINING_BLOCKS_H
#define SEEDBED_TRAINING_BLOCKS_H

/* Few enough for a layer's input and output to stay in a core's cache, enough for the products to run at full speed. */
enum { EVALUATION_BLOCK = 256 };

#endif
