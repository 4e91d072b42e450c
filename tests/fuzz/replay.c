/* replay.c - a main for the fuzz harnesses where there is no fuzzer: feeds every file of the folders named, then every
 * one of its beginnings and single flipped bits for small files. Run in every test run. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_BYTES_MAX = 1 << 20, MUTATED_BYTES_MAX = 512, PATH_BYTES = 4096 };

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

static void feed_mutations(uint8_t *data, size_t size)
{
    for (size_t cut = 0; cut < size; cut++)
        feed(data, cut);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        feed(data, size);
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static int replay_file(const char *path)
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
    if (size <= MUTATED_BYTES_MAX)
        feed_mutations(data, size);
    return 0;
}

/* How many files were fed; negative when one could not be. */
static int replay_folder(const char *path)
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
        failures += replay_file(file);
        count++;
    }
    closedir(folder);
    return failures > 0 ? -1 : count;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const int count = replay_folder(argv[i]);
        if (count <= 0) {
            fprintf(stderr, "%s: nothing to replay\n", argv[i]);
            return 1;
        }
        printf("%s: %d files\n", argv[i], count);
    }
    return argc > 1 ? 0 : 1;
}
