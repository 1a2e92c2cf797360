//! Members of a request, taken out one by one; what is left over has no words elsewhere.

use serde_json::{Map, Value};

/// The members of an object, and where in the request it stands.
pub(super) struct Members {
    map: Map<String, Value>,
    place: String,
}

impl Members {
    pub(super) fn of(value: Value, place: &str) -> Result<Self, String> {
        match value {
            Value::Object(map) => Ok(Self { map, place: place.to_owned() }),
            _ => Err(place.to_owned()),
        }
    }

    /// The place of a member. The names of members are the client's own text: odd ones are not quoted.
    pub(super) fn at(&self, name: &str) -> String {
        let plain = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        let name = if plain { name } else { "a member with an odd name" };
        if self.place == "body" { name.to_owned() } else { format!("{}.{name}", self.place) }
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.map.shift_remove(name).filter(|v| !v.is_null())
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, String> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.at(name)),
        }
    }

    pub(super) fn need(&mut self, name: &str) -> Result<String, String> {
        self.text(name)?.ok_or_else(|| self.at(name))
    }

    pub(super) fn flag(&mut self, name: &str) -> Result<Option<bool>, String> {
        self.take(name).map(|v| v.as_bool().ok_or_else(|| self.at(name))).transpose()
    }

    pub(super) fn count(&mut self, name: &str) -> Result<Option<u64>, String> {
        self.take(name).map(|v| v.as_u64().ok_or_else(|| self.at(name))).transpose()
    }

    pub(super) fn number(&mut self, name: &str) -> Result<Option<f64>, String> {
        self.take(name).map(|v| v.as_f64().ok_or_else(|| self.at(name))).transpose()
    }

    pub(super) fn list(&mut self, name: &str) -> Result<Vec<Value>, String> {
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.at(name)),
        }
    }

    pub(super) fn object(&mut self, name: &str) -> Result<Option<Self>, String> {
        self.take(name).map(|value| Self::of(value, &self.at(name))).transpose()
    }

    pub(super) fn need_object(&mut self, name: &str) -> Result<Self, String> {
        self.object(name)?.ok_or_else(|| self.at(name))
    }

    /// A member that is a list of objects, each with its place.
    pub(super) fn objects(&mut self, name: &str) -> Result<Vec<Self>, String> {
        let at = self.at(name);
        self.list(name)?.into_iter().enumerate().map(|(i, v)| Self::of(v, &format!("{at}.{i}"))).collect()
    }

    /// Members that say nothing about the answer.
    pub(super) fn drop(&mut self, names: &[&str]) {
        for name in names {
            self.map.shift_remove(*name);
        }
    }

    /// A member that may only have the value that is usual anyway.
    pub(super) fn only(&mut self, name: &str, usual: &[Value]) -> Result<(), String> {
        match self.take(name) {
            Some(value) if !usual.contains(&value) => Err(self.at(name)),
            _ => Ok(()),
        }
    }

    /// Nothing may be left; `null` says nothing.
    pub(super) fn done(self) -> Result<(), String> {
        match self.map.iter().find(|(_, value)| !value.is_null()) {
            Some((name, _)) => Err(self.at(name)),
            None => Ok(()),
        }
    }

    /// This place has no words elsewhere.
    pub(super) fn refuse<T>(&self) -> Result<T, String> {
        Err(self.place.clone())
    }
}

/// Puts a member into an object, if there is one to put.
pub(super) fn put(map: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        map.insert(name.to_owned(), value.into());
    }
}
