"""`python -m prehep`: the command line without an installed script."""

from prehep.cli import app

if __name__ == "__main__":
    app(prog_name="prehep")
