//! `seatrial serve`: one process, one listener, one owner of the store.

use crate::args::ServeArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::Out;
use crate::owner::{self, Asked, Opened};
use crate::place;
use crate::serving::Serving;
use seatrial_factory::Factory;
use seatrial_store::StoreError;
use serde_json::json;

/// Serves until told to end.
pub(crate) async fn serve(args: &ServeArgs, asked: &Asked, out: &mut Out) -> Result<Exit, Failure> {
    let root = place::root(&asked.start)?;
    let store = place::store(&root)?;
    let owned = match owner::open(&root, &store, true).await? {
        Opened::Owned(owned) => owned,
        Opened::Elsewhere => return Err(StoreError::Owned(store).into()),
    };
    let served = until_told(&owned.factory, args, asked.who.person.as_deref(), out).await;
    // Whatever happened: nothing is left for the next start to recover.
    owned.close().await?;
    served
}

async fn until_told(factory: &Factory, args: &ServeArgs, person: Option<&str>, out: &mut Out) -> Result<Exit, Failure> {
    let serving = Serving::start(factory.clone(), &args.listen.to_string(), args.drain_wait).await?;
    // Whoever holds the machine needs no token to look at the pages: the link works once, and soon.
    let link = match person.map(|person| serving.link(person)).transpose() {
        Ok(link) => link,
        Err(failure) => {
            serving.end().await;
            return Err(failure);
        }
    };
    let name = factory.spec().name.clone();
    let address = serving.address();
    let workflows: Vec<String> = factory.workflows().iter().map(ToString::to_string).collect();
    out.json(&json!({ "listening": address.to_string(), "factory": name, "workflows": workflows }))?;
    out.line(format!("{name} is served on http://{address}"));
    for workflow in &workflows {
        standing(factory, workflow, out).await?;
    }
    if let Some((person, link)) = person.zip(link) {
        out.line(format!("  sign in as {}: {link}", crate::out::shown(person)));
    }
    serving.until_interrupted().await?;
    serving.end().await;
    Ok(Exit::Done)
}

async fn standing(factory: &Factory, workflow: &str, out: &mut Out) -> Result<(), Failure> {
    let summary = factory.summary(workflow).await?;
    let stage = match &summary.in_force {
        Some(release) => format!("{} since {}", release.stage, release.since),
        None => "not released: only rehearsals are answered".to_owned(),
    };
    let stopped = if summary.stopped.is_empty() { "" } else { "  STOPPED" };
    out.line(format!("  {workflow}  {stage}{stopped}"));
    Ok(())
}
