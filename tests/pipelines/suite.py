"""Runs the recipes of docs/pipelines as their services would, on a copy of the example. Each check is one line; the last
line counts them. Of Seatrial nothing is replaced; `gh` and `curl` write what they would post into files."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import traceback
import xml.etree.ElementTree as ElementTree

from ruamel.yaml import YAML

ROOT = pathlib.Path.cwd()
RECIPES = ROOT / "docs/pipelines"
YARD = pathlib.Path(os.environ["SEATRIAL_YARD"])
SEATRIAL = pathlib.Path(os.environ["SEATRIAL"])
VALIDATOR = os.environ["SARIF_VALIDATOR"]
AUTHOR = "dev@shipyard.example"
OPERATOR = "hana@harbour.example"
SPEC = "workflows/credit-preapproval/workflow.yaml"

checks = []


def check(name):
    return lambda run: checks.append((name, run)) or run


def yaml(path):
    return YAML(typ="safe", pure=True).load(path.read_text())


def environment(**more):
    """What every step sees: the program under test first on the path, and nothing of ours besides."""
    env = {key: os.environ[key] for key in ("HOME", "LANG", "TERM") if key in os.environ}
    env["HOME"] = str(YARD / "home")
    env["PATH"] = f"{YARD / 'bin'}:{SEATRIAL.parent}:/usr/local/bin:/usr/bin:/bin"
    env["NO_COLOR"] = "1"
    return env | {key: str(value) for key, value in more.items()}


def run(arguments, cwd, status=0, env=None):
    done = subprocess.run(arguments, cwd=cwd, env=env or environment(), capture_output=True, text=True, timeout=300)
    if status is not None and done.returncode != status:
        raise AssertionError(f"{arguments} ended with {done.returncode}, not {status}:\n{done.stdout}{done.stderr}")
    return done


def git(cwd, *arguments):
    return run(["git", "-c", "user.name=Dev", "-c", "user.email=dev@shipyard.example", *arguments], cwd).stdout.strip()


def step(script, cwd, env, status=0):
    """A step, as both services run bash: it ends at the first command that fails, also within a pipe."""
    return run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], cwd, status, env)


def stub(name, body):
    path = YARD / "bin" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(body)
    path.chmod(0o755)


def edit(repository, old, new):
    path = repository / SPEC
    text = path.read_text()
    assert text.count(old) >= 1, f"the example does not hold {old!r} any more"
    path.write_text(text.replace(old, new, 1))


def prepare():
    """A repository with the example, a change of it on a branch, and two tools that post comments into files."""
    (YARD / "home").mkdir(parents=True)
    stub("gh", '#!/bin/sh\nprintf "%s\\n" "$@" > "$COMMENT.args"\nfor a in "$@"; do last="$a"; done\ncp "$last" "$COMMENT"\n')
    stub("curl", '#!/bin/sh\nprintf "%s\\n" "$@" > "$COMMENT.args"\n'
         'for a in "$@"; do case "$a" in body=\\<*) cp "${a#body=<}" "$COMMENT";; esac; done\necho "{}" > comment.json\n')
    work = YARD / "work"
    shutil.copytree(ROOT / "examples/credit-preapproval", work, ignore=shutil.ignore_patterns(".seatrial"))
    (work / ".gitignore").write_text(".seatrial/\n")
    git(work, "init", "--quiet", "--initial-branch", "main")
    git(work, "add", ".")
    git(work, "commit", "--quiet", "-m", "the factory")
    git(work, "checkout", "--quiet", "-b", "change")
    widen(work)
    git(work, "commit", "--quiet", "-a", "-m", "a change")
    git(work, "checkout", "--quiet", "main")
    return work


def widen(work):
    """Takes one rule out of the spec: the AI may do more than before."""
    path = work / SPEC
    text = path.read_text()
    rule = re.search(r"\n      protected-reason:\n(?:        .*\n)+", text)
    assert rule, "the example has no rule `protected-reason` any more"
    path.write_text(text.replace(rule.group(0), "\n", 1))


def clone(work, name, branch):
    target = YARD / name
    git(YARD, "clone", "--quiet", "--branch", branch, str(work), str(target))
    return target


# -- what the services put into the expressions of a recipe: whatever is not here is an error of the recipe

def expressions(work, head, temp):
    return {
        "github.event.pull_request.base.sha": git(work, "rev-parse", "main"),
        "github.event.pull_request.number": "7",
        "github.repository": "harbour/factory",
        "github.token": "a-token",
        "runner.temp": str(temp),
        "secrets.SEATRIAL_TOKEN": head.get("token", ""),
        "vars.SEATRIAL_AS": AUTHOR,
        "vars.SEATRIAL_HOME": str(head.get("home", "")),
        "vars.SEATRIAL_IMAGE": "harbour/seatrial",
    }


def resolved(value, known):
    def one(found):
        name = found.group(1).strip()
        assert name in known, f"the recipe uses `{name}`, which this test does not know"
        return known[name]

    return re.sub(r"\$\{\{(.*?)\}\}", one, str(value))


ACTIONS = {"actions/checkout", "actions/upload-artifact", "github/codeql-action/upload-sarif"}


def github_job(name, work, checkout, head, expected=None):
    """Runs the shell steps of a job. Returns what each ended with, by its name."""
    job = yaml(RECIPES / "github-actions.yml")["jobs"][name]
    temp = YARD / f"temp-{name}"
    temp.mkdir(exist_ok=True)
    known = expressions(work, head, temp)
    base = environment(
        GITHUB_WORKSPACE=checkout, GITHUB_STEP_SUMMARY=temp / "summary.md", GITHUB_SHA=git(checkout, "rev-parse", "HEAD"),
        RUNNER_TEMP=temp, COMMENT=temp / "comment.md",
    )
    base |= {key: resolved(value, known) for key, value in job.get("env", {}).items()}
    ended = {}
    for part in job["steps"]:
        if "uses" in part:
            action, _, version = part["uses"].partition("@")
            assert action in ACTIONS and version, f"{part['uses']}: another action, or one without a version"
            continue
        env = base | {key: resolved(value, known) for key, value in part.get("env", {}).items()}
        assert "${{" not in part["run"], f"{part['name']}: an expression within a script can be injected into"
        status = (expected or {}).get(part["name"], 0)
        ended[part["name"]] = step(part["run"], checkout, env, status)
        if status and part["name"] not in (expected or {}):
            break
    return temp, ended


def gitlab_job(name, checkout, env, status=0):
    job = yaml(RECIPES / "gitlab-ci.yml")[name]
    return step("\n".join(job["script"]), checkout, env, status)


def sarif(path, findings):
    """Valid for the reference validator, with GitHub's rules for what code scanning takes in."""
    report = path.with_suffix(".validation.sarif")
    env = environment(DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1, DOTNET_BUNDLE_EXTRACT_BASE_DIR=YARD / "dotnet")
    run([VALIDATOR, "validate", str(path), "--rule-kind", "Sarif;GH", "--level", "Error", "--quiet", "true",
         "--output", str(report), "--log", "ForceOverwrite"], path.parent, env=env)
    objections = [r for r in json.loads(report.read_text(encoding="utf-8-sig"))["runs"][0].get("results", [])
                  if r.get("level", "warning") == "error"]
    assert not objections, objections
    results = json.loads(path.read_text())["runs"][0]["results"]
    assert (len(results) > 0) == findings, results
    return results


