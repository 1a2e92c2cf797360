//! One thread, one seed: tasks are polled in an order that is drawn, and time goes on only when nobody can.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// A run that polls more often than this does not come to rest.
const POLLS_MAX: u64 = 2_000_000;

pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Whose a task is: what ends with a node, and what stands still with it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Owner {
    /// The one who runs it all.
    World,
    /// The network and the database: they go on whatever becomes of a node.
    Wire,
    /// A node, and which of its lives.
    Node(usize, u32),
}

/// Numbers from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }
}

#[derive(Default)]
struct Ready {
    queue: Vec<u64>,
    within: BTreeSet<u64>,
}

struct State {
    now: u64,
    rng: Rng,
    timers: BTreeMap<(u64, u64), Waker>,
    timer: u64,
    spawned: Vec<(Owner, Task)>,
    ended: Vec<Owner>,
    paused: BTreeSet<usize>,
    trace: Vec<String>,
}

/// The world's time, its chance, and what happened in it.
#[derive(Clone)]
pub struct Sim(Arc<Mutex<State>>);

struct TaskWaker {
    id: u64,
    ready: Arc<Mutex<Ready>>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        let mut ready = self.ready.lock().unwrap();
        if ready.within.insert(self.id) {
            ready.queue.push(self.id);
        }
    }
}

impl Sim {
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            now: 0,
            rng: Rng::new(seed),
            timers: BTreeMap::new(),
            timer: 0,
            spawned: Vec::new(),
            ended: Vec::new(),
            paused: BTreeSet::new(),
            trace: Vec::new(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds since the beginning.
    pub fn now(&self) -> u64 {
        self.state().now
    }

    pub fn below(&self, n: u64) -> u64 {
        self.state().rng.below(n)
    }

    /// True in so many of a thousand.
    pub fn in_thousand(&self, n: u64) -> bool {
        self.below(1_000) < n
    }

    pub fn spawn(&self, owner: Owner, task: impl Future<Output = ()> + Send + 'static) {
        self.state().spawned.push((owner, Box::pin(task)));
    }

    /// Everything of this life of a node ends where it stands.
    pub fn end(&self, owner: Owner) {
        self.state().ended.push(owner);
    }

    /// Nothing of the node runs until it is resumed.
    pub fn pause(&self, node: usize, paused: bool) {
        let mut state = self.state();
        if paused {
            state.paused.insert(node)
        } else {
            state.paused.remove(&node)
        };
    }

    /// Notes what happened; what is noted has no ids, keys or digests in it.
    pub fn note(&self, what: impl Into<String>) {
        let mut state = self.state();
        let line = format!("{:>6} {}", state.now, what.into());
        state.trace.push(line);
    }

    pub fn trace(&self) -> Vec<String> {
        self.state().trace.clone()
    }

    pub fn sleep(&self, ms: u64) -> Sleep {
        let until = self.now() + ms;
        Sleep { sim: self.clone(), until, waits: false }
    }

    /// Runs until nobody has anything to do any more.
    pub fn run(&self) {
        let ready: Arc<Mutex<Ready>> = Arc::default();
        let mut tasks: BTreeMap<u64, (Owner, Task, Waker)> = BTreeMap::new();
        let (mut next, mut polls) = (0, 0);
        loop {
            let (spawned, ended) = {
                let mut state = self.state();
                (std::mem::take(&mut state.spawned), std::mem::take(&mut state.ended))
            };
            for (owner, task) in spawned {
                let waker = Waker::from(Arc::new(TaskWaker { id: next, ready: Arc::clone(&ready) }));
                waker.wake_by_ref();
                tasks.insert(next, (owner, task, waker));
                next += 1;
            }
            if !ended.is_empty() {
                // What is dropped may wake others, and spawn.
                let gone: Vec<u64> =
                    tasks.iter().filter(|(_, (owner, ..))| ended.contains(owner)).map(|(id, _)| *id).collect();
                gone.into_iter().for_each(|id| drop(tasks.remove(&id)));
                continue;
            }
            match self.pick(&ready, &tasks) {
                Some(id) => {
                    polls += 1;
                    assert!(polls < POLLS_MAX, "the simulation does not come to rest");
                    let Some((_, task, waker)) = tasks.get_mut(&id) else { continue };
                    let waker = waker.clone();
                    if task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                        tasks.remove(&id);
                    }
                }
                None => {
                    let mut state = self.state();
                    let Some(((at, _), waker)) = state.timers.pop_first() else { return };
                    state.now = state.now.max(at);
                    drop(state);
                    waker.wake();
                }
            }
        }
    }

    /// One of those that can go on and whose node is not paused.
    fn pick(&self, ready: &Mutex<Ready>, tasks: &BTreeMap<u64, (Owner, Task, Waker)>) -> Option<u64> {
        let mut ready = ready.lock().unwrap();
        let Ready { queue, within } = &mut *ready;
        queue.retain(|id| tasks.contains_key(id) || !within.remove(id));
        let mut state = self.state();
        let paused = |owner: &Owner| matches!(owner, Owner::Node(node, _) if state.paused.contains(node));
        let able: Vec<usize> = (0..queue.len())
            .filter(|place| tasks.get(&queue[*place]).is_some_and(|(owner, ..)| !paused(owner)))
            .collect();
        if able.is_empty() {
            return None;
        }
        let place = able[usize::try_from(state.rng.below(able.len() as u64)).unwrap()];
        let id = queue.remove(place);
        within.remove(&id);
        Some(id)
    }
}

/// Ends when the world's time is there.
pub struct Sleep {
    sim: Sim,
    until: u64,
    waits: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let sim = self.sim.clone();
        let mut state = sim.state();
        if state.now >= self.until {
            return Poll::Ready(());
        }
        if !self.waits {
            state.timer += 1;
            let key = (self.until, state.timer);
            state.timers.insert(key, context.waker().clone());
            self.waits = true;
        }
        Poll::Pending
    }
}
