//! A whole delivery, simulated: the main job, told in the terminal and on the pages at the same time. Every figure is
//! computed from the log or measured; the people are simulated, and everything the factory signs says so.

mod close;
mod deliver;
mod draw;
mod figures;
mod operate;
mod pilot;
mod story;
mod tell;
mod yard;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::Out;
use crate::owner::{self, Opened};
use crate::place;
use crate::serving::Serving;
use clap::Args;
use std::path::PathBuf;
use std::time::Instant;
use story::Story;
use tell::Tell;
use yard::Yard;

/// `seatrial demo`.
#[derive(Clone, Debug, Args)]
pub(crate) struct DemoArgs {
    /// End when the delivery is done, instead of serving it
    #[arg(long)]
    pub(crate) exit: bool,
    /// What the simulated people and applications are drawn from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// A new folder for it; a temporary one where none is named
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Where its pages are served
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) listen: String,
}

/// Runs the demo.
pub(crate) async fn run(args: DemoArgs, out: &mut Out) -> Result<Exit, Failure> {
    let began = Instant::now();
    let root = yard::lay_out(args.dir.as_deref())?;
    let store = place::store(&root)?;
    let Opened::Owned(owned) = owner::open(&root, &store, true).await? else {
        return Err(Failure::failed("somebody else owns the demo's new store"));
    };
    let serving = Serving::start(owned.factory.clone(), &args.listen, seatrial_gateway::DRAIN_WAIT).await?;
    let title =
        out.paint(crate::out::Ink::Strong, "Seatrial: a credit pre-approval, from spec to handed-over decisions");
    out.line(title);
    out.line("Simulated people, a real model, real applications. Everything here is signed as a simulation.");
    out.line(format!("Folder  {}", root.display()));
    out.line(format!("Pages   {}", serving.link("hana@harbour.example")?));
    let yard = Yard { factory: owned.factory.clone(), root: root.clone() };
    let told = tell(yard, &args, out).await;
    let figures = match told {
        Ok(figures) => figures,
        Err(failure) => {
            serving.end().await;
            owned.close().await?;
            return Err(failure);
        }
    };
    out.line("");
    out.line(format!("Done in {:.1} s.", began.elapsed().as_secs_f64()));
    out.json(&figures)?;
    if !args.exit {
        out.line(format!("Reviews wait for you: {}", serving.link("hana@harbour.example")?));
        out.line("The pages are served until Ctrl-C.");
        serving.until_interrupted().await?;
    }
    serving.end().await;
    owned.close().await?;
    Ok(Exit::Done)
}

async fn tell(yard: Yard, args: &DemoArgs, out: &mut Out) -> Result<figures::Figures, Failure> {
    let mut story = Story::new(yard, Tell::new(out), args.seed)?;
    story.check().await?;
    story.evaluate().await?;
    story.certify().await?;
    story.refused().await?;
    story.open_shop().await?;
    story.pilot().await?;
    story.production().await?;
    story.held_back().await?;
    story.change().await?;
    story.shift().await?;
    story.stop().await?;
    story.close_sprint().await?;
    story.hand_over().await?;
    story.assess().await?;
    story.leave_reviews().await?;
    story.verify_log().await?;
    Ok(story.figures)
}
