#include "daemons/tracking/run_name.h"

#include <stdio.h>

#include "lib/base/entropy.h"

/* Seven letters at most, so that the longest name is within the limit. */
static const char *const moods[] = {
        "able",   "agile",   "amber",  "ample",  "apt",    "arctic", "azure",   "bold",   "brave",
        "bright", "brisk",   "calm",   "clear",  "civil",  "coral",  "cosmic",  "crisp",  "deft",
        "eager",  "early",   "exact",  "fair",   "fast",   "fine",   "firm",    "fluent", "fond",
        "free",   "fresh",   "frank",  "gentle", "glad",   "golden", "grand",   "green",  "happy",
        "hardy",  "honest",  "humble", "ideal",  "jolly",  "just",   "keen",    "kind",   "large",
        "light",  "lively",  "loyal",  "lucid",  "lucky",  "lunar",  "merry",   "mellow", "mild",
        "modest", "neat",    "nimble", "noble",  "novel",  "open",   "patient", "plucky", "polite",
        "prime",  "proud",   "pure",   "quick",  "quiet",  "rapid",  "ready",   "rich",   "robust",
        "royal",  "rustic",  "sage",   "secure", "serene", "sharp",  "silent",  "silver", "simple",
        "sleek",  "smart",   "smooth", "snug",   "sober",  "solar",  "solid",   "sound",  "spry",
        "steady", "stellar", "still",  "stout",  "strong", "sunny",  "swift",   "tidy",   "tough",
        "true",   "upbeat",  "valid",  "vast",   "velvet", "vivid",  "warm",    "wise",   "witty",
        "young",  "zesty",
};

static const char *const animals[] = {
        "ant",    "asp",   "auk",     "badger", "bass",    "bat",    "bear",   "beaver", "bee",
        "bison",  "boar",  "bug",     "calf",   "camel",   "carp",   "cat",    "chimp",  "clam",
        "cod",    "colt",  "condor",  "conch",  "cow",     "crab",   "crane",  "crow",   "cub",
        "cuckoo", "deer",  "dingo",   "dog",    "dolphin", "donkey", "dove",   "duck",   "eagle",
        "eel",    "elk",   "emu",     "falcon", "fawn",    "ferret", "finch",  "fish",   "flea",
        "foal",   "fowl",  "fox",     "frog",   "gnat",    "gnu",    "goat",   "goose",  "grouse",
        "grub",   "gull",  "hare",    "hawk",   "hen",     "heron",  "horse",  "hound",  "ibis",
        "jackal", "jay",   "koala",   "koi",    "lamb",    "lark",   "lemur",  "lion",   "llama",
        "loon",   "lynx",  "mare",    "marten", "mink",    "mole",   "moose",  "moth",   "mouse",
        "mule",   "newt",  "octopus", "orca",   "otter",   "owl",    "ox",     "panda",  "penguin",
        "perch",  "pig",   "pike",    "pony",   "pug",     "quail",  "rabbit", "ram",    "raven",
        "robin",  "rook",  "seal",    "shad",   "shark",   "sheep",  "shrew",  "shrike", "skink",
        "skunk",  "slug",  "smelt",   "snail",  "snake",   "snipe",  "sow",    "sponge", "squid",
        "stag",   "steed", "stoat",   "stork",  "swan",    "tern",   "tiger",  "toad",   "trout",
        "turtle", "vole",  "wasp",    "weasel", "whale",   "wolf",   "worm",   "wren",   "yak",
        "zebra",
};

int run_name_generate(struct entropy *e, char ret[RUN_NAME_SIZE]) {
        uint64_t mood, animal, number;
        int r = entropy_below(e, ARRAY_SIZE(moods), &mood);

        if (r == 0)
                r = entropy_below(e, ARRAY_SIZE(animals), &animal);
        if (r == 0)
                r = entropy_below(e, 1000, &number);
        if (r < 0)
                return r;
        r = snprintf(ret, RUN_NAME_SIZE, "%s-%s-%u", moods[mood], animals[animal],
                     (unsigned) number);
        assert(r > 0 && r < RUN_NAME_SIZE);
        return 0;
}
