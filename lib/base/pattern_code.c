#include "lib/base/pattern_code.h"

#include <string.h>

#include "lib/base/utf8.h"

enum { NO_CHAR = UINT32_MAX, BAD_BYTE = 0xDC00 };

struct place {
        const char *text;
        size_t n_bytes, at;
        uint32_t before, here; /* NO_CHAR: none */
};

static bool is_digit(uint32_t c) {
        return c >= '0' && c <= '9';
}

/* Beyond ASCII what is not a letter or digit, block by block. */
static bool is_word(uint32_t c) {
        static const uint32_t signs[][2] = {
                {0x80, 0xA9},     {0xAB, 0xB1},     {0xB4, 0xB4},       {0xB6, 0xB8},
                {0xBB, 0xBB},     {0xBF, 0xBF},     {0xD7, 0xD7},       {0xF7, 0xF7},
                {0x2000, 0x206F}, {0x20A0, 0x20CF}, {0x2190, 0x2BFF},   {0x3000, 0x3004},
                {0x3008, 0x3020}, {0xD800, 0xF8FF}, {0x1F000, 0x1FAFF},
        };

        if (c < 0x80)
                return is_digit(c) || c == '_' || ((c | 32) >= 'a' && (c | 32) <= 'z');
        for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
                if (c >= signs[i][0] && c <= signs[i][1])
                        return false;
        return c != NO_CHAR;
}

static bool is_space(uint32_t c) {
        return (c >= 9 && c <= 13) || (c >= 28 && c <= 32) || c == 0x85 || c == 0xA0 ||
               c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
               c == 0x202F || c == 0x205F || c == 0x3000;
}

static bool in_class(char class, uint32_t c) {
        switch (class) {
        case 'd':
                return is_digit(c);
        case 'D':
                return !is_digit(c);
        case 'w':
                return is_word(c);
        case 'W':
                return !is_word(c);
        case 's':
                return is_space(c);
        default:
                return !is_space(c);
        }
}

static uint32_t other_case(uint32_t c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? c ^ 32 : c;
}

static bool in_set(const struct pattern *p, const struct pattern_step *step, uint32_t c) {
        for (int32_t i = step->x; i < step->y; i++) {
                const struct pattern_range *r = &p->ranges[i];

                if (r->class ? in_class(r->class, c) : c >= r->from && c <= r->to)
                        return true;
        }
        return false;
}

static bool takes(const struct pattern *p, const struct pattern_step *step, uint32_t c) {
        uint32_t other = step->icase ? other_case(c) : c;

        switch (step->op) {
        case PATTERN_CHAR:
                return c == (uint32_t) step->x || other == (uint32_t) step->x;
        case PATTERN_ANY:
                return true;
        case PATTERN_ANY_IN_LINE:
                return c != '\n';
        case PATTERN_SET:
                return in_set(p, step, c) || in_set(p, step, other);
        case PATTERN_NOT_SET:
                return !in_set(p, step, c) && !in_set(p, step, other);
        default:
                return false;
        }
}

/* Is this the place that the step asks for? */
static bool is_place(const struct pattern_step *step, const struct place *w) {
        bool edge = (w->before != NO_CHAR && is_word(w->before)) !=
                    (w->here != NO_CHAR && is_word(w->here));

        switch (step->op) {
        case PATTERN_START:
                return w->before == NO_CHAR || (step->x && w->before == '\n');
        case PATTERN_END:
                return w->here == NO_CHAR ||
                       (w->here == '\n' && (step->x || w->at + 1 == w->n_bytes));
        case PATTERN_TEXT_START:
                return w->before == NO_CHAR;
        case PATTERN_TEXT_END:
                return w->here == NO_CHAR;
        case PATTERN_WORD_EDGE:
                return edge;
        case PATTERN_NO_WORD_EDGE:
                return !edge && w->n_bytes > 0;
        default:
                return false;
        }
}

static void reach(struct pattern *p, uint32_t *stack, size_t *n, size_t step) {
        if (p->marks[step] == p->round)
                return;
        p->marks[step] = p->round;
        stack[(*n)++] = (uint32_t) step;
}

/* From a step to all that read a character; true: to the end. */
static bool follow(struct pattern *p, size_t from, const struct place *w, uint32_t *tried,
                   size_t *n_tried) {
        uint32_t *stack = p->lists + 2 * p->n;
        size_t n = 0;

        reach(p, stack, &n, from);
        while (n > 0) {
                size_t at = stack[--n];
                const struct pattern_step *step = &p->code[at];

                if (step->op == PATTERN_FOUND)
                        return true;
                if (step->op < PATTERN_SPLIT) {
                        tried[(*n_tried)++] = (uint32_t) at;
                } else if (step->op <= PATTERN_JUMP) {
                        reach(p, stack, &n, at + (size_t) step->x);
                        if (step->op == PATTERN_SPLIT)
                                reach(p, stack, &n, at + (size_t) step->y);
                } else if (is_place(step, w)) {
                        reach(p, stack, &n, at + 1);
                }
        }
        return false;
}

static size_t read_here(struct place *w) {
        int n;

        w->here = NO_CHAR;
        if (w->at == w->n_bytes)
                return 0;
        n = utf8_decode(w->text + w->at, w->n_bytes - w->at, &w->here);
        if (n > 0)
                return (size_t) n;
        w->here = BAD_BYTE + (unsigned char) w->text[w->at];
        return 1;
}

/* All ways at once, one character after the other: a step is in a list once, however many ways
 * lead to it. */
bool pattern_code_search(struct pattern *p, const char *text, size_t n_bytes) {
        struct place w = {text, n_bytes, 0, NO_CHAR, NO_CHAR};
        uint32_t *waiting = p->lists, *tried = p->lists + p->n;
        size_t n_waiting = 0, n_tried;

        for (;;) {
                size_t size = read_here(&w);

                n_tried = 0;
                p->round++;
                for (size_t i = 0; i < n_waiting; i++)
                        if (follow(p, waiting[i], &w, tried, &n_tried))
                                return true;
                if (follow(p, 0, &w, tried, &n_tried))
                        return true;
                if (w.here == NO_CHAR)
                        return false;
                n_waiting = 0;
                for (size_t i = 0; i < n_tried; i++)
                        if (takes(p, &p->code[tried[i]], w.here))
                                waiting[n_waiting++] = tried[i] + 1;
                w.before = w.here;
                w.at += size;
        }
}
