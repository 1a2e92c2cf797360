"""Rows for analysis, read by DuckDB: the same counts and sums as the program's own answers and as the log itself."""

import collections
import datetime
import hashlib
import json
import os
import pathlib
import struct
import subprocess

import checks
import duckdb
from checks import check, refused

SEATRIAL = os.environ["SEATRIAL"]
YARD = pathlib.Path(os.environ["SEATRIAL_YARD"])
DEMO = YARD / "demo"
ROWS = YARD / "rows"
WHO = "hana@harbour.example"


def seatrial(*arguments, code=0):
    done = subprocess.run([SEATRIAL, *map(str, arguments)], cwd=DEMO, capture_output=True, text=True, timeout=300)
    assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout if code == 0 else done.stderr


def answer(*arguments):
    return json.loads(seatrial(*arguments, "--format", "json"))


def ask(query, root=ROWS):
    connection = duckdb.connect()
    # Nothing is fetched: what does not come with the package is not used.
    connection.execute("SET autoinstall_known_extensions = false; SET autoload_known_extensions = false")
    for table in ["events", "decisions"]:
        if any((root / table).rglob("*.parquet")):
            files = root / table / "**/*.parquet"
            connection.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{files}', hive_partitioning = true, hive_types_autocast = false)")
    return connection.execute(query).fetchall()


KEYS = {line["log"]: line for line in answer("log", "key")}
(WORKFLOW,) = [log for log in KEYS if log != "factory"]
WRITTEN = answer("log", "parquet", ROWS)


def entries(log):
    """The leaves of a log, out of its export: what anybody can read without us."""
    out = YARD / f"export-{log}"
    if not out.exists():
        seatrial("log", "export", out, "--workflow", log)
    leaves = []
    for file in sorted((out / "tile/entries").rglob("*")):
        if file.is_file():
            data = file.read_bytes()
            while data:
                (size,) = struct.unpack(">H", data[:2])
                leaves.append(data[2 : 2 + size])
                data = data[2 + size :]
    return leaves


def day(event):
    return event["time"][:10]


@check("as many events as each log has entries, each under its own leaf hash")
def _():
    assert {line["log"]: line["events"] for line in WRITTEN["logs"]} == {log: key["size"] for log, key in KEYS.items()}
    for log in KEYS:
        leaves = entries(log)
        found = ask(f"SELECT index, leaf FROM events WHERE workflow = '{log}' ORDER BY index")
        assert found == [(i, hashlib.sha256(b"\0" + leaf).hexdigest()) for i, leaf in enumerate(leaves)], log


@check("events by kind and day, and their bodies, are those of the log; times are theirs to the millisecond")
def _():
    for log in KEYS:
        events = [json.loads(leaf) for leaf in entries(log)]
        counted = collections.Counter((e["kind"], day(e)) for e in events)
        found = {(k, d): n for k, d, n in ask(f"SELECT kind, day, count(*) FROM events WHERE workflow = '{log}' GROUP BY ALL")}
        assert found == counted, log
        rows = ask(f"SELECT body, epoch_ms(time), actor FROM events WHERE workflow = '{log}' ORDER BY index")
        for event, (body, ms, actor) in zip(events, rows, strict=True):
            time = datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
            assert json.loads(body) == event["body"] and actor == event["actor"]["id"], event["id"]
            assert ms == round(time.timestamp() * 1000), event["id"]


def listed():
    """Every decision, as the program lists them, page by page."""
    found = []
    while True:
        more = ["--before", found[-1]["decision"]] if found else []
        page = answer("decision", "list", "--limit", 200, "--as", WHO, *more)
        found += page
        if len(page) < 200:
            return found


def compared(root=ROWS):
    said = collections.Counter((d["decision"], d["step"], d["verdict"], d["action"], d["time"][:10]) for d in listed())
    found = collections.Counter(ask("SELECT id, step, verdict, action, day FROM decisions", root))
    assert said == found, (len(said), len(found), list((said - found).items())[:3], list((found - said).items())[:3])
    return sum(said.values())


