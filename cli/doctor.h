/* doctor: what `onebox doctor` looks at, what it finds, and how it is put right.
 *
 * Each check adds its findings; nothing is changed but by doctor_fix_run(). Texts are in the arena
 * of the command. No secret is ever part of one. */
#pragma once

#include <sys/types.h>

#include "cli/all_conf.h"
#include "cli/cli.h"

enum doctor_state {
        DOCTOR_OK,
        DOCTOR_SKIPPED, /* this user cannot see it: neither good nor bad */
        DOCTOR_WARNING,
        DOCTOR_FAULT,
};

enum doctor_fix_kind { DOCTOR_MKDIR, DOCTOR_CHOWN, DOCTOR_CHOWN_ALL, DOCTOR_CHMOD };

struct doctor_fix {
        struct doctor_fix *next;
        enum doctor_fix_kind kind;
        const char *path;
        uid_t uid;
        gid_t gid;
        mode_t mode;
};

struct doctor_finding {
        struct doctor_finding *next;
        enum doctor_state state;
        const char *name;   /* of what was looked at: "disk", "directory /var/lib/onebox/auth" */
        const char *text;   /* what is so */
        const char *remedy; /* NULL: there is none to be done */
        struct doctor_fix *fixes, **fixes_tail;
};

struct doctor {
        struct cli *c;
        const struct all_conf *conf; /* NULL: the configuration is bad */
        bool is_system;              /* users of our own, by systemd; else all is one user's */
        bool failed;                 /* out of memory */
        struct doctor_finding *first, **tail;
};

void doctor_init(struct doctor *d, struct cli *c);
/* Adds one; never NULL (when out of memory one that is in no list). remedy: in the arena or static.
 */
struct doctor_finding *doctor_say(struct doctor *d, enum doctor_state state, const char *name,
                                  const char *remedy, const char *fmt, ...) _printf_(5, 6);
enum doctor_state doctor_worst(const struct doctor *d);
const char *doctor_state_name(enum doctor_state state);

/* The checks, in the order of doctor_checks.def. */
#define DOCTOR_CHECK(name) void doctor_##name(struct doctor *d);
#include "cli/doctor_checks.def"
#undef DOCTOR_CHECK
