"""The browser and the system of a User-Agent header, in words."""

import re

# In this order: many browsers name those that they descend from, too.
_BROWSERS = (
    ("Edge", "Edg/"),
    ("Opera", "OPR/"),
    ("Samsung Internet", "SamsungBrowser/"),
    ("Firefox", "Firefox/"),
    ("Firefox", "FxiOS/"),
    ("Chrome", "CriOS/"),
    ("Chromium", "Chromium/"),
    ("Chrome", "Chrome/"),
    ("Safari", "Safari/"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows NT"),
    ("ChromeOS", "CrOS"),
    ("macOS", "Mac OS X"),
    ("Linux", "Linux"),
)
_PROGRAM = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,30}")


def describe_browser(user_agent: str) -> str:
    """For example `Firefox on Linux`; the first word of what is no known browser."""
    browser = _first(_BROWSERS, user_agent)
    system = _first(_SYSTEMS, user_agent)
    if browser is None:
        program = _PROGRAM.match(user_agent)
        browser = program[0] if program and program[0] != "Mozilla" else "An unknown browser"
    return browser if system is None else f"{browser} on {system}"


def _first(names: tuple[tuple[str, str], ...], user_agent: str) -> str | None:
    return next((name for name, mark in names if mark in user_agent), None)
