"""A command that has commands: asked for one that it has not, it says what it has."""

from difflib import get_close_matches

import click


class Group(click.Group):
    """Names the command that was meant, or says where all of them are listed."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        names = self.list_commands(ctx)
        if args and args[0] not in names:
            begun = [name for name in names if name.startswith(args[0])]
            close = begun or get_close_matches(args[0], names, n=1)
            here = ctx.command_path
            meant = f"Did you mean '{here} {close[0]}'?" if close else f"'{here} --help' lists the commands."
            raise click.UsageError(f"There is no command '{args[0]}'. {meant}", ctx)
        return super().resolve_command(ctx, args)
