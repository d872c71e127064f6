"""onebox-bucketd: the storage API as Google's documents have it, byte by byte."""

import base64
import gzip
import hashlib
import json
import os
import re
import socket
import sqlite3
import threading
from pathlib import Path

import pytest
from bucketd_test import Bucketd, crc_of
from daemon_test import until

UPLOAD = "/upload/storage/v1/b/bkt/o"
CHUNK = 256 * 1024


@pytest.fixture(scope="module")
def server():
    with Bucketd() as daemon:
        yield daemon


@pytest.fixture(autouse=True)
def no_faults(server):
    yield
    server.ask("DELETE", "/_onebox/faults")


# --- objects ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 3 * 1024 * 1024])
def test_round_trip(server, size):
    data = os.urandom(size)
    made = server.put("round", data, headers={"Content-Type": "text/x"})
    assert made["size"] == str(size) and made["crc32c"] == crc_of(data)
    assert made["md5Hash"] == base64.b64encode(hashlib.md5(data).digest()).decode()
    assert made["metageneration"] == "1" and made["contentType"] == "text/x"
    assert server.json("GET", server.object("round")) == made
    for answer in (server.read("round"), server.ask("GET", server.object("round", "?alt=media")),
                   server.ask("GET", "/download" + server.object("round", "?alt=media"))):
        assert answer.status == 200 and answer.body == data
        assert answer.headers["x-goog-hash"] == f"crc32c={made['crc32c']},md5={made['md5Hash']}"
        assert answer.headers["x-goog-generation"] == made["generation"]
        assert answer.headers["Content-Type"] == "text/x"
    head = server.ask("HEAD", "/bkt/round")
    assert head.status == 200 and head.headers["Content-Length"] == str(size) and head.body == b""


def test_ranges(server):
    data = os.urandom(300000)
    server.put("ranges", data)
    for text, first, last in (("0-9", 0, 9), ("5-5", 5, 5), ("299990-", 299990, 299999), ("-7", 299993, 299999),
                              ("100-999999", 100, 299999), ("0-", 0, 299999)):
        answer = server.read("ranges", {"Range": f"bytes={text}"})
        assert answer.status == 206 and answer.body == data[first:last + 1], text
        assert answer.headers["Content-Range"] == f"bytes {first}-{last}/300000"
    answer = server.read("ranges", {"Range": "bytes=300000-"})
    assert answer.status == 416 and answer.headers["Content-Range"] == "bytes */300000"
    assert server.read("ranges", {"Range": "lines=1-2"}).body == data


def test_names(server):
    for name in ("a/b", "a//b", "/lead", "é/ü 😀", "a b?c#d%e+f&g", "..a", "x" * 1024, "trail/", "a/./b", "a/../b", "q\"'<>"):
        server.put(name, name.encode())
        assert server.read(name).body == name.encode(), name
        assert server.json("GET", server.object(name))["name"] == name
        listed = server.json("GET", f"/storage/v1/b/bkt/o?fields=items/name&prefix={name[:20].encode().hex() and ''}")
        assert {"name": name} in listed["items"]
        assert server.ask("DELETE", server.object(name)).status == 204
        assert server.ask("GET", server.object(name)).status == 404
    for name in (".", "..", "a\nb", "x" * 1025, ""):
        assert server.ask("POST", f"{UPLOAD}?uploadType=media&name={name.encode().hex() and ''}"
                          + "".join(f"%{byte:02X}" for byte in name.encode()), b"x").status == 400, name


def test_generations(server):
    first = server.put("gen", b"1")
    second = server.put("gen", b"2")
    assert int(second["generation"]) > int(first["generation"])
    assert server.read("gen", rest=f"?generation={first['generation']}").status == 404
    assert server.read("gen", rest=f"?generation={second['generation']}").body == b"2"
    assert server.ask("GET", server.object("gen", f"?generation={first['generation']}")).status == 404


