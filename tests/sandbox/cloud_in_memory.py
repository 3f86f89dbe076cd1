"""A cloud in memory and a provider for it: what the tests of the engine drive."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pulumi.provider.experimental import provider as api

from fleet.pulumi_cli.steps import LogMessage, Operation, Step, Summary
from sandbox.engine.builtin import BuiltinEngine
from sandbox.engine.plugin import PartlyCreatedError
from sandbox.engine.program import Program
from sandbox.engine.values import UNKNOWN, from_property_values, to_property_values

PRELUDE = """
import pulumi

class Cloud(pulumi.ProviderResource):
    def __init__(self, name, opts=None, **inputs):
        super().__init__("cloud", name, inputs, opts)

class Thing(pulumi.CustomResource):
    size: pulumi.Output[int]
    label: pulumi.Output[str]
    serial: pulumi.Output[str]
    def __init__(self, logical_name, /, opts=None, **inputs):
        super().__init__("cloud:index:Thing", logical_name, {"serial": None, **inputs}, opts)

class Group(pulumi.ComponentResource):
    def __init__(self, name, opts=None, **inputs):
        super().__init__("test:index:Group", name, inputs, opts)

cloud = Cloud("cloud", zone="a")
def thing(logical_name, /, *, opts=None, **inputs):
    return Thing(logical_name, pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=cloud), opts), **inputs)
"""


@dataclass
class Sky:
    """What the cloud holds, and what was asked of it; kept in a file where a test kills the process."""

    things: dict[str, dict[str, object]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    fail_on: str = ""
    unreadable: set[str] = field(default_factory=set)
    configured: list[dict[str, object]] = field(default_factory=list)
    before: Callable[[str], None] = lambda _call: None
    after: Callable[[str], None] = lambda _call: None


class CloudProvider(api.Provider):
    """Things have a size (changed in place), a kind and a name (changed by replacement) and a label.

    ``name`` is the physical name: two of one name cannot be, so a change that keeps it deletes first.
    """

    def __init__(self, sky: Sky, *, previews: bool = False) -> None:
        self.sky = sky
        self.previews = previews

    def _called(self, what: str) -> None:
        self.sky.before(what)
        self.sky.calls.append(what)
        if self.sky.fail_on == what:
            raise RuntimeError(f"the cloud refuses {what}")

    async def configure(self, request: api.ConfigureRequest) -> api.ConfigureResponse:
        self.sky.configured.append(from_property_values(request.args))
        return api.ConfigureResponse(supports_preview=self.previews)

    async def check(self, request: api.CheckRequest) -> api.CheckResponse:
        inputs = from_property_values(request.new_inputs)
        if inputs.get("size") == -1:
            return api.CheckResponse(failures=[api.CheckFailure("size", "must not be negative")])
        return api.CheckResponse(inputs=to_property_values({"name": request.name, **inputs}))

    async def diff(self, request: api.DiffRequest) -> api.DiffResponse:
        old, new = from_property_values(request.old_state), from_property_values(request.new_inputs)
        differs = [key for key in ("kind", "label", "name", "size") if old.get(key) != new.get(key)]
        replaces = [key for key in differs if key in {"kind", "name"}]
        return api.DiffResponse(
            changes=bool(differs),
            replaces=replaces,
            diffs=differs,
            delete_before_replace=bool(replaces) and "name" not in replaces,
        )

    async def create(self, request: api.CreateRequest) -> api.CreateResponse:
        inputs = from_property_values(request.properties)
        if request.preview:
            return api.CreateResponse("", to_property_values({**inputs, "serial": UNKNOWN}))
        name = str(inputs["name"])
        self._called(f"create {name}")
        if name in self.sky.things:
            raise RuntimeError(f"{name} exists")
        self.sky.things[name] = {**inputs, "serial": f"s-{name}"}
        self.sky.after(f"create {name}")
        if name in self.sky.unreadable:
            raise PartlyCreatedError(name, inputs, f"the cloud does not show {name} yet")
        return api.CreateResponse(name, to_property_values(self.sky.things[name]))

    async def read(self, request: api.ReadRequest) -> api.ReadResponse:
        inputs = from_property_values(request.inputs)
        name = request.resource_id or str(inputs["name"])
        found = self.sky.things.get(name)
        if found is None:
            return api.ReadResponse("")
        return api.ReadResponse(name, to_property_values(found), to_property_values({**inputs, **_inputs_of(found)}))

    async def update(self, request: api.UpdateRequest) -> api.UpdateResponse:
        self._called(f"update {request.resource_id}")
        self.sky.things[request.resource_id].update(from_property_values(request.news))
        self.sky.after(f"update {request.resource_id}")
        return api.UpdateResponse(to_property_values(self.sky.things[request.resource_id]))

    async def delete(self, request: api.DeleteRequest) -> None:
        self._called(f"delete {request.resource_id}")
        del self.sky.things[request.resource_id]
        self.sky.after(f"delete {request.resource_id}")


def _inputs_of(found: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in found.items() if key != "serial"}


@dataclass
class Bench:
    """A project folder, a state and a cloud; ``program`` writes the program's text."""

    folder: Path
    sky: Sky = field(default_factory=Sky)
    steps: list[Step] = field(default_factory=list)
    logs: list[LogMessage] = field(default_factory=list)
    previews: bool = False
    config: dict[str, str] = field(default_factory=dict)
    stack: str = "dev"

    @property
    def state_file(self) -> Path:
        return self.folder / "state" / "state.json"

    def program(self, text: str) -> None:
        (self.folder / "__main__.py").write_text(PRELUDE + text)

    def engine(self, **arguments: Any) -> BuiltinEngine:
        program = Program(self.folder, "proj", self.stack, config=self.config)
        factories = {"cloud": lambda: CloudProvider(self.sky, previews=self.previews)}
        arguments.setdefault("on_step", self.steps.append)
        return BuiltinEngine(program, self.state_file, factories, on_log=self.logs.append, **arguments)

    def up(self, text: str | None = None, *, refresh: bool = True) -> Summary:
        if text is not None:
            self.program(text)
        self.sky.calls.clear()
        return self.engine().up(refresh=refresh)

    def deployment(self) -> dict[str, Any]:
        document = json.loads(self.state_file.read_text())
        assert document["version"] == 3
        found: dict[str, Any] = document["deployment"]
        return found

    def names(self) -> list[str]:
        return [one["urn"].split("::", 3)[3] for one in self.deployment().get("resources", [])]


def did(summary: Summary) -> dict[str, str]:
    """Names of resources to what was done to them, without those that stayed the same."""
    return {step.name: str(step.operation) for step in summary.steps if step.operation is not Operation.SAME}
