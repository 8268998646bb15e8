"""GitOps for PostHog subscriptions: what is wanted stands in git, `plan` shows the difference, `apply` closes it.

The flow is one page, `pipeline`; the nouns are in `model`; every other room says at its top what it is and what it does
not know. This module knows the version and nothing else.
"""

__version__ = "0.1.0"
