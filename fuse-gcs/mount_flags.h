/* mount_flags: the settings of a mount by name, from the command line, -o options and a YAML file.
 * Pure.
 *
 * The command line is stronger than the file, the file than a profile, that than the defaults. */
#pragma once

#include <stdio.h>

#include "lib/base/errmsg.h"
#include "lib/base/json.h"
#include "lib/base/macros.h"

enum mount_flags_id {
#define FLAG(id, name, key, type, def, use, help) FLAGS_##id,
#include "fuse-gcs/mount_flags.def"
#undef FLAG
        FLAGS_N,
};

enum mount_flags_type {
        FLAGS_BOOL,
        FLAGS_INT,
        FLAGS_FLOAT,
        FLAGS_STRING,
        FLAGS_DURATION,
        FLAGS_OCTAL,
        FLAGS_LIST
};
enum mount_flags_use { FLAGS_USED, FLAGS_QUIET, FLAGS_REFUSED };
enum mount_flags_origin { FLAGS_DEFAULT, FLAGS_PROFILE, FLAGS_FILE, FLAGS_ARGV };

struct mount_flags_row {
        const char *name, *key;
        enum mount_flags_type type;
        const char *def;
        enum mount_flags_use use;
        const char *help;
};

struct mount_flags {
        char *values[FLAGS_N]; /* NULL: the default */
        enum mount_flags_origin origins[FLAGS_N];
        char *config_file;
        char *words[2]; /* BUCKET and MOUNTPOINT */
        size_t n_words;
        bool wants_help, wants_version;
};

/* struct mount_flags f = {}; is the defaults. */
void mount_flags_done(struct mount_flags *f);
const struct mount_flags_row *mount_flags_row(enum mount_flags_id id);
/* By its name ("_" and "-" are one); -1: none. */
int mount_flags_find(const char *name);
int mount_flags_find_key(const char *key);
/* One value, checked by its type; a weaker origin than what is there changes nothing. LIST adds.
 * 0; -EINVAL with em set; -ENOMEM. */
int mount_flags_set(struct mount_flags *f, enum mount_flags_id id, const char *value,
                    enum mount_flags_origin origin, struct errmsg *em);
/* A command line without its program's name. */
int mount_flags_parse(struct mount_flags *f, int argc, char *const *argv, struct errmsg *em);
/* The configuration file's tree; unknown keys are errors. name: for messages. */
int mount_flags_file_parse(struct mount_flags *f, const char *text, size_t len, const char *name,
                           struct errmsg *em);
/* Refuses what is refused, and values out of their range; applies --machine-type, then --profile.
 */
int mount_flags_check(struct mount_flags *f, struct errmsg *em);

const char *mount_flags_str(const struct mount_flags *f, enum mount_flags_id id); /* "" when none */
bool mount_flags_bool(const struct mount_flags *f, enum mount_flags_id id);
int64_t mount_flags_int(const struct mount_flags *f, enum mount_flags_id id); /* INT and OCTAL */
double mount_flags_float(const struct mount_flags *f, enum mount_flags_id id);
usec_t mount_flags_duration(const struct mount_flags *f, enum mount_flags_id id);
bool mount_flags_is_set(const struct mount_flags *f, enum mount_flags_id id);
void mount_flags_print_help(FILE *to);
