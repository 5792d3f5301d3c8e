"""`python -m regraft.flows.cli` is `regraft`."""

from regraft.flows.cli import app

if __name__ == "__main__":
    app(prog_name="regraft")
