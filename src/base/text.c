#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

static int text_reserve(struct text *text, size_t more)
{
    if (text->failed)
        return 0;
    if (text->length + more + 1 <= text->capacity)
        return 1;
    const size_t capacity = 2 * (text->length + more + 1) + 64;
    void *data = NULL;
    if (memory_allocate(&data, capacity, 1, "text", NULL) != STATUS_OK) {
        text->failed = 1;
        return 0;
    }
    if (text->length > 0)
        memcpy(data, text->data, text->length);
    memory_free(text->data);
    text->data = data;
    text->capacity = capacity;
    return 1;
}

void text_add_bytes(struct text *text, const char *bytes, size_t count)
{
    if (!text_reserve(text, count))
        return;
    memcpy(text->data + text->length, bytes, count);
    text->length += count;
    text->data[text->length] = '\0';
}

void text_add(struct text *text, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    const int count = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (count >= 0 && text_reserve(text, (size_t)count)) {
        vsnprintf(text->data + text->length, (size_t)count + 1, format, again);
        text->length += (size_t)count;
    }
    va_end(again);
}

enum status text_status(const struct text *text, struct error *error)
{
    return text->failed ? fail(error, STATUS_NO_MEMORY, "no memory for a text of %zu bytes", text->length) : STATUS_OK;
}

void text_free(struct text *text)
{
    memory_free(text->data);
    *text = (struct text){0};
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

int text_distance(const char *a, const char *b)
{
    enum { MOST = 64 };
    int row[3][MOST];
    const int n = least((int)strlen(a), MOST - 1);
    const int m = least((int)strlen(b), MOST - 1);
    for (int j = 0; j <= m; j++)
        row[0][j] = j;
    for (int i = 1; i <= n; i++) {
        int *now = row[i % 3];
        const int *before = row[(i + 2) % 3];
        const int *earlier = row[(i + 1) % 3];
        now[0] = i;
        for (int j = 1; j <= m; j++) {
            now[j] = least(least(before[j], now[j - 1]) + 1, before[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], earlier[j - 2] + 1);
        }
    }
    return row[n % 3][m];
}
