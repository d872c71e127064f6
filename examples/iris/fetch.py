"""Reads the iris data set (it comes with scikit-learn) and files it with the pipeline run."""

import mlflow
from sklearn.datasets import load_iris

from lineage import start_run


def main():
    frame = load_iris(as_frame=True).frame
    frame["target"] = frame["target"].astype(float)
    frame.columns = [name.removesuffix(" (cm)").replace(" ", "_") for name in frame.columns]
    with start_run("fetch", "fetch"):
        data = mlflow.data.from_pandas(frame, name="iris", targets="target")
        mlflow.log_input(data, context="raw")
        mlflow.log_metric("rows", len(frame))
        mlflow.log_text(frame.to_csv(index=False), "iris.csv")
    print(f"{len(frame)} rows, {len(frame.columns)} columns")


if __name__ == "__main__":
    main()
