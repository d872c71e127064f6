/* lookup: what a name in a directory is: from what is known, from one listing of the directory, or
 * by asking for the one name. Feeds the stat cache with all it hears. */
#pragma once

#include "fuse-gcs/mnt.h"

struct lookup_found {
        char *path;          /* of the object, or of the directory with "/"; on the heap */
        struct attrs *attrs; /* of an object; NULL: a directory */
        bool is_explicit;    /* the directory has a placeholder */
        usec_t until_at;
        usec_t heard_at; /* as the bucket was at that moment */
};
void lookup_found_done(struct lookup_found *f);
#define _cleanup_found_ _cleanup_(lookup_found_done)

/* dir: a directory's path. 0; -ENOENT (ret->until_at: how long that holds); other errors. */
int lookup_name(struct mnt *m, const char *dir, const char *name, struct lookup_found *ret);
/* Asks the bucket for one object, whatever is known. 0; -ENOENT; other errors. */
int lookup_object(struct mnt *m, const char *path, struct attrs **ret);
/* What a page of a directory's listing says goes to the stat cache. seq: from before the request.
 * False: not that of a page of many, which would drive out all else. */
bool lookup_feed(struct mnt *m, const struct gcs_object_list *l, uint64_t seq);
struct lookup_children {
        bool has_placeholder; /* the directory's own object */
        bool has_shown;       /* a file or directory in it; then the rest is not looked for */
        bool has_unshown;     /* an object whose name no directory can show */
};
/* What the bucket has below the directory. */
int lookup_children(struct mnt *m, const char *dir, struct lookup_children *ret);
/* Fills a listing of one level: what all who list a directory ask. */
void lookup_list_request(struct mnt *m, const char *dir, struct gcs_request *q);
