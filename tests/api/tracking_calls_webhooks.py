"""Webhooks for test_differential.py: what is kept of them. What they are told is test_webhooks.py."""

URL = "https://192.0.32.8/hook"  # an address: the peer looks a name up


def _event(entity, action="CREATED"):
    return {"entity": entity, "action": action}


def _made(name, body, saves=None):
    return "create " + name, "POST", "webhooks", {"name": "hook", "url": URL, "events": [_event("MODEL_VERSION")], **body}, saves


def _webhooks():
    yield "none", "GET", "webhooks", {}
    yield _made("webhook", {"description": "d", "secret": "s", "events": [_event("PROMPT"), _event("MODEL_VERSION_TAG", "SET")]}, {"w1": ("webhook", "webhook_id")})
    yield _made("disabled", {"name": "a.b-c_d", "status": "DISABLED"}, {"w2": ("webhook", "webhook_id")})
    for name in ("", " ", "-a", "a b", "a" * 64, "ä"):
        yield _made("named " + ascii(name[:5]), {"name": name})
    for url in ("", " ", "ftp://x/", "http://192.0.32.8/", "nothing", "https://", "https:///x"):
        yield _made("at " + url, {"url": url})
    yield _made("without events", {"events": []})
    yield _made("wrong action", {"events": [_event("REGISTERED_MODEL", "SET")]})
    yield _made("unknown entity", {"events": [_event("NOTHING")]})
    yield "create without name", "POST", "webhooks", {"url": URL, "events": [_event("PROMPT")]}
    yield "create without url", "POST", "webhooks", {"name": "x", "events": [_event("PROMPT")]}
    yield "create without anything", "POST", "webhooks", {}
    yield "get", "GET", "webhooks/{w1}", {}
    yield "get unknown", "GET", "webhooks/nope", {}
    yield "list", "GET", "webhooks", {}
    yield "list one", "GET", "webhooks", {"max_results": 1}, {"wp": ("next_page_token",)}
    yield "list next", "GET", "webhooks", {"max_results": 1, "page_token": "{wp}"}
    yield "list too many", "GET", "webhooks", {"max_results": 1001}
    yield "list less than none", "GET", "webhooks", {"max_results": -1}
    for name, change in (("name", {"name": "renamed"}), ("state", {"status": "DISABLED"}), ("events", {"events": [_event("PROMPT_ALIAS", "DELETED")]}),
                         ("description", {"description": "other"}), ("url", {"url": URL + "2"}), ("secret", {"secret": "other"}),
                         ("nothing", {}), ("bad name", {"name": "-"}), ("bad url", {"url": "x://y"}), ("bad state", {"status": "SLEEPING"}),
                         ("bad event", {"events": [_event("PROMPT", "SET")]}), ("no events", {"events": []}), ("empty", {"name": "", "description": ""})):
        yield "change " + name, "PATCH", "webhooks/{w1}", change
    yield "change unknown", "PATCH", "webhooks/nope", {"name": "x"}
    yield "changed", "GET", "webhooks/{w1}", {}
    for name, w in (("w1", "w1"), ("w2", "w2"), ("w1 again", "w1")):
        yield "delete " + name, "DELETE", "webhooks/{" + w + "}", {}
    yield "get deleted", "GET", "webhooks/{w1}", {}
    yield "test deleted", "POST", "webhooks/{w1}/test", {}
    yield "none left", "GET", "webhooks", {}
    yield _made("same event twice", {"events": [_event("PROMPT"), _event("PROMPT")]})


WEBHOOKS = list(_webhooks())
