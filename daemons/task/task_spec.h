/* task_spec.h: what one try is to do, as the scheduler wrote it in spec.json.
 *
 *      {"version": 1, "try_id": "…", "dag_id": "…", "run_id": "…", "task_id": "…", "map_index": -1,
 *       "try_number": 1,
 *       "cmd": "…" | "argv": ["…", …],    a text for bash -c, or a program and its arguments
 *       "env": {"NAME": "value", …},      over the shim's own environment
 *       "cwd": "/absolute",               left out: the shim's
 *       "timeout_s": 3600, "grace_s": 10, 0 or left out: no limit; default grace
 *       "xcom": false,                    whether the last line of stdout is its return_value
 *       "log_limit": 268435456}           bytes of the log file, 0: no limit
 *
 * Keys not named here are passed over: a newer scheduler may say more. Threads: one. */
#pragma once

#include "lib/base/arena.h"
#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

#define TASK_SPEC_SIZE_MAX (8u << 20)
#define TASK_SPEC_GRACE_FOR (10 * USEC_PER_SEC)
#define TASK_SPEC_LOG_LIMIT (UINT64_C(256) << 20)

struct task_spec {
        const char *try_id;
        const char *const *argv;  /* argv[0] is the program, a path or a name in PATH */
        const char *const *plain; /* a cmd's words when it needs no shell, or NULL: task_words.h */
        const char *const *envp;  /* complete */
        const char *cwd;          /* or NULL */
        usec_t timeout_for;       /* 0: none */
        usec_t grace_for;         /* between SIGTERM and SIGKILL */
        uint64_t log_limit;       /* bytes, 0: none */
        bool xcom;                /* the last line of stdout is left for other tasks */
};

/* Everything of *ret lives in `a`. `environ` is the environment the spec's goes over, NULL for an
 * empty one. -EINVAL with the key and the reason in *em; -ENOMEM. */
int task_spec_parse(struct arena *a, char *text, size_t len, char *const *environ_base,
                    struct task_spec *ret, struct errmsg *em);

/* The value of a variable of its environment, or NULL. */
const char *task_spec_env(const struct task_spec *spec, const char *name);

/* `over` ("NAME=value", NULL-terminated) wins over the spec's environment. -ENOMEM. */
int task_spec_env_over(struct arena *a, struct task_spec *spec, char *const *over);

/* Where the program of a spec is: looked up in the PATH of its environment when it has no slash. A
 * plain command whose program is there takes the place of bash in spec->argv, with the PWD that
 * bash would have set. -ENOENT, -EACCES with *em set; -ENOMEM. */
int task_spec_program(struct arena *a, struct task_spec *spec, const char **ret_path,
                      struct errmsg *em);