def test_conditions(server):
    made = server.put("cond", b"1", "&ifGenerationMatch=0")
    g, now = made["generation"], server.object("cond")
    refused = server.put("cond", b"x", "&ifGenerationMatch=0", status=412)["error"]
    assert refused["code"] == 412 and refused["errors"][0]["reason"] == "conditionNotMet"
    server.put("cond", b"x", f"&ifGenerationMatch={int(g) + 1}", status=412)
    server.put("cond", b"x", f"&ifGenerationMatch={g}&ifMetagenerationMatch=2", status=412)
    server.put("cond", b"x", "&ifGenerationMatch=one", status=400)
    assert server.ask("GET", now + f"?ifGenerationNotMatch={g}").status == 304
    assert server.ask("GET", now + f"?ifGenerationMatch={g}&ifMetagenerationMatch=1").status == 200
    assert server.ask("GET", now + "?ifMetagenerationMatch=7").status == 412
    assert server.ask("DELETE", now + f"?ifGenerationMatch={int(g) - 1}").status == 412
    assert server.ask("GET", "/bkt/cond", headers={"x-goog-if-generation-match": str(int(g) + 1)}).status == 412
    assert server.read("cond").body == b"1"
    patched = server.json("PATCH", now + "?ifMetagenerationMatch=1", {"metadata": {"k": "v"}})
    assert patched["metageneration"] == "2" and patched["generation"] == g
    assert server.ask("PATCH", now + "?ifMetagenerationMatch=1", "{}").status == 412
    assert server.ask("DELETE", now + f"?ifGenerationMatch={g}&ifMetagenerationMatch=2").status == 204


def test_metadata(server):
    boundary = "xx"
    resource = {"name": "meta", "contentType": "text/plain", "cacheControl": "no-store",
                "metadata": {"a": "1", "ü": "2"}, "customTime": "2026-01-02T03:04:05Z"}
    body = (f"--{boundary}\r\nContent-Type: application/json\r\n\r\n{json.dumps(resource)}\r\n"
            f"--{boundary}\r\nContent-Type: text/html\r\n\r\nhello\r\n--{boundary}--").encode()
    answer = server.ask("POST", f"{UPLOAD}?uploadType=multipart", body,
                        {"Content-Type": f"multipart/related; boundary={boundary}"})
    made = json.loads(answer.text)
    assert answer.status == 200 and {key: made[key] for key in resource} == resource
    patched = server.json("PATCH", server.object("meta"), {"metadata": {"a": None, "b": "3"}, "cacheControl": None})
    assert patched["metadata"] == {"ü": "2", "b": "3"} and "cacheControl" not in patched
    replaced = server.json("PUT", server.object("meta"), {"metadata": {"z": "9"}})
    assert replaced["metadata"] == {"z": "9"} and "contentType" not in replaced
    assert server.read("meta").headers["x-goog-meta-z"] == "9"
    assert server.json("GET", server.object("meta", "?fields=name,metadata/z")) == {"name": "meta", "metadata": {"z": "9"}}
    assert server.ask("GET", server.object("meta", "?fields=a(")).status == 400


def test_holds(server):
    """What is held stays, whoever asks; a bucket may hold what is new."""
    server.put("held", b"1")
    server.json("PATCH", server.object("held"), {"temporaryHold": True, "metadata": {"eventBasedHold": "true", "x": '"eventBasedHold":true'}})
    for answer in (server.ask("DELETE", server.object("held")), server.ask("PUT", "/bkt/held", b"2"),
                   server.ask("POST", server.object("held", "/moveTo/o/elsewhere"))):
        assert answer.status == 403 and "under active Temporary hold" in answer.text
    assert server.read("held").body == b"1" and server.read("elsewhere").status == 404
    server.json("PATCH", server.object("held"), {"temporaryHold": False})
    server.put("held", b"2")
    server.json("POST", "/storage/v1/b", {"name": "holding", "defaultEventBasedHold": True})
    for name, body in (("a", {}), ("b", {"eventBasedHold": False})):
        answer = server.ask("POST", "/upload/storage/v1/b/holding/o?uploadType=resumable", json.dumps({"name": name, **body}),
                            {"Content-Type": "application/json"})
        where = answer.headers["Location"].split("/", 3)[3]
        assert server.ask("PUT", "/" + where, b"x").status == 200
    path = "/storage/v1/b/holding/o/"
    assert server.json("GET", path + "a")["eventBasedHold"] is True
    assert "under active Event-Based hold" in server.ask("DELETE", path + "a").text
    assert server.ask("DELETE", path + "b").status == 204
    server.json("PATCH", path + "a", {"eventBasedHold": False})
    assert server.ask("DELETE", path + "a").status == 204


