//! The watch after launch keeps its two promises, and is quick: by simulation, seeded.

use seatrial_sprint::{AlarmKind, AuditRule, AuditState, Promise};

const ALPHA: f64 = 0.05;
const DELTA: f64 = 0.05;

/// Marsaglia's xorshift64*: the same row of draws on every machine.
struct Draws(u64);

impl Draws {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn wrong(&mut self, share: f64) -> bool {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11;
        (bits as f64) / (1_u64 << 53) as f64 <= share
    }
}

fn rule() -> AuditRule {
    AuditRule::new(Promise::new(ALPHA, 1.0 - DELTA).unwrap())
}

#[test]
fn the_e_process_alarms_in_at_most_delta_of_runs_of_3_000_audits() {
    let (rule, runs) = (rule(), 4_000);
    let alarms = (0..runs)
        .filter(|&seed| {
            let mut draws = Draws::new(seed + 1);
            AuditState::of(&rule, (0..3_000).map(|_| draws.wrong(ALPHA))).alarmed_at.is_some()
        })
        .count();
    println!("e-process at α: {alarms} of {runs} runs of 3 000 audits alarm (at most {DELTA} promised)");
    assert!(alarms as f64 <= DELTA * runs as f64, "{alarms} of {runs}");
    assert!(alarms > 0, "a test that never alarms shows nothing");
}

#[test]
fn the_detectors_mean_time_to_a_false_alarm_is_as_promised() {
    for (alpha, delta) in [(0.05, 0.05), (0.1, 0.1), (0.02, 0.1)] {
        let rule = AuditRule::new(Promise::new(alpha, 1.0 - delta).unwrap());
        let runs = 1_000;
        let total: u64 = (0..runs)
            .map(|seed| {
                let (mut draws, mut state) =
                    (Draws::new(seed + 77), AuditState { log_e: -1e6, ..AuditState::default() });
                while state.feed(&rule, draws.wrong(alpha)).is_none() {}
                state.audits
            })
            .sum();
        let mean = total as f64 / runs as f64;
        println!(
            "detector at α = {alpha}, δ = {delta}: mean {mean:.0} audits to a false alarm (limit {:.0})",
            rule.change_alarm()
        );
        assert!(mean >= 1.0 / delta, "promised: at least 1/δ");
        assert!(mean >= rule.change_alarm(), "the theorem: at least the limit, {mean}");
        // A limit of 1/δ in audits keeps that promise, too, and would alarm at nearly every wrong one.
        assert!(rule.change_alarm() * alpha >= 1.0 / delta - 1e-9);
    }
}

#[test]
fn half_the_promised_error_is_left_in_peace() {
    let (rule, runs) = (rule(), 100);
    let quiet = |seed: u64| {
        let mut draws = Draws::new(seed + 31);
        let state = AuditState::of(&rule, (0..3_000).map(|_| draws.wrong(ALPHA / 2.0)));
        state.alarmed_at.is_none() && state.changed_at.is_none()
    };
    let undisturbed = (0..runs).filter(|&seed| quiet(seed)).count();
    println!("at α/2: {undisturbed} of {runs} runs of 3 000 audits without any alarm");
    assert!(undisturbed >= 60, "{undisturbed}");
}

/// After so many audits nobody waits any longer.
const LONGEST: u64 = 20_000;

/// Median audits from the change to the alarm, by test; none of the runs that alarmed before it counts.
fn delays(good: u64, good_share: f64, bad_share: f64, runs: u64) -> (f64, f64, u64) {
    let rule = rule();
    let (mut starts, mut changes, mut early) = (Vec::new(), Vec::new(), 0);
    for seed in 0..runs {
        let mut draws = Draws::new(seed + 1_000_003);
        let mut state = AuditState::of(&rule, (0..good).map(|_| draws.wrong(good_share)));
        if state.alarmed_at.is_some() || state.changed_at.is_some() {
            early += 1;
            continue;
        }
        while state.audits < good + LONGEST && (state.alarmed_at.is_none() || state.changed_at.is_none()) {
            state.feed(&rule, draws.wrong(bad_share));
        }
        let delay = |at: Option<u64>| (at.unwrap_or(good + LONGEST) - good) as f64;
        starts.push(delay(state.alarmed_at));
        changes.push(delay(state.changed_at));
    }
    (median(starts), median(changes), early)
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

#[test]
fn a_change_after_a_good_history_is_noticed_as_soon_as_one_at_the_start() {
    let runs = 1_000;
    let (e_start, d_start, _) = delays(0, 0.02, 2.0 * ALPHA, runs);
    let (e_500, d_500, early_500) = delays(500, 0.02, 2.0 * ALPHA, runs);
    let (e_1000, d_1000, early_1000) = delays(1_000, 0.02, 2.0 * ALPHA, runs);
    println!("median audits until 2α is noticed (α = δ = .05; 2 % wrong before):");
    println!("from the start:            e-process {e_start}, detector {d_start}");
    println!("after   500 good audits:   e-process {e_500}, detector {d_500} ({early_500} of {runs} alarmed before)");
    println!(
        "after 1 000 good audits:   e-process {e_1000}, detector {d_1000} ({early_1000} of {runs} alarmed before)"
    );
    // As published: about 119 from the start, about 1 014 after 500 good ones.
    assert!((100.0..=140.0).contains(&e_start), "{e_start}");
    assert!((900.0..=1_130.0).contains(&e_500), "{e_500}");
    assert!(e_1000 > 1_500.0, "{e_1000}");
    // The detector forgets the good history.
    assert!(d_1000 < e_500 / 3.0 && d_1000 <= d_start + 20.0, "{d_1000} against {d_start}");
    assert!(early_1000 < runs / 25, "{early_1000}");
}

#[test]
fn both_together_take_the_first_alarm() {
    let rule = rule();
    let mut kinds = (0, 0);
    for seed in 0..300 {
        let (mut draws, mut state) = (Draws::new(seed + 5), AuditState::default());
        let alarm =
            std::iter::repeat_with(|| state.feed(&rule, draws.wrong(0.15))).take(20_000).find_map(|a| a).unwrap();
        match alarm.kind {
            AlarmKind::Start => kinds.0 += 1,
            AlarmKind::Change => kinds.1 += 1,
        }
        assert_eq!(alarm.audits.n, state.audits);
    }
    println!("15 % wrong from the start: {} times the e-process was first, {} times the detector", kinds.0, kinds.1);
    assert!(kinds.0 > 10 && kinds.1 > 10, "{kinds:?}");
}
