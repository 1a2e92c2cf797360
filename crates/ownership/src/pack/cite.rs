//! Citations: every statement names the entry that it rests on.

use crate::PackInput;
use maud::{Markup, html};
use seatrial_model::{Body, Logged, Untrusted};
use std::collections::{BTreeMap, BTreeSet};

/// Text that nobody vouches for, ready for a page (maud escapes markup).
pub(super) fn t(text: &str, max: usize) -> String {
    Untrusted::new(text).page(max)
}

/// Text that nobody vouches for, with what stands in backticks as code.
pub(super) fn ticks(text: &str, max: usize) -> Markup {
    let text = t(text, max);
    let parts: Vec<&str> = text.split('`').collect();
    // An odd one out is a backtick that nobody closed.
    if parts.len().is_multiple_of(2) {
        return html! { (text) };
    }
    html! { @for (i, part) in parts.iter().enumerate() { @if i % 2 == 1 { code { (part) } } @else { (part) } } }
}

/// The entries cited so far.
pub(super) struct Citations<'a> {
    by_index: BTreeMap<u64, &'a Logged>,
    spec: Option<u64>,
    people: Option<&'a Logged>,
    cited: BTreeSet<u64>,
    people_cited: bool,
}

impl<'a> Citations<'a> {
    pub(super) fn new(input: &PackInput<'a>) -> Self {
        let submitted =
            |e: &&Logged| e.event.spec == Some(input.workflow.digest) && matches!(e.event.body, Body::SpecSubmitted(_));
        Self {
            by_index: input.events.iter().map(|e| (e.index, e)).collect(),
            spec: input.events.iter().rev().find(submitted).map(|e| e.index),
            people: input.people,
            cited: BTreeSet::new(),
            people_cited: false,
        }
    }

    /// Cites an entry of the workflow's log. One that is not at hand (an entry of the running system) is named by its
    /// number alone, without a link.
    pub(super) fn index(&mut self, index: u64) -> Markup {
        let Some(id) = self.by_index.get(&index).map(|e| e.event.id) else {
            return html! { " " span.cite { code { "log " (index) } } };
        };
        self.cited.insert(index);
        html! { " " a.cite href={ "#entry-" (index) } title=(id) { code { "log " (index) } } }
    }

    /// Cites the submission of the spec that is handed over.
    pub(super) fn spec(&mut self) -> Markup {
        match self.spec {
            Some(index) => self.index(index),
            None => html! { span.uncited { "no event: this spec was not submitted" } },
        }
    }

    /// Cites the declaration of the factory's people, which is in the factory's own log.
    pub(super) fn people(&mut self) -> Markup {
        self.people_cited = true;
        match self.people {
            Some(e) => {
                html! { " " a.cite href={ "#factory-" (e.index) } title=(e.event.id) { code { "factory log " (e.index) } } }
            }
            None => html! { span.uncited { "no event: from the people list at hand" } },
        }
    }

    /// The entries of the factory's log that were cited.
    pub(super) fn of_factory(&self) -> BTreeSet<u64> {
        self.people.filter(|_| self.people_cited).map(|e| e.index).into_iter().collect()
    }

    /// The list of everything cited.
    pub(super) fn appendix(&self) -> Markup {
        let cited = self.cited.iter().filter_map(|i| self.by_index.get(i));
        let people = self.people.filter(|_| self.people_cited);
        html! {
            section #cited {
                h2 { "Entries cited" }
                table.events {
                    thead { tr { th { "Entry" } th { "Event" } th { "What" } th { "Who" } th { "When" } } }
                    tbody {
                        @for e in cited { tr id={ "entry-" (e.index) } data-event=(e.event.id) { td { (e.index) } (row(e)) } }
                        @if let Some(e) = people { tr id={ "factory-" (e.index) } data-event=(e.event.id) { td { "factory " (e.index) } (row(e)) } }
                    }
                }
            }
        }
    }
}

fn row(e: &Logged) -> Markup {
    html! {
        td { code.id { (e.event.id) } }
        td { (e.event.body.kind()) }
        td { (t(&e.event.actor.id, 120)) }
        td { time datetime=(e.event.time) { (e.event.time) } }
    }
}
