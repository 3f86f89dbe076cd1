"""Whatever bytes stand in the files of an inventory, there is a plan or there are findings; nothing is ever raised."""

import json
from datetime import date
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from access.compile import compile_plan
from config.load import load_inventory
from review import findings as excerpts
from review.sarif import sarif

TODAY = date(2026, 11, 24)
WIDE = (Path(__file__).parent.parent / "fixtures" / "inventories" / "wide" / "inventory.yaml").read_bytes()
POLICY = b'{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}'
NAMES_POLICY = b'permission_policies: {p: {file: p.json}}\naccounts: {a: {id: "111111111111"}}\n'

ODD = (
    "\t", "\n", "\r", "  ", "- ", ": ", "#", "[", "]", "{", "}", ",", "&a ", "*a", "!", "|", ">", "%", "@", "`", '"',
    "'", "<<: ", "---\n", "...\n", "\x00", "\x1b", "\ufeff", "\u00a0", "\u200b", "\u2028", "\uff1a", "\u201c",
    "{{", "}}",
    "0", "1:2", "no", "~", "é",
)  # fmt: skip
"""What means something to YAML, or looks as if it did."""

any_bytes = st.binary(max_size=200)
any_text = st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))


@st.composite
def changed(draw: st.DrawFn, sound: bytes) -> bytes:
    """Put something odd into a sound file, cut something out, or say something twice."""
    content = sound
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(content)))
        length = draw(st.integers(0, 40))
        inserted = draw(st.one_of(st.sampled_from(ODD).map(str.encode), st.binary(max_size=4)))
        match draw(st.integers(0, 2)):
            case 0:
                content = content[:start] + inserted + content[start:]
            case 1:
                content = content[:start] + content[start + length :]
            case _:
                content = content[:start] + content[start : start + length] + content[start:]
    return content


def assert_told(folder: Path) -> None:
    excerpts._lines.cache_clear()  # the same files hold something else in each example
    compiled = compile_plan(load_inventory(folder, today=TODAY))
    assert (compiled.plan is None) == any(finding.level == "error" for finding in compiled.findings)
    for finding in compiled.findings:
        assert str(finding).isprintable()
        assert finding.place.line >= 1
        assert finding.place.column >= 1
        assert all(line.isprintable() for line in excerpts.excerpt(finding.place, 80))
    json.loads(sarif(compiled.findings, compiled.silenced))


SAME_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@settings(SAME_FOLDER, max_examples=300)
@given(st.one_of(any_bytes, any_text, changed(WIDE)))
@example(b"\xff\xfea\x00")
@example(b"a: 1" + b":1" * 400 + b".5")
@example(b"{{a}}: b")
@example(b"? {a: b}\n: c")
@example(b"<<: [{a: b}, c]")
@example(b"!!binary x: y")
@example(b"roles: !!timestamp x")
def test_any_bytes_as_a_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.yaml").write_bytes(content)
    assert_told(tmp_path)


@settings(SAME_FOLDER, max_examples=100)
@given(st.one_of(any_bytes, any_text, changed(POLICY)))
def test_any_bytes_as_a_policy_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.yaml").write_bytes(NAMES_POLICY)
    (tmp_path / "p.json").write_bytes(content)
    assert_told(tmp_path)


@settings(SAME_FOLDER, max_examples=50)
@given(st.one_of(any_bytes, any_text, changed(b'version: 1\nworkspaces: {acme: {uuid: "{0b3ff4a1-7c5e}"}}\n')))
def test_any_bytes_as_the_lock(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.yaml").write_bytes(WIDE)
    (tmp_path / "inventory.lock.yaml").write_bytes(content)
    assert_told(tmp_path)
