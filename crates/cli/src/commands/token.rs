//! `seatrial token`.

use crate::args::TokenCommand;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, Rows, shown};
use crate::session::Session;
use seatrial_factory::NewToken;
use seatrial_model::event::TokenKind;
use seatrial_model::{LogName, Time};
use seatrial_store::{ReaderExt as _, Scan};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::borrow::Cow;

/// `seatrial token …`.
pub(crate) async fn token(command: TokenCommand, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    match command {
        TokenCommand::Issue { kind, principal, steps, lives } => {
            let caller = session.caller().await?;
            let new = NewToken { kind: kind.into(), principal: principal.clone(), steps, lives };
            let text = session.factory.issue_token(&caller, new).await?;
            out.json(&json!({ "token": text, "principal": principal, "lives": lives }))?;
            out.line(&text);
            out.note(format!("issued to {} for {lives}; it is shown only this once", shown(&principal)));
        }
        TokenCommand::Revoke { token } => {
            let caller = session.caller().await?;
            let event = session.factory.revoke_token(&caller, &token).await?;
            out.json(&json!({ "event": event }))?;
            out.line(format!("revoked: {event}"));
        }
        TokenCommand::List => list(session, out).await?,
    }
    Ok(Exit::Done)
}

/// A row of the projection `token`.
#[derive(Deserialize)]
struct Row {
    kind: TokenKind,
    principal: String,
    steps: Vec<String>,
    expires: Time,
    revoked: bool,
}

#[derive(Serialize)]
struct Token {
    token: String,
    kind: TokenKind,
    principal: String,
    steps: Vec<String>,
    expires: Time,
    state: &'static str,
}

async fn list(session: &Session, out: &mut Out) -> Result<(), Failure> {
    let rows = session.factory.store().scan(&LogName::factory(), Scan::all("token")).await?;
    let now = session.factory.now();
    let mut tokens = Vec::with_capacity(rows.len());
    for (key, value) in rows {
        let row: Row = serde_json::from_slice(&value).map_err(|e| {
            Failure::failed(format!("a row of `token` cannot be read ({e}); `seatrial log rebuild` folds it again"))
        })?;
        let state = match (row.revoked, row.expires <= now) {
            (true, _) => "revoked",
            (_, true) => "expired",
            _ => "valid",
        };
        let token = String::from_utf8_lossy(&key).into_owned();
        let Row { kind, principal, steps, expires, .. } = row;
        tokens.push(Token { token, kind, principal, steps, expires, state });
    }
    out.json(&tokens)?;
    if tokens.is_empty() {
        out.line("no token was issued");
    } else if !out.is_json() {
        let mut table = Rows::new(out.layout(), &["token", "kind", "for", "", "until", "steps"]);
        for t in &tokens {
            let ink = if t.state == "valid" { Ink::Good } else { Ink::Dim };
            table.row([
                (None, Cow::Borrowed(t.token.as_str())),
                (None, Cow::Owned(format!("{:?}", t.kind).to_lowercase())),
                (None, Cow::Owned(shown(&t.principal))),
                (Some(ink), Cow::Borrowed(t.state)),
                (None, Cow::Owned(t.expires.to_string())),
                (None, Cow::Owned(shown(&t.steps.join(", ")))),
            ]);
        }
        let text = table.text();
        out.text(&text);
    }
    Ok(())
}
