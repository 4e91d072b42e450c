/* simulator.c - a heap of what happens next: trials end, messages arrive, ranks bring rows to disk.
 * Ranks do as those of a run do: they train what they are given in its order, settle what has ended by the same rule
 * between trials, and then say so. Messages reach rank 0 in the order of their arrival; it handles them one by one when
 * it next looks, and what it trains itself takes the longer for it. */
#include "sweep/simulator.h"

#include <assert.h>
#include <math.h>

#include "base/memory.h"
#include "seedbed/random.h"

const struct simulator_costs simulator_costs_measured = {
    .latency = 5e-6, .handle = 3e-6, .look = 150e-6, .wake = 60e-6, .doze = 0.5e-3, .write = 100e-6, .sync = 1e-3};

enum happening_kind {
    TRAINED,    /* a rank has trained the trial in its hands */
    TOLD_ROOT,  /* a rank's message, or several sent together, arrive */
    TOLD_WORKER /* a trial arrives */
};

struct happening {
    double time;
    int64_t order; /* of those at one time, the first made is the first */
    int32_t worker;
    int32_t what; /* TOLD_WORKER: the trial; TOLD_ROOT: how many have ended, 0: joined */
    enum happening_kind kind;
};

enum { NO_TRIAL = -1 };

/* A rank's trials are linked by simulator.next in the order given. */
struct rank {
    int32_t first, last;
    int32_t training;    /* or NO_TRIAL: idle */
    int32_t handled;     /* the last of which rank 0 knows that it has ended, or NO_TRIAL */
    int32_t held, ended; /* are trained or wait; have ended and are not settled */
    double settled, idle_since;
};

struct simulator {
    const struct simulation *simulation;
    struct scheduler *scheduler;
    struct action *actions;
    struct rank *ranks;
    int32_t *next; /* [trial_count] */
    struct happening *heap;
    int64_t count, room, made;
    double root_free;   /* when rank 0 has handled what it has seen */
    double root_look;   /* when it looks for messages, or last did */
    double root_stolen; /* handled while rank 0 trains: its trial ends so much later */
    struct simulated result;
};

static bool is_before(const struct happening *a, const struct happening *b)
{
    return a->time != b->time ? a->time < b->time : a->order < b->order;
}

static enum status make_room(struct simulator *s, struct error *error)
{
    void *memory = NULL;
    if (s->count < s->room)
        return STATUS_OK;
    const int64_t room = s->room == 0 ? 1024 : 2 * s->room;
    TRY(memory_allocate(&memory, (size_t)room, sizeof *s->heap, "simulated events", error));
    struct happening *heap = memory;
    for (int64_t i = 0; i < s->count; i++)
        heap[i] = s->heap[i];
    memory_free(s->heap);
    s->heap = heap;
    s->room = room;
    return STATUS_OK;
}

static enum status expect(struct simulator *s, double time, enum happening_kind kind, int worker, int32_t what,
                          struct error *error)
{
    TRY(make_room(s, error));
    const struct happening it = {.time = time, .order = s->made++, .worker = worker, .what = what, .kind = kind};
    int64_t place = s->count++;
    for (; place > 0 && is_before(&it, &s->heap[(place - 1) / 2]); place = (place - 1) / 2)
        s->heap[place] = s->heap[(place - 1) / 2];
    s->heap[place] = it;
    return STATUS_OK;
}

static struct happening take_first(struct simulator *s)
{
    const struct happening first = s->heap[0], last = s->heap[--s->count];
    int64_t place = 0;
    for (int64_t child = 1; child < s->count; child = 2 * place + 1) {
        child += child + 1 < s->count && is_before(&s->heap[child + 1], &s->heap[child]);
        if (!is_before(&s->heap[child], &last))
            break;
        s->heap[place] = s->heap[child];
        place = child;
    }
    s->heap[place] = last;
    return first;
}

/* With the logarithm's deviation `spread`, the mean stays. */
static double real_seconds(const struct simulation *simulation, int64_t trial)
{
    if (simulation->spread <= 0)
        return simulation->seconds[trial];
    struct random random = random_start(STREAM_METRIC, (uint64_t)trial, 0);
    const double spread = simulation->spread;
    return simulation->seconds[trial] * exp(spread * random_normal(&random) - spread * spread / 2);
}

