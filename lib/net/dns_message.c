/* See dns_message.h. */
#include "lib/net/dns_message.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define DNS_MESSAGE_HEADER 12
#define DNS_MESSAGE_CLASS_IN 1
#define DNS_MESSAGE_LABEL_MAX 63
#define DNS_MESSAGE_JUMPS_MAX 32

enum dns_message_flags {
        DNS_MESSAGE_IS_ANSWER = 0x8000,
        DNS_MESSAGE_IS_CUT = 0x0200,
        DNS_MESSAGE_RECURSE = 0x0100,
        DNS_MESSAGE_RCODE = 0x000f,
};
enum dns_message_rcode { DNS_MESSAGE_NO_ERROR = 0, DNS_MESSAGE_NO_NAME = 3 };

static void dns_message_put16(uint8_t *p, unsigned v) {
        p[0] = (uint8_t) (v >> 8);
        p[1] = (uint8_t) v;
}

static uint16_t dns_message_get16(const uint8_t *p) {
        return (uint16_t) (p[0] << 8 | p[1]);
}

/* --- out ------------------------------------------------------------------------------------- */

static int dns_message_put_name(const char *name, uint8_t *out, size_t room, size_t *ret_size) {
        size_t n = 0, len;

        while (*name) {
                len = strcspn(name, ".");
                if (len == 0 || len > DNS_MESSAGE_LABEL_MAX || n + len + 2 > room)
                        return -EINVAL;
                out[n++] = (uint8_t) len;
                memcpy(out + n, name, len);
                n += len;
                name += len + (name[len] == '.');
        }
        if (n == 0)
                return -EINVAL;
        out[n++] = 0;
        *ret_size = n;
        return 0;
}

int dns_message_query(uint16_t id, const char *name, enum dns_type type,
                      uint8_t ret[DNS_MESSAGE_QUERY_MAX], size_t *ret_size) {
        size_t n;
        int r = dns_message_put_name(name, ret + DNS_MESSAGE_HEADER, DNS_MESSAGE_NAME_MAX, &n);

        if (r < 0)
                return r;
        memset(ret, 0, DNS_MESSAGE_HEADER);
        dns_message_put16(ret, id);
        dns_message_put16(ret + 2, DNS_MESSAGE_RECURSE);
        dns_message_put16(ret + 4, 1);
        n += DNS_MESSAGE_HEADER;
        dns_message_put16(ret + n, type);
        dns_message_put16(ret + n + 2, DNS_MESSAGE_CLASS_IN);
        *ret_size = n + 4;
        return 0;
}

/* --- in -------------------------------------------------------------------------------------- */

struct dns_message_reader {
        const uint8_t *data;
        size_t size, at;
};

/* The name at *at as text, which goes behind it. Jumps go backwards and are counted. */
static int dns_message_take_name(const struct dns_message_reader *m, size_t *at,
                                 char ret[DNS_MESSAGE_NAME_MAX]) {
        size_t p = *at, n = 0;
        unsigned jumps = 0;

        for (;;) {
                uint8_t len;

                if (p >= m->size)
                        return -EBADMSG;
                len = m->data[p++];
                if (len == 0)
                        break;
                if ((len & 0xc0) == 0xc0) {
                        if (p >= m->size || ++jumps > DNS_MESSAGE_JUMPS_MAX)
                                return -EBADMSG;
                        if (jumps == 1)
                                *at = p + 1;
                        p = (size_t) (len & 0x3f) << 8 | m->data[p];
                        continue;
                }
                if (len > DNS_MESSAGE_LABEL_MAX || m->size - p < len ||
                    n + len + 2 > DNS_MESSAGE_NAME_MAX || memchr(m->data + p, 0, len))
                        return -EBADMSG;
                if (n > 0)
                        ret[n++] = '.';
                memcpy(ret + n, m->data + p, len);
                n += len;
                p += len;
        }
        if (jumps == 0)
                *at = p;
        ret[n] = 0;
        return 0;
}

static bool dns_message_same_name(const char *a, const char *b) {
        size_t len = strlen(b);

        if (len > 0 && b[len - 1] == '.')
                len--;
        return strlen(a) == len && strncasecmp(a, b, len) == 0;
}

struct dns_message_record {
        char name[DNS_MESSAGE_NAME_MAX];
        unsigned type, klass;
        size_t data_at, data_size;
};

static int dns_message_take_record(struct dns_message_reader *m, struct dns_message_record *ret) {
        int r = dns_message_take_name(m, &m->at, ret->name);

        if (r < 0 || m->at > m->size || m->size - m->at < 10)
                return -EBADMSG;
        ret->type = dns_message_get16(m->data + m->at);
        ret->klass = dns_message_get16(m->data + m->at + 2);
        ret->data_size = dns_message_get16(m->data + m->at + 8);
        ret->data_at = m->at + 10;
        if (m->size - ret->data_at < ret->data_size)
                return -EBADMSG;
        m->at = ret->data_at + ret->data_size;
        return 0;
}

