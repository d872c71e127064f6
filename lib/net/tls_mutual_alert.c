/* Words for alerts. Pure. */
#include <stdbool.h>

#include "lib/net/tls_mutual.h"

static const struct {
        int alert;
        bool is_certificate;
        const char *text;
} tls_mutual_alert_rows[] = {
        {10, false, "unexpected message"},
        {20, false, "bad record MAC"},
        {40, false, "handshake failure"},
        {42, true, "bad certificate"},
        {43, true, "unsupported certificate"},
        {44, true, "revoked certificate"},
        {45, true, "expired certificate"},
        {46, true, "unknown certificate"},
        {47, false, "illegal parameter"},
        {48, true, "unknown certificate authority"},
        {49, true, "access denied"},
        {50, false, "error decoding message"},
        {51, true, "error decrypting message"},
        {70, false, "protocol version not supported"},
        {71, false, "insufficient security level"},
        {80, false, "internal error"},
        {112, false, "unrecognized name"},
        {116, true, "certificate required"},
};

const char *tls_mutual_alert_text(int alert) {
        for (size_t i = 0; i < ARRAY_SIZE(tls_mutual_alert_rows); i++)
                if (tls_mutual_alert_rows[i].alert == alert)
                        return tls_mutual_alert_rows[i].text;
        return "unknown alert";
}

bool tls_mutual_alert_is_certificate(int alert) {
        for (size_t i = 0; i < ARRAY_SIZE(tls_mutual_alert_rows); i++)
                if (tls_mutual_alert_rows[i].alert == alert)
                        return tls_mutual_alert_rows[i].is_certificate;
        return false;
}
