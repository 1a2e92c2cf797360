"""The exports of a handover pack, read by the programs of those who made the formats; and the pack alone with the small
verifier. Each validator must also refuse a file that is broken."""

import base64
import copy
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import checks
from checks import check, refused

BIN = pathlib.Path(os.environ["SEATRIAL_BIN"])
YARD = pathlib.Path(os.environ["SEATRIAL_YARD"])
PACK = YARD / "demo/handover"
KEY = (PACK / "KEY").read_text().strip()


def read(name):
    return json.loads((PACK / name).read_text())


def written(document, name="broken.json"):
    file = pathlib.Path(tempfile.mkdtemp(dir=YARD)) / name
    file.write_text(json.dumps(document))
    return file


# -- CycloneDX


def cyclonedx(text):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    error = JsonStrictValidator(SchemaVersion.V1_7).validate_str(text)
    if error:
        raise AssertionError(str(error)[:2000])


@check("CycloneDX 1.7: its own library accepts the bill of materials, and refuses a broken one")
def _():
    bom = read("cyclonedx.json")
    cyclonedx(json.dumps(bom))
    bom["components"][0]["type"] = "oracle"
    refused(cyclonedx, json.dumps(bom))


@check("CycloneDX: every reference of the declarations leads to something in the file")
def _():
    bom = read("cyclonedx.json")
    declared = set()

    def refs(value):
        if isinstance(value, dict):
            if "bom-ref" in value:
                assert value["bom-ref"] not in declared, f"twice: {value['bom-ref']}"
                declared.add(value["bom-ref"])
            for inner in value.values():
                refs(inner)
        elif isinstance(value, list):
            for inner in value:
                refs(inner)

    refs(bom)
    declarations = bom["declarations"]
    used = {c["target"] for c in declarations["claims"]}
    used |= {e for c in declarations["claims"] for e in c.get("evidence", []) + c.get("counterEvidence", [])}
    for entry in declarations["attestations"][0]["map"]:
        used |= {entry["requirement"], *entry.get("claims", []), *entry.get("counterClaims", [])}
    used |= {r for d in bom["dependencies"] for r in [d["ref"], *d["dependsOn"]]}
    assert used <= declared, sorted(used - declared)
    models = [c for c in bom["components"] if c["type"] == "machine-learning-model"]
    assert models and all(m["modelCard"]["quantitativeAnalysis"]["performanceMetrics"] for m in models)


# -- OSCAL


