#!/usr/bin/env python3
"""Makes one of the stores beside this file, with the program of an earlier commit:

    git worktree add --detach /tmp/old COMMIT
    cd /tmp/old && cargo build --locked -p seatrial-cli
    make.py target/debug/seatrial COMMIT OUT.tar.gz [--pilot] [--kill]

A delivery of the example by commands alone, up to production (`--pilot`: up to the pilot), a few cases, an answered
review, an override, an outcome, a stop. `--kill`: the server is ended by SIGKILL with requests under way, so that
the write-ahead log is part of what is kept.
"""

import gzip, io, json, os, signal, subprocess, sys, tarfile, tempfile, threading, time, urllib.request, urllib.error
from datetime import date, timedelta

binary, commit, out = os.path.abspath(sys.argv[1]), sys.argv[2], os.path.abspath(sys.argv[3])
pilot, kill = "--pilot" in sys.argv, "--kill" in sys.argv
repo = subprocess.check_output(["git", "rev-parse", "--show-toplevel"], text=True).strip()
DEV, LENA = "dev@shipyard.example", "lena@shipyard.example"
HANA, HUGO, UNA = "hana@harbour.example", "hugo@harbour.example", "una@harbour.example"
RIA, REX, UGO = "ria@harbour.example", "rex@harbour.example", "ugo@harbour.example"
STEP = "/v1/workflows/credit-preapproval/steps/assess/run"
# Enough of the example's applications to earn a certificate, few enough to be kept here.
APPLICATIONS = int(os.environ.get("APPLICATIONS", "2400"))


