use super::*;

fn at(text: &str) -> Time {
    text.parse::<jiff::Timestamp>().unwrap().into()
}

#[test]
fn a_day_is_the_zones_own() {
    let (from, until) = day_at("Europe/Madrid", at("2026-11-23T23:30:00Z"));
    assert_eq!((from, until), (at("2026-11-23T23:00:00Z"), at("2026-11-24T23:00:00Z")));
    // The day on which the clocks go back has 25 hours.
    let (from, until) = day_at("Europe/Madrid", at("2026-10-25T12:00:00Z"));
    assert_eq!((from, until), (at("2026-10-24T22:00:00Z"), at("2026-10-25T23:00:00Z")));
    assert_eq!(day_at("Nowhere/Atall", at("2026-11-23T23:30:00Z")).0, at("2026-11-23T00:00:00Z"));
}

#[test]
fn the_key_before_a_key() {
    assert_eq!(before(&[1, 0, 0]), Some(vec![0, 255, 255]));
    assert_eq!(before(&[1, 5]), Some(vec![1, 4]));
    assert_eq!(before(&[0, 0]), None);
}
