"""Trains one parameter set of the grid; C and L1_RATIO come from the environment."""

import os
from io import StringIO

import mlflow
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split

from lineage import finished_runs, start_run

FEATURES = ["petal_width"]


def read_data():
    source = finished_runs("fetch", ["attributes.start_time DESC"])[0]
    return pd.read_csv(StringIO(mlflow.artifacts.load_text(f"{source.info.artifact_uri}/iris.csv")))


def main():
    c, l1_ratio = float(os.environ.get("C", "1")), float(os.environ.get("L1_RATIO", "0"))
    frame = read_data()
    train, test = train_test_split(
        frame, test_size=0.3, random_state=7, stratify=frame["target"]
    )

    print(f"{len(train)} rows to learn from, {len(test)} to test with")
    mlflow.sklearn.autolog(log_datasets=False, silent=True)
    with start_run("train", f"C={c:g} l1_ratio={l1_ratio:g}"):
        model = LogisticRegression(
            C=c, l1_ratio=l1_ratio, solver="saga", max_iter=5000, random_state=7
        )
        model.fit(train[FEATURES], train["target"])
        odds = model.predict_proba(test[FEATURES])
        scores = {
            "accuracy": accuracy_score(test["target"], odds.argmax(axis=1)),
            "log_loss": log_loss(test["target"], odds),
        }
        mlflow.log_metrics(scores)
    print(f"C={c:g} l1_ratio={l1_ratio:g}", *(f"{k}={v:.4f}" for k, v in scores.items()))


if __name__ == "__main__":
    main()
