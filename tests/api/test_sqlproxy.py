"""The Cloud SQL proxy against a make-believe cloud: every check of sqlproxy_conformance.py, all run side by side once.
With ONEBOX_PEER_SQLPROXY, Google's cloud-sql-proxy goes over the same checks."""

import os

import pytest

import sqlproxy_box
import sqlproxy_conformance

PEER = os.environ.get("ONEBOX_PEER_SQLPROXY")
PROGRAM = sqlproxy_conformance.ours()


@pytest.fixture(scope="module")
def results():
    return {r.title: r for r in sqlproxy_box.run_all(PROGRAM, sqlproxy_box.CHECKS, workers=16)}


@pytest.fixture(scope="module")
def peer_results():
    chosen = [c for c in sqlproxy_box.CHECKS if not c.ours]
    return {r.title: r for r in sqlproxy_box.run_all(PEER, chosen, workers=16)}


def judge(result):
    if result.outcome == "skipped":
        pytest.skip(result.why)
    assert result.outcome == "passed", result.why


@pytest.mark.parametrize("title", [c.title for c in sqlproxy_box.CHECKS])
def test_ours(results, title):
    judge(results[title])


@pytest.mark.skipif(not PEER, reason="ONEBOX_PEER_SQLPROXY names no cloud-sql-proxy")
@pytest.mark.parametrize("title", [c.title for c in sqlproxy_box.CHECKS if not c.ours] if PEER else ["all checks"])
def test_googles(peer_results, title):
    if title in sqlproxy_conformance.DEFECTS:
        assert peer_results[title].outcome == "failed", "a known defect is gone: take it off the list"
    else:
        judge(peer_results[title])
