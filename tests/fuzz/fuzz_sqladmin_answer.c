/* fuzz_sqladmin_answer: whatever the API says, it is read or refused. */
#include <stdlib.h>
#include <string.h>

#include "daemons/sqlproxy/settings.h"
#include "lib/gcp/sqladmin_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(arena_done) struct arena a;
        const struct conn_name cn = {"p", "r", "i", ""};
        struct sqladmin_settings s;
        struct errmsg em = {};
        struct identity *id;
        const char *pem;
        char reason[16];

        arena_init(&a, 0);
        if (sqladmin_answer_settings(&a, arena_memdup(&a, data, size), size, &s, &em) == 0) {
                if (!s.region || !s.engine || !s.ca_pem || !s.public_address || !s.dns_name)
                        abort();
                id = identity_new();
                if (settings_apply(&s, &cn, size % 2 == 0, id, &em) == 0 && !id->verify_name)
                        abort();
                identity_unref(id);
        } else if (!em.text[0]) {
                abort();
        }
        if (sqladmin_answer_cert(&a, arena_memdup(&a, data, size), size, &pem, &em) == 0 && !*pem)
                abort();
        sqladmin_answer_error(500, (const char *) data, size, &em, reason, sizeof reason);
        return 0;
}
