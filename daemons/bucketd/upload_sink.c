/* upload_sink: see upload_sink.h. */
#include "daemons/bucketd/upload_sink.h"

#include "daemons/bucketd/blob.h"
#include "daemons/bucketd/bucketd.h"

int upload_sink_init(struct upload_sink *s, struct bucketd *d, bool md5_wanted) {
        *s = (struct upload_sink){.d = d};
        return digest_init(&s->digest, md5_wanted ? UINT64_MAX : d->md5_max);
}

static int spill(struct upload_sink *s) {
        int r = blob_put_begin(s->d->blobs, &s->put);

        if (r >= 0 && s->small.len > 0)
                r = blob_put_write(s->put, s->small.data, s->small.len);
        buf_done(&s->small);
        return r;
}

int upload_sink_write(struct upload_sink *s, const void *data, size_t n) {
        int r = digest_add(&s->digest, data, n);

        if (r < 0)
                return r;
        if (!s->put && s->digest.size <= s->d->inline_max)
                return buf_add(&s->small, data, n);
        if (!s->put)
                r = spill(s);
        return r < 0 ? r : blob_put_write(s->put, data, n);
}

int upload_sink_finish(struct upload_sink *s) {
        int r = digest_md5(&s->digest, s->md5);

        return r < 0 || !s->put ? r : blob_put_sync(s->put);
}

void upload_sink_drop(struct upload_sink *s) {
        s->put = blob_put_drop(s->put);
        upload_sink_done(s);
}

void upload_sink_done(struct upload_sink *s) {
        s->put = blob_put_close(s->put);
        digest_done(&s->digest);
        buf_done(&s->small);
}
