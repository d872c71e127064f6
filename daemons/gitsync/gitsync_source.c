#include "daemons/gitsync/gitsync_source.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/paths.h"
#include "lib/base/str.h"

/* --- the repository ----------------------------------------------------------------------------
 */

static bool is_plain(const char *s) {
        for (; *s; s++)
                if ((unsigned char) *s <= ' ' || *s == 0x7f || *s == '\\')
                        return false;
        return true;
}

/* "user@host:port/path" or "user@host:path": the host of it. */
static int take_host(const char *rest, const char *ends, char ret[GITSYNC_HOST_SIZE]) {
        size_t len = strcspn(rest, ends);
        const char *at = memrchr(rest, '@', len), *host = at ? at + 1 : rest;
        size_t n = len - (size_t) (host - rest);

        if (*host == '[') { /* a literal IPv6 address */
                const char *close = memchr(host, ']', n);

                if (!close)
                        return -EINVAL;
                host++;
                n = (size_t) (close - host);
        } else {
                const char *colon = memchr(host, ':', n);

                if (colon)
                        n = (size_t) (colon - host);
        }
        if (n == 0 || n >= GITSYNC_HOST_SIZE || *host == '-')
                return -EINVAL;
        memcpy(ret, host, n);
        ret[n] = 0;
        return 0;
}

/* Where it is, by its form. -EINVAL: nowhere; -EPROTONOSUPPORT: by a way we do not go. */
static int take_place(const char *repo, enum gitsync_scheme *ret_scheme,
                      char ret_host[GITSYNC_HOST_SIZE]) {
        const char *rest;

        *ret_scheme = GITSYNC_SSH;
        if ((rest = str_after(repo, "ssh://")))
                return take_host(rest, "/", ret_host);
        if ((rest = str_after(repo, "https://"))) {
                *ret_scheme = GITSYNC_HTTPS;
                return take_host(rest, "/", ret_host);
        }
        if ((rest = str_after(repo, "file://")) || *repo == '/') {
                *ret_scheme = GITSYNC_FILE;
                return !rest || *rest == '/' ? 0 : -EINVAL;
        }
        if (strstr(repo, "::") || strstr(repo, "://"))
                return -EPROTONOSUPPORT;
        return strchr(repo, ':') ? take_host(repo, ":", ret_host) : -EINVAL;
}

/* "user:password@", or over https a token alone: they would stand in argv and in messages. */
static bool has_secret(const char *repo) {
        const char *https = str_after(repo, "https://"), *ssh = str_after(repo, "ssh://");
        const char *rest = https ? https : ssh;
        const char *at = rest ? memrchr(rest, '@', strcspn(rest, "/")) : NULL;

        return at && (https || memchr(rest, ':', (size_t) (at - rest)));
}

int gitsync_source_parse(const char *repo, enum gitsync_scheme *ret_scheme,
                         char ret_host[GITSYNC_HOST_SIZE], struct errmsg *em) {
        static const char *const forms = "use ssh://git@host/path.git, git@host:path.git, "
                                         "https://host/path.git or file:///path";
        char host[GITSYNC_HOST_SIZE] = "";
        enum gitsync_scheme scheme;
        int r;

        if (str_empty(repo) || *repo == '-' || !is_plain(repo))
                return errmsg_fail(em, -EINVAL, "repo is not set to a repository: %s", forms);
        if (has_secret(repo))
                return errmsg_fail(em, -EINVAL,
                                   "repo holds a user or password: give them by the credential "
                                   "gitCredentials, one line https://user:token@host");
        r = take_place(repo, &scheme, host);
        if (r == -EPROTONOSUPPORT)
                return errmsg_fail(em, -EINVAL,
                                   "repo %s: only ssh, https and file repositories are fetched",
                                   repo);
        if (r < 0)
                return errmsg_fail(em, r, "repo %s is not a repository's address: %s", repo, forms);
        *ret_scheme = scheme;
        memcpy(ret_host, host, sizeof(host));
        return 0;
}

/* --- branch, tag, commit -----------------------------------------------------------------------
 */

bool gitsync_source_is_commit(const char *s) {
        size_t n = strspn(s, "0123456789abcdef");

        return s[n] == 0 && (n == 40 || n == 64);
}

