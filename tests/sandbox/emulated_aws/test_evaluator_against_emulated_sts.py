"""The trust evaluator and the emulated STS, of which neither knows the other, decide alike.

Left out, by name, is what ministack does not do as AWS documents it. The cases have none of it:

- the principal ``"*"``, of which it is not known whether it lets in a token
  (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html);
- keys of the caller that a request with a token does not have: organization, ARN, second factor
  (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html);
- policy variables (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html);
- stars that reach across the colons of an ARN
  (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN);
- empty texts under set operators, several values without one, and several audiences
  (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html);
- an audience in a list of one, which is that audience: so are all tokens of EKS, whose trust policies compare ``aud``
  by ``StringEquals`` (https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html);
- VPC endpoints, session names, and the claims ``email``, ``oaud`` and ``azp``
  (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html);
- slashes at the end of an issuer, and newlines at the end of a subject, which it takes for none
  (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html);
- policies that IAM would refuse.
"""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from access.evaluation.decide import decide
from sandbox.emulated_aws.settings import clean_environment
from tests.access.near_misses import Case, cases_of_any_policies, cases_of_rendered_policies

CHILD = Path(__file__).with_name("emulated_sts_child.py")
PROJECT = Path(__file__).parents[3]


def emulated_verdicts(cases: list[Case], folder: Path) -> list[bool]:
    asked = [
        {
            "policy": case.policy,
            "claims": dict(case.request.claims),
            "account": case.request.account,
            "partition": case.request.partition,
            "source_ip": case.request.source_ip,
            "at": case.request.at.isoformat(),
        }
        for case in cases
    ]
    (folder / "tmp").mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, str(CHILD)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT,
        env=clean_environment(folder, {}),
    )
    assert done.returncode == 0, done.stderr
    verdicts: list[bool] = json.loads(done.stdout)
    return verdicts


def assert_same_verdicts(cases: list[Case], folder: Path) -> Counter[bool]:
    verdicts = emulated_verdicts(cases, folder)
    for case, verdict in zip(cases, verdicts, strict=True):
        assert decide(case.policy, case.request).allowed is verdict, json.dumps(
            [case.name, case.policy, dict(case.request.claims), case.request.source_ip, str(case.request.at)], indent=1
        )
    return Counter(verdicts)


def rendered(seed: int, count: int) -> list[Case]:
    return [case for case in cases_of_rendered_policies(seed, count) if isinstance(case.request.claims["aud"], str)]


def test_near_misses_of_rendered_policies(tmp_path: Path) -> None:
    verdicts = assert_same_verdicts(rendered(seed=2, count=4000), tmp_path)
    assert min(verdicts[True], verdicts[False]) > 1000


def test_policies_as_others_write_them(tmp_path: Path) -> None:
    verdicts = assert_same_verdicts(list(cases_of_any_policies(seed=3, count=8000)), tmp_path)
    assert min(verdicts[True], verdicts[False]) > 1000


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", range(10, 20))
def test_many_more_of_both(tmp_path: Path, seed: int) -> None:
    cases = [*rendered(seed, 8000), *cases_of_any_policies(seed, 12000)]
    verdicts = assert_same_verdicts(cases, tmp_path)
    assert min(verdicts[True], verdicts[False]) > 4000
