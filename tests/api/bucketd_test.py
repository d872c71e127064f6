"""onebox-bucketd in tests: on a port of its own, asked in plain HTTP and by Google's client."""

import base64
import json
import re
import shutil
from urllib.parse import quote

import google_crc32c
from daemon_test import Daemon, ask, short_directory, until


def crc_of(data):
    """As an object's "crc32c"."""
    return base64.b64encode(google_crc32c.Checksum(data).digest()).decode()


class Bucketd(Daemon):
    """With the bucket "bkt", and with faults to be asked for."""

    def __init__(self, *args, root=None, env=None):
        self.own_root = root is None
        super().__init__("bucketd", root or short_directory(), "--listen=127.0.0.1:0", "--socket=none",
                         "--buckets=bkt", "--faults=yes", *args, env=env)

    def start(self):
        earlier = self.ports()
        super().start()
        until(lambda: self.process.poll() is not None or len(self.ports()) > len(earlier), "onebox-bucketd to listen")
        assert self.process.poll() is None, self.log.read_text()
        self.port = int(self.ports()[-1])
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def ports(self):
        text = self.log.read_text() if self.log.exists() else ""
        return re.findall(r"listening on 127\.0\.0\.1:(\d+)", text)

    def __exit__(self, *error):
        super().__exit__(*error)
        if self.own_root:
            shutil.rmtree(self.root, ignore_errors=True)

    def client(self):
        from google.api_core.client_options import ClientOptions
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import storage
        return storage.Client(project="p", credentials=AnonymousCredentials(),
                              client_options=ClientOptions(api_endpoint=self.url))

    def ask(self, method, target, body=None, headers=None):
        return ask(self.port, method, target, body, headers)

    def json(self, method, target, body=None, status=200):
        answer = self.ask(method, target, None if body is None else json.dumps(body))
        assert answer.status == status, (answer.status, answer.text)
        return json.loads(answer.text) if answer.text else None

    def object(self, name, rest=""):
        return f"/storage/v1/b/bkt/o/{quote(name, safe='')}{rest}"

    def put(self, name, data, rest="", status=200, headers=None):
        answer = self.ask("POST", f"/upload/storage/v1/b/bkt/o?uploadType=media&name={quote(name, safe='')}{rest}",
                          data, headers)
        assert answer.status == status, (answer.status, answer.text)
        return json.loads(answer.text)

    def read(self, name, headers=None, rest=""):
        return self.ask("GET", f"/bkt/{quote(name)}{rest}", headers=headers)

    def faults(self, *rules, seed=1):
        return self.json("POST", "/_onebox/faults", {"rules": list(rules), "seed": seed})

    def requests(self):
        """How many requests each route has had."""
        text = self.ask("GET", "/metrics").text
        found = re.findall(r'requests_total\{method="(\w+)",path="([^"]*)",code="\w+"\} (\d+)', text)
        counts = {}
        for method, path, n in found:
            counts[method, path] = counts.get((method, path), 0) + int(n)
        return counts

    def staged(self):
        return sorted(path.name for path in (self.state / "bucketd/staging").iterdir())