def junit(path):
    """The counts of a JUnit report, added up from its cases, and as its suites state them."""
    root = ElementTree.parse(path).getroot()
    suites = [root] if root.tag == "testsuite" else list(root.iter("testsuite"))
    assert suites, "no suite"
    counted = {"tests": 0, "failures": 0}
    for suite in suites:
        cases = list(suite.iter("testcase"))
        failed = [case for case in cases if case.find("failure") is not None]
        assert (len(cases), len(failed)) == (int(suite.get("tests")), int(suite.get("failures"))), suite.attrib
        counted["tests"] += len(cases)
        counted["failures"] += len(failed)
    return counted


@check("both recipes fit their services' schemas")
def schemas():
    validate = [sys.executable, "-m", "check_jsonschema", "--builtin-schema"]
    run([*validate, "vendor.github-workflows", str(RECIPES / "github-actions.yml")], ROOT)
    run([*validate, "custom.github-workflows-require-timeout", str(RECIPES / "github-actions.yml")], ROOT)
    run([*validate, "vendor.gitlab-ci", "--data-transform", "gitlab-ci", str(RECIPES / "gitlab-ci.yml")], ROOT)


@check("the schemas object to what is no recipe")
def schemas_object():
    bad = YARD / "bad.yml"
    bad.write_text("on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    stepz: []\n")
    run([sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(bad)], ROOT, status=1)