def test_checksums_that_do_not_agree(server):
    bad = server.put("sum", b"x", headers={"x-goog-hash": "crc32c=AAAAAA=="}, status=400)
    assert "CRC32C" in bad["error"]["message"]
    server.put("sum", b"x", headers={"Content-MD5": base64.b64encode(hashlib.md5(b"y").digest()).decode()}, status=400)
    assert server.read("sum").status == 404 and not server.staged()
    server.put("sum", b"x", headers={"x-goog-hash": f"crc32c={crc_of(b'x')}"})


def test_errors_read_as_googles(server):
    assert server.json("GET", server.object("none"), status=404) == {"error": {
        "code": 404, "message": "No such object: bkt/none",
        "errors": [{"message": "No such object: bkt/none", "domain": "global", "reason": "notFound"}]}}
    gone = server.json("GET", "/storage/v1/b/nobucket/o", status=404)
    assert gone["error"]["message"] == "The specified bucket does not exist."
    xml = server.read("none")
    assert xml.status == 404 and "<Code>NoSuchKey</Code>" in xml.text
    for body in ("{", "[]", '{"metadata": 7}'):
        server.put("bad", b"x")
        assert server.ask("PATCH", server.object("bad"), body).status == 400
    assert server.ask("POST", f"{UPLOAD}?uploadType=multipart", b"x", {"Content-Type": "text/plain"}).status == 400


# --- listings ---------------------------------------------------------------------------------


def test_listing(server):
    server.json("POST", "/storage/v1/b", {"name": "listed"})
    names = sorted([f"d{i}/{j}" for i in range(5) for j in range(7)] + ["d1/", "top", "e"])
    for name in names:
        server.ask("PUT", f"/listed/{name}", b"")

    def pages(query, size):
        items, prefixes, token = [], [], ""
        while True:
            page = server.json("GET", f"/storage/v1/b/listed/o?{query}&maxResults={size}&pageToken={token}")
            assert len(page.get("items", [])) + len(page.get("prefixes", [])) <= size + (size == 1)
            items += [item["name"] for item in page.get("items", [])]
            prefixes += page.get("prefixes", [])
            token = page.get("nextPageToken")
            if not token:
                return items, prefixes

    for size in (1, 3, 1000):
        assert pages("", size) == (names, [])
        assert pages("delimiter=/", size) == (["e", "top"], [f"d{i}/" for i in range(5)])
        assert pages("delimiter=/&prefix=d1/", size) == (["d1/"] + [f"d1/{j}" for j in range(7)], [])
        assert pages("startOffset=d3/5&endOffset=d4/1", size) == (["d3/5", "d3/6", "d4/0"], [])
    assert pages("delimiter=/&includeTrailingDelimiter=true", 1000) == (["d1/", "e", "top"], [f"d{i}/" for i in range(5)])
    few = server.json("GET", "/storage/v1/b/listed/o?fields=prefixes,items(name,size)&delimiter=/")
    assert few == {"prefixes": [f"d{i}/" for i in range(5)], "items": [{"name": n, "size": "0"} for n in ("e", "top")]}
    assert server.ask("GET", "/storage/v1/b/listed/o?pageToken=!!").status == 400
    assert server.ask("DELETE", "/storage/v1/b/listed").status == 409


# --- copies -----------------------------------------------------------------------------------


def test_compose(server):
    parts = [os.urandom(70000), b"", b"small", os.urandom(300000)]
    for i, part in enumerate(parts):
        server.put(f"part{i}", part)
    sources = [{"name": f"part{i}"} for i in range(4)]
    made = server.json("POST", server.object("whole", "/compose"), {"sourceObjects": sources, "destination": {"contentType": "t/p"}})
    data = b"".join(parts)
    assert made["crc32c"] == crc_of(data) and "md5Hash" not in made and made["componentCount"] == 4
    assert server.read("whole").body == data and made["contentType"] == "t/p"
    for first, last in ((69990, 70010), (0, 0), (len(data) - 1, len(data) - 1), (70003, 370000)):
        assert server.read("whole", {"Range": f"bytes={first}-{last}"}).body == data[first:last + 1]
    # What the parts were is not needed any more; and an append is a compose of itself.
    for i in range(4):
        server.ask("DELETE", server.object(f"part{i}"))
    for i in range(50):
        server.put("tail", b"line %d\n" % i)
        made = server.json("POST", server.object("whole", f"/compose?ifGenerationMatch={made['generation']}"),
                           {"sourceObjects": [{"name": "whole", "generation": made["generation"]}, {"name": "tail"}],
                            "deleteSourceObjects": True})
        data += b"line %d\n" % i
    assert server.read("whole").body == data and made["crc32c"] == crc_of(data)
    assert server.read("tail").status == 404
    assert server.ask("POST", server.object("w", "/compose"), '{"sourceObjects":[]}').status == 400
    assert server.ask("POST", server.object("w", "/compose"), json.dumps({"sourceObjects": [{"name": "whole"}] * 33})).status == 400
    assert server.ask("POST", server.object("w", "/compose"), '{"sourceObjects":[{"name":"none"}]}').status == 404
    stale = {"sourceObjects": [{"name": "whole", "objectPreconditions": {"ifGenerationMatch": "1"}}]}
    assert server.ask("POST", server.object("w", "/compose"), json.dumps(stale)).status == 412


