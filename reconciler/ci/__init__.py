"""`reconciler ci`: a plan on a pull request, an apply on merge, drift on a schedule, on any build machine.

    course.py     one run from its inputs to its ending
    inputs.py     what the workflow asked for                   pure
    events.py     why the machine runs                          pure
    bases.py      which commit a plan is compared with          pure
    review.py     what was reviewed, against the plan of now    pure
    life.py       what becomes of a comment and of an issue     pure
    ending.py     result, reason, outputs, exit code            pure
    checkout.py   git: the commits that a shallow clone lacks
    talk.py       GitHub: the comment and the issue
    desk.py       the log, the summary, the outputs, files

A module imports only from those below it. Knows every room but the command line's; knows no rule about subscriptions.
"""

from .course import refuse, run

__all__ = ["refuse", "run"]