static enum status begin(struct simulator *s, int worker, int32_t trial, double time, struct error *error)
{
    const double takes = real_seconds(s->simulation, trial) + s->simulation->costs.write;
    s->ranks[worker].training = trial;
    return expect(s, time + takes, TRAINED, worker, trial, error);
}

/* A trial comes into a rank's hands. */
static enum status give(struct simulator *s, int worker, int32_t trial, double time, struct error *error)
{
    const struct simulator_costs *costs = &s->simulation->costs;
    struct rank *rank = &s->ranks[worker];
    if (rank->last == NO_TRIAL)
        rank->first = trial;
    else
        s->next[rank->last] = trial;
    rank->last = trial;
    rank->held++;
    if (rank->training != NO_TRIAL)
        return STATUS_OK;
    if (worker != 0)
        time += costs->wake + fmin((time - rank->idle_since) / 2, costs->doze);
    return begin(s, worker, trial, time, error);
}

static enum status feed(struct simulator *s, const struct event *event, struct error *error)
{
    const int count = scheduler_handle(s->scheduler, event, s->actions);
    const double latency = s->simulation->costs.latency;
    for (int i = 0; i < count; i++) {
        const struct action *action = &s->actions[i];
        if (action->kind != ACTION_START)
            continue;
        if (action->worker == 0)
            TRY(give(s, 0, (int32_t)action->trial, s->root_free, error));
        else
            TRY(expect(s, s->root_free + latency, TOLD_WORKER, action->worker, (int32_t)action->trial, error));
    }
    return STATUS_OK;
}

/* Rank 0 handles from `time` on that so many trials of a worker have ended, or that it is there. */
static enum status handle(struct simulator *s, int worker, int32_t ended, double time, struct error *error)
{
    const double cost = s->simulation->costs.handle;
    struct rank *rank = &s->ranks[worker];
    const int count = ended > 0 ? ended : 1;
    s->root_free = fmax(s->root_free, time);
    s->result.messages += count;
    if (worker != 0 && s->ranks[0].training != NO_TRIAL)
        s->root_stolen += count * cost;
    if (ended == 0) {
        s->root_free += cost;
        return feed(s, &(struct event){.kind = EVENT_JOINED, .worker = worker}, error);
    }
    for (int i = 0; i < ended; i++) {
        const int32_t trial = rank->handled == NO_TRIAL ? rank->first : s->next[rank->handled];
        rank->handled = trial;
        s->root_free += cost;
        TRY(feed(
            s,
            &(struct event){
                .kind = EVENT_ENDED, .worker = worker, .trial = trial, .seconds = real_seconds(s->simulation, trial)},
            error));
    }
    return STATUS_OK;
}

/* What has ended on a rank is on disk at *time, and it says so. */
static enum status settle(struct simulator *s, int worker, double *time, struct error *error)
{
    struct rank *rank = &s->ranks[worker];
    const int32_t ended = rank->ended;
    *time += s->simulation->costs.sync;
    rank->settled = *time;
    rank->ended = 0;
    if (worker != 0)
        return expect(s, *time + s->simulation->costs.latency, TOLD_ROOT, worker, ended, error);
    TRY(handle(s, 0, ended, *time, error));
    *time = s->root_free;
    return STATUS_OK;
}

static enum status trained(struct simulator *s, const struct happening *it, struct error *error)
{
    struct rank *rank = &s->ranks[it->worker];
    if (it->worker == 0 && s->root_stolen > 0) {
        const double end = it->time + s->root_stolen;
        s->root_stolen = 0;
        return expect(s, end, TRAINED, 0, it->what, error);
    }
    double time = it->time;
    const bool more = --rank->held > 0;
    rank->training = more ? s->next[it->what] : NO_TRIAL;
    rank->idle_since = time;
    rank->ended++;
    if (schedule_settles(rank->ended, rank->held, time - rank->settled))
        TRY(settle(s, it->worker, &time, error));
    return more ? begin(s, it->worker, rank->training, time, error) : STATUS_OK;
}

