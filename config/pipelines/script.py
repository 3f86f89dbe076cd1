"""Find the roles that a script names, and what it does with the step's token."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from config.pipelines.command import Command, Word
from config.pipelines.shell import commands_of
from config.pipelines.steps import At, RoleUse, Script, TokenUse, Way

TOKEN = "BITBUCKET_STEP_OIDC_TOKEN"  # noqa: S105 - the name of a variable, not its value
"""The variable with the token of a step that has ``oidc``."""

_ROLE, _TOKEN_FILE, _KEY = "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ACCESS_KEY_ID"
"""Variables that the SDKs of AWS read: https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html."""

_CALL = "assume-role-with-web-identity"
_ARN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]*[\w+=@]", re.ASCII)
_WHOLE_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)\}?", re.ASCII)
_KNOWN = frozenset({
    ":", "[", "[[", "apk", "apt", "apt-get", "awk", "aws", "cat", "cd", "chmod", "chown", "command", "cp", "curl",
    "cut", "date", "declare", "dnf", "echo", "env", "export", "false", "find", "git", "grep", "gzip", "head", "jq",
    "ls", "mkdir", "mktemp", "mv", "printenv", "printf", "pwd", "read", "readonly", "rm", "sed", "set", "sleep",
    "sort", "tail", "tar", "tee", "terraform", "test", "tofu", "touch", "tr", "trap", "true", "typeset", "uniq",
    "unset", "unzip", "wc", "wget", "yum", "zip",
})  # fmt: skip
"""Commands that use no token by themselves. Any other may run a file that does."""


def read_script(items: Sequence[tuple[str, Callable[[int, str], At]]]) -> Script:
    """Return what a script says about roles.

    Args:
        items: The texts that one shell runs one after the other, each with a function that returns the place of a part
            of it, by offset and text.
    """
    reader = _ScriptReader()
    for text, place in items:
        read = commands_of(text)
        reader.text += read.text + "\n"
        for command in read.commands:
            reader.read(command if not reader.is_open else replace(command, is_certain=False), place)
        reader.is_open |= read.is_open
        reader.uses += reader.elsewhere(read.text, place)
    return reader.result()


@dataclass(slots=True)
class _ScriptReader:
    text: str = ""
    uses: list[RoleUse] = field(default_factory=list)
    needs_token: bool = False
    is_open: bool = False
    keys: list[tuple[At, str | None, str]] = field(default_factory=list)
    variables: dict[str, str | None] = field(default_factory=dict)
    assigned: set[str] = field(default_factory=set)
    calls_sts: bool = False
    assumes_another_way: bool = False
    runs_unknown: bool = False
    reads_script: bool = False
    told: set[str] = field(default_factory=set)

    def read(self, command: Command, place: Callable[[int, str], At]) -> None:
        """Read one command: the roles that it names, and the variables that it sets."""
        values = [word.value(self.variables) for word in command.words]
        for name, word in command.assignments:
            if name == _ROLE and word.written:
                self._use(Way.VARIABLE, word, command, place)
            if name == _KEY and word.written.strip("\"'"):
                self.keys.append((place(word.start, word.written), word.value(self.variables), word.written))
            self._set(name, word, command)
        for way, word in _named(command, values):
            self._use(way, word, command, place)
        self._note_effects(command, values)

    def _set(self, name: str, word: Word, command: Command) -> None:
        self.assigned.add(name)
        if command.is_here:
            self.variables[name] = word.value(self.variables) if command.is_certain else None

    def _note_effects(self, command: Command, values: Sequence[str | None]) -> None:
        written = [word.written for word in (*command.words, *(word for _, word in command.assignments))]
        if command.is_certain and command.name not in ("[", "[[", "test"):
            self.needs_token |= any(TOKEN in text and f"{TOKEN}:" not in text for text in written)
        if "sts" in values and any((value or "").startswith("assume-role") for value in values):
            self.calls_sts = True
            self.assumes_another_way |= _CALL not in values
        if command.name in ("read", "unset", "mapfile"):
            self.variables.update({str(value): None for value in values[1:]})
            self.assigned |= {str(value) for value in values[1:]}
        if command.name in ("source", ".", "eval"):
            self.variables = dict.fromkeys(self.variables)
            self.reads_script = True
        if command.words and (command.name not in _KNOWN or "/" in command.words[0].written):
            self.runs_unknown = True

    def _use(self, way: Way, word: Word, command: Command, place: Callable[[int, str], At]) -> None:
        arn = word.value(self.variables)
        unread = None
        if arn is None:
            unread = "the ARN has a variable that this file does not set"
        elif not command.is_certain:
            unread = "the command runs only under a condition"
        if arn is not None:
            self.told.add(arn)
        use = RoleUse(way, arn, place(word.start, word.written), unread)
        if arn == "" or any(use.arn == other.arn and other.unread is None for other in self.uses if arn is not None):
            return
        self.uses.append(use)

    def elsewhere(self, code: str, place: Callable[[int, str], At]) -> Iterator[RoleUse]:
        """Yield the roles that a text names in commands that are not read."""
        for match in _ARN.finditer(code):
            if not any(arn.startswith(match[0]) for arn in self.told):
                self.told.add(match[0])
                yield RoleUse(Way.ELSEWHERE, match[0], place(match.start(), match[0]), "the command is not read")

    def result(self) -> Script:
        """Return what all texts say together."""
        uses = self.uses
        if self.assumes_another_way and TOKEN not in self.text:
            why = "the script assumes a role without the token"
            uses = [replace(use, unread=use.unread or why) for use in uses]
        return Script(tuple(uses), self._token(), self.needs_token, tuple(self._static_keys()))

    def _token(self) -> TokenUse:
        if TOKEN in self.text and (_TOKEN_FILE in self.text or _CALL in self.text):
            return TokenUse.HANDED_OVER
        return TokenUse.UNKNOWN if self.runs_unknown else TokenUse.UNUSED

    def _static_keys(self) -> Iterator[At]:
        """Yield the keys that the script did not get from STS."""
        for at, value, written in self.keys:
            name = written.strip("\"'").removeprefix("$").strip("{}")
            is_given = (
                written.strip("\"'").startswith("$") and name.isidentifier() and name not in self.assigned - {_KEY}
            )
            if value or (is_given and not self.calls_sts and not self.runs_unknown):
                yield at


def _named(command: Command, values: Sequence[str | None]) -> Iterator[tuple[Way, Word]]:
    """Yield the roles that the arguments of a command name."""
    if command.name == "aws" and _CALL in values:
        yield from ((Way.CALL, word) for word in _option(command, "--role-arn"))
    if command.name == "bitbucket-oidc" and "profiles" in values:
        yield from ((Way.PROFILES, word) for word in _option(command, "--pipeline-role"))


def _option(command: Command, option: str) -> Iterator[Word]:
    for word, following in zip(command.words, (*command.words[1:], None), strict=True):
        if word.written == option and following is not None:
            yield following
        elif word.written.startswith(f"{option}="):
            yield word.after(len(option) + 1)
