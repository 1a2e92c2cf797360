//! `seatrial-verify DIR [--key VKEY] [--witness VKEY]… [--json]`: checks an export of a Seatrial log. Needs the folder and the log's
//! key, and nothing else.
//!
//! Ends with 0 where everything is in order, with 1 where there are problems, with 2 where nothing could be checked.

use seatrial_ledger::VerifierKey;
use seatrial_ledger::note::KeyError;
use seatrial_model::Time;
use seatrial_verify::{Folder, Trust, verify};
use std::io::Write as _;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

const USAGE: &str = "usage: seatrial-verify DIR [--key VKEY] [--witness VKEY]… [--json]

Checks an export of a Seatrial log: every leaf, tile and checkpoint, every payload and blob that is in it, and
recomputes verdicts and findings.

  DIR             the folder of the export
  --key VKEY      the log's verifier key, from a source other than the export: <name>+<id>+<base64>;
                  without it the log's own word is taken, and the report says `self-asserted key`
  --witness VKEY  a witness that must have cosigned the newest checkpoint; any number of them
  --json          the report as JSON

Ends with 0: everything is in order; 1: there are problems; 2: nothing was checked.
";

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
    let folder = Folder::open(args.dir).map_err(|e| e.to_string())?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    let now = since.and_then(|d| i64::try_from(d.as_millis()).ok()).map(Time::from_millis);
    let report = verify(&folder, &Trust { key: args.key, witnesses: args.witnesses, now });
    let text = if args.json { report.json().map_err(|e| e.to_string())? + "\n" } else { report.human() };
    std::io::stdout().write_all(text.as_bytes()).map_err(|e| format!("the report was not written: {e}"))?;
    Ok(report.verified)
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut out = std::io::stderr();
    if args.iter().any(|a| a == "--help" || a == "-h") {
        let _ = std::io::stdout().write_all(USAGE.as_bytes());
        return ExitCode::SUCCESS;
    }
    match parse(args.into_iter()) {
        Err(what) => {
            let _ = writeln!(out, "nothing was checked: {what}\n\n{USAGE}");
            ExitCode::from(2)
        }
        Ok(args) => match run(args) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::from(1),
            Err(what) => {
                let _ = writeln!(out, "nothing was checked: {what}");
                ExitCode::from(2)
            }
        },
    }
}
