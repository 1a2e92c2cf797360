//! Small parts that every page uses: states, verdicts, times, digests, commands, references to events.

use crate::text::{house, prose};
use crate::view::{EventRef, Next, ObligationState, Support};
use jiff::Zoned;
use jiff::tz::TimeZone;
use maud::{Markup, PreEscaped, html};
use seatrial_model::event::Share;
use seatrial_model::facts::{CheckKind, FindingResult};
use seatrial_model::words::Layer;
use seatrial_model::{Action, Answer, Digest, Stage, Time, Verdict};
use std::cell::RefCell;

/// How a thing is to be read at a glance; each has its own shape, so that colour is never alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// Shown, allowed, met.
    Good,
    /// Worth a look; goes on.
    Look,
    /// Waits for somebody.
    Wait,
    /// Does not hold, withheld.
    Bad,
    /// Nothing is known.
    Unknown,
    /// Out of the question here.
    Quiet,
}

impl Signal {
    const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Look => "look",
            Self::Wait => "wait",
            Self::Bad => "bad",
            Self::Unknown => "unknown",
            Self::Quiet => "quiet",
        }
    }
}

/// A small drawing by its name, 16 by 16; decorative, since a word always stands beside it.
#[must_use]
pub fn icon(name: &str) -> Markup {
    let path = match name {
        "check" => {
            r#"<circle cx="8" cy="8" r="7" fill="currentColor" stroke="none"/><path class="cut" d="m4.8 8.3 2.2 2.2 4.3-4.8"/>"#
        }
        "ring" => r#"<circle cx="8" cy="8" r="6" stroke-dasharray="2.6 2.11"/>"#,
        "clock" => r#"<circle cx="8" cy="8" r="6.2"/><path d="M8 4.4V8l2.5 1.7"/>"#,
        "cross" => {
            r#"<path fill="currentColor" stroke="none" d="M5.2.9h5.6l4.3 4.3v5.6l-4.3 4.3H5.2L.9 10.8V5.2z"/><path class="cut" d="m5.6 5.6 4.8 4.8m0-4.8-4.8 4.8"/>"#
        }
        "flag" => r#"<path d="M3.5 15V1.5"/><path fill="currentColor" d="M3.5 2h9l-2.6 3.1 2.6 3.1h-9z"/>"#,
        "ask" => {
            r#"<circle cx="8" cy="8" r="6.2"/><path d="M6.1 6.3c.2-2.4 3.9-2.2 3.8.1 0 1.5-1.9 1.5-1.9 3M8 11.6v.2"/>"#
        }
        "bar" => r#"<circle cx="8" cy="8" r="6.2"/><path d="m3.7 12.3 8.6-8.6"/>"#,
        "dash" => r#"<path d="M4 8h8"/>"#,
        "look" => r#"<path d="M8 1.6 15 14H1z"/><path d="M8 6.2v3.6M8 11.8v.2"/>"#,
        "edit" => r#"<path d="m2.5 13.5.6-3.2L10.7 2.7l2.6 2.6-7.6 7.6z"/><path d="m9 4.4 2.6 2.6"/>"#,
        "person" => r#"<circle cx="8" cy="5" r="3"/><path d="M2.3 14.5c.4-3.6 2.6-5 5.7-5s5.3 1.4 5.7 5"/>"#,
        "out" => r#"<path d="M2 8h11M9 4l4.2 4L9 12"/>"#,
        "stop" => r#"<rect x="3" y="3" width="10" height="10" fill="currentColor"/>"#,
        "go" => r#"<path fill="currentColor" d="M4.5 2.5 13 8l-8.5 5.5z"/>"#,
        "lock" => r#"<rect x="3" y="7" width="10" height="7.5"/><path d="M5 7V4.8a3 3 0 0 1 6 0V7"/>"#,
        _ => "",
    };
    html! { svg .icon viewBox="0 0 16 16" aria-hidden="true" focusable="false" { (PreEscaped(path)) } }
}

/// A word with its drawing and its colour.
#[must_use]
pub fn badge(signal: Signal, icon_name: &str, word: &str) -> Markup {
    html! { span class={ "badge " (signal.class()) } { (icon(icon_name)) span { (word) } } }
}

/// An obligation's state.
#[must_use]
pub fn state(state: ObligationState) -> Markup {
    let (signal, name) = match state {
        ObligationState::Discharged => (Signal::Good, "check"),
        ObligationState::Waived => (Signal::Look, "flag"),
        ObligationState::Stale => (Signal::Wait, "clock"),
        ObligationState::Open => (Signal::Unknown, "ring"),
        ObligationState::Inconclusive => (Signal::Look, "ask"),
        ObligationState::Failed => (Signal::Bad, "cross"),
        ObligationState::Revoked => (Signal::Bad, "bar"),
        ObligationState::NotApplicable => (Signal::Quiet, "dash"),
    };
    badge(signal, name, state.as_str())
}

