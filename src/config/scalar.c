/* scalar.c - numbers as people write them in YAML. Spellings that YAML readers disagree on (octal, hexadecimal,
 * underscores, infinity) are refused with the remedy; quoted text is never a number. */
#include "config/scalar.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const not_a_number = "is not a number";

static bool is_word_of(const char *text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcasecmp(text, *words) == 0)
            return true;
    return false;
}

/* Why text that is no plain decimal number is none. */
static const char *explain_number(const char *text)
{
    static const char *const infinite[] = {"nan", ".nan", "inf", ".inf", "infinity", NULL};
    const char *digits = text + (*text == '-' || *text == '+');
    if (is_word_of(digits, infinite))
        return "is not a finite number";
    if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X' || digits[1] == 'o' || digits[1] == 'b'))
        return "is not a decimal number; write its decimal digits";
    if (isdigit((unsigned char)*digits) && strspn(digits, "0123456789_.eE+-") == strlen(digits) &&
        strchr(digits, '_') != NULL)
        return "has an underscore; write the digits only";
    if (isdigit((unsigned char)*digits) && strchr(digits, ',') != NULL)
        return "is not a number: a decimal point is '.', and thousands are not separated";
    if (scalar_is_range(&(struct tree_node){.text = text}))
        return "is a range, not a number; several values of a key go under 'grid'";
    return not_a_number;
}

/* Characters of a decimal number: [+-] digits with at most one point, [e[+-]digits]. 0: text is none. */
static size_t decimal_length(const char *text)
{
    const char *at = text + (*text == '-' || *text == '+');
    const size_t whole = strspn(at, "0123456789");
    at += whole;
    size_t fraction = 0;
    if (*at == '.') {
        fraction = strspn(at + 1, "0123456789");
        at += fraction + 1;
    }
    if (whole + fraction == 0)
        return 0;
    if (*at == 'e' || *at == 'E') {
        const char *exponent = at + 1 + (at[1] == '-' || at[1] == '+');
        const size_t digits = strspn(exponent, "0123456789");
        at = digits == 0 ? at : exponent + digits;
    }
    return (size_t)(at - text);
}

/* What every kind of number refuses; NULL: text begins with a decimal number of *length characters. */
static const char *check_number(const struct tree_node *node, size_t *length)
{
    if (node->type != TREE_SCALAR)
        return not_a_number;
    if (tree_is_empty(node))
        return "is empty; a number is expected";
    if (node->quoted)
        return "is quoted, so it is text and not a number; write it without quotes";
    *length = decimal_length(node->text);
    const char *digits = node->text + (node->text[0] == '-' || node->text[0] == '+');
    if (*length > 0 && digits[0] == '0' && isdigit((unsigned char)digits[1]))
        return "has a leading zero, which some readers take for octal; write it without";
    return NULL;
}

static const char *read_real(const char *text, double *out)
{
    errno = 0;
    const double value = strtod(text, NULL);
    if (!isfinite(value))
        return "is too large for a number of double precision";
    if (errno == ERANGE && value == 0)
        return "is too small for a number of double precision; write 0";
    *out = value;
    return NULL;
}

const char *scalar_real(const struct tree_node *node, double *out)
{
    size_t length = 0;
    const char *trouble = check_number(node, &length);
    if (trouble != NULL)
        return trouble;
    if (length == 0 || node->text[length] != '\0')
        return explain_number(node->text);
    return read_real(node->text, out);
}

const char *scalar_integer(const struct tree_node *node, int64_t *out)
{
    double value = 0;
    const char *trouble = scalar_real(node, &value);
    if (trouble != NULL)
        return trouble;
    const size_t sign = node->text[0] == '-' || node->text[0] == '+';
    if (node->text[sign + strspn(node->text + sign, "0123456789")] == '\0') {
        errno = 0;
        const long long whole = strtoll(node->text, NULL, 10);
        if (errno == ERANGE)
            return "does not fit in 64 bits";
        *out = whole;
        return NULL;
    }
    if (value != floor(value))
        return "is not a whole number";
    if (fabs(value) > 0x1p53)
        return "is too large to be exact in this form; write out its digits";
    *out = (int64_t)value;
    return NULL;
}