def test_many_appends_stay_few_segments(server):
    """A log line by line: what is read is all of it, and the index does not grow with the number of lines."""
    server.put("lines", b"")
    whole = b""
    for i in range(400):
        server.put("line", b"%06d\n" % i)
        server.json("POST", server.object("lines", "/compose"),
                    {"sourceObjects": [{"name": "lines"}, {"name": "line"}], "deleteSourceObjects": True})
        whole += b"%06d\n" % i
    assert server.read("lines").body == whole
    db = sqlite3.connect(f"file:{server.state}/bucketd/index.db?mode=ro", uri=True)
    assert db.execute("SELECT length(segments) / 24 FROM objects WHERE name = 'lines'").fetchone()[0] < 15
    until(lambda: db.execute("SELECT count(*) FROM blobs WHERE refs = 0").fetchone()[0] == 0, "the old pieces to go")


def test_move_copy_rewrite(server):
    data = os.urandom(100000)
    made = server.put("src", data, headers={"Content-Type": "a/b"})
    server.json("PATCH", server.object("src"), {"metadata": {"k": "v"}})
    copied = server.json("POST", server.object("src", "/copyTo/b/bkt/o/copy"))
    assert copied["metadata"] == {"k": "v"} and copied["md5Hash"] == made["md5Hash"]
    done = server.json("POST", server.object("src", "/rewriteTo/b/bkt/o/rew"), {"contentType": "c/d"})
    assert done["done"] is True and done["resource"]["contentType"] == "c/d" and "metadata" not in done["resource"]
    assert done["totalBytesRewritten"] == done["objectSize"] == "100000"
    g = server.json("GET", server.object("src"))["generation"]
    assert server.ask("POST", server.object("src", f"/moveTo/o/moved?ifSourceGenerationMatch={int(g) + 1}")).status == 412
    assert server.ask("POST", server.object("src", "/moveTo/o/copy?ifGenerationMatch=0")).status == 412
    server.json("POST", server.object("src", f"/moveTo/o/a%2Fmoved?ifSourceGenerationMatch={g}"))
    assert server.read("src").status == 404
    for name in ("copy", "rew", "a/moved"):
        assert server.read(name).body == data


# --- resumable uploads ------------------------------------------------------------------------


class Session:
    def __init__(self, server, name, query="", headers=None, resource=None):
        self.server = server
        answer = server.ask("POST", f"{UPLOAD}?uploadType=resumable&name={name}{query}",
                            json.dumps(resource or {}), headers)
        assert answer.status == 200, answer.text
        self.target = answer.headers["Location"].split(str(server.port), 1)[1]

    def send(self, first, data, total="*", method="PUT", headers=None):
        text = f"bytes {first}-{first + len(data) - 1}/{total}" if data else f"bytes */{total}"
        answer = self.server.ask(method, self.target, data, {"Content-Range": text, **(headers or {})})
        return answer.status, answer.headers.get("Range"), answer


