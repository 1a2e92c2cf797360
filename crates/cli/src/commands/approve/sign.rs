//! `--sign-with`: the person's own `ssh-keygen` signs, at the person's own terminal; the key never comes to Seatrial.

use super::{Ear, bound, consent, finish, with};
use crate::args::ApproveArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::Out;
use crate::owner::{self, Asked};
use seatrial_model::SIGNATURE_NAMESPACE;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Asks where somebody sits there, has the statement signed, and approves with the signature.
pub(crate) async fn sign(args: &ApproveArgs, asked: Asked, asks: bool, out: &mut Out) -> Result<Exit, Failure> {
    let Some(key) = &args.sign_with else { return Err(Failure::usage("no key was named; nothing was done")) };
    let mut options = Vec::new();
    if args.show {
        return owner::run(asked, crate::terminal::sink()).await;
    }
    if asks && args.is_to_be_asked() {
        match consent(&asked, out).await? {
            Ok(consent) => options = bound(args, &consent),
            Err(exit) => return Ok(exit),
        }
    } else if !args.yes {
        return Err(Failure {
            message: "confirm with `--yes`: nobody sits here who could be asked. Nothing was signed".to_owned(),
            ..Failure::declined()
        });
    }
    let ear = Ear::new();
    let mut printing = options.clone();
    printing.extend(["--print-statement".to_owned(), "-".to_owned()]);
    let exit = owner::run(with(&asked, &printing), ear.sink()).await?;
    if exit != Exit::Done {
        return Ok(exit);
    }
    let signature = ssh_keygen(&asked.start.join(key), ear.take().as_bytes())?;
    // As one word: the armour begins with dashes.
    options.push(format!("--signature-text={signature}"));
    options.extend(["--quiet", "--format", "json"].map(str::to_owned));
    finish(&asked, &options, out).await
}

/// Runs `ssh-keygen -Y sign`; where the key has a passphrase it asks for it at the terminal.
fn ssh_keygen(key: &Path, statement: &[u8]) -> Result<String, Failure> {
    let failed = |why: String| {
        Failure::failed(format!(
            "`ssh-keygen` did not sign with `{}` ({why}); nothing was approved. `--print-statement FILE` writes what is to be signed",
            key.display()
        ))
    };
    let mut child = Command::new("ssh-keygen")
        .args(["-Y", "sign", "-n", SIGNATURE_NAMESPACE, "-f"])
        .arg(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| failed(e.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(statement).map_err(|e| failed(e.to_string()))?;
    }
    let done = child.wait_with_output().map_err(|e| failed(e.to_string()))?;
    if !done.status.success() {
        return Err(failed(String::from_utf8_lossy(&done.stderr).trim().to_owned()));
    }
    String::from_utf8(done.stdout).map_err(|e| failed(e.to_string()))
}