def act(who, *args, can_fail=False):
    done = subprocess.run([binary, *args], cwd=root, env={**os.environ, "SEATRIAL_AS": who}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    if done.returncode and not can_fail:
        sys.exit(f"{who} {args}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    if done.returncode:
        print("not done:", args[:3], done.stderr.strip()[-200:])
    return done.stdout


def shown(who, *args):
    return json.loads(act(who, *args, "--format", "json"))


def answer(who, review, how, *more):
    act(who, "review", "claim", review, can_fail=True)
    show = shown(who, "review", "show", review)
    judged = show["output"] if (show.get("output") or {}).get("commitment") else show["input"]
    act(who, "review", "answer", review, how, *more, "--reason", "by hand", "--seen", judged["commitment"])


def drills():
    act(UNA, "drill", "override")
    act(UNA, "drill", "incident", "--resumed-by", HANA)
    for control in ["escalation", "degraded"]:
        close = ["drill", control]
        for review in shown(HANA, "drill", control)["reviews"]:
            who = HUGO if review["to"] == "credit" else UNA
            answer(who, review["review"], "own", "--output", '{"decision":"decline","confidence":1.0}')
            close += ["--done", review["review"]]
        act(HANA, *close)


def piloted():
    act(HANA, "simulate", "traffic", "applications", "--side", "tune", "--count", "110")
    act(HANA, "simulate", "answers", "--taking", "1s")
    act(LENA, "pilot", "report")
    act(HANA, "approve", "pilot.findings", "--stage", "production", "--yes")
    act(HANA, "measure", "waiting", "0.6", "--from", "2020-01-01", "--until", "2099-12-31", "--note", "the queue")
    real = next(d for d in shown(HANA, "decision", "list", "--limit", "20") if not d["rehearsal"])
    case = shown(HANA, "decision", "show", real["decision"])["case"]["text"]
    open(f"{root}/cases.csv", "w").write(f"case_id\n{case}\n")
    act(HANA, "reconcile", "cases.csv", "--from", "2020-01-01", "--until", "2099-12-31")
    open(f"{root}/challenge.txt", "w").write("Challenged: simulated.\n")
    act(RIA, "file", "validation.independent", "challenge.txt", "--stage", "production")
    act(REX, "approve", "validation.independent", "--stage", "production", "--yes")
    waiver = shown(HANA, "waive", "oversight.efficacy", "--stage", "production", "--reason", "too few cases yet",
                   "--measure", "risk reads twenty a week", "--until", str(date.today() + timedelta(days=80)))
    act(RIA, "waive", "grant", waiver.get("event") or waiver["waiver"], "--yes")


def production(newer):
    event = shown(LENA, "explain", "eval.boundary", "--stage", "production")["events"][0]
    act(HANA, "question", "answer", "missing-income", "--cites", event, "No: an underwriter decides")
    if newer:
        piloted()
    for who, what, role in [(HANA, "spec.intent", "credit"), (RIA, "spec.intent", "risk"),
                            (HANA, "risk.register", "credit"), (RIA, "risk.register", "risk"),
                            (HUGO, "approval.credit", None), (RIA, "approval.risk", None)]:
        act(who, "approve", what, "--stage", "production", "--yes", *(["--role", role] if role else []))
    for what in ["workflow", "changes", "behaviour", "evolution"]:
        act(HANA, "accept", what)
        act(HUGO, "accept", what)
    for who in [UNA, UGO, HANA]:
        act(who, "accept", "exceptions")
    act(HUGO, "approve", "release.approval", "--stage", "production", "--yes", "--role", "credit")
    act(REX, "approve", "release.approval", "--stage", "production", "--yes", "--role", "risk")
    act(HANA, "release", "production")


def decide(address, token, n):
    body = json.dumps({"input": rows[n % len(rows)]["input"], "case": f"case-{n}"}).encode()
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(address + STEP, body, headers), timeout=20) as r:
            return r.headers["x-seatrial-decision"]
    except urllib.error.HTTPError as error:
        return error.headers["x-seatrial-decision"]


def served():
    server = subprocess.Popen([binary, "serve", "--listen", "127.0.0.1:0"], cwd=root, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
    return server, "http://" + server.stdout.readline().strip().rsplit("http://", 1)[1]


def serve():
    token = act(HANA, "token", "issue", "caller", "web-shop", "--step", "*").strip()
    server, address = served()
    decisions = [d for d in (decide(address, token, n) for n in range(12)) if d]
    waiting = shown(UNA, "review", "list")
    mine = next((r for r in waiting if r.get("to") == "underwriters"), None)
    if mine:
        answer(UNA, mine["review"], "own", "--output", '{"decision":"pre-approve","confidence":0.9}')
    act(HANA, "override", decisions[0], "block", "--reason", "other", "--text", "seen twice", can_fail=True)
    act(UNA, "outcome", decisions[1], '{"outcome":"good"}', can_fail=True)
    act(HANA, "stop", "--reason", "an exercise")
    act(HUGO, "resume", "--reason", "over")
    server.send_signal(signal.SIGTERM)
    assert server.wait() == 0
    if not kill:
        return
    server, address = served()

    def call(n):
        try:
            decide(address, token, n)
        except OSError:
            pass  # the server is gone

    callers = [threading.Thread(target=call, args=(n,)) for n in range(20, 26)]
    for caller in callers:
        caller.start()
    time.sleep(0.03)
    server.kill()
    server.wait()
    for caller in callers:
        caller.join()


with tempfile.TemporaryDirectory() as top:
    root = f"{top}/factory"
    os.mkdir(root)
    example = subprocess.check_output(["git", "-C", repo, "archive", commit, "examples/credit-preapproval"])
    subprocess.run(["tar", "x", "-C", root, "--strip-components=2"], input=example, check=True)
    file = f"{root}/workflows/credit-preapproval/examples/applications.jsonl"
    lines = open(file).read().splitlines(keepends=True)[:APPLICATIONS]
    open(file, "w").writelines(lines)
    rows = [json.loads(line) for line in lines]
    newer = "piloted" in subprocess.run(["git", "-C", repo, "show", f"{commit}:crates/cli/tests/it/support.rs"],
                                        capture_output=True, text=True).stdout
    act(DEV, "submit")
    act(DEV, "calibrate", "approve", "--salt", "5eed", "--write")
    act(DEV, "calibrate", "approve", "--certify", can_fail=True)
    act(DEV, "eval")
    act(DEV, "rehearse")
    act(HANA, "drill", "stop", "--resumed-by", HUGO)
    if newer:
        drills()
    for who, what in [(HANA, "spec.intent"), (HANA, "approval.credit"), (LENA, "release.approval")]:
        act(who, "approve", what, "--stage", "pilot", "--yes")
    act(LENA, "release", "pilot")
    if not pilot:
        production(newer)
    serve()
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for name in sorted(os.listdir(root)):
            tar.add(f"{root}/{name}", name,
                    filter=lambda t: None if t.name.endswith((".sock", "-shm", "applications.jsonl")) or not (t.isfile() or t.isdir()) else t)
    open(out, "wb").write(gzip.compress(raw.getvalue(), 9, mtime=0))
    print(out, os.path.getsize(out), "bytes")
