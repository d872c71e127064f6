#include "daemons/scheduler/rest_bulk.h"

#include <errno.h>

#include "daemons/scheduler/rest.h"
#include "lib/base/str.h"

enum kind { CREATE, UPDATE, DROP, _KIND_MAX };
enum when_met { MET_FAIL, MET_SKIP, MET_OVERWRITE };

static const char *const kind_names[] = {"create", "update", "delete"};

struct action {
        enum kind kind;
        enum when_met met;
        const char *mask; /* or NULL */
        const struct json *entities;
};

struct outcome {
        enum kind kind;
        const char *name;  /* changed */
        const char *error; /* or refused, with */
        int status;
};

struct bulk {
        const struct rest_bulk_noun *noun;
        struct action *actions;
        size_t n_actions;
        struct outcome *outcomes; /* room for one an entity and one an action */
        size_t n_outcomes;
};

/* --- reading ------------------------------------------------------------------------------------
 */

static const char *name_of(const struct rest_bulk_noun *noun, const struct json *entity) {
        const char *name = NULL;

        if (!json_is(entity, JSON_STRING))
                entity = json_get(entity, noun->name_key);
        return json_str(entity, &name) == 0 ? name : NULL;
}

static int check_entities(const struct rest_bulk_noun *noun, const struct action *action,
                          struct errmsg *em) {
        const struct json *entity;

        json_each (entity, action->entities) {
                bool may_be_name = action->kind == DROP && json_is(entity, JSON_STRING);

                if (!may_be_name && !json_is(entity, JSON_OBJECT))
                        return errmsg_fail(em, -EINVAL, "\"entities\" must hold objects, not %s",
                                           json_type_name(entity));
                if (str_empty(name_of(noun, entity)))
                        return errmsg_fail(em, -EINVAL, "an entity has no \"%s\"", noun->name_key);
                if (!may_be_name && json_only_keys(entity, noun->keys, noun->n_keys, em) < 0)
                        return -EINVAL;
        }
        return 0;
}

/* ["a", "b"] as "a,b"; none leaves *ret as it is. */
static int read_mask(const struct json *list, struct arena *a, const char **ret,
                     struct errmsg *em) {
        _cleanup_buf_ struct buf mask = {};
        const struct json *item;
        const char *word;

        if (!json_first(list))
                return 0;
        json_each (item, list) {
                if (json_str(item, &word) != 0)
                        return errmsg_fail(em, -EINVAL, "\"update_mask\" must hold texts");
                (void) buf_add_str(&mask, item == json_first(list) ? "" : ",");
                (void) buf_add_str(&mask, word);
        }
        *ret = buf_error(&mask) < 0 ? NULL : arena_strndup(a, buf_cstr(&mask), mask.len);
        return *ret ? 0 : -ENOMEM;
}

static int read_met(const struct json *item, enum kind kind, enum when_met *ret,
                    struct errmsg *em) {
        const char *key = kind == CREATE ? "action_on_existence" : "action_on_non_existence";
        const char *word = "fail";

        if (json_want_str(item, key, &word, em) < 0)
                return -EINVAL;
        if (str_eq(word, "fail"))
                *ret = MET_FAIL;
        else if (str_eq(word, "skip"))
                *ret = MET_SKIP;
        else if (str_eq(word, "overwrite") && kind == CREATE)
                *ret = MET_OVERWRITE;
        else
                return errmsg_fail(em, -EINVAL, "\"%s\" must be fail%s, not \"%s\"", key,
                                   kind == CREATE ? ", skip or overwrite" : " or skip", word);
        return 0;
}

static int read_action(const struct rest_bulk_noun *noun, const struct json *item, struct arena *a,
                       struct action *ret, struct errmsg *em) {
        static const char *const keys[] = {"action", "entities", "action_on_existence",
                                           "action_on_non_existence", "update_mask"};
        const struct json *mask = NULL;
        const char *word;
        int r;

        if (!json_is(item, JSON_OBJECT))
                return errmsg_fail(em, -EINVAL, "\"actions\" must hold objects, not %s",
                                   json_type_name(item));
        if (json_only_keys(item, keys, ARRAY_SIZE(keys), em) < 0 ||
            json_need_str(item, "action", &word, em) < 0 ||
            json_need(item, "entities", JSON_ARRAY, &ret->entities, em) < 0 ||
            json_want(item, "update_mask", JSON_ARRAY, &mask, em) < 0)
                return -EINVAL;
        for (ret->kind = 0; ret->kind < _KIND_MAX; ret->kind++)
                if (str_eq(word, kind_names[ret->kind]))
                        break;
        if (ret->kind == _KIND_MAX)
                return errmsg_fail(em, -EINVAL,
                                   "\"action\" must be create, update or delete, not \"%s\"", word);
        r = read_mask(mask, a, &ret->mask, em);
        if (r >= 0)
                r = read_met(item, ret->kind, &ret->met, em);
        return r < 0 ? r : check_entities(noun, ret, em);
}

static int read_bulk(struct bulk *b, const struct json *body, struct arena *a, struct errmsg *em) {
        const struct json *list, *item;
        size_t n_outcomes = 0;

        if (json_need(body, "actions", JSON_ARRAY, &list, em) < 0)
                return -EINVAL;
        b->actions = arena_zalloc_array(a, list->len + 1, sizeof(*b->actions));
        if (!b->actions)
                return -ENOMEM;
        json_each (item, list) {
                struct action *action = &b->actions[b->n_actions++];
                int r = read_action(b->noun, item, a, action, em);

                if (r < 0)
                        return r;
                n_outcomes += action->entities->len + 1;
        }
        b->outcomes = arena_zalloc_array(a, n_outcomes + 1, sizeof(*b->outcomes));
        return b->outcomes ? 0 : -ENOMEM;
}

