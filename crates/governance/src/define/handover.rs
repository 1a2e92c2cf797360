//! The handover: what is owned answers for all of production, and for four things more.

use super::{Basis, Duty, Obligation};
use seatrial_model::Stage;
use seatrial_model::words::Layer;
use seatrial_spec::Workflow;

const OWNED: [Stage; 1] = [Stage::Owned];

/// What the handover asks beyond production.
pub(super) fn handover(_: &Workflow) -> [Obligation; 4] {
    let of = |id: &str, duty: Duty, basis: Basis| Obligation::new(id, Layer::Ownership, &OWNED, duty, basis);
    let unaided = of("ownership.unaided", Duty::Unaided, Basis::Computed)
        .by("the receiving side, without a delivery principal acting on that spec; recomputed")
        .text(
            "One change at least was taken from edit to release by the receiving side alone; a pilot's release counts",
            "People of the receiving side change the spec, submit it, show what went stale, and cut its release.",
            "seatrial submit",
        );
    let access = of("ownership.access", Duty::Access, Basis::Computed)
        .by("the receiving side; recomputed")
        .text(
            "Rights, keys, log and store are the receiving side's: the delivery side's rights end, its tokens with them, the log's key changed hands, and the log restores from its export",
            "Say when the delivery side's rights end, take the log's key over, and exercise the restore.",
            "seatrial handover end-rights --from DATE --reason REASON",
        );
    // The pack states the spec whole: another one is another pack.
    let pack = of("ownership.pack", Duty::Pack, Basis::Judgement)
        .over([""])
        .by("a person of the receiving side who holds a responsible role")
        .text(
            "The handover pack of what is in production was generated, read and acknowledged",
            "Generate the pack after the production release, read it, and acknowledge it.",
            "seatrial handover acknowledge",
        );
    let index = of("ownership.index", Duty::Index, Basis::Computed)
        .over(["gates.handover"])
        .by("the log's operating actions, counted; recomputed")
        .text(
            "The receiving side's share of the operating actions reaches the bar that was written before production",
            "Let the receiving side answer reviews, override, stop, approve, change and release.",
            "seatrial handover index",
        );
    [unaided, access, pack, index]
}

/// What is owned is in production: it keeps production's obligations, with their keys. Only the approval of the whole
/// state is given anew.
pub(super) fn keep_of_production(obligation: &mut Obligation) {
    if !obligation.is_for(Stage::Production) || obligation.duty == Duty::Release {
        return;
    }
    obligation.stages.insert(Stage::Owned);
    if let Some(why) = obligation.not_applicable.get(&Stage::Production).cloned() {
        obligation.not_applicable.insert(Stage::Owned, why);
    }
}
