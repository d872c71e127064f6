/* yaml: see yaml.h. libyaml's events are composed into nodes by recursive descent, one function for
 * each kind of node; an anchor is known once its node is complete, so nothing can contain itself.
 */
#include "lib/base/yaml.h"

#include <errno.h>
#include <string.h>

#include <yaml.h>

#include "lib/base/mem.h"
#include "lib/base/strmap.h"
#include "lib/base/utf8.h"
#include "lib/base/yaml_scalar.h"

#define KEY_LEN_MAX ((size_t) 1024)
#define TAG_PREFIX "tag:yaml.org,2002:"
#define BYTE_ORDER_MARK "\xef\xbb\xbf" /* editors of other systems begin files with it */

struct yaml_node {
        struct json node;
        uint32_t line, column;
        uint32_t key_line, key_column;
        uint32_t size;   /* nodes in this tree, aliases expanded */
        uint32_t height; /* levels of this tree, 1 for a scalar */
};

struct composer {
        yaml_parser_t parser;
        yaml_event_t event; /* the one not yet consumed */
        struct arena *arena;
        const char *name;
        struct errmsg *em;
        struct strmap anchors; /* to struct yaml_node, in the arena */
        uint32_t n_nodes;
        unsigned depth;
};

static int compose(struct composer *c, struct yaml_node **ret);

static struct yaml_node *outer(const struct json *j) {
        return container_of(j, struct yaml_node, node);
}

unsigned yaml_line(const struct json *j) {
        return outer(j)->line;
}

unsigned yaml_column(const struct json *j) {
        return outer(j)->column;
}

unsigned yaml_key_line(const struct json *j) {
        return outer(j)->key_line;
}

unsigned yaml_key_column(const struct json *j) {
        return outer(j)->key_column;
}

_printf_(4, 5) static int fail_at(struct composer *c, uint32_t line, uint32_t column,
                                  const char *fmt, ...) {
        va_list ap;

        if (c->em) {
                va_start(ap, fmt);
                errmsg_vset(c->em, fmt, ap);
                va_end(ap);
                errmsg_prefix(c->em, "%s:%u:%u", c->name, line, column);
        }
        return -EINVAL;
}

#define fail_here(c, ...)                                       \
        fail_at((c), (uint32_t) (c)->event.start_mark.line + 1, \
                (uint32_t) (c)->event.start_mark.column + 1, __VA_ARGS__)

/* libyaml's words, with the place where it noticed. */
static int fail_syntax(struct composer *c) {
        const yaml_parser_t *p = &c->parser;
        const char *problem = p->problem ? p->problem : "not YAML";

        if (p->error == YAML_MEMORY_ERROR)
                return -ENOMEM;
        return fail_at(c, (uint32_t) p->problem_mark.line + 1,
                       (uint32_t) p->problem_mark.column + 1, "%s%s%s%s", problem,
                       p->context ? " (" : "", p->context ? p->context : "", p->context ? ")" : "");
}

static int next_event(struct composer *c) {
        yaml_event_delete(&c->event);
        return yaml_parser_parse(&c->parser, &c->event) ? 0 : fail_syntax(c);
}

static struct yaml_node *new_node(struct composer *c) {
        struct yaml_node *n = arena_alloc(c->arena, sizeof(*n));

        if (!n)
                return NULL;
        *n = (struct yaml_node){
                .line = (uint32_t) c->event.start_mark.line + 1,
                .column = (uint32_t) c->event.start_mark.column + 1,
                .key_line = (uint32_t) c->event.start_mark.line + 1,
                .key_column = (uint32_t) c->event.start_mark.column + 1,
                .size = 1,
                .height = 1,
        };
        return n;
}

static int count_nodes(struct composer *c, uint32_t n) {
        c->n_nodes += n;
        if (c->n_nodes > YAML_NODES_MAX)
                return fail_here(c, "more than %d values once its aliases are expanded",
                                 YAML_NODES_MAX);
        return 0;
}

static int remember(struct composer *c, const char *anchor, struct yaml_node *n) {
        return anchor ? strmap_set(&c->anchors, anchor, n) : 0;
}

/* The short name of a core tag, "" for none, NULL for one that is not ours. */
static const char *core_tag(const char *tag) {
        static const char *const known[] = {"str",  "int", "float", "bool",
                                            "null", "seq", "map",   "timestamp"};

        if (!tag || !*tag)
                return "";
        if (strcmp(tag, "!") == 0)
                return "str";
        if (strncmp(tag, TAG_PREFIX, STRLEN(TAG_PREFIX)) != 0)
                return NULL;
        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (strcmp(tag + STRLEN(TAG_PREFIX), known[i]) == 0)
                        return known[i];
        return NULL;
}

