"""The only module that uses ministack's internals: its services, its authorisation, its records.

Its public HTTP interface has no operation to change an OIDC provider, and a check in front of it would refuse callers
before their authentication. So the front is between ministack's authorisation and its services, in the table
``SERVICE_HANDLERS`` of ``ministack.app``, which ministack reads for each request. It does the same with the functions
of ``ministack.core.iam_actions`` that give the resource of a call. Everything is looked up when the emulator starts. If
ministack's internals have changed, the start fails and names the missing part.
"""

import importlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from oidc.errors import SandboxError
from sandbox.emulated_aws.query import Answer

Handler = Callable[[str, str, dict[str, str], bytes, dict[str, list[str]]], Awaitable[Answer]]
"""A service of ministack: method, path, headers by lower-case name, body, query string."""

Resource = Callable[[str, Mapping[str, str]], str | None]
"""From account and parameters of an IAM call: its resource's ARN, or ``None`` to leave this to ministack."""

Keys = Callable[[str, Mapping[str, str]], Mapping[str, str]]
"""From account and parameters of an IAM call: condition keys that ministack does not know, with their values."""

NetworkKeys = Callable[[], Mapping[str, str | None]]
"""Condition keys, in lower case, that replace ministack's for the present call; ``None``: the key is missing."""

_NO_SCRIPTS: dict[str, Callable[..., list[str]]] = {"_collect_scripts": lambda *_folders: []}

_DOCUMENTS = "_resolve_managed_policy_document"
"""ministack's function that reads the documents of managed policies."""

_RESOLVE = "_resolve_condition_key"
"""ministack's function that gives its evaluator the value of a condition key, for all policies."""


Records = Mapping[tuple[str, str], Any]
"""ministack's records of all accounts, by account and name."""

_LISTS: Mapping[str, Callable[[Records, list[tuple[str, str]]], Any]] = {
    "__len__": lambda _records, keys: len(keys),
    "__iter__": lambda _records, keys: iter([name for _, name in keys]),
    "keys": lambda _records, keys: [name for _, name in keys],
    "values": lambda records, keys: [records[key] for key in keys],
    "items": lambda records, keys: [(key[1], records[key]) for key in keys],
}
"""The lists of one account's records, each from all records and the account's keys."""


def list_quickly(stores: Any, account: Callable[[], str]) -> None:  # noqa: ANN401 - ministack's class
    """Let a list of ministack go through the keys of other accounts, but not through their records.

    Without it, a list beside 1,000 other accounts of 10 roles takes three times as long as beside 100. Real accounts do
    not slow down each other.

    Args:
        stores: ministack's class of stores.
        account: Returns the id of the account of the present call.
    """
    for name, members in _LISTS.items():

        def listed(store: Any, members: Callable[..., Any] = members) -> Any:  # noqa: ANN401 - as above
            own, records = account(), store._data  # noqa: SLF001 - this module alone knows ministack from inside
            return members(records, [key for key in list(records) if key[0] == own])

        setattr(stores, name, listed)