def test_resumable(server):
    data = os.urandom(3 * CHUNK + 17)
    s = Session(server, "resumed", resource={"metadata": {"k": "v"}, "contentType": "x/y"})
    assert s.send(0, b"")[:2] == (308, None)
    assert s.send(0, data[:CHUNK])[:2] == (308, f"bytes=0-{CHUNK - 1}")
    assert s.send(CHUNK, data[CHUNK:2 * CHUNK], method="POST")[:2] == (308, f"bytes=0-{2 * CHUNK - 1}")
    # What is no multiple of a chunk is kept in part.
    assert s.send(2 * CHUNK, data[2 * CHUNK:2 * CHUNK + 5])[:2] == (308, f"bytes=0-{2 * CHUNK - 1}")
    assert s.send(0, b"")[:2] == (308, f"bytes=0-{2 * CHUNK - 1}")
    # Bytes that are there may be sent again; a gap is refused.
    assert s.send(CHUNK, data[CHUNK:3 * CHUNK])[:2] == (308, f"bytes=0-{3 * CHUNK - 1}")
    status, _, answer = s.send(4 * CHUNK, b"x")
    assert status == 400 and "exceeds already uploaded size" in answer.text
    status, _, answer = s.send(3 * CHUNK, data[3 * CHUNK:], len(data))
    made = json.loads(answer.text)
    assert status == 200 and made["crc32c"] == crc_of(data) and made["metadata"] == {"k": "v"}
    assert server.read("resumed").body == data
    # Who lost the answer asks again.
    status, _, answer = s.send(0, b"", len(data))
    assert status == 200 and json.loads(answer.text)["generation"] == made["generation"]
    assert not server.staged() or until(lambda: not server.staged())


def test_resumable_at_once_and_for_go(server):
    s = Session(server, "once")
    assert server.ask("PUT", s.target, b"all of it").status == 200 and server.read("once").body == b"all of it"
    s = Session(server, "go")
    status, _, answer = s.send(0, b"x" * CHUNK, headers={"X-GUploader-No-308": "yes"})
    assert status == 200 and answer.headers["X-Http-Status-Code-Override"] == "308"
    s = Session(server, "empty")
    status, _, answer = s.send(0, b"", "0")
    assert status == 200 and json.loads(answer.text)["size"] == "0"
    s = Session(server, "zero")  # the total comes alone, at the end
    s.send(0, b"y" * CHUNK)
    assert s.send(0, b"", CHUNK)[0] == 200 and server.read("zero").body == b"y" * CHUNK


def test_resumable_refusals(server):
    s = Session(server, "refused")
    assert server.ask("DELETE", s.target).status == 499
    assert s.send(0, b"x" * CHUNK)[0] == 499
    assert server.ask("PUT", s.target.replace("upload_id=", "upload_id=0"), b"x").status == 404
    s = Session(server, "refused", headers={"X-Upload-Content-Length": "10"})
    assert s.send(0, b"x" * 11, 11)[0] == 400
    assert s.send(0, b"x" * 10, 10)[0] == 200
    s = Session(server, "refused", "&ifGenerationMatch=0")
    assert s.send(0, b"x", 1)[0] == 412
    s = Session(server, "refused", resource={"crc32c": "AAAAAA=="})
    assert s.send(0, b"x", 1)[0] == 400
    for text in ("bytes 0-0", "bytes 5-3/9", "items 0-0/1"):
        assert server.ask("PUT", s.target, b"x", {"Content-Range": text}).status == 400
    assert server.ask("PUT", s.target, b"xyz", {"Content-Range": "bytes 0-9/10"}).status == 400


def test_resumable_cut_off_goes_on(server):
    """What came before the line broke is kept in whole chunks; a second connection takes over."""
    data = os.urandom(4 * CHUNK)
    s = Session(server, "cutoff")
    line = socket.create_connection(("127.0.0.1", server.port))
    line.sendall(f"PUT {s.target} HTTP/1.1\r\nHost: localhost\r\nContent-Range: bytes 0-{len(data) - 1}/{len(data)}\r\n"
                 f"Content-Length: {len(data)}\r\n\r\n".encode() + data[:2 * CHUNK + 1000])
    # The old connection is still open: the question is answered all the same.
    until(lambda: s.send(0, b"")[0] == 308)
    line.close()
    got = s.send(0, b"")[1]
    have = int(got.rsplit("-", 1)[1]) + 1 if got else 0
    assert have % CHUNK == 0 and have <= 2 * CHUNK
    assert s.send(have, data[have:], len(data))[0] == 200
    assert server.read("cutoff").body == data


# --- the XML API ------------------------------------------------------------------------------


def tag(text, name):
    return re.findall(f"<{name}>(.*?)</{name}>", text)


def test_xml_put(server):
    answer = server.ask("PUT", "/bkt/xml", b"data", {"Content-Type": "a/b", "x-goog-meta-Key": "v", "Cache-Control": "no-store",
                                                     "x-goog-if-generation-match": "0"})
    assert answer.status == 200 and answer.headers["x-goog-hash"].startswith(f"crc32c={crc_of(b'data')}")
    assert server.ask("PUT", "/bkt/xml", b"x", {"x-goog-if-generation-match": "0"}).status == 412
    got = server.read("xml")
    assert got.headers["x-goog-meta-key"] == "v" and got.headers["Cache-Control"] == "no-store" and got.body == b"data"
    assert server.ask("DELETE", "/bkt/xml").status == 204 and server.ask("DELETE", "/bkt/xml").status == 404


