"""Google's own client library against onebox-bucketd, unmodified."""

import io
import os

import pytest
from bucketd_test import Bucketd
from google.api_core import exceptions
from google.cloud.storage import transfer_manager


@pytest.fixture(scope="module")
def server():
    with Bucketd() as daemon:
        yield daemon


@pytest.fixture(scope="module")
def bucket(server):
    return server.client().bucket("bkt")


def test_buckets(server):
    client = server.client()
    made = client.create_bucket("made")
    assert "made" in [b.name for b in client.list_buckets()]
    with pytest.raises(exceptions.Conflict):
        client.create_bucket("made")
    made.labels = {"a": "b"}
    made.patch()
    assert client.get_bucket("made").labels == {"a": "b"}
    made.blob("x").upload_from_string("x")
    with pytest.raises(exceptions.Conflict):
        made.delete()
    made.delete(force=True)
    assert client.lookup_bucket("made") is None


@pytest.mark.parametrize("size", [0, 5, 3 * 1024 * 1024 + 17, 9 * 1024 * 1024])
@pytest.mark.parametrize("chunk", [None, 1024 * 1024])
@pytest.mark.parametrize("checksum", ["auto", "md5", "crc32c"])
def test_upload_download(bucket, size, chunk, checksum):
    data = os.urandom(size)
    blob = bucket.blob("dir/ü name", chunk_size=chunk)
    blob.metadata = {"k": "v"}
    blob.upload_from_file(io.BytesIO(data), size=size, checksum=checksum, content_type="text/x")
    found = bucket.get_blob("dir/ü name")
    assert found.size == size and found.metadata == {"k": "v"} and found.content_type == "text/x"
    assert found.download_as_bytes(checksum=checksum) == data
    if size > 100:
        assert found.download_as_bytes(start=10, end=99) == data[10:100]
        assert bucket.blob("dir/ü name", chunk_size=1024 * 1024).download_as_bytes() == data


def test_writing_as_a_file(bucket):
    with bucket.blob("file").open("wb", chunk_size=256 * 1024) as f:
        for i in range(300):
            f.write(b"%04d" % i * 1000)
    with bucket.blob("file").open("rb") as f:
        assert f.read(8) == b"00000000"
        f.seek(4000 * 299)
        assert f.read() == b"0299" * 1000


def test_conditions(bucket):
    blob = bucket.blob("cond")
    blob.upload_from_string("1", if_generation_match=0)
    with pytest.raises(exceptions.PreconditionFailed):
        blob.upload_from_string("2", if_generation_match=0)
    with pytest.raises(exceptions.NotFound):
        bucket.blob("none").reload()
    blob.upload_from_string("2", if_generation_match=blob.generation)
    assert bucket.blob("cond").download_as_text(if_generation_match=blob.generation) == "2"
    with pytest.raises(exceptions.PreconditionFailed):
        blob.delete(if_generation_match=1)
    blob.delete(if_generation_match=blob.generation)
    assert not blob.exists()


def test_copies(bucket):
    a, b = bucket.blob("a"), bucket.blob("b")
    a.upload_from_string("aaa")
    b.upload_from_string("bbb")
    whole = bucket.blob("ab")
    whole.compose([a, b], if_generation_match=0)
    assert whole.download_as_text() == "aaabbb" and whole.component_count == 2
    assert bucket.copy_blob(whole, bucket, "copy").download_as_text() == "aaabbb"
    assert bucket.blob("rewritten").rewrite(whole) == (None, 6, 6)
    assert bucket.rename_blob(whole, "renamed").download_as_text() == "aaabbb" and not whole.exists()
    assert bucket.move_blob(bucket.blob("renamed"), "moved").download_as_text() == "aaabbb"
    a.update_storage_class("NEARLINE")
    assert bucket.get_blob("a").storage_class == "NEARLINE"


def test_lists(server, bucket):
    for i in range(25):
        bucket.blob(f"many/{i:03d}/x").upload_from_string("")
    folded = server.client().list_blobs("bkt", prefix="many/", delimiter="/", page_size=7)
    assert list(folded) == [] and sorted(folded.prefixes) == [f"many/{i:03d}/" for i in range(25)]
    named = [b.name for b in server.client().list_blobs("bkt", prefix="many/", page_size=4, fields="items(name),nextPageToken")]
    assert named == [f"many/{i:03d}/x" for i in range(25)]


def test_retry_after_a_lost_answer(server, bucket):
    """The library's own retry of a conditional write whose answer never came."""
    blob = bucket.blob("lost")
    server.faults({"op": "insert", "after_status": 503, "count": 1})
    with pytest.raises(exceptions.PreconditionFailed):
        blob.upload_from_string("x", if_generation_match=0)
    server.faults({"op": "chunk", "status": 503, "count": 2})
    blob = bucket.blob("chunks", chunk_size=256 * 1024)
    blob.upload_from_file(io.BytesIO(b"z" * 1000000), size=1000000, if_generation_match=0)
    assert server.ask("DELETE", "/_onebox/faults").status == 200
    assert bucket.blob("lost").download_as_text() == "x" and bucket.blob("chunks").download_as_bytes() == b"z" * 1000000


def test_transfer_manager(bucket, tmp_path):
    data = os.urandom(5 * 1024 * 1024)
    bucket.blob("sliced").upload_from_string(data)
    transfer_manager.download_chunks_concurrently(bucket.blob("sliced"), str(tmp_path / "out"), chunk_size=1024 * 1024,
                                                  worker_type=transfer_manager.THREAD)
    assert (tmp_path / "out").read_bytes() == data


def test_transfer_manager_in_parts(bucket, tmp_path):
    """Uploads by the XML API, several parts at a time; many objects at a time."""
    data = os.urandom(12 * 1024 * 1024 + 3)
    (tmp_path / "in").write_bytes(data)
    transfer_manager.upload_chunks_concurrently(str(tmp_path / "in"), bucket.blob("parts"), chunk_size=5 * 1024 * 1024,
                                                max_workers=3, worker_type=transfer_manager.THREAD)
    assert bucket.blob("parts").download_as_bytes() == data
    pairs = [(io.BytesIO(b"%d" % i), bucket.blob(f"many/{i}")) for i in range(20)]
    assert transfer_manager.upload_many(pairs, worker_type=transfer_manager.THREAD) == [None] * 20
    assert bucket.blob("many/19").download_as_bytes() == b"19"
