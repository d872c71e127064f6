/* launcher_systemd.c: each task in a transient unit onebox-task-TRY_ID.service of
 * onebox-tasks.slice.
 *
 * Owns the connection to the bus and the requests that wait for a job of PID 1; when the bus goes
 * away the launcher ends and is started again. Only the properties written here are ever set. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <systemd/sd-bus.h>

#include "daemons/launcher/launcher_exec.h"
#include "daemons/launcher/launcher_inhibit.h"
#include "daemons/launcher/launcher_secrets.h"
#include "daemons/launcher/launcher_spool.h"
#include "daemons/launcher/launcher_unit.h"
#include "lib/base/fileio.h"
#include "lib/base/json_write.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"
#include "lib/net/loop.h"

#define MANAGER "org.freedesktop.systemd1", "/org/freedesktop/systemd1"
#define INTERFACE "org.freedesktop.systemd1.Manager"
#define UNIT_PREFIX "onebox-task-"
#define UNIT_SUFFIX ".service"
#define CALL_FOR (20 * USEC_PER_SEC)
enum { UNIT_SIZE = 64 };

struct systemd_exec;

/* A request that waits for the bus. */
struct systemd_wait {
        LIST_ENTRY(systemd_wait) in_exec;
        struct systemd_exec *x;
        struct http_request *req;
        sd_bus_slot *slot;
        char unit[UNIT_SIZE];
        char *job;                          /* its path, once PID 1 has made it */
        char secrets_of[ENTROPY_UUID_SIZE]; /* the try whose copies go with this; "": none */
};

LIST_HEAD(systemd_waits, systemd_wait);

struct systemd_exec {
        struct launcher_exec exec;
        struct loop *loop;
        const struct launcher_conf *conf;
        const struct paths *paths;
        char *tasks_dir;
        char *program;
        char *secrets_dir; /* root's alone */
        sd_bus *bus;
        struct loop_source *io, *timer;
        struct systemd_waits waits;
        struct launcher_inhibit *inhibit;
};

static void unit_name(const char *try_id, char unit[UNIT_SIZE]) {
        snprintf(unit, UNIT_SIZE, UNIT_PREFIX "%s" UNIT_SUFFIX, try_id);
}

static void wait_free(struct systemd_wait *w) {
        LIST_REMOVE(w, in_exec);
        if (w->secrets_of[0])
                launcher_secrets_drop(w->x->secrets_dir, w->secrets_of);
        sd_bus_slot_unref(w->slot);
        mem_free(w->job);
        mem_free(w);
}

/* --- the bus on the loop ------------------------------------------------------------------------
 */

/* Does all the bus has to do and says what to wait for. Negative: the bus is gone. */
static int bus_turn(struct systemd_exec *x) {
        uint64_t at;
        int r, events;

        while ((r = sd_bus_process(x->bus, NULL)) > 0)
                ;
        if (r < 0)
                return log_errno(r, "the system bus is gone");
        events = sd_bus_get_events(x->bus);
        if (events < 0)
                return log_errno(events, "the system bus is gone");
        r = loop_source_set_events(x->io, (uint32_t) events); /* POLLIN is EPOLLIN */
        if (r >= 0)
                r = sd_bus_get_timeout(x->bus, &at);
        if (r >= 0)
                r = at == UINT64_MAX ? loop_source_set_enabled(x->timer, false)
                                     : loop_source_arm_at(x->timer, at);
        return MIN(r, 0);
}

static int on_bus(struct loop_source *s, int fd, uint32_t revents, void *ctx) {
        return bus_turn(ctx);
}

static int on_bus_timer(struct loop_source *s, usec_t now, void *ctx) {
        return bus_turn(ctx);
}

/* --- answers ------------------------------------------------------------------------------------
 */

static int reply_unit(struct http_request *req, const char *unit) {
        struct json_write w;
        struct buf b = {};

        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "unit", unit);
        json_write_kv_null(&w, "pid");
        json_write_end(&w);
        return http_request_reply_json(req, 200, &b);
}

static int on_job_removed(sd_bus_message *m, void *ctx, sd_bus_error *ret_error) {
        struct systemd_exec *x = ctx;
        const char *path, *unit, *result;
        struct systemd_wait *w;
        uint32_t id;

        if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) < 0)
                return 0;
        LIST_FOREACH(w, &x->waits, in_exec)
        if (w->job && str_eq(w->job, path))
                break;
        if (!w)
                return 0;
        if (str_eq(result, "done"))
                reply_unit(w->req, w->unit);
        else
                http_request_reply_error(
                        w->req, 500, "%s was not started, systemd says: %s (see journalctl -u %s)",
                        w->unit, result, w->unit);
        wait_free(w);
        return 0;
}

