/* remote.c - calls on a results file by way of rank 0: one block of bytes there, one back.
 * A request is a struct request, and for REQUEST_WRITE the row's bytes; a reply is a struct reply, and for
 * REQUEST_FETCH the slab. All ranks of a run are one build on one kind of machine. */
#include "results/remote.h"

#include <string.h>

#include "base/memory.h"

enum request_kind { REQUEST_BEGIN, REQUEST_WRITE, REQUEST_SETTLE, REQUEST_OUTCOME, REQUEST_STANDING, REQUEST_FETCH };

struct request {
    int32_t kind, array;
    int64_t unit;
    struct trial_ending ending;
};

struct reply {
    int64_t value; /* of what was asked: an outcome */
    struct unit_standing standing;
    struct error error;
};

static int64_t slab_bytes(const struct results_writer *writer, int array)
{
    const struct results_array *it = &writer->layout->arrays[array];
    return multiply_capped(array_items(writer->layout->dimensions, it, 1),
                           (int64_t)type_bytes(it->type, it->text_bytes));
}

/* Sends a request, with a row's bytes behind it, and gets the reply, with room for `extra` bytes behind it. */
static enum status call(const struct results_writer *writer, const struct request *request,
                        const struct results_row *row, struct reply **out, int64_t extra, struct error *error)
{
    void *sent = NULL, *got = NULL;
    const size_t payload = row == NULL ? 0 : (size_t)row->bytes, room = sizeof(struct reply) + (size_t)extra;
    TRY(memory_allocate(&sent, sizeof *request + payload, 1, "row for rank 0", error));
    enum status status = memory_allocate(&got, room, 1, "answer of rank 0", error);
    if (status == STATUS_OK) {
        memcpy(sent, request, sizeof *request);
        if (payload > 0)
            memcpy((char *)sent + sizeof *request, row->data, payload);
        status = writer->remote->call(writer->remote->context, sent, sizeof *request + payload, got, room, error);
    }
    memory_free(sent);
    if (status == STATUS_OK && ((struct reply *)got)->error.status != STATUS_OK)
        status = fail(error, ((struct reply *)got)->error.status, "%s", ((struct reply *)got)->error.text);
    if (status != STATUS_OK) {
        memory_free(got);
        return status;
    }
    *out = got;
    return STATUS_OK;
}

/* A request whose reply is a number. */
static enum status ask(const struct results_writer *writer, const struct request *request,
                       const struct results_row *row, int64_t *value, struct error *error)
{
    struct reply *reply = NULL;
    TRY(call(writer, request, row, &reply, 0, error));
    if (value != NULL)
        *value = reply->value;
    memory_free(reply);
    return STATUS_OK;
}

enum status remote_begin(struct results_writer *writer, int64_t unit, struct error *error)
{
    return ask(writer, &(struct request){.kind = REQUEST_BEGIN, .unit = unit}, NULL, NULL, error);
}

enum status remote_write(struct results_writer *writer, int64_t unit, const struct results_row *row,
                         const struct trial_ending *ending, struct error *error)
{
    const struct request request = {.kind = REQUEST_WRITE, .unit = unit, .ending = *ending};
    return ask(writer, &request, row, NULL, error);
}

enum status remote_settle(struct results_writer *writer, struct error *error)
{
    return ask(writer, &(struct request){.kind = REQUEST_SETTLE}, NULL, NULL, error);
}

enum status remote_outcome(struct results_writer *writer, int64_t trial, enum trial_outcome *out, struct error *error)
{
    int64_t value = 0;
    TRY(ask(writer, &(struct request){.kind = REQUEST_OUTCOME, .unit = trial}, NULL, &value, error));
    *out = (enum trial_outcome)value;
    return STATUS_OK;
}

enum status remote_standing(struct results_writer *writer, int64_t unit, struct unit_standing *out, struct error *error)
{
    struct reply *reply = NULL;
    TRY(call(writer, &(struct request){.kind = REQUEST_STANDING, .unit = unit}, NULL, &reply, 0, error));
    *out = reply->standing;
    memory_free(reply);
    return STATUS_OK;
}

enum status remote_fetch(struct results_writer *writer, int array, int64_t trial, void *out, struct error *error)
{
    struct reply *reply = NULL;
    const struct request request = {.kind = REQUEST_FETCH, .array = array, .unit = trial};
    const int64_t bytes = slab_bytes(writer, array);
    TRY(call(writer, &request, NULL, &reply, bytes, error));
    memcpy(out, reply + 1, (size_t)bytes);
    memory_free(reply);
    return STATUS_OK;
}

/* Writes a row that another rank has sent. */
static enum status serve_write(struct results_writer *writer, const struct request *request, size_t bytes,
                               struct error *error)
{
    int64_t place = 0;
    const enum results_table table = layout_table(writer->layout, request->unit, &place);
    struct results_row **row = &writer->served[table];
    if (*row == NULL)
        TRY(results_row_create(writer->schema, table, row, error));
    if (bytes != sizeof *request + (size_t)(*row)->bytes)
        return fail(error, STATUS_INTERNAL, "a rank sent a row of %zu bytes", bytes - sizeof *request);
    memcpy((*row)->data, request + 1, (size_t)(*row)->bytes);
    return writer_write(writer, request->unit, *row, &request->ending, error);
}

static enum status serve(struct results_writer *writer, const struct request *request, size_t bytes,
                         struct reply *reply, struct error *error)
{
    enum trial_outcome outcome = OUTCOME_NONE;
    switch (request->kind) {
    case REQUEST_BEGIN:
        return writer_begin(writer, request->unit, error);
    case REQUEST_WRITE:
        return serve_write(writer, request, bytes, error);
    case REQUEST_SETTLE:
        return results_settle(writer, error);
    case REQUEST_OUTCOME:
        TRY(results_outcome(writer, request->unit, &outcome, error));
        reply->value = outcome;
        return STATUS_OK;
    case REQUEST_STANDING:
        return results_standing(writer, request->unit, &reply->standing, error);
    default:
        return results_fetch(writer, request->array, request->unit, reply + 1, error);
    }
}

void results_serve(struct results_writer *writer, const void *request, size_t bytes, void *reply, size_t reply_bytes)
{
    struct reply *answer = reply;
    struct error error = {0};
    const struct request *asked = request;
    const int64_t units = writer->layout->trials + writer->layout->pairs;
    if (bytes < sizeof *asked || asked->kind < REQUEST_BEGIN || asked->kind > REQUEST_FETCH || asked->unit < 0 ||
        asked->unit >= units || reply_bytes < sizeof *answer ||
        (asked->kind == REQUEST_FETCH && (asked->array < 0 || asked->array >= writer->layout->schema_array_count ||
                                          reply_bytes != sizeof *answer + (size_t)slab_bytes(writer, asked->array))))
        error.status = fail(&error, STATUS_INTERNAL, "a rank asked for what is not there");
    else
        error.status = serve(writer, asked, bytes, answer, &error);
    if (reply_bytes >= sizeof *answer)
        answer->error = error;
}
