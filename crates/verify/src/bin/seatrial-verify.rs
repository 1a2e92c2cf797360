//! `seatrial-verify DIR [--key VKEY] [--witness VKEY]… [--json]`: checks an export of a Seatrial log, or a handover pack.
//! Needs the folder and the log's key, and nothing else.
//! `seatrial-verify attest FILE… --key KEY… [--subject FILE] [--json]`: checks signed statements by themselves.
//!
//! Ends with 0 where everything is in order, with 1 where there are problems, with 2 where nothing could be checked.

use seatrial_ledger::VerifierKey;
use seatrial_ledger::note::KeyError;
use seatrial_model::Time;
use seatrial_verify::attest::{Statement, key_of, read_envelope, subject_of};
use seatrial_verify::pack::{is_pack, verify_pack};
use seatrial_verify::{Folder, Trust, verify};
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

const USAGE: &str = "usage: seatrial-verify DIR [--key VKEY] [--witness VKEY]… [--json]
       seatrial-verify attest FILE… --key KEY… [--subject FILE] [--json]

Checks an export of a Seatrial log: every leaf, tile and checkpoint, every payload and blob that is in it, and
recomputes verdicts and findings. In a handover pack (a folder with a MANIFEST) it also checks the seal, every file,
every signed statement, and that each citation of the page is that event in the log.

  DIR             the folder of the export, or of the handover pack
  --key VKEY      the log's verifier key, from a source other than the export: <name>+<id>+<base64>;
                  without it the log's own word is taken, and the report says `self-asserted key`
  --witness VKEY  a witness that must have cosigned the newest checkpoint; any number of them
  --json          the report as JSON

attest checks in-toto Statements in DSSE envelopes, ours or anybody's, against keys (a text or a file; Ed25519, as PEM, a
line of OpenSSH or a verifier key), and with --subject that each is about that file. A folder that is called `attest` is
named as `./attest`.

Ends with 0: everything is in order; 1: there are problems; 2: nothing was checked.
";

/// What is to be checked of signed statements.
struct AttestArgs {
    files: Vec<String>,
    keys: Vec<String>,
    subject: Option<String>,
    json: bool,
}

fn parse_attest(mut args: impl Iterator<Item = String>) -> Result<AttestArgs, String> {
    let mut out = AttestArgs { files: Vec::new(), keys: Vec::new(), subject: None, json: false };
    while let Some(arg) = args.next() {
        let value = |next: Option<String>| next.ok_or_else(|| format!("`{arg}` needs something after it"));
        match arg.as_str() {
            "--json" => out.json = true,
            "--key" => out.keys.push(value(args.next())?),
            "--subject" if out.subject.is_none() => out.subject = Some(value(args.next())?),
            flag if flag.starts_with('-') => return Err(format!("`{flag}` is not an option here, or stands twice")),
            _ => out.files.push(arg),
        }
    }
    match (out.files.is_empty(), out.keys.is_empty()) {
        (true, _) => Err("no file was named".to_owned()),
        (_, true) => Err("no key was named: a signature by anybody at all would show nothing".to_owned()),
        _ => Ok(out),
    }
}

fn run_attest(args: &AttestArgs) -> Result<bool, String> {
    let keys = args.keys.iter().map(|text| key_of(text, |file| file.into())).collect::<Result<Vec<_>, _>>()?;
    let subject = args.subject.as_ref().map(|file| subject_of(Path::new(file))).transpose()?;
    let each = |file: &String| Ok(Statement::check(file, &read_envelope(Path::new(file))?, &keys, subject));
    let found = args.files.iter().map(each).collect::<Result<Vec<_>, String>>()?;
    let verified = found.iter().all(|s| s.verified);
    let text = if args.json {
        let report = serde_json::json!({ "verified": verified, "statements": found });
        serde_json::to_string_pretty(&report).map_err(|e| e.to_string())?
    } else {
        found.iter().flat_map(Statement::lines).collect::<Vec<_>>().join("\n")
    };
    write(text + "\n")?;
    Ok(verified)
}

fn write(text: String) -> Result<(), String> {
    std::io::stdout().write_all(text.as_bytes()).map_err(|e| format!("the report was not written: {e}"))
}

struct Args {
    dir: String,
    key: Option<VerifierKey>,
    witnesses: Vec<VerifierKey>,
    json: bool,
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Args, String> {
    let (mut dir, mut key, mut witnesses, mut json) = (None, None, Vec::new(), false);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--json" => json = true,
            "--key" => key = Some(verifier_key(&arg, args.next())?),
            "--witness" => witnesses.push(verifier_key(&arg, args.next())?),
            flag if flag.starts_with('-') => return Err(format!("`{flag}` is not an option")),
            _ if dir.is_none() => dir = Some(arg),
            _ => return Err(format!("`{arg}` is one folder too many")),
        }
    }
    Ok(Args { dir: dir.ok_or("no folder was named")?, key, witnesses, json })
}

fn verifier_key(option: &str, text: Option<String>) -> Result<VerifierKey, String> {
    let text = text.ok_or_else(|| format!("`{option}` needs a verifier key after it"))?;
    text.parse().map_err(|e: KeyError| e.to_string())
}

fn run(args: Args) -> Result<bool, String> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    let now = since.and_then(|d| i64::try_from(d.as_millis()).ok()).map(Time::from_millis);
    let trust = Trust { key: args.key, witnesses: args.witnesses, now };
    let dir = Path::new(&args.dir);
    let (verified, json, human) = if is_pack(dir) {
        let report = verify_pack(dir, &trust).map_err(|e| e.to_string())?;
        (report.verified, report.json(), report.human())
    } else {
        let report = verify(&Folder::open(dir).map_err(|e| e.to_string())?, &trust);
        (report.verified, report.json(), report.human())
    };
    let text = if args.json { json.map_err(|e| e.to_string())? + "\n" } else { human };
    write(text)?;
    Ok(verified)
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut out = std::io::stderr();
    if args.iter().any(|a| a == "--help" || a == "-h") {
        let _ = std::io::stdout().write_all(USAGE.as_bytes());
        return ExitCode::SUCCESS;
    }
    let mut args = args.into_iter().peekable();
    let parsed = if args.peek().is_some_and(|first| first == "attest") {
        parse_attest(args.skip(1)).map(|args| run_attest(&args))
    } else {
        parse(args).map(run)
    };
    match parsed {
        Err(what) => {
            let _ = writeln!(out, "nothing was checked: {what}\n\n{USAGE}");
            ExitCode::from(2)
        }
        Ok(done) => match done {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::from(1),
            Err(what) => {
                let _ = writeln!(out, "nothing was checked: {what}");
                ExitCode::from(2)
            }
        },
    }
}
