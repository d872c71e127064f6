#include "daemons/tracking/review_check.h"

#include <errno.h>
#include <string.h>

#include "daemons/tracking/field_check.h"
#include "daemons/tracking/python_text.h"
#include "lib/base/str.h"
#include "lib/base/strmap.h"
#include "lib/base/utf8.h"

enum { NAME_MAX_ = 250, USER_MAX = 250, SCHEMA_MAX = 36, ITEM_MAX = 50, USERS_MAX = 10 };

static int check_length(struct refusal *r, const char *field, const char *value, size_t max) {
        size_t n = utf8_count(value, strlen(value));

        if (n == 0)
                return refusal_invalid(r, "`%s` must be a non-empty string; got ''.", field);
        if (n > max)
                return refusal_invalid(r, "`%s` must be at most %zu characters; got %zu.", field,
                                       max, n);
        return 0;
}

static int normalize(struct refusal *r, const char *field, size_t max, bool lower,
                     const char *const *given, size_t n, struct review_list *ret) {
        struct strmap seen _cleanup_(strmap_done) = {};
        struct review_list list = {arena_zalloc_array(r->arena, n + 1, sizeof(*list.items)), 0};
        int x;

        if (!list.items)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                char *value = python_text_strip(r->arena, given[i]);

                if (value && lower)
                        value = python_text_lower(r->arena, value);
                if (!value)
                        return -ENOMEM;
                x = check_length(r, field, value, max);
                if (x != 0)
                        return x;
                x = strmap_add(&seen, value, value);
                if (x < 0)
                        return x;
                if (x == 0)
                        list.items[list.n++] = value;
        }
        *ret = list;
        return 0;
}

int review_check_users(struct refusal *r, const char *const *given, size_t n,
                       struct review_list *ret) {
        struct review_list list;
        int x = normalize(r, "user", USER_MAX, true, given, n, &list);

        if (x != 0)
                return x;
        if (list.n > USERS_MAX)
                return refusal_invalid(
                        r, "A review queue can have at most %d assigned users; got %zu.", USERS_MAX,
                        list.n);
        *ret = list;
        return 0;
}

int review_check_schemas(struct refusal *r, const char *const *given, size_t n,
                         struct review_list *ret) {
        return normalize(r, "schema_id", SCHEMA_MAX, false, given, n, ret);
}

int review_check_items(struct refusal *r, const char *const *given, size_t n,
                       struct review_list *ret) {
        if (n == 0)
                return refusal_invalid(r, "`item_ids` must be a non-empty list; got [].");
        return normalize(r, "item_id", ITEM_MAX, false, given, n, ret);
}

const char *review_check_repr(struct arena *a, const struct review_list *list) {
        _cleanup_buf_ struct buf out = {};
        const char *text;

        buf_add_char(&out, '[');
        for (size_t i = 0; i < list->n; i++)
                buf_printf(&out, "%s%s", i ? ", " : "", field_check_repr(a, list->items[i]));
        buf_add_char(&out, ']');
        text = buf_error(&out) == 0 ? arena_strndup(a, buf_cstr(&out), out.len) : NULL;
        return text ? text : "";
}

int review_check_user_queue(struct refusal *r, const char *name, struct review_list *users,
                            const struct review_list *schemas, const char **ret) {
        char *kept = python_text_strip(r->arena, name);
        int x;

        kept = kept ? python_text_lower(r->arena, kept) : NULL;
        if (!kept)
                return -ENOMEM;
        x = check_length(r, "name", kept, NAME_MAX_);
        if (x != 0)
                return x;
        if (users->n == 0) {
                users->items[users->n++] = kept; /* there is room for one more */
        } else if (users->n != 1 || !str_eq(users->items[0], kept)) {
                return refusal_invalid(r,
                                       "A user queue must have exactly one assigned user equal to "
                                       "its name; got name=%s and users=%s.",
                                       field_check_repr(r->arena, kept),
                                       review_check_repr(r->arena, users));
        }
        if (schemas->n > 0)
                return refusal_invalid(r, "A user queue cannot have explicitly-attached schemas; "
                                          "it resolves to all of the experiment's label schemas.");
        *ret = kept;
        return 0;
}

int review_check_custom_name(struct refusal *r, const char *name, const char **ret) {
        const char *kept = python_text_strip(r->arena, name);
        int x = kept ? check_length(r, "name", kept, NAME_MAX_) : -ENOMEM;

        if (x != 0)
                return x;
        if (str_eq_fold(kept, "default"))
                return refusal_invalid(r,
                                       "`%s` is a reserved queue name and cannot be used for a "
                                       "custom queue.",
                                       kept);
        *ret = kept;
        return 0;
}

int review_check_owner(struct refusal *r, const char *name, const char **ret) {
        const char *kept = python_text_strip(r->arena, name);
        int x = kept ? check_length(r, "new_owner", kept, USER_MAX) : -ENOMEM;

        if (x == 0)
                *ret = kept;
        return x;
}
