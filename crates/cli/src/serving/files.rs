//! File descriptors: each connection takes one, and systems begin with few.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use seatrial_gateway::CONNECTIONS_MAX;

/// Descriptors that are left to everything else: the store's readers, models' connections, logs.
const OTHERS: u64 = 1_024;

/// What is asked of the system: the most connections, and everything else.
const WANTED: u64 = CONNECTIONS_MAX as u64 + OTHERS;

/// Raises this process's limit as far as it may, and says how many connections it has room for.
pub(crate) fn connections_max() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // None stands for no limit.
    let had = current.unwrap_or(u64::MAX);
    let wanted = WANTED.min(maximum.unwrap_or(u64::MAX)).max(had);
    let has = match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }) {
        _ if wanted == had => had,
        Ok(()) => wanted,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files stays at {had}");
            had
        }
    };
    let room = room(has);
    if room < CONNECTIONS_MAX {
        tracing::warn!("{has} open files are allowed, so at most {room} connections are taken; `ulimit -n` raises it");
    }
    room
}

/// Connections that fit among so many descriptors.
fn room(descriptors: u64) -> usize {
    let others = OTHERS.min(descriptors / 2);
    usize::try_from(descriptors - others).unwrap_or(usize::MAX).clamp(1, CONNECTIONS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_everything_else() {
        assert_eq!(room(u64::MAX), CONNECTIONS_MAX);
        assert_eq!(room(WANTED), CONNECTIONS_MAX);
        assert_eq!(room(4_096), 3_072);
        assert_eq!(room(256), 128);
        assert_eq!(room(0), 1);
    }
}
