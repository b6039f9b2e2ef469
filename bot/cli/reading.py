"""The settings as a command of the shell reads them: the environment over one file."""

from collections.abc import Mapping
from pathlib import Path

from bot.cli.arguments import ENV_FILE
from bot.environment import read_environment
from bot.settings import CommandName, Settings, SettingsError, load_settings


def settings_of(
    environ: Mapping[str, str], env_file: Path, *, for_command: CommandName
) -> Settings:
    """Read the settings of a command.

    Raises: EnvironmentFileError, and SettingsError also when a file that was named is not there.
    """
    if env_file != ENV_FILE and not env_file.is_file():
        raise SettingsError((f"There is no file {env_file}: --env-file must name one.",))
    return load_settings(read_environment(environ, env_file), for_command=for_command)
