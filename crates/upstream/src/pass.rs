//! A reply on its way to the client: as it came, or said again in the client's protocol.

use crate::read::{BitReader, Read, StreamReader, bits_of_body, read_body};
use crate::say::{Manner, Writer};
use crate::service::CallError;
use crate::sse::{Scanner, SseEvent};
use seatrial_guard::port::{Delta, Protocol};

/// A stream on its way.
pub(crate) enum Passing {
    /// As it came.
    Same(Box<StreamReader>),
    /// In another protocol.
    Into(Box<Into>),
}

/// A stream that is said again. What was written is read again by the reader of its own protocol: what is inspected
/// is what leaves.
pub(crate) struct Into {
    from: BitReader,
    writer: Writer,
    scanner: Scanner,
    check: StreamReader,
}

impl Passing {
    /// `to` and its manner are given where the client speaks something else than the service.
    pub(crate) fn new(from: Protocol, to: Option<(Protocol, Manner)>) -> Self {
        match to {
            None => Self::Same(Box::new(StreamReader::new(from))),
            Some((to, manner)) => Self::Into(Box::new(Into {
                from: BitReader::new(from),
                writer: Writer::new(from, to, manner),
                scanner: Scanner::default(),
                check: StreamReader::new(to),
            })),
        }
    }

    pub(crate) const fn is_same(&self) -> bool {
        matches!(self, Self::Same(_))
    }

    /// The next event: its bytes, where they are others than came, and what it adds to which part.
    pub(crate) fn event(&mut self, event: &SseEvent) -> Result<(Option<Vec<u8>>, Vec<Delta>), CallError> {
        match self {
            Self::Same(reader) => Ok((None, reader.event(event)?)),
            Self::Into(into) => {
                let bits = into.from.event(event)?;
                let written = into.writer.bits(&bits)?;
                let deltas = into.inspect(&written)?;
                Ok((Some(written), deltas))
            }
        }
    }

    /// The end: bytes that are still to be written, what they add, and the whole.
    pub(crate) fn finish(self) -> Result<(Vec<u8>, Vec<Delta>, Read), CallError> {
        match self {
            Self::Same(reader) => Ok((Vec::new(), Vec::new(), reader.finish()?)),
            Self::Into(mut into) => {
                into.from.end()?;
                let tail = into.writer.end()?;
                let deltas = into.inspect(&tail)?;
                Ok((tail, deltas, into.check.finish()?))
            }
        }
    }
}

impl Into {
    fn inspect(&mut self, written: &[u8]) -> Result<Vec<Delta>, CallError> {
        let events = self.scanner.push(written).map_err(|e| CallError::Unreadable(e.to_string()))?;
        let mut deltas = Vec::new();
        for event in &events {
            deltas.extend(self.check.event(event)?);
        }
        Ok(deltas)
    }
}

/// A whole reply: its bytes, where they are others than came, and what they say.
pub(crate) fn whole(
    from: Protocol,
    to: Option<(Protocol, Manner)>,
    body: &[u8],
) -> Result<(Option<Vec<u8>>, Read), CallError> {
    match to {
        None => Ok((None, read_body(from, body)?)),
        Some((to, manner)) => {
            let written = Writer::new(from, to, manner).whole(&bits_of_body(from, body)?)?;
            let read = read_body(to, &written)?;
            Ok((Some(written), read))
        }
    }
}
