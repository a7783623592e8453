"""From plain data (registry entries, flags, YAML files) to a RunSpec, or to one sentence about what is wrong."""

import reprlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from analogcli.errors import SpecError, nearest
from analogcli.spec.run import ANALOG_PARTS, RunSpec
from analogcli.spec.support import BACKENDS, FIDELITIES, backends_for
from analogcli.spec.unions import members, models_in

NOT_YAML = (yaml.YAMLError, ValueError, RecursionError)
"""What the YAML reader raises: also for a 13th month, a number of 5,000 digits and brackets without end."""
TWO_WAYS = (({"states"}, {"dw_min"}), ({"w_max", "w_min"}, {"tau", "centre"}))
"""Fields of a device that say the same thing: of two layers, that which is laid on counts."""
DEEPEST = 20
"""Most names in a path; no spec is nearly as deep, and Python's stack is not for ever."""
SHORT = 60
"""Characters that are quoted of a value."""
WRITTEN_OTHERWISE = {"states": "dw_min", "w_max": "tau", "w_min": "tau"}
"""Names that are no fields, but may be given for one."""


def build(data: Mapping[str, Any]) -> RunSpec:
    """Validate ``data`` and return the spec; backend and fidelity are chosen where they are not given.

    Raises:
        SpecError: one sentence that names the field, the value and what is allowed.
    """
    data = {k: v for k, v in data.items() if v is not None or k not in ANALOG_PARTS}
    algorithm = _kind(data.get("algorithm"))
    if data.get("backend") is None:
        # Where none has the two together, one that has the algorithm stands in and its refusal says what is amiss.
        able = backends_for(algorithm, _kind(data.get("device"))) or backends_for(algorithm, None) or BACKENDS
        data["backend"] = able[0]
    task = data.get("task")
    if isinstance(task, Mapping) and "kind" not in task:
        data["task"] = {"kind": "classification", **task}
    if isinstance(data.get("algorithm"), Mapping) and data["algorithm"].get("warm_start") == "code":
        # The paper's two scripts have thresholds of their own, and each trains networks of its own.
        script = "cifar" if isinstance(task, Mapping) and _kind(task.get("model")) == "resnet" else "mnist"
        data["algorithm"] = {**data["algorithm"], "warm_start": f"code-{script}"}
    update = data.get("update")
    if isinstance(update, Mapping) and update.get("fidelity") is None:
        # The default fidelity is the backend's own: one update law per engine, written out in the resolved spec.
        fidelities = FIDELITIES[data["backend"]] if data["backend"] in BACKENDS else ()
        data["update"] = {**update, "fidelity": fidelities[0] if fidelities else "sequential"}
    try:
        return RunSpec.model_validate(data)
    except ValidationError as exc:
        raise SpecError(explain(exc)) from exc


