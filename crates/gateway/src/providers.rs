//! Models over HTTP, for the factory: one client, with one pool of connections, for each provider.

use futures_util::future::BoxFuture;
use seatrial_factory::{Providers, WitnessAnswer};
use seatrial_guard::port::Model;
use seatrial_model::{Digest, Protocol};
use seatrial_spec::workflow::{HttpKind, HttpProvider, KeyRef, Provider};
use seatrial_upstream::key::Key;
use seatrial_upstream::post::Poster;
use seatrial_upstream::service::{Kind, Options, Service};
use seatrial_upstream::{HttpModel, State};
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Reads an environment variable.
type Env = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Makes the clients of a factory's providers. Keys come from the environment or a file when a model is loaded, and
/// are kept nowhere but in the client.
pub struct HttpProviders {
    root: PathBuf,
    env: Box<Env>,
    clients: Mutex<Clients>,
    /// Made when a witness is asked first.
    poster: Mutex<Option<Poster>>,
}

/// Clients by how they ask, their address, their key's digest, and what is spoken.
type Clients = HashMap<ClientKey, Arc<HttpModel>>;

/// What tells clients apart.
type ClientKey = (Kind, String, Option<Digest>, Vec<Protocol>);

impl HttpProviders {
    /// Key files are looked for below `root`, the folder of `factory.yaml`; `env` reads an environment variable.
    pub fn new(root: impl Into<PathBuf>, env: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { root: root.into(), env: Box::new(env), clients: Mutex::default(), poster: Mutex::default() }
    }

    /// The circuits of all models that were asked so far: the service's address, the model, and the state.
    #[must_use]
    pub fn circuits(&self) -> Vec<(String, String, State)> {
        let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |((_, url, _, _), client): (&ClientKey, &Arc<HttpModel>)| {
            client.circuits().into_iter().map(|(model, state)| (url.clone(), model, state)).collect::<Vec<_>>()
        };
        let mut all: Vec<_> = clients.iter().flat_map(of).collect();
        all.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        all
    }

    fn poster(&self) -> Result<Poster, String> {
        let mut made = self.poster.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(poster) = &*made {
            return Ok(poster.clone());
        }
        let poster = Poster::new()?;
        *made = Some(poster.clone());
        Ok(poster)
    }

    fn key(&self, key: &KeyRef) -> Result<Key, String> {
        let text = match key {
            KeyRef::Env(name) => (self.env)(name).ok_or_else(|| {
                format!("the environment variable `{name}` is not set, so its provider cannot be asked; set it and load again")
            })?,
            KeyRef::File(path) => std::fs::read_to_string(self.root.join(path))
                .map_err(|e| format!("the key file `{path}` cannot be read ({e}), so its provider cannot be asked"))?,
        };
        let place = match key {
            KeyRef::Env(name) | KeyRef::File(name) => name,
        };
        Key::new(&text).map_err(|e| format!("`{place}`: {e}"))
    }
}

impl Providers for HttpProviders {
    fn model(&self, provider: &Provider, _name: &str) -> Result<Arc<dyn Model>, String> {
        let Provider::Http(HttpProvider { kind, base_url, key, speaks, .. }) = provider else {
            return Err("an embedded classifier is not reached over HTTP; it was not loaded".to_owned());
        };
        let kind = match kind {
            HttpKind::OpenAi => Kind::OpenAi,
            HttpKind::Anthropic => Kind::Anthropic,
        };
        let key = key.as_ref().map(|key| self.key(key)).transpose()?;
        let wanted = (kind, base_url.clone(), key.as_ref().map(Key::digest), speaks.clone());
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&wanted) {
            return Ok(Arc::clone(client) as Arc<dyn Model>);
        }
        let options = Options { speaks: speaks.clone(), ..Options::new(kind, base_url.as_str(), key) };
        let client = Arc::new(HttpModel::new(Service::new(options).map_err(|e| e.to_string())?));
        clients.insert(wanted, Arc::clone(&client));
        Ok(client)
    }

    fn circuits_open(&self) -> Vec<(String, String, bool)> {
        self.circuits().into_iter().map(|(url, model, state)| (url, model, state == State::Open)).collect()
    }

    fn add_checkpoint(&self, url: &str, body: Vec<u8>) -> BoxFuture<'_, Result<WitnessAnswer, String>> {
        let url = url.to_owned();
        Box::pin(async move {
            let poster = self.poster()?;
            let answer = poster.post(&url, body).await?;
            Ok(WitnessAnswer { status: answer.status, body: answer.body })
        })
    }
}

impl fmt::Debug for HttpProviders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpProviders").field("root", &self.root).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(key: Option<KeyRef>) -> Provider {
        Provider::Http(HttpProvider {
            kind: HttpKind::OpenAi,
            base_url: "http://127.0.0.1:9/v1".to_owned(),
            key,
            speaks: vec![Protocol::OpenAiChat],
            prices: std::collections::BTreeMap::new(),
        })
    }

    #[test]
    fn keys_come_from_where_the_file_says_and_pools_are_shared() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("model.key"), "sk-file\n").unwrap();
        let providers = HttpProviders::new(folder.path(), |name| (name == "MODEL_KEY").then(|| "sk-env".to_owned()));
        let ask = |key| providers.model(&provider(key), "m");
        assert!(ask(None).is_ok());
        assert!(ask(Some(KeyRef::Env("MODEL_KEY".to_owned()))).is_ok());
        assert!(ask(Some(KeyRef::File("model.key".to_owned()))).is_ok());
        assert!(ask(Some(KeyRef::Env("MODEL_KEY".to_owned()))).is_ok());
        assert_eq!(providers.clients.lock().unwrap().len(), 3);
        let missing = ask(Some(KeyRef::Env("OTHER".to_owned()))).err().unwrap();
        assert!(missing.contains("`OTHER` is not set"), "{missing}");
        assert!(ask(Some(KeyRef::File("none".to_owned()))).is_err());
        assert!(providers.model(&Provider::Classifier, "m").is_err());
        // The same address, asked in another way or in other words, is another client.
        let Provider::Http(openai) = provider(None) else { unreachable!() };
        let anthropic = HttpProvider { kind: HttpKind::Anthropic, ..openai.clone() };
        let responses = HttpProvider { speaks: vec![Protocol::OpenAiResponses], ..openai };
        for other in [anthropic, responses] {
            assert!(providers.model(&Provider::Http(other), "m").is_ok());
        }
        assert_eq!(providers.clients.lock().unwrap().len(), 5);
        assert!(providers.circuits().is_empty(), "nobody was asked yet");
    }
}
