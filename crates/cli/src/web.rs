//! The way to an identity provider, and the secret that this factory is known to it by.

use futures_util::future::BoxFuture;
use seatrial_server::Web;
use seatrial_server::sso::ANSWER_BYTES_MAX;
use seatrial_spec::workflow::KeyRef;
use seatrial_upstream::web::WebClient;
use std::path::{Path, PathBuf};

/// Over HTTP, with secrets from the environment or from files of the factory's folder.
pub(crate) struct HttpWeb {
    client: WebClient,
    root: PathBuf,
}

impl HttpWeb {
    /// For the factory of this folder.
    pub(crate) fn new(root: &Path) -> Result<Self, String> {
        Ok(Self { client: WebClient::new(ANSWER_BYTES_MAX)?, root: root.to_owned() })
    }
}

/// As in a form.
fn encoded(text: &str) -> String {
    seatrial_server::pages::parts::encode(text)
}

impl Web for HttpWeb {
    fn get<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        Box::pin(self.client.get(url))
    }

    fn post<'a>(
        &'a self,
        url: &'a str,
        form: &'a [(&'a str, &'a str)],
        basic: Option<(&'a str, &'a str)>,
    ) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        let pairs: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        Box::pin(self.client.post(url, pairs.join("&"), basic))
    }

    fn secret(&self, place: &KeyRef) -> Result<String, String> {
        let text = match place {
            KeyRef::Env(name) => std::env::var(name).map_err(|_| format!("the variable `{name}` is not set"))?,
            KeyRef::File(path) => std::fs::read_to_string(self.root.join(path))
                .map_err(|e| format!("the file `{path}` cannot be read: {e}"))?,
        };
        let text = text.trim();
        if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(text.to_owned()) }
    }
}
