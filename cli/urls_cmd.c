/* onebox urls: pages and services, and the ssh line that brings them to a laptop. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/address.h"
#include "cli/all_conf.h"
#include "cli/show.h"
#include "cli/table.h"
#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/gcp/metadata.h"

/* It is on this machine, or it is not there. */
#define CLOUD_FOR (2 * USEC_PER_SEC)

struct urls_words {
        struct cli_words words;
};

static const struct options_row rows[] = {CLI_ROWS(struct urls_words)};
static const struct options_spec spec = {
        .program = "onebox urls",
        .summary = "Show the addresses of pages and services, and how to reach them",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
};

struct urls {
        struct address address;
        const struct json **services;
        size_t n_services;
        const char *ssh;
        const char *
                gcloud; /* the same through Google's own command, on a machine of theirs; or NULL */
};

/* "-L 8080:/run/onebox/web.sock …": what is brought to the laptop. */
static const char *forwards(struct cli *c, const struct urls *u) {
        const char *line = arena_printf(&c->arena, "-L 8080:%s/web.sock -L 5000:%s/tracking.sock",
                                        c->paths.runtime_dir, c->paths.runtime_dir);

        for (size_t i = 0; i < u->n_services && line; i++) {
                const char *at = address_of_service(c, u->services[i]);

                if (at)
                        line = arena_printf(&c->arena, "%s -L %s:%s", line, strchr(at, ':') + 1,
                                            at);
        }
        return line;
}

static const char *ssh_line(struct cli *c, const char *forwarded) {
        const struct passwd *pw = getpwuid(getuid());
        char host[256] = "this-machine";

        (void) gethostname(host, sizeof(host) - 1);
        return forwarded ? arena_printf(&c->arena, "ssh %s %s@%s", forwarded,
                                        pw ? pw->pw_name : "you", host)
                         : NULL;
}

/* A value of the metadata server's; NULL: it does not say. */
static const char *ask_cloud(struct cli *c, struct http_fetch *http, const char *path) {
        _cleanup_free_ char *text = NULL;
        struct errmsg em;

        return metadata_get(http, path, CLOUD_FOR, &text, &em) < 0
                       ? NULL
                       : arena_strdup(&c->arena, str_strip(text));
}

/* Google's machines may have no address to the outside: gcloud finds the way through IAP. */
static const char *gcloud_line(struct cli *c, const char *forwarded) {
        _cleanup_(http_fetch_freep) struct http_fetch *http = NULL;
        const char *name, *project, *zone;

        if (!forwarded || !metadata_is_here() || http_fetch_new(NULL, &http) < 0)
                return NULL;
        name = ask_cloud(c, http, METADATA_INSTANCE_NAME);
        project = name ? ask_cloud(c, http, METADATA_PROJECT) : NULL;
        zone = project ? ask_cloud(c, http, METADATA_ZONE) : NULL;
        if (!zone)
                return NULL;
        zone = strrchr(zone, '/') ? strrchr(zone, '/') + 1 : zone;
        return arena_printf(&c->arena,
                            "gcloud compute ssh %s --project %s --zone %s --tunnel-through-iap -- "
                            "%s",
                            name, project, zone, forwarded);
}

static int print_json(struct cli *c, const struct urls *u) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;

        json_write_init(&w, &b, JSON_WRITE_PRETTY);
        json_write_object(&w);
        json_write_kv_str(&w, "web",
                          u->address.web ? arena_printf(&c->arena, "http://%s", u->address.web)
                                         : NULL);
        json_write_kv_str(&w, "tracking",
                          u->address.tracking
                                  ? arena_printf(&c->arena, "http://%s", u->address.tracking)
                                  : NULL);
        json_write_kv_object(&w, "services");
        for (size_t i = 0; i < u->n_services; i++) {
                const char *at = address_of_service(c, u->services[i]);

                json_write_kv_str(&w, show_text(u->services[i], "name"),
                                  at ? arena_printf(&c->arena, "http://%s", at) : NULL);
        }
        json_write_end(&w);
        json_write_kv_str(&w, "ssh", u->ssh);
        json_write_kv_str(&w, "gcloud", u->gcloud);
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return cli_oom(c);
        puts(buf_cstr(&b));
        return 0;
}

static void add_service(struct cli *c, struct table *t, const struct json *service) {
        const char *at = address_of_service(c, service);
        const struct json *endpoint;

        json_each (endpoint, json_get(service, "endpoints"))
                table_row(t, arena_printf(&c->arena, "service %s", show_text(service, "name")),
                          at ? arena_printf(&c->arena, "http://%s%s", at,
                                            show_text(endpoint, "endpoint"))
                             : "-");
}

/* Through a socket, as by the ssh below, the peer is known; by TCP somebody has to say who it is,
 * unless the configuration lets everybody do everything. */
static bool is_asked_who(struct cli *c) {
        const struct all_conf *conf;
        bool on;

        return all_conf_load(c, &conf) < 0 || conf->tracking.app_name ||
               str_to_bool(conf->tracking.access_control, &on) != 0 || on;
}

static int print_urls(struct cli *c, const struct urls *u) {
        struct table t;

        table_init(&t, &c->arena, c->colour);
        table_column(&t, "WHAT", TABLE_LEFT);
        table_column(&t, "WHERE", TABLE_LEFT);
        if (u->address.web)
                table_row(&t, "pages", arena_printf(&c->arena, "http://%s", u->address.web));
        if (u->address.tracking)
                table_row(&t, "tracking (MLFLOW_TRACKING_URI)",
                          arena_printf(&c->arena, "http://%s", u->address.tracking));
        for (size_t i = 0; i < u->n_services; i++)
                add_service(c, &t, u->services[i]);
        if (table_print(&t, NULL, stdout) < 0)
                return cli_oom(c);
        if (u->address.tracking && is_asked_who(c))
                puts("\nOn this machine, for the client:\n"
                     "  export MLFLOW_TRACKING_TOKEN=$(onebox token add USER)");
        printf("\nFrom your laptop, then http://localhost:8080 and http://localhost:5000:\n  %s\n",
               u->ssh);
        if (u->gcloud)
                printf("or, by whoever may log in with Google's own command:\n  %s\n", u->gcloud);
        return 0;
}

int urls_cmd(struct cli *c, int argc, char **argv) {
        static struct urls_words w;
        const char *forwarded;
        struct urls u;
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        r = address_find(c, &u.address);
        if (r < 0)
                return r;
        r = address_services(c, &u.services, &u.n_services);
        if (r < 0 && r != -EACCES) /* those of services are for who may see them */
                return r;
        forwarded = forwards(c, &u);
        u.ssh = ssh_line(c, forwarded);
        u.gcloud = gcloud_line(c, forwarded);
        if (!u.ssh)
                return cli_oom(c);
        return c->json ? print_json(c, &u) : print_urls(c, &u);
}
