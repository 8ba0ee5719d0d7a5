"""The rights of the hub's account, and the documents that list them."""

import re
from pathlib import Path

import yaml

from rosetta_hub.resources.kubernetes.rights import RIGHTS, build_role

DOCUMENT = (Path(__file__).parents[2] / "docs" / "kubernetes.md").read_text()


def test_the_role_of_the_documentation_grants_each_right() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)
    roles = [block for block in map(yaml.safe_load, blocks) if block["kind"] == "Role"]
    assert roles == [build_role(RIGHTS, "rosetta")]


def test_the_documentation_says_what_each_right_is_for() -> None:
    rows = [
        f"| `{right.full_name}`: {', '.join(right.verbs)}{'' if right.required else ' (optional)'}"
        f" | {right.why} |"
        for right in RIGHTS
    ]
    start = DOCUMENT.index("| right | what for |")
    table = DOCUMENT[start:].partition("\n\n")[0].splitlines()
    assert table[2:] == rows


def test_no_right_is_listed_twice() -> None:
    names = [(right.group, right.name) for right in RIGHTS]
    assert len(names) == len(set(names))


def test_nothing_of_others_can_be_read_or_changed() -> None:
    verbs = {verb for right in RIGHTS if right.resource == "secrets" for verb in right.verbs}
    assert verbs == {"create"}
    assert not {"update", "patch", "*"} & {verb for right in RIGHTS for verb in right.verbs}
