/* The rows of a server as a tree of path segments. Edges live in one hash table keyed by parent
 * node and segment, so a static path costs one probe a segment. Built once, then read-only. */
#include "lib/net/http_route.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/net/http_target.h"

/* Deeper paths match only by {rest...}. */
#define HTTP_ROUTE_DEPTH 32
/* A longer encoded segment matches no literal. */
#define HTTP_ROUTE_SEGMENT 256

struct http_route_node {
        uint32_t one;                                /* node behind {name}; 0 = none */
        const struct http_route *rows[HTTP_ANY + 1]; /* ending here */
        const struct http_route *rest[HTTP_ANY + 1]; /* ending in {rest...} here */
};

struct http_route_edge {
        uint32_t from, to; /* to = 0: empty slot (the root is nobody's child) */
        uint32_t size;
        const char *segment;
};

struct http_route_table {
        struct http_route_node *nodes;
        uint32_t n_nodes, n_nodes_max;
        struct http_route_edge *edges;
        uint32_t n_edges_max; /* a power of two, at least twice what is needed */
};

static const char *const http_route_methods[] = {
        [HTTP_GET] = "GET",         [HTTP_HEAD] = "HEAD",   [HTTP_POST] = "POST",
        [HTTP_PUT] = "PUT",         [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE",
        [HTTP_OPTIONS] = "OPTIONS",
};

enum http_method http_route_method_parse(const char *name) {
        for (enum http_method m = HTTP_GET; m <= HTTP_OPTIONS; m++)
                if (strcmp(name, http_route_methods[m]) == 0)
                        return m;
        return HTTP_OTHER;
}

const char *http_route_method_print(enum http_method m) {
        return m >= HTTP_GET && m <= HTTP_OPTIONS ? http_route_methods[m] : "OTHER";
}

/* --- building -------------------------------------------------------------------------------- */

static uint32_t http_route_hash(uint32_t from, const char *segment, size_t size) {
        uint32_t h = 2166136261u ^ from * 0x9e3779b1u;

        for (size_t i = 0; i < size; i++)
                h = (h ^ (unsigned char) segment[i]) * 16777619u;
        return h ^ h >> 15;
}

/* The slot of this edge, or the empty one where it would be. */
static struct http_route_edge *http_route_slot(const struct http_route_table *t, uint32_t from,
                                               const char *segment, size_t size) {
        uint32_t mask = t->n_edges_max - 1;

        for (uint32_t i = http_route_hash(from, segment, size) & mask;; i = (i + 1) & mask) {
                struct http_route_edge *e = &t->edges[i];

                if (e->to == 0 ||
                    (e->from == from && e->size == size && memcmp(e->segment, segment, size) == 0))
                        return e;
        }
}

static uint32_t http_route_add_node(struct http_route_table *t) {
        assert(t->n_nodes < t->n_nodes_max);
        return t->n_nodes++;
}

static bool http_route_is_rest(const char *segment, size_t size) {
        return size > 5 && memcmp(segment + size - 4, "...}", 4) == 0;
}

/* The child for one segment of a row's path, made when missing. */
static int http_route_descend(struct http_route_table *t, uint32_t from, const char *segment,
                              size_t size, uint32_t *ret) {
        if (size > 0 && segment[0] == '{') {
                if (size < 3 || segment[size - 1] != '}' || memchr(segment + 1, '{', size - 1))
                        return -EINVAL;
                if (t->nodes[from].one == 0)
                        t->nodes[from].one = http_route_add_node(t);
                *ret = t->nodes[from].one;
        } else {
                struct http_route_edge *e = http_route_slot(t, from, segment, size);

                if (memchr(segment, '{', size) || memchr(segment, '}', size))
                        return -EINVAL;
                if (e->to == 0)
                        *e = (struct http_route_edge){.from = from,
                                                      .to = http_route_add_node(t),
                                                      .segment = segment,
                                                      .size = (uint32_t) size};
                *ret = e->to;
        }
        return 0;
}

static int http_route_add(struct http_route_table *t, const struct http_route *row) {
        const struct http_route **slot = NULL;
        const char *p = row->path;
        uint32_t node = 0;
        size_t n_params = 0;
        int r;

        if (!p || *p != '/' || row->method == HTTP_OTHER || row->method > HTTP_ANY || !row->handle)
                return -EINVAL;
        while (!slot) {
                const char *segment = p + 1;
                size_t size = strcspn(segment, "/");

                p = segment + size;
                n_params += *segment == '{';
                if (n_params > HTTP_ROUTE_PARAMS)
                        return -EINVAL;
                if (*segment == '{' && http_route_is_rest(segment, size)) {
                        if (*p)
                                return -EINVAL;
                        slot = &t->nodes[node].rest[row->method];
                        break;
                }
                r = http_route_descend(t, node, segment, size, &node);
                if (r < 0)
                        return r;
                if (!*p)
                        slot = &t->nodes[node].rows[row->method];
        }
        if (*slot)
                return -EEXIST;
        *slot = row;
        return 0;
}

static uint32_t http_route_count_segments(const struct http_route *rows, size_t n_rows) {
        uint32_t n = 0;

        for (size_t i = 0; i < n_rows; i++)
                for (const char *p = rows[i].path ?: ""; *p; p++)
                        n += *p == '/';
        return n;
}

int http_route_table_new(const struct http_route *rows, size_t n_rows,
                         struct http_route_table **ret, const struct http_route **ret_bad) {
        uint32_t n_segments = http_route_count_segments(rows, n_rows);
        struct http_route_table *t = calloc(1, sizeof *t);

        if (!t)
                return -ENOMEM;
        t->n_nodes_max = n_segments + 1;
        t->n_nodes = 1;
        for (t->n_edges_max = 16; t->n_edges_max < 2 * n_segments;)
                t->n_edges_max *= 2;
        t->nodes = calloc(t->n_nodes_max, sizeof *t->nodes);
        t->edges = calloc(t->n_edges_max, sizeof *t->edges);
        if (!t->nodes || !t->edges) {
                http_route_table_free(t);
                return -ENOMEM;
        }
        for (size_t i = 0; i < n_rows; i++) {
                int r = http_route_add(t, &rows[i]);

                if (r < 0) {
                        if (ret_bad)
                                *ret_bad = &rows[i];
                        http_route_table_free(t);
                        return r;
                }
        }
        *ret = t;
        return 0;
}

struct http_route_table *http_route_table_free(struct http_route_table *t) {
        if (t) {
                free(t->nodes);
                free(t->edges);
                free(t);
        }
        return NULL;
}

/* --- looking up ------------------------------------------------------------------------------ */

struct http_route_search {
        const struct http_route_table *table;
        enum http_method method;
        struct http_route_match
                *match;   /* its values fill up on the way down; NULL = only allowed */
        unsigned allowed; /* methods of every row whose path matches, as bits */
        bool found;
};

static bool http_route_end(struct http_route_search *s, const struct http_route *const *rows,
                           size_t n_params) {
        const struct http_route *row = NULL;

        for (enum http_method m = HTTP_GET; m <= HTTP_ANY; m++)
                if (rows[m])
                        s->allowed |= 1u << m;
        if (s->match && s->method != HTTP_OTHER)
                row = rows[s->method];
        if (!row && s->method == HTTP_HEAD)
                row = rows[HTTP_GET];
        if (!row)
                row = rows[HTTP_ANY];
        if (!row || !s->match)
                return false;
        s->match->route = row;
        s->match->n_params = n_params;
        s->found = true;
        return true;
}

static void http_route_value(struct http_route_search *s, size_t i, const char *value,
                             size_t size) {
        assert(i < HTTP_ROUTE_PARAMS);
        if (s->match) {
                s->match->params[i].value = value;
                s->match->params[i].value_size = size;
        }
}

static uint32_t http_route_literal(const struct http_route_table *t, uint32_t from,
                                   const char *segment, size_t size) {
        char decoded[HTTP_ROUTE_SEGMENT];

        if (memchr(segment, '%', size)) {
                ssize_t n = size < sizeof decoded
                                    ? http_target_decode(decoded, segment, size, false)
                                    : -EINVAL;

                if (n < 0 || memchr(decoded, '/', (size_t) n))
                        return 0;
                segment = decoded;
                size = (size_t) n;
        }
        return http_route_slot(t, from, segment, size)->to;
}

/* p points at a '/'. True once a row for the method is found; the recursion is HTTP_ROUTE_DEPTH
 * deep at most and branches at most twice a level. */
static bool http_route_walk(struct http_route_search *s, uint32_t node, const char *p,
                            size_t n_params, unsigned depth) {
        const struct http_route_node *n = &s->table->nodes[node];
        const char *segment = p + 1;
        size_t size = strcspn(segment, "/");
        bool is_last = segment[size] == '\0';
        uint32_t child;

        if (depth < HTTP_ROUTE_DEPTH) {
                child = http_route_literal(s->table, node, segment, size);
                if (child != 0 &&
                    (is_last ? http_route_end(s, s->table->nodes[child].rows, n_params)
                             : http_route_walk(s, child, segment + size, n_params, depth + 1)))
                        return true;
                if (n->one != 0 && size > 0) {
                        http_route_value(s, n_params, segment, size);
                        if (is_last ? http_route_end(s, s->table->nodes[n->one].rows, n_params + 1)
                                    : http_route_walk(s, n->one, segment + size, n_params + 1,
                                                      depth + 1))
                                return true;
                }
        }
        if (*segment == '\0')
                return false;
        if (n_params < HTTP_ROUTE_PARAMS)
                http_route_value(s, n_params, segment, strlen(segment));
        return http_route_end(s, n->rest, n_params + 1);
}

/* The names stand in the row's path, in the order of the values. */
static void http_route_name_params(struct http_route_match *m) {
        const char *p = m->route->path;

        for (size_t i = 0; i < m->n_params; i++) {
                size_t size;

                p = strchr(p, '{') + 1;
                size = strcspn(p, "}");
                m->params[i].name = p;
                m->params[i].name_size = http_route_is_rest(p - 1, size + 2) ? size - 3 : size;
        }
}

int http_route_find(const struct http_route_table *t, enum http_method method, const char *path,
                    struct http_route_match *ret) {
        struct http_route_search s = {.table = t, .method = method, .match = ret};

        if (*path != '/')
                return -ENOENT;
        if (http_route_walk(&s, 0, path, 0, 0)) {
                http_route_name_params(ret);
                return 0;
        }
        return s.allowed ? -EOPNOTSUPP : -ENOENT;
}

void http_route_allowed(const struct http_route_table *t, const char *path, char *ret,
                        size_t size) {
        struct http_route_search s = {.table = t};
        size_t n = 0;

        assert(size > 0);
        ret[0] = '\0';
        if (*path == '/')
                (void) http_route_walk(&s, 0, path, 0, 0);
        if (s.allowed & 1u << HTTP_GET)
                s.allowed |= 1u << HTTP_HEAD;
        for (enum http_method m = HTTP_GET; m <= HTTP_OPTIONS; m++) {
                const char *name = http_route_methods[m];

                if (!(s.allowed & (1u << m | 1u << HTTP_ANY)) || n + strlen(name) + 3 > size)
                        continue;
                if (n > 0) {
                        memcpy(ret + n, ", ", 2);
                        n += 2;
                }
                strcpy(ret + n, name);
                n += strlen(name);
        }
}
