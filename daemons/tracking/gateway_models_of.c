#include "daemons/tracking/gateway_models_of.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemons/tracking/gateway_models_api.h"
#include "daemons/tracking/gateway_models_sql.h"
#include "lib/base/entropy.h"
#include "lib/base/str.h"

/* --- reading --- */

static const char *linkage_of(const struct json *j) {
        static const char *const names[] = {NULL, "PRIMARY", "FALLBACK"};
        const char *text;
        int64_t n;

        if (json_str(j, &text) == 0)
                for (size_t i = 1; i < ARRAY_SIZE(names); i++)
                        if (str_eq(text, names[i]))
                                return names[i];
        if (json_i64(j, &n) == 0 && n > 0 && n < (int64_t) ARRAY_SIZE(names))
                return names[n];
        return NULL;
}

bool gateway_models_of_read(struct ask *q, const struct json *item, const char *path,
                            struct gateway_mapping *ret) {
        const char *id;

        *ret = (struct gateway_mapping){.weight = 1,
                                        .linkage = linkage_of(json_get(item, "linkage_type"))};
        if (q->result == 0 && !ret->linkage)
                ask_check(q, refusal_invalid(&q->refusal,
                                             "Invalid or missing value for required parameter "
                                             "'linkage_type' in %s. Must be one of: PRIMARY, "
                                             "FALLBACK.",
                                             path));
        id = ask_item_str(q, item, path, "model_definition_id");
        ret->model_id = id ? id : "";
        if (ask_item_f64(q, item, path, "weight", &ret->weight))
                ret->weight = (float) ret->weight; /* as MLflow's messages have it */
        if (q->result == 0 && !isfinite(ret->weight))
                ask_check(q, refusal_invalid(&q->refusal,
                                             "Invalid value for parameter 'weight' "
                                             "in %s: it is no finite number.",
                                             path));
        ret->has_order = ask_item_i64(q, item, path, "fallback_order", &ret->order);
        if (q->result == 0 && ret->has_order && ret->order != (int32_t) ret->order)
                ask_check(q, refusal_invalid(&q->refusal,
                                             "Invalid value for parameter "
                                             "'fallback_order' in %s: it is beyond "
                                             "32 bits.",
                                             path));
        return q->result == 0;
}

struct gateway_mapping *gateway_models_of_read_list(struct ask *q, const char *key, unsigned flags,
                                                    size_t *ret_n) {
        const struct json *list = ask_objects(q, key, flags, ret_n), *item;
        struct gateway_mapping *all;
        char path[48];
        size_t i = 0;

        if (!list || *ret_n == 0 || q->result != 0)
                return NULL;
        all = arena_zalloc_array(q->arena, *ret_n, sizeof(*all));
        if (!all)
                ask_check(q, -ENOMEM);
        json_each (item, list) {
                snprintf(path, sizeof(path), "%s[%zu]", key, i);
                if (!all || !gateway_models_of_read(q, item, path, &all[i++]))
                        return NULL;
        }
        return all;
}

/* --- rows --- */

int gateway_models_of_attach(struct job *j, struct db *db, struct gateway_mapping *x) {
        char id[2 + ENTROPY_ID_SIZE] = "m-";
        int r = gateway_models_sql_need_use(db, &j->refusal, x->model_id);

        if (r == 0)
                r = entropy_id(j->tracking->entropy, id + 2);
        if (r != 0)
                return r;
        x->id = arena_strdup(j->arena, id);
        x->created_at_ms = tracking_now_ms(j->tracking);
        r = x->id ? gateway_endpoints_sql_mapping_insert(db, x) : -ENOMEM;
        if (r != DB_CONFLICT)
                return r;
        return refusal_set(&j->refusal, REFUSAL_RESOURCE_ALREADY_EXISTS,
                           "Model definition '%s' is already attached to endpoint '%s'",
                           x->model_id, x->endpoint_id);
}

/* --- answers --- */

/* The shortest decimal that is this number as a float, as protobuf prints it. */
static double shortest(double value) {
        char text[32];

        for (int digits = 6; digits < 9; digits++) {
                snprintf(text, sizeof(text), "%.*g", digits, value);
                if (strtof(text, NULL) == (float) value)
                        return strtod(text, NULL);
        }
        snprintf(text, sizeof(text), "%.9g", value);
        return strtod(text, NULL);
}

int gateway_models_of_write(struct job *j, struct db *db, const struct gateway_mapping *x) {
        struct json_write *w = &j->json;
        struct gateway_model model;
        int r = gateway_models_sql_get(db, j->arena, x->model_id, &model);

        json_write_kv_str(w, "mapping_id", x->id);
        json_write_kv_str(w, "endpoint_id", x->endpoint_id);
        json_write_kv_str(w, "model_definition_id", x->model_id);
        if (r == DB_ROW) {
                json_write_kv_object(w, "model_definition");
                gateway_models_api_write(w, &model);
                json_write_end(w);
        }
        json_write_kv_f64(w, "weight", shortest(x->weight));
        json_write_kv_i64(w, "created_at", x->created_at_ms);
        if (x->created_by)
                json_write_kv_str(w, "created_by", x->created_by);
        json_write_kv_str(w, "linkage_type", x->linkage);
        if (x->has_order)
                json_write_kv_i64(w, "fallback_order", x->order);
        return r < 0 ? r : 0;
}

int gateway_models_of_write_list(struct job *j, struct db *db, const struct gateway_mapping *all,
                                 size_t n) {
        int r = 0;

        json_write_kv_items(&j->json, "model_mappings");
        for (size_t i = 0; r == 0 && i < n; i++) {
                json_write_object(&j->json);
                r = gateway_models_of_write(j, db, &all[i]);
                json_write_end(&j->json);
        }
        json_write_end(&j->json);
        return r;
}
