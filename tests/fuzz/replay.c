/* replay.c - a main for the fuzz harnesses where there is no fuzzer: feeds every file of the folders named, then every
 * one of its beginnings and single flipped bits for small files, and so many drawn changes, always the same, of larger
 * ones. Run in every test run; `-n COUNT` asks for more. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_BYTES_MAX = 1 << 20, SMALL_BYTES_MAX = 512, PATH_BYTES = 4096, DRAWN_CHANGES = 300, EDITS_MAX = 4 };

/* A copy in a block of just this size, so that a sanitizer sees a step beyond it. */
static void feed(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size == 0 ? 1 : size);
    if (exact == NULL)
        abort();
    memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static void feed_all_changes(uint8_t *data, size_t size)
{
    for (size_t cut = 0; cut < size; cut++)
        feed(data, cut);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        feed(data, size);
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* Xorshift (Marsaglia 2003). */
static uint64_t draw(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Formats leave much room empty: the next byte that is not zero, three times in four. */
static size_t draw_place(const uint8_t *data, size_t size, uint64_t *state)
{
    size_t at = draw(state) % size;
    for (size_t step = 0; data[at] == 0 && step < size && draw(state) % 4 > 0; step++)
        at = (at + 1) % size;
    return at;
}

static void edit(uint8_t *data, size_t size, uint64_t *state)
{
    static const uint64_t numbers[] = {0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff, 1ull << 40, ~0ull};
    const size_t at = draw_place(data, size, state);
    const uint64_t number = numbers[draw(state) % (sizeof numbers / sizeof numbers[0])];
    const size_t width = (size_t)1 << draw(state) % 4;
    switch (draw(state) % 3) {
    case 0:
        data[at] ^= (uint8_t)(1u << draw(state) % 8);
        break;
    case 1:
        data[at] = (uint8_t)draw(state);
        break;
    default:
        memcpy(data + at, &number, width < size - at ? width : size - at);
    }
}

static void feed_drawn_changes(const uint8_t *data, size_t size, long count)
{
    uint64_t state = 0x9e3779b97f4a7c15ull + size;
    uint8_t *changed = malloc(size);
    if (changed == NULL)
        abort();
    for (long i = 0; i < count; i++) {
        memcpy(changed, data, size);
        for (uint64_t edits = 1 + draw(&state) % EDITS_MAX; edits > 0; edits--)
            edit(changed, size, &state);
        feed(changed, draw(&state) % 8 == 0 ? draw(&state) % size : size);
    }
    free(changed);
}

static int replay_file(const char *path, long changes)
{
    static uint8_t data[INPUT_BYTES_MAX];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    const size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    feed(data, size);
    if (size <= SMALL_BYTES_MAX)
        feed_all_changes(data, size);
    else
        feed_drawn_changes(data, size, changes);
    return 0;
}

/* How many files were fed; negative when one could not be. */
static int replay_folder(const char *path, long changes)
{
    DIR *folder = opendir(path);
    int count = 0, failures = 0;
    if (folder == NULL) {
        perror(path);
        return -1;
    }
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char file[PATH_BYTES];
        if (entry->d_name[0] == '.' || snprintf(file, sizeof file, "%s/%s", path, entry->d_name) >= PATH_BYTES)
            continue;
        failures += replay_file(file, changes);
        count++;
    }
    closedir(folder);
    return failures > 0 ? -1 : count;
}

int main(int argc, char **argv)
{
    const int asked = argc > 2 && strcmp(argv[1], "-n") == 0;
    const long changes = asked ? strtol(argv[2], NULL, 10) : DRAWN_CHANGES;
    const int first = asked ? 3 : 1;
    for (int i = first; i < argc; i++) {
        const int count = replay_folder(argv[i], changes);
        if (count <= 0) {
            fprintf(stderr, "%s: nothing to replay\n", argv[i]);
            return 1;
        }
        printf("%s: %d files\n", argv[i], count);
    }
    return argc > first ? 0 : 1;
}