/// A verdict.
#[must_use]
pub fn verdict(verdict: Verdict) -> Markup {
    let (signal, name) = match verdict {
        Verdict::Allow => (Signal::Good, "check"),
        Verdict::Warn => (Signal::Look, "look"),
        Verdict::Modify => (Signal::Look, "edit"),
        Verdict::Escalate => (Signal::Wait, "person"),
        Verdict::Deny => (Signal::Bad, "cross"),
    };
    badge(signal, name, verdict.as_str())
}

/// What was done with the output, in words.
#[must_use]
pub const fn action(action: Action) -> &'static str {
    match action {
        Action::Allow => "released",
        Action::Block => "withheld",
        Action::Modify => "changed, then released",
        Action::Escalate => "held for a person",
        Action::Advised => "caller was advised",
    }
}

/// A person's answer, in words.
#[must_use]
pub const fn answer(answer: Answer) -> &'static str {
    match answer {
        Answer::Accept => "accepted as it is",
        Answer::Edit => "corrected",
        Answer::Reject => "rejected: nothing leaves",
        Answer::Own => "decided by the person",
    }
}

/// What a check found.
#[must_use]
pub fn finding(result: FindingResult) -> Markup {
    match result {
        FindingResult::Met => badge(Signal::Good, "check", "met"),
        FindingResult::Violated => badge(Signal::Bad, "cross", "violated"),
        FindingResult::NotRun => badge(Signal::Unknown, "ask", "not run"),
    }
}

/// Which kind of check.
#[must_use]
pub const fn kind(kind: CheckKind) -> &'static str {
    match kind {
        CheckKind::RefuseInput => "refuse_input",
        CheckKind::Schema => "schema",
        CheckKind::Require => "require",
        CheckKind::Forbid => "forbid",
        CheckKind::Never => "never",
    }
}

/// How well an answer is supported.
#[must_use]
pub fn support(support: Support) -> Markup {
    let (signal, name) = match support {
        Support::Evidenced => (Signal::Good, "check"),
        Support::Partly => (Signal::Look, "clock"),
        Support::NoEvidence => (Signal::Unknown, "ring"),
        Support::Contradicted => (Signal::Bad, "cross"),
    };
    badge(signal, name, support.as_str())
}

/// A stage as a stamp.
#[must_use]
pub fn stage(stage: Stage) -> Markup {
    html! { span class={ "stamp stage-" (stage.as_str()) } { (stage.as_str()) } }
}

/// A layer's number and name, as the design numbers them.
#[must_use]
pub const fn layer(layer: Layer) -> (&'static str, &'static str) {
    match layer {
        Layer::Spec => ("1", "Specification"),
        Layer::Sprint => ("2", "Sprints"),
        Layer::Governance => ("3", "Governance"),
        Layer::Runtime => ("4", "Runtime controls"),
        Layer::Ownership => ("5", "Ownership"),
    }
}

thread_local! {
    /// The time zone of the page that this thread draws: drawing is one call, and asks nobody.
    static ZONE: RefCell<TimeZone> = const { RefCell::new(TimeZone::UTC) };
}

/// Draws something with its times in a time zone, by its IANA name; in UTC where the machine does not know it.
pub fn in_zone<T>(name: &str, draw: impl FnOnce() -> T) -> T {
    let zone = TimeZone::get(name).unwrap_or(TimeZone::UTC);
    let before = ZONE.with(|held| held.replace(zone));
    let drawn = draw();
    ZONE.with(|held| held.replace(before));
    drawn
}

fn local(at: Time) -> Zoned {
    ZONE.with(|zone| at.timestamp().to_zoned(zone.borrow().clone()))
}

/// A moment in the page's time zone, to the minute; the whole of it, in UTC, on hover.
#[must_use]
pub fn time(at: Time) -> Markup {
    let text = local(at).strftime("%-d %b %Y, %H:%M").to_string();
    html! { time datetime=(at) title=(at) { (text) } }
}

/// A moment as a list shows it: the clock today, the day otherwise.
#[must_use]
pub fn short_time(at: Time, now: Time) -> Markup {
    let (shown, today) = (local(at), local(now));
    let form = if shown.date() == today.date() { "%H:%M:%S" } else { "%-d %b %H:%M" };
    html! { time datetime=(at) title=(at) { (shown.strftime(form).to_string()) } }
}

/// A length of time as people say it, from milliseconds.
#[must_use]
pub fn length(ms: i64) -> String {
    let ms = ms.saturating_abs();
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{} s", ms / 1_000),
        60_000..3_600_000 => format!("{} min", ms / 60_000),
        3_600_000..172_800_000 => format!("{} h {:02} min", ms / 3_600_000, ms / 60_000 % 60),
        _ => format!("{} days", ms / 86_400_000),
    }
}

/// When something is due: `in 2 h`, or how late it is.
#[must_use]
pub fn due(at: Option<Time>, now: Time) -> Markup {
    match at {
        None => html! { span .muted { "no time limit" } },
        Some(at) if now > at => badge(Signal::Bad, "clock", &format!("late by {}", length(now.millis_since(at)))),
        Some(at) => html! { time datetime=(at) title=(at) { "due in " (length(at.millis_since(now))) } },
    }
}