static int fail_tag(struct composer *c, const char *tag) {
        return fail_here(c, "the tag \"%.100s\" is not supported: use plain values", tag);
}

/* Does the resolved node have the type its tag asks for? */
static bool tag_fits(const char *tag, const struct json *j) {
        bool fraction = j->type == JSON_NUMBER && memchr(j->str, '.', j->len);

        if (strcmp(tag, "int") == 0)
                return j->type == JSON_NUMBER && !fraction;
        if (strcmp(tag, "float") == 0)
                return j->type == JSON_NUMBER;
        if (strcmp(tag, "bool") == 0)
                return j->type == JSON_TRUE || j->type == JSON_FALSE;
        if (strcmp(tag, "null") == 0)
                return j->type == JSON_NULL;
        if (strcmp(tag, "timestamp") == 0)
                return j->flags & (YAML_DATE | YAML_TIMESTAMP);
        return *tag == 0;
}

static int resolve(struct composer *c, const char *tag, const char *text, size_t len,
                   struct json *node) {
        int r = yaml_scalar_resolve(c->arena, text, len, node);

        if (r == -EINVAL)
                return fail_here(c, "\"%.40s\" has no value in JSON: quote it to mean text", text);
        if (r == -ERANGE)
                return fail_here(c, "the number \"%.40s\" is out of range", text);
        if (r >= 0 && !tag_fits(tag, node))
                return fail_here(c, "\"%.40s\" is not of the type !!%s", text, tag);
        return r;
}

static int compose_scalar(struct composer *c, struct yaml_node *n) {
        const char *tag = core_tag((const char *) c->event.data.scalar.tag);
        size_t len = c->event.data.scalar.length;
        char *text = arena_memdup(c->arena, c->event.data.scalar.value, len);
        bool plain = c->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
        int r;

        if (!text)
                return -ENOMEM;
        if (!tag)
                return fail_tag(c, (const char *) c->event.data.scalar.tag);
        if (memchr(text, 0, len))
                return fail_here(c, "a NUL character in a text");
        if (strcmp(tag, "str") == 0 || (!plain && !*tag)) {
                n->node.type = JSON_STRING;
                n->node.str = text;
                n->node.len = (uint32_t) len;
                n->node.flags = YAML_QUOTED;
        } else {
                r = resolve(c, tag, text, len, &n->node);
                if (r < 0)
                        return r;
        }
        r = remember(c, (const char *) c->event.data.scalar.anchor, n);
        return r < 0 ? r : next_event(c);
}

static void add_child(struct yaml_node *parent, struct json ***tail, struct yaml_node *child) {
        **tail = &child->node;
        *tail = &child->node.next;
        parent->node.len++;
        parent->size += child->size;
        parent->height = MAX(parent->height, child->height + 1);
}

static int enter(struct composer *c, const char *tag, const char *wanted, char **ret_anchor) {
        const char *anchor = (const char *) (c->event.type == YAML_SEQUENCE_START_EVENT
                                                     ? c->event.data.sequence_start.anchor
                                                     : c->event.data.mapping_start.anchor);
        const char *core = core_tag(tag);

        if (!core || (*core && strcmp(core, wanted) != 0))
                return fail_tag(c, tag);
        if (++c->depth > YAML_DEPTH_MAX)
                return fail_here(c, "more than %d levels of nesting", YAML_DEPTH_MAX);
        *ret_anchor = NULL;
        if (anchor) {
                *ret_anchor = arena_strdup(c->arena, anchor);
                if (!*ret_anchor)
                        return -ENOMEM;
        }
        return next_event(c);
}

static int leave(struct composer *c, const char *anchor, struct yaml_node *n) {
        int r = remember(c, anchor, n);

        c->depth--;
        return r < 0 ? r : next_event(c);
}

static int compose_sequence(struct composer *c, struct yaml_node *n) {
        struct json **tail = &n->node.child;
        char *anchor;
        int r;

        n->node.type = JSON_ARRAY;
        r = enter(c, (const char *) c->event.data.sequence_start.tag, "seq", &anchor);
        while (r >= 0 && c->event.type != YAML_SEQUENCE_END_EVENT) {
                struct yaml_node *child;

                r = compose(c, &child);
                if (r >= 0)
                        add_child(n, &tail, child);
        }
        return r < 0 ? r : leave(c, anchor, n);
}

