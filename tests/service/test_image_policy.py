"""The site's policy for images: asked once about each digest, and obeyed at starts."""

import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from rosetta_hub.agents.spec import software_of
from rosetta_hub.catalogue.catalogue import User, load_catalogue
from rosetta_hub.catalogue.options import TaskSpec, parse_options, resolve_options
from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_software import ImageVerdict
from rosetta_hub.errors import ConfigError, ImageRefused, ImageUnchecked
from rosetta_hub.registries.errors import RegistryUnavailable
from rosetta_hub.registries.references import Reference
from rosetta_hub.software import policy as policy_module
from rosetta_hub.software import policy_hook
from rosetta_hub.software.policy import ImagePolicy
from rosetta_hub.software.policy_hook import Verdict, ask_policy
from rosetta_hub.software.settings import ImagePolicySettings
from tests.support.catalogues import LOCAL
from tests.support.databases import open_sqlite
from tests.support.eventually import until
from tests.support.processes import is_running

from .test_api import Site
from .test_api import site as site
from .test_user_software import TEAM, add, families, put, start
from .test_user_software import grouped as grouped

ALICE = User("alice")
GOOD, BAD = (f"sha256:{letter * 64}" for letter in "ab")
CATALOGUE = load_catalogue([{"id": "app", "name": "App", "image_name": "ghcr.io/t/app"}], [LOCAL])
QUESTION = {"image": f"ghcr.io/t/app@{GOOD}", "digest": GOOD, "user": "alice", "software": "App"}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty database."""
    empty = open_sqlite(tmp_path)
    yield empty
    empty.close()


def command(code: str, **more: Any) -> ImagePolicySettings:
    """A policy that is a program."""
    return ImagePolicySettings(command=(sys.executable, "-c", f"import sys, os; {code}"), **more)


# --- what a policy may answer ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("sys.exit(0)", Verdict(True)),
        ("print('no')", Verdict(True)),
        ("print('\\n CVE-1 is in it. \\nmore'); sys.exit(1)", Verdict(False, "CVE-1 is in it.")),
        ("sys.exit(1)", Verdict(False, "The policy of this hub does not allow this image.")),
        ("os.write(1, b'\\xff' * (1 << 22)); sys.exit(1)", None),
        ("sys.exit(2)", ImageUnchecked),
        ("os.kill(os.getpid(), 9)", ImageUnchecked),
        ("raise ValueError", Verdict(False, "The policy of this hub does not allow this image.")),
        ("os.close(0); sys.exit(0)", Verdict(True)),
    ],
)
async def test_answers_of_a_command(code: str, expected: Any) -> None:
    if expected is ImageUnchecked:
        with pytest.raises(ImageUnchecked, match="could not be checked"):
            await ask_policy(command(code), QUESTION)
        return
    verdict = await ask_policy(command(code), QUESTION)
    assert verdict == expected if expected else not verdict.allowed
    assert len(verdict.message) <= policy_hook.MOST_OUTPUT


async def test_a_command_gets_the_question_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "token-of-it")
    monkeypatch.setenv("SCANNER_URL", "http://scanner")
    path = tmp_path / "said"
    code = f"open({str(path)!r}, 'w').write(sys.stdin.read() + '\\n' + repr(dict(os.environ)))"
    assert await ask_policy(command(code), QUESTION) == Verdict(True)
    text, environment = path.read_text().splitlines()
    assert json.loads(text) == QUESTION
    assert "http://scanner" in environment
    assert "token-of-it" not in environment


async def test_a_command_that_does_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    # A shell has its child before the second is over, where Python may still start.
    script = ("/bin/sh", "-c", f"sleep 600 & echo $! >{pid}; wait")
    with pytest.raises(ImageUnchecked):
        await ask_policy(ImagePolicySettings(command=script, timeout=1), QUESTION)
    await until(lambda: not is_running(int(pid.read_text())))


async def test_a_command_that_is_not_there() -> None:
    with pytest.raises(ImageUnchecked):
        await ask_policy(ImagePolicySettings(command=("/nowhere/at/all",)), QUESTION)


SITE_CODE = """
def allow(question):
    assert question["user"] == "alice"