const char *scalar_flag(const struct tree_node *node, bool *out)
{
    static const char *const flags[] = {"true", "false", NULL};
    if (node->type == TREE_SCALAR && node->quoted && is_word_of(node->text, flags))
        return "is quoted, so it is text; write it without quotes";
    if (node->type != TREE_SCALAR || node->quoted ||
        (strcmp(node->text, "true") != 0 && strcmp(node->text, "false") != 0))
        return "is neither true nor false";
    *out = node->text[0] == 't';
    return NULL;
}

/* Reads [D-]HH:MM:SS or MM:SS. */
static bool read_clock(const char *text, double *out)
{
    double seconds = 0, days = 0;
    const char *dash = strchr(text, '-');
    if (dash != NULL && dash != text) {
        days = strtod(text, NULL);
        text = dash + 1;
    }
    int parts = 0;
    for (; parts < 3; parts++) {
        const size_t digits = strspn(text, "0123456789");
        if (digits == 0 || digits > 9 || (parts > 0 && digits != 2) || (parts > 0 && text[0] > '5'))
            return false;
        seconds = 60 * seconds + strtod(text, NULL);
        text += digits;
        if (*text != ':')
            break;
        text++;
    }
    *out = 86400 * days + seconds;
    return *text == '\0' && text[-1] != ':' && (parts == 2 || (parts == 1 && dash == NULL));
}

const char *scalar_duration(const struct tree_node *node, double *out)
{
    static const struct {
        char letter;
        double seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    static const char *const not_a_duration = "is not a duration";
    size_t length = 0;
    const char *trouble = check_number(node, &length);
    const bool is_clock = node->type == TREE_SCALAR && strchr(node->text, ':') != NULL;
    if (trouble != NULL && (node->type != TREE_SCALAR || node->quoted || !is_clock))
        return node->type == TREE_SCALAR && node->quoted ? "is quoted, so it is text; write it without quotes"
                                                         : trouble;
    if (is_clock)
        return read_clock(node->text, out) ? NULL : not_a_duration;
    double number = 0, scale = node->text[length] == '\0' ? 1 : 0;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (node->text[length] == units[i].letter && node->text[length + 1] == '\0')
            scale = units[i].seconds;
    if (length == 0 || scale == 0)
        return not_a_duration;
    trouble = read_real(node->text, &number);
    *out = scale * number;
    return trouble;
}

/* Characters of a whole number; 0: text starts with none. */
static size_t whole_length(const char *text)
{
    const size_t sign = text[0] == '-' || text[0] == '+';
    const size_t digits = strspn(text + sign, "0123456789");
    return digits == 0 ? 0 : sign + digits;
}

bool scalar_is_range(const struct tree_node *node)
{
    if (node->type != TREE_SCALAR || node->quoted)
        return false;
    const size_t first = whole_length(node->text);
    if (first == 0 || strncmp(node->text + first, "..", 2) != 0)
        return false;
    const size_t last = whole_length(node->text + first + 2);
    return last > 0 && node->text[first + 2 + last] == '\0';
}

const char *scalar_range(const struct tree_node *node, int64_t *first, int64_t *last)
{
    if (!scalar_is_range(node))
        return "is not a range; write it as 0..9";
    errno = 0;
    char *end = NULL;
    const long long low = strtoll(node->text, &end, 10);
    const long long high = strtoll(end + 2, NULL, 10);
    if (errno == ERANGE)
        return "does not fit in 64 bits";
    if (high < low)
        return "runs backwards; write the smaller number first";
    *first = low;
    *last = high;
    return NULL;
}
