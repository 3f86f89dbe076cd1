"""The inventory of a revision, read from a real git repository, whatever the revision is called or holds."""

import os
from pathlib import Path, PurePosixPath

import pytest

from facts.git import GitRepository
from oidc.errors import OutsideWorldError, UsageError
from tests.git_repository import git


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    folder = tmp_path / "clone"
    (folder / "infra" / "inventory" / "policies").mkdir(parents=True)
    (folder / "infra" / "inventory" / "base.yaml").write_text("version: 1\n")
    (folder / "infra" / "inventory" / "policies" / "p.json").write_text("{}")
    (folder / "infra" / "inventory" / "README.md").write_text("not read")
    (folder / "other.yaml").write_text("not of the inventory")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def files_in(folder: Path | None) -> dict[str, str]:
    assert folder is not None
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_the_files_are_those_of_the_commit_and_not_of_the_folder(repository: Path, tmp_path: Path) -> None:
    (repository / "infra" / "inventory" / "base.yaml").write_text("changed since\n")
    around = GitRepository.around(repository / "infra" / "inventory")
    assert around.inventory == PurePosixPath("infra/inventory")
    folder = around.write_inventory(around.commit("main"), tmp_path / "made")
    assert files_in(folder) == {"base.yaml": "version: 1\n", "policies/p.json": "{}"}


def test_an_inventory_of_one_file_is_written_with_the_files_of_its_folder(repository: Path, tmp_path: Path) -> None:
    around = GitRepository.around(repository / "infra" / "inventory" / "base.yaml")
    folder = around.write_inventory(around.commit("HEAD"), tmp_path / "made")
    assert folder == tmp_path / "made" / "base.yaml"
    assert files_in(tmp_path / "made").keys() == {"base.yaml", "policies/p.json"}


def test_the_whole_repository_may_be_the_inventory(repository: Path, tmp_path: Path) -> None:
    around = GitRepository.around(repository)
    assert "other.yaml" in files_in(around.write_inventory(around.commit("HEAD"), tmp_path / "made"))


def test_a_commit_without_the_inventory_gives_none(repository: Path, tmp_path: Path) -> None:
    around = GitRepository.around(repository / "later" / "inventory")
    assert around.write_inventory(around.commit("HEAD"), tmp_path / "made") is None


@pytest.mark.parametrize("name", ["*", "[a]", ":(top)other.yaml", "ünïcode", "a b"])
def test_paths_are_not_patterns(repository: Path, tmp_path: Path, name: str) -> None:
    around = GitRepository.around(repository / name)
    assert around.write_inventory(around.commit("HEAD"), tmp_path / "made") is None
    (repository / name).mkdir()
    (repository / name / "x.yaml").write_text("x")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "second")
    assert files_in(around.write_inventory(around.commit("HEAD"), tmp_path / "made")) == {"x.yaml": "x"}


@pytest.mark.parametrize(
    "revision",
    [
        *("--upload-pack=touch x", "-x", "--all", "", "a b", "main\n", "x\0y"),
        *("nowhere", "main:other.yaml", "@{", "é", "a" * 300),
    ],
)  # fmt: skip
def test_a_text_that_names_no_commit_is_wrong_usage(repository: Path, revision: str) -> None:
    with pytest.raises(UsageError) as error:
        GitRepository.around(repository).commit(revision)
    assert "\n" not in str(error.value)


def test_a_link_of_a_commit_is_not_followed(repository: Path, tmp_path: Path) -> None:
    (repository / "infra" / "inventory" / "secret.yaml").symlink_to("/etc/passwd")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "second")
    around = GitRepository.around(repository / "infra" / "inventory")
    with pytest.raises(UsageError, match=r"secret\.yaml is a symbolic link"):
        around.write_inventory(around.commit("HEAD"), tmp_path / "made")


def test_without_a_repository_it_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not in a git repository"):
        GitRepository.around(tmp_path / "inventory")


def test_without_git_the_error_is_of_the_outside_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OutsideWorldError, match="git is not on PATH"):
        GitRepository.around(tmp_path)


def test_a_missing_object_is_an_error_and_is_not_fetched(repository: Path, tmp_path: Path) -> None:
    blob = git(repository, "rev-parse", "HEAD:infra/inventory/base.yaml")
    (repository / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    around = GitRepository.around(repository / "infra" / "inventory")
    with pytest.raises(OutsideWorldError, match="git"):
        around.write_inventory(around.commit("HEAD"), tmp_path / "made")


def test_the_merge_base_is_where_two_branches_part(repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    git(repository, "checkout", "-q", "-b", "feature")
    git(repository, "commit", "-q", "--allow-empty", "-m", "on the branch")
    git(repository, "checkout", "-q", "main")
    git(repository, "commit", "-q", "--allow-empty", "-m", "on main")
    assert GitRepository.around(repository).merge_base("main", "feature") == first


def test_an_inventory_as_committed_has_no_changes(repository: Path) -> None:
    inventory = repository / "infra" / "inventory"
    (repository / "other.yaml").write_text("changed, and not of the inventory")
    (inventory / "README.md").write_text("changed, and not read")
    assert not GitRepository.around(inventory).has_changes([inventory])


@pytest.mark.parametrize("name", ["base.yaml", "new.yml", "policies/p.json", "deeper/ignored.yaml"])
def test_an_inventory_with_another_file_has_changes(repository: Path, name: str) -> None:
    inventory = repository / "infra" / "inventory"
    (repository / ".gitignore").write_text("ignored.yaml\n")
    (inventory / name).parent.mkdir(exist_ok=True)
    (inventory / name).write_text("not as committed")
    assert GitRepository.around(inventory).has_changes([inventory])


def test_a_file_that_is_deleted_or_staged_is_a_change(repository: Path) -> None:
    inventory = repository / "infra" / "inventory"
    git(repository, "mv", "infra/inventory/base.yaml", "infra/inventory/renamed.yaml")
    assert GitRepository.around(inventory).has_changes([inventory])
    git(repository, "commit", "-q", "-m", "second")
    assert not GitRepository.around(inventory).has_changes([inventory])
    (inventory / "renamed.yaml").unlink()
    assert GitRepository.around(inventory).has_changes([inventory])


def test_a_path_outside_the_repository_is_in_no_commit(repository: Path, tmp_path: Path) -> None:
    inventory = repository / "infra" / "inventory"
    assert GitRepository.around(inventory).has_changes([inventory, tmp_path / "guardrails.yaml"])
