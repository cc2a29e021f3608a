"""Commands that are imported when they are run, and listed without that."""

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module

import click


class LazyCommands(MutableMapping[str, click.Command]):
    """Commands by name.

    Args:
        texts: by module, the names of its `COMMANDS`, each with the first sentence of its help.
    """

    def __init__(self, texts: Mapping[str, Mapping[str, str]]) -> None:
        self.texts = {name: text for of_module in texts.values() for name, text in of_module.items()}
        self._modules = {name: module for module, of_module in texts.items() for name in of_module}
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        """Return a command; its module is imported. Raises KeyError where there is none."""
        if name not in self._loaded:
            module = import_module(self._modules[name])
            self._loaded[name] = next(command for command in module.COMMANDS if command.name == name)
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        """Add a command that is there already."""
        self.texts[name] = command.get_short_help_str()
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        """Take a command out."""
        del self.texts[name]
        self._loaded.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return iter(self.texts)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.texts)


class LazyGroup(click.Group):
    """A group of such commands."""

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, of which none is imported for that."""
        commands = self.commands
        assert isinstance(commands, LazyCommands)  # noqa: S101 - it is made with them
        room = formatter.width - 6 - max(map(len, commands))
        rows = [(name, _shortened(commands.texts[name], room)) for name in sorted(commands)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _shortened(text: str, room: int) -> str:
    return click.Command(None, help=text).get_short_help_str(room)
