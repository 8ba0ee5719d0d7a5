"""A Jupyter notebook as cells and outputs that are safe to hand on; nothing of it is executed.

Scripts, widgets and SVG are left out. HTML is not cleaned here: pages show it in a frame without
scripts.
"""

import json
import re
from typing import Any

# Bytes of a notebook that is read at all.
MAX_NOTEBOOK = 20 << 20
MAX_CELLS = 2000
MAX_OUTPUTS = 50
# Characters of a source, and of an output in text.
MAX_SOURCE = 256 << 10
MAX_OUTPUT = 64 << 10
# Characters of one image, in base64, and of all that is answered.
MAX_IMAGE = 4 << 20
MAX_ANSWER = 16 << 20

TEXTS = ("text/plain", "text/html", "text/markdown", "text/latex")
IMAGES = ("image/png", "image/jpeg")

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
_OMITTED = "…"


class NotANotebook(ValueError):
    """The file is not what Jupyter calls a notebook (nbformat 3 or 4)."""


def read_notebook(data: bytes) -> dict[str, Any]:
    """The notebook's cells, within limits.

    Raises:
        NotANotebook: it is none.
    """
    try:
        notebook = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NotANotebook("no JSON") from error
    cells = _cells(notebook)
    metadata = _dict(notebook.get("metadata"))
    language = _dict(metadata.get("language_info")).get("name")
    budget = [MAX_ANSWER]
    views = []
    for cell in cells[:MAX_CELLS]:
        if budget[0] <= 0:
            break
        views.append(_cell(_dict(cell), budget))
    return {
        "language": _text(language or _dict(metadata.get("kernelspec")).get("language"), 80),
        "cells": views,
        "total": len(cells),
        "truncated": len(views) < len(cells),
    }


def _cells(notebook: Any) -> list[Any]:
    if isinstance(notebook, dict) and isinstance(notebook.get("nbformat"), int):
        cells = notebook.get("cells")
        if cells is None and isinstance(sheets := notebook.get("worksheets"), list):
            # Version 3.
            cells = [cell for sheet in sheets for cell in _list(_dict(sheet).get("cells"))]
        if isinstance(cells, list):
            return cells
    raise NotANotebook("no notebook")


def _cell(cell: dict[str, Any], budget: list[int]) -> dict[str, Any]:
    kind = cell.get("cell_type")
    view: dict[str, Any] = {
        "type": kind if kind in ("markdown", "code") else "raw",
        "source": _text(cell.get("source", cell.get("input")), MAX_SOURCE),
    }
    budget[0] -= len(view["source"])
    if kind == "code":
        count = cell.get("execution_count", cell.get("prompt_number"))
        view["execution_count"] = count if type(count) is int else None
        outputs = _list(cell.get("outputs"))[:MAX_OUTPUTS]
        views = (_output(_dict(output), budget) for output in outputs)
        view["outputs"] = [output for output in views if output is not None]
    return view


def _output(output: dict[str, Any], budget: list[int]) -> dict[str, Any] | None:
    """One output; None where nothing of it can be shown."""
    if budget[0] <= 0:
        return None
    kind = output.get("output_type")
    if kind == "stream":
        text = _plain(output.get("text"))
        budget[0] -= len(text)
        return {"type": "stream", "name": _text(output.get("name"), 20), "text": text}
    if kind in ("error", "pyerr"):
        traceback = _list(output.get("traceback"))[:MAX_OUTPUTS]
        text = _plain([f"{_text(line, MAX_OUTPUT)}\n" for line in traceback])
        budget[0] -= len(text)
        name, value = _text(output.get("ename"), 200), _plain(output.get("evalue"))[:2000]
        return {"type": "error", "name": name, "value": value, "traceback": text}
    data = _data(_dict(output.get("data")) or _data_of_version_3(output), budget)
    return {"type": "data", "data": data} if data else None


def _data(data: dict[str, Any], budget: list[int]) -> dict[str, str]:
    """What of the forms of an output is harmless."""
    forms = {}
    for kind in TEXTS:
        if kind in data:
            forms[kind] = (_plain if kind == "text/plain" else _markup)(data[kind])
    for kind in IMAGES:
        image = _join(data.get(kind))
        if len(image) > budget[0]:
            # The rest is not shown, either.
            budget[0] = 0
        elif 0 < len(image) <= MAX_IMAGE and _BASE64.fullmatch(image):
            forms[kind] = "".join(image.split())
    budget[0] -= sum(map(len, forms.values()))
    return forms


def _data_of_version_3(output: dict[str, Any]) -> dict[str, Any]:
    names = {"text": "text/plain", "html": "text/html", "png": "image/png", "jpeg": "image/jpeg"}
    return {kind: output[name] for name, kind in names.items() if name in output}


def _plain(value: Any) -> str:
    """Text without the terminal's colours."""
    return _ANSI.sub("", _text(value, MAX_OUTPUT))


def _markup(value: Any) -> str:
    return _text(value, MAX_OUTPUT)


def _text(value: Any, limit: int) -> str:
    """A text, or the lines of one; cut where it is too long."""
    text = _join(value)
    cut = text[:limit] + (_OMITTED if len(text) > limit else "")
    # Half of a surrogate pair is no character, and can't be sent.
    return cut.encode("utf-8", "replace").decode()


def _join(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "".join(line for line in _list(value) if isinstance(line, str))


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
