/* See dns_conf.h. */
#include "lib/net/dns_conf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "lib/base/str.h"

#define DNS_CONF_PORT 53
#define DNS_CONF_TIMEOUT_FOR (5 * USEC_PER_SEC)
#define DNS_CONF_TIMEOUT_MAX_S 30
#define DNS_CONF_ATTEMPTS 2
#define DNS_CONF_ATTEMPTS_MAX 5
#define DNS_CONF_WORD_MAX 256

/* The next word of a line, false at its end or at a comment. */
static bool dns_conf_word(const char **s, char ret[DNS_CONF_WORD_MAX]) {
        size_t len;

        *s += strspn(*s, " \t\r");
        len = strcspn(*s, " \t\r\n");
        if (len == 0 || **s == '#' || **s == ';')
                return false;
        memcpy(ret, *s, MIN(len, (size_t) DNS_CONF_WORD_MAX - 1));
        ret[MIN(len, (size_t) DNS_CONF_WORD_MAX - 1)] = 0;
        *s += len;
        return true;
}

static bool dns_conf_next_line(const char **s) {
        *s += strcspn(*s, "\n");
        if (!**s)
                return false;
        ++*s;
        return true;
}

static bool dns_conf_is_address(const char *s) {
        uint8_t bytes[16];

        return inet_pton(AF_INET, s, bytes) == 1 || inet_pton(AF_INET6, s, bytes) == 1;
}

/* "ADDRESS", or for IPv4 "ADDRESS:PORT". */
static void dns_conf_add_server(char *word, struct dns_conf *c) {
        struct dns_conf_server server = {.port = DNS_CONF_PORT};
        char *colon = strrchr(word, ':');
        uint64_t port;

        if (colon && strchr(word, ':') == colon) {
                if (str_to_u64(colon + 1, &port) < 0 || port == 0 || port > UINT16_MAX)
                        return;
                server.port = (uint16_t) port;
                *colon = 0;
        }
        if (c->n_servers == DNS_CONF_SERVERS_MAX || !dns_conf_is_address(word) ||
            str_copy(server.address, sizeof server.address, word) < 0)
                return;
        c->servers[c->n_servers++] = server;
}

static void dns_conf_set_option(const char *word, struct dns_conf *c) {
        const char *value;
        uint64_t n;

        if ((value = str_after(word, "timeout:")) && str_to_u64(value, &n) >= 0 && n > 0)
                c->timeout_for = MIN(n, (uint64_t) DNS_CONF_TIMEOUT_MAX_S) * USEC_PER_SEC;
        if ((value = str_after(word, "attempts:")) && str_to_u64(value, &n) >= 0 && n > 0)
                c->n_attempts = (unsigned) MIN(n, (uint64_t) DNS_CONF_ATTEMPTS_MAX);
}

void dns_conf_parse(const char *text, struct dns_conf *ret) {
        char word[DNS_CONF_WORD_MAX];

        *ret = (struct dns_conf){.timeout_for = DNS_CONF_TIMEOUT_FOR,
                                 .n_attempts = DNS_CONF_ATTEMPTS};
        do {
                if (!dns_conf_word(&text, word))
                        continue;
                if (str_eq(word, "nameserver") && dns_conf_word(&text, word))
                        dns_conf_add_server(word, ret);
                else if (str_eq(word, "options"))
                        while (dns_conf_word(&text, word))
                                dns_conf_set_option(word, ret);
        } while (dns_conf_next_line(&text));
        if (ret->n_servers == 0)
                dns_conf_add_server(strcpy(word, "127.0.0.1"), ret);
}

int dns_conf_find_host(const char *text, const char *name, char ***ret) {
        _cleanup_(str_free_listp) char **list = NULL;
        char address[DNS_CONF_WORD_MAX], word[DNS_CONF_WORD_MAX];
        size_t len = strlen(name);

        if (len > 0 && name[len - 1] == '.')
                len--;
        do {
                if (!dns_conf_word(&text, address) || !dns_conf_is_address(address))
                        continue;
                while (dns_conf_word(&text, word))
                        if (strlen(word) == len && strncasecmp(word, name, len) == 0 &&
                            str_list_add(&list, address) < 0)
                                return -ENOMEM;
        } while (dns_conf_next_line(&text));
        *ret = TAKE_PTR(list);
        return 0;
}
