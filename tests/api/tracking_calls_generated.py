"""Requests made of other ones: every field of a body, every word of a query, once in each of many wrong or odd forms."""

import re

LONG = "x" * 9000
TEXTS = ["", "x", "é漢😀", LONG, "../x", "a'b", 'a"b', "a\nb", "%", "0", "-1", "null", " ", "runs:/x", "x y", "#", "a/b/../c", "\x01",
         "5", "5.0", " 5", "1e3", "NaN", "Infinity", "99999999999999999999", "007", "1_000"]
VALUES = [None, 5, 0, -1, 5.0, 5.5, 1e300, 2**31, 2**63 - 1, 2**63, -2**63, 10**30, True, False, [], ["x"], [5], [None], [[]], [{}], {}, {"a": 1},
          {"key": "k", "value": "v"}]


def camel(name):
    return re.sub(r"_([a-z])", lambda m: m[1].upper(), name)


def places(body, at=()):
    """Where fields are: keys of objects, the first element of lists."""
    items = body.items() if isinstance(body, dict) else [(0, body[0])] if isinstance(body, list) and body else []
    for key, value in items:
        yield *at, key
        if len(at) < 4:
            yield from places(value, (*at, key))


def changed(body, at, change):
    """A copy of the body; change(parent, key) was done at the place."""
    body = body.copy()
    if len(at) == 1:
        change(body, at[0])
    else:
        body[at[0]] = changed(body[at[0]], at[1:], change)
    return body


def bodies(body):
    """(what was done, the body) for each."""
    def setting(value):
        return lambda parent, key: parent.__setitem__(key, value)

    for at in places(body):
        where = ".".join(map(str, at))
        yield where + " left out", changed(body, at, lambda parent, key: parent.__delitem__(key))
        for value in VALUES + TEXTS:
            yield f"{where} = {value!r:.40}", changed(body, at, setting(value))
        if at[-1] != 0 and camel(at[-1]) != at[-1]:
            yield where + " otherwise", changed(body, at, lambda parent, key: parent.__setitem__(camel(key), parent.pop(key)))
            yield where + " twice", changed(body, at, lambda parent, key: parent.__setitem__(camel(key), parent[key]))
    yield "unknown", {**body, "unknown_field": {"a": [1]}}


def queries(query):
    """(what was done, pairs of the query) for each."""
    pairs = [(k, x) for k, v in query.items() for x in (v if isinstance(v, list) else [v])]
    for i, (key, value) in enumerate(pairs):
        rest = pairs[:i] + pairs[i + 1:]
        yield key + " left out", rest
        for text in [*TEXTS, "true", "[]", "\0"]:
            yield f"{key} = {text!r:.40}", [*rest, (key, text)]
        yield key + " again", [*pairs, (key, value)]
        yield key + " first otherwise", [(key, "x"), *pairs]
        yield key + " otherwise", [*rest, (camel(key), value)]
    yield "unknown", [*pairs, ("unknown_field", "1")]