def test_xml_list(server):
    server.json("POST", "/storage/v1/b", {"name": "xmllist"})
    for name in ("a", "d/1", "d/2", "e&f"):
        server.ask("PUT", f"/xmllist/{name.replace('&', '%26')}", b"x")
    text = server.ask("GET", "/xmllist?delimiter=/").text
    assert tag(text, "Key") == ["a", "e&amp;f"] and tag(text, "CommonPrefixes") == ["<Prefix>d/</Prefix>"]
    keys, token = [], ""
    while True:
        text = server.ask("GET", f"/xmllist?list-type=2&max-keys=1&continuation-token={token}").text
        keys += tag(text, "Key")
        if tag(text, "IsTruncated") == ["false"]:
            break
        token = tag(text, "NextContinuationToken")[0]
    assert keys == ["a", "d/1", "d/2", "e&amp;f"]
    assert tag(server.ask("GET", "/xmllist?marker=d/1&prefix=d").text, "Key") == ["d/2"]
    assert server.ask("GET", "/nobucket").status == 404


def test_xml_upload_in_parts(server):
    parts = {3: os.urandom(100000), 1: os.urandom(300000), 7: b"end", 5: b"never named"}
    begun = server.ask("POST", "/bkt/parts?uploads", b"", {"x-goog-meta-k": "v", "Content-Type": "t/p"}).text
    target = f"/bkt/parts?uploadId={tag(begun, 'UploadId')[0]}"
    tags = {}
    server.ask("PUT", f"{target}&partNumber=1", b"first try")
    for number, data in parts.items():
        answer = server.ask("PUT", f"{target}&partNumber={number}", data)
        assert answer.status == 200 and answer.headers["x-goog-hash"] == f"crc32c={crc_of(data)}"
        tags[number] = answer.headers["ETag"]
    assert tag(server.ask("GET", target).text, "PartNumber") == ["1", "3", "5", "7"]
    assert server.read("parts").status == 404

    def named(*numbers):
        return ("<CompleteMultipartUpload>" + "".join(
            f"<Part><PartNumber>{n}</PartNumber><ETag>{tags[n]}</ETag></Part>" for n in numbers)
            + "</CompleteMultipartUpload>").encode()

    assert server.ask("POST", target, named(3, 1)).status == 400
    assert server.ask("POST", target, b"<x/>").status == 400
    assert server.ask("POST", target, named(1, 3, 7).replace(tags[3].encode(), tags[1].encode())).status == 400
    assert server.ask("PUT", f"{target}&partNumber=0", b"x").status == 400
    assert server.ask("POST", target, named(1, 3, 7)).status == 200
    whole = parts[1] + parts[3] + parts[7]
    got = server.read("parts")
    assert got.body == whole and got.headers["x-goog-meta-k"] == "v" and got.headers["Content-Type"] == "t/p"
    assert server.json("GET", server.object("parts"))["crc32c"] == crc_of(whole)
    assert server.ask("POST", target, named(1, 3, 7)).status == 404
    begun = server.ask("POST", "/bkt/parts?uploads", b"").text
    target = f"/bkt/parts?uploadId={tag(begun, 'UploadId')[0]}"
    server.ask("PUT", f"{target}&partNumber=1", b"x" * 100000)
    assert server.ask("DELETE", target).status == 204 and server.ask("GET", target).status == 404
    db = sqlite3.connect(f"file:{server.state}/bucketd/index.db?mode=ro", uri=True)
    until(lambda: db.execute("SELECT count(*) FROM blobs WHERE refs = 0").fetchone()[0] == 0, "the parts to go")


# --- hierarchical buckets -----------------------------------------------------------------------


