"""What binds a session to source addresses, to the character: it denies, so a hole in it would be silent."""

from ipaddress import ip_network

from oidc.source_addresses import SourceAddresses

NETWORKS = (ip_network("203.0.113.0/24"), ip_network("2001:db8::/32"))
ENDPOINTS = ("vpce-0123456789abcdef0",)


def condition(addresses: SourceAddresses) -> dict[str, dict[str, object]]:
    (statement,) = addresses.session_policy().to_json()["Statement"]
    found: dict[str, dict[str, object]] = statement.pop("Condition")
    assert statement == {"Sid": "DenyElsewhere", "Effect": "Deny", "Action": "*", "Resource": "*"}
    return found


VIA = {"BoolIfExists": {"aws:ViaAWSService": "false"}}
FROM = {"NotIpAddress": {"aws:SourceIp": ["2001:db8::/32", "203.0.113.0/24"]}}
THROUGH = {"StringNotEquals": {"aws:SourceVpce": ["vpce-0123456789abcdef0"]}}


def test_what_comes_from_none_of_the_addresses_is_denied_whatever_it_is() -> None:
    assert condition(SourceAddresses(NETWORKS)) == VIA | FROM
    assert condition(SourceAddresses((), ENDPOINTS)) == VIA | THROUGH


def test_one_statement_has_both_since_a_negated_operator_holds_where_its_key_is_missing() -> None:
    assert condition(SourceAddresses(NETWORKS, ENDPOINTS)) == VIA | FROM | THROUGH


def test_a_trust_without_addresses_has_no_condition_on_them() -> None:
    assert SourceAddresses().trust_conditions() == [{}]
