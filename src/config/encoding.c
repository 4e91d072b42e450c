#include "config/encoding.h"

#include <string.h>

/* Bytes of the UTF-8 character at text[0..left-1]; 0 when it is none (overlong and surrogate forms are none). */
static size_t character_bytes(const unsigned char *text, size_t left)
{
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char first = text[0];
    const size_t count = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
    if (count < 2 || count > left)
        return count == 1 ? 1 : 0;
    unsigned code = first & (0x7fu >> count);
    for (size_t i = 1; i < count; i++) {
        if (text[i] >> 6 != 2)
            return 0;
        code = code << 6 | (text[i] & 0x3fu);
    }
    return code < least[count] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? 0 : count;
}

static bool is_control(unsigned char c)
{
    return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
}

static void report(const struct tree_node *where, int line, int column, const unsigned char *at, struct faults *faults)
{
    struct tree_node node = *where;
    char place[256];
    if (where->line != 0) {
        node.line = line;
        node.column = column;
    }
    tree_place(&node, place, sizeof place);
    if (is_control(*at))
        faults_add(faults, place, "control character 0x%02x; a sweep file is plain text", *at);
    else
        faults_add(faults, place, "byte 0x%02x is not UTF-8 text; save the file as UTF-8", *at);
}

static bool has_byte_order_mark(const char *text, size_t bytes)
{
    return (bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) ||
           (bytes >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0));
}

bool encoding_check(const struct tree_node *where, const char *text, size_t bytes, struct faults *faults)
{
    char place[256];
    tree_place(where, place, sizeof place);
    if (has_byte_order_mark(text, bytes)) {
        faults_add(faults, place, "the file starts with a byte order mark; save it as UTF-8 without one");
        return false;
    }
    const unsigned char *at = (const unsigned char *)text;
    const unsigned char *end = at + bytes;
    int line = 1, column = 1;
    while (at < end) {
        const size_t count = character_bytes(at, (size_t)(end - at));
        if (count == 0 || is_control(*at)) {
            report(where, line, column, at, faults);
            return false;
        }
        line += *at == '\n';
        column = *at == '\n' ? 1 : column + 1;
        at += count;
    }
    return true;
}
