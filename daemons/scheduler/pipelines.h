/* pipelines: Liminal's YAML (liminal.yml, liminal.yaml) to DAG JSON and service JSON.
 *
 * All files below a directory are found and compiled; a bad file, pipeline or task is reported as
 * `file:line:col: what, why, remedy` and hides no other. Placeholders in commands
 * and environment values stay for the try (core/template.h); elsewhere the file's variables fill
 * them in now.
 * See onebox-pipelines(5) for the keys, and for where we differ from what Liminal's code did. */
#pragma once

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

struct pipelines_options {
        const char *python;   /* the interpreter of services: absolute path */
        const char *env_file; /* K=V lines for every task, as $LIMINAL_HOME/env; may be NULL */
        unsigned scan_depth;  /* directories deep; 0: PIPELINES_FIND_DEPTH */
        bool compat_code;     /* decide as Liminal's code did where its documents differ */
};

struct pipelines_dag {
        char *dag_id;
        char *json;    /* onebox-dag(5); has passed dag_parse() */
        char *file;    /* absolute */
        unsigned line; /* of the pipeline in it */
};

struct pipelines_service {
        char *name;
        char *json;        /* services/NAME.json of onebox-serving, with onebox's own Python */
        char *environment; /* {"environment": {image, source, …}} of its image, or {} */
        char *file;
};

/* What is wrong, or what has no meaning here. */
struct pipelines_message {
        char *file; /* absolute */
        char *text; /* "FILE:LINE:COL: …" */
        bool is_warning;
};

struct pipelines {
        struct pipelines_dag *dags;
        size_t n_dags;
        size_t n_dags_allocated;
        struct pipelines_service *services;
        size_t n_services;
        size_t n_services_allocated;
        struct pipelines_message *messages;
        size_t n_messages;
        size_t n_messages_allocated;
        uint64_t digest; /* of pipelines_load(): of the texts it compiled */
};

/* Finds, reads and compiles. A directory that is not there is empty. 0 whatever the files hold;
 * -errno when the directory cannot be read at all (em set); -ENOMEM. */
int pipelines_load(const char *dir, const struct pipelines_options *o, struct pipelines *ret,
                   struct errmsg *em);
/* Joins the digest that a load would have now to another (pipelines_digest.h); compiles nothing. 0;
 * negative when something cannot be read: then nobody can say. */
int pipelines_look(const char *dir, const struct pipelines_options *o, uint64_t *digest);

/* One file that is in memory already. */
struct pipelines_text {
        const char *path; /* absolute: relative sources are looked up from its directory */
        const char *data;
        size_t len;
};

/* Compiles without touching a file. 0 or -ENOMEM. */
int pipelines_compile(const struct pipelines_text *files, size_t n_files,
                      const struct pipelines_options *o, struct pipelines *ret);

void pipelines_done(struct pipelines *p);
