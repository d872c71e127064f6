/* doctor: the four permissions on each bucket that is configured, each tried by itself with an
 * object of our own, which is gone at the end. As whoever runs this: on a cloud's machine that is
 * the machine's service account, as for the daemons. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/doctor.h"
#include "lib/base/entropy.h"
#include "lib/base/hex.h"
#include "lib/base/str.h"
#include "lib/gcp/store_any.h"

#define CONTENT "onebox doctor was here\n"

struct trial {
        struct doctor *d;
        struct store *store;
        const char *uri, *prefix, *name;
        bool is_google, is_put;
};

static void say(struct trial *t, int r, const char *verb, const char *google, const char *amazon) {
        struct arena *a = &t->d->c->arena;
        const char *name = arena_printf(a, "%s of %s", verb, t->uri);

        if (r >= 0)
                doctor_say(t->d, DOCTOR_OK, name, NULL, "allowed");
        else
                doctor_say(t->d, DOCTOR_FAULT, name,
                           r == -EACCES
                                   ? arena_printf(a, "give the service account %s on this bucket",
                                                  t->is_google ? google : amazon)
                                   : "see the bucket's name, the network and the credentials",
                           "%s", t->d->c->em.text);
}

static int get(struct trial *t) {
        struct store_info info;
        struct store_get *g;
        char bytes[sizeof(CONTENT)];
        ssize_t n;
        int r = store_get_open(t->store, t->name, &t->d->c->em, &info, &g);

        if (r < 0)
                return r;
        n = store_get_read(t->store, g, 0, bytes, sizeof(bytes));
        store_get_close(t->store, g);
        if (n < 0)
                return errmsg_errno(&t->d->c->em, (int) n, "%s", t->name);
        if ((size_t) n != strlen(CONTENT) || memcmp(bytes, CONTENT, (size_t) n) != 0)
                return errmsg_fail(&t->d->c->em, -EBADMSG, "%s came back different", t->name);
        return 0;
}

static int count(const struct store_entry *entry, void *userdata) {
        (void) entry;
        *(bool *) userdata = true;
        return 0;
}

static int list(struct trial *t) {
        bool found = false;
        int r = store_list(t->store, &(struct store_list){.prefix = t->prefix, .is_deep = true},
                           count, &found, &t->d->c->em, NULL);

        if (r < 0)
                return r;
        return found || !t->is_put
                       ? 0
                       : errmsg_fail(&t->d->c->em, -EBADMSG, "what was put is in no listing");
}

/* Without an object of ours the service's "there is none" is as good: it refuses before it looks.
 */
static int there_or_not(const struct trial *t, int r) {
        return r == -ENOENT && !t->is_put ? 0 : r;
}

static void try_all(struct trial *t) {
        int r = store_put(t->store, t->name, CONTENT, strlen(CONTENT), &t->d->c->em);

        t->is_put = r >= 0;
        say(t, r, "put", "storage.objects.create", "s3:PutObject");
        say(t, there_or_not(t, get(t)), "get", "storage.objects.get", "s3:GetObject");
        say(t, list(t), "list", "storage.objects.list", "s3:ListBucket");
        r = there_or_not(t, store_delete(t->store, t->name, &t->d->c->em));
        if (r < 0 && t->is_put)
                errmsg_prefix(&t->d->c->em, "%s stays there", t->name);
        say(t, r, "delete", "storage.objects.delete", "s3:DeleteObject");
}

static void look_at(struct doctor *d, const char *uri) {
        _cleanup_(store_freep) struct store *store = NULL;
        struct arena *a = &d->c->arena;
        struct trial t = {.d = d, .uri = uri, .is_google = str_starts(uri, "gs://")};
        unsigned char random[8];
        char text[2 * sizeof(random) + 1];
        int r;

        r = entropy_fill(entropy_system(), random, sizeof(random));
        if (r >= 0)
                r = store_any_open(uri, &d->c->em, &store);
        if (r < 0) {
                doctor_say(d, DOCTOR_FAULT, arena_printf(a, "bucket %s", uri),
                           "see the bucket's name and the credentials of this machine", "%s",
                           d->c->em.text);
                return;
        }
        hex_encode(random, sizeof(random), text);
        t.store = store;
        t.prefix = arena_printf(a, "onebox-doctor-%s/", text);
        t.name = t.prefix ? arena_printf(a, "%sprobe", t.prefix) : NULL;
        if (t.name)
                try_all(&t);
        else
                d->failed = true;
}

void doctor_bucket(struct doctor *d) {
        const char *uris[3] = {}, *given = getenv("MLFLOW_ARTIFACTS_DESTINATION");

        if (!d->conf)
                return;
        uris[0] = d->conf->tracking.artifacts_destination ? d->conf->tracking.artifacts_destination
                                                          : given;
        uris[1] = d->conf->tracking.default_artifact_root;
        if (d->conf->logging.remote_logging)
                uris[2] = d->conf->logging.remote_base_log_folder;
        for (size_t i = 0; i < ARRAY_SIZE(uris); i++) {
                if (!uris[i] || !store_any_is_bucket(uris[i]) ||
                    (i > 0 && str_eq(uris[i], uris[0])))
                        continue;
                if (i == 2 && !str_empty(d->conf->logging.remote_log_conn_id))
                        doctor_say(d, DOCTOR_SKIPPED,
                                   arena_printf(&d->c->arena, "bucket %s", uris[i]),
                                   arena_printf(&d->c->arena, "onebox connections test %s",
                                                d->conf->logging.remote_log_conn_id),
                                   "it is reached by a connection's own credentials");
                else
                        look_at(d, uris[i]);
        }
}
