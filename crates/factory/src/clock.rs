//! Time and randomness, as values: the factory asks these two, and nothing else.

use seatrial_model::Time;
use std::cell::RefCell;
use std::sync::atomic::{AtomicI64, Ordering};
use uuid::Uuid;

/// What time it is.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Time;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        jiff::Timestamp::now().into()
    }
}

/// A clock that runs ahead by what a simulation advanced it. In a real factory it never runs ahead.
pub(crate) struct FactoryClock {
    base: Box<dyn Clock>,
    ahead_ms: AtomicI64,
}

impl FactoryClock {
    pub(crate) fn new(base: Box<dyn Clock>) -> Self {
        Self { base, ahead_ms: AtomicI64::new(0) }
    }

    pub(crate) fn now(&self) -> Time {
        self.base.now().plus_millis(self.ahead_ms.load(Ordering::Relaxed))
    }

    /// The time before anything was advanced.
    pub(crate) fn base_now(&self) -> Time {
        self.base.now()
    }

    pub(crate) fn set_ahead(&self, ms: u64) {
        self.ahead_ms.store(i64::try_from(ms).unwrap_or(i64::MAX), Ordering::Relaxed);
    }
}

/// The operating system has no randomness to give: nothing is recorded without it.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gives no random numbers: {0}")]
pub struct NoEntropy(String);

/// Random bytes that a thread fetches at once: a decision takes some 200 of them in eight pieces, and asking the
/// operating system for each costs more than all the rest of it.
const DRAWN_BYTES: usize = 1_024;

/// Random bytes of the operating system that were not given to anybody yet.
struct Drawn {
    bytes: [u8; DRAWN_BYTES],
    left: usize,
}

impl Drawn {
    /// Takes bytes out: none is given twice, and none stays behind.
    fn take<const N: usize>(&mut self) -> Result<[u8; N], getrandom::Error> {
        if self.left < N {
            self.left = 0;
            getrandom::fill(&mut self.bytes)?;
            self.left = DRAWN_BYTES;
        }
        let rest = self.bytes.get_mut(..self.left).unwrap_or_default();
        let Some((_, last)) = rest.split_last_chunk_mut::<N>() else {
            // More than is fetched at once.
            let mut bytes = [0; N];
            return getrandom::fill(&mut bytes).map(|()| bytes);
        };
        self.left -= N;
        Ok(std::mem::replace(last, [0; N]))
    }
}

thread_local! {
    static DRAWN: RefCell<Drawn> = const { RefCell::new(Drawn { bytes: [0; DRAWN_BYTES], left: 0 }) };
}

/// Random bytes of the operating system.
///
/// # Errors
/// [`NoEntropy`] where it has none.
pub fn random<const N: usize>() -> Result<[u8; N], NoEntropy> {
    DRAWN.with_borrow_mut(Drawn::take).map_err(|e| NoEntropy(e.to_string()))
}

/// A UUIDv7 for that time: ids made later in the same process sort later, also within one millisecond.
pub(crate) fn uuid_at(time: Time) -> Result<Uuid, NoEntropy> {
    static SEQUENCE: AtomicI64 = AtomicI64::new(0);
    // RFC 9562 § 6.2, method 1: a counter in the 12 bits after the timestamp keeps the order within a millisecond.
    let millis = time.as_millis() << 12;
    let last = SEQUENCE.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(millis.max(last + 1)));
    let ticket = last.map_or(millis, |last| millis.max(last + 1));
    let random: [u8; 8] = random()?;
    let stamp = u64::try_from(ticket >> 12).unwrap_or(0);
    let counter = u64::try_from(ticket & 0xfff).unwrap_or(0);
    let high = (stamp << 16) | 0x7000 | counter;
    let low = (u64::from_be_bytes(random) & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
    Ok(Uuid::from_u64_pair(high, low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_bytes_are_given_once() {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..1_000 {
            assert!(seen.insert(random::<16>().unwrap().to_vec()));
            assert!(seen.insert(random::<33>().unwrap().to_vec()));
            assert!(seen.insert(random::<2_000>().unwrap().to_vec()));
        }
        let mut drawn = Drawn { bytes: [7; DRAWN_BYTES], left: 40 };
        assert_eq!(drawn.take().unwrap(), [7; 32]);
        assert_eq!(drawn.bytes[8..40], [0; 32], "they stay nowhere else");
        assert_ne!(drawn.take().unwrap(), [7; 16]);
        assert_eq!(drawn.left, DRAWN_BYTES - 16);
    }

    #[test]
    fn ids_of_one_millisecond_keep_their_order() {
        let time = Time::from_millis(1_795_427_751_120);
        let ids: Vec<Uuid> = (0..10_000).map(|_| uuid_at(time).unwrap()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
    }
}