@check("decisions by step, verdict, action and day: the same as `decision list` has; one row less is noticed")
def _():
    assert compared() > 300
    fewer = YARD / "fewer/decisions/workflow=w/day=2000-01-01"
    fewer.mkdir(parents=True)
    # With everything but one decision, and then with one verdict exchanged.
    whole = f"read_parquet('{ROWS}/decisions/**/*.parquet', hive_partitioning = true, hive_types_autocast = false)"
    for change in ["SELECT * FROM {} WHERE id <> (SELECT min(id) FROM {})", "SELECT * REPLACE (CASE WHEN id = (SELECT min(id) FROM {}) THEN 'maybe' ELSE verdict END AS verdict) FROM {}"]:
        query = change.format(whole, whole)
        duckdb.sql(f"COPY ({query}) TO '{YARD}/fewer/decisions' (FORMAT parquet, PARTITION_BY (workflow, day), OVERWRITE)")
        refused(compared, YARD / "fewer")


@check("sums of tokens, requests and cost are those of the log's decisions, by currency and by day")
def _():
    sums = collections.defaultdict(lambda: [0] * 6)
    for leaf in entries(WORKFLOW):
        event = json.loads(leaf)
        if event["kind"] == "decision.made/1":
            made = event["body"]
            usage, cost = made.get("usage") or {}, made.get("cost") or {}
            row = sums[(day(event), cost.get("currency"))]
            more = [1, made["facts"]["attempts"], made.get("requests", 0), usage.get("input", 0), usage.get("output", 0), cost.get("micros", 0)]
            row[:] = [a + b for a, b in zip(row, more)]
    columns = "count(*), sum(attempts), sum(requests), coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0), coalesce(sum(cost_micros), 0)"
    found = {(d, c): list(map(int, rest)) for d, c, *rest in ask(f"SELECT day, currency, {columns} FROM decisions GROUP BY day, currency")}
    assert found == dict(sums), list(found.items())[:3]
    assert sum(row[1] for row in sums.values()) > 0


@check("one decision at a time: verdict, action, release and confidence as `decision show` has them")
def _():
    rows = ask("SELECT id, verdict, action, release, confidence FROM decisions ORDER BY id")
    for id, verdict, action, release, confidence in rows[:: max(1, len(rows) // 12)]:
        shown = answer("decision", "show", id, "--as", WHO)
        assert (shown["decision"], shown["verdict"], shown["action"]) == (id, verdict, action)
        assert shown["release"] == release, (id, shown["release"], release)
        said = shown["facts"]["confidence"]
        assert (said["value"] if said["present"] else None) == confidence, (id, said, confidence)


@check("each row lies in the folder of its own day, and several days have one")
def _():
    assert ask("SELECT count(*) FROM events WHERE strftime(make_timestamp(epoch_ms(time) * 1000), '%Y-%m-%d') <> day") == [(0,)]
    assert ask("SELECT count(DISTINCT day) > 1 FROM events") == [(True,)], "the demo's clock moves"
    folders = {p.name for p in (ROWS / "events" / f"workflow={WORKFLOW}").iterdir()}
    assert folders == {f"day={d}" for (d,) in ask(f"SELECT DISTINCT day FROM events WHERE workflow = '{WORKFLOW}'")}


@check("only some days, only one workflow; a folder in use is refused, and a day that is none")
def _():
    days = [d for (d,) in ask(f"SELECT DISTINCT day FROM events WHERE workflow = '{WORKFLOW}' ORDER BY 1")]
    last = days[-1]
    seatrial("log", "parquet", YARD / "some", "--from", last, "--workflow", WORKFLOW)
    some = YARD / "some"
    assert ask("SELECT DISTINCT day FROM events ORDER BY 1", some) == [(last,)]
    (counted,) = ask(f"SELECT count(*) FROM events WHERE day = '{last}' AND workflow = '{WORKFLOW}'")
    assert ask("SELECT count(*) FROM events", some) == [counted]
    seatrial("log", "parquet", YARD / "before", "--to", days[0])
    assert ask("SELECT max(day) FROM events", YARD / "before") == [(days[0],)]
    assert ask("SELECT DISTINCT workflow FROM events", some) == [(WORKFLOW,)]
    assert "holds something already" in seatrial("log", "parquet", some, code=2)
    assert not [p for p in YARD.iterdir() if ".writing-" in p.name]
    assert "invalid value" in seatrial("log", "parquet", YARD / "none", "--from", "yesterday", code=2)


@check("the queries of the guide run")
def _():
    guide = pathlib.Path("docs/guides/analysis.md").read_text()
    queries = [part.split("```")[0] for part in guide.split("```sql\n")[1:]]
    assert len(queries) >= 4
    for query in queries:
        rows = duckdb.sql(query.replace("rows/", f"{ROWS}/")).fetchall()
        assert rows, query


checks.main()
