//! Tokens: issued by kind, hashed, expiring, revoked by an event.

use crate::api::{Caller, Refused};
use crate::clock::random;
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::row;
use crate::project::TokenRec;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use seatrial_model::digest::hex;
use seatrial_model::event::{TokenIssued, TokenKind, TokenRevoked};
use seatrial_model::{
    Assurance, Body, Digest, EventId, LogName, Principal, PrincipalKind, Side, Span, Time, ids::is_name,
};
use seatrial_store::{Batch, ReaderExt as _, Secret, StoreExt as _};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

/// How every token begins: secret scanners find one that got lost.
pub const TOKEN_PREFIX: &str = "seatrial_";

/// The longest life of a token.
pub const TOKEN_DAYS_MAX: u64 = 366;

/// The most tokens whose record is remembered; beyond that all are forgotten and read again.
const REMEMBERED_MAX: usize = 10_000;

/// Records of tokens that proved valid, by the token's digest, so that a request does not read the store for them.
/// A revocation takes effect at once: it clears the memory before it answers, and what was read from the store before
/// is not remembered after. This process is the store's only owner, so nobody revokes behind its back.
#[derive(Default)]
pub(crate) struct TokenMemory(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    /// Counts revocations.
    epoch: u64,
    tokens: HashMap<Digest, TokenRec>,
}

impl TokenMemory {
    fn get(&self, digest: &Digest) -> (u64, Option<TokenRec>) {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (held.epoch, held.tokens.get(digest).cloned())
    }

    fn put(&self, epoch: u64, digest: Digest, rec: TokenRec) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.epoch != epoch {
            return;
        }
        if held.tokens.len() >= REMEMBERED_MAX {
            held.tokens.clear();
        }
        held.tokens.insert(digest, rec);
    }

    pub(crate) fn forget(&self) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.epoch += 1;
        held.tokens.clear();
    }
}

/// A token to be issued.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What for.
    pub kind: TokenKind,
    /// A person's id, or a service's name for callers and CI.
    pub principal: String,
    /// The steps that a caller may call.
    pub steps: Vec<String>,
    /// How long it lives.
    pub lives: Span,
}

impl Factory {
    /// Issues a token. Its text is shown once: only its hash is kept.
    ///
    /// # Errors
    /// [`Refused`]: nothing was issued.
    pub async fn issue_token(&self, by: &Caller, new: NewToken) -> Result<String, Refused> {
        self.may_issue(by, &new)?;
        if new.lives.as_millis() == 0 || new.lives.as_millis() > TOKEN_DAYS_MAX * 86_400_000 {
            return Err(Refused::Invalid(format!("a token lives between a moment and {TOKEN_DAYS_MAX} days")));
        }
        let expires = self.token_end(&new).await?;
        let name = hex(&random::<6>().map_err(internal)?);
        let secret = BASE64_URL_SAFE_NO_PAD.encode(random::<32>().map_err(internal)?);
        let text = format!("{TOKEN_PREFIX}{name}_{secret}");
        // The secret first: a token that the log names can then always be checked.
        let hash = Secret(Digest::of(text.as_bytes()).as_bytes().to_vec());
        self.0.store.secret_put("token", &name, hash).await.map_err(not_recorded)?;
        let body = Body::TokenIssued(TokenIssued {
            token: name,
            kind: new.kind,
            principal: new.principal,
            steps: new.steps,
            expires,
        });
        let log = LogName::factory();
        let event = self.event(&log, by.principal.clone(), body).map_err(internal)?;
        self.0.store.append(&log, Batch::of(event)).await.map_err(not_recorded)?;
        Ok(text)
    }

    /// When a new token ends: after its life, and for a person of the delivery side not after the end of its rights.
    async fn token_end(&self, new: &NewToken) -> Result<Time, Refused> {
        let expires = self.now().plus_millis(new.lives.signed_millis());
        let personal = matches!(new.kind, TokenKind::Reviewer | TokenKind::Operator);
        let delivery = self.spec().person(&new.principal).is_some_and(|p| p.side == Side::Delivery);
        if !personal || !delivery {
            return Ok(expires);
        }
        match self.delivery_until().await? {
            Some(until) if self.now() >= until => Err(Refused::Forbidden(format!(
                "the rights of the delivery side ended on {until}; no token was issued for `{}`",
                new.principal
            ))),
            Some(until) => Ok(expires.min(until)),
            None => Ok(expires),
        }
    }

    fn may_issue(&self, by: &Caller, new: &NewToken) -> Result<(), Refused> {
        if by.principal.kind != PrincipalKind::Person || by.token.is_some_and(|kind| kind != TokenKind::Operator) {
            return Err(Refused::Forbidden("only a person issues tokens".to_owned()));
        }
        let known = self.spec().person(&new.principal).is_some();
        match new.kind {
            TokenKind::Reviewer | TokenKind::Operator if !known => Err(Refused::NotFound(format!(
                "`factory.yaml` names no person `{}`",
                seatrial_model::Untrusted::new(new.principal.as_str()).terminal(80)
            ))),
            TokenKind::Caller | TokenKind::Ci if known || !is_name(&new.principal) => Err(Refused::Invalid(
                "a caller's token belongs to a service: give it a name of lower-case letters, digits and `-`"
                    .to_owned(),
            )),
            TokenKind::Caller if new.steps.is_empty() => Err(Refused::Invalid(
                "a caller's token lists its steps: `workflow/step`, `workflow/*` or `*`".to_owned(),
            )),
            _ => Ok(()),
        }
    }

