"""Tasks and annotations of Label Studio: made of rows and answers, and read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

from .opinions import (
    AS_LINES,
    CANNOT_TELL,
    FINAL,
    OPINION,
    ROW,
    Answer,
    Form,
    apart,
    as_lines,
    shown_key,
)

LABEL, COMMENT = "label", "comment"  # what the controls of our projects are called
_OBJECTS = {"image": "Image", "audio": "Audio"}  # tags that show what is no text
_VALUES = ("choices", "number", "rating")  # types of controls that give a label


def label_config(form: Form, key: str = "text") -> str:
    """Return a labelling interface for labels of a form, and rows that are shown under a key.

    Examples
    --------
    >>> print(label_config(Form("number", []), "image"))
    <View>
      <Image name="item" value="$image"/>
      <Number name="label" toName="item"/>
      <TextArea name="comment" toName="item" maxSubmissions="1" editable="true" required="false"/>
    </View>
    """
    tag = _OBJECTS.get(key, "Text")
    control = f'  <Number name="{LABEL}" toName="item"/>'
    if form.kind != "number":
        several = "multiple" if form.kind == "several" else "single"
        choices = [f"    <Choice value={quoteattr(str(each))}/>" for each in form.classes]
        start = f'  <Choices name="{LABEL}" toName="item" choice="{several}" showInLine="true">'
        control = "\n".join([start, *choices, "  </Choices>"])
    more = 'maxSubmissions="1" editable="true" required="false"'
    lines = [
        "<View>",
        f'  <{tag} name="item" value="${key}"/>',
        control,
        f'  <TextArea name="{COMMENT}" toName="item" {more}/>',
        "</View>",
    ]
    return "\n".join(lines)


def task_data(name: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of a task: those of the row, what is shown of it, and its id."""
    out = apart(data, (ROW, AS_LINES))
    if shown_key(data) == AS_LINES:
        out[AS_LINES] = as_lines(data) if data else str(name)
    return out | {ROW: name}


def task_of(said: Sequence[Answer], form: Form) -> dict[str, Any]:
    """Return a row with what is said of it as a task to import."""
    first = said[0]
    annotations = [_annotation(each, form) for each in said if each.kind is not None]
    return {"data": task_data(first.id, first.data), "annotations": annotations}


def _annotation(answer: Answer, form: Form) -> dict[str, Any]:
    is_skip, name = answer.kind == CANNOT_TELL, answer.annotator
    result = [] if is_skip else _result(answer.label, form)
    if answer.comment is not None:
        result.append(_of_control(COMMENT, "textarea", {"text": [answer.comment]}))
    out: dict[str, Any] = {
        "result": result,
        "was_cancelled": is_skip,
        "ground_truth": answer.kind == FINAL,
        "lead_time": answer.seconds,
        "created_at": answer.time,
        "updated_at": answer.time,
        "annotator": name,  # which Label Studio passes over
    }
    if name is not None and "@" in name:  # whom it looks for among its people
        out["completed_by"] = {"email": name}
    return out


def _result(label: Any, form: Form) -> list[dict[str, Any]]:
    """Return a label as the result of a control; that none of several fits is no result."""
    if form.kind == "number":
        return [_of_control(LABEL, "number", {"number": label})]
    names = label if isinstance(label, tuple) else (label,)
    return [_of_control(LABEL, "choices", {"choices": list(map(str, names))})] if names else []


def _of_control(name: str, kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"from_name": name, "to_name": "item", "type": kind, "value": value}


# In


def last_of_each(annotations: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the annotation of a task that counts of each person: her last one."""
    ordered = sorted(annotations, key=lambda each: (each.get("updated_at") or "", _id_of(each)))
    return list({(_who(each), _is_final(each)): each for each in ordered}.values())


def _is_final(annotation: Mapping[str, Any]) -> bool:
    """Whether it is a decision, which we alone write so."""
    return bool(annotation.get("ground_truth")) and "annotator" in annotation


def _id_of(annotation: Mapping[str, Any]) -> int:
    found = annotation.get("id")
    return found if isinstance(found, int) else 0


def _who(annotation: Mapping[str, Any]) -> Any:
    """Return who annotated, as Label Studio calls her."""
    by = annotation.get("annotator") or annotation.get("completed_by")
    return by.get("email") or by.get("id") if isinstance(by, Mapping) else by


def name_of_person(annotation: Mapping[str, Any], people: Mapping[Any, str]) -> str | None:
    """Return by what name a pool knows who annotated."""
    who = _who(annotation)
    return None if who is None else str(people.get(who, who)).strip() or None


def label_and_comment(
    result: Sequence[Mapping[str, Any]], label: str | None, comment: str | None, where: str
) -> tuple[Any, str | None]:
    """Return what the result of an annotation says: its label, () where there is none; its comment.

    `label` and `comment` are names of controls; None: the only ones that may be meant.
    """
    labels: dict[str, Any] = {}
    texts: dict[str, str] = {}
    others: dict[str, str] = {}
    for each in result:
        name, kind, value = each.get("from_name"), each.get("type"), each.get("value") or {}
        if kind == "textarea":
            text = value.get("text")
            texts[str(name)] = text if isinstance(text, str) else "\n".join(map(str, text or ()))
        elif kind in _VALUES and kind in value:
            found = value[kind]
            labels[str(name)] = tuple(found) if isinstance(found, list) else found
        else:
            others[str(name)] = str(kind)
    if label is None and len(labels) > 1 and LABEL not in labels:
        names = " and ".join(map(repr, sorted(labels)))
        raise ValueError(f"{where} has answers of {names}; write label={sorted(labels)[0]!r}.")
    if not labels and others and label not in others:
        name, kind = next(iter(others.items()))
        raise ValueError(
            f"{where} has {kind!r} of {name!r}, which labels parts of a row; what is read are "
            f"choices, numbers and ratings of whole rows."
        )
    chosen = label or (LABEL if LABEL in labels else next(iter(labels), LABEL))
    remark = comment or (COMMENT if COMMENT in texts else next(iter(texts), COMMENT))
    return labels.get(chosen, ()), texts.get(remark) or None


def answers_in(
    task: Mapping[str, Any],
    people: Mapping[Any, str],
    label: str | None = None,
    comment: str | None = None,
    on: str = ROW,
    where: str = "a task",
) -> Iterator[Answer]:
    """Yield what people say in a task; its id is that of the row, None where it has none.

    Labels are tuples of choices, or numbers; () where nothing was chosen.
    """
    data = dict(task.get("data") or {})
    data.pop(AS_LINES, None)
    common = {"id": data.pop(on, None), "data": data}
    said = last_of_each(task.get("annotations") or ())
    for each in said:
        found, remark = label_and_comment(each.get("result") or (), label, comment, where)
        is_skip = bool(each.get("was_cancelled"))
        yield Answer(
            label=None if is_skip else found,
            annotator=name_of_person(each, people),
            kind=CANNOT_TELL if is_skip else FINAL if _is_final(each) else OPINION,
            time=each.get("updated_at") or each.get("created_at"),
            comment=remark,
            seconds=each.get("lead_time"),
            **common,
        )
    if not said:
        yield Answer(**common)
