"""Read a bitbucket-pipelines.yml into its steps; anchors, aliases and merge keys included."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import yaml

from config.findings import Path, in_text
from config.pipelines.script import read_script
from config.pipelines.steps import Addresses, At, Note, Pipelines, RoleUse, Script, Step, Way
from config.yaml.document import read_document
from config.yaml.nodes import find_node, pairs

_TRUE = frozenset({"true", "yes", "on"})
_SIZES_WITH_RANGES = frozenset({"4x", "8x", "16x", "32x"})
"""Only these leave from Atlassian's ranges:
https://support.atlassian.com/bitbucket-cloud/docs/what-are-the-bitbucket-cloud-ip-addresses-i-should-use-to-configure-my-corporate-firewall/."""

_LINE_END = re.compile("\r\n|\r|\n")


def read_pipelines(text: str) -> Pipelines:
    """Return the steps of a file; never raise for any ``text``.

    Faults are those of the text: it is not YAML, a key appears twice, it has no pipelines.
    """
    document = read_document(text)
    # Other problems are about values that the inventory could not have, such as a key that looks like a number.
    faults = [fault for fault in document.problems if document.data is None or fault.rule == "duplicate"]
    root = document.root if document.data is not None else None
    if not faults and (not isinstance(root, yaml.MappingNode) or _child(root, "pipelines") is None):
        hint = "name a bitbucket-pipelines.yml"
        faults.append(in_text("wrong-type", (1, 1), "expected a mapping with `pipelines`, found none", hint))
    if not isinstance(root, yaml.MappingNode):
        return Pipelines((), (), tuple(faults))
    reader = _Reader(root, _LINE_END.split(document.text))
    reader.read()
    return Pipelines(tuple(reader.steps), tuple(reader.notes), tuple(faults))


def _child(node: yaml.Node | None, *path: str | int) -> yaml.Node | None:
    """Return the node at a path, or ``None``."""
    deepest, depth = find_node(node, path)
    return deepest if depth == len(path) else None


def _text(node: yaml.Node | None) -> str | None:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else None


def _at(node: yaml.Node) -> At:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _is_true(node: yaml.Node | None) -> bool:
    return (_text(node) or "").lower() in _TRUE


def _items(node: yaml.Node | None) -> Sequence[yaml.Node]:
    return node.value if isinstance(node, yaml.SequenceNode) else ()


def _pairs(node: yaml.Node | None) -> Iterator[tuple[yaml.Node, str, yaml.Node]]:
    """Yield key, its text, and value of a mapping."""
    for key, value, _ in pairs(node) if isinstance(node, yaml.MappingNode) else ():
        if isinstance(key, yaml.ScalarNode):
            yield key, str(key.value), value


