//! What the page says that a command says, beside what it said: what differs from run to run is learned, not compared.

use std::collections::BTreeMap;

/// What stands on the page, and what it is in this run.
#[derive(Default)]
pub struct Learned(BTreeMap<String, String>);

impl Learned {
    /// From now on this text of the page is that one.
    pub fn stands_for(&mut self, page: &str, here: &str) {
        self.0.insert(page.to_owned(), here.to_owned());
    }

    /// A text of the page as it is in this run.
    pub fn put(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (page, here)| text.replace(page, here))
    }

    /// Whether this was said, but for what may differ. Learns identifiers.
    pub fn compare(&mut self, page: &str, said: &str) -> Result<(), String> {
        let page: Vec<&str> = page.lines().filter(|l| !l.trim().is_empty()).collect();
        let said: Vec<&str> = said.lines().filter(|l| !l.trim().is_empty()).collect();
        self.lines(&page, &said)
    }

    fn lines(&mut self, page: &[&str], said: &[&str]) -> Result<(), String> {
        let Some((first, rest)) = page.split_first() else {
            return said.first().map_or(Ok(()), |more| Err(format!("it also says `{more}`")));
        };
        if first.trim() == "…" {
            let Some(next) = rest.first() else { return Ok(()) };
            // The first line that fits ends what was left out.
            let at = said.iter().position(|line| self.pairs(next, line).is_some());
            let at = at.ok_or_else(|| format!("it does not say `{next}`"))?;
            return self.lines(rest, &said[at..]);
        }
        let line = said.first().ok_or_else(|| format!("it does not say `{first}`"))?;
        let pairs = self.pairs(first, line).ok_or_else(|| format!("`{first}` is `{line}`"))?;
        self.0.extend(pairs);
        self.lines(rest, &said[1..])
    }

    /// What is learned where the lines are the same.
    fn pairs(&self, page: &str, said: &str) -> Option<Vec<(String, String)>> {
        let page = self.put(page);
        let (mut wanted, mut words) = (page.split_whitespace(), said.split_whitespace());
        let mut pairs = Vec::new();
        loop {
            match (wanted.next(), words.next()) {
                (None, None) => return Some(pairs),
                (Some("…"), _) => return Some(pairs),
                (Some(a), Some(b)) if a.strip_suffix('…').is_some_and(|start| b.starts_with(start)) => {
                    return Some(pairs);
                }
                (Some(a), Some(b)) if a == b => {}
                (Some(a), Some(b)) => pairs.extend(same(a, b)?),
                _ => return None,
            }
        }
    }
}

/// Two words that differ, and may: what the one stands for, where somebody could copy it.
fn same(page: &str, said: &str) -> Option<Option<(String, String)>> {
    let core = |w: &str| w.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
    let (a, b) = (core(page), core(said));
    if is_copied(&a) && is_copied(&b) {
        return Some(Some((a, b)));
    }
    // The same but for digits: times and durations. In an address, a token.
    let shape = |w: &str| {
        let w: String = w.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        let mut w = w.replace("00", "0");
        while w.contains("00") {
            w = w.replace("00", "0");
        }
        w
    };
    let address = |w: &str| w.split_once("token=").map(|(before, _)| before.to_owned());
    let alike = shape(&a) == shape(&b) || address(&a).is_some() && address(&a) == address(&b);
    (alike || is_hex(&a) && is_hex(&b)).then_some(None)
}

/// Identifiers, digests and tokens.
fn is_copied(word: &str) -> bool {
    let hex = |t: &str| t.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let id = word.split_once('_').is_some_and(|(kind, id)| kind.len() <= 4 && id.len() == 36 && hex(id));
    let digest = word.strip_prefix("sha256:").is_some_and(|d| d.len() == 64 && hex(d));
    id || digest || word.starts_with("seatrial_") && word.len() > 40
}

fn is_hex(word: &str) -> bool {
    word.len() == 12 && word.chars().all(|c| c.is_ascii_hexdigit())
}

#[test]
fn what_differs_is_learned_or_found() {
    let mut learned = Learned::default();
    let (old, new) = ("rev_01a2095e-7933-7001-b258-e707ba991e4e", "rev_01a2095d-9959-7001-a186-e61e23ea8412");
    learned.compare(&format!("{old}  waits\n…\nafter 7 ms\n"), &format!("{new} waits\nmore\nafter 123 ms\n")).unwrap();
    assert_eq!(learned.put(&format!("review {old}")), format!("review {new}"));
    learned.compare("a … and so on\n…\n", "a b c\n\nx\ny\n").unwrap();
    learned.compare("a b…\n", "a bcd e\n").unwrap();
    for (page, said) in [
        ("a\n", "b\n"),
        ("a\n", "a\nb\n"),
        ("a\nb\n", "a\n"),
        ("…\nb\n", "a\n"),
        ("a b\n", "a\n"),
        ("a b…\n", "a cb\n"),
    ] {
        assert!(learned.compare(page, said).is_err(), "{page:?} {said:?}");
    }
}
