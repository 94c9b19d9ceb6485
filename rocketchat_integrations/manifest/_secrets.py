"""Read the files and environment variables that a manifest names."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import attrs

from rocketchat_integrations._validation import trimmed
from rocketchat_integrations.exceptions import ManifestError

from ._wording import Invalid

_MAX_SIZE = 2**20

# Refuse the client's own credentials: a manifest could send them to any URL.
_CLIENT_CREDENTIALS = ("ROCKETCHAT_AUTH_TOKEN", "ROCKETCHAT_PASSWORD")


SECRET_PREFIX = "ROCKETCHAT_SECRET_"  # noqa: S105 - the beginning of a name
"""How the names of environment variables begin that a manifest may read, unless others are allowed."""


@attrs.frozen(kw_only=True)
class Secret:
    """The source of a secret: an environment variable or a file.

    :meth:`resolve` reads its value, which is stored nowhere.
    """

    env: str | None = None
    """The name of an environment variable."""

    file: str | None = None
    """The path of a file, as the manifest has it."""

    folder: str = "."
    """The folder that ``file`` is relative to: the manifest's. Absolute, so that a plan can be applied from
    elsewhere."""

    allow_outside: bool = False
    """Whether ``file`` may be outside of ``folder``."""

    @property
    def path(self) -> str:
        """The path of the file with its folder; empty for an environment variable."""
        return "" if self.file is None else str(Path(self.folder, self.file))

    def __attrs_post_init__(self) -> None:
        if (self.env is None) == (self.file is None):
            raise ValueError("env, file: exactly one of the two must be given")

    def resolve(self) -> str:
        """Read the secret: verbatim, except for one line break at the end of a file.

        Returns:
            The value.

        Raises:
            ManifestError: if the variable or file does not exist, cannot be read, or is blank.
        """
        try:
            return read_secret(self)
        except Invalid as invalid:
            message = str(invalid)
        raise ManifestError(message, reasons=(message,))


@attrs.frozen
class SecretRules:
    """Which secrets a manifest or a plan from a file may read: others may have written it."""

    prefix: str = SECRET_PREFIX
    names: frozenset[str] = frozenset()
    """Environment variables that are allowed without the prefix."""

    def refusal(self, secret: Secret) -> str | None:
        """Return why a secret may not be read; None if it may."""
        name = secret.env
        if name is None:
            return hidden_file(secret.folder, str(secret.file))
        if name in _CLIENT_CREDENTIALS:
            return _refused_credential(name)
        if name in self.names or (name.startswith(self.prefix) and name != self.prefix):
            return None
        return (
            f"the environment variable {name!r} may not be read: only names that begin with {self.prefix!r} are "
            f"allowed. Call it {self.prefix + name!r} here and in the environment, or allow it with "
            f"--secret-env {name} (in Python: secret_names=[{name!r}])"
        )


def _refused_credential(name: str) -> str:
    return f"the environment variable {name!r} is a credential of the client; use another for this token"


def hidden_file(folder: str, file: str) -> str | None:
    """Return why a file may not be read: it or one of its folders is hidden, such as `.env` or `.git/config`."""
    try:
        start, real = (os.path.realpath(path) for path in (folder, Path(folder, file)))
    except ValueError:  # reading it reports this
        return None
    # The folders that lead to both may be hidden. Kubernetes mounts secrets as links into folders that begin with two
    # dots.
    inner = Path(os.path.relpath(real, start))
    if any(part.startswith(".") and not part.startswith("..") for part in inner.parts):
        return (
            f"{file!r} is hidden: no name in its path may begin with a dot. Move what is needed to another file, "
            "and keep secrets out of git"
        )
    return None


def refused_in_plan(secret: Secret, rules: SecretRules, *, allow_outside: bool) -> str | None:
    """Return why a plan from a file may not read a secret; None if it may."""
    refusal = rules.refusal(secret)
    is_inside = secret.file is None or Path(os.path.realpath(secret.path)).is_relative_to(Path.cwd().resolve())
    if refusal is not None or allow_outside or is_inside:
        return refusal
    return (
        f"{secret.path!r} is outside of the current folder; change to the manifest's folder, or allow it with "
        "allow_outside=True (--allow-outside)"
    )


def read_secret(secret: Secret) -> str:
    """Return the value of a secret. Raise Invalid if it cannot be read, or is blank."""
    if secret.file is not None:
        text = read_text_beside(secret.folder, secret.file, "utf-8", allow_outside=secret.allow_outside)
        value = re.sub(r"\r?\n\Z", "", text)
    elif secret.env in _CLIENT_CREDENTIALS:
        raise Invalid(_refused_credential(str(secret.env)))
    else:
        try:
            value = os.environ[str(secret.env)]
        except (KeyError, ValueError):
            raise Invalid(f"the environment variable {secret.env!r} is not set") from None
    if not trimmed(value):
        raise Invalid(f"{secret.file or secret.env!r} is blank")
    return value


def read_text_beside(folder: str, file: str, encoding: str, *, allow_outside: bool) -> str:
    """Return the text of a file whose path is relative to the manifest's folder. Raise Invalid if that fails."""
    try:
        return read_text(str(Path(folder, file)), encoding, _MAX_SIZE, within=None if allow_outside else folder)
    except Invalid as invalid:
        raise Invalid(f"{file!r} {invalid}") from None


def read_text(file: str, encoding: str, max_size: int, *, within: str | None = None) -> str:
    """Return the text of a file. Raise Invalid if it is unreadable, too large, or not in the folder ``within``."""
    try:
        path = Path(os.path.realpath(file))
        if within is not None and not path.is_relative_to(os.path.realpath(within)):
            raise Invalid("is outside of the manifest's folder, which requires allow_outside")
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):  # opening a pipe could block
            raise Invalid("is a directory" if stat.S_ISDIR(mode) else "is not a file")
        with path.open("rb") as stream:
            content = stream.read(max_size + 1)
        if len(content) > max_size:
            raise Invalid(f"is larger than {max_size // 2**20} MiB")
        return content.decode(encoding)
    except OSError as error:
        raise Invalid(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Invalid("is not UTF-8 text") from None
    except ValueError:
        raise Invalid("is not a valid file name") from None
