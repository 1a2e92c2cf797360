//! Sessions of people in a browser, one-time links that open them, and proofs of when something was shown.
//!
//! All of it lives in memory: a restart signs everybody out, and no copy of a store holds a way in. Cookies and
//! link tokens are kept as SHA-256 only.

use crate::Person;
use hmac::{Hmac, KeyInit, Mac};
use seatrial_model::Time;
use seatrial_model::digest::{hex, unhex};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A session ends this long after sign-in: a working day with its overtime.
pub const SESSION_MS_MAX: i64 = 12 * 3_600_000;

/// A session ends when nothing was asked for this long: somebody has left the desk.
pub const IDLE_MS_MAX: i64 = 3_600_000;

/// A one-time link is good for this long: it is made while its reader waits for it.
pub const LINK_MS_MAX: i64 = 15 * 60_000;

/// Sessions and links kept at once: far above the people of a factory; beyond it, the oldest make room.
pub const KEPT_MAX: usize = 10_000;

/// How long a review can have been shown: longer says nothing about reading.
const SHOWN_MS_MAX: i64 = SESSION_MS_MAX;

/// The operating system gave no random bytes: no session can be made safely.
#[derive(Debug, thiserror::Error)]
#[error("the system gave no random bytes, so nobody was signed in: {0}")]
pub struct SessionsError(#[from] getrandom::Error);

/// The sessions of a server.
pub struct Sessions {
    secret: [u8; 32],
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    sessions: HashMap<[u8; 32], Session>,
    links: HashMap<[u8; 32], (Person, Time)>,
}

/// A session.
#[derive(Clone, Debug)]
pub struct Session {
    /// Who signed in, as they stood then.
    pub person: Person,
    /// The token that every form carries.
    pub csrf: String,
    opened: Time,
    seen: Time,
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sessions(…)")
    }
}

impl Sessions {
    /// No session yet, and a fresh secret.
    ///
    /// # Errors
    /// Where the system has no random bytes.
    pub fn new() -> Result<Self, SessionsError> {
        Ok(Self { secret: random()?, kept: Mutex::default() })
    }

    /// A token that signs this person in once, soon.
    ///
    /// # Errors
    /// Where the system has no random bytes.
    pub fn issue_link(&self, person: Person, now: Time) -> Result<String, SessionsError> {
        let token = hex(&random()?);
        let mut kept = self.kept();
        kept.links.retain(|_, (_, until)| *until > now);
        make_room(&mut kept.links, |(_, until)| *until);
        kept.links.insert(key(&token), (person, now.plus_millis(LINK_MS_MAX)));
        Ok(token)
    }

    /// Whom a one-time token signs in; it is used up by that.
    #[must_use]
    pub fn redeem_link(&self, token: &str, now: Time) -> Option<Person> {
        let (person, until) = self.kept().links.remove(&key(token))?;
        (until > now).then_some(person)
    }

    /// Opens a session; the value is the cookie's.
    ///
    /// # Errors
    /// Where the system has no random bytes.
    pub fn open(&self, person: Person, now: Time) -> Result<String, SessionsError> {
        let cookie = hex(&random()?);
        let csrf = hex(&random()?);
        let mut kept = self.kept();
        kept.sessions.retain(|_, s| s.lives(now));
        make_room(&mut kept.sessions, |s| s.seen);
        kept.sessions.insert(key(&cookie), Session { person, csrf, opened: now, seen: now });
        Ok(cookie)
    }

    /// The session of a cookie, where it still lives.
    #[must_use]
    pub fn find(&self, cookie: &str, now: Time) -> Option<Session> {
        let mut kept = self.kept();
        let key = key(cookie);
        let session = kept.sessions.get_mut(&key)?;
        if session.lives(now) {
            session.seen = now;
            return Some(session.clone());
        }
        kept.sessions.remove(&key);
        None
    }

    /// Ends a session.
    pub fn close(&self, cookie: &str) {
        self.kept().sessions.remove(&key(cookie));
    }

    /// Ends every session and link of a person: they left, or lost their device.
    pub fn close_all_of(&self, id: &str) {
        let mut kept = self.kept();
        kept.sessions.retain(|_, s| s.person.principal.id != id);
        kept.links.retain(|_, (p, _)| p.principal.id != id);
    }

    /// Proves later that something was shown in this session at this moment.
    #[must_use]
    pub fn shown(&self, session: &Session, what: &str, now: Time) -> String {
        format!("{}.{}", now.as_millis(), hex(&self.mac(session, what, now.as_millis())))
    }

    /// For how long it has been shown, by a proof of [`Self::shown`]; none where the proof is not one.
    #[must_use]
    pub fn shown_ms(&self, session: &Session, what: &str, proof: &str, now: Time) -> Option<u64> {
        let (at, mac) = proof.split_once('.')?;
        let at: i64 = at.parse().ok()?;
        if !same(&unhex(mac)?, &self.mac(session, what, at)) {
            return None;
        }
        u64::try_from(now.as_millis().saturating_sub(at).min(SHOWN_MS_MAX)).ok()
    }

    fn mac(&self, session: &Session, what: &str, at: i64) -> Vec<u8> {
        // A key of 32 bytes is below the block size, and HMAC takes any length anyway.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.secret) else { return Vec::new() };
        // The CSRF token has a fixed length, and the number ends at the separator: no two inputs meet.
        mac.update(format!("shown:{}:{at}:{what}", session.csrf).as_bytes());
        mac.finalize().into_bytes().to_vec()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // The maps are whole between two statements, whatever panicked elsewhere.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn lives(&self, now: Time) -> bool {
        now.millis_since(self.opened) < SESSION_MS_MAX && now.millis_since(self.seen) < IDLE_MS_MAX
    }

    /// Whether a form carried this session's token.
    #[must_use]
    pub fn accepts(&self, csrf: &str) -> bool {
        same(csrf.as_bytes(), self.csrf.as_bytes())
    }
}

/// Compares without telling by its time where the difference is.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    !a.is_empty() && a.len() == b.len() && a.iter().zip(b).fold(0u8, |acc, (x, y)| acc | (x ^ y)) == 0
}

/// A fresh secret, as it stands in a link, a cookie or a form.
pub(crate) fn random_hex() -> Result<String, SessionsError> {
    Ok(hex(&random()?))
}

fn random() -> Result<[u8; 32], SessionsError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

fn key(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// Lets the oldest go where the map is full.
fn make_room<V>(map: &mut HashMap<[u8; 32], V>, age: impl Fn(&V) -> Time) {
    while map.len() >= KEPT_MAX {
        let Some(oldest) = map.iter().min_by_key(|(_, v)| age(v)).map(|(k, _)| *k) else { return };
        map.remove(&oldest);
    }
}

#[cfg(test)]
mod tests;
