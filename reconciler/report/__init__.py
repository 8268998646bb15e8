"""What people and machines read: plans, results and problems as text, JSON, Markdown and GitHub annotations. Pure.

Decides nothing: no exit code, no colour, no address is shown here that the Viewer was not granted by the caller.
"""

from __future__ import annotations

from . import documents, github, markdown, text
from .view import Viewer

__all__ = ["Viewer", "documents", "github", "markdown", "text"]