static int on_started(sd_bus_message *m, void *ctx, sd_bus_error *ret_error) {
        struct systemd_wait *w = ctx;
        const sd_bus_error *e = sd_bus_message_get_error(m);
        const char *job;

        if (!e && sd_bus_message_read(m, "o", &job) >= 0) {
                w->job = mem_strdup(job);
                if (w->job)
                        return 0;
                reply_unit(w->req, w->unit);
        } else if (sd_bus_error_has_name(e, "org.freedesktop.systemd1.UnitExists")) {
                reply_unit(w->req, w->unit);
        } else {
                http_request_reply_error(w->req, 500, "systemd refused %s: %s", w->unit,
                                         e && e->message ? e->message : "unreadable answer");
        }
        wait_free(w);
        return 0;
}

static int on_stopped(sd_bus_message *m, void *ctx, sd_bus_error *ret_error) {
        struct systemd_wait *w = ctx;
        const sd_bus_error *e = sd_bus_message_get_error(m);
        bool none = e && sd_bus_error_has_name(e, "org.freedesktop.systemd1.NoSuchUnit");

        if (e && !none)
                http_request_reply_error(w->req, 500, "systemd did not stop %s: %s", w->unit,
                                         e->message ? e->message : e->name);
        else
                http_request_reply(w->req, 200, "application/json",
                                   none ? "{\"stopping\":false}" : "{\"stopping\":true}",
                                   none ? STRLEN("{\"stopping\":false}")
                                        : STRLEN("{\"stopping\":true}"));
        wait_free(w);
        return 0;
}

/* --- asking -------------------------------------------------------------------------------------
 */

/* Sends `m`; the request is answered by `fn`, and the copied secrets of `secrets_of` (or NULL) go
 * with the answer. */
static int ask(struct systemd_exec *x, struct http_request *req, const char *unit,
               sd_bus_message *m, sd_bus_message_handler_t fn, const char *secrets_of) {
        struct systemd_wait *w = mem_new(struct systemd_wait);
        int r;

        if (!w)
                return -ENOMEM;
        w->x = x;
        w->req = req;
        str_copy(w->unit, sizeof(w->unit), unit);
        str_copy(w->secrets_of, sizeof(w->secrets_of), secrets_of ? secrets_of : "");
        LIST_INSERT_HEAD(&x->waits, w, in_exec);
        r = sd_bus_call_async(x->bus, &w->slot, m, fn, w, CALL_FOR);
        if (r < 0) {
                wait_free(w);
                return r;
        }
        if (bus_turn(x) < 0)
                loop_quit(x->loop, 1);
        return HTTP_LATER;
}

static int hand_over(struct systemd_exec *x, const char *try_id, const char *user,
                     struct errmsg *em) {
        const struct passwd *pw = getpwnam(x->conf->scheduler_user);
        uid_t scheduler_uid;
        gid_t scheduler_gid;

        if (!pw)
                return errmsg_fail(em, -ESRCH, "user \"%s\" is gone", x->conf->scheduler_user);
        scheduler_uid = pw->pw_uid;
        scheduler_gid = pw->pw_gid;
        pw = getpwnam(user);
        if (!pw)
                return errmsg_fail(em, -ESRCH, "the task's user \"%s\" does not exist", user);
        if (pw->pw_uid == 0)
                return errmsg_fail(em, -EPERM, "tasks may not run as root, which \"%s\" is", user);
        return launcher_spool_hand_over(x->tasks_dir, try_id, pw->pw_uid, scheduler_uid,
                                        scheduler_gid, em);
}

/* Is what the task takes with it allowed? Its secrets are copied to where systemd loads them. */
static int carry_in(struct systemd_exec *x, const struct launcher_ask *a,
                    struct launcher_allow_found *found, struct errmsg *em) {
        const struct launcher_allow allow = {.mounts = x->conf->mounts,
                                             .secrets = x->conf->secrets,
                                             .devices = x->conf->devices,
                                             .state_dir = x->paths->state_dir,
                                             .runtime_dir = x->paths->runtime_dir};
        int r = 0;

        for (size_t i = 0; i < a->carry.n_binds && r >= 0; i++)
                r = launcher_allow_bind(&allow, &a->carry.binds[i], &found[i], em);
        for (size_t i = 0; i < a->carry.n_devices && r >= 0; i++)
                r = launcher_allow_device(&allow, a->carry.devices[i], em);
        return r < 0 ? r : launcher_secrets_put(x->secrets_dir, a->try_id, &allow, &a->carry, em);
}

