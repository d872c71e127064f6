/* A context of the pipeline compiler and trees from short texts, for the tests of its parts. */
#pragma once

#include "daemons/scheduler/pipelines_context.h"
#include "lib/base/yaml.h"
#include "tests/unit/core_fixture.h"

struct pipelines_tree_fixture {
        struct arena arena;
        struct pipelines result;
        struct pipelines_options options;
        struct pipelines_context context;
        struct pipelines_config config; /* its variables are for the test to set */
};

static inline _unused_ void pipelines_tree_fixture_init(struct pipelines_tree_fixture *f) {
        *f = (struct pipelines_tree_fixture){.options = {.python = "/venv/bin/python"}};
        arena_init(&f->arena, 0);
        f->context = (struct pipelines_context){
                .arena = &f->arena, .options = &f->options, .result = &f->result};
        f->config = (struct pipelines_config){.name = "x", .file = "/p/f.yml", .dir = "/p"};
}

static inline _unused_ void pipelines_tree_fixture_done(struct pipelines_tree_fixture *f) {
        strmap_done(&f->context.said);
        strmap_done(&f->context.dag_ids);
        strmap_done(&f->context.services);
        pipelines_done(&f->result);
        arena_done(&f->arena);
}

static inline _unused_ const struct pipelines_node *pipelines_tree_fixture_parse(
        struct pipelines_tree_fixture *f, const char *text) {
        struct pipelines_node *root = NULL;
        struct errmsg em = {};
        struct json *yaml;

        if (yaml_parse(&f->arena, text, strlen(text), "/p/f.yml", &yaml, &em) < 0)
                fail_msg("%s", em.text);
        assert_int_equal(pipelines_tree_new(&f->arena, yaml, "/p/f.yml", &root), 0);
        return root;
}

static inline _unused_ void pipelines_tree_fixture_said(const struct pipelines_tree_fixture *f,
                                                        bool is_warning, const char *text) {
        assert_true(f->result.n_messages > 0);
        assert_string_equal(f->result.messages[f->result.n_messages - 1].text, text);
        assert_int_equal(f->result.messages[f->result.n_messages - 1].is_warning, is_warning);
}