@check("GitHub, a pull request: findings, diff, comment, trial")
def github_change():
    checkout = clone(WORK, "github-change", "change")
    temp, _ = github_job("change", WORK, checkout, {})
    sarif(checkout / "seatrial.sarif", findings=False)
    diff = (checkout / "diff.md").read_text()
    assert "protected-reason" in diff and "widen" in diff.lower(), diff
    assert (temp / "summary.md").read_text() == diff and (temp / "comment.md").read_text() == diff
    assert "7" in (temp / "comment.md.args").read_text().split()
    counted = junit(checkout / "eval.xml")
    assert counted["tests"] > 20 and counted["failures"] == 0, counted


@check("GitHub, a spec with an error: red, and the finding has its line")
def github_broken():
    checkout = clone(WORK, "github-broken", "main")
    edit(checkout, "influence:", "influnce:")
    job = yaml(RECIPES / "github-actions.yml")["jobs"]["change"]
    script = next(part["run"] for part in job["steps"] if part.get("name") == "Check")
    step(script, checkout, environment(), status=1)
    results = sarif(checkout / "seatrial.sarif", findings=True)
    place = results[0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == SPEC and place["region"]["startLine"] > 1, place


@check("GitHub, an example that fails: red, and the report names it")
def github_failing():
    checkout = clone(WORK, "github-failing", "main")
    path = next(iter(sorted((checkout / "workflows/credit-preapproval/examples").glob("boundary*"))))
    rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    turned = next(row for row in rows if (row.get("expected") or {}).get("verdict") == "escalate")
    turned["expected"]["verdict"] = "allow"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    job = yaml(RECIPES / "github-actions.yml")["jobs"]["change"]
    script = next(part["run"] for part in job["steps"] if part.get("name") == "Evaluate, on trial")
    step(script, checkout, environment(SEATRIAL_AS=AUTHOR), status=1)
    assert junit(checkout / "eval.xml")["failures"] >= 1
    assert turned["id"] in (checkout / "eval.xml").read_text()


def home(name):
    """A factory with a store of its own: its checkout of the repository, the spec submitted by its author, a token."""
    folder = clone(WORK, name, "main")
    git(folder, "remote", "set-url", "origin", str(WORK))
    run([SEATRIAL, "-C", folder, "submit", "--as", AUTHOR], YARD)
    issued = run([SEATRIAL, "-C", folder, "token", "issue", "ci", "pipeline", "--as", OPERATOR, "--format", "json"], YARD)
    return {"home": folder, "token": json.loads(issued.stdout)["token"]}


@check("GitHub, a release tag: evidence in the factory's log, and red while something is missing")
def github_evidence():
    head = home("github-home")
    checkout = clone(WORK, "github-evidence", "main")
    temp, _ = github_job("evidence", WORK, checkout, head, {"Ready for production": 1})
    assert junit(temp / "eval.xml")["failures"] == 0
    status = json.loads((temp / "status.json").read_text())
    assert status["stage"] == "production" and status["ready"] is False
    states = {line["id"]: line["state"] for line in status["obligations"]}
    assert states["spec.valid"] == "discharged" and states["release.approval"] == "open", states
    assert any(state == "discharged" for id, state in states.items() if id.startswith("eval.")), states


@check("a pipeline's token evaluates and does nothing else")
def ci_token():
    head = home("token-home")
    env = environment(SEATRIAL_TOKEN=head["token"])
    for act in (["approve", "spec.intent", "--stage", "pilot", "--yes"], ["sprint", "open", "--goal", "None"],
                ["question", "withdraw", "short-history", "None"], ["rehearse"],
                ["token", "issue", "operator", OPERATOR], ["stop", "--reason", "None"]):
        done = run([SEATRIAL, "-C", head["home"], *act], YARD, status=None, env=env)
        assert done.returncode == 3, (act, done.returncode, done.stdout, done.stderr)


@check("the evidence goes through the process that serves")
def through_the_owner():
    head = home("served-home")
    serving = subprocess.Popen([SEATRIAL, "-C", head["home"], "serve", "--listen", "127.0.0.1:0"],
                               env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for line in serving.stdout:
            if "http://" in line:
                break
        env = environment(SEATRIAL_TOKEN=head["token"], SEATRIAL_HOME=head["home"], CI_PROJECT_DIR=YARD)
        step('seatrial -C "$SEATRIAL_HOME" eval --junit "$CI_PROJECT_DIR/served.xml"', YARD, env)
        assert junit(YARD / "served.xml")["tests"] > 20
        assert serving.poll() is None, "the process that serves has ended"
    finally:
        serving.terminate()
        serving.communicate(timeout=30)


@check("GitLab, a merge request: findings, note, trial")
def gitlab_change():
    checkout = clone(WORK, "gitlab-change", "change")
    env = environment(
        CI_MERGE_REQUEST_DIFF_BASE_SHA=git(WORK, "rev-parse", "main"), SEATRIAL_COMMENT_TOKEN="a-token",
        CI_API_V4_URL="https://gitlab.example/api/v4", CI_PROJECT_ID="12", CI_MERGE_REQUEST_IID="7",
        COMMENT=YARD / "note.md", SEATRIAL_AS=AUTHOR,
    )
    for name in ("seatrial:check", "seatrial:diff", "seatrial:trial"):
        gitlab_job(name, checkout, env)
    sarif(checkout / "seatrial.sarif", findings=False)
    assert "protected-reason" in (YARD / "note.md").read_text()
    posted = (YARD / "note.md.args").read_text()
    assert "https://gitlab.example/api/v4/projects/12/merge_requests/7/notes" in posted
    assert junit(checkout / "eval.xml")["failures"] == 0


@check("GitLab, a release tag: evidence, and red while something is missing")
def gitlab_release():
    head = home("gitlab-home")
    checkout = clone(WORK, "gitlab-release", "main")
    env = environment(CI_COMMIT_SHA=git(checkout, "rev-parse", "HEAD"), CI_PROJECT_DIR=checkout,
                      SEATRIAL_HOME=head["home"], SEATRIAL_TOKEN=head["token"])
    gitlab_job("seatrial:evidence", checkout, env)
    assert junit(checkout / "eval.xml")["failures"] == 0
    gitlab_job("seatrial:ready", checkout, env, status=1)
    assert json.loads((checkout / "status.json").read_text())["ready"] is False


@check("the hook checks what is staged, and not the work tree")
def hook():
    repository = clone(WORK, "hook", "main")
    shutil.copy(RECIPES / "pre-commit", repository / ".git/hooks/pre-commit")
    edit(repository, "influence:", "influnce:")
    git(repository, "add", SPEC)
    identity = ["-c", "user.name=Dev", "-c", "user.email=dev@shipyard.example"]
    refused = run(["git", *identity, "commit", "-m", "misspelt"], repository, status=None)
    assert refused.returncode != 0 and "influnce" in refused.stdout + refused.stderr, refused
    git(repository, "checkout", "--quiet", "HEAD", "--", SPEC)
    (repository / "README.md").write_text("Read me.\n")
    git(repository, "add", "README.md")
    edit(repository, "influence:", "influnce:")
    run(["git", *identity, "commit", "--quiet", "-m", "a page"], repository)


WORK = prepare()
failed = 0
for name, body in checks:
    try:
        body()
        print(f"ok      {name}", flush=True)
    except Exception as error:  # one check that fails keeps no other from being made
        failed += 1
        where = traceback.extract_tb(error.__traceback__)[-1]
        print(f"FAILED  {name} ({where.name}:{where.lineno})\n        {str(error)[:3000]}", flush=True)
print(f"{len(checks) - failed} passed, {failed} failed")
sys.exit(1 if failed else 0)