def test_folders(server):
    server.json("POST", "/storage/v1/b", {"name": "hns", "hierarchicalNamespace": {"enabled": True}})
    assert server.json("GET", "/storage/v1/b/hns/storageLayout")["hierarchicalNamespace"] == {"enabled": True}
    assert "hierarchicalNamespace" not in server.json("GET", "/storage/v1/b/bkt/storageLayout")
    folders = "/storage/v1/b/hns/folders"
    made = server.json("POST", folders, {"name": "a/"})
    assert made["name"] == "a/" and made["metageneration"] == "1"
    server.json("POST", folders, {"name": "a/"}, status=409)
    server.json("POST", folders, {"name": "x/y/"}, status=409)
    server.json("POST", folders + "?recursive=true", {"name": "x/ü/"})
    assert server.ask("PUT", "/hns/a/b/file", b"1").status == 200
    server.ask("PUT", "/hns/a/top", b"2")
    names = [f["name"] for f in server.json("GET", folders)["items"]]
    assert names == ["a/", "a/b/", "x/", "x/ü/"]
    assert [f["name"] for f in server.json("GET", folders + "?prefix=a/&delimiter=/")["items"]] == ["a/", "a/b/"]
    page = server.json("GET", folders + "?pageSize=3")
    assert [f["name"] for f in server.json("GET", f"{folders}?pageToken={page['nextPageToken']}")["items"]] == ["x/ü/"]
    assert server.json("GET", folders + "/a%2Fb%2F")["name"] == "a/b/"
    assert server.ask("GET", folders + "/none%2F").status == 404
    assert server.ask("DELETE", folders + "/a%2F").status == 409
    listed = server.json("GET", "/storage/v1/b/hns/o?delimiter=/&includeFoldersAsPrefixes=true&fields=prefixes,items(name)")
    assert listed == {"prefixes": ["a/", "x/"]}
    below = server.json("GET", "/storage/v1/b/hns/o?delimiter=/&prefix=x/&includeFoldersAsPrefixes=true&fields=prefixes,items(name)")
    assert below == {"prefixes": ["x/ü/"]}
    assert server.json("GET", "/storage/v1/b/hns/o?delimiter=/&prefix=x/&fields=prefixes") == {}
    done = server.json("POST", folders + "/a%2F/renameTo/folders/x%2F%C3%BC%2Fmoved%2F")
    assert done["done"] is True and done["response"]["name"] == "x/ü/moved/"
    assert server.ask("GET", "/hns/x/%C3%BC/moved/b/file").body == b"1" and server.ask("GET", "/hns/a/top").status == 404
    assert [f["name"] for f in server.json("GET", folders)["items"]] == ["x/", "x/ü/", "x/ü/moved/", "x/ü/moved/b/"]
    assert server.ask("POST", folders + "/x%2F/renameTo/folders/x%2Fin%2F").status == 400
    assert server.ask("POST", folders + "/x%2F/renameTo/folders/x2%2F").status == 200
    assert server.ask("DELETE", "/hns/x2/%C3%BC/moved/b/file").status == 204
    assert server.ask("DELETE", folders + "/x2%2F%C3%BC%2Fmoved%2Fb%2F").status == 204
    assert server.ask("POST", "/storage/v1/b/bkt/folders", '{"name":"a/"}').status == 409


# --- readers and writers ----------------------------------------------------------------------


