"""A make-believe Google for tokens: OAuth's token endpoint, STS, iamcredentials and the metadata server.

    python3 fake_google.py [TOKEN]     prints "PORT" and serves until its standard input ends

Every way in gives TOKEN ("token-N" when none is named). What comes is checked as far as the standard library can:
grant types, the claims of an assertion, the fields of an exchange, Metadata-Flavor, scopes.
POST /_set {"status": 503, "n": 2, "path": "/token"}: the next two calls of that path fail so (any path without one).
POST /_set {"late": 1.5}: answers come late. {"expires_in": 10}, {"token": "x"}, {"value": ["instance/preempted", "TRUE"]}.
GET /_state: {"calls": {path: n}, "last": {path: body}}.
"""

import base64
import hashlib
import json
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
STS_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
state = {"token": None, "expires_in": 3600, "late": 0, "faults": [], "calls": {}, "last": {},
         "values": {"project/project-id": "the-project", "project/numeric-project-id": "123",
                    "instance/name": "the-machine", "instance/id": "42",
                    "instance/zone": "projects/123/zones/europe-west1-b", "instance/maintenance-event": "NONE",
                    "instance/preempted": "FALSE", "instance/service-accounts/default/email": "vm@example.test"}}
changed = threading.Condition()


def claims_of(assertion):
    """The claims of a JWT that looks right; its signature is for others to check."""
    head, body, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in assertion.split("."))
    assert json.loads(head)["alg"] == "RS256" and len(signature) in (256, 512), head
    return json.loads(body)


def etag_of(value):
    return hashlib.sha256(value.encode()).hexdigest()[:16]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body, headers=()):
        data = (json.dumps(body) if not isinstance(body, str) else body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json" if not isinstance(body, str) else "application/text")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def note(self, path, body):
        with changed:
            state["calls"][path] = n = state["calls"].get(path, 0) + 1
            state["last"][path] = body
            for fault in state["faults"]:
                if fault["n"] > 0 and fault.get("path", path) == path:
                    fault["n"] -= 1
                    return n, fault["status"]
        return n, None

    def token(self, n):
        return state["token"] or f"token-{n}"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        path = self.path.split("?")[0]
        if path == "/_set":
            return self.set(json.loads(body))
        n, failing = self.note(path, body)
        time.sleep(state["late"])
        if failing:
            return self.answer(failing, {"error": "invalid_grant" if failing == 400 else "busy", "error_description": "as told"})
        try:
            if path.startswith("/v1/projects/-/serviceAccounts/") and path.endswith(":generateAccessToken"):
                asked = json.loads(body)
                assert asked["scope"] and self.headers["Authorization"].startswith("Bearer "), asked
                until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + int(asked.get("lifetime", "3600s")[:-1])))
                return self.answer(200, {"accessToken": self.token(n), "expireTime": until})
            self.check_form(path, dict(urllib.parse.parse_qsl(body)))
        except (AssertionError, KeyError, ValueError) as e:
            return self.answer(400, {"error": "invalid_request", "error_description": f"{type(e).__name__}: {e}"})
        return self.answer(200, {"access_token": self.token(n), "expires_in": state["expires_in"], "token_type": "Bearer"})

    def check_form(self, path, form):
        if path == "/sts":
            assert form["grant_type"] == STS_GRANT and form["audience"] and form["subject_token"] and form["subject_token_type"], form
        elif form["grant_type"] == JWT_GRANT:
            claims = claims_of(form["assertion"])
            assert claims["aud"].endswith(path) and claims["iss"] and claims["scope"], claims
            assert claims["iat"] <= time.time() + 5 and 0 < claims["exp"] - claims["iat"] <= 3600, claims
        else:
            assert form["grant_type"] == "refresh_token" and form["refresh_token"] and form["client_id"] and form["client_secret"], form

    def set(self, asked):
        with changed:
            if "status" in asked:
                state["faults"].append({"n": 1, **asked})
            if "value" in asked:
                state["values"][asked["value"][0]] = asked["value"][1]
            state.update({k: asked[k] for k in ("token", "expires_in", "late") if k in asked})
            changed.notify_all()
        return self.answer(200, {})

    def do_GET(self):
        path, _, query = self.path.partition("?")
        args = dict(urllib.parse.parse_qsl(query))
        if path == "/_state":
            with changed:
                return self.answer(200, {k: state[k] for k in ("calls", "last")})
        n, failing = self.note(path, query)
        time.sleep(state["late"])
        if failing:
            return self.answer(failing, "as told", [("Metadata-Flavor", "Google")])
        name = path.removeprefix("/computeMetadata/v1/")
        if name == path:
            return self.answer(404, "no")
        if self.headers.get("Metadata-Flavor") != "Google":
            return self.answer(403, "Metadata-Flavor is missing")
        flavor = [("Metadata-Flavor", "Google")]
        if name == "instance/service-accounts/default/token":
            return self.answer(200, {"access_token": self.token(n), "expires_in": state["expires_in"], "token_type": "Bearer"}, flavor)
        return self.value(name, args, flavor)

    def value(self, name, args, flavor):
        until = time.monotonic() + float(args.get("timeout_sec", "3600"))
        with changed:
            while (args.get("wait_for_change") == "true" and time.monotonic() < until
                   and args.get("last_etag") == etag_of(state["values"].get(name, ""))):
                changed.wait(until - time.monotonic())
            value = state["values"].get(name)
        if value is None:
            return self.answer(404, "no", flavor)
        return self.answer(200, value, [*flavor, ("ETag", etag_of(value))])


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    state["token"] = sys.argv[1] if len(sys.argv) > 1 else None
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
