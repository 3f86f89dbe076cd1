"""Changes of a rendered trust policy, each of which makes it admit something else, or be something else."""

import copy
from collections.abc import Callable
from typing import Any

ACME = "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
ANY = "{????????-????-????-????-????????????}"
STRANGER = "{dddddddd-dddd-4ddd-8ddd-dddddddddddd}"

Policy = dict[str, Any]


def for_each_statement(change: Callable[[Policy], None]) -> Callable[[Policy], None]:
    def change_all(policy: Policy) -> None:
        for statement in policy["Statement"]:
            change(statement)

    return change_all


def patterns(change: Callable[[str], str]) -> Callable[[Policy], None]:
    def change_patterns(statement: Policy) -> None:
        tests = statement["Condition"]["StringLike"]
        for key, values in tests.items():
            tests[key] = [change(value) for value in values]

    return for_each_statement(change_patterns)


def rename_operator(old: str, new: str) -> Callable[[Policy], None]:
    def rename(statement: Policy) -> None:
        if old in statement["Condition"]:
            tests = statement["Condition"].pop(old)
            statement["Condition"].setdefault(new, {}).update(tests)

    return for_each_statement(rename)


def add_key(operator: str, key: str, values: object) -> Callable[[Policy], None]:
    return for_each_statement(lambda statement: statement["Condition"].setdefault(operator, {}).update({key: values}))


def with_element(name: str, value: object) -> Callable[[Policy], None]:
    return for_each_statement(lambda statement: statement.update({name: value}))


def add_statement(**changes: Any) -> Callable[[Policy], None]:
    def add(policy: Policy) -> None:
        policy["Statement"].append(copy.deepcopy(policy["Statement"][0]) | changes)

    return add


def drop_audience(statement: Policy) -> None:
    del statement["Condition"]["StringEquals"]


def drop_subject(statement: Policy) -> None:
    del statement["Condition"]["StringLike"]


def more_audiences(statement: Policy) -> None:
    [key] = [key for key in statement["Condition"]["StringEquals"] if key.endswith(":aud")]
    statement["Condition"]["StringEquals"][key] = [statement["Condition"]["StringEquals"][key], "sts.amazonaws.com"]


def add_stranger(policy: Policy) -> None:
    first = copy.deepcopy(policy["Statement"][0])
    [(key, values)] = first["Condition"]["StringLike"].items()
    first["Condition"]["StringLike"][key] = [f"{STRANGER}:*"]
    if not values[0].startswith(ANY):  # then a stranger is declared
        policy["Statement"].append(first)


def other_account(statement: Policy) -> None:
    arn = statement["Principal"]["Federated"]
    statement["Principal"]["Federated"] = arn.replace(arn.split(":")[4], "999999999999")


