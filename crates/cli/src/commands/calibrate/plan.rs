//! `seatrial calibrate plan` and `bound`: arithmetic before anybody labels an example. Needs no store.

use super::percent;
use crate::args::{BoundArgs, CalibrateCommand, PlanArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, Rows, shown};
use crate::owner::Asked;
use crate::place;
use seatrial_sprint::calibrate::{Effort, Need, Planned};
use seatrial_sprint::{CalibrateError, Promise, stats};
use serde::Serialize;

/// Plans, or bounds.
pub(crate) fn plan(
    command: &CalibrateCommand,
    asked: &Asked,
    named: Option<&str>,
    out: &mut Out,
) -> Result<Exit, Failure> {
    match command {
        CalibrateCommand::Plan(args) => planned(args, asked, named, out),
        CalibrateCommand::Bound(args) => bound(args, out),
    }
}

/// What a threshold promises, by the spec.
#[derive(Default)]
struct Declared {
    max_wrong: Option<f64>,
    assurance: Option<f64>,
    attempts: Option<u64>,
    slices: Vec<String>,
}

fn declared(threshold: &str, asked: &Asked, named: Option<&str>) -> Result<Declared, Failure> {
    let undone = "nothing was planned (`--max-wrong` and `--assurance` plan without a spec)";
    let workflow = place::checked(&asked.start, named, undone)?;
    let name = threshold.strip_prefix("thresholds.").unwrap_or(threshold);
    let found = workflow.thresholds.get(name).ok_or_else(|| {
        let known: Vec<&str> = workflow.thresholds.keys().map(String::as_str).collect();
        Failure::usage(format!("the spec has no threshold `{}`; it has: {}", shown(name), known.join(", ")))
    })?;
    Ok(Declared {
        max_wrong: found.max_wrong,
        assurance: found.assurance,
        attempts: Some(found.attempts),
        slices: workflow.slices.iter().filter(|(_, s)| s.required).map(|(name, _)| name.clone()).collect(),
    })
}

#[derive(Serialize)]
struct Answer<'a> {
    max_wrong: f64,
    assurance: f64,
    attempts: u64,
    slices: u64,
    expected_error: f64,
    pass_share: f64,
    power: f64,
    /// δ of the whole and of each slice.
    delta: f64,
    table: Vec<Row>,
    /// How many must pass, of the whole and of each slice; none where no number of examples gives that chance.
    passing: Option<u64>,
    /// And how many of them may be wrong.
    errors: Option<u64>,
    sealed: Option<u64>,
    labelled: Option<u64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    required: &'a [String],
}

#[derive(Serialize)]
struct Row {
    errors: u64,
    passing: Option<u64>,
}

fn planned(args: &PlanArgs, asked: &Asked, named: Option<&str>, out: &mut Out) -> Result<Exit, Failure> {
    let spec = args.threshold.as_deref().map(|name| declared(name, asked, named)).transpose()?.unwrap_or_default();
    let need = |value: Option<f64>, option: &str| {
        value.ok_or_else(|| Failure::usage(format!("the spec does not say it; name it with `--{option}`")))
    };
    let max_wrong = need(args.max_wrong.or(spec.max_wrong), "max-wrong")?;
    let assurance = need(args.assurance.or(spec.assurance), "assurance")?;
    let effort = Effort {
        promise: Promise::new(max_wrong, assurance).map_err(|e| usage(&e))?,
        attempts: args.attempts.or(spec.attempts).unwrap_or(1),
        slices: args.slices.unwrap_or(spec.slices.len() as u64),
        expected_error: args.expected_error.unwrap_or(max_wrong / 2.0),
        pass_share: args.pass_share,
        power: args.power,
    };
    let done = seatrial_sprint::calibrate::plan(&effort).map_err(|e| usage(&e))?;
    out.json(&Answer {
        max_wrong,
        assurance,
        attempts: effort.attempts,
        slices: effort.slices,
        expected_error: effort.expected_error,
        pass_share: effort.pass_share,
        power: effort.power,
        delta: done.level,
        table: done.table.iter().map(|n| Row { errors: n.errors, passing: n.items }).collect(),
        passing: done.passing.and_then(|n| n.items),
        errors: done.passing.map(|n| n.errors),
        sealed: done.sealed,
        labelled: done.labelled,
        required: &spec.slices,
    })?;
    if !out.is_json() {
        tell(&effort, &done, &spec.slices, out);
    }
    Ok(Exit::ready(done.passing.is_some()))
}

