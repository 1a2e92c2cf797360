//! Events, a projector and stores for the tests.

use seatrial_model::event::{
    FactoryDeclared, LogOpened, PayloadErased, TokenIssued, TokenKind, TokenRevoked, WorkflowStopped,
};
use seatrial_model::words::FactoryKind;
use seatrial_model::{Body, Commitment, Digest, ElementPath, Event, EventId, LogName, Principal, Salt, Subject, Time};
use seatrial_store::{
    Batch, KeySource, MemoryStore, NewPayload, OpenLog, Options, ProjectError, Projector, Rows, Seed, SqliteStore,
    Store,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

pub fn log() -> LogName {
    "credit".parse().unwrap()
}

pub fn other_log() -> LogName {
    "factory".parse().unwrap()
}

pub fn event_in(log: &LogName, body: Body) -> Event {
    Event {
        v: 1,
        id: EventId::new(uuid::Uuid::now_v7()),
        time: Time::from_millis(1_795_427_751_120),
        log: log.clone(),
        simulation: false,
        actor: Principal::system(),
        subject: Subject::default(),
        spec: None,
        release: None,
        evidence: Vec::new(),
        payloads: BTreeMap::new(),
        people: None,
        body,
    }
}

pub fn event(body: Body) -> Event {
    event_in(&log(), body)
}

/// Puts the row `tokens/<token>`.
pub fn issue(token: &str) -> Event {
    event(Body::TokenIssued(TokenIssued {
        token: token.to_owned(),
        kind: TokenKind::Caller,
        principal: "caller".to_owned(),
        steps: Vec::new(),
        expires: Time::from_millis(2_000_000_000_000),
    }))
}

/// Removes the row `tokens/<token>`, which must be there.
pub fn revoke(token: &str) -> Event {
    event(Body::TokenRevoked(TokenRevoked { token: token.to_owned() }))
}

/// Counts up the row `counts/declared`.
pub fn declare() -> Event {
    event(Body::FactoryDeclared(FactoryDeclared {
        file: Digest::of(b"factory.yaml"),
        people: 3,
        policies: [].into(),
        directory: [].into(),
    }))
}

/// Makes the test's projector panic.
pub fn poison() -> Event {
    event(Body::WorkflowStopped(WorkflowStopped {
        element: ElementPath::new("steps.route"),
        marked: false,
        factory: false,
    }))
}

pub fn erased(case: &str, payloads: u64) -> Event {
    event(Body::PayloadErased(PayloadErased { case: case.to_owned(), payloads, reason: "request".to_owned() }))
}

pub fn payload(salt: u8, bytes: &[u8], case: Option<&str>) -> NewPayload {
    NewPayload {
        salt: Salt([salt; 32]),
        bytes: bytes.to_vec(),
        kind: "input".to_owned(),
        case: case.map(str::to_owned),
        expires: None,
    }
}

/// A batch of one event with its payloads.
pub fn with_payloads(payloads: Vec<NewPayload>) -> Batch {
    let mut event = declare();
    event.payloads = (0..).zip(&payloads).map(|(i, p): (usize, _)| (format!("p{i}"), p.commitment())).collect();
    Batch { events: vec![event], payloads, ..Batch::default() }
}

pub fn erasing(case: &str, erase: Vec<Commitment>) -> Batch {
    Batch { events: vec![erased(case, erase.len() as u64)], erase, ..Batch::default() }
}

pub fn opening_of(log: &LogName) -> OpenLog {
    let name = log.clone();
    OpenLog {
        origin: format!("bank/{log}"),
        first: Box::new(move |key| {
            Batch::of(event_in(
                &name,
                Body::LogOpened(LogOpened {
                    origin: format!("bank/{name}"),
                    key: key.to_owned(),
                    factory: "bank".to_owned(),
                    kind: FactoryKind::Real,
                }),
            ))
        }),
    }
}

pub async fn open_log(store: &dyn Store) {
    store.open_log(&log(), opening_of(&log())).await.unwrap();
}

/// Tokens, and a count; its version can be chosen.
#[derive(Clone, Copy)]
pub struct Tokens {
    pub version: u32,
}

impl Projector for Tokens {
    fn version(&self) -> u32 {
        self.version
    }

    fn apply(&self, index: u64, event: &Event, rows: &mut dyn Rows) -> Result<(), ProjectError> {
        match &event.body {
            Body::TokenIssued(issued) => {
                let value = if self.version == 1 { index.to_string() } else { format!("v{}:{index}", self.version) };
                rows.put("tokens", issued.token.as_bytes(), value.as_bytes())?;
            }
            Body::TokenRevoked(revoked) => {
                // Written first, so that a refusal has something to take back.
                rows.put("revoked", revoked.token.as_bytes(), b"")?;
                if rows.get("tokens", revoked.token.as_bytes())?.is_none() {
                    return Err(ProjectError::reason(format!("there is no token `{}`", revoked.token)));
                }
                rows.delete("tokens", revoked.token.as_bytes())?;
            }
            Body::FactoryDeclared(_) => {
                let count = rows.get("counts", b"declared")?.map_or(0, |v| read_count(&v));
                rows.put("counts", b"declared", &(count + 1).to_be_bytes())?;
            }
            Body::WorkflowStopped(_) => {
                rows.put("counts", b"declared", b"poison")?;
                panic!("the projector's own bug");
            }
            _ => {}
        }
        Ok(())
    }

    fn found_by<'e>(&self, event: &'e Event) -> Vec<(&'static str, &'e [u8])> {
        match &event.body {
            Body::TokenIssued(issued) => vec![("token", issued.token.as_bytes())],
            Body::TokenRevoked(revoked) => vec![("token", revoked.token.as_bytes())],
            _ => Vec::new(),
        }
    }
}

pub fn read_count(value: &[u8]) -> u64 {
    u64::from_be_bytes(value.try_into().unwrap())
}

pub fn tokens() -> Arc<dyn Projector> {
    Arc::new(Tokens { version: 1 })
}

pub fn options() -> Options {
    Options { projector: tokens(), ..Options::default() }
}

pub fn create(dir: &Path) -> SqliteStore {
    SqliteStore::create(dir, options()).unwrap()
}

pub fn reopen(dir: &Path) -> SqliteStore {
    SqliteStore::open(dir, options()).unwrap()
}

pub fn memory() -> MemoryStore {
    MemoryStore::new(tokens(), KeySource::Seed(Seed([9; 32])))
}
