use super::tag;
use seatrial_model::digest::unhex;

/// The block `case-tag` of the page of known answers; the others are run by `crates/verify`.
#[test]
fn case_ids_as_the_page_has_them() {
    let page = include_str!("../../../../docs/reference/vectors.md");
    let block = page.split("```vectors case-tag\n").nth(1).unwrap().split("\n```").next().unwrap();
    for line in block.lines() {
        let columns: Vec<&str> = line.split(' ').collect();
        let (expected, rest) = columns.split_last().unwrap();
        let secret: [u8; 32] = unhex(rest[0]).unwrap().try_into().unwrap();
        let parts: Vec<&[u8]> = rest[1..].iter().map(|p| p.as_bytes()).collect();
        assert_eq!(tag(&secret, &parts).unwrap(), *expected, "{line}");
    }
    assert_eq!(block.lines().count(), 2);
    assert_ne!(
        tag(&[0; 32], &[b"ab", b"c"]).unwrap(),
        tag(&[0; 32], &[b"a", b"bc"]).unwrap(),
        "lengths are part of it"
    );
}
