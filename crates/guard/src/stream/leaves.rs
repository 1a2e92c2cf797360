//! The texts within a JSON text that is still being written: each string without its escapes, each number as it is
//! read. Tool arguments come as JSON, and `\u0040` is an `@` to whoever reads them.

use super::scan::{Detectors, Scan};

/// Reads a part of JSON as it comes. It never says whether that is JSON: what it finds is held back until the end
/// tells.
#[derive(Debug)]
pub(super) struct Leaves {
    state: At,
    scan: Scan,
    /// The first half of a pair of escapes, and where it stands.
    half: Option<(u32, usize)>,
    /// Where the first text begins that a detector objects to.
    found: Option<usize>,
}

#[derive(Debug)]
enum At {
    Outside,
    Number { text: String, began: usize },
    String,
    Escape { began: usize },
    Code { began: usize, digits: u32, value: u32 },
}

impl Leaves {
    pub(super) fn new(detectors: &Detectors) -> Self {
        Self { state: At::Outside, scan: Scan::new(detectors), half: None, found: None }
    }

    /// The next character of the part, at its place.
    pub(super) fn push(&mut self, detectors: &Detectors, c: char, place: usize) {
        match std::mem::replace(&mut self.state, At::Outside) {
            At::Outside => self.outside(c, place),
            At::Number { mut text, began } if is_of_number(c) => {
                text.push(c);
                self.state = At::Number { text, began };
            }
            At::Number { text, began } => {
                self.number_ends(detectors, &text, began);
                self.outside(c, place);
            }
            At::String => match c {
                '"' => self.string_ends(detectors),
                '\\' => self.state = At::Escape { began: place },
                c => self.text(detectors, c, place),
            },
            At::Escape { began } => match c {
                'u' => self.state = At::Code { began, digits: 0, value: 0 },
                c => self.text(detectors, unescaped(c), began),
            },
            At::Code { began, digits, value } => {
                let value = value << 4 | c.to_digit(16).unwrap_or(0);
                if digits == 3 {
                    self.code(detectors, value, began);
                } else {
                    self.state = At::Code { began, digits: digits + 1, value };
                }
            }
        }
    }

    fn outside(&mut self, c: char, place: usize) {
        self.state = match c {
            '"' => {
                self.scan.reset();
                At::String
            }
            c if is_of_number(c) => At::Number { text: c.to_string(), began: place },
            _ => At::Outside,
        };
    }

    /// A character of a string; one that a lone half of a pair comes before stands for it, too.
    fn text(&mut self, detectors: &Detectors, c: char, place: usize) {
        self.state = At::String;
        if let Some((_, at)) = self.half.take() {
            self.scan.push_from(detectors, char::REPLACEMENT_CHARACTER, at);
        }
        self.scan.push_from(detectors, c, place);
    }

    fn code(&mut self, detectors: &Detectors, value: u32, began: usize) {
        self.state = At::String;
        match (self.half.take(), value) {
            (Some((high, at)), 0xDC00..=0xDFFF) => {
                let both = 0x1_0000 + ((high - 0xD800) << 10) + (value - 0xDC00);
                self.scan.push_from(detectors, char::from_u32(both).unwrap_or(char::REPLACEMENT_CHARACTER), at);
            }
            (before, value) => {
                if let Some((_, at)) = before {
                    self.scan.push_from(detectors, char::REPLACEMENT_CHARACTER, at);
                }
                match char::from_u32(value) {
                    Some(c) => self.scan.push_from(detectors, c, began),
                    None => self.half = Some((value, began)).filter(|(v, _)| *v < 0xDC00),
                }
            }
        }
    }

    fn string_ends(&mut self, detectors: &Detectors) {
        self.half = None;
        self.scan.inspect(detectors, true);
        self.note(self.scan.found());
        self.scan.reset();
    }

    /// A number is looked at as a reader would print it.
    fn number_ends(&mut self, detectors: &Detectors, text: &str, began: usize) {
        let printed =
            serde_json::from_str::<serde_json::Number>(text).map_or_else(|_| text.to_owned(), |n| n.to_string());
        if detectors.find_first(&printed).is_some() {
            self.note(Some(began));
        }
    }

    fn note(&mut self, found: Option<usize>) {
        self.found = [self.found, found].into_iter().flatten().min();
    }

    /// Searches the string that is open.
    pub(super) fn inspect(&mut self, detectors: &Detectors) {
        self.scan.inspect(detectors, false);
        self.note(self.scan.found());
    }

    /// Where the first text begins that a detector objects to.
    pub(super) const fn found(&self) -> Option<usize> {
        self.found
    }

    /// From where on the part is held back.
    pub(super) fn hold(&self) -> Option<usize> {
        let open = match &self.state {
            At::Number { began, .. } | At::Escape { began } | At::Code { began, .. } => Some(*began),
            At::Outside | At::String => None,
        };
        [open, self.half.map(|(_, at)| at), self.scan.hold(), self.found].into_iter().flatten().min()
    }
}

const fn is_of_number(c: char) -> bool {
    matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')
}

const fn unescaped(c: char) -> char {
    match c {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        c => c,
    }
}
