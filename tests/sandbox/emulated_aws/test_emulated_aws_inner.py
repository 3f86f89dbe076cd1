"""The adapter to ministack: what of its inside the front stands on is there, in the version that is installed."""

import ast
import importlib
import re
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import sandbox.emulated_aws
from oidc.errors import SandboxError
from sandbox.emulated_aws.front import steps_by_action
from sandbox.emulated_aws.front.limits import _service_model
from sandbox.emulated_aws.inner import Inner, list_quickly
from sandbox.emulated_aws.query import Answer
from sandbox.emulated_aws.settings import EmulatorSettings, IssuerEndpoint

FOLDER = Path(sandbox.emulated_aws.__file__).parent


def test_one_file_alone_imports_ministack() -> None:
    found = []
    for file in FOLDER.rglob("*.py"):
        texts = [node.value for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Constant)]
        if any(isinstance(text, str) and text.startswith("ministack.") for text in texts):
            found.append(file.name)
        assert "import ministack" not in file.read_text()
        assert "from ministack" not in file.read_text()
    assert found == ["inner.py"]


class Store:
    """A store of ministack as the adapter finds it: its lists ask for the account of each record."""

    __slots__ = ("_data",)
    asked = 0

    def __init__(self, **names: str) -> None:
        self._data = {(account, name): name.upper() for name, accounts in names.items() for account in accounts}

    def __len__(self) -> int:
        raise NotImplementedError

    __iter__ = keys = values = items = __len__

    @classmethod
    def account(cls) -> str:
        cls.asked += 1
        return "1"


@pytest.fixture
def ministack(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    """Modules with all that the adapter asks for; the real ones change libraries of the process that imports them."""

    async def handler(*_: Any) -> Answer:
        return 200, {}, b""

    async def application(*_: Any) -> None:
        pass

    modules = {name: ModuleType(f"ministack.{name}") for name in ("app", "services.iam", "core.responses")}
    modules["core.iam_evaluator"] = ModuleType("ministack.core.iam_evaluator")
    store = SimpleNamespace(get_scoped=lambda *_: None, keys=list)
    handlers = {"iam": handler, "sts": handler, "organizations": handler}
    vars(modules["app"]).update(app=application, SERVICE_HANDLERS=handlers, _collect_scripts=lambda *_: ["script.sh"])
    vars(modules["services.iam"]).update(
        _users=store, _roles=store, _policies=store, _oidc_providers=store, _aws_managed_policies={}
    )
    vars(modules["services.iam"]).update(_make_aws_managed_record=lambda *_: {})
    vars(modules["core.responses"]).update(get_account_id=lambda: "000000000001", AccountScopedDict=Store)
    vars(modules["core.iam_evaluator"]).update(caller_arn=lambda: "arn:aws:iam::000000000001:root")
    modules["core.iam_actions"] = ModuleType("ministack.core.iam_actions")
    modules["core.router"] = ModuleType("ministack.core.router")
    vars(modules["core.router"]).update(SERVICE_PATTERNS={})
    vars(modules["core.iam_actions"]).update(SERVICE_TO_IAM_NAMESPACE={})
    vars(modules["core.iam_actions"]).update(extract_resource_arn=lambda *_: "*", request_tag_context=lambda *_: {})
    vars(modules["core.iam_evaluator"]).update(_resolve_managed_policy_document=lambda *_: None)
    vars(modules["core.iam_evaluator"]).update(_resolve_condition_key=lambda *_: None)
    monkeypatch.setattr(importlib, "import_module", lambda name: modules[name.removeprefix("ministack.")])
    return modules


def test_a_list_has_the_records_of_its_account_alone_and_asks_for_it_once() -> None:
    store: Any = type("OwnStore", (Store,), {})(a="12", b="2", c="31")
    list_quickly(type(store), Store.account)
    lists = [list(store), list(store.keys()), list(store.values()), list(store.items()), len(store)]
    assert lists == [["a", "c"], ["a", "c"], ["A", "C"], [("a", "A"), ("c", "C")], 2]
    assert Store.asked == len(lists) + 1  # list(…) also asks for the length


def test_scripts_of_the_machine_are_never_run(ministack: dict[str, ModuleType]) -> None:
    Inner()
    assert ministack["app"]._collect_scripts("/docker-entrypoint-initaws.d") == []


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("app", "app"),
        ("app", "SERVICE_HANDLERS"),
        ("app", "_collect_scripts"),
        ("services.iam", "_roles"),
        ("services.iam", "_policies"),
        ("services.iam", "_oidc_providers"),
        ("services.iam", "_aws_managed_policies"),
        ("services.iam", "_make_aws_managed_record"),
        ("core.responses", "get_account_id"),
        ("core.responses", "AccountScopedDict"),
        ("core.iam_evaluator", "caller_arn"),
        ("core.iam_actions", "extract_resource_arn"),
        ("core.iam_actions", "SERVICE_TO_IAM_NAMESPACE"),
        ("core.router", "SERVICE_PATTERNS"),
        ("core.iam_actions", "request_tag_context"),
        ("core.iam_evaluator", "_resolve_managed_policy_document"),
        ("core.iam_evaluator", "_resolve_condition_key"),
    ],
)
def test_a_ministack_whose_inside_has_moved_stops_the_start(
    ministack: dict[str, ModuleType], module: str, name: str
) -> None:
    delattr(ministack[module], name)
    with pytest.raises(SandboxError, match=f"the sandbox does not know this version of ministack.*'{name}'"):
        Inner()


@pytest.mark.parametrize("service", ["iam", "sts", "organizations"])
def test_a_ministack_without_the_service_stops_the_start(ministack: dict[str, ModuleType], service: str) -> None:
    del ministack["app"].SERVICE_HANDLERS[service]
    with pytest.raises(SandboxError, match=f"the sandbox does not know this version of ministack: '{service}'"):
        Inner()


@pytest.mark.usefixtures("ministack")
def test_every_operation_of_the_table_is_one_of_aws() -> None:
    operations = {f"{service}:{name}" for service in ("iam", "sts") for name in _service_model(service)["operations"]}
    assert steps_by_action(Inner(), EmulatorSettings()).keys() <= operations


@pytest.mark.parametrize("module", sorted(path.stem for path in (FOLDER / "front").glob("[a-z]*.py")))
def test_each_module_of_the_front_names_a_page_for_what_it_adds(module: str) -> None:
    text = (FOLDER / "front" / f"{module}.py").read_text(encoding="utf-8")
    assert "https://" in text


def test_gaps_of_the_emulator_are_shown_by_tests_without_the_front() -> None:
    source = "".join(file.read_text(encoding="utf-8") for file in Path(__file__).parent.glob("test_*.py"))
    assert len(set(re.findall(r"def (test_without_the_front_\w+)", source))) > 20


def test_settings_come_back_as_they_were_written(tmp_path: Path) -> None:
    settings = EmulatorSettings(IssuerEndpoint("127.0.0.1:1", tmp_path), {"000000000001": {"roles": 10}})
    assert EmulatorSettings.from_json(settings.to_json()) == settings
    assert EmulatorSettings.from_json(EmulatorSettings().to_json()) == EmulatorSettings()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"issuers": 1, "quotas": {}}', '{"issuers": null, "quotas": {"1": {"x": 1}}}']
)
def test_settings_that_are_something_else_are_an_error(text: str) -> None:
    with pytest.raises(SandboxError, match="cannot be read"):
        EmulatorSettings.from_json(text)
