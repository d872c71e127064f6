#include "daemons/task/task_words.h"

#include <errno.h>
#include <string.h>

#include "lib/base/str.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define FIRST_LETTERS LETTERS "_@%+:,./-"
#define MORE_LETTERS FIRST_LETTERS "= "

/* What bash does by itself, but for true and false, which do as little anywhere. */
static bool is_of_bash(const char *word) {
        static const char *const names[] = {
                ".",        ":",      "alias",   "bg",        "bind",     "break",    "builtin",
                "caller",   "case",   "cd",      "command",   "compgen",  "complete", "compopt",
                "continue", "coproc", "declare", "dirs",      "disown",   "do",       "done",
                "echo",     "elif",   "else",    "enable",    "esac",     "eval",     "exec",
                "exit",     "export", "fc",      "fg",        "fi",       "for",      "function",
                "getopts",  "hash",   "help",    "history",   "if",       "in",       "jobs",
                "kill",     "let",    "local",   "logout",    "mapfile",  "popd",     "printf",
                "pushd",    "pwd",    "read",    "readarray", "readonly", "return",   "select",
                "set",      "shift",  "shopt",   "source",    "suspend",  "test",     "then",
                "time",     "times",  "trap",    "type",      "typeset",  "ulimit",   "umask",
                "unalias",  "unset",  "until",   "wait",      "while"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (str_eq(word, names[i]))
                        return true;
        return false;
}

static bool has_bash_env(const char *const *envp) {
        for (; envp && *envp; envp++)
                if (str_starts(*envp, "BASH_ENV=") || str_starts(*envp, "BASH_FUNC_") ||
                    str_starts(*envp, "SHELLOPTS=") || str_starts(*envp, "BASHOPTS="))
                        return true;
        return false;
}

static bool is_plain(const char *cmd) {
        size_t n = strspn(cmd, FIRST_LETTERS);

        return n > 0 && (!cmd[n] || cmd[n] == ' ') && !cmd[strspn(cmd, MORE_LETTERS)];
}

int task_words_split(struct arena *a, const char *cmd, const char *const *envp,
                     const char *const **ret_argv) {
        const char **argv, *word, *rest = cmd;
        size_t len, n = 0;

        if (!is_plain(cmd) || has_bash_env(envp))
                return 1;
        argv = arena_zalloc_array(a, strlen(cmd) / 2 + 2, sizeof(*argv));
        if (!argv)
                return -ENOMEM;
        while (str_word(&rest, " ", &word, &len)) {
                argv[n] = arena_strndup(a, word, len);
                if (!argv[n++])
                        return -ENOMEM;
        }
        if (is_of_bash(argv[0]))
                return 1;
        *ret_argv = argv;
        return 0;
}
