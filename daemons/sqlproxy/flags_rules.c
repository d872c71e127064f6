/* What contradicts what on the command line, in the order and words of cloud-sql-proxy; and the
 * help around the rows. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "daemons/sqlproxy/flags.h"
#include "daemons/sqlproxy/flags_rules.h"
#include "lib/base/str.h"

#define REFUSE(em, text) return errmsg_fail((em), -EINVAL, "%s", (text))

bool flags_rules_is_ip(const char *s) {
        unsigned char bytes[sizeof(struct in6_addr)];

        return inet_pton(AF_INET, s, bytes) == 1 || inet_pton(AF_INET6, s, bytes) == 1;
}

static int check_listeners(const struct flags *f, struct errmsg *em) {
        if (!f->instances && !*f->fuse)
                REFUSE(em, "missing instance_connection_name (e.g., project:region:instance)");
        if (*f->fuse && f->run_connection_test)
                REFUSE(em, "cannot run connection tests in FUSE mode");
        if (f->is_set[FLAGS_address] && f->is_set[FLAGS_unix_socket])
                REFUSE(em, "cannot specify --unix-socket and --address together");
        if (f->is_set[FLAGS_port] && f->is_set[FLAGS_unix_socket])
                REFUSE(em, "cannot specify --unix-socket and --port together");
        if (!flags_rules_is_ip(f->address))
                return errmsg_fail(em, -EINVAL, "not a valid IP address: \"%s\"", f->address);
        if (f->port < 0 || f->port > 65535)
                return errmsg_fail(em, -EINVAL, "not a valid port for --port: %lld",
                                   (long long) f->port);
        return 0;
}

static int check_paths(const struct flags *f, struct errmsg *em) {
        if (f->is_set[FLAGS_private_ip] && f->is_set[FLAGS_auto_ip])
                REFUSE(em, "cannot specify --private-ip and --auto-ip together");
        if (f->private_ip + f->psc + f->sql_data > 1)
                REFUSE(em, "cannot specify --private-ip, --psc, and --sql-data flags at the same "
                           "time");
        return 0;
}

static int check_credentials(const struct flags *f, struct errmsg *em) {
        const struct {
                bool is_given;
                const char *name;
        } ways[] = {
                {*f->token, "--token"},
                {*f->credentials_file, "--credentials-file"},
                {*f->json_credentials, "--json-credentials"},
                {f->gcloud_auth, "--gcloud-auth"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
                for (size_t j = i + 1; j < ARRAY_SIZE(ways); j++)
                        if (ways[i].is_given && ways[j].is_given)
                                return errmsg_fail(
                                        em, -EINVAL,
                                        "cannot specify %s and %s flags at the same time",
                                        ways[i].name, ways[j].name);
        return 0;
}

static int check_login(const struct flags *f, struct errmsg *em) {
        if (f->auto_iam_authn && *f->token && !*f->login_token)
                REFUSE(em, "cannot specify --auto-iam-authn and --token without --login-token");
        if (f->auto_iam_authn && f->gcloud_auth)
                REFUSE(em, "cannot use --auto-iam-authn with --gcloud-auth.\n"
                           "Instead use Application Default Credentials (enabled with: gcloud auth "
                           "application-default login)\n"
                           "and re-try with just --auto-iam-authn");
        if (*f->login_token && (!*f->token || !f->auto_iam_authn))
                REFUSE(em, "cannot specify --login-token without --token and --auto-iam-authn");
        return 0;
}

int flags_rules(const struct flags *f, struct errmsg *em) {
        int r = check_listeners(f, em);

        if (r >= 0)
                r = check_paths(f, em);
        if (r >= 0)
                r = check_credentials(f, em);
        if (r >= 0)
                r = check_login(f, em);
        if (r >= 0 && f->is_set[FLAGS_sqladmin_api_endpoint] && f->is_set[FLAGS_universe_domain])
                REFUSE(em, "cannot specify --sqladmin-api-endpoint and --universe-domain at the "
                           "same time");
        if (r >= 0 && *f->sqladmin_api_endpoint &&
            !str_starts(f->sqladmin_api_endpoint, "http://") &&
            !str_starts(f->sqladmin_api_endpoint, "https://"))
                return errmsg_fail(em, -EINVAL,
                                   "the value provided for --sqladmin-api-endpoint is not a valid "
                                   "URL, %s",
                                   f->sqladmin_api_endpoint);
        return r;
}
