"""What the sandbox leaves in the folder where it was called."""

from pathlib import Path

import pytest

from oidc.errors import SandboxError
from sandbox import session

TWO = Path(__file__).parent.parent / "fixtures" / "inventories" / "two-accounts"


def test_git_does_not_see_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_soon(*_: object) -> None:
        raise SandboxError("no servers in this test")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(session, "EmulatedBitbucket", too_soon)
    with pytest.raises(SandboxError, match="no servers"), session.running(session.read_subject(TWO)):
        pass
    assert (tmp_path / ".sandbox" / ".gitignore").read_text() == "*\n"
