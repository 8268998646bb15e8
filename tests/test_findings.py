"""docs/findings.md is written from the rules, says all of them, and every rule is one that some code reports.

python -m tests.test_findings       writes the page anew
"""

import ast
import re
from pathlib import Path

from reconciler.model import Severity
from reconciler.rules import RULES, Rule

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "findings.md"

HEAD = """\
# Findings

What `plan`, `apply` and `drift` report beside the changes. Every finding carries the id of its rule, in text as
`[twin]`, in JSON as `"rule": "twin"`. A **block** stops `apply` and ends `plan` with exit code 3 (`drift`: 2); a
**warning** and a **note** stop nothing. With `--only` or a PATH, what blocks a manifest outside the selection is left
out with its changes: a doubt about a row is reported for every manifest that claims it.

This page is written from `reconciler/rules.py` by `python -m tests.test_findings`.
"""

SECTIONS = {
    Severity.BLOCK: "Blocks",
    Severity.WARNING: "Warnings",
    Severity.NOTE: "Notes",
}


def page() -> str:
    """The page as it must stand in docs."""
    parts = [HEAD]
    for severity, title in SECTIONS.items():
        parts.append(f"## {title}\n")
        parts += [entry(rule) for rule in RULES.values() if rule.severity is severity]
    return "\n".join(parts)


def entry(rule: Rule) -> str:
    """What the page says of one rule."""
    return f"### {rule.id}\n\n{rule.meaning}\n\n**Way out:** {rule.way_out}\n"


def names() -> dict[str, str]:
    """The constants of rules.py, each with the id of its rule."""
    tree = ast.parse((ROOT / "reconciler" / "rules.py").read_text(encoding="utf-8"))
    return {
        target.id: ast.literal_eval(call.args[1])
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(call := node.value, ast.Call) and len(call.args) == 4
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def test_the_page_says_every_rule() -> None:
    """With its meaning and the way out, as rules.py has them."""
    assert page() == PAGE.read_text(encoding="utf-8")


def test_every_rule_has_a_constant_and_every_constant_a_rule() -> None:
    """No id is used twice, which would hide a rule behind another."""
    assert list(RULES) == list(names().values())


def test_every_rule_is_reported_somewhere() -> None:
    """A rule that no code reports would be a promise that nobody keeps."""
    modules = [path for path in (ROOT / "reconciler").rglob("*.py") if path.name != "rules.py"]
    sources = "\n".join(path.read_text(encoding="utf-8") for path in modules)

    assert [] == [name for name in names() if not re.search(rf"rules\.{name}\.(about|finding)\(", sources)]


def test_every_rule_says_a_meaning_and_a_way_out_in_sentences() -> None:
    """Somebody reads them in the middle of a pull request."""
    odd = [rule.id for rule in RULES.values() if not (rule.meaning.endswith(".") and rule.way_out.endswith("."))]

    assert [] == odd


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
