/* filter_lex.h: the words of a filter or order_by string. Pure.
 *
 * The language is the small part of SQL that MLflow's search strings are written in; where its
 * reader has habits of its own (a comparison may be any run of <>=~!, a number may carry a minus,
 * 'it''s' keeps both quotes) this one has them too.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum filter_word_kind {
        FILTER_END,
        FILTER_NAME,    /* one or more parts with dots: metrics.`a b` */
        FILTER_STRING,  /* '…' */
        FILTER_INTEGER, /* -12 */
        FILTER_FLOAT,   /* -1.5e3, .5, 5. */
        FILTER_COMPARE, /* =, !=, <=, LIKE, NOT LIKE, … */
        FILTER_KEYWORD, /* a reserved word: AND, OR, IN, IS, NOT, NULL, … */
        FILTER_GROUP,   /* ( … ) whole, to its matching parenthesis */
        FILTER_COMMENT, /* -- …, slash star … */
        FILTER_OTHER,   /* anything else, one character */
};

/* A word is a piece of the text that was given. */
struct filter_word {
        enum filter_word_kind kind;
        const char *text;
        size_t size;
};

struct filter_lex {
        const char *at; /* the next character; the text ends with a NUL */
};

/* The next word; FILTER_END, of size 0, again and again at the end. */
struct filter_word filter_lex_next(struct filter_lex *lex);

/* True when the word is `text`, letter case aside. */
bool filter_lex_is(const struct filter_word *w, const char *text);

/* True for a word in quotes of the kind `quote`, which begin and end it. */
bool filter_lex_quoted(const char *text, size_t size, char quote);
