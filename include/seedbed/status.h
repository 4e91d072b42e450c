/* status.h - how a function says what went wrong.
 * The first function that decides writes the message; its callers only pass the status on. */
#ifndef SEEDBED_STATUS_H
#define SEEDBED_STATUS_H

#ifdef __GNUC__
#define SEEDBED_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define SEEDBED_PRINTF(text, first)
#endif

enum status {
    STATUS_OK = 0,
    STATUS_USAGE,       /* the command line is wrong */
    STATUS_BAD_SWEEP,   /* the sweep file is wrong */
    STATUS_BAD_DATA,    /* a data file is missing, truncated or foreign */
    STATUS_BAD_RESULTS, /* a results file is damaged, foreign or of another version */
    STATUS_NO_MEMORY,   /* an allocation failed */
    STATUS_NO_SPACE,    /* the disk is full */
    STATUS_IO,          /* the operating system refused to read or write */
    STATUS_BUSY,        /* another run has the results file */
    STATUS_MPI,         /* a message could not be sent or received */
    STATUS_DIVERGED,    /* training met NaN or overflow: an outcome, not an error */
    STATUS_TIMEOUT,     /* the trial's time is over: an outcome, not an error */
    STATUS_STOPPED,     /* asked to stop before the end, in good order */
    STATUS_INTERNAL     /* our own mistake */
};

enum { ERROR_TEXT_BYTES = 1024 };

struct error {
    enum status status;
    char text[ERROR_TEXT_BYTES];
};

/* Writes the message (cut to what fits) and returns status. error may be NULL. Any rank. */
enum status fail(struct error *error, enum status status, const char *format, ...) SEEDBED_PRINTF(3, 4);

/* Puts "prefix: " before the message that is there and returns its status: for a caller that knows the place. */
enum status fail_within(struct error *error, const char *format, ...) SEEDBED_PRINTF(2, 3);

/* Returns at once with a failure. Only in functions that own nothing. */
#define TRY(expression)                              \
    do {                                             \
        const enum status try_status = (expression); \
        if (try_status != STATUS_OK)                 \
            return try_status;                       \
    } while (0)

#endif
