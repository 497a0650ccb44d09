"""Results that are read back: whatever a file holds, it is read, or refused by one sentence."""

import copy
import json
import os
import time

import jsonschema
import msgspec
import pytest
from cohort_stand_in import template

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.files import read_regular
from HeadCTIQALib.record import Record, check_record, read_record, to_json
from HeadCTIQALib.record.earlier_schema import misfit, record_schema
from HeadCTIQALib.record.schema import json_schema
from HeadCTIQALib.strict_json import parse
from HeadCTIQALib.volume.types import Acquisition


@pytest.fixture
def record():
    return to_json(template()[0])


def written(folder, text):
    (folder / "assessment.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


# files that are none


def test_what_is_no_ordinary_file_is_refused_at_once(tmp_path):
    pipe, folder, link = tmp_path / "pipe", tmp_path / "folder", tmp_path / "link"
    os.mkfifo(pipe)
    folder.mkdir()
    link.symlink_to("/dev/zero")
    began = time.monotonic()
    for path in (pipe, folder, link, "/dev/zero", "/dev/null"):
        with pytest.raises(InputError, match="no ordinary file"):
            read_regular(path, 1000, "The file")
    assert time.monotonic() - began < 1


def test_a_file_is_read_up_to_its_limit(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(bytes(1000))
    assert read_regular(path, 1000, "The file") == bytes(1000)
    with pytest.raises(InputError, match="too large"):
        read_regular(path, 999, "The file")
    with path.open("wb") as stream:
        stream.truncate(1 << 40)  # takes no room on the disk
    with pytest.raises(InputError, match="too large"):
        read_regular(path, 999, "The file")
    with pytest.raises(InputError, match="cannot be read"):
        read_regular("a\0b", 1, "The file")
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "none", 1, "The file")


# JSON


@pytest.mark.parametrize(("text", "reason"), [
    (b"", "not JSON"), (b"{", "not JSON"), (b"\xff\xfe", "not JSON"), (b"\xef\xbb\xbf{}", "not JSON"), (b"[1,]", "not JSON"),
    (b"[NaN]", "NaN"), (b"[-Infinity]", "-Infinity"), (b"[1e400]", "1e400"), (b"[" + b"9" * 5000 + b"]", "out of range"),
    (b"[1e13]", "out of range"), (b'{"a": 1, "a": 2}', '"a" appears twice'), (b'["\\ud800"]', "half a character"),
    (b'{"\\udfff": 1}', "half a character"), (b"[" * 100_000 + b"]" * 100_000, "nested"), (b"[" * 40 + b"]" * 40, "nested"),
    (b'{"a":' * 900 + b"1" + b"}" * 900, "nested"),
])  # fmt: skip
def test_json_that_not_every_program_understands_is_refused(text, reason):
    with pytest.raises(InputError, match=reason) as caught:
        parse(text, "The file x", "write it again")
    assert str(caught.value).startswith("The file x is damaged (")
    assert str(caught.value).endswith("; write it again.")


def test_json_that_every_program_understands_is_read():
    assert parse('{"a": [1, -2.5e3, "ü\\ud83d\\ude00", null, true, {}]}'.encode(), "", "") == {
        "a": [1, -2500.0, "ü😀", None, True, {}]
    }


# the schema and what lies beyond


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_every_keyword_of_an_earlier_schema_is_known(version):
    def keywords(schema):
        if isinstance(schema, dict):
            for key, value in schema.items():
                yield key
                named = key in ("properties", "$defs")
                yield from (k for part in (value.values() if named else [value]) for k in keywords(part))
        elif isinstance(schema, list):
            yield from (k for part in schema for k in keywords(part))

    from HeadCTIQALib.record import earlier_schema as schema

    assert set(keywords(record_schema(version))) <= {*schema._NOTES, *schema._SIMPLE, *schema._STRUCTURE}


def test_the_schema_knows_the_type_of_every_acquisition_tag():
    from dataclasses import fields

    assert {f.name for f in fields(Acquisition)} == set(json_schema()["$defs"]["AcquisitionEntry"]["properties"])


def test_a_pattern_has_to_match_to_the_end(record):
    record["created"] += "\n"
    with pytest.raises(InputError, match=r"\(at created\)"):
        check_record(record, "x")
    schema = record_schema("1.1")
    assert misfit("a\n", {"pattern": "^a$"}, schema) == "the whole"


def at(record, path):
    for key in path:
        record = record[key]
    return record


@pytest.mark.parametrize(("path", "value"), [
    (("input", "geometry", "slice_positions_mm"), []),
    (("input", "geometry", "normal_ras"), [0, 0, 0]),
    (("input", "geometry", "row_step_ras"), [0, 0, 0]),
    (("input", "geometry", "first_origin_ras"), [1e9, 0, 0]),
    (("input", "shape"), [24, 100_000, 100_000]),
    (("input", "shape"), [24.0, 64, 64]),
    (("input", "shape"), [True, 64, 64]),
    (("input", "acquisition", "kvp"), "120"),
    (("input", "acquisition", "series_description"), 5),
    (("input", "acquisition", "isocentre_ras"), [1]),
    (("findings", "motion_grades"), [0]),
    (("findings", "motion_index"), [0.0] * 25),
    (("findings", "midsagittal", "normal"), [0, 0, 0]),
    (("findings", "landmarks", "BASION", "position"), [1, 2]),
    (("iqms", "noise", "evidence", "slice_index"), 24),
    (("iqms", "noise", "evidence", "slices"), [24]),
    (("iqms", "noise", "evidence", "window"), [40, 0]),
    (("iqms", "noise", "value"), True),
    (("iqms", "noise"), None),
    (("overall", "score"), 101),
    (("overall", "band"), "fine"),
    (("extras", 0, "reason"), None),
    (("extras", 0, "value"), "wide"),
])  # fmt: skip
def test_a_record_that_contradicts_itself_is_refused_and_the_place_named(record, tmp_path, path, value):
    if at(record, path[:-1]) is None:
        pytest.skip("not in this record")
    at(record, path[:-1])[path[-1]] = value
    with pytest.raises(InputError, match=rf"is damaged \(at {path[0]}") as caught:
        read_record(written(tmp_path, json.dumps(record)))
    assert "\n" not in str(caught.value)


def test_a_missing_key_is_named(record, tmp_path):
    del record["iqms"]["noise"]["evidence"]
    with pytest.raises(InputError, match=r"\(at iqms\.noise\.evidence\)"):
        read_record(written(tmp_path, json.dumps(record)))


def test_a_sound_record_is_read_quickly_and_as_it_is(record, tmp_path):
    folder = written(tmp_path, json.dumps(record))
    began = time.process_time()
    for _ in range(5):
        assert to_json(read_record(folder)) == record
    assert (time.process_time() - began) / 5 < 0.1


def test_the_schema_means_what_another_validator_reads_in_it(record):
    """Every value of a record in turn replaced by another type: what the types refuse the schema refuses, and the other way round.

    Apart from parts that contradict each other, which no schema can say, and parts of the scoring model.
    """
    other = jsonschema.Draft202012Validator(json_schema())
    places = list(_places(record))[::3]
    for n, path in enumerate(places):
        value = [None, True, "x", 7, -1.5, [], {}, [1.5, 2.5, 3.5]][n % 8]
        changed = copy.deepcopy(record)
        at(changed, path[:-1])[path[-1]] = value
        refused = refusal(changed)
        if "contradicts itself" not in refused:
            assert (refused == "") == other.is_valid(changed), (path, refused)


def refusal(content):
    """What the types say against it."""
    try:
        msgspec.convert(content, Record)
    except msgspec.ValidationError as error:
        return str(error)
    return ""


def _places(value, path=()):
    """Every place in JSON; of long lists the first."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, part in items:
        yield from _places(part, (*path, key))