static int start_unit(struct systemd_exec *x, struct http_request *req,
                      const struct launcher_ask *a, const char *user,
                      const struct launcher_allow_found *found) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_free_ char *secrets = str_printf("%s/%s", x->secrets_dir, a->try_id);
        char unit[UNIT_SIZE];
        int r;

        if (!secrets)
                return -ENOMEM;
        unit_name(a->try_id, unit);
        r = sd_bus_message_new_method_call(x->bus, &m, MANAGER, INTERFACE, "StartTransientUnit");
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", unit, "fail");
        if (r >= 0)
                r = launcher_unit_add(m, &(struct launcher_unit){.ask = a,
                                                                 .conf = x->conf,
                                                                 .paths = x->paths,
                                                                 .name = unit,
                                                                 .user = user,
                                                                 .program = x->program,
                                                                 .found = found,
                                                                 .secrets_dir = secrets});
        if (r >= 0)
                r = sd_bus_message_append(m, "a(sa(sv))", 0);
        if (r < 0)
                return r;
        return ask(x, req, unit, m, on_started, a->carry.n_secrets > 0 ? a->try_id : NULL);
}

static int systemd_start(struct launcher_exec *exec, struct http_request *req,
                         const struct launcher_ask *a, const char *user) {
        struct systemd_exec *x = container_of(exec, struct systemd_exec, exec);
        struct launcher_allow_found *found;
        struct errmsg em;
        int r;

        found = arena_zalloc_array(req->arena, a->carry.n_binds + 1, sizeof(*found));
        if (!found)
                return -ENOMEM;
        r = carry_in(x, a, found, &em);
        if (r >= 0)
                r = hand_over(x, a->try_id, user, &em);
        if (r < 0) {
                launcher_secrets_drop(x->secrets_dir, a->try_id);
                return http_request_reply_error(
                        req, r == -ESRCH || r == -EPERM || r == -ENOENT ? 403 : 500, "%s", em.text);
        }
        r = start_unit(x, req, a, user, found);
        if (r < 0)
                launcher_secrets_drop(x->secrets_dir, a->try_id);
        return r;
}

static int systemd_stop(struct launcher_exec *exec, struct http_request *req,
                        const struct launcher_ask *a) {
        struct systemd_exec *x = container_of(exec, struct systemd_exec, exec);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        char unit[UNIT_SIZE];
        int r;

        unit_name(a->try_id, unit);
        r = sd_bus_message_new_method_call(x->bus, &m, MANAGER, INTERFACE, "StopUnit");
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", unit, "replace");
        if (r < 0)
                return r;
        return ask(x, req, unit, m, on_stopped, NULL);
}

/* --- the list -----------------------------------------------------------------------------------
 */

/* One row of ListUnits; 1: there was one, 0: the end. */
static int list_row(sd_bus_message *m, struct json_write *w) {
        const char *unit, *description, *load, *active, *sub, *follow, *path, *job, *job_path;
        const char *id;
        uint32_t job_id;
        int r;

        r = sd_bus_message_read(m, "(ssssssouso)", &unit, &description, &load, &active, &sub,
                                &follow, &path, &job_id, &job, &job_path);
        if (r <= 0)
                return r;
        id = str_after(unit, UNIT_PREFIX);
        if (!id || strlen(id) != ENTROPY_UUID_SIZE - 1 + STRLEN(UNIT_SUFFIX))
                return 1;
        json_write_object(w);
        json_write_key(w, "try_id");
        json_write_strn(w, id, ENTROPY_UUID_SIZE - 1);
        json_write_kv_str(w, "unit", unit);
        json_write_kv_str(w, "state", active);
        json_write_end(w);
        return 1;
}

static int on_list(sd_bus_message *m, void *ctx, sd_bus_error *ret_error) {
        struct systemd_wait *wait = ctx;
        const sd_bus_error *e = sd_bus_message_get_error(m);
        struct json_write w;
        struct buf b = {};
        int r;

        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_array(&w, "units");
        r = e ? -EIO : sd_bus_message_enter_container(m, 'a', "(ssssssouso)");
        while (r >= 0 && (r = list_row(m, &w)) > 0)
                ;
        json_write_end(&w);
        json_write_end(&w);
        if (r < 0) {
                buf_done(&b);
                http_request_reply_error(wait->req, 500, "systemd did not list the units: %s",
                                         e && e->message ? e->message : errmsg_strerror(r));
        } else {
                http_request_reply_json(wait->req, 200, &b);
        }
        wait_free(wait);
        return 0;
}

