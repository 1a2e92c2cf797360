//! The citations of a pack's page: what it links to, and which entry each link stands for.

use std::collections::{BTreeMap, BTreeSet};

/// Which log an entry is of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Of {
    /// The workflow's own, which is in the pack.
    Workflow,
    /// The factory's, of which single entries are in the pack.
    Factory,
}

/// The most characters of an event's id that are taken.
const ID_CHARS_MAX: usize = 64;

/// What a page says of its citations.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Cited {
    /// Every entry that something links to.
    pub(super) links: BTreeSet<(Of, u64)>,
    /// The entries listed, each with the event that the page says it is.
    pub(super) rows: BTreeMap<(Of, u64), String>,
    /// Entries listed twice, or without an event.
    pub(super) damaged: Vec<String>,
}

/// Reads the citations of a page. Text on the page cannot pass for one: its quotation marks are escaped.
pub(super) fn cited(page: &str) -> Cited {
    let mut found = Cited::default();
    for (of, prefix) in [(Of::Workflow, "entry-"), (Of::Factory, "factory-")] {
        for (_, after) in after_each(page, &format!("href=\"#{prefix}")) {
            match number(after) {
                Some((index, _)) => drop(found.links.insert((of, index))),
                None => found.damaged.push(format!("a link to `#{prefix}…` names no entry")),
            }
        }
        for (_, after) in after_each(page, &format!(" id=\"{prefix}")) {
            let row = number(after).and_then(|(index, rest)| Some((index, event(rest)?)));
            match row {
                Some((index, event)) if !found.rows.contains_key(&(of, index)) => {
                    found.rows.insert((of, index), event);
                }
                Some((index, _)) => found.damaged.push(format!("the entry {index} is listed twice")),
                None => found.damaged.push(format!("an entry `{prefix}…` is listed without its event")),
            }
        }
    }
    found
}

fn after_each<'a>(page: &'a str, what: &str) -> impl Iterator<Item = (usize, &'a str)> {
    page.match_indices(what).filter_map(|(at, found)| Some((at, page.get(at + found.len()..)?)))
}

/// The number up to a quotation mark, and what comes after that.
fn number(text: &str) -> Option<(u64, &str)> {
    let (digits, rest) = text.split_once('"')?;
    Some((digits.parse().ok()?, rest))
}

fn event(rest: &str) -> Option<String> {
    let (id, _) = rest.strip_prefix(" data-event=\"")?.split_once('"')?;
    (id.len() <= ID_CHARS_MAX).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn links_and_rows() {
        let page = r##"<a href="#entry-3">x</a> <a href="#factory-1"> <tr id="entry-3" data-event="evt_a"> <tr id="factory-1" data-event="evt_b"> id=&quot;entry-9&quot;"##;
        let found = cited(page);
        assert_eq!(found.links, [(Of::Workflow, 3), (Of::Factory, 1)].into());
        assert_eq!(found.rows[&(Of::Workflow, 3)], "evt_a");
        assert_eq!(found.rows.len(), 2);
        assert!(found.damaged.is_empty(), "{:?}", found.damaged);
    }

    #[test]
    fn what_is_damaged_is_said() {
        for page in [
            r##"<a href="#entry-x">"##,
            r##"<tr id="entry-1">"##,
            r##"<tr id="entry-1" data-event="a"><tr id="entry-1" data-event="b">"##,
        ] {
            assert_eq!(cited(page).damaged.len(), 1, "{page}");
        }
    }

    proptest! {
        #[test]
        fn no_page_makes_it_panic(page in r##"( id="entry-| href="#factory-|[0-9]|"|ü| data-event=|.){0,40}"##) {
            let _ = cited(&page);
        }
    }
}