/* When rank 0 sees a message that arrives now: at its next look, on the average. */
static double next_look(struct simulator *s, double now)
{
    const struct simulator_costs *costs = &s->simulation->costs;
    if (now <= s->root_look)
        return s->root_look;
    if (s->ranks[0].training != NO_TRIAL)
        s->root_look = now + costs->look / 2;
    else
        s->root_look = now + costs->wake + fmin((now - s->root_look) / 2, costs->doze);
    return s->root_look;
}

static enum status happen(struct simulator *s, const struct happening *it, struct error *error)
{
    switch (it->kind) {
    case TRAINED:
        return trained(s, it, error);
    case TOLD_ROOT:
        return handle(s, it->worker, it->what, next_look(s, it->time), error);
    default:
        return give(s, it->worker, it->what, it->time, error);
    }
}

static enum status start(struct simulator *s, struct error *error)
{
    const struct simulation *simulation = s->simulation;
    const enum event_kind root = simulation->root_serves ? EVENT_LOST : EVENT_JOINED;
    TRY(feed(s, &(struct event){.kind = root, .worker = 0}, error));
    for (int worker = 1; worker < simulation->scheduler.worker_count; worker++)
        TRY(expect(s, simulation->costs.latency, TOLD_ROOT, worker, 0, error));
    return STATUS_OK;
}

static void sum_up(struct simulator *s)
{
    const struct simulation *simulation = s->simulation;
    const struct scheduler_config *config = &simulation->scheduler;
    struct simulated *result = &s->result;
    const double trainers = config->worker_count - simulation->root_serves;
    double longest = 0;
    for (int64_t trial = 0; trial < config->trial_count; trial++)
        if (config->ended == NULL || !config->ended[trial]) {
            const double seconds = real_seconds(simulation, trial);
            result->work += seconds;
            longest = fmax(longest, seconds);
        }
    result->makespan = s->root_free;
    result->bound = fmax(result->work / trainers, longest);
    result->efficiency = result->makespan > 0 ? result->bound / result->makespan : 1;
    result->busy = result->makespan > 0 ? result->work / (config->worker_count * result->makespan) : 1;
    result->root_load =
        result->makespan > 0 ? (double)result->messages * simulation->costs.handle / result->makespan : 0;
    for (int worker = simulation->root_serves; worker < config->worker_count; worker++)
        result->tail += (result->makespan - s->ranks[worker].idle_since) / trainers;
}

static enum status prepare(struct simulator *s, const struct scheduler_config *config, struct error *error)
{
    TRY(scheduler_create(config, &s->scheduler, error));
    const size_t ranks = (size_t)config->worker_count;
    TRY(memory_allocate((void **)&s->actions, (size_t)scheduler_actions_max(s->scheduler), sizeof *s->actions,
                        "actions", error));
    TRY(memory_allocate((void **)&s->ranks, ranks, sizeof *s->ranks, "simulated ranks", error));
    TRY(memory_allocate((void **)&s->next, (size_t)config->trial_count, sizeof *s->next, "simulated trials", error));
    for (size_t i = 0; i < ranks; i++)
        s->ranks[i] = (struct rank){.first = NO_TRIAL, .last = NO_TRIAL, .training = NO_TRIAL, .handled = NO_TRIAL};
    return STATUS_OK;
}

static enum status run(struct simulator *s, struct error *error)
{
    TRY(start(s, error));
    while (s->count > 0) {
        const struct happening it = take_first(s);
        TRY(happen(s, &it, error));
    }
    if (!scheduler_finished(s->scheduler))
        return fail(error, STATUS_INTERNAL, "the simulated schedule stopped with %lld trials left",
                    (long long)scheduler_waiting(s->scheduler));
    sum_up(s);
    return STATUS_OK;
}

enum status simulate(const struct simulation *simulation, struct simulated *out, struct error *error)
{
    assert(simulation->scheduler.worker_count > simulation->root_serves);
    struct scheduler_config config = simulation->scheduler;
    config.chunk_seconds = schedule_chunk_seconds;
    struct simulator s = {.simulation = simulation};
    enum status status = prepare(&s, &config, error);
    if (status == STATUS_OK)
        status = run(&s, error);
    if (status == STATUS_OK)
        *out = s.result;
    memory_free(s.heap);
    memory_free(s.next);
    memory_free(s.ranks);
    memory_free(s.actions);
    scheduler_destroy(&s.scheduler);
    return status;
}
