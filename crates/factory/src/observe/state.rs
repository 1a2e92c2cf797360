//! What stands at this moment, for whoever asks from time to time.

use crate::api::Refused;
use crate::factory::{Factory, not_recorded};
use crate::project::QUEUE;
use crate::switch::Reach;
use seatrial_model::{LogName, Stage};
use seatrial_spec::workflow::Provider;
use seatrial_store::{Batch, ReaderExt as _, Scan, StoreExt as _, TransactError};
use std::collections::BTreeMap;
use std::sync::PoisonError;

/// The most open reviews that are counted for one workflow: whoever has more has them for a while.
pub const OPEN_REVIEWS_MAX: usize = 10_000;

/// One workflow, as it stands on this node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Running {
    /// Its log.
    pub workflow: LogName,
    /// The stage of the release in force.
    pub stage: Option<Stage>,
    /// Stops in force: of the workflow, its steps, the factory.
    pub stops: usize,
    /// Something that should be served is not.
    pub broken: bool,
}

impl Factory {
    /// Every workflow, as it stands on this node.
    #[must_use]
    pub fn running(&self) -> Vec<Running> {
        let handles = self.0.handles.read().unwrap_or_else(PoisonError::into_inner);
        let all = handles.values().map(|handle| {
            let live = handle.live.load();
            let release = live.in_force.as_ref().and_then(|served| served.release.as_ref());
            Running {
                workflow: handle.log.clone(),
                stage: release.map(|r| r.stage),
                stops: Reach::EACH
                    .iter()
                    .filter(|reach| !reach.is_marked())
                    .map(|reach| handle.stops_at(*reach).load().len())
                    .sum(),
                broken: live.broken.is_some(),
            }
        });
        all.collect()
    }

    /// Whether the circuit of a model is open: calls of it fail at once for a while, because earlier ones failed. By the
    /// provider, as the factory's file names it, and the model.
    #[must_use]
    pub fn circuits_open(&self) -> BTreeMap<(String, String), bool> {
        let spec = self.spec();
        let mut all = BTreeMap::new();
        for (url, model, open) in self.0.providers.circuits_open() {
            for (name, provider) in &spec.providers {
                if matches!(provider, Provider::Http(http) if http.base_url == url) {
                    *all.entry((name.clone(), model.clone())).or_insert(false) |= open;
                }
            }
        }
        all
    }

    /// How many reviews of cases wait, up to [`OPEN_REVIEWS_MAX`].
    ///
    /// # Errors
    /// [`Refused`] where the store cannot be read.
    pub async fn open_reviews(&self, workflow: &LogName) -> Result<usize, Refused> {
        let count = |view: &dyn seatrial_store::View| {
            let mut after: Vec<u8> = Vec::new();
            let mut found = 0;
            while found < OPEN_REVIEWS_MAX {
                let scan = Scan::all(QUEUE).after(after.clone()).limit(OPEN_REVIEWS_MAX - found);
                let page = view.scan(&scan)?;
                found += page.len();
                match page.last() {
                    Some((key, _)) if page.len() >= scan.rows_max() => after.clone_from(key),
                    _ => break,
                }
            }
            Ok(found)
        };
        self.0.store.read_with(workflow, count).await.map_err(not_recorded)
    }

    /// Whether the store commits: an empty transaction goes the way that decisions go.
    ///
    /// # Errors
    /// [`Refused::NotRecorded`] where it does not.
    pub async fn can_record(&self) -> Result<(), Refused> {
        let done =
            self.0.store.transact_with::<(), Refused, _>(&LogName::factory(), |_| Ok((Batch::default(), ()))).await;
        match done {
            Ok(_) => Ok(()),
            Err(TransactError::Refused(refused)) => Err(refused),
            Err(TransactError::Store(error)) => Err(Refused::NotRecorded(error.to_string())),
        }
    }
}
