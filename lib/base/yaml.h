/* yaml: one YAML document as the tree of json.h, every node with its line and column.
 *
 * Scalars are resolved as PyYAML's safe_load does (YAML 1.1: yes/no/on/off are booleans; integers
 * with signs, underscores, 0b, 0octal, 0x and 1:30 sexagesimal; floats; ~ and null). Numbers become
 * JSON numbers in decimal text; .inf and .nan are refused. Dates and times stay strings as written
 * and are flagged YAML_DATE (2026-01-02) or YAML_TIMESTAMP. Keys become strings as written.
 *
 * Refused with `file:line:col: what, why, remedy`: a key twice in a mapping, a key that is not a
 * scalar, tags other than YAML's own core, more than one document (see yaml_parse_all), invalid
 * UTF-8, more than YAML_DEPTH_MAX levels or limits' nodes after expanding aliases. "<<" merges as
 * YAML 1.1 says: a mapping or a list of them, own keys win, earlier ones win. Aliases are expanded
 * (shared, not copied, where they stand for a whole value of a sequence or mapping they are copied
 * shallowly). Threads: any; a tree is read-only. */
#pragma once

#include "lib/base/json.h"

#define YAML_DEPTH_MAX 64
#define YAML_NODES_MAX 200000
#define YAML_SIZE_MAX (4u * 1024 * 1024)

enum yaml_flags {
        YAML_DATE = 1,      /* 2026-01-02 */
        YAML_TIMESTAMP = 2, /* 2026-01-02T03:04:05Z and its other forms */
        YAML_QUOTED = 4,    /* a string that was quoted or a block: no guess was made */
};

/* name: the file's name for messages. An empty document gives a null node.
 * 0; -EINVAL with em set; -E2BIG with em set; -ENOMEM. */
int yaml_parse(struct arena *a, const char *text, size_t len, const char *name, struct json **ret,
               struct errmsg *em);
/* All documents of a stream, as one array node. */
int yaml_parse_all(struct arena *a, const char *text, size_t len, const char *name,
                   struct json **ret, struct errmsg *em);

/* Where a value stands, from 1. Only for nodes made here. */
unsigned yaml_line(const struct json *j);
unsigned yaml_column(const struct json *j);
/* Where its key stands (the value's own place when it has none). */
unsigned yaml_key_line(const struct json *j);
unsigned yaml_key_column(const struct json *j);
