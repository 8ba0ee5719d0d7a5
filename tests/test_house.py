"""Guards: rules of this project that a machine can check."""

import ast
import configparser
import functools
import importlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from traitlets import TraitType

import rosetta_client
import rosetta_hub
from rosetta_hub.config import Rosetta
from tests.support.syntax import nodes

ROOT = Path(__file__).parents[1]

# Package name -> its folder, as setup.cfg has it.
SOURCES = {
    "rosetta_hub": ROOT / "rosetta_hub",
    "rosetta_spawners": ROOT / "spawners" / "rosetta_spawners",
    "rosetta_agent": ROOT / "agent" / "rosetta_agent",
    "rosetta_templates": ROOT / "templates",
}
# It is a distribution of its own (client/pyproject.toml): users install it without a hub.
CLIENT = {"rosetta_client": ROOT / "client" / "rosetta_client"}


def read_setup() -> configparser.ConfigParser:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    return setup


def read_client_setup() -> dict[str, Any]:
    return tomllib.loads((ROOT / "client" / "pyproject.toml").read_text())


def tracked_files() -> list[Path]:
    """The files of the project: those that git knows, and new ones that it does not ignore."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    process = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    paths = [ROOT / name for name in process.stdout.split("\0") if name]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def modules() -> dict[str, Path]:
    """Every module of ours by its full name."""
    paths = {}
    for package, folder in (SOURCES | CLIENT).items():
        for path in folder.rglob("*.py"):
            parts = path.relative_to(folder).with_suffix("").parts
            name = ".".join((package, *parts)).removesuffix(".__init__")
            paths[name] = path
    return paths


MODULES = modules()


@functools.cache
def syntax_tree(name: str) -> ast.Module:
    """A module of ours, parsed once."""
    return ast.parse(MODULES[name].read_text())


@functools.cache
def syntax(name: str) -> tuple[ast.AST, ...]:
    """The nodes of a module of ours that the guards look at."""
    kinds = (ast.Import, ast.ImportFrom, ast.Call, ast.Assert)
    return tuple(node for node in nodes(syntax_tree(name)) if isinstance(node, kinds))


def modules_with(words: str) -> list[str]:
    """Those in whose text a regular expression is found: they alone have to be parsed."""
    return [name for name, path in MODULES.items() if re.search(words, path.read_text())]


@functools.cache
def imports_of(name: str) -> tuple[str, ...]:
    """The full names of all that a module imports, wherever in it."""
    return tuple(_read_imports(name, syntax(name)))


@functools.cache
def imports_at_run_time(name: str) -> tuple[str, ...]:
    """The modules of ours that a module imports, without what only type checkers read."""
    imports = _read_imports(name, nodes(syntax_tree(name), _is_for_types))
    return tuple(module for module in imports if module in MODULES and module != name)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _read_imports(name: str, tree_nodes: Iterable[ast.AST]) -> Iterator[str]:
    package = name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]
    for node in tree_nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1])
            module = ".".join(filter(None, (base, node.module))) if node.level else node.module
            yield str(module)
            # `from package import module` imports a module, too.
            names = (f"{module}.{alias.name}" for alias in node.names)
            yield from (full_name for full_name in names if full_name in MODULES)


def is_within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


# --- who may import whom -------------------------------------------------------------------------


def test_agent_imports_the_standard_library_only() -> None:
    allowed = (*sys.stdlib_module_names, "rosetta_agent")
    wrong = [
        (module, name)
        for module in MODULES
        if is_within(module, ("rosetta_agent",))
        for name in imports_of(module)
        if not is_within(name, allowed)
    ]
    assert wrong == []


def test_only_the_ssh_module_imports_asyncssh() -> None:
    users = [
        module
        for module in modules_with("asyncssh")
        if any(is_within(n, ("asyncssh",)) for n in imports_of(module))
    ]
    assert [user for user in users if not is_within(user, ("rosetta_hub.ssh",))] == []


# What both sides have to know stands there once.
PROTOCOLS = ("rosetta_agent.protocol", "rosetta_agent.files.frames")


@pytest.mark.parametrize(
    "module", ["rosetta_hub.tunnels.server", "rosetta_hub.files.remote.program"]
)
def test_programs_beside_the_service_start_without_the_hub(module: str) -> None:
    """JupyterHub takes two seconds to import, which each opened storage would wait for."""
    code = f"import sys, {module}; print(*sys.modules)"
    command = [sys.executable, "-I", "-c", code]
    process = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert not {"jupyterhub", "sqlalchemy", "batchspawner"} & set(process.stdout.split())


def test_the_hub_imports_of_the_agent_its_protocols_alone() -> None:
    """The rest of the agent is only shipped; the files program of stores is made of its parts."""
    wrong = [
        (module, name)
        for module in MODULES
        if is_within(module, ("rosetta_hub", "rosetta_spawners"))
        and not is_within(module, ("rosetta_hub.files.remote",))
        for name in imports_of(module)
        if is_within(name, ("rosetta_agent",))
        and not is_within(name, PROTOCOLS)
        # `from rosetta_agent import protocol` imports the package, too.
        and not (name == "rosetta_agent" and "rosetta_agent.protocol" in imports_of(module))
    ]
    assert wrong == []


# Importer -> what of ours it must not import, besides packages above it.
FORBIDDEN = {
    "rosetta_hub": ("rosetta_spawners",),
    "rosetta_hub.errors": ("rosetta_hub",),
    "rosetta_hub.access": ("rosetta_hub",),
    "rosetta_hub.targets": ("rosetta_hub",),
    "rosetta_hub.keys": ("rosetta_hub.database", "rosetta_hub.catalogue", "rosetta_agent"),
    "rosetta_hub.catalogue": ("rosetta_hub.config",),
    # Decisions about rows: whoever calls them knows the configuration.
    "rosetta_hub.lifetimes": ("rosetta_hub.config",),
    "rosetta_hub.software": ("rosetta_hub.config", "rosetta_hub.resources", "rosetta_hub.tasks"),
    "rosetta_hub.copies": ("rosetta_hub.resources",),
    "rosetta_hub.jobs": ("rosetta_hub.resources", "rosetta_hub.tasks"),
    # Connections carry whatever they are told to.
    "rosetta_hub.edge": ("rosetta_hub.config", "rosetta_hub.database", "rosetta_agent"),
    "rosetta_hub.tunnels": ("rosetta_hub.config", "rosetta_hub.database", "rosetta_hub.edge"),
    "rosetta_hub.ssh": ("rosetta_hub.config", "rosetta_hub.database", "rosetta_agent"),
    "rosetta_spawners": (
        *("rosetta_hub.service", "rosetta_hub.web", "rosetta_hub.periodic"),
        *("rosetta_hub.reconciler", "rosetta_hub.ingress", "rosetta_hub.resources"),
        *("rosetta_hub.tasks", "rosetta_hub.database", "rosetta_hub.edge", "rosetta_agent"),
    ),
    "rosetta_client": ("rosetta_hub", "rosetta_spawners", "rosetta_agent"),
}


@pytest.mark.parametrize("importer", FORBIDDEN)
def test_layers(importer: str) -> None:
    wrong = [
        (module, name)
        for module in MODULES
        if is_within(module, (importer,))
        for name in imports_of(module)
        if is_within(name, FORBIDDEN[importer]) and not is_within(name, (importer,))
    ]
    assert wrong == []


def test_layers_are_spelled_right() -> None:
    assert set(FORBIDDEN) <= set(MODULES)
    assert {name for names in FORBIDDEN.values() for name in names} <= set(MODULES)


def find_cycle(imports: Mapping[str, Iterable[str]]) -> list[str]:
    """Names each of which imports the next one, the last one the first; empty where none do."""
    finished: set[str] = set()

    def follow(name: str, path: list[str]) -> list[str]:
        if name in path:
            return path[path.index(name) :]
        if name in finished:
            return []
        cycles = (follow(imported, [*path, name]) for imported in sorted(imports.get(name, ())))
        cycle = next(filter(None, cycles), [])
        finished.add(name)
        return cycle

    return next(filter(None, (follow(name, []) for name in sorted(imports))), [])


def test_cycles_are_found() -> None:
    assert find_cycle({"a": ["b"], "b": ["c"], "c": ["b"]}) == ["b", "c"]
    assert find_cycle({"a": ["b", "c"], "b": ["c"], "c": []}) == []


def test_modules_do_not_import_each_other() -> None:
    """Not even in functions, where Python would bear it. Types of the whole a part may name."""
    imports = {name: imports_at_run_time(name) for name in MODULES}
    # A package's own file gathers what its modules offer.
    named = {name for name, path in MODULES.items() if path.name != "__init__.py"}
    imports = {name: tuple(named & set(imports[name])) for name in named}
    assert find_cycle(imports) == []


def modules_of_the_configuration() -> set[str]:
    """`config.py` and all that it imports: the settings of packages stand below all packages."""
    names, new = set(), {"rosetta_hub.config"}
    while new:
        names |= new
        new = {imported for name in new for imported in imports_at_run_time(name)} - names
    return names


def part_of(module: str) -> str:
    """The package directly below `rosetta_hub`, or the module that stands there by itself."""
    return ".".join(module.split(".")[:2])


def imports_of_parts() -> dict[str, set[str]]:
    """What the parts of `rosetta_hub` import of each other, the configuration left out."""
    configuration = modules_of_the_configuration()
    imports: dict[str, set[str]] = {}
    for module in MODULES:
        if module.startswith("rosetta_hub.") and module not in configuration:
            needed = set(imports_at_run_time(module)) - configuration - {"rosetta_hub"}
            parts = {
                part_of(needed_module)
                for needed_module in needed
                if needed_module.startswith("rosetta_hub.")
            }
            imports.setdefault(part_of(module), set()).update(parts - {part_of(module)})
    return imports


def test_parts_do_not_import_each_other() -> None:
    """Whoever reads a package needs those below it, and none that needs it in turn."""
    assert find_cycle(imports_of_parts()) == []


def test_packages_import_those_below_them_in_the_architecture() -> None:
    table = (ROOT / "docs" / "architecture.md").read_text().partition("\n## Packages")[2]
    rows = re.findall(r"^\| (`rosetta_hub\..*?) \|", table.partition("\n## ")[0], re.MULTILINE)
    order = [name for row in rows for name in re.findall(r"rosetta_hub\.\w+", row)]
    wrong = [
        f"{part} imports {needed}, which stands above it"
        for part, parts in imports_of_parts().items()
        for needed in parts
        if part in order and needed in order and order.index(needed) < order.index(part)
    ]
    assert len(order) > 25
    assert wrong == []


@pytest.mark.parametrize(
    "packages", [("rosetta_hub", "rosetta_spawners"), ("rosetta_agent",), ("rosetta_client",)]
)
def test_a_class_name_means_one_thing(packages: tuple[str, ...]) -> None:
    """In what runs together; the agent and the client have names of their own for the same."""
    modules: dict[str, list[str]] = {}
    for module in MODULES:
        # Models of requests and answers have the names of the API.
        if is_within(module, packages) and not is_within(module, ("rosetta_client.models",)):
            for node in syntax_tree(module).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    modules.setdefault(node.name, []).append(module)
    assert {name: users for name, users in modules.items() if len(users) > 1} == {}


# --- packaging -----------------------------------------------------------------------------------


def test_every_package_is_in_setup_cfg() -> None:
    listed = read_setup()["options"]["packages"].split()
    packages = {
        name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0] for name in MODULES
    }
    assert sorted([*listed, *read_client_setup()["tool"]["setuptools"]["packages"]]) == sorted(
        packages
    )


def test_every_requirement_has_a_lower_bound() -> None:
    """`scripts/test lowest` installs just these versions."""
    required = read_setup()["options"]["install_requires"].split()
    for requirement in (*required, *read_client_setup()["project"]["dependencies"]):
        assert re.fullmatch(r"[a-z0-9-]+>=[0-9.]+", requirement), requirement


def test_hub_and_client_have_one_version() -> None:
    setup = read_setup()
    version = setup["metadata"]["version"]
    assert read_client_setup()["project"]["version"] == version
    assert setup["options.extras_require"]["client"].split() == [f"rosetta-hub-client=={version}"]
    assert (rosetta_hub.__version__, rosetta_client.__version__) == (version, version)


def test_mypy_reads_every_folder() -> None:
    files = [ROOT / name.strip() for name in read_setup()["mypy"]["files"].split(",")]
    # What runs in a container or as a configuration file is no module of ours.
    python = [path for path in tracked_files() if path.suffix == ".py" and path.parent != ROOT]
    unread = [
        str(path)
        for path in python
        if not any(path.is_relative_to(folder) for folder in (*files, ROOT / "docker"))
    ]
    assert unread == []


def test_every_entry_point_loads() -> None:
    setup = read_setup()["options.entry_points"]
    for group, lines in setup.items():
        names = [line.partition("=")[0].strip() for line in lines.split("\n") if line]
        installed = {point.name: point for point in entry_points(group=group)}
        for name in names:
            assert callable(installed[name].load())


# --- configuration -------------------------------------------------------------------------------


def options() -> dict[str, TraitType[object, object]]:
    return Rosetta.class_traits(config=True)


def test_every_option_has_help_in_sentences() -> None:
    texts = {name: " ".join(str(option.help).split()) for name, option in options().items()}
    wrong = {name: text for name, text in texts.items() if not re.match(r"[A-Z`].*[.]$", text)}
    assert wrong == {}


# --- safety --------------------------------------------------------------------------------------


SHELL_CALLS = frozenset(
    ("os.system", "os.popen", "subprocess.getoutput", "asyncio.create_subprocess_shell")
)


def uses_shell(call: ast.Call) -> bool:
    has_option = any(keyword.arg == "shell" for keyword in call.keywords)
    return has_option or ast.unparse(call.func) in SHELL_CALLS


def test_no_shell_strings() -> None:
    calls = [
        f"{name}:{node.lineno}"
        for name in modules_with("shell|system|popen|getoutput")
        for node in syntax(name)
        if isinstance(node, ast.Call) and uses_shell(node)
    ]
    assert calls == []


def test_assertions_only_tell_types() -> None:
    """`python -O` leaves assertions out: nothing may depend on one."""
    tests = {
        f"{name}:{node.lineno}": ast.unparse(node.test)
        for name in modules_with("assert")
        for node in syntax(name)
        if isinstance(node, ast.Assert)
    }
    allowed = re.compile(r"isinstance\(.*\)|[\w.]+ is not None")
    assert {place: text for place, text in tests.items() if not allowed.fullmatch(text)} == {}


# Package registries are the business of the clients' own configuration. The names are broken by a
# character class, so that this file does not contain them; in lower case, which is quick to find.
REGISTRIES = re.compile(
    r"py[p]i\.org|pythonhosted\.or[g]|registry\.npmj[s]|npmj[s]\.com|yarnpk[g]\.com|conda\.anacond[a]"
    r"|/simpl[e]/?['\"\s]|--index-ur[l]|--extra-index-ur[l]"
)


def test_no_file_names_a_package_registry() -> None:
    wrong = []
    for path in tracked_files():
        text = path.read_bytes().decode(errors="replace").lower()
        wrong += [f"{path.relative_to(ROOT)}: {hit[0]}" for hit in REGISTRIES.finditer(text)]
    assert wrong == []


# Words that this project had for things which the field has terms for, and the terms. Those that
# plain English needs as well, such as "way" and "place", a machine can't tell apart.
OLD_TERMS = {
    r"companions?": "sidecar process",
    r"\w*doors?(?:_\w+)?": "ingress, task_url",
    r"way_secret|tunnel_way": "tunnel_secret, tunnel",
    r"strays?": "orphans",
    r"beats?(?:_\w+)?": "heartbeat, heartbeat_interval",
    r"troubles?|note-text": "conditions",
    r"unopenedstopper": "culling of unopened tasks",
    r"keepers?": "monitor",
    r"entrances?|posters?": "interface access, report client",
    r"nowms": "direct launcher",
    r"sentences?_\w+|\w+_sentences?": "message",
    r"tunnel_?carriers?|bonds?": "tunnel transport, trait links",
}
OLD_TERM = re.compile("|".join(OLD_TERMS), re.IGNORECASE)
WORD = re.compile(r"[\w-]+")
# The changelog is history.
WITH_OLD_TERMS = {ROOT / "CHANGELOG.md", Path(__file__)}


@functools.cache
def is_old_term(word: str) -> bool:
    return OLD_TERM.fullmatch(word) is not None


def test_the_fields_terms_are_used() -> None:
    """In code, pages and documents: a maintainer of another project reads them."""
    wrong = []
    for path in tracked_files():
        if path in WITH_OLD_TERMS or path.suffix in (".png", ".fits"):
            continue
        text = path.read_bytes().decode(errors="replace")
        wrong += [
            f"{path.relative_to(ROOT)}:{1 + text.count(chr(10), 0, hit.start())}: {hit[0]}"
            for hit in WORD.finditer(text)
            if is_old_term(hit[0])
        ]
    assert wrong == [], f"Write instead: {OLD_TERMS}"


# How a value came about, or which of several it is: not what it is. `match`, `task_ids`, `task`.
NO_NOUNS = (
    "asked|begun|bought|broken|brought|built|caught|chosen|done|drawn|each|found|"
    "given|gone|got|heard|held|kept|known|left|lost|made|meant|one|paid|said|"
    "seen|sent|shown|spoken|taken|told|tried|wanted|written"
)
NO_NOUN = re.compile(f"_?(?:{NO_NOUNS})_?")
# Other modules need not be parsed.
MAYBE_BOUND = re.compile(rf"\b{NO_NOUN.pattern}\s*(?:[=:,)\]]|in\b)")


def bound_names(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Names of variables and parameters with their lines; fields of classes may be public."""
    tree_nodes = list(nodes(tree))
    fields = {
        id(target)
        for node in tree_nodes
        if isinstance(node, ast.ClassDef)
        for statement in node.body
        for target in getattr(statement, "targets", [getattr(statement, "target", None)])
    }
    for node in tree_nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            if id(node) not in fields:
                yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs) and node.name:
            yield node.name, node.lineno


def test_locals_are_nouns() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in tracked_files()
        if path.suffix == ".py" and MAYBE_BOUND.search(text := path.read_text())
        for name, line in bound_names(ast.parse(text))
        if NO_NOUN.fullmatch(name)
    ]
    assert wrong == [], "Call it by what it holds."


def test_locals_of_javascript_keep_the_same_rule() -> None:
    """ESLint reads no Python: its list stands in its own file."""
    assert f'NO_NOUNS = "{NO_NOUNS}";' in (ROOT / "eslint.config.mjs").read_text()


def test_every_module_can_be_imported() -> None:
    for name in MODULES:
        # Of alembic's own: it runs inside of alembic only.
        if not name.endswith(".__main__") and not name.endswith("migrations.env"):
            importlib.import_module(name)
