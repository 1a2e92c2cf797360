//! The evidence holds, on the real binary: `kill -9`, changed bytes, exports, old copies, full disks.

#[path = "../../../store/tests/it/disk.rs"]
mod disk;
mod earlier;
mod export;
mod failing;
mod flips;
mod kill;
mod outsiders;
mod restore;
mod starts;
mod tampering;
mod witness;
mod yard;

/// Whether the long versions run: `SEATRIAL_SOAK=1`.
fn soak() -> bool {
    std::env::var("SEATRIAL_SOAK").is_ok_and(|v| v == "1")
}

/// Draws that are the same in each run (splitmix64).
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }
}
