#include "fuse-gcs/complaint.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "fuse-gcs/mnt.h"
#include "lib/base/errmsg.h"
#include "lib/base/log.h"
#include "lib/gcp/gcs_retry.h"

#define COMPLAINT_LINES 10u /* in COMPLAINT_LIMIT_FOR */
#define COMPLAINT_LIMIT_FOR (10 * USEC_PER_SEC)
#define COMPLAINT_AWAY_AFTER (5 * USEC_PER_SEC)
#define COMPLAINT_REST_FOR USEC_PER_MINUTE /* without a try: then nobody knows */

/* Of the process: its mounts share a service. */
static struct {
        pthread_mutex_t lock;
        struct complaint_limit limit;
        struct complaint_silence silence;
        atomic_bool is_failing; /* what a good answer reads without the lock */
} complaint = {.lock = PTHREAD_MUTEX_INITIALIZER};

bool complaint_limit_take(struct complaint_limit *l, usec_t now, unsigned *ret_n_kept) {
        if (l->since == 0 || now - l->since >= COMPLAINT_LIMIT_FOR) {
                l->since = now;
                l->n_said = 0;
        }
        if (l->n_said >= COMPLAINT_LINES) {
                l->n_kept++;
                return false;
        }
        l->n_said++;
        *ret_n_kept = l->n_kept;
        l->n_kept = 0;
        return true;
}

enum complaint_word complaint_silence_heard(struct complaint_silence *s, bool is_good, usec_t now,
                                            usec_t *ret_for) {
        bool was_said = s->is_said;

        if (!is_good && s->since > 0 && now - s->last_at < COMPLAINT_REST_FOR) {
                s->last_at = now;
                if (was_said || now - s->since < COMPLAINT_AWAY_AFTER)
                        return COMPLAINT_NOTHING;
                s->is_said = true;
                *ret_for = now - s->since;
                return COMPLAINT_AWAY;
        }
        *ret_for = now - s->since;
        if (is_good) {
                *s = (struct complaint_silence){};
                return was_said ? COMPLAINT_BACK : COMPLAINT_NOTHING;
        }
        /* The first, or the first after a rest: what was said is not said again. */
        s->since = s->last_at = now;
        return COMPLAINT_NOTHING;
}

void complaint_tried(int status, int error) {
        bool is_good = error >= 0 && !gcs_retry_status_helps(status);
        enum complaint_word word;
        char why[64];
        usec_t took_for = 0;

        if (error == -ECANCELED || error == -EINTR ||
            (is_good && !atomic_load(&complaint.is_failing)))
                return;
        pthread_mutex_lock(&complaint.lock);
        word = complaint_silence_heard(&complaint.silence, is_good, mnt_now(), &took_for);
        atomic_store(&complaint.is_failing, !is_good);
        pthread_mutex_unlock(&complaint.lock);
        if (error >= 0)
                snprintf(why, sizeof(why), "HTTP %d", status);
        else
                snprintf(why, sizeof(why), "%s", errmsg_strerror(error));
        if (word == COMPLAINT_AWAY)
                log_warning("for %" PRIu64 " s the bucket's service has answered nothing of use "
                            "(%s); requests are tried again until their deadline",
                            took_for / USEC_PER_SEC, why);
        else if (word == COMPLAINT_BACK)
                log_notice("the bucket's service answers again, after %" PRIu64 " s",
                           took_for / USEC_PER_SEC);
}

/* ENOSYS: a way that this service has not, ENXIO: an upload it has forgotten; there is another. */
static bool complaint_is_answer(int error) {
        return error >= 0 || error == -ENOENT || error == -EEXIST || error == -ESTALE ||
               error == -ERANGE || error == -ENXIO || error == -ENOSYS || error == -ECANCELED ||
               error == -EINTR;
}

void complaint_ended(const struct gcs_request *q, const struct gcs_answer *a) {
        const char *what = q->name ?: q->prefix;
        char tries[32] = "", kept[64] = "";
        unsigned n_kept = 0;
        bool may;

        if (complaint_is_answer(a->error))
                return;
        pthread_mutex_lock(&complaint.lock);
        may = complaint_limit_take(&complaint.limit, mnt_now(), &n_kept);
        pthread_mutex_unlock(&complaint.lock);
        if (!may)
                return;
        if (a->n_tries > 1)
                snprintf(tries, sizeof(tries), ", tried %u times", a->n_tries);
        if (n_kept > 0)
                snprintf(kept, sizeof(kept), " (%u such before are not told of)", n_kept);
        log_warning("%s%s%s: %s%s%s", gcs_request_verb_name(q->verb), what ? " " : "", what ?: "",
                    a->text && *a->text ? a->text : errmsg_strerror(a->error), tries, kept);
}