def trestle(workspace, *arguments):
    done = subprocess.run(["trestle", *arguments], cwd=workspace, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise AssertionError(f"trestle {arguments}: {done.stdout}{done.stderr}")
    return done.stdout


@check("OSCAL 1.2: compliance-trestle imports the assessment results and validates them, and refuses broken ones")
def _():
    workspace = pathlib.Path(tempfile.mkdtemp(dir=YARD))
    trestle(workspace, "init")
    trestle(workspace, "import", "-f", str(PACK / "oscal-assessment-results.json"), "-o", "pack")
    trestle(workspace, "validate", "-t", "assessment-results", "-n", "pack")
    broken = read("oscal-assessment-results.json")
    broken["assessment-results"]["results"][0]["findings"][0]["target"]["status"]["state"] = "green"
    refused(trestle, workspace, "import", "-f", str(written(broken)), "-o", "broken")


METASCHEMA = """
import json, sys
from oscal import AssessmentResults
document = AssessmentResults.load(sys.argv[1])
print(json.dumps([document.is_valid, document.oscal_version, str(document.validation_errors)]))
"""


def metaschema(file):
    # The package keeps NIST's metaschema, unpacked, in the folder that it is started in.
    kept = YARD.parent / "oscal"
    kept.mkdir(exist_ok=True)
    done = subprocess.run(["python", "-c", METASCHEMA, str(file)], cwd=kept, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    valid, version, errors = json.loads(done.stdout.splitlines()[-1])
    assert valid, errors[:2000]
    return version


@check("OSCAL 1.2: valid by NIST's metaschema: structure, data types, allowed values, cardinality; a broken one is not")
def _():
    version = metaschema(PACK / "oscal-assessment-results.json")
    assert version == "v1.2.0", version
    broken = read("oscal-assessment-results.json")
    del broken["assessment-results"]["results"][0]["start"]
    refused(metaschema, written(broken))


@check("OSCAL: a finding for each obligation, and its observations are entries of the log")
def _():
    result = read("oscal-assessment-results.json")["assessment-results"]["results"][0]
    observed = {o["uuid"] for o in result["observations"]}
    related = {r["observation-uuid"] for f in result["findings"] for r in f.get("related-observations", [])}
    assert related == observed and len(observed) > 5, (len(related), len(observed))
    chosen = result["reviewed-controls"]["control-selections"][0]["include-controls"]
    assert {c["control-id"] for c in chosen} == {f["target"]["target-id"] for f in result["findings"]}


# -- in-toto


def envelopes():
    return sorted((PACK / "attestations").glob("*.json"))


def public_key():
    from securesystemslib.signer import SSlibKey

    # A verifier key is `<name>+<id>+<base64 of the kind, 1 for Ed25519, and the key>`.
    raw = base64.b64decode(KEY.split("+", 2)[2])
    assert raw[0] == 1 and len(raw) == 33
    keyid = KEY.rsplit("+", 1)[0] if KEY.count("+") == 2 else "log"
    return SSlibKey(keyid, "ed25519", "ed25519", {"public": raw[1:].hex()})


def dsse(envelope):
    from securesystemslib.dsse import Envelope

    # It takes apart what it is given.
    parsed = Envelope.from_dict(copy.deepcopy(envelope))
    key = public_key()
    key.keyid = next(iter(parsed.signatures))
    parsed.verify([key], 1)
    return json.loads(parsed.payload)


def flipped(text, at):
    """Base64 of the same bytes, but for one bit of one of them."""
    raw = bytearray(base64.b64decode(text))
    raw[at % len(raw)] ^= 1
    return base64.b64encode(bytes(raw)).decode()


@check("in-toto: every envelope is signed by the log's key, as securesystemslib finds; changed in any part it is not")
def _():
    assert len(envelopes()) > 5
    for number, file in enumerate(envelopes()):
        envelope = json.loads(file.read_text())
        statement = dsse(envelope)
        (signature,) = envelope["signatures"]
        for at in range(number, 400, 97):
            refused(dsse, envelope | {"payload": flipped(envelope["payload"], at)})
            refused(dsse, envelope | {"signatures": [signature | {"sig": flipped(signature["sig"], at)}]})
        refused(dsse, envelope | {"payloadType": envelope["payloadType"] + "x"})
        refused(dsse, envelope | {"payload": ""})
        # What the statement is about, and what it says of it: rewritten as a forger would, signature kept.
        for change in [{"subject": [{"name": "x", "digest": {"sha256": "00" * 32}}]}, {"predicateType": "x"}, {"predicate": {}}]:
            forged = json.dumps(statement | change, separators=(",", ":")).encode()
            refused(dsse, envelope | {"payload": base64.b64encode(forged).decode()})
    other = json.loads(envelopes()[1].read_text())["signatures"]
    refused(dsse, json.loads(envelopes()[0].read_text()) | {"signatures": other})


@check("in-toto: every payload is a Statement v1 by the project's own library, its known predicates too; a broken one is not")
def _():
    from google.protobuf import json_format
    from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
    from in_toto_attestation.predicates.vsa.v1 import vsa_pb2
    from in_toto_attestation.v1 import statement, statement_pb2

    def accept(payload):
        parsed = json_format.ParseDict(payload, statement_pb2.Statement())
        statement.Statement.copy_from_pb(parsed).validate()
        known = {
            "https://slsa.dev/verification_summary/v1": vsa_pb2.VerificationSummary,
            "https://in-toto.io/attestation/test-result/v0.1": test_result_pb2.TestResult,
        }
        if payload["predicateType"] in known:
            predicate = dict(payload["predicate"])
            if "verifiedLevels" in predicate:
                # SLSA has a list; the library's own message still has a single one.
                (predicate["verifiedLevels"],) = predicate["verifiedLevels"]
            json_format.ParseDict(predicate, known[payload["predicateType"]]())
        return payload["predicateType"]

    payloads = [dsse(json.loads(file.read_text())) for file in envelopes()]
    kinds = {accept(payload) for payload in payloads}
    assert len(kinds) == 3, kinds
    broken = json.loads(json.dumps(payloads[0]))
    broken["subject"] = []
    refused(accept, broken)


@check("attest export: the same statements as the pack's, each signed, each entry proved; a changed signature is refused")
def _():
    out = YARD / "attestations"
    done = subprocess.run(
        [BIN / "seatrial", "attest", "export", str(out), "--as", "hana@harbour.example", "--format", "json"],
        cwd=YARD / "demo", capture_output=True, text=True, timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    index = json.loads((out / "index.json").read_text())
    assert (out / "KEY").read_text().strip() == KEY == index["key"]
    assert {line["kind"] for line in index["statements"]} == {"release", "evaluation", "approval"}
    for line in index["statements"]:
        payload = dsse(json.loads((out / line["file"]).read_text()))
        assert payload["predicateType"] == line["predicate_type"]
        proof = (out / line["proof"]).read_text()
        assert proof.startswith("c2sp.org/tlog-proof@v1\n") and f"index {line['entry']}\n" in proof, proof
    packed = {file.name: dsse(json.loads(file.read_text())) for file in envelopes()}
    for name, payload in packed.items():
        assert dsse(json.loads((out / name).read_text())) == payload, name
    changed = json.loads((out / index["statements"][0]["file"]).read_text())
    sig = bytearray(base64.b64decode(changed["signatures"][0]["sig"]))
    sig[0] ^= 1
    changed["signatures"][0]["sig"] = base64.b64encode(bytes(sig)).decode()
    refused(dsse, changed)
    again = subprocess.run(
        [BIN / "seatrial", "attest", "export", str(out), "--as", "hana@harbour.example"], cwd=YARD / "demo", capture_output=True, text=True, timeout=120,
    )
    assert again.returncode != 0 and "holds something already" in again.stderr, again.stderr


# -- SARIF


def sarif(file):
    """The reference validator's objections of level `error`, with GitHub's rules for what code scanning takes in."""
    report = file.with_suffix(".validation.sarif")
    env = {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", "DOTNET_BUNDLE_EXTRACT_BASE_DIR": str(YARD / "dotnet"), "HOME": str(YARD)}
    arguments = ["validate", str(file), "--rule-kind", "Sarif;GH", "--level", "Error", "--quiet", "true", "--output", str(report), "--log", "ForceOverwrite"]
    done = subprocess.run([os.environ["SARIF_VALIDATOR"], *arguments], capture_output=True, text=True, timeout=120, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(report.read_text(encoding="utf-8-sig"))["runs"][0].get("results", [])
    objections = [r for r in results if r.get("level", "warning") == "error"]
    assert not objections, objections


@check("SARIF: the assessment's red flags are valid by the reference validator; a broken file is not")
def _():
    done = subprocess.run(
        [BIN / "seatrial", "assess", "--sarif"], cwd=YARD / "demo", capture_output=True, text=True, timeout=120,
    )
    document = json.loads(done.stdout)
    sarif(written(document, "assess.sarif"))
    assert document["runs"][0]["results"], "the demo's simulated approvals raise nothing"
    del document["runs"][0]["tool"]
    refused(sarif, written(document, "broken.sarif"))


# -- CODEOWNERS and regulation


@check("CODEOWNERS: comments, or a pattern and e-mail addresses; the last line that fits counts")
def _():
    lines = [line for line in (PACK / "CODEOWNERS").read_text().splitlines() if line and not line.startswith("#")]
    assert lines and lines[0].startswith("* "), lines
    for line in lines:
        pattern, *owners = line.split()
        assert pattern == "*" or pattern.startswith("/"), line
        assert owners and all("@" in owner for owner in owners), line


@check("the mapping to laws says `supports`, and promises nothing")
def _():
    mapping = read("regulation.json")
    assert len(mapping["frameworks"]) >= 8
    for file in ["regulation.json", "index.html"]:
        assert "complian" not in (PACK / file).read_text().lower(), file


# -- the pack alone


def alone(directory, key=KEY):
    """The small binary alone, in an empty folder, without any environment."""
    done = subprocess.run(
        ["env", "-i", "./seatrial-verify", "pack", "--key", key],
        cwd=directory, capture_output=True, text=True, timeout=300,
    )
    return done.returncode, done.stdout


def empty_machine():
    directory = pathlib.Path(tempfile.mkdtemp(dir=YARD))
    shutil.copy(BIN / "seatrial-verify", directory)
    shutil.copytree(PACK, directory / "pack")
    return directory


@check("the pack in an empty folder with only the verifier: verified, and not under another key")
def _():
    directory = empty_machine()
    code, out = alone(directory)
    assert code == 0 and out.endswith("the pack  VERIFIED\n"), out
    assert "self-asserted" not in out and "SIMULATION" in out
    other = KEY.rsplit("+", 1)
    swapped = "+".join([other[0], base64.b64encode(b"\x01" + bytes(32)).decode()])
    assert alone(directory, swapped)[0] != 0


@check("one changed byte in any file, a removed file and an added one: each is found by the verifier")
def _():
    directory = empty_machine()
    files = sorted(path for path in (directory / "pack").rglob("*") if path.is_file())
    kinds = {}
    for path in files:
        inner = path.relative_to(directory / "pack")
        # Two of each folder: every single file of a small pack is tried in the verifier's own tests.
        place = "/".join(inner.parts[:2]) if inner.parts[0] == "log" else inner.parts[0]
        kinds.setdefault(place, []).append(path)
    chosen = [path for group in kinds.values() for path in group[:2]]
    for number, path in enumerate(chosen):
        before = path.read_bytes()
        changed = bytearray(before)
        changed[number * 31 % len(changed)] ^= 1
        path.write_bytes(changed)
        code, out = alone(directory)
        assert code == 1 and "NOT VERIFIED" in out, f"{path}: {code}"
        path.write_bytes(before)
    removed = directory / "pack/CODEOWNERS"
    removed.rename(directory / "kept")
    assert "CODEOWNERS: it is missing" in alone(directory)[1]
    (directory / "kept").rename(removed)
    (directory / "pack/extra.txt").write_text("more")
    assert "extra.txt: it is not in the manifest" in alone(directory)[1]
    (directory / "pack/extra.txt").unlink()
    assert alone(directory)[0] == 0


# -- what others attest


def page():
    """The program of the reference, as it stands there."""
    text = pathlib.Path("docs/reference/attestations.md").read_text()
    return text.split("```python\n")[1].split("```")[0]


@check("attest add: what securesystemslib signs by the reference's own program discharges an obligation; another key's does not")
def _():
    yard = YARD / "attested"
    shutil.copytree("examples/credit-preapproval", yard, ignore=shutil.ignore_patterns(".seatrial"))
    (yard / "attest.py").write_text(page())

    def run(*arguments, code=0):
        done = subprocess.run(arguments, cwd=yard, capture_output=True, text=True, timeout=120)
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    for name in ["scanner", "stranger"]:
        run("openssl", "genpkey", "-algorithm", "ed25519", "-out", f"{name}.key")
        run("openssl", "pkey", "-in", f"{name}.key", "-pubout", "-out", f"{name}.pem")
    pem = (yard / "scanner.pem").read_text().replace("\n", "\n        ")
    with (yard / "factory.yaml").open("a") as factory:
        factory.write(
            "obligations:\n  scanned:\n    title: Scanned\n    filed_by: risk\n    attestation:\n"
            f"      predicate: https://scanner.example/scan/v1\n      keys:\n      - |\n        {pem}\n"
        )
    run(BIN / "seatrial", "submit", "--as", "dev@shipyard.example")
    digest = json.loads(run(BIN / "seatrial", "digest", "--format", "json").stdout)["written"]
    for name in ["scanner", "stranger"]:
        (yard / f"{name}.json").write_text(run("python3", "attest.py", f"{name}.key", digest).stdout)

    def state():
        status = subprocess.run(
            [BIN / "seatrial", "status", "--submitted", "--stage", "production", "--format", "json"],
            cwd=yard, capture_output=True, text=True, timeout=120,
        )
        return next(o["state"] for o in json.loads(status.stdout)["obligations"] if o["id"] == "scanned")

    add = [BIN / "seatrial", "attest", "add", "--obligation", "scanned", "--as", "ria@harbour.example"]
    assert "no signature in it is good" in run(*add, "stranger.json", code=2).stderr
    assert state() == "open"
    run(*add, "scanner.json")
    assert state() == "discharged"
    verify = [BIN / "seatrial-verify", "attest", "scanner.json", "--key"]
    run(*verify, "scanner.pem")
    run(*verify, "stranger.pem", code=1)
    envelope = json.loads((yard / "scanner.json").read_text())
    payload = bytearray(base64.b64decode(envelope["payload"]))
    payload[-5] ^= 1
    envelope["payload"] = base64.b64encode(bytes(payload)).decode()
    (yard / "changed.json").write_text(json.dumps(envelope))
    run(BIN / "seatrial-verify", "attest", "changed.json", "--key", "scanner.pem", code=1)


checks.main()
