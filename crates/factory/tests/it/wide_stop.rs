//! The switch of the whole factory.

use crate::asking::{FLOW, Office, Script, answer};
use seatrial_factory::api::Refused;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn the_factory_is_stopped_apart_from_its_workflows() {
    let office = Office::new(&[], Script::new(|_, _| Ok(answer("yes")))).await;
    let (ana, ben) = (office.who("ana@office.example"), office.who("ben@office.example"));
    office.factory.stop(&ana, FLOW, None, "only this one").await.unwrap();
    let done = office.factory.stop_all(&ana, "the provider leaks").await.unwrap();
    assert_eq!((done.stopped.len(), done.failed.len()), (1, 0), "{done:?}");
    let twice = office.factory.stop_all(&ben, "once more").await.unwrap_err();
    assert!(matches!(&twice, Refused::Conflict { message, .. } if message.contains("ana@office.example")), "{twice}");
    let stopped = office.factory.summary(FLOW).await.unwrap().stopped;
    assert_eq!(stopped.len(), 2, "{stopped:?}");
    // It outlives the process.
    let office = office.reopened().await;
    // Whoever stopped does not resume.
    let own = office.factory.resume_all(&ana, "fine again").await.unwrap_err();
    assert!(matches!(&own, Refused::Forbidden(why) if why.contains("whoever stopped does not resume")), "{own}");
    // The workflow's own switch does not lift what the factory stopped, and the other way round.
    let resumed = office.factory.resume_all(&ben, "the provider was changed").await.unwrap();
    assert_eq!((resumed.resumed.len(), resumed.still_stopped.len(), resumed.failed.len()), (1, 1, 0), "{resumed:?}");
    assert!(matches!(office.ask("what?").await, Err(Refused::Stopped { .. })));
    office.factory.resume(&ben, FLOW, None, "fine again").await.unwrap();
    office.ask("what?").await.unwrap();
    let not = office.factory.resume_all(&ben, "again").await.unwrap_err();
    assert!(matches!(not, Refused::Conflict { .. }), "{not}");
    // Resuming one workflow does not lift the factory's stop either.
    office.factory.stop_all(&ana, "it leaks again").await.unwrap();
    assert!(matches!(office.factory.resume(&ben, FLOW, None, "fine").await, Err(Refused::Conflict { .. })));
    assert!(matches!(office.ask("what?").await, Err(Refused::Stopped { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_flight_is_cut_and_what_comes_later_is_stopped_too() {
    let script = Script::slow(Duration::from_secs(600), |_, _| Ok(answer("yes")));
    let office = Office::new(&[], script).await;
    let mut in_flight = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (factory, who) = (office.factory.clone(), office.who("ana@office.example"));
        in_flight.spawn(async move { factory.pass(&who, crate::asking::question("what?")).await });
    }
    while office.script.asked("first") < 8 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let ana = office.who("ana@office.example");
    let done = office.factory.stop_all(&ana, "it leaks").await.unwrap();
    assert_eq!(done.cut, 8);
    for cut in in_flight.join_all().await {
        assert!(matches!(cut, Err(Refused::Stopped { .. })));
    }
    // A workflow that is submitted while the factory is stopped is stopped with it, in the same person's name.
    let office = office.with_another("later").await;
    let summary = office.factory.summary("later").await.unwrap();
    assert_eq!(summary.stopped.len(), 1, "{:?}", summary.stopped);
    let own = office.factory.resume_all(&office.who("ana@office.example"), "fine").await.unwrap_err();
    assert!(matches!(own, Refused::Forbidden(_)), "{own}");
    let resumed = office.factory.resume_all(&office.who("ben@office.example"), "fine").await.unwrap();
    assert_eq!((resumed.resumed.len(), resumed.failed.len()), (2, 0), "{resumed:?}");
}