/* A mapping while it is read: its own keys, and the values of "<<". */
struct mapping {
        struct strmap keys;       /* own keys, to their nodes */
        struct yaml_node *merges; /* the value of "<<" or NULL */
};

/* The key at the event; merge tells whether it is a plain "<<". */
static int take_key(struct composer *c, char **ret, size_t *ret_len, bool *ret_merge) {
        size_t len;
        char *key;

        if (c->event.type != YAML_SCALAR_EVENT)
                return fail_here(c, "a key must be a plain text, not a list, mapping or alias");
        if (!core_tag((const char *) c->event.data.scalar.tag))
                return fail_tag(c, (const char *) c->event.data.scalar.tag);
        len = c->event.data.scalar.length;
        if (len > KEY_LEN_MAX)
                return fail_here(c, "a key of more than %zu bytes", KEY_LEN_MAX);
        key = arena_memdup(c->arena, c->event.data.scalar.value, len);
        if (!key)
                return -ENOMEM;
        if (memchr(key, 0, len))
                return fail_here(c, "a NUL character in a key");
        *ret = key;
        *ret_len = len;
        *ret_merge =
                c->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE && strcmp(key, "<<") == 0;
        return 0;
}

static int compose_member(struct composer *c, struct mapping *m, struct yaml_node *n,
                          struct json ***tail) {
        struct yaml_node *child, *twin;
        uint32_t line = (uint32_t) c->event.start_mark.line + 1;
        uint32_t column = (uint32_t) c->event.start_mark.column + 1;
        bool merge;
        char *key;
        size_t len;
        int r;

        r = take_key(c, &key, &len, &merge);
        if (r < 0)
                return r;
        twin = strmap_get(&m->keys, key);
        if (twin)
                return fail_here(c,
                                 "the key \"%.100s\" stands twice in this mapping: it is on line "
                                 "%u already",
                                 key, twin->key_line);
        r = next_event(c);
        if (r >= 0)
                r = compose(c, &child);
        if (r < 0)
                return r;
        child->node.key = key;
        child->node.key_len = len & 0xFFFFFF;
        child->key_line = line;
        child->key_column = column;
        if (merge)
                m->merges = child;
        else
                add_child(n, tail, child);
        return strmap_set(&m->keys, key, child);
}