/* --- changing -----------------------------------------------------------------------------------
 */

static int refuse(struct scheduler_api_job *j, enum kind kind, int status) {
        struct bulk *b = j->extra;
        const char *text = arena_strdup(j->req->arena, j->text.text);

        b->outcomes[b->n_outcomes++] =
                (struct outcome){.kind = kind, .error = text, .status = status};
        return text ? 0 : -ENOMEM;
}

/* Has the action met what it may not, with this entity? 0, a status, -errno. */
static int check_met(struct scheduler *s, struct scheduler_api_job *j, const struct action *action,
                     const char *name, bool *ret_exists) {
        const struct rest_bulk_noun *noun = ((struct bulk *) j->extra)->noun;
        int r = noun->exists(s, j, noun, name);

        if (r < 0)
                return r;
        *ret_exists = r > 0;
        if (action->met != MET_FAIL || (action->kind == CREATE) != *ret_exists)
                return 0;
        return *ret_exists ? scheduler_api_job_refuse(j, 409, "there is a %s \"%s\" already",
                                                      noun->kind, name)
                           : scheduler_api_job_refuse(j, 404, "there is no %s \"%s\"", noun->kind,
                                                      name);
}

static int change_one(struct scheduler *s, struct scheduler_api_job *j, const struct action *action,
                      const struct json *entity) {
        struct bulk *b = j->extra;
        const char *name = name_of(b->noun, entity);
        bool exists;
        int r = check_met(s, j, action, name, &exists);

        if (r != 0)
                return r;
        if (action->kind == CREATE ? exists && action->met == MET_SKIP : !exists)
                return 0;
        r = action->kind == DROP ? b->noun->drop(s, j, b->noun, name)
                                 : b->noun->put(s, j, b->noun, name, entity, action->mask, !exists);
        if (r == 0)
                b->outcomes[b->n_outcomes++] = (struct outcome){.kind = action->kind, .name = name};
        return r;
}

static int run_action(struct scheduler *s, struct scheduler_api_job *j,
                      const struct action *action) {
        struct bulk *b = j->extra;
        const struct json *entity;
        bool exists;
        int r = 0;

        json_each (entity, action->entities) {
                r = check_met(s, j, action, name_of(b->noun, entity), &exists);
                if (r != 0)
                        return r < 0 ? r : refuse(j, action->kind, r);
        }
        json_each (entity, action->entities) {
                r = change_one(s, j, action, entity);
                if (r != 0)
                        return r < 0 ? r : refuse(j, action->kind, r);
        }
        return 0;
}

static int run_bulk(struct scheduler *s, struct scheduler_api_job *j) {
        struct bulk *b = j->extra;
        int r = 0;

        for (size_t i = 0; i < b->n_actions && r == 0; i++)
                r = run_action(s, j, &b->actions[i]);
        return r;
}

/* --- answering ----------------------------------------------------------------------------------
 */

static void write_kind(struct json_write *w, const struct bulk *b, enum kind kind) {
        json_write_kv_object(w, kind_names[kind]);
        json_write_kv_array(w, "success");
        for (size_t i = 0; i < b->n_outcomes; i++)
                if (b->outcomes[i].kind == kind && b->outcomes[i].name)
                        json_write_str(w, b->outcomes[i].name);
        json_write_end(w);
        json_write_kv_array(w, "errors");
        for (size_t i = 0; i < b->n_outcomes; i++) {
                if (b->outcomes[i].kind != kind || b->outcomes[i].name)
                        continue;
                json_write_object(w);
                json_write_kv_str(w, "error", b->outcomes[i].error);
                json_write_kv_i64(w, "status_code", b->outcomes[i].status);
                json_write_end(w);
        }
        json_write_end(w);
        json_write_end(w);
}

static bool has_kind(const struct bulk *b, enum kind kind) {
        for (size_t i = 0; i < b->n_actions; i++)
                if (b->actions[i].kind == kind)
                        return true;
        return false;
}

static int reply_bulk(struct scheduler *s, struct scheduler_api_job *j) {
        const struct bulk *b = j->extra;
        _cleanup_buf_ struct buf out = {};
        struct json_write w;
        int r;

        json_write_init(&w, &out, 0);
        json_write_object(&w);
        for (enum kind kind = 0; kind < _KIND_MAX; kind++)
                if (has_kind(b, kind))
                        write_kind(&w, b, kind);
                else
                        json_write_kv_null(&w, kind_names[kind]);
        json_write_end(&w);
        r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(j->req, 200, &out);
}

int rest_bulk(struct http_request *req, const struct rest_bulk_noun *noun) {
        static const char *const keys[] = {"actions"};
        struct bulk *b = arena_new(req->arena, struct bulk);
        struct scheduler_api_job *j;
        const struct json *body;
        struct errmsg em = {};
        int r;

        if (!b)
                return -ENOMEM;
        b->noun = noun;
        if (!rest_read_body(req, keys, ARRAY_SIZE(keys), &body) ||
            !(j = scheduler_api_job_new(req)))
                return rest_replied;
        r = read_bulk(b, body, req->arena, &em);
        if (r < 0)
                return r == -ENOMEM ? r : rest_refuse(req, &em);
        j->extra = b;
        j->run = run_bulk;
        j->reply = reply_bulk;
        return scheduler_api_job_submit(j);
}