fn usage(error: &CalibrateError) -> Failure {
    Failure::usage(error.to_string())
}

fn tell(effort: &Effort, done: &Planned, required: &[String], out: &mut Out) {
    let promise = effort.promise;
    out.line(format!(
        "At most {} wrong of what passes, at {} assurance; δ is {:.4}{}.",
        percent(promise.max_wrong()),
        percent(promise.assurance()),
        done.level,
        divided(effort)
    ));
    let mut rows = Rows::new(out.layout(), &["wrong", "must pass"]);
    for Need { errors, items } in &done.table {
        rows.plain([
            errors.to_string(),
            items.map_or_else(|| "more than anybody labels".to_owned(), |n| n.to_string()),
        ]);
    }
    let text = rows.text();
    out.text(&text);
    let (Some(Need { errors, items: Some(items) }), Some(sealed), Some(labelled)) =
        (done.passing, done.sealed, done.labelled)
    else {
        out.line(format!(
            "If {} are truly wrong, no set of examples gives a chance of {:.0} % to be certified.",
            percent(effort.expected_error),
            effort.power * 100.0
        ));
        return;
    };
    out.line(format!(
        "If {} are truly wrong, a chance of {:.0} % takes {items} that pass, {errors} wrong at most.",
        percent(effort.expected_error),
        effort.power * 100.0
    ));
    let strong = out.paint(Ink::Strong, &format!("{labelled} labelled examples"));
    out.line(format!(
        "Where {:.0} % pass, that is {sealed} sealed examples: {strong} in all, a quarter of which is sealed.",
        effort.pass_share * 100.0
    ));
    if effort.slices > 0 {
        let names = if required.is_empty() { String::new() } else { format!(" ({})", shown(&required.join(", "))) };
        out.line(format!("As many sealed examples are needed in each slice with a guarantee of its own{names}."));
    }
}

fn divided(effort: &Effort) -> String {
    let mut why = Vec::new();
    if effort.attempts > 1 {
        why.push(format!("the first of {} attempts", effort.attempts));
    }
    if effort.slices > 0 {
        why.push(format!("divided among the whole and {} slice(s)", effort.slices));
    }
    if why.is_empty() { String::new() } else { format!(" ({})", why.join(", ")) }
}

#[derive(Serialize)]
struct Bounds {
    errors: u64,
    examples: u64,
    assurance: f64,
    upper: f64,
    lower: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_wrong: Option<f64>,
    /// P(Bin(n, α) ≤ k).
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certifies: Option<bool>,
}

fn bound(args: &BoundArgs, out: &mut Out) -> Result<Exit, Failure> {
    let (k, n) = (args.errors, args.examples);
    if k > n {
        return Err(Failure::usage(format!("{k} errors are more than {n} examples; nothing was computed")));
    }
    if n > stats::ITEMS_MAX {
        return Err(Failure::usage(format!("at most {} examples are computed with", stats::ITEMS_MAX)));
    }
    // The assurance alone is checked with a share that is one.
    let promise = Promise::new(args.max_wrong.unwrap_or(0.5), args.assurance).map_err(|e| usage(&e))?;
    let delta = promise.delta();
    let (upper, lower) = (stats::upper_bound(k, n, delta), stats::lower_bound(k, n, delta));
    let p = args.max_wrong.map(|max| stats::tail(k, n, max));
    let certifies = args.max_wrong.map(|max| stats::certifies(k, n, max, delta));
    let (assurance, max_wrong) = (args.assurance, args.max_wrong);
    out.json(&Bounds { errors: k, examples: n, assurance, upper, lower, max_wrong, p, certifies })?;
    let sure = percent(args.assurance);
    out.line(format!("{k} of {n}: at most {upper:.10} at {sure} assurance, and at least {lower:.10} at {sure}"));
    if let (Some(max), Some(p), Some(certifies)) = (args.max_wrong, p, certifies) {
        let (ink, word) = if certifies { (Ink::Good, "certifies") } else { (Ink::Bad, "does not certify") };
        let word = out.paint(ink, word);
        out.line(format!(
            "p = {p:.12}: {word} at most {} wrong, for a number fixed before these labels were seen",
            percent(max)
        ));
    }
    Ok(Exit::ready(certifies != Some(false)))
}