/* The pairs of one merged mapping that are not there yet. */
static int merge_one(struct composer *c, struct mapping *m, struct yaml_node *n,
                     struct json ***tail, const struct json *from) {
        const struct json *pair;

        if (from->type != JSON_OBJECT)
                return fail_at(c, outer(from)->line, outer(from)->column,
                               "\"<<\" merges a mapping or a list of mappings, not %s",
                               json_type_name(from));
        json_each (pair, from) {
                struct yaml_node *copy;
                int r = strmap_add(&m->keys, pair->key, outer(pair));

                if (r < 0)
                        return r;
                if (r > 0)
                        continue;
                copy = arena_memdup(c->arena, outer(pair), sizeof(*copy));
                if (!copy)
                        return -ENOMEM;
                copy->node.next = NULL;
                add_child(n, tail, copy);
                r = count_nodes(c, copy->size);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int merge_all(struct composer *c, struct mapping *m, struct yaml_node *n,
                     struct json ***tail) {
        const struct json *value = &m->merges->node, *item;
        int r = 0;

        if (value->type != JSON_ARRAY)
                return merge_one(c, m, n, tail, value);
        json_each (item, value) {
                r = merge_one(c, m, n, tail, item);
                if (r < 0)
                        return r;
        }
        return r;
}

static int compose_members(struct composer *c, struct mapping *m, struct yaml_node *n) {
        struct json **tail = &n->node.child;
        char *anchor;
        int r;

        n->node.type = JSON_OBJECT;
        r = enter(c, (const char *) c->event.data.mapping_start.tag, "map", &anchor);
        while (r >= 0 && c->event.type != YAML_MAPPING_END_EVENT)
                r = compose_member(c, m, n, &tail);
        if (r >= 0 && m->merges)
                r = merge_all(c, m, n, &tail);
        return r < 0 ? r : leave(c, anchor, n);
}

static int compose_mapping(struct composer *c, struct yaml_node *n) {
        struct mapping m = {};
        int r = compose_members(c, &m, n);

        strmap_done(&m.keys);
        return r;
}

/* The copy shares the children of what it stands for, and keeps the alias's own place. */
static int compose_alias(struct composer *c, struct yaml_node *n) {
        const char *name = (const char *) c->event.data.alias.anchor;
        const struct yaml_node *known = strmap_get(&c->anchors, name);
        struct yaml_node place = *n;
        int r;

        if (!known)
                return fail_here(c, "the alias *%.60s has no anchor &%.60s before it", name, name);
        if (c->depth + known->height > YAML_DEPTH_MAX)
                return fail_here(c, "more than %d levels of nesting", YAML_DEPTH_MAX);
        r = count_nodes(c, known->size - 1);
        if (r < 0)
                return r;
        *n = *known;
        n->node.key = NULL;
        n->node.key_len = 0;
        n->node.next = NULL;
        n->line = n->key_line = place.line;
        n->column = n->key_column = place.column;
        return next_event(c);
}

static int compose(struct composer *c, struct yaml_node **ret) {
        struct yaml_node *n = new_node(c);
        int r;

        if (!n)
                return -ENOMEM;
        r = count_nodes(c, 1);
        if (r < 0)
                return r;
        *ret = n;
        switch (c->event.type) {
        case YAML_SCALAR_EVENT:
                return compose_scalar(c, n);
        case YAML_SEQUENCE_START_EVENT:
                return compose_sequence(c, n);
        case YAML_MAPPING_START_EVENT:
                return compose_mapping(c, n);
        case YAML_ALIAS_EVENT:
                return compose_alias(c, n);
        default:
                return fail_here(c, "a value should stand here");
        }
}

/* From DOCUMENT-START behind DOCUMENT-END. */
static int compose_document(struct composer *c, struct yaml_node **ret) {
        int r = next_event(c);

        strmap_clear(&c->anchors);
        if (r >= 0)
                r = compose(c, ret);
        return r < 0 ? r : next_event(c);
}

static int compose_stream(struct composer *c, struct yaml_node *list) {
        struct json **tail = &list->node.child;
        int r = next_event(c); /* STREAM-START */

        if (r >= 0)
                r = next_event(c);
        list->node.type = JSON_ARRAY;
        while (r >= 0 && c->event.type == YAML_DOCUMENT_START_EVENT) {
                struct yaml_node *document;

                r = compose_document(c, &document);
                if (r >= 0)
                        add_child(list, &tail, document);
        }
        return r;
}

static int check_text(struct composer *c, const char *text, size_t len) {
        size_t good = utf8_valid_len(text, len);
        uint32_t line = 1;

        if (len > YAML_SIZE_MAX) {
                errmsg_set(c->em, "%s: more than %u bytes of YAML", c->name, YAML_SIZE_MAX);
                return -E2BIG;
        }
        if (good == len)
                return 0;
        for (size_t i = 0; i < good; i++)
                line += text[i] == '\n';
        return fail_at(c, line, 1, "the byte 0x%02x is not UTF-8: save the file as UTF-8",
                       (unsigned char) text[good]);
}

int yaml_parse_all(struct arena *a, const char *text, size_t len, const char *name,
                   struct json **ret, struct errmsg *em) {
        struct composer c = {.arena = a, .name = name, .em = em};
        struct yaml_node *list;
        int r = check_text(&c, text, len);

        if (r < 0)
                return r;
        if (len >= STRLEN(BYTE_ORDER_MARK) &&
            memcmp(text, BYTE_ORDER_MARK, STRLEN(BYTE_ORDER_MARK)) == 0) {
                text += STRLEN(BYTE_ORDER_MARK);
                len -= STRLEN(BYTE_ORDER_MARK);
        }
        list = new_node(&c);
        if (!list || !yaml_parser_initialize(&c.parser))
                return -ENOMEM;
        yaml_parser_set_encoding(&c.parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&c.parser, (const unsigned char *) text, len);
        r = compose_stream(&c, list);
        yaml_event_delete(&c.event);
        yaml_parser_delete(&c.parser);
        strmap_done(&c.anchors);
        if (r < 0)
                return r;
        *ret = &list->node;
        return 0;
}

int yaml_parse(struct arena *a, const char *text, size_t len, const char *name, struct json **ret,
               struct errmsg *em) {
        struct json *list, *second;
        int r = yaml_parse_all(a, text, len, name, &list, em);

        if (r < 0)
                return r;
        second = list->child ? list->child->next : NULL;
        if (second)
                return errmsg_fail(em, -EINVAL,
                                   "%s:%u:%u: a second document begins here: one file holds one",
                                   name, yaml_line(second), yaml_column(second));
        if (list->child) {
                *ret = list->child;
                return 0;
        }
        list->type = JSON_NULL;
        *ret = list;
        return 0;
}
