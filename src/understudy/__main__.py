"""`python -m understudy` is the command."""

from understudy.cli.main import run

if __name__ == "__main__":
    run()
