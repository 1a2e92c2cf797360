//! The people of a factory: who they are, who is away, who left, and how they sign in.

use super::KeyRef;
use seatrial_model::{Day, Side};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

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
    /// The first day.
    pub from: Option<Day>,
    /// The last day.
    pub until: Option<Day>,
    /// Who stands in for them.
    pub deputy: Option<String>,
    /// Their SSH public keys, each as `TYPE BASE64` without a comment.
    pub keys: Vec<String>,
}

impl Person {
    /// Whether a day lies between their first and their last.
    #[must_use]
    pub fn is_in(&self, on: Day) -> bool {
        self.from.is_none_or(|from| from <= on) && self.until.is_none_or(|until| on <= until)
    }

    /// Whether they hold a role.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|r| r == role)
    }
}

/// Somebody is away: a row of the rota.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Away {
    /// Whose id.
    pub person: String,
    /// The first day away.
    pub from: Day,
    /// The last day away.
    pub until: Day,
    /// Who stands in; their deputy where nobody is named.
    pub stand_in: Option<String>,
}

impl Away {
    /// Whether a day lies in it.
    #[must_use]
    pub fn is_on(&self, on: Day) -> bool {
        self.from <= on && on <= self.until
    }
}

/// Somebody held a role, and holds it no more. The checker knows of none: the factory's log remembers them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Departure {
    /// The person's id.
    pub person: String,
    /// Their side in it.
    pub side: Side,
    /// The role.
    pub role: String,
    /// The last day in it.
    pub last: Day,
    /// Who stands in for them.
    pub deputy: Option<String>,
}

/// Single sign-on with OpenID Connect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignIn {
    /// The provider: its discovery document is below this address.
    pub issuer: String,
    /// Under which id this factory is known to it.
    pub client_id: String,
    /// Where the client's secret is; none for a public client.
    pub client_secret: Option<KeyRef>,
    /// Where browsers reach the pages.
    pub address: String,
    /// The claim that lists a person's groups.
    pub groups_claim: String,
    /// The roles that membership of a group allows. Where no group is named, none is asked for.
    pub groups: BTreeMap<String, BTreeSet<String>>,
}

/// People in the form of `factory.yaml`: a text that the checker reads as these people again.
#[must_use]
pub fn people_text(factory: &str, people: &[Person]) -> String {
    let listed: Vec<Value> = people.iter().map(person_value).collect();
    let value = json!({ "seatrial": 1, "factory": factory, "people": listed });
    format!("{value:#}\n")
}

fn person_value(person: &Person) -> Value {
    let mut out = Map::new();
    out.insert("id".to_owned(), json!(person.id));
    out.insert("name".to_owned(), json!(person.name));
    out.insert("side".to_owned(), json!(person.side));
    out.insert("roles".to_owned(), json!(person.roles));
    if let Some(reviews) = person.reviews_per_day {
        out.insert("capacity".to_owned(), json!({ "reviews_per_day": reviews }));
    }
    for (key, day) in [("from", person.from), ("until", person.until)] {
        if let Some(day) = day {
            out.insert(key.to_owned(), json!(day.to_string()));
        }
    }
    if let Some(deputy) = &person.deputy {
        out.insert("deputy".to_owned(), json!(deputy));
    }
    if !person.keys.is_empty() {
        out.insert("keys".to_owned(), json!(person.keys));
    }
    Value::Object(out)
}
