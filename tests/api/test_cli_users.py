"""The command `onebox`: users that come from MLflow's basic-auth app, and the audit logs."""
import hashlib
import json
import os
import sqlite3

from test_cli import place  # noqa: F401


def test_audit(place):
    log = place.state + "/auth/audit-tracking.log"
    os.makedirs(place.state + "/auth", exist_ok=True)
    deeds = [{"at": f"2026-01-02T03:04:{i:02}.000000Z", "user": "ann" if i % 2 else "bob", "how": "password", "action": f"POST /runs/{'delete' if i < 5 else 'restore'}",
              "object": f"run_id=r{i}", "result": "403" if i == 4 else "200"} for i in range(10)]
    with open(log + ".2", "w") as old, open(log, "w") as new:
        old.writelines(json.dumps(d) + "\n" for d in deeds[:3])
        new.writelines(json.dumps(d) + "\n" for d in deeds[3:])
        new.write('{"at": "2026-01-02T03')
    assert place.json("audit", "-a", "/runs/") == deeds
    assert place.json("audit", "-a", "/runs/", "-n", "2") == deeds[-2:]
    assert place.json("audit", "-u", "bob", "-a", "delete") == deeds[0:5:2]
    assert place.json("audit", "-o", "r7") == [deeds[7]]
    assert place.json("audit", "-a", "/runs/", "-r") == [deeds[4]]
    assert place.json("audit", "-a", "/runs/", "--since", "1h") == []
    assert place.json("audit", "-a", "/runs/", "--before", "1h") == deeds
    words = place.good("audit", "-o", "r7")
    assert "ann" in words and "POST /runs/restore" in words and "run_id=r7" in words, words
    assert "nothing in the audit logs matches" in place.good("audit", "-u", "nobody")
    place.good("user", "add", "carl", "--no-password")
    place.good("user", "remove", "carl")
    assert [d["action"] for d in place.json("audit", "-o", "carl")] == ["user add", "user remove"]
    assert "at most" in place.bad("audit", "-n", "100001")
    os.remove(log), os.remove(log + ".2")


def test_users_of_basic_auth_keep_their_passwords(place, tmp_path):
    """A database as MLflow's basic-auth app makes it, with werkzeug's hashes."""
    def digest(name, salt, password):
        return f"{name}${salt}$" + (hashlib.scrypt(password, salt=salt.encode(), n=1024, r=8, p=1) if name.startswith("scrypt") else
                                    hashlib.pbkdf2_hmac("sha256", password, salt.encode(), 1000)).hex()

    app = tmp_path / "basic_auth.db"
    with sqlite3.connect(app) as db:
        db.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, username VARCHAR(255) UNIQUE, password_hash VARCHAR(255), is_admin BOOLEAN)")
        db.executemany("INSERT INTO users(username, password_hash, is_admin) VALUES (?, ?, ?)", [
            ("boss", digest("scrypt:1024:8:1", "salt", b"correct horse"), 1), ("dora", digest("pbkdf2:sha256:1000", "pepper", b"battery staple"), 0),
            ("eve", "plain words", 0), ("fay", None, None)])
    place.good("user", "add", "dora", "--no-password")
    words = place.bad("user", "import", str(app))
    assert "eve is left out" in words and "fay is left out" in words and "2 users could not be taken over" in words, words
    assert [(u["name"], u["role"], u["has_password"]) for u in place.json("user", "list")] == [("boss", "admin", True), ("dora", "user", False)]
    place.good("user", "remove", "dora")
    with sqlite3.connect(app) as db:
        db.execute("DELETE FROM users WHERE username IN ('eve', 'fay')")
    assert place.json("user", "import", str(app)) == {"added": 1, "present": 1, "left_out": 0}
    assert "no such" in place.bad("user", "import", str(tmp_path / "none.db")).lower()
    (tmp_path / "other.db").write_bytes(b"")
    assert "basic-auth" in place.bad("user", "import", str(tmp_path / "other.db"))
    for name in ("boss", "dora"):
        place.good("user", "remove", name)
