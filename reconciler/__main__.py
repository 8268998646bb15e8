"""`python -m reconciler`: the same as the console command."""

from .entry import program

if __name__ == "__main__":
    program()
