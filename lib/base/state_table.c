/* state_table: see state_table.h. */
#include "lib/base/state_table.h"

#include <errno.h>
#include <string.h>

bool state_table_allows(const struct state_table *t, unsigned from, unsigned to) {
        assert(t->n <= 32);
        return from < t->n && to < t->n && (t->rows[from].next & STATE_TABLE_BIT(to)) != 0;
}

bool state_table_is_final(const struct state_table *t, unsigned state) {
        return state < t->n && t->rows[state].next == 0;
}

const char *state_table_name(const struct state_table *t, unsigned state) {
        return state < t->n ? t->rows[state].name : "?";
}

int state_table_find(const struct state_table *t, const char *name) {
        for (unsigned i = 0; i < t->n; i++)
                if (strcmp(t->rows[i].name, name) == 0)
                        return (int) i;
        return -EINVAL;
}

int state_table_check(const struct state_table *t, unsigned from, unsigned to, struct errmsg *em) {
        if (state_table_allows(t, from, to))
                return 0;
        return errmsg_fail(em, -EPROTO, "a %s cannot go from \"%s\" to \"%s\"", t->noun,
                           state_table_name(t, from), state_table_name(t, to));
}

static int validate_row(const struct state_table *t, unsigned i, struct errmsg *em) {
        const struct state_table_row *row = &t->rows[i];

        if (!row->name || !row->name[0])
                return errmsg_fail(em, -EINVAL, "%s: state %u has no name", t->noun, i);
        if (state_table_find(t, row->name) != (int) i)
                return errmsg_fail(em, -EINVAL, "%s: \"%s\" stands twice", t->noun, row->name);
        if (t->n < 32 && row->next >> t->n)
                return errmsg_fail(em, -EINVAL, "%s: \"%s\" leads to no state", t->noun, row->name);
        return 0;
}

int state_table_validate(const struct state_table *t, unsigned start, struct errmsg *em) {
        uint32_t reached = STATE_TABLE_BIT(start), before;

        if (t->n == 0 || t->n > 32 || start >= t->n)
                return errmsg_fail(em, -EINVAL, "%s: %u states", t->noun, t->n);
        for (unsigned i = 0; i < t->n; i++) {
                int r = validate_row(t, i, em);

                if (r < 0)
                        return r;
        }
        do {
                before = reached;
                for (unsigned i = 0; i < t->n; i++)
                        if (reached & STATE_TABLE_BIT(i))
                                reached |= t->rows[i].next;
        } while (reached != before);
        for (unsigned i = 0; i < t->n; i++)
                if (!(reached & STATE_TABLE_BIT(i)))
                        return errmsg_fail(em, -EINVAL, "%s: \"%s\" is never reached", t->noun,
                                           t->rows[i].name);
        return 0;
}
