//! The organisation: `factory.yaml`.

use seatrial_model::words::{FactoryKind, Layer};
use seatrial_model::{Day, PathPattern, Side, Span, Stage};
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
    /// The people.
    pub people: Vec<Person>,
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
}

impl FactorySpec {
    /// The person of that id.
    #[must_use]
    pub fn person(&self, id: &str) -> Option<&Person> {
        self.people.iter().find(|p| p.id == id)
    }

    /// People in a role who are present on that day.
    pub fn present<'a>(&'a self, role: &'a str, on: Day) -> impl Iterator<Item = &'a Person> {
        self.people.iter().filter(move |p| p.roles.iter().any(|r| r == role) && p.until.is_none_or(|until| on <= until))
    }
}

/// A person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    /// The id in the directory.
    pub id: String,
    /// The name.
    pub name: String,
    /// The side.
    pub side: Side,
    /// The roles.
    pub roles: Vec<String>,
    /// How many reviews a day they manage.
    pub reviews_per_day: Option<u64>,
    /// The last day.
    pub until: Option<Day>,
    /// Who stands in for them.
    pub deputy: Option<String>,
    /// Their SSH public keys, each as `TYPE BASE64` without a comment.
    pub keys: Vec<String>,
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
}

/// A model provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Provider {
    /// Any OpenAI-compatible endpoint.
    OpenAi {
        /// Where.
        base_url: String,
        /// Where the key is.
        key: Option<KeyRef>,
    },
    /// The embedded classifier.
    Classifier,
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