class Inner:
    """ministack in this process; its environment variables must be set before.

    Attributes:
        asgi: The ASGI application.
    """

    def __init__(self) -> None:
        try:
            app: Any = importlib.import_module("ministack.app")
            iam: Any = importlib.import_module("ministack.services.iam")
            responses: Any = importlib.import_module("ministack.core.responses")
            self._evaluator: Any = importlib.import_module("ministack.core.iam_evaluator")
            self._actions: Any = importlib.import_module("ministack.core.iam_actions")
            router: Any = importlib.import_module("ministack.core.router")
            self._patterns: dict[str, dict[str, Any]] = router.SERVICE_PATTERNS
            self._namespaces: dict[str, str] = self._actions.SERVICE_TO_IAM_NAMESPACE
            self.asgi: Any = app.app
            self._handlers: dict[str, Handler] = app.SERVICE_HANDLERS
            self._users, self._roles, self._policies, self._oidc_providers = (
                getattr(iam, name) for name in ("_users", "_roles", "_policies", "_oidc_providers")
            )
            self._aws_managed, self._aws_managed_record = (
                getattr(iam, name) for name in ("_aws_managed_policies", "_make_aws_managed_record")
            )
            self._account: Callable[[], str] = responses.get_account_id
            stores: Any = responses.AccountScopedDict
            for name in (*_LISTS, "_data"):
                getattr(stores, name)
            self._caller: Callable[[], str] = self._evaluator.caller_arn
            documents: Callable[[str, str], Any] = getattr(self._evaluator, _DOCUMENTS)
            self._managed_policy_document = documents
            for name in ("SERVICE_HANDLERS", *_NO_SCRIPTS):
                getattr(app, name)
            for store in (self._users, self._roles, self._policies, self._oidc_providers):
                _ = (store.get_scoped, store.keys)
            _ = (self._actions.extract_resource_arn, self._actions.request_tag_context)
            getattr(self._evaluator, _RESOLVE)
            for service in ("iam", "sts", "organizations"):
                _ = self._handlers[service]
        except (ImportError, AttributeError, KeyError) as error:
            raise SandboxError(
                f"the sandbox does not know this version of ministack: {error}",
                do="install the version that requirements-dev.txt names",
            ) from error
        # ministack runs start scripts from fixed folders of the machine; these are not meant for the sandbox.
        for name, stand_in in _NO_SCRIPTS.items():
            setattr(app, name, stand_in)
        list_quickly(stores, self._account)

    def replace_service(self, service: str, wrap: Callable[[Handler], Handler]) -> None:
        """Wrap the service ``iam`` or ``sts``; authorisation comes before the wrapper."""
        self._handlers[service] = wrap(self._handlers[service])

    def add_service(self, service: str, target: str, handler: Handler) -> None:
        """Add a service of the JSON protocol that ministack lacks; ministack authorises its calls like all others.

        Args:
            service: The service name in signatures and actions: ``servicequotas``.
            target: The beginning of the header ``X-Amz-Target`` in its calls.
            handler: Serves its calls.
        """
        self._patterns[service] = {"target_prefixes": [target], "credential_scope": service}
        self._namespaces[service] = service
        self._handlers[service] = handler

    def authorise_by(self, resource: Resource, keys: Keys) -> None:
        """Tell ministack's authorisation the resource of a call of IAM; ministack decides.

        This happens before the front checks the parameters. The front later refuses a parameter that is given twice or
        in two places.
        """
        find_resource, find_keys = self._actions.extract_resource_arn, self._actions.request_tag_context

        def extract_resource_arn(service: str, *about: Any) -> str:  # noqa: ANN401 - as ministack passes them
            *_, params, _region, account = about
            arn = resource(account, _first_values(params)) if service == "iam" else None
            return str(find_resource(service, *about) if arn is None else arn)

        def request_tag_context(service: str, *about: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
            more = keys(self.account(), _first_values(about[-1])) if service == "iam" else {}
            return {**find_keys(service, *about), **more}

        self._actions.extract_resource_arn = extract_resource_arn
        self._actions.request_tag_context = request_tag_context

    def resolve_by(self, network_keys: NetworkKeys, principal_arn: Callable[[str], str]) -> None:
        """Tell ministack's evaluator the source and the caller of a call; ministack decides."""
        resolve: Callable[[str, Any], Any] = getattr(self._evaluator, _RESOLVE)

        def resolve_condition_key(key: str, context: Any) -> Any:  # noqa: ANN401 - as ministack passes them
            keys = network_keys()
            if key.lower() in keys:
                return keys[key.lower()]
            value = resolve(key, context)
            return principal_arn(value) if key.lower() == "aws:principalarn" else value

        setattr(self._evaluator, _RESOLVE, resolve_condition_key)

    def account(self) -> str:
        """Return the id of the account of the present call."""
        return self._account()

    def caller(self) -> str:
        """Return the ARN of the caller of the present call."""
        return self._caller()

    def role(self, account: str, name: str) -> dict[str, Any] | None:
        """Return the record of a role: RoleName, Arn, PermissionsBoundary, AttachedPolicies and so on."""
        record: dict[str, Any] | None = self._roles.get_scoped(account, None, name)
        return record

    def user(self, account: str, name: str) -> dict[str, Any] | None:
        """Return the record of a user: UserName, Arn, PermissionsBoundary and so on."""
        record: dict[str, Any] | None = self._users.get_scoped(account, None, name)
        return record

    def role_names(self) -> Iterable[str]:
        """Return the names of all roles in the account of the present call."""
        names: Iterable[str] = self._roles.keys()
        return names

    def policy_exists(self, account: str, arn: str) -> bool:
        """Tell whether an account has this customer-managed policy."""
        return self._policies.get_scoped(account, None, arn) is not None

    def managed_policy_document(self, account: str, arn: str) -> dict[str, Any] | str | None:
        """Return the default version of a managed policy that ministack uses; ``None`` if it has no document."""
        document: dict[str, Any] | str | None = self._managed_policy_document(arn, account)
        return document

    def know_aws_managed_policy(self, arn: str) -> None:
        """Add an AWS-managed policy that ministack does not have, with a document that allows nothing."""
        if arn not in self._aws_managed:
            name = arn.removeprefix("arn:aws:iam::aws:policy/")
            document = '{"Version":"2012-10-17","Statement":[]}'
            self._aws_managed[arn] = self._aws_managed_record(name, document, "Its document is not known here.")

    def oidc_provider(self, account: str, arn: str) -> dict[str, Any] | None:
        """Return the record of an OIDC provider, to read or to change.

        Its keys are Url, Arn, ClientIDList, ThumbprintList, Tags and CreateDate.
        """
        record: dict[str, Any] | None = self._oidc_providers.get_scoped(account, None, arn)
        return record

    def oidc_provider_count(self) -> int:
        """Count the OIDC providers in the account of the present call."""
        return len(self._oidc_providers)


def _first_values(params: Mapping[str, Any]) -> dict[str, str]:
    """Return each parameter with the value that ministack authorises: the first one."""
    return {name: str((value or [""])[0] if isinstance(value, list) else value) for name, value in params.items()}
