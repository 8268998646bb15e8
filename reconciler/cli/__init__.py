"""The command line: parse, call one function of the pipeline, print one report, exit.

Knows options, environment variables, terminals and exit codes; knows no rule about subscriptions.
"""

from .main import main

__all__ = ["main"]
