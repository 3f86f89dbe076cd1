"""Every account is in one wave and in one shard."""

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.models.account import Account, AccountsByLabel
from config.models.rollout import OTHERS, Rollout
from config.models.rollout import Wave as Declared
from fleet.waves import Shard, Wave, narrowed, parse_shard, shard_of, waves_of
from oidc.errors import UsageError

KEYS = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
LABELS = st.sampled_from([{"env": "dev"}, {"env": "prod"}, {}])


SELECTORS = st.one_of(
    st.lists(st.one_of(KEYS, st.sampled_from(["*", "a*", "?b*"])), min_size=1, max_size=3).map(tuple),
    st.sampled_from([AccountsByLabel(labels={"env": "dev"}), AccountsByLabel(labels={"env": "prod"}, exclude=("a*",))]),
)
DECLARED = st.lists(
    st.builds(Declared.model_construct, name=st.sampled_from(["canary", "dev", "prod"]), accounts=SELECTORS),
    max_size=3,
    unique_by=lambda wave: wave.name,
).map(lambda waves: Rollout.model_construct(waves=tuple(waves)))


def accounts_with(labels: dict[str, dict[str, str]]) -> dict[str, Account]:
    return {
        key: Account.model_validate({"id": f"{number:012}", "labels": labels[key]})
        for number, key in enumerate(labels, 1)
    }


@given(st.dictionaries(KEYS, LABELS, max_size=20), DECLARED)
def test_every_account_is_in_exactly_one_wave(labels: dict[str, dict[str, str]], declared: Rollout) -> None:
    waves = waves_of(declared, accounts_with(labels))
    assert sorted(chain.from_iterable(wave.keys for wave in waves)) == sorted(labels)
    assert [wave.name for wave in waves] == [*(wave.name for wave in declared.waves), OTHERS]


def test_the_first_wave_that_selects_an_account_has_it() -> None:
    accounts = accounts_with({"a1": {"env": "dev"}, "a2": {"env": "dev"}, "b1": {"env": "dev"}, "c1": {}})
    rollout = {
        "waves": [
            {"name": "canary", "accounts": ["a1", "zz"]},
            {"name": "dev", "accounts": {"labels": {"env": "dev"}, "exclude": ["b*"]}},
        ]
    }
    assert waves_of(Rollout.model_validate(rollout), accounts) == (
        Wave("canary", ("a1",)),
        Wave("dev", ("a2",)),
        Wave("others", ("b1", "c1")),
    )


@given(st.sets(KEYS, max_size=40), st.integers(1, 12))
def test_every_account_is_in_exactly_one_shard(keys: set[str], count: int) -> None:
    parts = [{key for key in keys if Shard(number, count).has(key)} for number in range(1, count + 1)]
    assert sorted(chain.from_iterable(parts)) == sorted(keys)


def test_the_shard_of_an_account_never_changes() -> None:
    """The numbers are pinned: another hash would run accounts twice, or never, while a release is rolled out."""
    assert [shard_of(key, 8) for key in ("prod", "dev", "sandbox-1", "sandbox-2")] == [7, 8, 7, 6]


def test_shards_of_a_thousand_accounts_are_about_equal() -> None:
    sizes = [sum(shard_of(f"account-{number:04}", 8) == shard for number in range(1000)) for shard in range(1, 9)]
    assert min(sizes) > 80
    assert max(sizes) < 170


@given(st.integers(1, 1000).flatmap(lambda count: st.tuples(st.integers(1, count), st.just(count))))
def test_a_shard_is_read_as_it_is_shown(pair: tuple[int, int]) -> None:
    assert parse_shard(str(Shard(*pair))) == Shard(*pair)


@pytest.mark.parametrize(
    "text", ["", "3", "0/8", "9/8", "3/0", "03/8", "3/8 ", "-1/8", "1/1001", "a/b", "٣/8", "3/8/9"]
)
def test_what_is_no_shard_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError, match="is not a shard; write NUMBER/COUNT"):
        parse_shard(text)


def test_waves_are_narrowed_to_names_and_accounts() -> None:
    waves = (Wave("canary", ("a", "b")), Wave("dev", ("c",)), Wave("others", ("d",)))
    assert narrowed(waves, (), "abcd") == waves
    assert narrowed(waves, ("dev", "canary"), "bcd") == (Wave("canary", ("b",)), Wave("dev", ("c",)))
    assert narrowed(waves, (), "d") == (Wave("others", ("d",)),)
    with pytest.raises(UsageError, match="there is no wave `canari`; did you mean `canary`"):
        narrowed(waves, ("canari",), "abcd")
