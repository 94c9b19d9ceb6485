"""Groups of commands: suggest the right name, load commands late, have a default command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class SuggestingGroup(click.Group):
    """A group that names similar commands where there is none of a name."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command's name, the command, and its arguments."""
        name = args[0]
        if name not in (names := self.list_commands(ctx)) and not ctx.resilient_parsing and name[:1].isalnum():
            from difflib import get_close_matches  # few command lines need it

            similar = get_close_matches(name, names)
            hint = f" Did you mean {' or '.join(similar)}?" if similar else ""
            ctx.fail(f"No such command {name!r}.{hint}")
        return super().resolve_command(ctx, args)


class DefaultGroup(SuggestingGroup):
    """A group whose command ``list`` may be left out."""

    DEFAULT = "list"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, with the name of the default command where they begin with none."""
        is_help = args[:1] and args[0] in ctx.help_option_names
        if not is_help and not (ctx.resilient_parsing and not args) and (not args or args[0] not in self.commands):
            args = [self.DEFAULT, *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Suggest the commands, and what the default command suggests."""
        default = self.commands[self.DEFAULT]
        with default.make_context(self.DEFAULT, [], parent=ctx, resilient_parsing=True) as inner:
            parameter = next(param for param in default.params if isinstance(param, click.Argument))
            return [*super().shell_complete(ctx, incomplete), *parameter.shell_complete(inner, incomplete)]
