/* gitsync_source: what the words of the configuration and of git mean. Pure.
 *
 * Nothing of a repository's name, branch or path may be taken for an option of git, and only ssh,
 * https and files are spoken. */
#pragma once

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

enum gitsync_scheme { GITSYNC_SSH, GITSYNC_HTTPS, GITSYNC_FILE };

enum {
        GITSYNC_COMMIT_SIZE = 65, /* hex digits of SHA-1 or SHA-256 and a NUL */
        GITSYNC_HOST_SIZE = 256,
        GITSYNC_REF_SIZE = 512,
};

/* 0, or -EINVAL with em. ret_host is "" for files; without user and port. Passwords in the URL are
 * refused: they would stand in argv and in messages. */
int gitsync_source_parse(const char *repo, enum gitsync_scheme *ret_scheme,
                         char ret_host[GITSYNC_HOST_SIZE], struct errmsg *em);

/* A name git accepts for a branch or tag, or a commit id? 0, or -EINVAL with em. */
int gitsync_source_check_ref(const char *ref, struct errmsg *em);

/* "tests/dags" of "tests/dags/", "" of "." and "/"; stays below the tree. 0, -EINVAL with em,
 * -ENOMEM. */
int gitsync_source_subpath(const char *subpath, char **ret, struct errmsg *em);

/* 40 or 64 lower-case hex digits. */
bool gitsync_source_is_commit(const char *s);

/* The commit of `ref` (NULL: the default branch) in the words of `git ls-remote`: a branch before a
 * tag, a tag's commit in place of its object. 0; -ENOENT with em, naming a near one; -EBADMSG when
 * this is no answer of ls-remote. */
int gitsync_source_find_ref(const char *text, const char *ref, char ret_commit[GITSYNC_COMMIT_SIZE],
                            char ret_ref[GITSYNC_REF_SIZE], struct errmsg *em);

enum gitsync_key_change {
        GITSYNC_KEY_NEWLINE =
                1 << 0,              /* a final newline was added: without it ssh refuses the key */
        GITSYNC_KEY_CRLF = 1 << 1,   /* Windows line ends became newlines */
        GITSYNC_KEY_BLANKS = 1 << 2, /* blanks around the key, or a BOM, were cut */
};

/* A private key as ssh takes it. *ret_changes says what was mended. 0; -EINVAL with em: this is no
 * private key (never says what it is instead); -ENOMEM. */
int gitsync_source_key(const char *text, size_t len, char **ret, unsigned *ret_changes,
                       struct errmsg *em);

/* The line of git's or ssh's words that says why, with the remedy where one is known. */
void gitsync_source_reason(const char *words, const char *host, const char *known_hosts,
                           struct errmsg *em);