def refuse(question):
    return f"{question['software']} is not signed.\\nmore"

def fail(question):
    raise OSError("scanner")

def err(question):
    return False
"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("allow", Verdict(True)),
        ("refuse", Verdict(False, "App is not signed.")),
        ("fail", None),
        ("err", None),
    ],
)
async def test_answers_of_a_callable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, expected: Verdict | None
) -> None:
    (tmp_path / "site_policy.py").write_text(SITE_CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    settings = ImagePolicySettings(callable=f"site_policy:{name}")
    if expected:
        assert await ask_policy(settings, QUESTION) == expected
    else:
        with pytest.raises(ImageUnchecked):
            await ask_policy(settings, QUESTION)


@pytest.mark.parametrize(
    "options",
    [
        {"command": [], "timeout": 5},
        {"command": ["x"], "callable": "a:b"},
        {"callable": "a.b"},
        {"command": ["x"], "fail": "maybe"},
        {"command": ["x"], "refuse": "critical"},
    ],
)
def test_settings_that_cannot_be(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"c\.Rosetta\.image_policy"):
        Rosetta(image_policy=options).image_policy_settings()


def test_a_callable_that_is_not_there_is_told_at_the_start(database: Database) -> None:
    for name in ("no_such_module:check", "json:no_such_function"):
        with pytest.raises(ConfigError, match=f"the callable '{name}' can't be imported"):
            make(database, Asked(), ImagePolicySettings(callable=name))


# --- when it is asked, and what follows -----------------------------------------------------------


@dataclass
class Asked:
    """A policy that refuses one digest, and the registry that says which one a tag has."""

    digest: str = GOOD
    questions: list[dict[str, str]] = field(default_factory=list)
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    error: Exception | None = None

    def __post_init__(self) -> None:
        self.answers.set()

    async def ask(self, _settings: ImagePolicySettings, question: dict[str, str]) -> Verdict:
        self.questions.append(dict(question))
        await self.answers.wait()
        if question["digest"] == BAD:
            return Verdict(False, "CVE-1 is in it.")
        return Verdict(True)

    async def find_digest(self, _user: User, _reference: Reference) -> str:
        if self.error:
            raise self.error
        return self.digest


SETTINGS = ImagePolicySettings(command=("unused",))


def make(
    database: Database, request: Asked, settings: ImagePolicySettings = SETTINGS, own: bool = True
) -> ImagePolicy:
    return ImagePolicy(settings, database, request.find_digest, lambda _: not own)


@pytest.fixture
def images(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """A policy in the place of the site's command."""
    policy = Asked()
    monkeypatch.setattr(policy_module, "ask_policy", policy.ask)
    return policy


def spec() -> TaskSpec:
    return resolve_options(parse_options({"software": "app"}), CATALOGUE, ALICE)


async def test_what_was_checked_is_what_runs(database: Database, images: Asked) -> None:
    admitted = await make(database, images).admit(spec(), ALICE)
    assert admitted.software.image == f"ghcr.io/t/app@{GOOD}"
    assert images.questions == [QUESTION]


async def test_a_digest_is_asked_about_once(database: Database, images: Asked) -> None:
    policy = make(database, images)
    images.answers.clear()
    starts = [asyncio.create_task(policy.admit(spec(), ALICE)) for _ in range(20)]
    await until(lambda: bool(images.questions))
    images.answers.set()
    await asyncio.gather(*starts)
    # A service that has started again knows it, too.
    await make(database, images).admit(spec(), User("bob"))
    assert len(images.questions) == 1
    images.digest = f"sha256:{'c' * 64}"
    await policy.admit(spec(), ALICE)
    assert len(images.questions) == 2


async def test_an_answer_counts_for_a_time(database: Database, images: Asked) -> None:
    policy = make(database, images)
    await policy.admit(spec(), ALICE)
    with database.session() as session:
        then = utc_now() - timedelta(seconds=SETTINGS.keep + 1)
        session.execute(update(ImageVerdict).values(checked=then))
    await policy.admit(spec(), ALICE)
    assert len(images.questions) == 2


async def test_a_start_does_not_wait_for_a_long_check(
    database: Database, images: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_module, "START_WAIT", 0.01)
    policy = make(database, images)
    images.answers.clear()
    with pytest.raises(ImageUnchecked, match=r"is being checked\. Try again in a minute"):
        await policy.admit(spec(), ALICE)
    images.answers.set()
    with database.session() as session:
        await until(lambda: session.scalar(select(ImageVerdict.allowed)) is not None)
    await policy.admit(spec(), ALICE)
    assert len(images.questions) == 1


@pytest.mark.parametrize("failing", ["closed", "open"])
async def test_what_could_not_be_checked(database: Database, images: Asked, failing: Any) -> None:
    settings = ImagePolicySettings(command=("unused",), fail=failing)
    images.error = RegistryUnavailable("ghcr.io does not answer.")
    policy = make(database, images, settings)
    if failing == "open":
        assert await policy.admit(spec(), ALICE) == spec()
        images.error, images.digest = None, BAD
        with pytest.raises(ImageRefused, match="CVE-1"):
            await policy.admit(spec(), ALICE)
    else:
        with pytest.raises(ImageUnchecked, match=r"could not be checked.*ghcr\.io does not answer"):
            await policy.admit(spec(), ALICE)


async def test_images_of_the_configuration(database: Database, images: Asked) -> None:
    images.digest = BAD
    policy = make(database, images, own=False)
    assert await policy.admit(spec(), ALICE) == spec()
    everything = ImagePolicySettings(command=("unused",), platform=True)
    with pytest.raises(ImageRefused):
        await make(database, images, everything, own=False).admit(spec(), ALICE)


# --- over HTTP ------------------------------------------------------------------------------------


@pytest.fixture
def guarded(grouped: Site, images: Asked) -> Site:
    """The service with that policy."""
    platform = grouped.bench.tasks.catalogue.software
    policy = grouped.image_policy
    policy._settings, policy._find_digest = SETTINGS, images.find_digest
    policy._is_platform = lambda family_id: family_id in platform
    grouped.library._find_refusals = policy.refusals
    return grouped


async def test_a_refused_image_says_so_on_its_family_and_is_not_started(
    guarded: Site, images: Asked
) -> None:
    images.digest = BAD
    version = await add(guarded, owner=TEAM)
    family_id, path = version["family"], f"api/v1/software/versions/{version['id']}"
    await until(lambda: bool(images.questions) and not guarded.image_policy._asked)
    (view,) = (await families(guarded))[family_id]["versions"]
    assert (view["refused"], view["digest"]) == ("CVE-1 is in it.", BAD)
    assert (await guarded.call("GET", path))[1]["refused"] == "CVE-1 is in it."
    status, answer = await start(guarded, family_id)
    assert (status, answer["detail"]) == (403, "CVE-1 is in it.")
    status, answer = await guarded.call("POST", "api/v1/tasks", {"software": family_id})
    assert (status, answer["detail"]) == (403, "CVE-1 is in it.")
    assert guarded.bench.tasks.all() == []
    # The tag is that of a mended image now.
    images.digest = GOOD
    status, record = await start(guarded, family_id)
    assert status == 201
    task = guarded.bench.tasks.find(record["id"])
    assert software_of(task).image == f"ghcr.io/team/app@{GOOD}"
    assert (await put(guarded, version, version["entry"]))[0] == 200
    (view,) = (await families(guarded))[family_id]["versions"]
    assert view["refused"] is None


async def test_software_of_the_configuration_is_not_asked_about(
    guarded: Site, images: Asked
) -> None:
    assert (await start(guarded, "echo"))[0] == 201
    assert images.questions == []
