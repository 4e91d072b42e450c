/* arena.c - a list of chunks, filled in order; rewinding keeps the chunks for the next points of the grid. */
#include "base/memory.h"
#include "config/tree.h"

enum { CHUNK_BYTES = 1 << 16, ALIGNMENT = 16 };

struct chunk {
    struct chunk *next;
    size_t start; /* bytes in the chunks before this one */
    size_t capacity, used;
    _Alignas(ALIGNMENT) unsigned char room[];
};

struct tree_arena {
    struct chunk *first, *current;
};

static struct chunk *chunk_create(size_t start, size_t capacity, struct error *error)
{
    void *room = NULL;
    if (memory_allocate(&room, 1, sizeof(struct chunk) + capacity, "YAML tree", error) != STATUS_OK)
        return NULL;
    struct chunk *chunk = room;
    chunk->start = start;
    chunk->capacity = capacity;
    return chunk;
}

static void chunks_destroy(struct chunk *chunk)
{
    while (chunk != NULL) {
        struct chunk *next = chunk->next;
        memory_free(chunk);
        chunk = next;
    }
}

enum status tree_arena_create(struct tree_arena **out, struct error *error)
{
    void *room = NULL;
    TRY(memory_allocate(&room, 1, sizeof(struct tree_arena), "YAML tree", error));
    struct tree_arena *arena = room;
    arena->first = arena->current = chunk_create(0, CHUNK_BYTES, error);
    if (arena->first == NULL) {
        memory_free(arena);
        return STATUS_NO_MEMORY;
    }
    *out = arena;
    return STATUS_OK;
}

void tree_arena_destroy(struct tree_arena **arena)
{
    if (*arena == NULL)
        return;
    chunks_destroy((*arena)->first);
    memory_free(*arena);
    *arena = NULL;
}

size_t tree_arena_mark(const struct tree_arena *arena)
{
    return arena->current->start + arena->current->used;
}

void tree_arena_rewind(struct tree_arena *arena, size_t mark)
{
    struct chunk *chunk = arena->first;
    while (chunk->start + chunk->capacity < mark)
        chunk = chunk->next;
    chunk->used = mark - chunk->start;
    arena->current = chunk;
}

/* Moves on to a chunk with room for bytes: the next one if it is large enough, else a new one in its place. */
static struct chunk *next_chunk(struct tree_arena *arena, size_t bytes)
{
    struct chunk *current = arena->current;
    if (current->next == NULL || current->next->capacity < bytes) {
        chunks_destroy(current->next);
        current->next =
            chunk_create(current->start + current->capacity, bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES, NULL);
    }
    if (current->next == NULL)
        return NULL;
    current->next->used = 0;
    arena->current = current->next;
    return arena->current;
}

void *tree_arena_room(struct tree_arena *arena, size_t bytes)
{
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct chunk *chunk = arena->current;
    if (chunk->capacity - chunk->used < bytes)
        chunk = next_chunk(arena, bytes);
    if (chunk == NULL)
        return NULL;
    void *room = chunk->room + chunk->used;
    chunk->used += bytes;
    return room;
}
