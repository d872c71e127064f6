/* tracking.h: what the handlers of one tracking server share. Filled by tracking_main.c before the
 * first request and read-only from then on; what it points to does its own locking.
 */
#pragma once

#include "daemons/tracking/access.h"
#include "lib/base/macros.h"

struct artifact_stores;
struct auth_audit;
struct auth_check;
struct auth_envelope;
struct auth_store;
struct clock;
struct db_readers;
struct db_writer;
struct entropy;
struct gateway_proxy;
struct http_server;
struct loop;
struct run_resume;
struct store;
struct webhook_sender;

#define TRACKING_VERSION "3.18.0"      /* the MLflow server whose answers we give */
#define TRACKING_WORKSPACE "'default'" /* in SQL: there is one */

struct tracking {
        struct loop *loop;
        struct http_server *http;
        const struct clock *clock;
        struct entropy *entropy;
        struct db_writer *writer;
        struct db_readers *readers;
        struct store *store; /* behind mlflow-artifacts:; NULL with --no-serve-artifacts */
        struct artifact_stores *stores; /* buckets that locations name */
        bool ai_gateway;                /* what the gateway keeps is served */
        bool proxy_multipart;           /* clients may move large files by URLs we sign */
        struct webhook_sender *webhooks;
        struct auth_envelope *envelope;      /* seals the gateway's secrets; NULL: no passphrase */
        struct gateway_proxy *gateway_proxy; /* NULL: there is no gateway elsewhere */
        struct run_resume *resume;           /* the writer's thread's */
        struct auth_check *auth;
        struct auth_store *users;        /* NULL: access control is off */
        enum access_level default_level; /* on what nobody was granted anything */
        struct auth_audit *audit;        /* may be NULL */
        const char *artifact_root;       /* URI that new experiments' locations begin with */
        bool has_traces;                 /* the database has 3.18's tables of traces */
        const char *frame_options;       /* the value of X-Frame-Options; NULL: none */
        const char *tracking_auth;       /* "" or "basic-auth", for server-info */
        const char *static_prefix;       /* before every path; "" */
        unsigned char form_key[32];      /* signs the forms that we show: signup_api.h */
};

/* Milliseconds since 1970, as MLflow counts. */
int64_t tracking_now_ms(const struct tracking *t);