static int dns_message_add_txt(const uint8_t *data, size_t size, char ***list) {
        _cleanup_buf_ struct buf text = {};

        for (size_t i = 0; i < size;) {
                size_t len = data[i++];

                if (size - i < len)
                        return -EBADMSG;
                for (size_t k = 0; k < len; k++)
                        buf_add_char(&text, data[i + k] >= ' ' && data[i + k] < 127
                                                    ? (char) data[i + k]
                                                    : '?');
                i += len;
        }
        return buf_error(&text) < 0 ? buf_error(&text) : str_list_add(list, buf_cstr(&text));
}

static int dns_message_add_address(int family, const uint8_t *data, size_t size, char ***list) {
        char text[INET6_ADDRSTRLEN];

        if (size != (family == AF_INET ? 4u : 16u) || !inet_ntop(family, data, text, sizeof text))
                return -EBADMSG;
        return str_list_add(list, text);
}

static int dns_message_add(const struct dns_message_reader *m, const struct dns_message_record *rec,
                           char ***list) {
        const uint8_t *data = m->data + rec->data_at;
        char name[DNS_MESSAGE_NAME_MAX];
        size_t at = rec->data_at;
        int r;

        switch (rec->type) {
        case DNS_A:
                return dns_message_add_address(AF_INET, data, rec->data_size, list);
        case DNS_AAAA:
                return dns_message_add_address(AF_INET6, data, rec->data_size, list);
        case DNS_TXT:
                return dns_message_add_txt(data, rec->data_size, list);
        default:
                r = dns_message_take_name(m, &at, name);
                return r < 0 ? r : str_list_add(list, name);
        }
}

/* The records of one owner; an alias instead makes *owner its target: 1. */
static int dns_message_collect(struct dns_message_reader m, unsigned n_records,
                               char owner[DNS_MESSAGE_NAME_MAX], enum dns_type type, char ***list) {
        char alias[DNS_MESSAGE_NAME_MAX] = "";
        struct dns_message_record rec;
        int r = 0;

        for (unsigned i = 0; i < n_records; i++) {
                size_t at;

                r = dns_message_take_record(&m, &rec);
                if (r < 0)
                        return r;
                if (rec.klass != DNS_MESSAGE_CLASS_IN || !dns_message_same_name(rec.name, owner))
                        continue;
                at = rec.data_at;
                if (rec.type == (unsigned) type)
                        r = dns_message_add(&m, &rec, list);
                else if (rec.type == DNS_CNAME)
                        r = dns_message_take_name(&m, &at, alias);
                if (r < 0)
                        return r;
        }
        if (*list || !*alias)
                return 0;
        memcpy(owner, alias, sizeof alias);
        return 1;
}

/* Behind the header and the question, which must be ours. */
static int dns_message_skip_question(struct dns_message_reader *m, const char *name,
                                     enum dns_type type) {
        char asked[DNS_MESSAGE_NAME_MAX];

        m->at = DNS_MESSAGE_HEADER;
        if (dns_message_get16(m->data + 4) != 1 || dns_message_take_name(m, &m->at, asked) < 0 ||
            m->at > m->size || m->size - m->at < 4 || !dns_message_same_name(asked, name) ||
            dns_message_get16(m->data + m->at) != type)
                return -EBADMSG;
        m->at += 4;
        return 0;
}

int dns_message_parse(const uint8_t *data, size_t size, uint16_t id, const char *name,
                      enum dns_type type, char ***ret_texts) {
        struct dns_message_reader m = {data, size, 0};
        _cleanup_(str_free_listp) char **list = NULL;
        char owner[DNS_MESSAGE_NAME_MAX];
        unsigned flags, n_records;
        int r;

        if (size < DNS_MESSAGE_HEADER || dns_message_get16(data) != id ||
            str_copy(owner, sizeof owner, name) < 0)
                return -EBADMSG;
        flags = dns_message_get16(data + 2);
        if (!(flags & DNS_MESSAGE_IS_ANSWER) || dns_message_skip_question(&m, name, type) < 0)
                return -EBADMSG;
        if (flags & DNS_MESSAGE_IS_CUT)
                return -EMSGSIZE;
        if ((flags & DNS_MESSAGE_RCODE) == DNS_MESSAGE_NO_NAME)
                return -ENOENT;
        if ((flags & DNS_MESSAGE_RCODE) != DNS_MESSAGE_NO_ERROR)
                return -EAGAIN;
        n_records = MIN((unsigned) dns_message_get16(data + 6), (unsigned) DNS_MESSAGE_RECORDS_MAX);
        for (unsigned i = 0; i <= DNS_MESSAGE_ALIASES_MAX; i++) {
                r = dns_message_collect(m, n_records, owner, type, &list);
                if (r <= 0)
                        break;
        }
        if (r < 0)
                return r;
        *ret_texts = TAKE_PTR(list);
        return 0;
}
