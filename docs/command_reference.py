"""The pages of the commands, made of their parsers."""

import argparse
from collections.abc import Iterator

import click


def administrators_page(introduction: str, parser: argparse.ArgumentParser) -> str:
    """What each command of an argparse parser says about itself."""
    parts = [f"\n## `{name}`\n\n```text\n{text}```" for name, text in _helps(parser)]
    return introduction + "\n".join(parts) + "\n"


def users_page(introduction: str, name: str, command: click.Command) -> str:
    """What each command of click says about itself."""
    helps = click_helps(name, command)
    parts = [f"\n## `{typed}`\n\n```text\n{text}\n```" for typed, text in helps]
    return introduction + "\n".join(parts) + "\n"


def _helps(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    """The help of a parser and of those of its commands, by what one types."""
    yield parser.prog, parser.format_help()
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for subparser in action.choices.values():
                yield from _helps(subparser)


def click_helps(
    name: str, command: click.Command, parent: click.Context | None = None
) -> Iterator[tuple[str, str]]:
    """The help of a command and of those below it, by what one types."""
    context = click.Context(command, info_name=name, parent=parent, terminal_width=90)
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            child_command = command.get_command(context, child)
            if child_command is not None and not child_command.hidden:
                yield from click_helps(child, child_command, context)
