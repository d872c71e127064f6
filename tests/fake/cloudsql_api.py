"""The HTTP side of a make-believe cloud: the SQL Admin API, token endpoints, the metadata server and service account
impersonation, with every call kept, and /_fake to throw the switches from outside the process."""

import base64
import json
import re
import socket
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROUTES = [
    ("settings", "GET", re.compile(r"/sql/v1beta4/projects/([^/]+)/instances/([^/:]+)/connectSettings$")),
    ("cert", "POST", re.compile(r"/sql/v1beta4/projects/([^/]+)/instances/([^/:]+):generateEphemeralCert$")),
    ("resolve", "GET", re.compile(r"/sql/v1beta4/locations/([^/]+)/dns/([^/]+):resolveConnectSettings$")),
    ("token", "POST", re.compile(r"/token$")),
    ("metadata", "GET", re.compile(r"/computeMetadata/v1/(.*)$")),
    ("impersonate", "POST", re.compile(r"/v1/projects/-/serviceAccounts/([^/:]+):generateAccessToken$")),
    ("fake", None, re.compile(r"/_fake/(.*)$")),
]
REASONS = {400: "invalid", 401: "authError", 403: "notAuthorized", 404: "notFound", 429: "rateLimitExceeded",
           500: "backendError", 502: "backendError", 503: "backendError"}


class Call:
    def __init__(self, kind, method, path, headers, body, instance):
        self.at = time.monotonic()
        self.kind, self.method, self.path = kind, method, path
        self.headers, self.body, self.instance = headers, body, instance
        self.status = None

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def bearer(self):
        return self.headers.get("Authorization", "").removeprefix("Bearer ")


def error_body(status, message):
    return {"error": {"code": status, "message": message, "status": "FAILED",
                      "errors": [{"message": message, "domain": "global", "reason": REASONS.get(status, "unknown")}]}}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *_):
        pass

    def answer(self, status, body, kind="application/json; charset=UTF-8", headers=()):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.call.status = status
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def hang_up(self):
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def handle_one(self):
        cloud = self.server.cloud
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        url = urllib.parse.urlsplit(self.path)
        path = urllib.parse.unquote(url.path)
        for kind, method, pattern in ROUTES:
            found = pattern.search(path)
            if found and method in (None, self.command):
                break
        else:
            kind, found = "unknown", None
        instance = cloud.find(*found.groups()) if kind in ("settings", "cert") else None
        self.call = Call(kind, self.command, self.path, self.headers, body, instance)
        if kind == "fake":
            return self.fake(cloud, found.group(1), body)
        with cloud.lock:
            cloud.calls.append(self.call)
        if self.fault(cloud.next_fault(kind, instance)):
            return None
        return getattr(self, "do_" + kind)(cloud, instance, found)

    def fault(self, fault):
        """Has a fault answered already?"""
        if fault is None:
            return False
        if isinstance(fault, tuple) and fault[0] == "slow":
            self.server.cloud.closing.wait(fault[1])
            return False
        if fault == "held":
            self.call.instance.gate.wait(120)
            return False
        if isinstance(fault, int):
            self.answer(fault, error_body(fault, f"the fake cloud says {fault}"))
        elif fault == "never":
            self.server.cloud.closing.wait(120)
            self.hang_up()
        elif fault == "drop":
            self.hang_up()
        elif fault == "cut":
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "5000")
            self.end_headers()
            self.wfile.write(b'{"region": "')
            self.wfile.flush()
            self.hang_up()
        elif fault == "garbage":
            self.answer(200, b"<html>not JSON at all</html>")
        elif isinstance(fault, dict):
            self.answer(200, fault)
        else:
            raise ValueError(fault)
        return True

    def allowed(self, cloud):
        token = self.call.bearer
        scopes = cloud.tokens.get(token)
        if scopes is None or (scopes.get("ends_at") or time.time() + 1) < time.time():
            self.answer(401, error_body(401, "Request had invalid authentication credentials."))
            return False
        if "login" in scopes.get("only", ""):
            self.answer(403, error_body(403, "Request had insufficient authentication scopes."))
            return False
        return True

    def do_settings(self, cloud, instance, _):
        if self.allowed(cloud):
            if instance is None:
                self.answer(404, error_body(404, "The Cloud SQL instance does not exist."))
            else:
                self.answer(200, instance.settings())

    def do_cert(self, cloud, instance, _):
        if not self.allowed(cloud):
            return
        if instance is None:
            self.answer(404, error_body(404, "The Cloud SQL instance does not exist."))
            return
        try:
            made = instance.sign(self.call.json)
        except (ValueError, KeyError) as e:
            self.answer(400, error_body(400, f"Invalid public key: {e}"))
            return
        self.answer(200, {"ephemeralCert": made})

    def do_resolve(self, cloud, _, found):
        if self.allowed(cloud):
            name = cloud.resolvable.get(found.group(2).rstrip("."))
            if name is None:
                self.answer(404, error_body(404, "no such name"))
            else:
                self.answer(200, {"connectionName": name, "region": found.group(1)})

    def do_token(self, cloud, _, __):
        form = dict(urllib.parse.parse_qsl(self.call.body.decode()))
        self.call.form = form
        scope = form.get("scope", "")
        if "assertion" in form:
            part = form["assertion"].split(".")[1]
            scope = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["scope"]
        token = cloud.new_token("login" if scope.endswith("sqlservice.login") else "", cloud.token_life)
        self.answer(200, {"access_token": token, "expires_in": cloud.token_life, "token_type": "Bearer"})

    def do_metadata(self, cloud, _, found):
        path = found.group(1)
        flavor = (("Metadata-Flavor", "Google"),)
        if self.headers.get("Metadata-Flavor") != "Google":
            self.answer(403, b"Missing Metadata-Flavor:Google header.", "text/html")
        elif path.endswith("/token"):
            only = "login" if self.path.endswith("sqlservice.login") else ""
            self.answer(200, {"access_token": cloud.new_token(only, cloud.token_life), "expires_in": cloud.token_life,
                              "token_type": "Bearer"}, headers=flavor)
        elif path == "project/project-id":
            self.answer(200, b"fake-project", "application/text", flavor)
        elif path.endswith("/email"):
            self.answer(200, b"robot@fake-project.iam.gserviceaccount.com", "application/text", flavor)
        else:
            self.answer(404, b"not found", "text/html", flavor)

    def do_impersonate(self, cloud, _, found):
        if self.allowed(cloud):
            body = self.call.json
            only = "login" if body.get("scope") and all(s.endswith("sqlservice.login") for s in body["scope"]) else ""
            ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + cloud.token_life))
            token = cloud.new_token(only, cloud.token_life)
            cloud.tokens[token]["account"] = found.group(1)
            self.answer(200, {"accessToken": token, "expireTime": ends})

    def do_unknown(self, *_):
        self.answer(404, error_body(404, f"{self.command} {self.path}: not a method of this cloud"))

    def fake(self, cloud, what, body):
        """instances: list or make; instances/NAME: look or change; instances/NAME/ACTION: do."""
        try:
            self.answer(200, cloud.command(self.command, what, json.loads(body or b"{}")))
        except (KeyError, ValueError, TypeError, AttributeError) as e:
            self.answer(400, error_body(400, f"{type(e).__name__}: {e}"))

    def do_GET(self):
        try:
            self.handle_one()
        except OSError:
            self.close_connection = True

    do_POST = do_PATCH = do_DELETE = do_PUT = do_GET


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        pass


def serve(cloud, address, port=0, context=None):
    """The API on an address of its own; with context, over TLS."""
    server = Server((address, port), Handler)
    server.cloud = cloud
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
    return server
