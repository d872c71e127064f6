/* fuzz_dns_message: an answer from a stranger; and resolv.conf and hosts of whatever kind. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/dns_conf.h"
#include "lib/net/dns_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const enum dns_type types[] = {DNS_A, DNS_AAAA, DNS_TXT, DNS_CNAME};
        uint16_t id = size > 1 ? (uint16_t) (data[0] << 8 | data[1]) : 0;
        _cleanup_free_ char *text = mem_strndup((const char *) data, size);
        struct dns_conf conf;
        char **list = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
                char **texts = NULL;

                if (dns_message_parse(data, size, id, "a.example", types[i], &texts) < 0 && texts)
                        abort();
                str_free_list(texts);
        }
        dns_conf_parse(text, &conf);
        if (conf.n_servers == 0 || conf.n_servers > DNS_CONF_SERVERS_MAX)
                abort();
        (void) dns_conf_find_host(text, "db", &list);
        str_free_list(list);
        return 0;
}
