/* launcher_carry.h: what a task takes into its unit besides limits: directories, secrets, devices,
 * and how long the unit may live at most. Read and checked here, pure; whether the configuration
 * allows it is launcher_allow's answer.
 *
 *      "binds":   [{"name": "…", "source": "/…", "path": "/…", "read_only": true}]
 *      "secrets": [{"name": "…", "source": "/…", "path": "/…" | null, "encrypted": false}]
 *      "devices": ["/dev/…"]
 *      "runtime_max_s": 3600                                       each optional */
#pragma once

#include "lib/base/arena.h"
#include "lib/base/errmsg.h"
#include "lib/base/json.h"
#include "lib/base/macros.h"

enum {
        LAUNCHER_CARRY_MAX = 32, /* of each kind */
        LAUNCHER_CARRY_PATH_MAX = 1024,
        LAUNCHER_CARRY_NAME_MAX = 128,
};

struct launcher_carry_bind {
        const char *name;
        const char *source;
        const char *path;
        bool read_only;
};

struct launcher_carry_secret {
        const char *name; /* fit for a file name; the credential's name */
        const char *source;
        const char *path; /* a directory that shows the secret as the file "credentials"; or NULL */
        bool encrypted;   /* by systemd-creds: systemd decrypts it */
};

struct launcher_carry {
        struct launcher_carry_bind *binds;
        size_t n_binds;
        struct launcher_carry_secret *secrets;
        size_t n_secrets;
        const char **devices;
        size_t n_devices;
        usec_t runtime_max_for; /* 0: no limit */
};

/* Reads the keys of `j` named above. -EINVAL with *em naming the key; -ENOMEM. */
int launcher_carry_parse(struct arena *a, const struct json *j, struct launcher_carry *ret,
                         struct errmsg *em);

/* Absolute, no empty part, no "." or "..", no control character, no trailing slash. */
bool launcher_carry_is_path(const char *path);

/* Is `path` the directory or below it? */
bool launcher_carry_is_below(const char *path, const char *dir);

/* May something be mounted at `path` in a task's unit? Never over what the machine's programs,
 * settings or kernel live in, nor over onebox's own directories. */
bool launcher_carry_is_target(const char *path, const char *state_dir, const char *runtime_dir);