    /// Revokes a token by its public name.
    ///
    /// # Errors
    /// [`Refused`] where there is none.
    pub async fn revoke_token(&self, by: &Caller, token: &str) -> Result<EventId, Refused> {
        if by.principal.kind != PrincipalKind::Person || by.token.is_some_and(|kind| kind != TokenKind::Operator) {
            return Err(Refused::Forbidden("only a person revokes tokens".to_owned()));
        }
        let name = token.strip_prefix(TOKEN_PREFIX).and_then(|t| t.split('_').next()).unwrap_or(token).to_owned();
        let log = LogName::factory();
        let key = name.clone();
        let known = self.0.store.read_with(&log, move |view| row::<TokenRec>(view, "token", key.as_bytes())).await;
        if known.map_err(not_recorded)?.is_none() {
            return Err(Refused::NotFound("there is no token of that name".to_owned()));
        }
        let body = Body::TokenRevoked(TokenRevoked { token: name.clone() });
        let event = self.event(&log, by.principal.clone(), body).map_err(internal)?;
        let id = event.id;
        let revoked = self.0.store.append(&log, Batch::of(event)).await;
        // Also after an error: a commit whose answer got lost may still have happened.
        self.0.tokens.forget();
        revoked.map_err(not_recorded)?;
        self.0.store.secret_delete("token", &name).await.map_err(not_recorded)?;
        Ok(id)
    }

    /// The caller behind a bearer token.
    ///
    /// # Errors
    /// [`Refused::Unauthenticated`] where it is unknown, expired or revoked; the answer never says which.
    pub async fn authenticate(&self, bearer: &str) -> Result<Caller, Refused> {
        let rest = bearer.strip_prefix(TOKEN_PREFIX).ok_or(Refused::Unauthenticated)?;
        let name = rest.split('_').next().filter(|n| n.len() == 12).ok_or(Refused::Unauthenticated)?.to_owned();
        let digest = Digest::of(bearer.as_bytes());
        let (epoch, remembered) = self.0.tokens.get(&digest);
        let rec = match remembered {
            Some(rec) => rec,
            None => self.valid_token(name, digest, epoch).await?,
        };
        if self.now() >= rec.expires {
            return Err(Refused::Unauthenticated);
        }
        match rec.kind {
            TokenKind::Caller | TokenKind::Ci => Ok(Caller {
                principal: Principal {
                    id: rec.principal,
                    kind: PrincipalKind::Service,
                    side: Side::Receiving,
                    roles: BTreeSet::new(),
                    assurance: Assurance::Token,
                },
                token: Some(rec.kind),
                steps: rec.steps,
            }),
            TokenKind::Reviewer | TokenKind::Operator => {
                let principal = self.person(&rec.principal, Assurance::Token)?;
                Ok(Caller { principal, token: Some(rec.kind), steps: rec.steps })
            }
        }
    }

    /// The record of a token that is what it says, as the store has it, and not revoked.
    async fn valid_token(&self, name: String, digest: Digest, epoch: u64) -> Result<TokenRec, Refused> {
        let held = self.0.store.secret_get("token", &name).await.map_err(not_recorded)?;
        // Both sides are SHA-256 of the token: comparing them byte by byte tells a guesser nothing of it.
        if held.is_none_or(|Secret(hash)| hash != digest.as_bytes()) {
            return Err(Refused::Unauthenticated);
        }
        let rec: Option<TokenRec> = self
            .0
            .store
            .read_with(&LogName::factory(), move |view| row(view, "token", name.as_bytes()))
            .await
            .map_err(not_recorded)?;
        let rec = rec.filter(|r| !r.revoked).ok_or(Refused::Unauthenticated)?;
        self.0.tokens.put(epoch, digest, rec.clone());
        Ok(rec)
    }

    /// Whoever holds the machine, as a person of `factory.yaml`. In a simulation such a person is simulated.
    ///
    /// # Errors
    /// [`Refused`] where the file names no such person, or their time is over.
    pub fn local(&self, id: &str) -> Result<Caller, Refused> {
        let assurance = if self.is_simulation() { Assurance::Simulated } else { Assurance::Local };
        Ok(Caller { principal: self.person(id, assurance)?, token: None, steps: Vec::new() })
    }

    pub(crate) fn person(&self, id: &str, assurance: Assurance) -> Result<Principal, Refused> {
        let spec = self.spec();
        let shown = || seatrial_model::Untrusted::new(id).terminal(80);
        let person = spec
            .person(id)
            .ok_or_else(|| Refused::NotFound(format!("`factory.yaml` names no person `{}`", shown())))?;
        let on = seatrial_governance::people::today(&spec, self.now());
        if !person.is_in(on) {
            let when = if person.from.is_some_and(|from| on < from) { "has not begun" } else { "is over" };
            return Err(Refused::Forbidden(format!("the time of `{}` in this factory {when}", shown())));
        }
        // In a simulation nobody is more than simulated, whatever they hold.
        let assurance = if self.is_simulation() { Assurance::Simulated } else { assurance };
        Ok(Principal {
            id: person.id.clone(),
            kind: PrincipalKind::Person,
            side: person.side,
            roles: person.roles.iter().cloned().collect(),
            assurance,
        })
    }
}
