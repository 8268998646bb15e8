"""YAML text -> raw documents with their origin. Reads files; the only room that knows YAML.

Files are hostile until they are read: nothing in them is run, every size has a limit, links are followed only inside
the tree, and a problem never stops the search for the next one. Scalars are YAML 1.2's (`no`, `10:30` and dates are
text). Has no opinion on what a valid spec is, knows no kind but the config it walks past, and no server.
"""

from .files import Edited, Files, Folder, Sort
from .places import Locator, locate, split
from .reading import API_GROUP, CONFIG_KIND, Document, Tree, contents, parse, read
from .writing import text_of

__all__ = [
    "API_GROUP", "CONFIG_KIND", "Document", "Edited", "Files", "Folder", "Locator", "Sort", "Tree", "contents",
    "locate", "parse", "read", "split", "text_of",
]  # fmt: skip
