use super::*;
use futures_util::FutureExt as _;

#[tokio::test]
async fn a_stop_waits_for_those_that_it_cut_and_for_no_newcomer() {
    let traffic = Traffic::default();
    let mut early = traffic.enter(Reach::All);
    let mut cut = Box::pin(traffic.cut(Reach::All));
    assert_eq!(cut.as_mut().now_or_never(), None, "one is in flight");
    assert!(early.stopped().now_or_never().is_some(), "it is told");
    let late = traffic.enter(Reach::All);
    assert!(!late.is_stopped(), "who comes later reads the stop where it begins");
    assert_eq!(cut.as_mut().now_or_never(), None);
    early.cut();
    drop(early);
    assert_eq!(cut.await, 1);
    // The next stop is about the newcomer.
    let mut cut = Box::pin(traffic.cut(Reach::Factory));
    assert_eq!(cut.as_mut().now_or_never(), None);
    assert!(late.is_stopped());
    drop(late);
    assert_eq!(cut.await, 0);
}

#[tokio::test]
async fn a_drills_stop_reaches_marked_requests_alone() {
    let traffic = Traffic::default();
    let case = traffic.enter(Reach::All);
    let marked = traffic.enter(Reach::Marked);
    let mut cut = Box::pin(traffic.cut(Reach::Marked));
    assert_eq!(cut.as_mut().now_or_never(), None);
    assert!(marked.is_stopped() && !case.is_stopped());
    marked.cut();
    drop(marked);
    assert_eq!(cut.await, 1);
}
