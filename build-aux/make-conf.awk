# Makes the annotated onebox.conf from the rows the daemons are compiled with:
#   awk -f make-conf.awk lib/base/conf_sections.def config/*.def
# and with -v man=1 the part of onebox.conf(5) that lists the keys, for scdoc.
# SECTION(name, "what it is for") gives the order; CONF_KEY(section, key, type, default, "help").

# Splits the arguments of a row into arg[]; strings lose their quotes, adjacent ones are joined.
function split_row(text, arg,    i, c, n, in_string, depth) {
        n = 1
        delete arg
        arg[1] = ""
        for (i = index(text, "(") + 1; i <= length(text); i++) {
                c = substr(text, i, 1)
                if (in_string) {
                        if (c == "\\") { arg[n] = arg[n] substr(text, ++i, 1) }
                        else if (c == "\"") in_string = 0
                        else arg[n] = arg[n] c
                } else if (c == "\"") in_string = 1
                else if (c == ",") arg[++n] = ""
                else if (c == ")") return n
                else if (c !~ /[ \t\n]/) arg[n] = arg[n] c
        }
        return 0
}

# Prints text as comment lines of at most 98 columns.
function comment(text,    words, n, i, line) {
        n = split(text, words, " ")
        line = "#"
        for (i = 1; i <= n; i++) {
                if (length(line) + 1 + length(words[i]) > 98) { print line; line = "#" }
                line = line " " words[i]
        }
        print line
}

function row(text,    arg) {
        if (text ~ /^SECTION/) {
                split_row(text, arg)
                sections[++n_sections] = arg[1]
                about[arg[1]] = arg[2]
        } else if (text ~ /^CONF_KEY/) {
                split_row(text, arg)
                keys[arg[1]] = keys[arg[1]] " " arg[2]
                value[arg[1], arg[2]] = arg[4] == "NULL" ? "" : arg[4]
                help[arg[1], arg[2]] = arg[5]
                unit[arg[1], arg[2]] = arg[3]
        }
}

/^(SECTION|CONF_KEY)\(/ { pending = ""; collecting = 1 }
collecting {
        pending = pending $0 "\n"
        if ($0 ~ /\)[ \t;]*$/) { row(pending); collecting = 0 }
}

# What scdoc would take for its own marks.
function plain(text) {
        gsub(/[_*\\]/, "\\\\&", text)
        return text
}

function print_man_key(section, name,    text) {
        text = value[section, name]
        printf "*%s* (%s%s)\n\t%s\n\n", plain(name), tolower(unit[section, name]), \
                text == "" ? "" : ", default " plain(text), plain(help[section, name])
}

function print_conf_key(section, name,    text) {
        text = value[section, name]
        comment(help[section, name])
        printf "#%s =%s\n", name, text == "" ? "" : " " text
}

END {
        if (!man)
                comment("onebox.conf: every key with its default. A line that begins with # is not read: take the # away and change the value. Files ending in .conf in onebox.conf.d/ beside this one are read after it, in order of their names. onebox.conf(5) says more.")
        for (i = 1; i <= n_sections; i++) {
                section = sections[i]
                if (!(section in keys)) continue
                if (man) printf "## [%s]\n\n%s.\n\n", section, plain(about[section])
                else { printf "\n"; comment(about[section]); printf "[%s]\n", section }
                n = split(keys[section], names, " ")
                for (k = 1; k <= n; k++)
                        if (man) print_man_key(section, names[k])
                        else print_conf_key(section, names[k])
        }
}
