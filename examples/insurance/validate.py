"""The newest tariff on every single policy: it must expect about what was paid."""

import json
import os
import sys

from tracking import call, get
from warehouse import rows


def main():
    newest = max(get("model-versions/search", filter="name='insurance_tariff'")["model_versions"], key=lambda v: int(v["version"]))
    tariff = call("GET", "/get-artifact", query={"run_uuid": newest["run_id"], "path": "model/tariff.json"})
    policies = rows("SELECT * FROM enriched")
    expected = sum(p["exposure"] * tariff["base"] * tariff["region"][p["region"]] * tariff["age_band"][p["age_band"]] for p in policies)
    error = abs(expected / sum(p["paid"] for p in policies) - 1)
    print(json.dumps({"version": newest["version"], "error": error}))
    if error > float(os.environ["MAX_ERROR"]):
        sys.exit(f"the tariff is {error:.0%} off, more than MAX_ERROR")


if __name__ == "__main__":
    main()
