#include "daemons/gitsync/gitsync_status.h"

#include <errno.h>

#include "lib/base/fileio.h"
#include "lib/base/json.h"
#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/timestamp.h"

enum { SIZE_MAX_READ = 64 << 10 };

static void kv_at(struct json_write *w, const char *key, usec_t at) {
        char text[TIMESTAMP_SIZE];

        json_write_kv_str(w, key, at ? timestamp_print(at, TIMESTAMP_SECONDS, text) : NULL);
}

int gitsync_status_write(const char *path, const struct gitsync_status *s, struct errmsg *em) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        int r;

        json_write_init(&w, &b, JSON_WRITE_PRETTY);
        json_write_object(&w);
        json_write_kv_str(&w, "repo", s->repo);
        json_write_kv_str(&w, "branch", s->branch);
        json_write_kv_str(&w, "subpath", s->subpath);
        json_write_kv_u64(&w, "scan_depth", s->scan_depth);
        json_write_kv_str(&w, "commit", s->commit);
        json_write_kv_str(&w, "subject", s->subject);
        json_write_kv_str(&w, "author", s->author);
        json_write_kv_str(&w, "committed_at", s->committed_at);
        kv_at(&w, "synced_at", s->synced_at);
        kv_at(&w, "checked_at", s->checked_at);
        kv_at(&w, "tried_at", s->tried_at);
        json_write_kv_str(&w, "error", s->error);
        kv_at(&w, "error_since_at", s->error_since_at);
        json_write_kv_str(&w, "warning", s->warning);
        json_write_end(&w);
        r = json_write_finish(&w);
        if (r >= 0)
                r = fileio_write_durable(path, b.data, b.len, 0644);
        return r < 0 ? errmsg_errno(em, r, "%s cannot be written", path) : 0;
}

static usec_t want_at(const struct json *j, const char *key) {
        const char *text;
        usec_t at;

        return json_str(json_get(j, key), &text) == 0 && timestamp_parse(text, &at) == 0 ? at : 0;
}

int gitsync_status_read(const char *path, struct arena *a, struct gitsync_status *ret) {
        _cleanup_free_ char *text = NULL;
        struct gitsync_status s = {};
        struct json *j;
        size_t len;
        int r = fileio_read(path, SIZE_MAX_READ, &text, &len);

        if (r >= 0)
                r = json_parse_copy(a, text, len, &j, NULL);
        if (r == -ENOMEM)
                return r;
        if (r >= 0) {
                (void) json_str(json_get(j, "repo"), &s.repo);
                (void) json_str(json_get(j, "branch"), &s.branch);
                (void) json_str(json_get(j, "subpath"), &s.subpath);
                (void) json_u64(json_get(j, "scan_depth"), &s.scan_depth);
                (void) json_str(json_get(j, "commit"), &s.commit);
                (void) json_str(json_get(j, "subject"), &s.subject);
                (void) json_str(json_get(j, "author"), &s.author);
                (void) json_str(json_get(j, "committed_at"), &s.committed_at);
                (void) json_str(json_get(j, "error"), &s.error);
                (void) json_str(json_get(j, "warning"), &s.warning);
                s.synced_at = want_at(j, "synced_at");
                s.checked_at = want_at(j, "checked_at");
                s.tried_at = want_at(j, "tried_at");
                s.error_since_at = want_at(j, "error_since_at");
        }
        *ret = s;
        return 0;
}