MUTATIONS: dict[str, Callable[[Policy], None]] = {
    "a colon dropped": patterns(lambda pattern: pattern.replace("}:", "}", 1)),
    "the last colon dropped": patterns(lambda pattern: "".join(pattern.rsplit(":", 1))),
    "a star for the repository": patterns(lambda pattern: "*" + pattern[38:]),
    "a star in braces for the repository": patterns(lambda pattern: "{*}" + pattern[38:]),
    "any repository": patterns(lambda pattern: ANY + pattern[38:] if pattern[1] != "?" else "*:*"),
    "no braces": patterns(lambda pattern: pattern.replace("{", "").replace("}", "")),
    "a brace dropped": patterns(lambda pattern: pattern.replace("}", "", 1)),
    "the first brace dropped": patterns(lambda pattern: pattern[1:]),
    "a character too few": patterns(lambda pattern: pattern[:10] + pattern[11:]),
    "a character wild": patterns(lambda pattern: pattern[:10] + "*" + pattern[11:]),
    "another repository": patterns(lambda pattern: STRANGER + pattern[38:]),
    "in capitals": patterns(lambda pattern: "{ABCDEFAB" + pattern[9:]),
    "everything": patterns(lambda _: "*"),
    "two parts of anything": patterns(lambda _: "*:*"),
    "nothing": patterns(lambda _: ""),
    "a policy variable": patterns(lambda pattern: pattern + "${*}"),
    "the audience dropped": for_each_statement(drop_audience),
    "a further audience": for_each_statement(more_audiences),
    "the subject dropped": for_each_statement(drop_subject),
    "no condition": with_element("Condition", {}),
    "StringEquals in place of StringLike": rename_operator("StringLike", "StringEquals"),
    "StringLike in place of StringEquals": rename_operator("StringEquals", "StringLike"),
    "StringNotLike": rename_operator("StringLike", "StringNotLike"),
    "StringNotEquals": rename_operator("StringEquals", "StringNotEquals"),
    "StringEqualsIgnoreCase": rename_operator("StringEquals", "StringEqualsIgnoreCase"),
    "StringLikeIfExists": rename_operator("StringLike", "StringLikeIfExists"),
    "StringEqualsIfExists": rename_operator("StringEquals", "StringEqualsIfExists"),
    "ForAllValues": rename_operator("StringEquals", "ForAllValues:StringEquals"),
    "ForAnyValue": rename_operator("StringLike", "ForAnyValue:StringLike"),
    "an address": add_key("IpAddress", "aws:SourceIp", ["192.0.2.0/24"]),
    "everywhere": add_key("IpAddress", "aws:SourceIp", ["0.0.0.0/0"]),
    "an end": add_key("DateLessThan", "aws:CurrentTime", "2029-01-01T00:00:00Z"),
    "two ends": add_key("DateLessThan", "aws:CurrentTime", ["2029-01-01T00:00:00Z", "2030-01-01T00:00:00Z"]),
    "a begin": add_key("DateGreaterThan", "aws:CurrentTime", "2029-01-01T00:00:00Z"),
    "a branch": add_key("StringEquals", f"{ACME}:branchName", "main"),
    "a VPC endpoint": add_key("StringEquals", "aws:SourceVpce", "vpce-1"),
    "an address and a VPC endpoint": lambda policy: (
        add_key("StringEquals", "aws:SourceVpce", "vpce-1")(policy),
        add_key("IpAddress", "aws:SourceIp", ["192.0.2.0/24"])(policy),
    )[0],
    "a denial": with_element("Effect", "Deny"),
    "every action": with_element("Action", "*"),
    "a list of actions": with_element("Action", ["sts:AssumeRoleWithWebIdentity", "sts:AssumeRole"]),
    "everybody": with_element("Principal", "*"),
    "a second principal": for_each_statement(lambda statement: statement["Principal"].update({"AWS": "*"})),
    "an account for a principal": with_element("Principal", {"AWS": "999999999999"}),
    "another account": for_each_statement(other_account),
    "all but a principal": with_element("NotPrincipal", {"AWS": "999999999999"}),
    "a statement for a stranger": add_stranger,
    "a statement without a condition": add_statement(Condition={}),
    "a statement for a service": add_statement(Principal={"Service": "ec2.amazonaws.com"}, Action="sts:AssumeRole"),
    "a statement that denies": add_statement(Effect="Deny"),
    "a statement too few": lambda policy: policy["Statement"].pop(),
    "one statement without a list": lambda policy: policy.update({"Statement": policy["Statement"][0]}),
    "a statement that is text": lambda policy: policy.update({"Statement": ["Allow"]}),
    "a condition that is text": with_element("Condition", "StringLike"),
    "an operator before text": with_element("Condition", {"StringLike": "*"}),
    "a pattern that is a number": add_key("StringLike", f"{ACME}:sub", [1]),
    "a newline behind": patterns(lambda pattern: pattern + "\n"),
    "an older version": lambda policy: policy.update({"Version": "2008-10-17"}),
}
