/* conf: configuration files like systemd's: [section], key = value, # comments, drop-ins.
 *
 * Every key is one row of config/SECTION.def:
 *      CONF_KEY(web, listen, STRING, "127.0.0.1:8080", "address of the front door")
 * from which come the struct, the table, the help and `onebox config check`:
 *      struct web_conf {
 *      #define CONF_KEY CONF_FIELD
 *      #include "config/web.def"
 *      #undef CONF_KEY
 *      };
 *      static const struct conf_key web_keys[] = {
 *      #define CONF_KEY(...) CONF_ROW(struct web_conf, __VA_ARGS__)
 *      #include "config/web.def"
 *      #undef CONF_KEY
 *      };
 * A value is stripped of blanks; "…" quotes keep them; a trailing backslash continues the line; a
 * later assignment wins, an empty one goes back to the default; lists are split at blanks and
 * commas, the first assignment replaces the default, further ones add, an empty one empties.
 * Sections of conf_sections.def that are in no row of the caller are skipped (they are another
 * daemon's); all others are errors, as are unknown keys, with file, line and nearest name.
 */
#pragma once

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

enum conf_type {
        CONF_STRING, /* char *, on the heap, NULL when the default is NULL */
        CONF_BOOL,   /* bool */
        CONF_UINT,   /* uint64_t */
        CONF_SPAN,   /* usec_t, "15s" */
        CONF_SIZE,   /* uint64_t, bytes, "64M" */
        CONF_LIST,   /* char **, NULL-terminated, NULL when empty */
};

#define CONF_CTYPE_STRING char *
#define CONF_CTYPE_BOOL bool
#define CONF_CTYPE_UINT uint64_t
#define CONF_CTYPE_SPAN usec_t
#define CONF_CTYPE_SIZE uint64_t
#define CONF_CTYPE_LIST char **

#define CONF_FIELD(section, key, type, def, help) CONF_CTYPE_##type key;
#define CONF_ROW(ctype, section, key, type, def, help) \
        {#section, #key, CONF_##type, offsetof(ctype, key), def, help},

struct conf_key {
        const char *section;
        const char *key;
        enum conf_type type;
        size_t offset;            /* in the target struct */
        const char *default_text; /* as in a file; NULL: unset (STRING, LIST) or zero */
        const char *help;
};

/* A table of rows and the struct they fill. */
struct conf_table {
        const struct conf_key *keys;
        size_t n_keys;
};

/* Every field gets its default. target must be zeroed before the first call.
 * 0, -ENOMEM; -EINVAL when a row's default is no value of its type (a bug: em names the row). */
int conf_defaults(const struct conf_table *t, void *target, struct errmsg *em);
/* Defaults, then the file, then the *.conf of <path>.d in order of name, then conf_airflow.h. A
 * missing file or directory is fine. 0; -EINVAL with em "file:line: …"; other -errno with em set.
 */
int conf_load(const struct conf_table *t, const char *path, void *target, struct errmsg *em);
/* One text over what is there; name for messages. */
int conf_parse(const struct conf_table *t, const char *text, size_t len, const char *name,
               void *target, struct errmsg *em);
/* One value as if assigned, e.g. from the command line. -ENOENT: no such key. */
int conf_set(const struct conf_table *t, const char *section, const char *key, const char *value,
             void *target, struct errmsg *em);
void conf_done(const struct conf_table *t, void *target);

/* The key's row or NULL. */
const struct conf_key *conf_find(const struct conf_table *t, const char *section, const char *key);
