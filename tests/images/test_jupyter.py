"""The notebook container."""

from __future__ import annotations

import pytest

from tests.images.conftest import Start
from tests.images.containers import ANY_UID, until

PLOT = """
import matplotlib, numpy
matplotlib.use("Agg")
from matplotlib import pyplot
pyplot.plot(numpy.arange(3))
pyplot.savefig("/tmp/plot.png")
print("plotted")
"""


@pytest.mark.parametrize("variable", ["AUTH_PASS", "JUPYTER_TOKEN"])
def test_a_password_becomes_the_token(variable: str, start: Start) -> None:
    container = start("jupyternotebook", environment={variable: "s3cret"})
    until(lambda: container.status("/api") == 200, "JupyterLab")
    assert container.status("/api/contents") == 403
    assert container.status("/api/contents", "token wrong") == 403
    assert container.status("/api/contents", "token s3cret") == 200
    assert "s3cret" not in container.execute("ps", "-A", "-o", "args=")
    assert "s3cret" not in container.logs()


def test_without_a_password_who_may_connect_is_decided_in_front_of_it(start: Start) -> None:
    container = start("jupyternotebook")
    until(lambda: container.status("/api/contents") == 200, "JupyterLab")


def test_a_kernel_plots_as_any_uid(start: Start) -> None:
    container = start("jupyternotebook", *ANY_UID)
    result = container.execute("/opt/rosetta/entrypoint", "python3", "-c", PLOT)
    assert result.endswith("plotted")