def load_yaml(text: str, source: str) -> dict[str, Any]:
    """Read a spec file's text into plain data; ``source`` names it in errors."""
    try:
        data = yaml.safe_load(text)
    except NOT_YAML as exc:
        where = getattr(exc, "problem_mark", None)
        line = f" at line {where.line + 1}" if where else ""
        raise SpecError(
            f"{source} is not valid YAML{line}; `analog run EXPERIMENT --dry-run` prints some that is"
        ) from exc
    if not isinstance(data, dict) or not all(isinstance(k, str) for k in data):
        raise SpecError(f"{source} does not hold a run spec; `analog run EXPERIMENT --dry-run` prints one.")
    return data


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay ``over`` on ``base``, recursively; where a ``kind`` changes, fields unknown to the new kind are dropped."""
    out = dict(base)
    for key, value in over.items():
        old = out.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            if "kind" in value and value["kind"] != old.get("kind"):
                old = _keep_known(old, key, value["kind"])
            for ways in TWO_WAYS:
                for laid_on, other in (ways, ways[::-1]):
                    if laid_on & value.keys():
                        old = {k: v for k, v in old.items() if k not in other}
            out[key] = merge(old, value)
        else:
            out[key] = dict(value) if isinstance(value, Mapping) else value
    return out


def nested(dotted: Mapping[str, Any]) -> dict[str, Any]:
    """Turn ``{"device.tau": 0.7}`` into ``{"device": {"tau": 0.7}}``."""
    out: dict[str, Any] = {}
    for path, value in dotted.items():
        *parents, leaf = path.split(".")
        node = out
        for depth, name in enumerate(parents, start=1):
            node = node.setdefault(name, {})
            if not isinstance(node, dict):
                raise SpecError(f"{path} and {'.'.join(parents[:depth])} cannot both be set.")
        if isinstance(value, Mapping):
            node[leaf] = merge(node[leaf] if isinstance(node.get(leaf), dict) else {}, value)
        elif leaf in node:
            inside = next(iter(node[leaf]), None) if isinstance(node[leaf], dict) else None
            raise SpecError(f"{path} and {path}.{inside} cannot both be set." if inside else f"{path} is set twice.")
        else:
            node[leaf] = value
    return out


def parse_assignment(text: str) -> tuple[str, Any]:
    """Read ``device.dw_min=0.002`` as a dotted path and a YAML value."""
    path, equals, value = text.partition("=")
    parts = [part.strip() for part in path.split(".")]
    if not equals or not all(parts) or not path.isprintable() or len(parts) > DEEPEST:
        raise SpecError(f"--set {text!r:.80} is not of the form path=value, e.g. --set device.dw_min=0.002")
    return ".".join(parts), parse_value(value)


def parse_value(text: str) -> Any:
    """Read a value as YAML does, but take 1e-3 as the number that it is."""
    if "e" in text.lower():
        with suppress(ValueError):
            return float(text)
    try:
        return yaml.safe_load(text)
    except NOT_YAML:
        return text


def explain(exc: ValidationError) -> str:
    """Return the first validation error as one sentence: the field, the value, what is allowed."""
    error = exc.errors()[0]
    more = f" ({exc.error_count() - 1} more after that)" if exc.error_count() > 1 else ""
    # Names of fields are quoted as they are, and may hold anything.
    line = " ".join(_sentence(error).split()).encode(errors="backslashreplace").decode()
    return (line if len(line) <= 600 else f"{line[:599]}…") + more


def _sentence(error: ErrorDetails) -> str:
    path, owner = _locate(error["loc"])
    given, context = _shown(error.get("input")), error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            fields = list(owner.model_fields) if owner else []
            near = nearest(path.rpartition(".")[2], fields)
            advice = f"did you mean {' or '.join(near)}?" if near else f"fields there: {', '.join(fields)}."
            return f"{path} is not a field; {advice}"
        case "missing":
            field = owner.model_fields.get(path.rpartition(".")[2]) if owner else None
            return f"{path} is missing{': ' + field.description if field and field.description else ''}"
        case "union_tag_invalid":
            allowed = str(context["expected_tags"]).replace("'", "")
            near = nearest(str(context["tag"]), allowed.split(", "))
            return f"{path}.kind = {_shown(context['tag'])} is not allowed; {_did_you_mean(near)}allowed: {allowed}"
        case "union_tag_not_found":
            return f"{path} = {given} does not say which kind it is; give {path}.kind"
        case "literal_error":
            allowed = str(context["expected"]).replace("'", "")
            near = nearest(str(error.get("input")), allowed.replace(" or ", ", ").split(", "))
            return f"{path} = {given} is not allowed; {_did_you_mean(near)}allowed: {allowed}"
        case "value_error":
            reason = str(context["error"])
            return f"{path}: {reason}" if path else reason
        case "model_type" | "model_attributes_type":
            return f"{path} = {given} is not allowed; it must be fields with values, like {{name: value}}"
        case _:
            allowed = error["msg"].replace("Input should be ", "").replace("String should have", "text of")
            return f"{path} = {given} is not allowed; it must be {allowed}"


def _shown(value: Any) -> str:
    """Return a value as it is quoted in a sentence: never a page of it, however often its parts repeat."""
    brief = reprlib.Repr()
    brief.maxstring = brief.maxother = brief.maxlong = 2 * SHORT
    brief.maxlist = brief.maxtuple = brief.maxdict = 20
    brief.maxlevel = 3
    try:
        text = brief.repr(value)
    except ValueError:  # Python writes no number of more than 4,300 digits.
        text = "a number of thousands of digits"
    return text if len(text) <= SHORT else f"{text[: SHORT - 1]}…"


def _did_you_mean(near: list[str]) -> str:
    return f"did you mean {near[0]}? " if near else ""


def _locate(loc: tuple[int | str, ...]) -> tuple[str, type[BaseModel] | None]:
    """Drop the tags that pydantic puts into a location, and return the model that owns the last part."""
    node: type[BaseModel] | None = RunSpec
    path: list[str] = []
    owner = node
    options: dict[str, type[BaseModel]] = {}
    for part in loc:
        if options and part in options:
            node, options = options[str(part)], {}
            continue
        path.append(str(part))
        if isinstance(part, int):  # Which one of several: all of them are of the same union.
            continue
        owner = node
        field = node.model_fields.get(str(part)) if node else None
        models = models_in(field.annotation) if field else []
        options = members(field.annotation) if field else {}
        node = models[0] if models else None
    return ".".join(path), owner


def _kind(part: Any) -> str | None:
    kind = part.get("kind") if isinstance(part, Mapping) else None
    return kind if isinstance(kind, str) else None


def _keep_known(old: Mapping[str, Any], key: str, kind: Any) -> dict[str, Any]:
    field = RunSpec.model_fields.get("device" if key == "fast_device" else key)
    models = members(field.annotation) if field else {}
    known = set(models[kind].model_fields) if isinstance(kind, str) and kind in models else set()
    known |= {name for name, meant in WRITTEN_OTHERWISE.items() if meant in known}
    return {k: v for k, v in old.items() if k in known and k != "kind"}