@dataclass(slots=True)
class _Reader:
    root: yaml.MappingNode
    lines: Sequence[str]
    steps: list[Step] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def read(self) -> None:
        """Read the pipelines, and those that other repositories may import."""
        self._pipelines(_child(self.root, "pipelines"), ("pipelines",))
        self._pipelines(_child(self.root, "definitions", "pipelines"), ("definitions", "pipelines"))

    def _pipelines(self, node: yaml.Node | None, path: Path) -> None:
        if isinstance(node, yaml.SequenceNode):
            self._each(node, path, None)
        for key, name, value in _pairs(node):
            if name == "import":
                self.notes.append(Note(_at(key), path, "not checked: the pipeline is in another repository"))
            else:
                self._pipelines(value, (*path, name))

    def _each(self, node: yaml.Node | None, path: Path, stage: yaml.Node | None) -> None:
        """Read the items of a pipeline, of a stage or of a parallel group."""
        for index, item in enumerate(_items(node)):
            for key, name, value in _pairs(item):
                inner = (*path, index, name)
                if name in ("step", "final"):
                    self._step(value, inner, _at(key), stage)
                elif name == "parallel":
                    steps = _child(value, "steps")
                    self._each(value if steps is None else steps, inner if steps is None else (*inner, "steps"), stage)
                elif name == "stage":
                    self._each(_child(value, "steps"), (*inner, "steps"), value)

    def _step(self, node: yaml.Node, path: Path, at: At, stage: yaml.Node | None) -> None:
        deployment = _child(node, "deployment") or _child(stage, "deployment")
        if deployment is None and (named := _child(node, "environment") or _child(stage, "environment")):
            text = "not checked: it is not known which subject a step with `environment` has; use `deployment`"
            self.notes.append(Note(_at(named), path, text))
            return
        oidc = _child(node, "oidc")
        uses = [*self._images(node), *self._storage(node)]
        keys: list[At] = []
        for pipe in self._script_items(node, "script", "after-script"):
            if isinstance(pipe, yaml.MappingNode):
                uses += self._pipe(pipe, keys)
        scripts = [self._script(node, name) for name in ("script", "after-script")]
        has_global = _child(self.root, "options", "oidc") is not None
        is_on = (isinstance(oidc, yaml.MappingNode) or _is_true(oidc)) or (
            None if oidc is None and has_global else False
        )
        step = Step(
            path, at, _text(deployment), at if deployment is None else _at(deployment), is_on,
            tuple(filter(None, map(_text, _items(_child(oidc, "audiences"))))),
            self._addresses(node), tuple(uses), tuple(keys), tuple(scripts),
        )  # fmt: skip
        self.steps.append(step)

    def _addresses(self, node: yaml.Node) -> Addresses:
        if self._setting(node, "runs-on") is not None:
            return Addresses.RUNNER
        has_ranges = _is_true(self._setting(node, "runtime", "cloud", "atlassian-ip-ranges"))
        is_large = _text(self._setting(node, "size")) in _SIZES_WITH_RANGES
        return Addresses.ATLASSIAN if has_ranges and is_large else Addresses.SHARED

    def _setting(self, node: yaml.Node, *path: str) -> yaml.Node | None:
        """Return a setting of a step, else that of all steps."""
        return _child(node, *path) or _child(self.root, "options", *path)

    def _images(self, node: yaml.Node) -> Iterator[RoleUse]:
        """Yield the roles that pull the image of a step and of its services."""
        images = [_child(node, "image") or _child(self.root, "image")]
        images += [
            _child(self.root, "definitions", "services", _text(service) or "", "image")
            for service in _items(_child(node, "services"))
        ]
        for image in images:
            yield from self._plain(Way.IMAGE, _child(image, "aws", "oidc-role"))

    def _storage(self, node: yaml.Node) -> Iterator[RoleUse]:
        yield from self._plain(
            Way.STORAGE, self._setting(node, "runtime", "self-hosted", "storage", "aws", "oidc-role")
        )

    def _pipe(self, node: yaml.Node, keys: list[At]) -> Iterator[RoleUse]:
        role = _child(node, "variables", "AWS_OIDC_ROLE_ARN")
        yield from self._plain(Way.PIPE, role)
        key = _child(node, "variables", "AWS_ACCESS_KEY_ID")
        if role is not None and key is not None and _text(key):
            keys.append(_at(key))

    def _plain(self, way: Way, node: yaml.Node | None) -> Iterator[RoleUse]:
        arn = _text(node)
        if node is not None and arn:
            is_known = "$" not in arn
            unread = None if is_known else "the ARN has a variable that this file does not set"
            yield RoleUse(way, arn if is_known else None, _at(node), unread)

    def _script_items(self, node: yaml.Node, *names: str) -> Iterator[yaml.Node]:
        for name in names:
            waiting = list(_items(_child(node, name)))
            while waiting:
                item = waiting.pop(0)
                if isinstance(item, yaml.SequenceNode):  # an alias of a list of commands
                    waiting[:0] = item.value
                else:
                    yield item

    def _script(self, node: yaml.Node, name: str) -> Script:
        scalars = [item for item in self._script_items(node, name) if isinstance(item, yaml.ScalarNode)]
        return read_script([(str(item.value), self._place_in(item)) for item in scalars])

    def _place_in(self, node: yaml.ScalarNode) -> Callable[[int, str], At]:
        """Return a function from a part of a scalar's text to its place in the file.

        YAML folds lines and has escapes, so the part is searched in the file: the same occurrence as in the text.
        """

        def place(offset: int, part: str) -> At:
            part = part.partition("\n")[0]
            occurrence = str(node.value).count(part, 0, offset)
            for number in range(node.start_mark.line, min(node.end_mark.line + 1, len(self.lines))):
                start = node.start_mark.column if number == node.start_mark.line else 0
                while (column := self.lines[number].find(part, start)) >= 0:
                    if occurrence == 0:
                        return number + 1, column + 1
                    occurrence -= 1
                    start = column + len(part)
            return _at(node)

        return place