def test_a_generation_is_read_to_its_end(server):
    """Overwritten and deleted while it is being read, in a file and in pieces."""
    data = os.urandom(8 * 1024 * 1024)
    server.put("held", data)
    server.put("piece", data)
    server.json("POST", server.object("held2", "/compose"), {"sourceObjects": [{"name": "piece"}, {"name": "held"}]})
    for name, whole in (("held", data), ("held2", data + data)):
        line = socket.create_connection(("127.0.0.1", server.port))
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 17)
        line.sendall(f"GET /bkt/{name} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        got = line.recv(1000)
        server.put(name, b"new")
        for other in ("piece", "held"):
            server.ask("DELETE", server.object(other))
        assert server.read(name).status in (200, 404)
        while True:
            more = line.recv(1 << 20)
            if not more:
                break
            got += more
        assert got.split(b"\r\n\r\n", 1)[1] == whole


def test_one_of_many_wins(server):
    """Of writers with the same precondition exactly one gets through."""
    for turn in range(5):
        statuses = []

        def write(i):
            statuses.append(server.ask("POST", f"{UPLOAD}?uploadType=media&name=race{turn}&ifGenerationMatch=0",
                                       b"%d" % i).status)

        threads = [threading.Thread(target=write, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [200] + [412] * 7


def test_stored_gzip(server):
    packed = gzip.compress(b"text " * 1000)
    server.put("gz", packed, "&contentEncoding=gzip")
    answer = server.read("gz", {"Accept-Encoding": "gzip"})
    assert answer.body == packed and answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["x-goog-stored-content-encoding"] == "gzip"
    assert answer.headers["x-goog-stored-content-length"] == str(len(packed))


def test_token():
    with Bucketd() as daemon:
        (daemon.root / "token").write_text("secret\n")
        daemon.end()
        daemon.args = (*daemon.args, f"--token-file={daemon.root}/token")
        daemon.start()
        assert daemon.ask("GET", "/storage/v1/b").status == 401
        assert daemon.ask("GET", "/storage/v1/b", headers={"Authorization": "Bearer other"}).status == 401
        assert daemon.ask("GET", "/storage/v1/b", headers={"Authorization": "Bearer secret"}).status == 200
        assert daemon.ask("GET", "/health").status == 200


# --- faults -----------------------------------------------------------------------------------


def test_faults(server):
    data = os.urandom(100000)
    server.put("f", data)
    server.faults({"op": "read", "skip": 1, "count": 1, "status": 503, "retry_after_s": 3})
    assert [server.read("f").status for _ in range(3)] == [200, 503, 200]
    server.faults({"op": "insert", "after_status": 503, "count": 1})
    server.put("committed", b"x", status=503)
    assert server.read("committed").body == b"x"
    server.faults({"op": "read", "corrupt_at": 7})
    got = server.read("f").body
    assert got != data and got[:6] == data[:6] and got[7:] == data[7:]
    server.faults({"op": "read", "latency_ms": 30}, {"op": "read", "bytes_per_s": 10_000_000})
    assert server.read("f").body == data
    for rule in ({"op": "read", "cut_after": 1000}, {"op": "read", "cut": 1}):
        server.faults(rule)
        with pytest.raises(Exception):
            server.read("f")
    server.faults({"op": "insert", "cut_request_after": 1000})
    with pytest.raises(Exception):
        server.put("never", data)
    assert server.json("GET", "/_onebox/faults")["rules"][0]["struck"] == 1
    assert server.ask("DELETE", "/_onebox/faults").status == 200 and server.read("never").status == 404
    assert server.ask("POST", "/_onebox/faults", '{"rules":[{"x":1}]}').status == 400


def test_match_glob(server):
    for name in ("g/a.txt", "g/b.jpg", "g/sub/c.txt", "g/sub/deep/d.txt"):
        server.ask("POST", f"{UPLOAD}?uploadType=media&name={name.replace('/', '%2F')}", b"x")

    def names(query):
        page = server.json("GET", f"/storage/v1/b/bkt/o?prefix=g/&{query}")
        return [o["name"] for o in page.get("items", [])], page.get("prefixes", [])

    assert names("matchGlob=g/*.txt")[0] == ["g/a.txt"]
    assert names("matchGlob=g/**.txt")[0] == ["g/a.txt", "g/sub/c.txt", "g/sub/deep/d.txt"]
    assert names("matchGlob=g/%7Ba,b%7D.*")[0] == ["g/a.txt", "g/b.jpg"]
    assert names("matchGlob=g/*.txt&delimiter=/") == (["g/a.txt"], [])
    assert names("matchGlob=**/&delimiter=/") == ([], ["g/sub/"])
    # Pages are counted by what matches.
    page = server.json("GET", "/storage/v1/b/bkt/o?prefix=g/&matchGlob=**.txt&maxResults=2")
    assert len(page["items"]) == 2
    page = server.json("GET", f"/storage/v1/b/bkt/o?prefix=g/&matchGlob=**.txt&pageToken={page['nextPageToken']}")
    assert [o["name"] for o in page["items"]] == ["g/sub/deep/d.txt"]
    server.json("GET", "/storage/v1/b/bkt/o?matchGlob=%7Ba", status=400)


def test_unfinished_uploads_are_forgotten():
    with Bucketd("--sync=no", "--uploads-kept-for=1s") as server:
        Session(server, "begun").send(0, bytes(CHUNK))
        parts = server.ask("POST", "/bkt/parts?uploads").text
        upload = re.search("<UploadId>(.*)</UploadId>", parts)[1]
        server.ask("PUT", f"/bkt/parts?partNumber=1&uploadId={upload}", bytes(300000))
        until(lambda: server.ask("GET", f"/bkt/parts?uploadId={upload}").status == 404, "the parts to be forgotten")
        until(lambda: not [f for f in Path(server.root).rglob("*") if f.is_file() and f.stat().st_size in (CHUNK, 300000)],
              "their files to go")
