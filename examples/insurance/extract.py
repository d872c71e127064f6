"""Makes up policies and claims, the same ones each time: drivers that are young or of the north have more of them."""

import os
import random
import sys

from warehouse import connect

REGIONS = {"north": 1.4, "south": 1.0, "west": 0.8}


def portfolio():
    dice = random.Random(7)
    for i in range(int(os.environ["POLICIES"])):
        region, age = dice.choice(list(REGIONS)), dice.randint(18, 80)
        exposure = round(dice.uniform(0.2, 1), 2)
        often = 0.25 * REGIONS[region] * (1.9 if age < 25 else 1.0 if age < 60 else 0.7) * exposure
        yield (i, region, age, exposure), [round(dice.gammavariate(2, 900), 2) for _ in range(5) if dice.random() < often / 5]


def main(what):
    db = connect()
    with db:
        if what == "policies":
            db.execute("DROP TABLE IF EXISTS policies")
            db.execute("CREATE TABLE policies (id INTEGER PRIMARY KEY, region TEXT, age INTEGER, exposure REAL)")
            db.executemany("INSERT INTO policies VALUES (?, ?, ?, ?)", (p for p, _ in portfolio()))
        else:
            db.execute("DROP TABLE IF EXISTS claims")
            db.execute("CREATE TABLE claims (id INTEGER PRIMARY KEY, policy INTEGER, paid REAL)")
            db.executemany("INSERT INTO claims (policy, paid) VALUES (?, ?)", ((p[0], c) for p, claims in portfolio() for c in claims))
    print(db.execute(f"SELECT COUNT(*) FROM {what}").fetchone()[0], what)


if __name__ == "__main__":
    main(sys.argv[1])
