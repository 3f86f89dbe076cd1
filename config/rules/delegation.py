"""What the files of delegated folders may declare."""

from collections.abc import Iterator, Mapping
from typing import Any

from config.findings import Fault, Place
from config.models.guardrails import FolderRule
from config.rules.areas import OWN_SECTIONS, Area, Areas, items_of, path_matches, pattern_key
from config.rules.context import Context
from config.sources import Source
from config.yaml.characters import unusual_letters
from config.yaml.document import Path
from oidc.identifiers import UUID_PATTERN

_ANYBODYS = frozenset({"version", "guardrails"})
"""The version of the grammar declares nothing; guardrails in such a file have a finding already."""


def check_files(context: Context) -> Iterator[Fault]:
    """Yield files that no folder covers, and forbidden declarations in delegated folders."""
    guardrails = context.inventory.guardrails
    if guardrails is None or not guardrails.delegate:
        return
    areas = Areas(guardrails, context.sources)
    missed = areas.missed(context)
    for (path, key), names in missed.items():
        patterns = " or ".join(getattr(guardrails.folders[path], key))
        message = f"{patterns} matches none of the {len(names)} names in this folder, such as {names[0]}"
        hint = "correct the pattern, or the names in the folder"
        yield Fault("guardrail-selects-nothing", ("guardrails", "folders", path, key), message, hint)
    for source in context.sources.files:
        data = source.document.data
        if not isinstance(data, dict) or not data:
            continue
        area = areas.of_source(source)
        if area is None:
            yield from _uncovered(context, source)
        elif area.rule is not None:
            faults = _check_sections(context, source, data, area, area.rule)
            yield from (fault for fault in faults if (area.path, pattern_key(fault)) not in missed)


def _uncovered(context: Context, source: Source) -> Iterator[Fault]:
    if source.path.is_symlink():
        message = "this is a link, and its target is in another part of the inventory, or outside"
        hint = "put the file itself here"
    else:
        unusual = unusual_letters(str(source.path.relative_to(context.sources.folder)))
        message = f"no path in the guardrails covers this file{unusual}, so nothing may be declared in it"
        hint = "move it into its team's folder, or have it listed in the guardrails under `folders` or `platform`"
    yield Fault("delegation-file", (), message, hint, place=Place(source.order, 1, 1, str(source.path)))


def _check_sections(
    context: Context, source: Source, data: Mapping[str, Any], area: Area, rule: FolderRule
) -> Iterator[Fault]:
    related = (area.in_guardrails,)
    for section, entries in data.items():
        if section not in context.sources.data or section in _ANYBODYS:
            continue
        key = OWN_SECTIONS.get(section)
        if key is None or not (patterns := getattr(rule, key)):
            message = f"nothing under `{section}` may be declared in {area.path}, delegated at"
            hint = f"move it to a file of the platform team, or have `{key}` added to this folder's guardrails"
            if key is None:
                message = f"only the platform team declares `{section}`, and this file is in {area.path}, delegated at"
                hint = "move this to a file of the platform team, or ask for the change there"
            yield Fault("delegation-section", (section,), message, hint, of_key=True, file=source.path, related=related)
        elif not isinstance(entries, Mapping):
            continue
        elif section == "workspaces":
            yield from _check_workspaces(context, source, entries, area)
        else:
            yield from _check_names(source, section, entries, patterns)


def _check_names(
    source: Source, section: str, entries: Mapping[str, Any], patterns: tuple[str, ...]
) -> Iterator[Fault]:
    for name in entries:
        if not path_matches(name, patterns):
            message = f"`{name}` is not a name that may be declared here: {' or '.join(patterns)}"
            hint = "choose such a name, or have the guardrails of this folder list it"
            yield Fault("delegation-name", (section, name), message, hint, of_key=True, file=source.path)


def _check_workspaces(context: Context, source: Source, workspaces: Mapping[str, Any], area: Area) -> Iterator[Fault]:
    for slug, workspace in items_of(workspaces):
        for key, value in items_of(workspace):
            at: Path = ("workspaces", slug, key)
            if key != "repositories":
                message = f"only the platform team sets `{key}` of a workspace; {area.path} may have only repositories"
                hint = "move this to a file of the platform team"
                yield Fault("delegation-section", at, message, hint, of_key=True, file=source.path)
                continue
            for name, repository in items_of(value):
                yield from _check_repository(context, source, (*at, name), repository, area)


def _check_repository(context: Context, source: Source, at: Path, repository: Any, area: Area) -> Iterator[Fault]:  # noqa: ANN401 - raw data
    workspace, name = str(at[1]), str(at[3])
    patterns = area.rule.repositories if area.rule else ()
    if not path_matches(f"{workspace}/{name}", patterns):
        message = f"{workspace}/{name} is not a repository of {area.path}: {' or '.join(patterns)}"
        hint = "declare it where it belongs, or have the guardrails of this folder list it"
        yield Fault("delegation-repository", at, message, hint, of_key=True, file=source.path)
        return
    for where in _uuids(at, repository):
        yield from _check_confirmed(context, source, where)


def _uuids(at: Path, repository: Any) -> list[Path]:  # noqa: ANN401 - raw data
    """Return the path of every UUID that is written for a repository and its deployment environments."""
    if isinstance(repository, str):
        return [at]
    uuids = [((*at, key), value) for key, value in items_of(repository) if key == "uuid"]
    environments = repository.get("environments") if isinstance(repository, Mapping) else None
    for name, environment in items_of(environments):
        here = (*at, "environments", name)
        if isinstance(environment, Mapping):
            uuids += [((*here, key), value) for key, value in items_of(environment) if key == "uuid"]
        else:
            uuids.append((here, environment))
    return [where for where, value in uuids if isinstance(value, str) and UUID_PATTERN.fullmatch(value)]


def _check_confirmed(context: Context, source: Source, at: Path) -> Iterator[Fault]:
    """Check written UUIDs: trust follows the UUID, not the name, so its author could write the UUID of anything.

    If the lock has another UUID, that is a finding already (``lock-mismatch``).
    """
    if context.lock.is_broken or _locked(context, at) is not None:
        return
    message = "nothing confirms that this UUID belongs to the name, and the team that trusts it can write this file"
    hint = "have it confirmed by `bitbucket-oidc lock`, or declared in a file of the platform team"
    yield Fault("delegation-repository", at, message, hint, file=source.path)


def _locked(context: Context, at: Path) -> str | None:
    workspace = context.lock.lock.workspaces.get(str(at[1]))
    repository = workspace.repositories.get(str(at[3])) if workspace else None
    if repository is None or "environments" not in at[4:5]:
        return repository.uuid if repository else None
    environment = repository.environments.get(str(at[5]))
    return environment.uuid if environment else None