int gitsync_source_check_ref(const char *ref, struct errmsg *em) {
        bool bad = str_empty(ref) || *ref == '-' || *ref == '/' || strstr(ref, "..") ||
                   strstr(ref, "//") || strstr(ref, "@{") || str_ends(ref, "/") ||
                   str_ends(ref, ".lock") ||
                   strlen(ref) >= GITSYNC_REF_SIZE - STRLEN("refs/heads/^{}");

        for (const char *p = ref; !bad && *p; p++)
                bad = (unsigned char) *p <= ' ' || *p == 0x7f || strchr("~^:?*[\\", *p);
        return bad ? errmsg_fail(em, -EINVAL,
                                 "branch \"%s\" is no name of a branch or tag, and no commit id",
                                 ref ? ref : "")
                   : 0;
}

int gitsync_source_subpath(const char *subpath, char **ret, struct errmsg *em) {
        _cleanup_free_ char *own = mem_strdup(subpath ? subpath : "");
        char *p = own;
        size_t n;

        if (!own)
                return -ENOMEM;
        while (*p == '/' || (p[0] == '.' && p[1] == '/'))
                p++;
        for (n = strlen(p); n > 0 && p[n - 1] == '/'; n--)
                p[n - 1] = 0;
        if (str_eq(p, "."))
                *p = 0;
        if (*p && (*p == '-' || !paths_is_safe_relative(p) || !is_plain(p)))
                return errmsg_fail(em, -EINVAL,
                                   "subpath \"%s\" does not stay inside the repository", subpath);
        *ret = mem_strdup(p);
        return *ret ? 0 : -ENOMEM;
}

/* One line "COMMIT\tREF". False at the end; sets *bad when a line is none of git's. */
static bool next_line(const char **text, char commit[GITSYNC_COMMIT_SIZE],
                      char ref[GITSYNC_REF_SIZE], bool *bad) {
        const char *line = *text, *tab;
        size_t len = strcspn(line, "\n"), n;

        if (len == 0)
                return false;
        *text = line + len + (line[len] == '\n');
        tab = memchr(line, '\t', len);
        n = tab ? (size_t) (tab - line) : 0;
        if (n == 0 || n >= GITSYNC_COMMIT_SIZE) {
                *bad = true;
                return false;
        }
        memcpy(commit, line, n);
        commit[n] = 0;
        n = len - n - 1;
        if (n >= GITSYNC_REF_SIZE)
                n = GITSYNC_REF_SIZE - 1; /* longer than any we ask for: matches none */
        memcpy(ref, tab + 1, n);
        ref[n] = 0;
        *bad = !gitsync_source_is_commit(commit);
        return !*bad;
}

/* How well a line names what was asked for; 0: not at all. */
static int rank(const char *line_ref, const char *ref) {
        const char *name;
        size_t n;

        if (!ref)
                return str_eq(line_ref, "HEAD") ? 4 : 0;
        if (str_eq(line_ref, ref) && str_starts(ref, "refs/"))
                return 4;
        name = str_after(line_ref, "refs/heads/");
        if (name)
                return str_eq(name, ref) ? 3 : 0;
        name = str_after(line_ref, "refs/tags/");
        n = strlen(ref);
        if (!name || strncmp(name, ref, n) != 0)
                return 0;
        return str_eq(name + n, "^{}") ? 2 : name[n] == 0 ? 1 : 0;
}

int gitsync_source_find_ref(const char *text, const char *ref, char ret_commit[GITSYNC_COMMIT_SIZE],
                            char ret_ref[GITSYNC_REF_SIZE], struct errmsg *em) {
        char commit[GITSYNC_COMMIT_SIZE], line_ref[GITSYNC_REF_SIZE];
        char near_ref[GITSYNC_REF_SIZE] = "", found[GITSYNC_REF_SIZE];
        unsigned nearest = 4;
        bool bad = false;
        int best = 0;

        while (next_line(&text, commit, line_ref, &bad)) {
                int e = rank(line_ref, ref);
                const char *name = str_after(line_ref, "refs/heads/");
                unsigned d = name && ref ? str_distance(name, ref) : 64;

                if (d < nearest) {
                        nearest = d;
                        (void) str_copy(near_ref, sizeof(near_ref), name);
                }
                if (e <= best)
                        continue;
                best = e;
                memcpy(ret_commit, commit, sizeof(commit));
                memcpy(found, line_ref, sizeof(found));
        }
        if (bad)
                return errmsg_fail(em, -EBADMSG, "the repository's answer is not git's");
        if (best == 0 && !ref)
                return errmsg_fail(em, -ENOENT,
                                   "the repository is empty: it has no default branch");
        if (best == 0)
                return errmsg_fail(em, -ENOENT, "the repository has no branch or tag \"%s\"%s%s%s",
                                   ref, *near_ref ? ": did you mean \"" : "", near_ref,
                                   *near_ref ? "\"?" : "");
        if (best == 2) /* the peeled form is no name to fetch by */
                found[strlen(found) - STRLEN("^{}")] = 0;
        memcpy(ret_ref, found, sizeof(found));
        return 0;
}