/// A whole number with its thousands apart.
#[must_use]
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 * 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(c);
    }
    out
}

/// `1 review`, `2 reviews`.
#[must_use]
pub fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// A share as `3 of 120 (2.5 %)`.
#[must_use]
pub fn share(share: Share) -> String {
    match ratio(share.k, share.n) {
        Some(r) => format!("{} of {} ({})", count(share.k), count(share.n), percent(r)),
        None => "0 of 0".to_owned(),
    }
}

/// k of n as a number; none where n is zero.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52, and for display only")]
pub fn ratio(k: u64, n: u64) -> Option<f64> {
    (n > 0).then(|| k as f64 / n as f64)
}

/// A share of one in per cent, with one decimal.
#[must_use]
pub fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:.1} %", share * 100.0) } else { "not a number".to_owned() }
}

/// A digest's first digits; the whole of it on hover.
#[must_use]
pub fn digest(digest: &Digest) -> Markup {
    html! { code .digest title=(digest) { (digest.short()) } }
}

/// An element's path.
#[must_use]
pub fn path(path: &str) -> Markup {
    let shown = house(path);
    let mut parts = shown.split('.').peekable();
    html! {
        code .path {
            // A place to break after every dot, for narrow columns.
            @while let Some(part) = parts.next() { (part) @if parts.peek().is_some() { "." wbr; } }
        }
    }
}

/// A command to copy.
#[must_use]
pub fn command(command: &str) -> Markup {
    html! {
        @if !command.is_empty() {
            span .command { code { (house(command)) } button type="button" data-copy=(house(command)) hidden { "copy" } }
        }
    }
}

/// What to do next.
#[must_use]
pub fn next(next: &Next) -> Markup {
    html! { div .next { @if !next.what.is_empty() { span { (prose(&next.what)) } " " } (command(&next.command)) } }
}

/// A reference to an event: its entry, linked into the log, with its kind.
#[must_use]
pub fn event(workflow: &str, event: &EventRef) -> Markup {
    html! {
        a .event href=(entry(workflow, event.index)) title={ (event.id) " by " (house(&event.actor)) ", " (event.time) } {
            span .entry { "№ " (event.index) } " " (house(&event.kind))
        }
    }
}

/// References in a row; nothing where there are none.
#[must_use]
pub fn cites(workflow: &str, events: &[EventRef]) -> Markup {
    html! { @if !events.is_empty() { ul .cites { @for e in events { li { (event(workflow, e)) } } } } }
}

/// What stands where there is nothing yet.
#[must_use]
pub fn empty(title: &str, text: &str, what: &str) -> Markup {
    html! { div .empty { p .title { (title) } p { (text) } @if !what.is_empty() { p { (command(what)) } } } }
}

/// The address of a workflow's pages.
#[must_use]
pub fn at(workflow: &str, rest: &str) -> String {
    format!("/w/{}{rest}", encode(workflow))
}

/// The address of an entry of the log.
#[must_use]
pub fn entry(workflow: &str, index: u64) -> String {
    at(workflow, &format!("/log?before={}#e{index}", index.saturating_add(1)))
}

/// A text as one segment of an address (RFC 3986 unreserved characters stay).
#[must_use]
pub fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, b| {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(b));
        } else {
            let _ = write!(out, "%{b:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lengths_read_well() {
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(count(12), "12");
        assert_eq!(plural(1, "review", "reviews"), "1 review");
        assert_eq!(length(61_000), "1 min");
        assert_eq!(length(-5_400_000), "1 h 30 min");
        assert_eq!(length(i64::MIN), length(i64::MAX));
        assert_eq!(share(Share { k: 3, n: 120 }), "3 of 120 (2.5 %)");
        assert_eq!(percent(f64::NAN), "not a number");
    }

    #[test]
    fn times_are_the_pages_own() {
        let at: Time = "2026-07-01T22:30:00Z".parse().unwrap();
        let shown = |zone: &str| in_zone(zone, || time(at).into_string());
        assert!(shown("Europe/Madrid").contains(">2 Jul 2026, 00:30<"), "the next day over there");
        assert!(shown("Nowhere/Land").contains(">1 Jul 2026, 22:30<"), "what is not known is UTC");
        assert!(time(at).into_string().contains(">1 Jul 2026, 22:30<"), "a zone is put back");
    }

    #[test]
    fn an_address_stays_one_segment() {
        assert_eq!(encode("eval.golden"), "eval.golden");
        assert_eq!(encode("a/../b?c#d\"é"), "a%2F..%2Fb%3Fc%23d%22%C3%A9");
    }

    #[test]
    fn lateness_is_said_and_not_only_coloured() {
        let now = Time::from_millis(10_000_000);
        assert!(due(Some(now.plus_millis(-60_000)), now).into_string().contains("late by 1 min"));
        assert!(due(Some(now.plus_millis(60_000)), now).into_string().contains("due in 1 min"));
    }
}
