"""Which engine a sandbox run takes."""

from pathlib import Path

import pytest

from fleet.pulumi_cli.installed_cli import InstalledCli, find_cli, installed_cli
from oidc.errors import EngineError, SandboxError
from sandbox.engine_choice import EngineMark, EngineName, choose_engine


@pytest.mark.parametrize(
    ("asked", "made_by", "cli_is_here", "chosen"),
    [
        ("auto", None, True, EngineName.PULUMI),
        ("auto", None, False, EngineName.BUILTIN),
        ("auto", EngineName.BUILTIN, True, EngineName.BUILTIN),
        ("auto", EngineName.PULUMI, True, EngineName.PULUMI),
        ("pulumi", None, False, EngineName.PULUMI),
        ("builtin", None, True, EngineName.BUILTIN),
        ("builtin", EngineName.BUILTIN, True, EngineName.BUILTIN),
    ],
)
def test_the_engine_that_made_it_goes_on_and_else_the_cli_where_it_is(
    asked: str, made_by: EngineName | None, cli_is_here: bool, chosen: EngineName
) -> None:
    assert choose_engine(asked, made_by, lambda: cli_is_here) is chosen


@pytest.mark.parametrize(("asked", "made_by"), [("pulumi", EngineName.BUILTIN), ("builtin", EngineName.PULUMI)])
def test_another_engine_than_the_one_that_made_it_is_refused(asked: str, made_by: EngineName) -> None:
    with pytest.raises(SandboxError, match=f"first run `bitbucket-oidc sandbox destroy --engine {made_by}`"):
        choose_engine(asked, made_by, lambda: True)


@pytest.mark.parametrize("asked", ["auto", "pulumi", "builtin"])
def test_what_the_cli_made_needs_it_and_no_advice_leads_to_the_other_engine(asked: str) -> None:
    with pytest.raises(SandboxError, match=r"created the resources .* not on PATH; install it .*, or remove") as caught:
        choose_engine(asked, EngineName.PULUMI, lambda: False)
    assert "--engine" not in str(caught.value)


def test_the_mark_remembers_until_it_is_cleared(tmp_path: Path) -> None:
    mark = EngineMark(tmp_path)
    assert mark.read() is None
    mark.set(EngineName.PULUMI)
    assert EngineMark(tmp_path).read() is EngineName.PULUMI
    mark.clear()
    mark.clear()
    assert mark.read() is None


def test_a_mark_that_names_no_engine_is_an_error_that_says_what_to_write(tmp_path: Path) -> None:
    (tmp_path / "engine").write_text("steam")
    with pytest.raises(SandboxError, match=r"'steam'.*write pulumi, builtin or fleet into it"):
        EngineMark(tmp_path).read()


def executable(folder: Path, name: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)


def test_the_cli_alone_is_enough_and_its_language_host_is_seen_on_path_and_beside_it(tmp_path: Path) -> None:
    cli, links = tmp_path / "cli", tmp_path / "links"
    assert installed_cli(str(cli)) is None
    with pytest.raises(EngineError, match=r"pulumi is not on PATH; install it as https://www\.pulumi"):
        find_cli(str(cli))
    executable(cli, "pulumi")
    assert find_cli(str(cli)) == InstalledCli(cli / "pulumi", has_language_host=False)
    links.mkdir()
    executable(links, "pulumi-language-python")
    assert find_cli(f"{cli}:{links}").has_language_host
    (links / "pulumi-language-python").unlink()
    executable(cli, "pulumi-language-python")
    (links / "pulumi").symlink_to(cli / "pulumi")
    assert find_cli(str(links)) == InstalledCli(links / "pulumi", has_language_host=True)