static int systemd_list(struct launcher_exec *exec, struct http_request *req) {
        struct systemd_exec *x = container_of(exec, struct systemd_exec, exec);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(x->bus, &m, MANAGER, INTERFACE, "ListUnitsByPatterns");
        if (r >= 0)
                r = sd_bus_message_append(m, "asas", 0, 1, UNIT_PREFIX "*" UNIT_SUFFIX);
        if (r < 0)
                return r;
        return ask(x, req, "units", m, on_list, NULL);
}

static int systemd_hold(struct launcher_exec *exec, struct http_request *req, bool wanted) {
        struct systemd_exec *x = container_of(exec, struct systemd_exec, exec);
        int r = launcher_inhibit_ask(x->inhibit, req, wanted);

        (void) bus_turn(x);
        return r;
}

/* --- life ---------------------------------------------------------------------------------------
 */

static void systemd_free(struct launcher_exec *exec) {
        struct systemd_exec *x = container_of(exec, struct systemd_exec, exec);
        struct systemd_wait *w;

        while ((w = LIST_FIRST(&x->waits)))
                wait_free(w);
        launcher_inhibit_free(x->inhibit);
        loop_source_free(x->io);
        loop_source_free(x->timer);
        sd_bus_flush_close_unref(x->bus);
        mem_free(x->tasks_dir);
        mem_free(x->program);
        mem_free(x->secrets_dir);
        mem_free(x);
}

/* Copies that an earlier launcher left have no unit any more that waits for them: whoever is still
 * without an answer asks again. */
static int secrets_dir_open(struct systemd_exec *x) {
        const char *own = getenv("RUNTIME_DIRECTORY"); /* the unit's, which is root's alone */

        x->secrets_dir =
                own ? str_printf("%s/secrets", own) : paths_runtime(x->paths, "launcher-secrets");
        if (!x->secrets_dir)
                return -ENOMEM;
        return fileio_rm_rf(x->secrets_dir);
}

static int bus_open(struct systemd_exec *x) {
        int r;

        r = sd_bus_open_system(&x->bus);
        if (r >= 0)
                r = sd_bus_call_method(x->bus, MANAGER, INTERFACE, "Subscribe", NULL, NULL, NULL);
        if (r >= 0)
                r = sd_bus_match_signal(x->bus, NULL, MANAGER, INTERFACE, "JobRemoved",
                                        on_job_removed, x);
        if (r >= 0)
                r = loop_io(x->loop, sd_bus_get_fd(x->bus), EPOLLIN, on_bus, x, &x->io);
        if (r >= 0)
                r = loop_timer(x->loop, CLOCK_MONOTONIC, UINT64_MAX, 0, on_bus_timer, x, &x->timer);
        if (r >= 0)
                r = launcher_inhibit_new(x->loop, x->bus, &x->inhibit);
        return r < 0 ? r : bus_turn(x);
}

int launcher_systemd_new(struct loop *loop, const struct launcher_conf *conf,
                         const struct paths *paths, struct launcher_exec **ret, struct errmsg *em) {
        struct systemd_exec *x = mem_new(struct systemd_exec);
        int r;

        if (!x)
                return errmsg_fail(em, -ENOMEM, "no memory");
        x->exec = (struct launcher_exec){systemd_start, systemd_stop, systemd_list, systemd_hold,
                                         systemd_free};
        x->loop = loop;
        x->conf = conf;
        x->paths = paths;
        x->tasks_dir = paths_state(paths, "tasks");
        r = x->tasks_dir ? paths_daemon(paths, "task", &x->program, em)
                         : errmsg_fail(em, -ENOMEM, "no memory");
        if (r >= 0) {
                r = secrets_dir_open(x);
                if (r < 0)
                        errmsg_errno(em, r, "cannot clear \"%s\"",
                                     x->secrets_dir ? x->secrets_dir : "secrets");
        }
        if (r >= 0) {
                r = bus_open(x);
                if (r < 0)
                        errmsg_errno(em, r,
                                     "cannot reach systemd over the system bus (use --mode=fork "
                                     "where systemd does not run)");
        }
        if (r < 0) {
                systemd_free(&x->exec);
                return r;
        }
        *ret = &x->exec;
        return 0;
}
