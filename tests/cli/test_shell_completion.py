"""Completion in bash, zsh and fish: the lines that the docs show, and what they complete."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from cli.main import COMMANDS
from config.program import program_folder

PAGE = program_folder() / "docs" / "getting-started" / "installation.md"
SHELLS = ("bash", "zsh", "fish")


def line(shell: str) -> str:
    """Return the line of the docs for the start file of a shell."""
    found = re.search(rf"^\| {shell} \| `(.+)` \|$", PAGE.read_text(), re.MULTILINE)
    assert found is not None
    return found[1].replace("\\|", "|")


def run(*command: str, **variables: str) -> str:
    environment: Mapping[str, str] = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        **variables,
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def asked(shell: str, *words: str) -> list[str]:
    """Return the completions for the last word, as the script of a shell asks for them."""
    number = words[-1] if shell == "fish" else str(len(words))
    answer = run(
        "bitbucket-oidc",
        _BITBUCKET_OIDC_COMPLETE=f"{shell}_complete",
        COMP_WORDS=" ".join(["bitbucket-oidc", *words]),
        COMP_CWORD=number,
    ).split("\n")[:-1]
    answer = answer if any(answer) else []
    if shell == "zsh":  # type, name and help, each on a line
        return answer[1::3]
    return [entry.partition(",")[2].partition("\t")[0] for entry in answer]


@pytest.mark.parametrize("shell", SHELLS)
def test_commands_and_options_are_completed(shell: str) -> None:
    assert asked(shell, "va") == ["validate"]
    assert asked(shell, "") == sorted(COMMANDS)
    assert asked(shell, "ci", "") == ["comment", "guard", "insights", "profiles", "stacks"]
    assert asked(shell, "sandbox", "pr") == ["preview", "prove"]
    assert asked(shell, "lock", "--al") == ["--all"]
    assert asked(shell, "ci", "stacks", "--ba") == ["--base"]
    assert asked(shell, "plan", "--format", "dig") == ["digests"]
    assert asked(shell, "no-such-command", "x") == []


@pytest.mark.parametrize("shell", SHELLS)
def test_filters_are_completed_by_the_names_of_the_inventory(shell: str) -> None:
    inventory = str(program_folder() / "tests" / "fixtures" / "inventories" / "families")
    assert asked(shell, "plan", inventory, "--account", "") == ["dev", "prod"]
    assert asked(shell, "plan", "--account", "dev", inventory, "--role", "b") == ["build"]
    assert asked(shell, "plan", inventory, "--repository", "acme/s") == ["acme/shop", "acme/site"]
    assert asked(shell, "plan", inventory, "--environment", "s") == ["staging"]
    assert asked(shell, "plan", inventory, "--owner", "team-{") == []
    assert asked(shell, "plan", inventory, "--owner", "team-sh") == ["team-shop"]
    assert asked(shell, "plan", "no-such-inventory", "--account", "") == []


def test_each_command_is_explained_by_its_sentence() -> None:
    words = {"COMP_WORDS": "bitbucket-oidc pi", "COMP_CWORD": "1"}
    answer = run("bitbucket-oidc", _BITBUCKET_OIDC_COMPLETE="zsh_complete", **words)
    assert answer == f"plain\npipe\n{COMMANDS['pipe']}\n"


def test_in_bash_the_line_of_the_docs_completes() -> None:
    press = "_bitbucket_oidc_completion bitbucket-oidc; printf '%s\\n' \"${COMPREPLY[@]}\""
    script = f"set -e; {line('bash')}; COMP_WORDS=(bitbucket-oidc sandbox pr); COMP_CWORD=2; {press}"
    assert run("bash", "--norc", "-c", script).split() == ["preview", "prove"]


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_in_fish_the_line_of_the_docs_completes(tmp_path: Path) -> None:
    shown = run("fish", "--no-config", "-c", f"{line('fish')}; complete -C 'bitbucket-oidc va'", HOME=str(tmp_path))
    assert shown.split()[0] == "validate"


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_in_zsh_the_line_of_the_docs_registers_the_completion(tmp_path: Path) -> None:
    script = f"autoload -U compinit; compinit -u; {line('zsh')}; print $_comps[bitbucket-oidc]"
    assert run("zsh", "-f", "-c", script, HOME=str(tmp_path)).strip() == "_bitbucket_oidc_completion"
