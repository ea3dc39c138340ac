"""The command line; `cli` says what there is."""

from e2e.cluster.cli import app

if __name__ == "__main__":
    app(prog_name="python -m e2e.cluster")
