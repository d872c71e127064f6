/* pattern_code: what a pattern (pattern.h) is made of, and how it is walked (pattern_code.c). */
#pragma once

#include "lib/base/macros.h"

enum pattern_op {
        PATTERN_CHAR,
        PATTERN_ANY,
        PATTERN_ANY_IN_LINE,
        PATTERN_SET,
        PATTERN_NOT_SET,
        PATTERN_SPLIT, /* on at x and at y */
        PATTERN_JUMP,
        PATTERN_START, /* x: of any line */
        PATTERN_END,
        PATTERN_TEXT_START,
        PATTERN_TEXT_END,
        PATTERN_WORD_EDGE,
        PATTERN_NO_WORD_EDGE,
        PATTERN_FOUND,
};

struct pattern_step {
        enum pattern_op op;
        bool icase;
        int32_t x, y; /* a character; steps from this one; ranges [x, y) */
};

struct pattern_range {
        uint32_t from, to;
        char class; /* d D w W s S; 0: from … to */
};

struct pattern {
        struct pattern_step *code;
        size_t n, cap;
        struct pattern_range *ranges;
        size_t n_ranges, ranges_cap;
        uint32_t *lists; /* 3 × n: steps that wait, steps that are tried, a stack */
        uint64_t *marks; /* the round in which a step was reached last */
        uint64_t round;
};

bool pattern_code_search(struct pattern *p, const char *text, size_t n_bytes);
