//! `seatrial seed`: outputs that are known to be bad, among the reviews.

use super::progress;
use crate::args::SeedArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, shown};
use crate::session::Session;
use seatrial_factory::SeedsFrom;

/// The largest file of items: a set of a thousand long cases.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// `seatrial seed`.
pub(crate) async fn seed(args: SeedArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let workflow = session.workflow()?;
    let from = match (args.set, args.file, args.step) {
        (Some(set), ..) => SeedsFrom::Set(set),
        (None, Some(file), Some(step)) => {
            let path = session.start.join(file);
            let unread = |why: String| Failure::file(format!("`{}` {why}; nothing was seeded", path.display()));
            let size = std::fs::metadata(&path).map_err(|e| unread(format!("could not be read: {e}")))?.len();
            if size > FILE_BYTES_MAX {
                return Err(unread(format!("has more than {FILE_BYTES_MAX} bytes")));
            }
            let bytes = std::fs::read(&path).map_err(|e| unread(format!("could not be read: {e}")))?;
            SeedsFrom::Lines { step, bytes }
        }
        _ => return Err(Failure::usage("name an example set, or `--file FILE --step STEP`; nothing was seeded")),
    };
    let bar = progress::of(out);
    let seeded = session.factory.seed(&caller, Some(&workflow), &from, args.count, bar.as_ref()).await?;
    out.json(&seeded)?;
    out.line(format!("{} known-bad item(s) seeded; {} example(s) left out", seeded.seeded, seeded.left_out));
    for (role, n) in &seeded.reviews {
        out.line(format!("  {n} wait for `{}`, and look like any other review until they are answered", shown(role)));
    }
    if seeded.stopped > 0 {
        out.line(format!("  {} stopped by the guard: nobody has to catch these", seeded.stopped));
    }
    if seeded.unseen > 0 {
        let line = out.paint(Ink::Bad, &format!("  {} would have passed, and no audit asks a person", seeded.unseen));
        out.line(line);
    }
    Ok(Exit::Done)
}
