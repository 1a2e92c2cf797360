//! Where a match may be under way: an automaton of all detectors, stepped with the text as it comes, in which every
//! thread knows where it began.

use regex_automata::nfa::thompson::{Compiler, Config, NFA, State, WhichCaptures};
use regex_automata::util::primitives::StateID;

/// The largest automaton, in bytes: the same patterns compile within it in the `regex` crate.
const AUTOMATON_BYTES_MAX: usize = 16 << 20;

/// All expressions as one automaton. Look-around counts as satisfied: a thread may live in vain, and never dies early.
#[derive(Debug)]
pub(super) struct Automaton {
    nfa: NFA,
    /// Which states a new thread comes to with its first byte.
    first: Vec<Vec<StateID>>,
}

impl Automaton {
    /// Compiles the expressions.
    pub(super) fn new(patterns: &[String]) -> Result<Self, String> {
        let config = Config::new().which_captures(WhichCaptures::None).nfa_size_limit(Some(AUTOMATON_BYTES_MAX));
        let nfa = Compiler::new().configure(config).build_many(patterns).map_err(|e| e.to_string())?;
        let mut marks = Marks::of(&nfa);
        marks.clear();
        let mut start = Vec::new();
        close(&nfa, nfa.start_anchored(), &mut marks, &mut |state| start.push(state));
        let mut first = Vec::with_capacity(256);
        for byte in u8::MIN..=u8::MAX {
            marks.clear();
            let mut after = Vec::new();
            for next in start.iter().filter_map(|state| step(&nfa, *state, byte)) {
                close(&nfa, next, &mut marks, &mut |state| after.push(state));
            }
            first.push(after);
        }
        Ok(Self { nfa, first })
    }
}

/// The threads over one text.
#[derive(Debug)]
pub(super) struct Tracker {
    /// Live threads and where each began, the earliest first; of several in one state the earliest stays.
    live: Vec<(StateID, usize)>,
    next: Vec<(StateID, usize)>,
    marks: Marks,
}

impl Tracker {
    pub(super) fn new(automaton: &Automaton) -> Self {
        Self { live: Vec::new(), next: Vec::new(), marks: Marks::of(&automaton.nfa) }
    }

    /// Begins with another text.
    pub(super) fn reset(&mut self) {
        self.live.clear();
    }

    /// The next character, which stands at `at`.
    pub(super) fn push(&mut self, automaton: &Automaton, c: char, at: usize) {
        let mut bytes = [0; 4];
        for (i, byte) in c.encode_utf8(&mut bytes).bytes().enumerate() {
            self.marks.clear();
            self.next.clear();
            let (next, marks) = (&mut self.next, &mut self.marks);
            for (state, began) in &self.live {
                if let Some(to) = step(&automaton.nfa, *state, byte) {
                    close(&automaton.nfa, to, marks, &mut |state| next.push((state, *began)));
                }
            }
            if i == 0 {
                for state in automaton.first.get(usize::from(byte)).into_iter().flatten() {
                    if marks.mark(*state) {
                        next.push((*state, at));
                    }
                }
            }
            std::mem::swap(&mut self.live, &mut self.next);
        }
    }

    /// Where the earliest match began that may be under way.
    pub(super) fn hold(&self) -> Option<usize> {
        self.live.first().map(|(_, began)| *began)
    }
}

/// Which states were seen in this step.
#[derive(Debug)]
struct Marks {
    at: Vec<u32>,
    now: u32,
}

impl Marks {
    fn of(nfa: &NFA) -> Self {
        Self { at: vec![0; nfa.states().len()], now: 0 }
    }

    fn clear(&mut self) {
        if self.now == u32::MAX {
            self.at.fill(0);
            self.now = 0;
        }
        self.now += 1;
    }

    /// Marks a state; false where it was marked.
    fn mark(&mut self, state: StateID) -> bool {
        match self.at.get_mut(state.as_usize()) {
            Some(mark) if *mark != self.now => {
                *mark = self.now;
                true
            }
            _ => false,
        }
    }
}

/// Where a byte leads from a state.
fn step(nfa: &NFA, state: StateID, byte: u8) -> Option<StateID> {
    match nfa.state(state) {
        State::ByteRange { trans } => trans.matches_byte(byte).then_some(trans.next),
        State::Sparse(transitions) => transitions.matches_byte(byte),
        State::Dense(transitions) => transitions.matches_byte(byte),
        _ => None,
    }
}

/// Every state that is reached without a byte, and that waits for one or is a match: a match at the very end may still
/// be undone by what follows it, so it lives for one byte more.
fn close(nfa: &NFA, from: StateID, marks: &mut Marks, found: &mut dyn FnMut(StateID)) {
    let mut open = vec![from];
    while let Some(state) = open.pop() {
        if !marks.mark(state) {
            continue;
        }
        match nfa.state(state) {
            State::Look { next, .. } | State::Capture { next, .. } => open.push(*next),
            State::Union { alternates } => open.extend(alternates.iter().rev()),
            State::BinaryUnion { alt1, alt2 } => open.extend([*alt2, *alt1]),
            State::Fail => {}
            State::ByteRange { .. } | State::Sparse(_) | State::Dense(_) | State::Match { .. } => found(state),
        }
    }
}
