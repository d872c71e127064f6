"""A make-believe S3: objects in memory, signatures really checked, faults on demand.

    python3 fake_s3.py        prints "PORT" and serves until its standard input ends

Any bucket is there. The key is AKTEST with the secret "s3cret", the region us-east-1.
POST /_fault {"status": 503, "n": 2, "method": "PUT"}: the next two PUTs fail so.
POST /_fault {"cut": true, "n": 1}: the next answer breaks off. {"clear": true}: none any more.
GET /_state: what is there.
"""

import base64
import datetime
import hashlib
import hmac
import json
import re
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

SECRET = "s3cret"
objects, uploads, faults, lock = {}, {}, [], threading.Lock()
counts = {}


class Refused(Exception):
    def __init__(self, status, code, message=""):
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


def quote(text, safe="-._~"):
    return urllib.parse.quote(text, safe=safe)


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signature(method, path, query, headers, signed, payload, date, scope):
    pairs = "&".join(sorted(f"{quote(k)}={quote(v)}" for k, v in query))
    lines = "".join(f"{name}:{headers.get(name, '').strip()}\n" for name in signed)
    canonical = f"{method}\n{path}\n{pairs}\n{lines}\n{';'.join(signed)}\n{payload}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = ("AWS4" + SECRET).encode()
    for part in scope.split("/"):
        key = mac(key, part)
    return mac(key, f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{digest}").hex()


def etag_of(data):
    return hashlib.md5(data).hexdigest()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    # --- what all requests have in common

    def answer(self, status, body=b"", headers=()):
        if isinstance(body, str):
            body = body.encode()
        cut = any(name == "cut" for name, _ in headers)
        self.send_response(status)
        size = len(body)
        for name, value in headers:
            if name == "Content-Length":
                size = value
            elif name != "cut":
                self.send_header(name, value)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:len(body) // 2] if cut else body)
        if cut:
            self.wfile.flush()
            self.close_connection = True

    def xml(self, text, headers=()):
        self.answer(200, '<?xml version="1.0" encoding="UTF-8"?>\n' + text, headers)

    def check_signature(self, path):
        headers = {k.lower(): v for k, v in self.headers.items()}
        query = dict(self.query)
        if "X-Amz-Signature" in query:
            given = query.pop("X-Amz-Signature")
            date, credential = query["X-Amz-Date"], query["X-Amz-Credential"]
            signed, payload = query["X-Amz-SignedHeaders"].split(";"), "UNSIGNED-PAYLOAD"
            at = datetime.datetime.strptime(date + "+0000", "%Y%m%dT%H%M%SZ%z").timestamp()
            if time.time() > at + int(query["X-Amz-Expires"]):
                raise Refused(403, "AccessDenied", "Request has expired")
            pairs = [(k, v) for k, v in self.query if k != "X-Amz-Signature"]
        else:
            found = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^,]+), SignedHeaders=([^,]+), "
                                 r"Signature=(\w+)", headers.get("authorization", ""))
            if not found:
                raise Refused(403, "AccessDenied", "no signature")
            credential, names, given = found.groups()
            signed, date = names.split(";"), headers.get("x-amz-date", "")
            payload, pairs = headers.get("x-amz-content-sha256", ""), self.query
            for name in headers:
                if name.startswith("x-amz-") and name not in signed:
                    raise Refused(403, "AccessDenied", f"{name} is not signed")
            if payload != "UNSIGNED-PAYLOAD" and payload != hashlib.sha256(self.body).hexdigest():
                raise Refused(400, "XAmzContentSHA256Mismatch")
        who, scope = credential.split("/", 1)
        if who != "AKTEST":
            raise Refused(403, "InvalidAccessKeyId", "no such key")
        want = signature(self.command, path, pairs, headers, signed, payload, date, scope)
        if not hmac.compare_digest(want, given):
            raise Refused(403, "SignatureDoesNotMatch", "the signature does not match")

    def handle_any(self):
        path, _, query = self.path.partition("?")
        self.query = urllib.parse.parse_qsl(query, keep_blank_values=True)
        self.args = dict(self.query)
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if path == "/_fault":
            fault = json.loads(self.body)
            faults.clear() if fault.get("clear") else faults.append(fault)
            return self.answer(200)
        if path == "/_state":
            with lock:
                state = {"objects": {k: len(v[0]) for k, v in objects.items()},
                         "uploads": len(uploads), "counts": counts}
            return self.answer(200, json.dumps(state))
        counts[self.command] = counts.get(self.command, 0) + 1
        extra = ()
        with lock:
            for fault in faults:
                if fault.get("n", 0) > 0 and fault.get("method", self.command) == self.command:
                    fault["n"] -= 1
                    if fault.get("cut"):
                        extra = (("cut", "1"),)
                    else:
                        return self.fail(Refused(fault["status"], "SlowDown", "come again"))
        self.extra = extra
        try:
            self.check_signature(path)
            if self.body.startswith(b"Action=GetCallerIdentity"):  # STS answers beside it
                return self.xml("<GetCallerIdentityResult><Arn>arn:aws:iam::1:user/test</Arn></GetCallerIdentityResult>")
            _, bucket, *rest = path.split("/", 2)
            key = urllib.parse.unquote(rest[0]) if rest and rest[0] else None
            getattr(self, ("object_" if key else "bucket_") + self.command.lower())(bucket, key)
        except Refused as e:
            self.fail(e)
        return None

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any

    def fail(self, e):
        self.answer(e.status, f"<Error><Code>{e.code}</Code><Message>{escape(e.message)}</Message>"
                              "</Error>")

    # --- buckets

    def bucket_get(self, bucket, _key):
        prefix, delimiter = self.args.get("prefix", ""), self.args.get("delimiter", "")
        after, n_max = self.args.get("start-after", "").encode(), int(self.args["max-keys"])
        with lock:
            names = sorted((k.split("/", 1)[1] for k in objects if k.split("/", 1)[0] == bucket),
                           key=str.encode)
        out, seen, more = [], set(), False
        for name in names:
            if not name.startswith(prefix) or name.encode() <= after:
                continue
            tail = name[len(prefix):]
            common = prefix + tail[:tail.index(delimiter) + 1] if delimiter and delimiter in tail \
                else None
            if common in seen:
                continue
            if len(out) == n_max:
                more = True
                break
            if common:
                seen.add(common)
                out.append(f"<CommonPrefixes><Prefix>{escape(quote(common, '/'))}</Prefix>"
                           "</CommonPrefixes>")
            else:
                data, etag, at = objects[f"{bucket}/{name}"]
                out.append(f"<Contents><Key>{escape(quote(name, '/'))}</Key>"
                           f"<LastModified>{at:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
                           f"<ETag>&quot;{etag}&quot;</ETag><Size>{len(data)}</Size></Contents>")
        # Objects first, as S3 does.
        out.sort(key=lambda row: not row.startswith("<Contents>"))
        self.xml(f"<ListBucketResult><Name>{bucket}</Name><IsTruncated>{str(more).lower()}"
                 f"</IsTruncated>{''.join(out)}</ListBucketResult>", self.extra)

    def bucket_post(self, bucket, _key):
        if base64.b64encode(hashlib.md5(self.body).digest()).decode() != \
                self.headers.get("Content-MD5"):
            raise Refused(400, "InvalidDigest")
        with lock:
            for key in re.findall(rb"<Key>(.*?)</Key>", self.body):
                name = key.decode().replace("&lt;", "<").replace("&gt;", ">") \
                    .replace("&quot;", '"').replace("&apos;", "'").replace("&amp;", "&")
                objects.pop(f"{bucket}/{name}", None)
        self.xml("<DeleteResult></DeleteResult>")

    # --- objects

    def find(self, bucket, key):
        if f"{bucket}/{key}" not in objects:
            raise Refused(404, "NoSuchKey", "The specified key does not exist.")
        return objects[f"{bucket}/{key}"]

    def object_get(self, bucket, key):
        data, etag, at = self.find(bucket, key)
        headers = [("ETag", f'"{etag}"'), *self.extra,
                   ("Last-Modified", at.strftime("%a, %d %b %Y %H:%M:%S GMT"))]
        if self.headers.get("If-Match", f'"{etag}"') != f'"{etag}"':
            raise Refused(412, "PreconditionFailed")
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if not found:
            if self.command == "HEAD":
                headers.append(("Content-Length", len(data)))
                data = b""
            return self.answer(200, data, headers)
        first, last = int(found[1]), min(int(found[2]), len(data) - 1)
        if first >= len(data):
            raise Refused(416, "InvalidRange")
        headers.append(("Content-Range", f"bytes {first}-{last}/{len(data)}"))
        return self.answer(206, data[first:last + 1], headers)

    object_head = object_get

    def store(self, bucket, key, data, etag=None):
        now = datetime.datetime.now(datetime.timezone.utc)
        with lock:
            objects[f"{bucket}/{key}"] = (data, etag or etag_of(data), now)
        return objects[f"{bucket}/{key}"][1]

    def object_put(self, bucket, key):
        source = self.headers.get("x-amz-copy-source")
        if source:
            from_bucket, from_key = urllib.parse.unquote(source).lstrip("/").split("/", 1)
            etag = self.store(bucket, key, self.find(from_bucket, from_key)[0])
            return self.xml(f"<CopyObjectResult><ETag>&quot;{etag}&quot;</ETag></CopyObjectResult>")
        if "uploadId" in self.args:
            if self.args["uploadId"] not in uploads:
                raise Refused(404, "NoSuchUpload")
            uploads[self.args["uploadId"]][int(self.args["partNumber"])] = self.body
            return self.answer(200, b"", [("ETag", f'"{etag_of(self.body)}"')])
        return self.answer(200, b"", [("ETag", f'"{self.store(bucket, key, self.body)}"')])

    def object_post(self, bucket, key):
        if "uploads" in self.args:
            uid = f"up/{len(counts)}+{time.time_ns()}"
            uploads[uid] = {}
            return self.xml("<InitiateMultipartUploadResult><UploadId>" + uid +
                            "</UploadId></InitiateMultipartUploadResult>")
        parts = uploads.get(self.args.get("uploadId"))
        if parts is None:
            raise Refused(404, "NoSuchUpload")
        asked = re.findall(rb"<PartNumber>(\d+)</PartNumber><ETag>&quot;(\w+)&quot;</ETag>",
                           self.body)
        if [(int(n), e.decode()) for n, e in asked] != \
                [(n, etag_of(parts[n])) for n in sorted(parts)]:
            raise Refused(400, "InvalidPart")
        if any(len(parts[n]) < 5 << 20 for n in sorted(parts)[:-1]):
            raise Refused(400, "EntityTooSmall")
        data = b"".join(parts[n] for n in sorted(parts))
        etag = self.store(bucket, key, data, f"{etag_of(data)}-{len(parts)}")
        del uploads[self.args["uploadId"]]
        return self.xml("<CompleteMultipartUploadResult><ETag>&quot;" + etag +
                        "&quot;</ETag></CompleteMultipartUploadResult>")

    def object_delete(self, bucket, key):
        if "uploadId" in self.args:
            uploads.pop(self.args["uploadId"], None)
        else:
            with lock:
                objects.pop(f"{bucket}/{key}", None)
        self.answer(204)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
