//! A threshold and its certificate: the promise, the figures behind it, and whether it is being watched.

use super::frame::{Place, page};
use super::parts::{Signal, at, badge, command, count, digest, event, percent, ratio, share, time};
use crate::chart::{CurveMarks, curve, watch};
use crate::text::house;
use crate::view::{CertificatePage, Curve, Frame, Standing, Watch};
use maud::{Markup, html};
use seatrial_model::event::{Certificate, Share};

/// The page.
#[must_use]
pub fn certificate(frame: &Frame, view: &CertificatePage) -> Markup {
    let workflow = frame.workflow.as_ref().map_or("", |w| w.name.as_str());
    let body = html! {
        header .page-head {
            p .crumbs { a href=(at(workflow, "")) { "Board" } " / threshold" }
            h1 { "Threshold " code { (house(&view.name)) } }
            (standing(view))
            (promise(view))
        }
        (command(&view.command))
        section aria-labelledby="curve-h" { h2 #curve-h { "Risk and coverage" } (picture(workflow, view)) }
        section #watch data-live aria-labelledby="watch-h" { h2 #watch-h { "Since launch" } (watched(&view.watch)) }
        @if let Some(c) = &view.certificate { (figures(workflow, view, c)) }
    };
    page(frame, Place::Elsewhere, &format!("Threshold {}", view.name), &body)
}

fn standing(view: &CertificatePage) -> Markup {
    html! {
        p {
            @match &view.standing {
                Standing::Certified => (badge(Signal::Good, "check", "certified")),
                Standing::NotCertified => { (badge(Signal::Bad, "cross", "not certified")) " Everything that depends on it escalates." },
                Standing::None => { (badge(Signal::Unknown, "ring", "no certificate")) " Everything that depends on it escalates." },
                Standing::Revoked { at, why } => { (badge(Signal::Bad, "bar", "revoked")) " " (time(*at)) ": " (house(why)) " Everything that depends on it escalates." },
            }
        }
    }
}

fn promise(view: &CertificatePage) -> Markup {
    html! {
        @match (&view.certificate, view.at) {
            (Some(c), Some(at)) if view.standing == Standing::Certified => p .promise {
                "From a confidence of " strong { (at) } " an output may pass without a person. With " strong { (percent(c.assurance)) }
                " assurance, at most " strong { (percent(c.max_wrong)) } " of those are wrong."
            },
            (_, None) => p .promise { "Nothing passes without a person." },
            (_, Some(at)) => p .promise { "The spec asks for a confidence of " strong { (at) } ", and nothing shows yet that this is safe." },
        }
    }
}

fn picture(workflow: &str, view: &CertificatePage) -> Markup {
    let max_wrong = view.certificate.as_ref().map_or(0.05, |c| c.max_wrong);
    html! {
        figure .curve {
            @match &view.curve {
                Curve::Points { points } if !points.is_empty() => {
                    (curve(points, CurveMarks { at: view.at, max_wrong }))
                    figcaption { span .key .line {} " wrong among those that pass " span .key .bound {} " its upper bound " span .key .limit {} " what the spec allows" }
                },
                Curve::Blob { digest } => img src=(at(workflow, &format!("/curves/{}.svg", digest.hex()))) alt="Risk–coverage curve of this certificate";,
                _ => p .muted { "No curve yet: calibrate first." },
            }
        }
    }
}

fn watched(view: &Watch) -> Markup {
    html! {
        @match view {
            Watch::NotLaunched => p { (badge(Signal::Quiet, "dash", "not launched")) " The promise rests on examples alone." },
            Watch::UnwatchedUntil { until, truth } => p {
                @match until {
                    Some(t) => { (badge(Signal::Look, "look", "unwatched")) " until " (time(*t)) "." },
                    None => (badge(Signal::Look, "look", "unwatched")),
                }
                " Truth comes from " (house(truth)) ", and none has matured yet."
            },
            Watch::Watched { audited, wrong, log_e, log_alarm, path } => {
                p {
                    (badge(if log_e >= log_alarm { Signal::Bad } else { Signal::Good }, if log_e >= log_alarm { "cross" } else { "check" }, if log_e >= log_alarm { "alarm" } else { "watched" }))
                    " " (share(Share { k: *wrong, n: *audited })) " were wrong."
                }
                @if path.len() > 1 { figure .curve { (watch(path, *log_alarm)) } }
                p .muted { "The line gathers evidence that the certificate was wrong from the start. Where it reaches the alarm, the certificate is revoked and everything escalates, without waiting for anybody." }
            },
        }
    }
}

fn figures(workflow: &str, view: &CertificatePage, c: &Certificate) -> Markup {
    html! {
        section aria-labelledby="figures-h" {
            h2 #figures-h { "Figures" }
            dl .facts {
                dt { "λ, the threshold tested" } dd .num { @match c.at { Some(at) => (at), None => "none" } }
                dt { "α, at most wrong" } dd .num { (percent(c.max_wrong)) }
                dt { "δ spent on this attempt" } dd .num { (c.delta) }
                dt { "Wrong of those that pass" } dd .num { (share(Share { k: c.errors, n: c.examples })) }
                dt { "Upper bound" } dd .num { (percent(c.bound)) }
                dt { "P(at most that many by chance)" } dd .num { (format!("{:.4}", c.p)) @if c.p <= level(c) { " ≤ its part of δ" } @else { " > its part of δ: not certified" } }
                @if c.withheld { dt { "Withheld" } dd { "Attempts are left, and no number is to be chosen by the figures of a failed one." } }
                @if c.left_out > 0 { dt { "Left out" } dd .num { (c.left_out) " sealed examples that are spent" } }
                @if c.thinned > 0 { dt { "Thinned" } dd .num { (c.thinned) " sealed examples for which another one of their cluster stands" } }
                @if let Some(left) = &c.remainder { dt { "Without the slices that escalate" } dd .num { (share(left.wrong)) ", at most " (percent(left.bound)) } }
                dt { "Needs a person" } dd .num { (share(c.reviewed)) @if let Some(n) = view.reviews_per_day { ", about " (format!("{n:.0}")) " a day" } }
                dt { "Wrong means" } dd { code { (house(&view.wrong_when)) } }
                dt { "Confidence" } dd { code { (house(&c.confidence)) } }
                dt { "Method" } dd { (house(&c.method)) ", attempt " (c.attempt) " of " (c.attempts) }
                dt { "Model" } dd { code .long { (house(&c.model)) } }
                dt { "Sealed examples" } dd { (digest(&c.sealed)) }
                @if let Some(e) = &view.event { dt { "Evidence" } dd { (event(workflow, e)) } }
            }
            (required(c))
            (slices(c))
            (attempts(workflow, view))
        }
    }
}

/// The part of δ that the whole is tested with: slices with a guarantee of their own have as much each.
fn level(c: &Certificate) -> f64 {
    c.delta / (c.required.len() as f64 + 1.0)
}

fn required(c: &Certificate) -> Markup {
    html! {
        @if !c.required.is_empty() {
            h3 { "Slices with a guarantee of their own" }
            table .list {
                thead { tr { th scope="col" { "Slice" } th scope="col" .right { "Wrong of those that pass" } th scope="col" .right { "Upper bound" } th scope="col" { "" } } }
                tbody { @for (name, s) in &c.required {
                    tr {
                        th scope="row" { (house(name)) }
                        td data-label="Wrong" .right .num { (share(s.wrong)) }
                        td data-label="Upper bound" .right .num { (percent(s.bound)) }
                        td data-label="Standing" { @if s.certified { (badge(Signal::Good, "check", "certified")) } @else { (badge(Signal::Bad, "cross", "escalates")) } }
                    }
                } }
            }
        }
    }
}

fn slices(c: &Certificate) -> Markup {
    html! {
        @if !c.slices.is_empty() {
            h3 { "By slice" }
            table .list {
                thead { tr { th scope="col" { "Slice" } th scope="col" .right { "Pass" } th scope="col" .right { "Wrong" } } }
                tbody { @for (name, s) in &c.slices {
                    tr {
                        th scope="row" { (house(name)) }
                        td data-label="Pass" .right .num { (share(s.passed)) }
                        td data-label="Wrong" .right .num { (share(s.wrong)) @if ratio(s.wrong.k, s.wrong.n).is_some_and(|r| r > c.max_wrong) { " " (badge(Signal::Look, "look", "above α")) } }
                    }
                } }
            }
            p .muted { "Reported, not promised: the certificate speaks of all cases together." }
        }
    }
}

fn attempts(workflow: &str, view: &CertificatePage) -> Markup {
    html! {
        @if view.attempts.len() > 1 {
            h3 { "Attempts on these examples" }
            ol .cites { @for (n, delta, given, e) in &view.attempts {
                li { (count(*n)) ": δ " (delta) ", " @if *given { "certified" } @else { "not certified" } " " (event(workflow, e)) }
            } }
        }
    }
}
