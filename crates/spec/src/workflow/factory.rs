//! The organisation: `factory.yaml`.

use super::{Away, Departure, Person, Price, SignIn};
use seatrial_model::words::{FactoryKind, Layer};
use seatrial_model::{AttestorKey, Day, Digest, PathPattern, Protocol, Side, Span, Stage};
use std::collections::BTreeMap;

/// A checked `factory.yaml`.
#[derive(Clone, PartialEq, Debug)]
pub struct FactorySpec {
    /// The factory's name.
    pub name: String,
    /// Real, or a simulation.
    pub kind: FactoryKind,
    /// `small`, `standard`, `regulated`.
    pub profile: String,
    /// The IANA time zone in which days end.
    pub timezone: String,
    /// The people: those of the file, then those of its directory.
    pub people: Vec<Person>,
    /// Beside `factory.yaml`: the CSV file of more people.
    pub directory: Option<String>,
    /// Beside `factory.yaml`: the CSV file that says who is away when.
    pub rota: Option<String>,
    /// Who is away when, in the order of the file.
    pub away: Vec<Away>,
    /// Who held a role and holds it no more, as the factory's log tells; empty as checked.
    pub departures: Vec<Departure>,
    /// Single sign-on.
    pub sign_in: Option<SignIn>,
    /// Model providers by name.
    pub providers: BTreeMap<String, Provider>,
    /// Where the store is.
    pub store: StoreRef,
    /// Folders of the workflows, relative to the file.
    pub workflows: Vec<String>,
    /// Obligations of the factory's own, in the order of the file.
    pub obligations: Vec<FactoryObligation>,
    /// Files of the factory's own Cedar policies, relative to the file; their content is not read here.
    pub policies: Vec<String>,
    /// Who cosigns the checkpoints of its logs.
    pub witnesses: Vec<Witness>,
    /// By whom an assessment shows reading times and rates.
    pub assessment: AssessedBy,
    /// Whether anybody may read its logs over HTTP, without a token.
    pub log_public: bool,
}

/// By whom an assessment shows reading times and rates.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AssessedBy {
    /// By role: a detector asks about a delivery, not about somebody.
    #[default]
    Role,
    /// By person, where the factory has decided so.
    Person,
}

/// A witness: whoever holds its key vouches that a log has one history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Witness {
    /// What it is called here.
    pub name: String,
    /// Where it answers; `/add-checkpoint` comes after it.
    pub url: String,
    /// Its verifier key, of the kind that cosigns (C2SP `tlog-cosignature`).
    pub key: String,
    /// Who holds the key: the receiving or the independent side.
    pub side: Side,
    /// How long a cosignature is good for before the next one has to be there.
    pub every: Span,
}

impl FactorySpec {
    /// The person of that id.
    #[must_use]
    pub fn person(&self, id: &str) -> Option<&Person> {
        self.people.iter().find(|p| p.id == id)
    }

    /// People in a role who are there on that day: between their first and last day, and not away.
    pub fn present<'a>(&'a self, role: &'a str, on: Day) -> impl Iterator<Item = &'a Person> {
        self.people.iter().filter(move |p| p.has_role(role) && self.is_there(p, on))
    }

    /// Whether a person is there on that day: between their first and last day, and not away.
    #[must_use]
    pub fn is_there(&self, person: &Person, on: Day) -> bool {
        person.is_in(on) && self.absence(&person.id, on).is_none()
    }

    /// The absence of a person on that day.
    #[must_use]
    pub fn absence(&self, person: &str, on: Day) -> Option<&Away> {
        self.away.iter().find(|a| a.person == person && a.is_on(on))
    }
}

/// An obligation that the factory adds to every workflow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FactoryObligation {
    /// Its id: the name as written.
    pub id: String,
    /// What has to be shown, for people.
    pub title: String,
    /// The stages that need it, in their order.
    pub stages: Vec<Stage>,
    /// The layer it belongs to.
    pub layer: Layer,
    /// The elements it depends on.
    pub scope: Vec<PathPattern>,
    /// What discharges it.
    pub by: FactoryDuty,
    /// How long its evidence holds.
    pub max_age: Option<Span>,
    /// Whether it may be waived.
    pub waivable: bool,
}

/// What discharges an obligation of the factory's own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FactoryDuty {
    /// An approval by somebody in this role.
    Approval {
        /// The role.
        role: String,
    },
    /// A document, filed by somebody in this role.
    Document {
        /// The role.
        role: String,
    },
    /// What somebody else attests, added by somebody in this role.
    Attestation {
        /// The role.
        role: String,
        /// What has to be attested, and by whom.
        asked: AttestationAsked,
    },
}

/// An attestation that an obligation asks for: an in-toto Statement that one of these keys signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AttestationAsked {
    /// The type of its predicate.
    pub predicate: String,
    /// Whose signature counts, any of them.
    pub keys: Vec<AttestorKey>,
    /// What it has to be about.
    pub subject: AttestedSubject,
    /// Where in the predicate the time stands from which its age counts (`runDetails.metadata.finishedOn`); without it
    /// the age counts from the day on which the statement was first accepted.
    pub time: Option<String>,
}

/// What an attestation has to be about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AttestedSubject {
    /// The spec as it stands: the digest of its root as written.
    Spec,
    /// A file of the spec's folder, by the digest of its bytes.
    File(String),
    /// This digest, whatever it is of.
    Digest(Digest),
}

/// A model provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Provider {
    /// A service over HTTP.
    Http(HttpProvider),
    /// The embedded classifier.
    Classifier,
}

/// A service that serves models over HTTP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpProvider {
    /// `openai` or `anthropic`: how it is asked who we are.
    pub kind: HttpKind,
    /// Where.
    pub base_url: String,
    /// Where the key is.
    pub key: Option<KeyRef>,
    /// What it speaks; the first is used for prompts that the guard renders, and for calls in what it does not speak.
    pub speaks: Vec<Protocol>,
    /// What its models' tokens cost, by the model's name.
    pub prices: BTreeMap<String, Price>,
}

/// How a service is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HttpKind {
    /// Any OpenAI-compatible endpoint: `authorization: Bearer`.
    OpenAi,
    /// Anthropic's: `x-api-key` and `anthropic-version`.
    Anthropic,
}

/// Where a provider's key is; the key itself never stands in a file of the factory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeyRef {
    /// In an environment variable.
    Env(String),
    /// In a file.
    File(String),
}

/// Where the store is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoreRef {
    /// A folder, relative to `factory.yaml`.
    Sqlite(String),
    /// A PostgreSQL database, its address in an environment variable.
    Postgres(String),
}
