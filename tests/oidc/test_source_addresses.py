"""What binds a session to source addresses, to the character: it denies, so a hole in it would be silent."""

from ipaddress import ip_network

from oidc.source_addresses import SourceAddresses

NETWORKS = (ip_network("203.0.113.0/24"), ip_network("2001:db8::/32"))
ENDPOINTS = ("vpce-0123456789abcdef0",)


def condition(addresses: SourceAddresses) -> dict[str, dict[str, object]]:
    (statement,) = addresses.session_policy().to_json()["Statement"]
    condition_block: dict[str, dict[str, object]] = statement.pop("Condition")
    assert statement == {"Sid": "DenyElsewhere", "Effect": "Deny", "Action": "*", "Resource": "*"}
    return condition_block


VIA = {"BoolIfExists": {"aws:ViaAWSService": "false"}}
FROM = {"NotIpAddress": {"aws:SourceIp": ["2001:db8::/32", "203.0.113.0/24"]}}
THROUGH = {"StringNotEquals": {"aws:SourceVpce": ["vpce-0123456789abcdef0"]}}


def test_any_call_from_another_address_is_denied() -> None:
    assert condition(SourceAddresses(NETWORKS)) == VIA | FROM
    assert condition(SourceAddresses((), ENDPOINTS)) == VIA | THROUGH


def test_networks_and_endpoints_share_a_statement_because_negated_operators_hold_without_the_key() -> None:
    assert condition(SourceAddresses(NETWORKS, ENDPOINTS)) == VIA | FROM | THROUGH


def test_without_addresses_trust_has_no_condition_on_them() -> None:
    assert SourceAddresses().trust_conditions() == [{}]
