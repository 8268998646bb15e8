"""YAML text -> raw documents with their origin. Reads files; the only room that knows YAML.

Files are hostile until they are read: nothing in them is run, every size has a limit, links are followed only inside
the tree, and a problem never stops the search for the next one. Scalars are YAML 1.2's (`no`, `10:30` and dates are
text). Has no opinion on what a valid spec is, knows no kind but the config it walks past, and no server.
"""

from .files import Files, Folder, Sort
from .places import Locator, locate
from .reading import API_GROUP, CONFIG_KIND, Document, Tree, contents, parse, read

__all__ = [
    "API_GROUP", "CONFIG_KIND", "Document", "Files", "Folder", "Locator", "Sort", "Tree", "contents", "locate", "parse",
    "read",
]  # fmt: skip
