#include "lib/net/listeners.h"

#include <errno.h>
#include <unistd.h>

#include "lib/base/fileio.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* So many sockets a unit may hand over. */
#define HANDED_MAX 8

static int open_at(const struct listeners *l, const char *address, struct errmsg *em) {
        struct http_listen *listen;
        int r = http_listen_open(address, &l->options, &listen, em);

        if (r < 0)
                return r;
        log_notice("listening on %s", http_listen_address(listen));
        r = l->on_open ? l->on_open(l->ctx, http_listen_address(listen)) : 0;
        if (r >= 0)
                r = http_server_listen(l->server, listen);
        else
                (void) http_listen_free(listen);
        return r < 0 ? errmsg_errno(em, r, "cannot listen on %s", address) : 0;
}

int listeners_open_handed(const struct listeners *l, struct errmsg *em) {
        _cleanup_free_ char *address = str_printf("fd:%s", l->options.name);
        int n;

        if (!address)
                return errmsg_errno(em, -ENOMEM, "cannot listen");
        for (n = 0; n < HANDED_MAX; n++) {
                int r = open_at(l, address, em);

                if (r == -ENOENT)
                        break;
                if (r < 0)
                        return r;
        }
        return n;
}

int listeners_open_addresses(const struct listeners *l, const char *addresses, struct errmsg *em) {
        const char *word;
        size_t n;
        int r = 0;

        if (!addresses || str_eq(addresses, "none"))
                return 0;
        while (r >= 0 && str_word(&addresses, " \t", &word, &n)) {
                _cleanup_free_ char *address = mem_strndup(word, n);

                r = address ? open_at(l, address, em) : errmsg_errno(em, -ENOMEM, "cannot listen");
        }
        return r;
}

int listeners_open_socket(const struct listeners *l, const char *path, const char *runtime_dir,
                          struct errmsg *em) {
        _cleanup_free_ char *address = NULL;
        int r;

        if (path && str_eq(path, "none"))
                return 0;
        address = path ? str_printf("unix:%s", path)
                       : str_printf("unix:%s/%s.sock", runtime_dir, l->options.name);
        if (!address)
                return errmsg_errno(em, -ENOMEM, "cannot listen");
        r = path ? 0 : fileio_mkdir_p(runtime_dir, 0755);
        if (r < 0)
                return errmsg_errno(em, r,
                                    "the runtime directory %s cannot be made by uid %u: make it "
                                    "and give it to that uid, or name another with --runtime-dir "
                                    "(or --socket none)",
                                    runtime_dir, (unsigned) geteuid());
        return open_at(l, address, em);
}