/* --- the key -----------------------------------------------------------------------------------
 */

/* Copies with "\n" at every line's end. -EINVAL: there is a NUL in it. */
static int copy_lines(struct buf *b, const char *p, const char *end, unsigned *changes) {
        for (; p < end; p++) {
                if (*p == 0)
                        return -EINVAL;
                if (*p == '\r')
                        *changes |= GITSYNC_KEY_CRLF;
                if (*p != '\r')
                        buf_add_char(b, *p);
                else if (p + 1 == end || p[1] != '\n')
                        buf_add_char(b, '\n');
        }
        buf_add_char(b, '\n');
        return buf_error(b);
}

static bool is_private_key(const char *text) {
        return str_starts(text, "-----BEGIN ") && strstr(text, "PRIVATE KEY-----") &&
               strstr(text, "\n-----END ");
}

int gitsync_source_key(const char *text, size_t len, char **ret, unsigned *ret_changes,
                       struct errmsg *em) {
        const char *begin = text, *end = text + len;
        _cleanup_buf_ struct buf b = {};
        unsigned changes = 0;
        int r;

        if (len >= 3 && memcmp(begin, "\xef\xbb\xbf", 3) == 0)
                begin += 3;
        while (begin < end && isspace((unsigned char) *begin))
                begin++;
        while (end > begin && isspace((unsigned char) end[-1]))
                end--;
        if (begin != text)
                changes |= GITSYNC_KEY_BLANKS;
        if (end == text + len)
                changes |= GITSYNC_KEY_NEWLINE;
        if (end < text + len && *end == '\r')
                changes |= GITSYNC_KEY_CRLF;
        r = copy_lines(&b, begin, end, &changes);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || !is_private_key(b.data))
                return errmsg_fail(em, -EINVAL,
                                   "the ssh key is no private key: it does not go from "
                                   "\"-----BEGIN … PRIVATE KEY-----\" to \"-----END …\"");
        *ret = buf_take(&b, NULL);
        if (!*ret)
                return -ENOMEM;
        *ret_changes = changes;
        return 0;
}

/* --- why it failed ------------------------------------------------------------------------------
 */

static const struct {
        const char *words, *remedy;
} reasons[] = {
        {"Host key verification failed",
         "the host's key is not trusted: ssh-keyscan %1$s >>%2$s, and compare it with what the "
         "host publishes"},
        {"Permission denied (publickey", "%1$s does not take the key: is it a deploy key there, "
                                         "and given as credential gitSshKey?"},
        {"error in libcrypto", "the ssh key is damaged or has a passphrase: give one without"},
        {"invalid format", "the ssh key is damaged or has a passphrase: give one without"},
        {"Could not resolve host", "the name %1$s cannot be resolved: no network, or a wrong name"},
        {"could not read Username", "%1$s wants a login: give the credential gitCredentials, one "
                                    "line https://user:token@host"},
        {"Authentication failed", "%1$s refuses the login of the credential gitCredentials"},
        {"Connection timed out", "%1$s does not answer"},
        {"Connection refused", "nobody listens at %1$s"},
        {"dubious ownership", "the repository belongs to another user: chown it, or publish it "
                              "over ssh"},
        {"does not appear to be a git repository", "there is no git repository at that path"},
        {"No space left on device", "the disk is full"},
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* a row of the table above */
static void set_remedy(struct errmsg *em, const char *format, const char *host,
                       const char *known_hosts) {
        errmsg_set(em, format, *host ? host : "the host", known_hosts);
}
#pragma GCC diagnostic pop

void gitsync_source_reason(const char *words, const char *host, const char *known_hosts,
                           struct errmsg *em) {
        const char *line = NULL;
        size_t len = 0;

        for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
                if (strstr(words, reasons[i].words)) {
                        set_remedy(em, reasons[i].remedy, host, known_hosts);
                        return;
                }
        /* The first "fatal:" or "error:", else the last line. */
        for (const char *p = words; *p;) {
                size_t n = strcspn(p, "\n");

                if (n > 0) {
                        line = p;
                        len = n;
                }
                if (str_starts(p, "fatal: ") || str_starts(p, "error: "))
                        break;
                p += n + (p[n] == '\n');
        }
        if (line)
                errmsg_set(em, "%.*s", (int) MIN(len, (size_t) 400), line);
        else
                errmsg_set(em, "git said nothing");
}
