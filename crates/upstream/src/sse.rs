//! A scanner of server-sent events that only looks: the bytes themselves pass unchanged.
//!
//! Source: WHATWG HTML, § 9.2.6 "Interpreting an event stream". Lines end with `\n`, `\r\n` or `\r`; one byte
//! order mark at the very start is skipped; a chunk may end anywhere, also between `\r` and `\n`. Where the
//! standard drops an event that is not followed by a blank line, [`Scanner::finish`] hands it out, marked: a
//! guard has to inspect what *some* client would read.

use memchr::{memchr, memchr2};

/// The most bytes of one event (its lines together). Larger than any delta that a model sends, small enough
/// that a hostile upstream cannot fill the memory.
pub const EVENT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What is wrong with a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// One event is larger than the limit. The stream was not read further.
    #[error("an event of the stream is larger than `{max}` bytes: the rest was not read")]
    EventTooLarge {
        /// The limit.
        max: usize,
    },
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SseEvent {
    /// The `event` field; empty where there is none.
    pub name: String,
    /// The `data` lines, joined with `\n`. Bytes that are not UTF-8 become U+FFFD.
    pub data: String,
    /// Bytes of the stream from its start up to the end of this event, its blank line included. Where the
    /// blank line ends with `\r\n`, the `\n` may lie behind this offset: it had not come yet.
    pub end: u64,
    /// Whether a blank line ended it. One that the stream's end cut off is dropped by most clients.
    pub complete: bool,
}

/// Finds events in chunks of bytes.
#[derive(Debug)]
pub struct Scanner {
    line: Vec<u8>,
    data: Vec<u8>,
    name: Vec<u8>,
    has_data: bool,
    event_bytes: usize,
    event_bytes_max: usize,
    offset: u64,
    bom_seen: usize,
    at_start: bool,
    after_cr: bool,
}

const BOM: [u8; 3] = [0xEF, 0xBB, 0xBF];

impl Default for Scanner {
    fn default() -> Self {
        Self::new(EVENT_BYTES_MAX)
    }
}

impl Scanner {
    /// A scanner for one stream.
    #[must_use]
    pub const fn new(event_bytes_max: usize) -> Self {
        Self {
            line: Vec::new(),
            data: Vec::new(),
            name: Vec::new(),
            has_data: false,
            event_bytes: 0,
            event_bytes_max,
            offset: 0,
            bom_seen: 0,
            at_start: true,
            after_cr: false,
        }
    }

    /// Takes the next bytes and hands out the events that they complete.
    ///
    /// # Errors
    /// [`SseError::EventTooLarge`]; the scanner is of no use afterwards.
    pub fn push(&mut self, chunk: &[u8]) -> Result<Vec<SseEvent>, SseError> {
        let mut events = Vec::new();
        let mut rest = self.skip_bom(chunk);
        while !rest.is_empty() {
            if self.after_cr {
                self.after_cr = false;
                if let Some(behind) = rest.strip_prefix(b"\n") {
                    self.offset += 1;
                    rest = behind;
                    continue;
                }
            }
            let Some(at) = memchr2(b'\n', b'\r', rest) else {
                self.grow(rest.len())?;
                self.line.extend_from_slice(rest);
                self.offset += rest.len() as u64;
                break;
            };
            let (head, tail) = rest.split_at(at);
            self.grow(head.len() + 1)?;
            self.offset += head.len() as u64 + 1;
            self.after_cr = tail.first() == Some(&b'\r');
            rest = tail.get(1..).unwrap_or_default();
            self.end_line(head, &mut events);
        }
        Ok(events)
    }

    /// The stream has ended: the event that no blank line completed, if there is one.
    #[must_use]
    pub fn finish(mut self) -> Option<SseEvent> {
        // A byte order mark that was cut off is no mark but the start of a line.
        if self.at_start && self.bom_seen > 0 {
            let (seen, _) = BOM.split_at(self.bom_seen);
            self.line.extend_from_slice(seen);
        }
        let line = std::mem::take(&mut self.line);
        self.field(&line);
        self.take_event(false)
    }

    /// Skips one byte order mark at the start of the stream, which may come byte by byte.
    fn skip_bom<'a>(&mut self, chunk: &'a [u8]) -> &'a [u8] {
        let mut rest = chunk;
        while self.at_start {
            let Some((first, behind)) = rest.split_first() else { break };
            if BOM.get(self.bom_seen) == Some(first) {
                self.bom_seen += 1;
                self.offset += 1;
                rest = behind;
                if self.bom_seen == BOM.len() {
                    self.at_start = false;
                }
            } else {
                self.at_start = false;
                let (seen, _) = BOM.split_at(self.bom_seen);
                self.line.extend_from_slice(seen);
            }
        }
        rest
    }

    fn grow(&mut self, bytes: usize) -> Result<(), SseError> {
        self.event_bytes = self.event_bytes.saturating_add(bytes);
        if self.event_bytes > self.event_bytes_max {
            return Err(SseError::EventTooLarge { max: self.event_bytes_max });
        }
        Ok(())
    }

    fn end_line(&mut self, head: &[u8], events: &mut Vec<SseEvent>) {
        if self.line.is_empty() {
            if head.is_empty() {
                events.extend(self.take_event(true));
            } else {
                self.field(head);
            }
        } else {
            let mut line = std::mem::take(&mut self.line);
            line.extend_from_slice(head);
            self.field(&line);
            line.clear();
            self.line = line;
        }
    }

    /// One line that is not blank: `name: value`, `name`, or a comment. Only `data` and `event` matter here.
    fn field(&mut self, line: &[u8]) {
        let (name, value) = match memchr(b':', line) {
            Some(colon) => {
                let (name, value) = line.split_at(colon);
                let value = value.get(1..).unwrap_or_default();
                (name, value.strip_prefix(b" ").unwrap_or(value))
            }
            None => (line, &[][..]),
        };
        match name {
            b"data" => {
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.has_data = true;
                self.data.extend_from_slice(value);
            }
            b"event" => {
                self.name.clear();
                self.name.extend_from_slice(value);
            }
            _ => {}
        }
    }

    fn take_event(&mut self, complete: bool) -> Option<SseEvent> {
        self.event_bytes = 0;
        let name = std::mem::take(&mut self.name);
        let data = std::mem::take(&mut self.data);
        std::mem::take(&mut self.has_data).then(|| SseEvent {
            name: lossy(name),
            data: lossy(data),
            end: self.offset,
            complete,
        })
    }
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests;
